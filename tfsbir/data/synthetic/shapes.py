"""What the drawn objects are made of: parts, curves to outline them, a camera to see them with."""

import dataclasses
import functools

import cv2
import numpy as np

OUTLINE, PIECE, DETAIL = range(3)  # The order in which people sketch: outline, other pieces, details.
SIZE = 256  # Side of the pictures in px.
SHIFT = 4  # OpenCV takes sixteenths of a pixel.
MARGIN = 6  # Least distance in px of an object to the border of its picture.


@dataclasses.dataclass(frozen=True)
class Part:
    """One visible part of an object; later parts of an object's list lie in front of earlier ones.

    Args:
        contours: Tuple of `(points, 2)` float arrays of x, y. Closed outlines, filled by the even-odd rule
            (a second one inside the first is a hole); open lines where `line_width` is set.
        material: Key of the object's materials, what the part is painted with.
        shade: Brightness; 1 is a side that faces the light.
        level: `OUTLINE`, `PIECE` or `DETAIL`: when it is sketched. Details may be forgotten.
        attribute: Name of the attribute that this detail shows, or `None`. Who forgets one of the details
            that show it forgets them all.
        clip: Index of the earlier part on which this one is painted and beyond which it is cut, or `None`.
        line_width: 0 for a filled part, else the width of its lines, in the contours' unit.
        spine: `(points, 2)` line that a sketch shows instead of the contours of a very thin part, or `None`.
    """

    contours: tuple
    material: str
    shade: float = 1.0
    level: int = PIECE
    attribute: str | None = None
    clip: int | None = None
    line_width: float = 0.0
    spine: np.ndarray | None = None

    def moved(self, scale, offset):
        """Returns the part with every point `p` at `scale * p + offset`; both are `(2,)`."""
        # Spelled out, as it is five times as fast as `dataclasses.replace`.
        return Part(
            contours=tuple([contour * scale + offset for contour in self.contours]),
            material=self.material,
            shade=self.shade,
            level=self.level,
            attribute=self.attribute,
            clip=self.clip,
            line_width=self.line_width * abs(float(scale[1])),
            spine=None if self.spine is None else self.spine * scale + offset,
        )


@dataclasses.dataclass(frozen=True)
class Material:
    """What parts are painted with.

    Args:
        color: `(3,)` RGB in 0..255.
        texture: Name of one of `photo.TEXTURES`.
    """

    color: np.ndarray
    texture: str = "plain"


def detail(contour, material, attribute, shade=1.0, clip=None, line_width=0.0):
    """Makes the `Part` of one contour that is a detail of an object and shows an attribute."""
    return Part((contour,), material, shade, DETAIL, attribute, clip, line_width)


def camera(yaw, pitch):
    """Makes an orthographic camera.

    Args:
        yaw: Degrees by which the object is turned; > 0 brings its left end nearer, < 0 its right end.
        pitch: Degrees by which it is seen from above.
    Returns: A function of x (right), y (up) and z (away), numbers or arrays that broadcast, to `(..., 2)`
        places in the picture, x to the right and y up.
    """
    yaw, pitch = np.deg2rad(yaw), np.deg2rad(pitch)
    axes = np.array([
        (np.cos(yaw), np.sin(yaw) * np.sin(pitch)),
        (0.0, np.cos(pitch)),
        (-np.sin(yaw), np.cos(yaw) * np.sin(pitch)),  # What is farther away stands higher.
    ])  # fmt: skip

    def at(x, y, z):
        x, y, z = np.asarray(x), np.asarray(y), np.asarray(z)
        return x[..., None] * axes[0] + y[..., None] * axes[1] + z[..., None] * axes[2]

    return at


def curve(points, samples=8):
    """Draws a smooth open curve through points (a uniform Catmull-Rom spline).

    Args:
        points: `(num, dim)`, at least two.
        samples: Points on the way from each to the next.
    Returns: `((num - 1) * samples + 1, dim)` float.
    """
    points = np.asarray(points, np.float64)
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = (np.arange(samples) / samples)[None, :, None]
    spline = start + 0.5 * t * (
        (end - before)
        + t * ((2 * before - 5 * start + 4 * end - after) + t * (3 * (start - end) + after - before))
    )
    return np.concatenate([spline.reshape(-1, points.shape[1]), points[-1:]])


