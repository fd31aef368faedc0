"""A trained encoder, whether it lies in a run directory or in an export."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np

from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval.lifting import WEIGHTS_FILE, Lifting
from tfsbir.retrieval.pretrained import model_name, model_path
from tfsbir.strokes import VectorSketch, rasterize
from tfsbir.strokes.rasterize import MIN_LINE_WIDTH
from tfsbir.strokes.reading import bounding_frame

BATCH_SIZE = 64
EXPORT_FILE = "encoder.json"
SKETCH_ENCODER, PHOTO_ENCODER = "sketch_encoder.tflite", "photo_encoder.tflite"
# What lies farther outside [0, 1] was no probability before an int8 export rounded it.
MAX_ROUNDING = 0.02


class Encoder:
    """Turns prepared sketches and photos into embeddings, whatever the model's file format.

    Obtained from `open_encoder`. `preprocessing` says how an image file becomes an input.

    Args:
        path: Absolute `Path` of the run directory or export.
        kind: "run", "saved_model" or "litert".
        fingerprint: Str that identifies the trained encoder. An export carries its run's.
        preprocessing: `Preprocessing`.
        encode_sketch: Function from float32 `(batch, size, size, 1)` to `(batch, dim)`.
        encode_photo: The same for photos; `(batch, size, size, 1 or 3)`.
        lifting: `Lifting` of the distance that the encoder learned with; None for squared Euclidean.
        teacher: Str, fingerprint of the encoder that this one was distilled from and whose galleries it
            searches, too; None for none.
        line_width: Float, how wide the lines of its training sketches are, in px of the canvas; None where
            that was not measured.
    Raises: `ValueError` if `lifting` is not that of the distance and the dim in `preprocessing`.
    """

    def __init__(
        self, path, kind, fingerprint, preprocessing, encode_sketch, encode_photo, lifting=None, teacher=None,
        line_width=None,
    ):  # fmt: skip
        wanted = None
        if preprocessing.distance != "squared_euclidean":
            wanted = preprocessing.distance, preprocessing.embedding_dim
        found = None if lifting is None else (lifting.distance, lifting.dim)
        if found != wanted:
            raise ValueError(f"`lifting` must be that of {wanted}. Received: {found}")
        self.path = path
        self.kind = kind
        self.fingerprint = fingerprint
        self.teacher = teacher
        self.line_width = line_width
        self.preprocessing = preprocessing
        self.lifting = lifting
        shapes = preprocessing.to_json()
        self._sketch_shape, self._photo_shape = tuple(shapes["sketch_shape"]), tuple(shapes["photo_shape"])
        self._encode_sketch = encode_sketch
        self._encode_photo = encode_photo

    def encode_sketches(self, images):
        """Encodes float32 `(num_sketches, size, size, 1)` in [-1, 1], black on white.

        Goes through the model in batches of at most 64, so any number of images fits into memory.

        Returns: float32 `(num_sketches, dim)`, as long as the model makes them.
        Raises: `ValueError` for another shape; `TypeError` for integers, such as uint8 in 0..255.
        """
        return self._encode(self._encode_sketch, images, self._sketch_shape)

    def encode_photos(self, images):
        """Encodes photos as `encode_sketches` does sketches; RGB has 3 channels, edge maps have 1."""
        return self._encode(self._encode_photo, images, self._photo_shape)

    def draw_sketch(self, strokes):
        """Draws strokes as this encoder's training sketches are drawn, wherever and how large they are.

        Args:
            strokes: List of `(points, 2)` arrays of x, y, in drawing order, y down, in any unit.
        Returns: float32 `(size, size, 1)` in [-1, 1], white where there is no stroke.
        Raises: `ValueError` for another shape, values that are not finite, or too many strokes or points
            (`VectorSketch`).
        """
        canvas_size = self.preprocessing.canvas_size
        if not len(strokes):
            return np.ones(self._sketch_shape, np.float32)
        # The frame of a drawing is its bounding box, which takes points that are points.
        strokes = VectorSketch(strokes, (0, 0, 1, 1)).strokes
        sketch = VectorSketch(strokes, bounding_frame(strokes))
        image = rasterize(sketch, canvas_size, self.line_width, margin=canvas_size / 16)
        return self.preprocessing.center(image[None])[0]

    def to_record(self):
        """Returns what the record of photos that this encoder has encoded says of it, a dict for JSON."""
        return {
            "encoder": {
                "path": model_name(self.path),
                "kind": self.kind,
                "fingerprint": self.fingerprint,
            },
            "dim": self.preprocessing.embedding_dim,
            "metric": self.preprocessing.distance,
            "preprocessing": self.preprocessing.to_json(),
        }

    def attribute_probabilities(self, embeddings):
        """Returns the probabilities of the attributes that this encoder predicted with some embeddings.

        Args:
            embeddings: `(num_images, dim)`, from `encode_sketches` or `encode_photos`.
        Returns: float32 `(num_images, num_attributes)` in [0, 1], in the order of `preprocessing.attributes`.
        Raises: `InputError` if the last values of the embeddings are no probabilities.
        """
        num_attributes = len(self.preprocessing.attributes)
        values = np.asarray(embeddings, np.float32)[:, self.preprocessing.embedding_dim - num_attributes :]
        if not np.all((values >= -MAX_ROUNDING) & (values <= 1 + MAX_ROUNDING)):  # NaN is neither.
            raise InputError(
                f"{self.path}: expected an encoder whose last {num_attributes} values are probabilities; "
                "found others"
            )
        # An int8 export has one step for the whole vector, and its grid need not end at 1.
        return np.clip(values, 0.0, 1.0)

    def _encode(self, encode, images, shape):
        images = np.asarray(images)
        if not np.issubdtype(images.dtype, np.floating):
            raise TypeError(f"`images` must be float32 in [-1, 1]. Received: {images.dtype}")
        images = images.astype(np.float32, copy=False)
        if images.shape[1:] != shape:
            raise ValueError(f"`images` must have the shape {(None, *shape)}. Received: {images.shape}")
        if len(images) == 0:
            return np.zeros((0, self.preprocessing.embedding_dim), np.float32)
        batches = [encode(images[start : start + BATCH_SIZE]) for start in range(0, len(images), BATCH_SIZE)]
        return np.concatenate([np.asarray(batch, np.float32) for batch in batches])


def open_encoder(path):
    """Opens the encoder of a run directory or of a SavedModel or LiteRT export, or one of the library's own.

    Args:
        path: Path of the folder, or "pretrained:NAME" (`model_path`); `encoder_kind` tells by the folder's
            files what it is.
    Returns: `Encoder`.
    Raises: `InputError` if it is none of these, or if one of its files is missing or unreadable.
    """
    kind = encoder_kind(path)
    path = Path(os.path.abspath(model_path(path)))
    if kind == "run":
        return _open_run(path)
    preprocessing = Preprocessing.from_json(path / "preprocessing.json")
    export = _read_export(path)
    lifting = _read_lifting(path / WEIGHTS_FILE, preprocessing)
    functions = _open_saved_model(path) if kind == "saved_model" else _open_litert(path, preprocessing)
    return Encoder(
        path, kind, export["fingerprint"], preprocessing, *functions, lifting, export.get("teacher"),
        _line_width(export, preprocessing.canvas_size),
    )  # fmt: skip


def encoder_kind(path):
    """Tells what kind of encoder a folder holds, by its files and without loading a model.

    `path` is as for `open_encoder`.

    Returns: "run", "saved_model" or "litert".
    Raises: `InputError` if it is none of these.
    """
    path = model_path(path)
    if not path.is_dir():
        found = "it is not a folder" if path.exists() else "there is no such folder"
        raise InputError(f"{path}: expected a run directory or an export; {found}")
    if (path / EXPORT_FILE).exists():
        return _read_export(path)["kind"]
    if (path / "config.json").exists() or (path / "model").is_dir():
        return "run"
    raise InputError(
        f"{path}: expected a run directory (config.json, model/) or an export ({EXPORT_FILE} beside "
        f"saved_model.pb or {SKETCH_ENCODER}); found none of these files"
    )


def _read_export(path):
    try:
        export = json.loads((path / EXPORT_FILE).read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path / EXPORT_FILE}: expected JSON; {error}") from None
    if not isinstance(export, dict) or not isinstance(export.get("fingerprint"), str):
        raise InputError(f'{path / EXPORT_FILE}: expected an object with "fingerprint"; found none')
    kind = export.get("kind")
    if kind not in ("saved_model", "litert"):
        raise InputError(f'{path / EXPORT_FILE}: expected "kind" saved_model or litert; found {kind!r}')
    if not isinstance(export.setdefault("files", {}), dict):
        raise InputError(f'{path / EXPORT_FILE}: expected an object in "files"; found another value')
    return export


def _line_width(export, canvas_size):
    models = export.get("models")
    details = models.get(SKETCH_ENCODER) if isinstance(models, dict) else None
    width = details.get("line_width") if isinstance(details, dict) else None
    is_fit = isinstance(width, (int, float)) and MIN_LINE_WIDTH <= width <= canvas_size / 4
    return float(width) if is_fit else None


def _read_lifting(path, preprocessing):
    distance, dim = preprocessing.distance, preprocessing.embedding_dim
    if distance == "squared_euclidean":
        return None
    expected = f"{path}: expected the weights of {distance} for embeddings of {dim}"
    try:
        lifting = Lifting.from_bytes(distance, path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{expected}; there is no such file") from None
    except ValueError as error:
        raise InputError(f"{expected}; {_first_line(error)}") from None
    if lifting.dim != dim:
        raise InputError(f"{expected}; found those for {lifting.dim}")
    return lifting


def _open_run(path):
    # TensorFlow takes seconds to import and LiteRT does without it, so each kind imports its own.
    from tfsbir.runs import RunDirectory

    run = RunDirectory(path)
    preprocessing = run.preprocessing()
    sketch_encoder = run.load_encoder("sketch")
    photo_encoder = sketch_encoder if run.is_siamese else run.load_encoder("photo")
    encode_sketch = _compiled(sketch_encoder)
    encode_photo = encode_sketch if run.is_siamese else _compiled(photo_encoder)
    lifting = None
    if preprocessing.distance != "squared_euclidean":
        # A learned distance has one variable.
        lifting = Lifting(preprocessing.distance, run.load_distance().get_weights()[0])
    return Encoder(
        path, "run", run.fingerprint(), preprocessing, encode_sketch, encode_photo, lifting,
        run.teacher_fingerprint,
    )  # fmt: skip


def _compiled(model):
    import tensorflow as tf

    # A fixed signature: else every new batch size, such as a last short batch, is traced again.
    signature = [tf.TensorSpec(model.input_shape, tf.float32)]
    return tf.function(lambda images: model(images, training=False), input_signature=signature)


def _open_saved_model(path):
    import tensorflow as tf

    try:
        module = tf.saved_model.load(str(path))
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(f"{path}: expected a SavedModel; {_first_line(error)}") from error
    functions = []
    for name in ("encode_sketch", "encode_photo"):
        if name not in module.signatures:
            raise InputError(f"{path}: expected the signature {name}; found {sorted(module.signatures)}")
        functions.append(_signature_function(module, name))
    return functions


def _signature_function(module, name):
    import tensorflow as tf

    # Goes through `module` at every call: a signature alone does not keep its variables alive.
    return lambda images: module.signatures[name](image=tf.constant(images))["embedding"]


def _open_litert(path, preprocessing):
    checksums = _read_export(path)["files"]
    shapes = preprocessing.to_json()
    encode_sketch = _litert_function(path / SKETCH_ENCODER, checksums, preprocessing, shapes["sketch_shape"])
    if not (path / PHOTO_ENCODER).exists() and PHOTO_ENCODER not in checksums:
        return encode_sketch, encode_sketch
    photo_shape = shapes["photo_shape"]
    return encode_sketch, _litert_function(path / PHOTO_ENCODER, checksums, preprocessing, photo_shape)


def _litert_function(path, checksums, preprocessing, shape):
    from tfsbir.retrieval.litert_metadata import read_model
    from tfsbir.retrieval.litert_model import LiteRTModel

    data = read_model(path)
    # An older export has none. LiteRT verifies, too, that the file is whole, but not what its weights are.
    wanted, found = checksums.get(path.name), hashlib.sha256(data).hexdigest()
    if wanted not in (None, found):
        raise InputError(
            f"{path}: expected the model that {EXPORT_FILE} was written for; it is damaged or another one "
            f"({len(data)} bytes, SHA-256 {found[:12]} instead of {str(wanted)[:12]})"
        )
    try:
        model = LiteRTModel(data)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: expected a LiteRT model; {_first_line(error)}") from error
    size, channels = shape[0], shape[-1]
    side = preprocessing.canvas_size if model.input_dtype == np.uint8 else size
    if model.input_shape != (1, side, side, channels):
        raise InputError(
            f"{path}: expected images of {(1, side, side, channels)}, as preprocessing.json says; "
            f"found {model.input_shape}"
        )
    return model.encode


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
