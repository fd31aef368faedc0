"""Coarse alignment: what a photo or a drawing shows, cut out and brought to one size."""

import numpy as np
from PIL import Image

from tfsbir.data.edge_maps import edge_map
from tfsbir.data.paper import border


def crop_to_object(image, size=256, margin=0.05, specks=0.005):
    """Cuts a square around the object of a sketch, an edge map or a photo and resizes it.

    The object is where the edges (`edge_map`) are: of each side's outermost edge pixels a small share is
    passed over as specks. The object keeps its proportions and comes to the middle; where the square goes
    beyond the image, it is filled with the median of the image's border. The square is never larger than
    the image's longer side. An image without edges is kept whole.

    On a cluttered photo the object is everything. What is small in its frame is enlarged, and so blurred:
    read such images larger (`read_image(path, size=1024)`).

    Args:
        image: `(height, width, channels)` uint8, grey or RGB; drawings black on white or the reverse.
        size: Side of the result in px, > 0.
        margin: Space left at each side of the object, as a share of its longer side, >= 0. It takes in again
            what was passed over of thin parts.
        specks: Share of the edge pixels that is passed over at each of the four sides, in [0, 0.5).
    Returns: `(size, size, channels)` uint8.
    Raises: `TypeError` if `image` is not uint8; `ValueError` for another shape or impossible settings.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 5.1, which aligns both domains coarsely by the
        strength of their edges and resizes to 256 px; how much is passed over and left is ours.
    """
    if image.ndim != 3:
        raise ValueError(f"`image` must be (height, width, 1 or 3). Received: {image.shape}")
    if size <= 0 or margin < 0 or not 0 <= specks < 0.5:
        raise ValueError(
            "`size` must be > 0, `margin` >= 0 and `specks` in [0, 0.5). "
            f"Received: {size}, {margin}, {specks}"
        )
    ink = 255.0 - edge_map(image)[..., 0]
    top, bottom = _extent(ink.sum(axis=1), specks)
    left, right = _extent(ink.sum(axis=0), specks)
    height, width = image.shape[:2]
    # Where the object fills the image, a margin would only frame it.
    side = min(round(max(bottom - top, right - left) * (1 + 2 * margin)), max(height, width))
    top, left = round((top + bottom - side) / 2), round((left + right - side) / 2)
    canvas = np.empty((side, side, image.shape[2]), np.uint8)
    canvas[:] = np.median(border(image), axis=0)
    rows = slice(max(0, top), min(height, top + side))
    columns = slice(max(0, left), min(width, left + side))
    canvas[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = image[
        rows, columns
    ]
    # Channel by channel, since Pillow has a mode of its own for one.
    resized = [
        Image.fromarray(channel).resize((size, size), Image.Resampling.LANCZOS)
        for channel in np.moveaxis(canvas, -1, 0)
    ]
    return np.stack(resized, axis=-1)


def _extent(ink, specks):
    """Returns the first index and the one after the last of what holds all of `ink` but the specks."""
    total = ink.sum()
    if total == 0:
        return 0, len(ink)
    first, last = (int(np.argmax(np.cumsum(side) > specks * total)) for side in (ink, ink[::-1]))
    return first, len(ink) - last
