"""Edge maps: photos reduced to lines, so that they meet sketches half way."""

import functools

import cv2
import numpy as np

# A photo without one real edge must stay empty: its strongest gradients are noise. In the units of a 3 x 3
# Sobel filter, where a sharp step of one grey level measures 4.
MIN_GRADIENT = 40.0
# Blurs a one-pixel staircase into the soft lines, about 2 px wide, of the published QMUL edge maps.
LINE_SOFTNESS = 0.7
SIGMA, LOW, HIGH = 1.8, 0.2, 0.4
# All that a map depends on beside its photo, for caches and for what is kept beside a trained encoder.
CANNY = f"canny sigma={SIGMA} low={LOW} high={HIGH} min_gradient={MIN_GRADIENT} softness={LINE_SOFTNESS}"


def edge_map(photo, sigma=SIGMA, low=LOW, high=HIGH):
    """Draws the edges of a photo as black lines on white: Gaussian smoothing, Canny, antialiasing.

    The thresholds follow the photo's own contrast; a plain photo gives an empty map. Colours count: an edge
    is as strong as in its strongest channel. The defaults were fitted at 256 px to the edge maps published
    with QMUL-Shoe V1: amount of ink, width of lines, agreement of lines.

    Args:
        photo: `(height, width, 3)`, `(height, width, 1)` or `(height, width)` uint8.
        sigma: Standard deviation of the smoothing in px, > 0.
        low: Gradient at which a pixel continues a line that has begun, as a share of the 99th percentile
            of the photo's gradients; in (0, `high`].
        high: Gradient at which a pixel begins a line, likewise; in [`low`, 1].
    Returns: `(height, width, 1)` uint8; 0 is line, 255 is paper, between them the lines' soft rims.
    Raises: `TypeError` if `photo` is not uint8; `ValueError` for another shape or impossible settings.
    Source: Canny, PAMI 1986, with OpenCV's non-maximum suppression and hysteresis.
    """
    check_photo(photo)
    if sigma <= 0:
        raise ValueError(f"`sigma` must be > 0. Received: {sigma}")
    if not 0 < low <= high <= 1:
        raise ValueError(f"`low` and `high` must be 0 < low <= high <= 1. Received: {low}, {high}")
    # A replicated border is flat outside the photo, so that its frame is no edge.
    smooth = cv2.GaussianBlur(photo, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    dx = cv2.Sobel(smooth, cv2.CV_16S, 1, 0, borderType=cv2.BORDER_REPLICATE)
    dy = cv2.Sobel(smooth, cv2.CV_16S, 0, 1, borderType=cv2.BORDER_REPLICATE)
    strongest = functools.reduce(cv2.max, map(_magnitude, cv2.split(dx), cv2.split(dy)))
    rank = int(0.99 * (strongest.size - 1))
    start = max(high * float(np.partition(strongest, rank, axis=None)[rank]), MIN_GRADIENT)
    return soft_lines(cv2.Canny(dx, dy, start * low / high, start, L2gradient=True))


def check_photo(photo):
    """Raises `TypeError` or `ValueError` unless `photo` is grey or RGB, uint8, of one pixel or more."""
    if photo.dtype != np.uint8:
        raise TypeError(f"`photo` must be uint8. Received: {photo.dtype}")
    if photo.ndim not in (2, 3) or photo.shape[2:] not in ((), (1,), (3,)) or photo.size == 0:
        raise ValueError(f"`photo` must be (height, width, 1 or 3). Received: {photo.shape}")


def soft_lines(lines):
    """Draws lines of one pixel, 255 on 0, `(height, width)` uint8, as soft black ones on white.

    Returns: `(height, width, 1)` uint8; 0 is line, 255 is paper.
    """
    lines = cv2.GaussianBlur(lines, (0, 0), LINE_SOFTNESS, borderType=cv2.BORDER_REPLICATE)
    return (255 - lines)[..., None]


def _magnitude(dx, dy):
    return cv2.magnitude(dx.astype(np.float32), dy.astype(np.float32))
