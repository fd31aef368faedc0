"""What stands between an image file and an encoder; written beside every trained encoder."""

import dataclasses
import functools
import json
from pathlib import Path

import numpy as np

from tfsbir.data.images import read_image
from tfsbir.data.photo_reader import PhotoReader
from tfsbir.errors import InputError

CANVAS_SIZE = 256
PHOTO_INPUTS = ("edges", "rgb")


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Describes the images an encoder takes, and makes them.

    An image is fitted on a white canvas (256 px), photos are turned into edge maps unless the photo
    encoder takes RGB, the centre is cropped to the encoder's input and 0..255 becomes [-1, 1]. What a
    backbone needs beyond that (its mean, its scale, a blur) is inside the encoder.

    Args:
        image_size: Side of the encoder's input in px, at most `canvas_size`.
        embedding_dim: Length of the embedding.
        photo_input: "edges" or "rgb".
        canvas_size: Side of the canvas in px.
        polarity: Always "black_on_white": paper is +1, ink is -1.
        edge_model: Path of the structured forest that finds the edges of photos, or `None` for Canny.
        edge_detector: `PhotoReader.edge_detector` of training, which search must repeat; `None`: any.
        distance: Name of the distance the encoders were trained for, of `tfsbir.distances.DISTANCES`; its
            weights, if it has any, stand beside the encoders.
        attributes: Names of the binary attributes that the encoders predict, `()` for none. Their
            probabilities, in [0, 1] and in this order, are the last values of the embedding.
    """

    image_size: int
    embedding_dim: int
    photo_input: str = "edges"
    canvas_size: int = CANVAS_SIZE
    polarity: str = "black_on_white"
    edge_model: str | None = None
    edge_detector: str | None = None
    distance: str = "squared_euclidean"
    attributes: tuple = ()

    def __post_init__(self):
        object.__setattr__(self, "attributes", tuple(self.attributes))  # JSON has lists.
        if not 0 < self.image_size <= self.canvas_size:
            raise ValueError(
                f"`image_size` must be in 1..{self.canvas_size} (`canvas_size`). Received: {self.image_size}"
            )
        if self.photo_input not in PHOTO_INPUTS:
            raise ValueError(f"`photo_input` must be one of {PHOTO_INPUTS}. Received: {self.photo_input!r}")
        if not len(self.attributes) < self.embedding_dim:
            raise ValueError(
                f"`attributes` must be fewer than the {self.embedding_dim} values of the embedding. "
                f"Received: {len(self.attributes)}"
            )

    @classmethod
    def from_json(cls, path):
        """Reads `preprocessing.json`. Raises `InputError` where it is missing or not of this form."""
        path = Path(path)
        try:
            known = {field.name for field in dataclasses.fields(cls)}
            stored = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{name: value for name, value in stored.items() if name in known})
        except FileNotFoundError:
            raise InputError(
                f"{path}: expected the preprocessing of an encoder; there is no such file"
            ) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: expected the preprocessing of an encoder as JSON; {error}") from None

    def to_json(self):
        """Returns the fields, and what follows from them for another program, as a dict.

        `range` and `mean` describe the encoder's input: 0..255 scaled to the range, nothing subtracted.
        """
        photo_channels = 1 if self.photo_input == "edges" else 3
        return {
            **dataclasses.asdict(self),
            "sketch_shape": [self.image_size, self.image_size, 1],
            "photo_shape": [self.image_size, self.image_size, photo_channels],
            "range": [-1, 1],
            "mean": 0.0,
        }

    def center(self, images):
        """Crops the centre of `(n, canvas, canvas, channels)` uint8 images, as float32 in [-1, 1]."""
        return center_crop(images, self.image_size)

    def read_sketch(self, path):
        """Reads a sketch, a file or its bytes, as `(image_size, image_size, 1)` float32 in [-1, 1]."""
        return self.center(read_image(path, self.canvas_size)[None])[0]

    def read_photo(self, path):
        """Reads a photo, a file or its bytes, as `(image_size, image_size, 1 or 3)` float32 in [-1, 1]."""
        return self.center(self.photo_reader(path)[None])[0]

    @functools.cached_property
    def photo_reader(self):
        """The `PhotoReader` of training; `InputError` where its forest is missing or another one."""
        reader = PhotoReader(self.photo_input, self.edge_model)
        if self.edge_detector not in (None, reader.edge_detector):
            raise InputError(
                f"{self.edge_model or 'edge maps'}: expected the edges of training, {self.edge_detector}; "
                f"found {reader.edge_detector}"
            )
        return reader


def center_crop(images, image_size):
    """Crops the centre of uint8 `(n, height, width, channels)` images, as float32 in [-1, 1]."""
    top, left = (images.shape[1] - image_size) // 2, (images.shape[2] - image_size) // 2
    return to_range(images[:, top : top + image_size, left : left + image_size])


def to_range(images):
    """Turns uint8 images, 0..255, into float32 ones in [-1, 1]."""
    return images.astype(np.float32) / 127.5 - 1.0


def to_canvas(images, canvas_size):
    """Puts images in [-1, 1] on white canvases of uint8, of which `center_crop` cuts the same images again.

    Values between the 256 of uint8 are rounded to the nearest.

    Args:
        images: float `(n, size, size, channels)`.
        canvas_size: Integer >= size.
    Returns: uint8 `(n, canvas_size, canvas_size, channels)`.
    """
    size, channels = images.shape[1], images.shape[-1]
    start = (canvas_size - size) // 2
    canvases = np.full((len(images), canvas_size, canvas_size, channels), 255, np.uint8)
    values = np.clip(np.rint((images + 1.0) * 127.5), 0, 255)
    canvases[:, start : start + size, start : start + size] = values
    return canvases


def is_blank(image):
    """Tells whether an image in [-1, 1] shows nothing: whether no two pixels differ by a tenth of the range.

    A JPEG's noise on white paper is less, the faintest pencil more.
    """
    return bool(np.ptp(image) < 0.2)
