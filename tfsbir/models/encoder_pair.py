"""The two encoders of a model, shared or not."""

from keras import ops


class EncoderPair:
    """Holds a sketch encoder and a photo encoder, the same one in a siamese model.

    Args:
        sketch: `keras.Model` from sketches to embeddings.
        photo: `keras.Model` from photos (or edge maps); `sketch` itself makes the pair siamese.
    Raises: `ValueError` if the embeddings differ in size.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.3 (siamese and heterogeneous).
    """

    def __init__(self, sketch, photo):
        if sketch.output_shape[-1] != photo.output_shape[-1]:
            raise ValueError(
                "`sketch` and `photo` must give embeddings of one size. "
                f"Received: {sketch.output_shape[-1]} and {photo.output_shape[-1]}"
            )
        self.sketch = sketch
        self.photo = photo

    @property
    def is_siamese(self):
        """Whether the two are one model."""
        return self.sketch is self.photo

    @property
    def trainable_variables(self):
        """The trainable variables of both, each once."""
        of_sketch = self.sketch.trainable_variables
        known = {id(variable) for variable in of_sketch}
        return of_sketch + [v for v in self.photo.trainable_variables if id(v) not in known]

    def encode(self, sketch, photos, training=False):
        """Embeds a batch of sketches and several equally long batches of photos.

        A siamese net sees all of them in one concatenated pass, so that batch statistics, where a backbone
        has any, are of both domains. On a CPU it takes about as long as one pass each.

        Args:
            sketch: `(batch, height, width, channels)`.
            photos: List of such tensors.
            training: Whether dropout and the like are on.
        Returns: List of `(batch, dim)` embeddings: of `sketch`, then of each of `photos`.
        """
        if self.is_siamese:
            embedding = self.sketch(ops.concatenate([sketch, *photos]), training=training)
            return ops.split(embedding, 1 + len(photos))
        embedding = self.photo(ops.concatenate(photos), training=training)
        return [self.sketch(sketch, training=training), *ops.split(embedding, len(photos))]
