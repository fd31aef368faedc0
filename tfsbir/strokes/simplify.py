"""Fewer points for the same line."""

import cv2
import numpy as np

_RUN = 1_000  # Steps simplified together: the algorithm can be quadratic in them.


def simplify(sketch, tolerance):
    """Leaves out the points that a stroke hardly needs.

    No point of a stroke is farther from the simplified stroke than `tolerance`; those that stay are the
    drawn ones, unmoved, its ends among them. A stroke whose points are all one becomes one point. Every
    thousandth point of a stroke stays too, so that the time is linear in the points.

    Args:
        sketch: The `VectorSketch`.
        tolerance: Float >= 0 in the sketch's units.
    Returns: A `VectorSketch` of as many strokes in the same frame.
    Raises: `ValueError` if `tolerance` is negative or not finite.
    Source: Ramer, Computer Graphics and Image Processing 1972; Douglas and Peucker, Cartographica 1973.
    """
    if not 0 <= tolerance < np.inf:
        raise ValueError(f"`tolerance` must be finite and >= 0. Received: {tolerance}")
    return sketch.replaced([_simplified(stroke, tolerance) for stroke in sketch.strokes])


def _simplified(stroke, tolerance):
    if np.all(stroke == stroke[0]):
        return stroke[:1]
    runs = (stroke[start : start + _RUN + 1] for start in range(0, len(stroke) - 1, _RUN))
    # Each run begins where the one before ended.
    return np.concatenate([stroke[:1], *(_simplified_run(run, tolerance)[1:] for run in runs)])


def _simplified_run(run, tolerance):
    """Simplifies a run of two points or more; both its ends stay."""
    if not np.array_equal(run[0], run[-1]):
        return cv2.approxPolyDP(run, tolerance, False)[:, 0]
    # OpenCV would see a polygon here, drop its last point and begin where it likes. Cut where the run is
    # farthest from its ends, it is two open lines.
    farthest = int(np.argmax(np.hypot(*(run - run[0]).T)))
    if farthest == 0:
        return run[[0, -1]]
    halves = run[: farthest + 1], run[farthest:]
    return np.concatenate(
        [
            cv2.approxPolyDP(halves[0], tolerance, False)[:-1, 0],
            cv2.approxPolyDP(halves[1], tolerance, False)[:, 0],
        ]
    )