def ribbon(spine, start_width, end_width=None):
    """Outlines a band around a line: `(2 * points, 2)`, flat at both ends."""
    spine = np.asarray(spine, np.float64)
    tangent = np.empty_like(spine)
    tangent[1:-1] = spine[2:] - spine[:-2]
    tangent[0], tangent[-1] = spine[1] - spine[0], spine[-1] - spine[-2]
    normal = tangent[:, ::-1] * (-1.0, 1.0)
    normal /= np.maximum(np.hypot(normal[:, 0], normal[:, 1]), 1e-9)[:, None]  # Two equal points.
    change = 0.0 if end_width is None else end_width - start_width
    half = (start_width + change * np.arange(len(spine)) / (len(spine) - 1)) / 2
    normal *= half[:, None]
    return np.concatenate([spine + normal, (spine - normal)[::-1]])


def superellipse(center, half_width, half_height, power, samples=48):
    """Outlines an ellipse (`power` 2) that nears a rectangle as `power` grows."""
    unit = _circle(samples)
    rounded = unit if power == 2 else np.sign(unit) * np.abs(unit) ** (2.0 / power)
    return np.asarray(center, np.float64) + rounded * (half_width, half_height)


@functools.cache
def _circle(samples):
    angle = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    circle.flags.writeable = False
    return circle


def box(left, low, right, high):
    """Outlines a rectangle."""
    return np.array([(left, low), (right, low), (right, high), (left, high)], np.float64)


def hull(points):
    """Outlines the smallest convex shape around `(num, 2)` points."""
    return cv2.convexHull(np.asarray(points, np.float32))[:, 0].astype(np.float64)


def fitted(parts, fill, shift=(0.0, 0.0), is_mirrored=False):
    """Moves parts (y up) into a picture of 256 x 256 px (y down).

    Args:
        parts: List of `Part`.
        fill: Share of the picture's side that the object's longer side takes.
        shift: `(2,)` x and y in px from the picture's middle, as far as there is room.
        is_mirrored: Whether left and right are exchanged.
    Returns: List of `Part` in px.
    """
    flip = np.array([-1.0 if is_mirrored else 1.0, -1.0])
    points = np.concatenate([contour for part in parts if part.clip is None for contour in part.contours])
    low, high = points.min(axis=0) * flip, points.max(axis=0) * flip
    low, high = np.minimum(low, high), np.maximum(low, high)
    scale = fill * SIZE / np.max(high - low)
    corner = box_corner(scale * (high - low), shift)
    return [part.moved(scale * flip, corner - scale * low) for part in parts]


def box_corner(extent, shift):
    """Returns the upper left corner, `(2,)`, of a box of `extent` px that stands as in `fitted`."""
    room = np.maximum((SIZE - extent) / 2 - MARGIN, 0)
    return (SIZE - extent) / 2 + np.clip(shift, -room, room)


def mask_of(part):
    """Returns a part's `(height, width)` uint8 coverage of a window, and that window's left and top."""
    points = part.contours[0] if len(part.contours) == 1 else np.concatenate(part.contours)
    pen = max(1, round(part.line_width))
    reach = 2 + pen // 2
    (low_x, low_y), (high_x, high_y) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    left, right = (min(max(int(x), 0), SIZE) for x in (low_x - reach, high_x + reach + 1))
    top, bottom = (min(max(int(y), 0), SIZE) for y in (low_y - reach, high_y + reach + 1))
    mask = np.zeros((bottom - top, right - left), np.uint8)
    if mask.size:
        contours = [fixed(contour - (left, top)) for contour in part.contours]
        if part.line_width:
            cv2.polylines(mask, contours, False, 255, pen, cv2.LINE_AA, SHIFT)
        else:
            cv2.fillPoly(mask, contours, 255, cv2.LINE_AA, SHIFT)
    return mask, left, top


def fixed(points):
    """Returns points as OpenCV draws them, in integer fractions of a pixel."""
    return np.rint(points * 2**SHIFT).astype(np.int32)[:, None]
