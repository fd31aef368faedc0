"""Reading image files that people bring: any size, any mode, possibly broken, always one canvas."""

import contextlib
import io
import os
import re
import struct
import threading
import warnings
from pathlib import Path

import numpy as np
import tqdm
from PIL import Image

from tfsbir.data.edge_maps import edge_map
from tfsbir.errors import InputError
from tfsbir.strokes.reading import open_file

MAX_PIXELS = 40_000_000
# As many as a JPEG can have. Scaling weighs the pixels of a whole side at once: 20 million took a gigabyte.
MAX_SIDE = 65_535
MAX_BYTES = 64 * 2**20
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")

# Only formats that Pillow decodes itself: EPS and the like would start other programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
# What Pillow's decoders raise on broken files (UnidentifiedImageError is an OSError).
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, TypeError, IndexError, KeyError, struct.error)
_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_warnings_lock = threading.Lock()  # `catch_warnings` swaps the filters of the whole process.


def read_image(path, size=256, channels=1):
    """Reads one image onto a white square canvas.

    Transparency is laid on white, a camera's orientation tag is applied, palettes and 16-bit grey become
    8 bits a channel. The image is resized (Lanczos, antialiased) so that its longer side is `size` and
    centred; an image of exactly that size keeps its pixels.

    Args:
        path: The file, or its bytes: PNG, JPEG, WebP, BMP, GIF (first frame) or TIFF (first page).
        size: Side of the canvas in px.
        channels: 1 for grey, 3 for RGB.
    Returns: `(size, size, channels)` uint8.
    Raises: `InputError` if the file is missing, a folder, empty, larger than `MAX_BYTES`, not an image of
        these formats, damaged, or of more than `MAX_PIXELS` pixels or `MAX_SIDE` on a side (which its header
        tells, before anything is decoded). `ValueError` if `channels` is neither 1 nor 3.
    """
    return _center(_read_fitted(path, size, channels), size)


def image_size(data):
    """Returns `(width, height)` in px of an image file's bytes, by its header alone.

    Raises: `InputError` as `read_image`.
    """
    _check_size("the image", len(data))
    with _decoding("the image"), _open(io.BytesIO(data), "the image") as (image, _):
        return image.size


def read_photo_edges(path, size=256, find_edges=edge_map):
    """Reads one photo file as an edge map, black on a white square canvas.

    The lines are found before the photo is padded, so its frame leaves none.

    Args:
        path: The file, as for `read_image`.
        size: Side of the canvas in px.
        find_edges: Function from a photo, `(height, width, 3)` uint8, to its `(height, width, 1)` edge map.
    Returns: `(size, size, 1)` uint8; 0 is line, 255 is paper.
    Raises: As `read_image`.
    """
    return _center(find_edges(_read_fitted(path, size, channels=3)), size)


