"""Strokes as pixels: a round pen of any width, without stairs."""

import cv2
import numpy as np

MIN_SIZE = 16
MAX_SIZE = 2048
MIN_LINE_WIDTH = 0.125
_CHUNK = 2**15  # Pixels met at once, so that their arrays stay in the processor's cache.


def rasterize(sketch, size=256, line_width=None, margin=0.0):
    """Draws a sketch with a round pen, black on white.

    The frame is fitted into the square less its margin, by one scale for both axes, and centred. Strokes go
    on as far as the canvas does, through the margin and beyond the frame. A pixel's ink follows from its
    distance to the nearest stroke: a straight line gets length times width of it, whatever its direction and
    its place between the pixels, and where lines cross, or points lie dense, nothing is darkened twice. A pen
    under 1 px leaves a paler line of 1 px. A stroke of one point is a dot of the pen's width; a sketch
    without strokes is white paper. The time is linear in the points and in the pixels on the pen's way.

    Args:
        sketch: The `VectorSketch`.
        size: Side of the canvas in px, whole, in [16, 2048].
        line_width: Diameter of the pen in px of the canvas, in [0.125, `size` / 4]. `None` is `size` / 128.
        margin: Space left at each side of the frame in px of the canvas, in [0, `size` / 2).
    Returns: `(size, size, 1)` uint8; 0 is ink, 255 is paper.
    Raises: `ValueError` for settings outside these bounds.
    """
    if not MIN_SIZE <= size <= MAX_SIZE or size != int(size):
        raise ValueError(f"`size` must be a whole number in [{MIN_SIZE}, {MAX_SIZE}]. Received: {size}")
    if line_width is None:
        line_width = size / 128
    if not MIN_LINE_WIDTH <= line_width <= size / 4:
        raise ValueError(
            f"`line_width` must be in [{MIN_LINE_WIDTH}, `size` / 4 = {size / 4}]. Received: {line_width}"
        )
    if not 0 <= margin < size / 2:
        raise ValueError(f"`margin` must be in [0, `size` / 2 = {size / 2}). Received: {margin}")
    size = int(size)
    if not sketch.strokes:
        return np.full((size, size, 1), 255, np.uint8)
    width = max(line_width, 1.0)
    starts, ends = _clipped(*_steps(sketch, size, margin), size, width / 2 + 1)
    ink = _ink(starts.astype(np.float32), ends.astype(np.float32), size, width)
    return cv2.convertScaleAbs(ink, alpha=-min(line_width, 1.0), beta=255)[..., None]


def _steps(sketch, size, margin):
    """Returns where each step of the pen starts and ends, two `(steps, 2)` float64, in px.

    Whole numbers are the centres of pixels. A dot is a step to itself.
    """
    points = np.concatenate(sketch.strokes).astype(np.float64)
    left, top, right, bottom = sketch.frame
    points -= (left + right) / 2, (top + bottom) / 2
    points *= (size - 2 * margin) / max(right - left, bottom - top)
    points += (size - 1) / 2
    counts = np.array([len(stroke) for stroke in sketch.strokes])
    last = np.cumsum(counts) - 1
    successor = np.arange(1, len(points) + 1)
    successor[last] = last
    is_step = np.ones(len(points), bool)
    is_step[last[counts > 1]] = False
    start = np.flatnonzero(is_step)
    return points[start], points[successor[start]]


def _clipped(starts, ends, size, reach):
    """Cuts steps off where they are over `reach` px outside the canvas; what comes no nearer is left out.

    Source: Liang and Barsky, ACM Transactions on Graphics 1984, for all steps at once.
    """
    low, high = -reach, size - 1 + reach
    if min(starts.min(), ends.min()) >= low and max(starts.max(), ends.max()) <= high:
        return starts, ends
    steps = ends - starts
    is_still = steps == 0
    is_within = (starts >= low) & (starts <= high)
    divisors = np.where(is_still, 1, steps)
    to_low, to_high = (low - starts) / divisors, (high - starts) / divisors
    # Along an axis in which nothing moves, a step is between the bounds from 0 to 1 or never.
    enter = np.where(is_still, np.where(is_within, 0, 2), np.minimum(to_low, to_high)).max(axis=1).clip(0)
    leave = np.where(is_still, 1, np.maximum(to_low, to_high)).min(axis=1).clip(None, 1)
    is_met = enter <= leave
    starts, steps, enter, leave = starts[is_met], steps[is_met], enter[is_met, None], leave[is_met, None]
    # The outer clip takes what rounding leaves of very long steps.
    return np.clip(starts + enter * steps, low, high), np.clip(starts + leave * steps, low, high)


