"""Real images as the files that clients send, to compare the reading of files with."""

import io

import numpy as np
from PIL import Image

NUM_FILES = 24  # Of each domain, at most.
_ORIENTATION_TAG = 0x0112


def sent_files(images):
    """Makes files of images, each in one form, and each form at least once.

    Args:
        images: `(num, size, size, 1 or 3)` float32 in [-1, 1], at least one.
    Returns: A list of `(form, bytes)`, of `NUM_FILES` at most, or as many as there are forms.
    """
    forms = list(FORMS.items())
    num_files = max(len(forms), min(len(images), NUM_FILES))
    pairs = ((images[i % len(images)], forms[i % len(forms)]) for i in range(num_files))
    return [(name, make(_picture(image))) for image, (name, make) in pairs]


def _picture(image):
    levels = np.round((image + 1) * 127.5).astype(np.uint8)
    return Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)


def _encoded(picture, image_format, **options):
    file = io.BytesIO()
    picture.save(file, image_format, **options)
    return file.getvalue()


def _transparent(picture):
    """Makes the paper transparent and the lines black, as drawing programs write them."""
    ink = Image.eval(picture.convert("L"), lambda level: 255 - level)
    picture = Image.new("RGBA", picture.size)
    picture.putalpha(ink)
    return _encoded(picture, "PNG")


def _turned(picture):
    """A camera's file: lying on its side, with a tag that says so."""
    camera_data = Image.Exif()
    camera_data[_ORIENTATION_TAG] = 6
    lying = picture.transpose(Image.Transpose.ROTATE_90).resize((1600, 1200), Image.Resampling.BICUBIC)
    return _encoded(lying.convert("RGB"), "JPEG", quality=90, exif=camera_data)


def _resized(picture, size):
    return _encoded(picture.resize(size, Image.Resampling.BICUBIC), "PNG")


FORMS = {
    "png": lambda picture: _encoded(picture, "PNG"),
    "transparent_png": _transparent,
    "palette_png": lambda picture: _encoded(picture.convert("RGB").quantize(64), "PNG"),
    "jpeg": lambda picture: _encoded(picture.convert("RGB"), "JPEG", quality=85),
    "grey_jpeg": lambda picture: _encoded(picture.convert("L"), "JPEG", quality=85),
    "turned_jpeg": _turned,
    "small_png": lambda picture: _resized(picture, (140, 101)),
    "large_png": lambda picture: _resized(picture, (900, 2000)),
}