def list_images(folder):
    """Lists the image files directly in `folder`, in natural order (2 before 10).

    Files whose name starts with a dot or does not end like an image's (`IMAGE_SUFFIXES`) are left out.

    Returns: A list of at least one `pathlib.Path`.
    Raises: `InputError` if there is no such folder or no image in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "it is a file" if folder.exists() else "there is none"
        raise InputError(f"{folder}: expected a folder of images; {found}")
    paths = [path for path in folder.iterdir() if _is_image_name(path)]
    if not paths:
        raise InputError(f"{folder}: expected at least one image ({', '.join(IMAGE_SUFFIXES)}); found none")
    return sorted(paths, key=lambda path: natural_key(path.name))


def read_all(paths, read, what):
    """Reads many files into one array, with a progress bar on stderr once it lasts over 2 seconds.

    Args:
        paths: The files, at least one.
        read: Function from a path to a uint8 array; all of one shape.
        what: What they are, shown beside the bar.
    Returns: `(len(paths), ...)` uint8.
    """
    first = read(paths[0])
    images = np.empty((len(paths), *first.shape), np.uint8)
    images[0] = first
    rest = tqdm.tqdm(paths[1:], desc=what, unit="image", delay=2, initial=1, total=len(paths), leave=False)
    for index, path in enumerate(rest, start=1):
        images[index] = read(path)
    return images


def natural_key(name):
    """Returns a sort key by which numbers inside names count as numbers: "2" before "10"."""
    parts = re.split(r"([0-9]+)", name)
    # The name itself comes last, so that "01" and "1" have a fixed order.
    return [(part.lower() if i % 2 == 0 else int(part)) for i, part in enumerate(parts)], name


def _is_image_name(path):
    is_hidden = path.name.startswith(".")
    return not is_hidden and path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()


def _read_fitted(path, size, channels):
    """Reads an image so that its longer side is `size`; `(height, width, channels)` uint8."""
    if channels not in (1, 3):
        raise ValueError(f"`channels` must be 1 or 3. Received: {channels}")
    if isinstance(path, bytes):
        file, path = io.BytesIO(path), "the image"
        _check_size(path, len(file.getbuffer()))
    else:
        path = Path(path)
        check_file(path)
        file = open_file(path, "an image file")
    with file, _decoding(path), _open(file, path) as (image, turn):
        # Lets the JPEG decoder skip what a much smaller copy does not need.
        image.draft(None, (2 * size, 2 * size))
        image = _simplify(image)
        if turn is not None:
            image = image.transpose(turn)
        scale = size / max(image.size)
        fitted = tuple(max(1, round(side * scale)) for side in image.size)
        if fitted != image.size:
            image = image.resize(fitted, Image.Resampling.LANCZOS)
        if image.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", fitted, "white"), image)
        image = image.convert("L" if channels == 1 else "RGB")
        return np.asarray(image, np.uint8).reshape(fitted[1], fitted[0], channels)


def check_file(path):
    """Raises `InputError` unless `path`, a `pathlib.Path`, is a file of 1..`MAX_BYTES` bytes."""
    if path.is_dir():
        raise InputError(f"{path}: expected an image file; found a folder")
    try:
        num_bytes = os.path.getsize(path)
    except OSError as error:
        raise InputError(f"{path}: expected an image file; {error.strerror.lower()}") from None
    _check_size(path, num_bytes)


def _check_size(path, num_bytes):
    if num_bytes == 0:
        raise InputError(f"{path}: expected an image file; found an empty file (0 bytes)")
    if num_bytes > MAX_BYTES:
        raise InputError(
            f"{path}: expected an image file of at most {MAX_BYTES} bytes; found {num_bytes} bytes"
        )


@contextlib.contextmanager
def _decoding(path):
    """Names the file where its image cannot be decoded."""
    try:
        yield
    except InputError:
        raise
    except _DECODE_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: expected a whole image; it cannot be decoded ({reason})") from None


@contextlib.contextmanager
def _open(file, path):
    """Opens an image of which only the header is read and its size checked; yields it and how to turn it."""
    limit = f"expected an image of at most {MAX_PIXELS // 10**6} million pixels"
    try:
        with _warnings_lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of damaged camera data, for one.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(file, formats=_FORMATS)
            # Asked for camera data it has not met yet, a PNG would decode all its pixels.
            has_camera_data = image.format != "PNG" or "exif" in image.info
            turn = _TURNS.get(image.getexif().get(_ORIENTATION_TAG)) if has_camera_data else None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        found = re.search(r"[0-9]+ pixels", str(error))
        raise InputError(f"{path}: {limit}; found {found[0] if found else 'many more'}") from None
    except Image.UnidentifiedImageError:
        raise InputError(f"{path}: expected an image ({', '.join(_FORMATS)}); found something else") from None
    with image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise InputError(f"{path}: {limit}; found {width} x {height}")
        if max(width, height) > MAX_SIDE:
            raise InputError(
                f"{path}: expected an image of at most {MAX_SIDE} pixels on a side; found {width} x {height}"
            )
        yield image, turn


def _simplify(image):
    """Decodes any mode to "L", "RGB" or "RGBA"."""
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if image.mode.startswith("I"):
        # Pillow's own conversion clips 16-bit grey at 255 instead of scaling it.
        grey = np.clip(np.asarray(image), 0, 65535) // 257
        return Image.fromarray(grey.astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _center(image, size):
    """Centres `(height, width, channels)` on a white `(size, size, channels)` canvas."""
    height, width, channels = image.shape
    canvas = np.full((size, size, channels), 255, np.uint8)
    top, left = (size - height) // 2, (size - width) // 2
    canvas[top : top + height, left : left + width] = image
    return canvas
