"""Distances averaged over crops and mirror images."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from tfsbir.preprocessing import to_range

BLOCK = 256  # Images held at once: 256 views of 225 x 225 px in grey are 52 MB.


def views(images: np.ndarray, image_size: int) -> Iterator[tuple[str, np.ndarray]]:
    """Cuts images into ten views: the centre and the four corners, each plain and mirrored.

    One view is made at a time, the plain centre first. An odd difference puts the centre half a
    pixel up and left.

    Args:
        images: `(num_images, canvas, canvas, channels)` uint8; the canvas is 256 px elsewhere in the library.
        image_size: Side of a view in px, in 1 .. canvas.
    Returns: Iterator over `(name, view)`: "center", "center_mirrored", "top_left" and so on, and
        `(num_images, image_size, image_size, channels)` float32 in [-1, 1].
    Raises: `TypeError` if `images` is not uint8; `ValueError` for other shapes or an `image_size` outside
        1 .. canvas.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, released evaluation code.
    """
    if images.dtype != np.uint8:
        raise TypeError(f"`images` must be uint8. Received: {images.dtype}")
    if images.ndim != 4 or images.shape[1] != images.shape[2]:
        raise ValueError(
            f"`images` must be (num_images, canvas, canvas, channels). Received shape: {images.shape}"
        )
    canvas = images.shape[1]
    if not 1 <= image_size <= canvas:
        raise ValueError(f"`image_size` must be in 1..{canvas}, the images' side. Received: {image_size}")
    return _views(images, image_size)


def _views(images, image_size):
    far = images.shape[1] - image_size
    corners = {
        "center": (far // 2, far // 2),
        "top_left": (0, 0),
        "top_right": (0, far),
        "bottom_left": (far, 0),
        "bottom_right": (far, far),
    }
    for name, (top, left) in corners.items():
        view = to_range(images[:, top : top + image_size, left : left + image_size])
        yield name, view
        yield f"{name}_mirrored", np.ascontiguousarray(view[:, :, ::-1])


def multi_view_distances(
    encode_sketch: Callable[[np.ndarray], np.ndarray],
    encode_photo: Callable[[np.ndarray], np.ndarray],
    sketches: np.ndarray,
    photos: np.ndarray,
    image_size: int,
    distance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    num_views: int = 10,
) -> np.ndarray:
    """Compares every sketch with every photo, averaging the distance over views.

    A view of a sketch is compared with the same view of the photo: a mirrored sketch with the mirrored
    photo, a corner with that corner.

    Args:
        encode_sketch: Maps `(num, image_size, image_size, channels)` float32 in [-1, 1] to `(num, dim)`
            embeddings; it is given one view of up to `BLOCK` images at once.
        encode_photo: The same for photos.
        sketches: `(num_sketches, canvas, canvas, channels)` uint8, or what stands for it in a `Split`.
        photos: `(num_photos, canvas, canvas, channels)` uint8, likewise.
        image_size: Side of a view in px.
        distance: Maps `(num_sketches, dim)` and `(num_photos, dim)` embeddings to
            `(..., num_sketches, num_photos)`, such as `SquaredEuclidean().pairwise`, or several distances at
            once.
        num_views: 10, or 1 for the plain centre alone.
    Returns: `(..., num_sketches, num_photos)` float64, lower is closer.
    Raises: `ValueError` if `num_views` is neither 1 nor 10, and what `views` raises.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, released evaluation code.
    """
    sketch_views = multi_view_embeddings(encode_sketch, sketches, image_size, num_views)
    photo_views = multi_view_embeddings(encode_photo, photos, image_size, num_views)
    return (
        sum(
            np.asarray(distance(sketch, photo), np.float64)
            for sketch, photo in zip(sketch_views, photo_views, strict=True)
        )
        / num_views
    )


def multi_view_embeddings(
    encode: Callable[[np.ndarray], np.ndarray], images: np.ndarray, image_size: int, num_views: int = 10
) -> list[np.ndarray]:
    """Encodes images in each of their views; every image is asked for once.

    Args:
        encode: As `encode_sketch` in `multi_view_distances`.
        images: `(num_images, canvas, canvas, channels)` uint8, or what stands for it in a `Split`.
        image_size: Side of a view in px.
        num_views: 10, or 1 for the plain centre alone.
    Returns: The embeddings of each view in the order of `views`, `(num_images, dim)`.
    Raises: `ValueError` if `num_views` is neither 1 nor 10, and what `views` raises.
    """
    if num_views not in (1, 10):
        raise ValueError(f"`num_views` must be 1 or 10. Received: {num_views}")
    parts = [[] for _ in range(num_views)]
    for start in range(0, len(images), BLOCK):
        block = views(images[start : start + BLOCK], image_size)
        for part, (_, view) in zip(parts, itertools.islice(block, num_views), strict=True):
            part.append(np.asarray(encode(view)))
    return [np.concatenate(part) for part in parts]