def _ink(starts, ends, size, width):
    """Returns `(size, size)` uint8, how much of each pixel a pen of `width` px blackens, in 1 / 255.

    Each step is met column by column along its longer axis, and in a column only the pixels around the pen.
    A rim that crosses a column on a slant is taken for two level ones, one at a quarter and one at three
    quarters of the column's width. So the shares of a column add up to the pen's height in it.
    """
    # The steep steps see the canvas transposed, and all steps go to the right.
    steps = ends - starts
    is_steep = abs(steps[:, 1]) > abs(steps[:, 0])
    starts = np.where(is_steep[:, None], starts[:, ::-1], starts)
    steps = np.where(is_steep[:, None], steps[:, ::-1], steps)
    is_backward = steps[:, :1] < 0
    starts = np.where(is_backward, starts + steps, starts)
    steps = np.where(is_backward, -steps, steps)
    (x, y), (run, rise) = starts.T, steps.T
    length = np.sqrt(run * run + rise * rise)
    is_dot = length == 0
    cosine, sine = np.where(is_dot, 1, run / (length + is_dot)), rise / (length + is_dot)

    half = np.float32(width / 2)
    slope = rise / (run + is_dot)
    tilt = abs(slope) / 4
    half_height = half / cosine + np.float32(0.5)
    num_rows = int(2 * (half * 2**0.5 + 0.75)) + 1  # At 45 degrees, where a column meets most of the pen.
    first = np.ceil(x - half - np.float32(0.5))
    num_columns = np.floor(x + run + half + np.float32(0.5)).astype(np.intp) - first.astype(np.intp) + 1
    stop = np.cumsum(num_columns)
    # The canvas has a rim, as what lies around it is met too.
    pad = int(2.5 * half) + 5
    side = size + 2 * pad
    canvas = np.zeros(side * side, np.uint8)
    to_next_row = np.where(is_steep, 1, side)
    rows = np.arange(num_rows)[:, None]
    begin = 0
    while begin < len(steps):
        before = stop[begin] - num_columns[begin]
        end = max(begin + 1, np.searchsorted(stop, before + _CHUNK // num_rows, side="right"))
        step = np.repeat(np.arange(begin, end), num_columns[begin:end])
        index = np.arange(before, stop[end - 1]) - (stop - num_columns)[step]
        column = first[step] + index.astype(np.float32)
        step_x, step_y, cos, sin = x[step], y[step], cosine[step], sine[step]
        reach = half_height[step]
        # The first row is above the pen where the line passes the column; at the caps, where it ends.
        dx = column - step_x
        top = np.ceil(step_y + np.clip(dx, 0, run[step]) * slope[step] - (reach + tilt[step]))
        dy = rows.astype(np.float32) + (top - step_y)
        # The distance has a part across the step, and a part along it before its start or after its end.
        across = dy * cos - dx * sin
        along = dy * sin + dx * cos
        along -= np.clip(along, 0, length[step])
        distance = np.sqrt(across * across + along * along)
        share = reach - distance / cos
        share = np.clip(share - tilt[step], 0, 1) + np.clip(share + tilt[step], 0, 1)
        grey = (share * np.float32(127.5) + np.float32(0.5)).astype(np.uint8)
        stride = to_next_row[step]
        place = (top.astype(np.intp) + pad) * stride + (column.astype(np.intp) + pad) * (side + 1 - stride)
        np.maximum.at(canvas, (place + rows * stride).ravel(), grey.ravel())
        begin = end
    return canvas.reshape(side, side)[pad:-pad, pad:-pad]
