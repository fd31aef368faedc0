"""What the synthetic objects are made of: parts, and curves to outline them."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Part:
    """One visible part of an object; later parts of an object's list lie in front of earlier ones.

    Args:
        contours: Tuple of `(points, 2)` float arrays of x, y. Closed outlines, filled by the even-odd rule
            (a second one inside the first is a hole); open lines where `line_width` is set.
        color: `(3,)` RGB in 0..255.
        clip: Index of the earlier part on which this one is painted and beyond which it is cut, or `None`.
        is_detail: Whether somebody who sketches may forget it.
        line_width: 0 for a filled part, else the width of its lines, as a share of the object's size.
        spine: `(points, 2)` line that a sketch shows instead of the contours of a very thin part, or `None`.
    """

    contours: tuple
    color: np.ndarray
    clip: int | None = None
    is_detail: bool = False
    line_width: float = 0.0
    spine: np.ndarray | None = None

    def moved(self, matrix, offset):
        """Returns the part with every point `p` at `matrix @ p + offset`."""
        spine = None if self.spine is None else self.spine @ matrix.T + offset
        contours = tuple(contour @ matrix.T + offset for contour in self.contours)
        return dataclasses.replace(self, contours=contours, spine=spine)


@dataclasses.dataclass(frozen=True)
class SyntheticObject:
    """Parts in painting order, x to the right and y up, and the numbers they were made from.

    Args:
        parts: List of `Part`.
        looks: `(dim,)` float, the parameters scaled so that equal distances look about equally different.
    """

    parts: list
    looks: np.ndarray


def curve(points, samples=8):
    """Draws a smooth open curve through points (a uniform Catmull-Rom spline).

    Args:
        points: `(num, 2)`, at least two.
        samples: Points on the way from each to the next.
    Returns: `((num - 1) * samples + 1, 2)` float.
    """
    points = np.asarray(points, np.float64)
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = (np.arange(samples) / samples)[None, :, None]
    spline = start + 0.5 * t * (
        (end - before)
        + t * ((2 * before - 5 * start + 4 * end - after) + t * (3 * (start - end) + after - before))
    )
    return np.concatenate([spline.reshape(-1, 2), points[-1:]])


def ribbon(spine, start_width, end_width=None):
    """Outlines a band around a line: `(2 * points, 2)`, flat at both ends."""
    spine = np.asarray(spine, np.float64)
    tangent = np.gradient(spine, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)  # Two equal points.
    end_width = start_width if end_width is None else end_width
    half = np.linspace(start_width, end_width, len(spine))[:, None] / 2
    return np.concatenate([spine + half * normal, (spine - half * normal)[::-1]])


def superellipse(center, half_width, half_height, power, samples=48):
    """Outlines an ellipse (`power` 2) that nears a rectangle as `power` grows."""
    angle = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rounded = np.sign(unit) * np.abs(unit) ** (2.0 / power)
    return np.asarray(center, np.float64) + rounded * (half_width, half_height)


def fitted(parts, size, margin, shift=(0.0, 0.0)):
    """Moves parts (y up) into a picture (y down): as large as `margin` allows, centred, then shifted.

    Args:
        parts: List of `Part`.
        size: Side of the picture in px.
        margin: Least distance of the object to the picture's border in px.
        shift: x, y in px.
    Returns: `(parts, scale)`, the scale in px per unit.
    """
    points = np.concatenate([contour for part in parts if part.clip is None for contour in part.contours])
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (size - 2 * margin) / np.max(high - low)
    matrix = np.diag([scale, -scale])
    offset = size / 2 + np.asarray(shift) - matrix @ ((low + high) / 2)
    return [part.moved(matrix, offset) for part in parts], scale
