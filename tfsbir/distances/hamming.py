"""The distance of binary codes."""

import keras
from keras import ops

from tfsbir.distances.checks import checked_embeddings, checked_pairs, checked_products


@keras.saving.register_keras_serializable(package="tfsbir")
class Hamming(keras.layers.Layer):
    """Number of bits in which two binary codes differ.

    Codes are packed, 8 bits a byte, as `tfsbir.retrieval.ITQ` and `numpy.packbits` make them and
    `faiss.IndexBinaryFlat` takes them. Of two codes of b bits, with -1 and 1 for their bits, the distance is
    (b - inner product) / 2, which float32 holds exactly. So it has the interface of the other distances, and
    the same numbers as counting the bits gives. Few values are possible, and many photos tie.

    It is not learned and nothing can be trained by it: `make_distance` does not know it.

    Call arguments:
        inputs: `(sketch, photo)`, two `(batch, num_bytes)` uint8.
    Returns: `(batch,)` float32, whole numbers in [0, 8 num_bytes].
    Raises: `TypeError` if codes are not uint8; `ValueError` if `sketch` and `photo` are not 2-D with the same
        number of bytes, and, when called, the same `batch`.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs):
        sketch, photo = inputs
        sketch, photo = checked_pairs(self.lift_query(sketch), self.lift_photo(photo))
        return 0.5 * (sketch.shape[1] - ops.sum(sketch * photo, axis=-1))

    def pairwise(self, sketch, photo):
        """Computes the distance of every sketch to every photo by one matrix product.

        Args:
            sketch: `(num_sketches, num_bytes)` uint8.
            photo: `(num_photos, num_bytes)` uint8.
        Returns: `(num_sketches, num_photos)` float32.
        """
        lifted_sketch, lifted_photo = checked_embeddings(self.lift_query(sketch), self.lift_photo(photo))
        return self.distance_of(sketch, ops.matmul(lifted_sketch, ops.transpose(lifted_photo)))

    def lift_query(self, sketch):
        """Unpacks sketches `(num, num_bytes)` to `(num, 8 num_bytes)` of -1 and 1, float32."""
        return _signs("sketch", sketch)

    def lift_photo(self, photo):
        """Unpacks photos as `lift_query` does sketches."""
        return _signs("photo", photo)

    def distance_of(self, sketch, inner_product):
        """Turns inner products with lifted photos back into distances.

        Args:
            sketch: `(num_sketches, num_bytes)` uint8, not lifted.
            inner_product: `(num_sketches, num_results)`, of each lifted sketch with lifted photos.
        Returns: `(num_sketches, num_results)` float32.
        Raises: `ValueError` if `inner_product` is not 2-D with a row for every sketch.
        """
        return 0.5 * (8 * sketch.shape[1] - checked_products(inner_product, sketch))


def _signs(name, codes):
    # Of what was given: JAX makes 32 bits of 64.
    dtype = keras.backend.standardize_dtype(
        getattr(codes, "dtype", None) or ops.convert_to_tensor(codes).dtype
    )
    if dtype != "uint8":
        raise TypeError(f"`{name}` must be codes of uint8, 8 bits a byte. Received: {dtype}")
    codes = ops.convert_to_tensor(codes)
    if len(codes.shape) != 2:
        raise ValueError(f"`{name}` must have the shape (num, num_bytes). Received: {tuple(codes.shape)}")
    places = ops.convert_to_tensor([7, 6, 5, 4, 3, 2, 1, 0], "uint8")  # The first bit is the highest.
    bits = ops.bitwise_and(ops.right_shift(codes[..., None], places), ops.ones_like(places))
    return 2.0 * ops.reshape(ops.cast(bits, "float32"), (-1, 8 * codes.shape[1])) - 1.0
