"""Images as the baselines look at them."""

import sys

import numpy as np
from tqdm import tqdm

READ_AT_ONCE = 64


def inks(images):
    """Yields images that are black on white as ink, one after the other.

    Args:
        images: `(num, size, size, 1)` uint8, or what stands for such an array in a `Split`.
    Returns: Iterator over `(size, size)` float32 in [0, 1], 0 where there is paper.
    Raises: `ValueError` for another shape, `TypeError` for another type, as the iteration begins.
    """
    if len(images.shape) != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 1:
        raise ValueError(
            "`images` must be (num, size, size, 1), sketches or edge maps of photos. "
            f"Received shape: {images.shape}"
        )
    if images.dtype != np.uint8:
        raise TypeError(f"`images` must be uint8. Received: {images.dtype}")
    with tqdm(total=len(images), unit="image", desc="HOG", file=sys.stderr, leave=False, delay=2) as progress:
        for start in range(0, len(images), READ_AT_ONCE):
            for image in images[start : start + READ_AT_ONCE]:
                yield 1 - image[:, :, 0].astype(np.float32) / 255
                progress.update()
