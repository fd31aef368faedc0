"""What every distance asks of its arguments."""

from keras import ops


def checked_dim(dim):
    """Returns `dim`; `ValueError` if it is not an int >= 1."""
    if not isinstance(dim, int) or dim < 1:
        raise ValueError(f"`dim` must be an int >= 1. Received: {dim}")
    return dim


def checked_embedding(name, embedding, dim=None):
    """Returns an embedding as float32; `ValueError` if it is not `(num, dim)`."""
    embedding = ops.cast(embedding, "float32")
    if len(embedding.shape) != 2 or _differ(embedding.shape[1], dim):
        raise ValueError(
            f"`{name}` must have the shape (num, {dim or 'dim'}). Received: {tuple(embedding.shape)}"
        )
    return embedding


def checked_embeddings(sketch, photo, dim=None):
    """Returns both embeddings as float32; `ValueError` if they are not 2-D with the same dim."""
    sketch = checked_embedding("sketch", sketch, dim)
    photo = checked_embedding("photo", photo, dim)
    if _differ(sketch.shape[1], photo.shape[1]):
        raise ValueError(
            "`sketch` and `photo` must have the same dim. "
            f"Received shapes: {tuple(sketch.shape)} and {tuple(photo.shape)}"
        )
    return sketch, photo


def checked_pairs(sketch, photo, dim=None):
    """Returns both embeddings as float32; `ValueError` if their shapes differ or are not 2-D."""
    sketch, photo = checked_embeddings(sketch, photo, dim)
    if _differ(sketch.shape[0], photo.shape[0]):
        raise ValueError(
            "`sketch` and `photo` must have the same batch. "
            f"Received shapes: {tuple(sketch.shape)} and {tuple(photo.shape)}"
        )
    return sketch, photo


def checked_products(inner_product, sketch):
    """Returns inner products as float32; `ValueError` unless 2-D with a row for every sketch."""
    inner_product = ops.cast(inner_product, "float32")
    # Without this a vector of products would be broadcast to a matrix.
    if len(inner_product.shape) != 2 or _differ(inner_product.shape[0], sketch.shape[0]):
        raise ValueError(
            "`inner_product` must be 2-D with a row for every sketch. "
            f"Received shapes: {tuple(inner_product.shape)}, and {tuple(sketch.shape)} of `sketch`"
        )
    return inner_product


def _differ(size, other_size):
    # While a graph is traced a size may be unknown (None).
    return None not in (size, other_size) and size != other_size
