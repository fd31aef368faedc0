"""Where an encoder with spatial attention looks."""

import collections

import numpy as np

MAX_KEPT = 20_000


class Attention:
    """Attention maps of sketches and photos, of a run that was trained with attention.

    Args:
        sketch_maps, photo_maps: Functions from float32 `(batch, size, size, channels)` to maps
            `(batch, rows, columns, 1)` or `(batch, rows, columns)`.
    """

    def __init__(self, sketch_maps, photo_maps):
        self._sketch_maps = sketch_maps
        self._photo_maps = photo_maps
        self._kept = collections.OrderedDict()

    @classmethod
    def of(cls, encoder):
        """Returns the attention of an `Encoder`; None unless it is a run with attention."""
        if encoder.kind != "run":
            return None
        # Such an encoder has imported TensorFlow, and others do without it.
        from tfsbir.models import attention_maps
        from tfsbir.models.attended_encoder import ATTENTION
        from tfsbir.runs import RunDirectory

        run = RunDirectory(encoder.path)
        model = run.load_encoder("sketch")
        if ATTENTION not in [layer.name for layer in model.layers]:
            return None
        sketch_model = attention_maps(model)
        photo_model = sketch_model if run.is_siamese else attention_maps(run.load_encoder("photo"))
        return cls(
            lambda images: np.asarray(sketch_model(images, training=False)),
            lambda images: np.asarray(photo_model(images, training=False)),
        )

    def of_sketch(self, image):
        """Returns the map of one prepared sketch: rows of shares, lists of floats that sum to 1."""
        return _shares(self._sketch_maps(image[None])[0])

    def of_photo(self, preprocessing, path):
        """Returns the map of a photo, which is kept for as long as its file stays as it is.

        Not for two threads at once.

        Args:
            preprocessing: `Preprocessing` of the encoder.
            path: `Path` of the file.
        Raises: `InputError` or `OSError` if it cannot be read.
        """
        key = path, path.stat().st_mtime_ns
        attention = self._kept.pop(key, None)
        if attention is None:
            attention = self._photo_maps(preprocessing.read_photo(path)[None])[0].astype(np.float32)
        self._kept[key] = attention
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return _shares(attention)


def _shares(attention):
    attention = np.asarray(attention, np.float64)
    attention = attention.reshape(attention.shape[:2])
    return np.round(attention / attention.sum(), 6).tolist()
