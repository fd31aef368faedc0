"""A sketch as it was drawn: strokes in their order, before they are pixels."""

import dataclasses

import numpy as np

MAX_COORDINATE = 1e6  # float32 still tells a sixteenth of a unit from the next there.
MIN_SIDE = 1e-6  # Of a frame: what is drawn is divided by it.
MAX_STROKES = 20_000
MAX_POINTS = 1_000_000


@dataclasses.dataclass(frozen=True, eq=False)
class VectorSketch:
    """Holds the strokes of one sketch in drawing order, and the frame they were drawn in.

    A sketch may have no stroke (blank paper), a stroke may be a single point (a dot), and points may repeat;
    strokes may leave the frame, and what lies outside is cut off when the sketch is drawn. The points are
    copied and cannot be written to.

    Args:
        strokes: Sequence of `(points, 2)` arrays of x, y, at least one point each; x to the right, y down.
            Kept as a tuple of float32 arrays.
        frame: `(left, top, right, bottom)`, the paper in the strokes' own units, `MIN_SIDE` or more each way.
    Raises: `ValueError` for another shape, an empty stroke, an empty frame, a coordinate that is not finite
        or beyond `MAX_COORDINATE`, more than `MAX_STROKES` strokes or more than `MAX_POINTS` points.
    """

    strokes: tuple
    frame: tuple

    def __post_init__(self):
        try:
            with np.errstate(
                over="ignore"
            ):  # What float32 cannot hold becomes infinite, and is refused below.
                strokes = tuple(np.array(stroke, np.float32, ndmin=2) for stroke in self.strokes)
            frame = tuple(float(side) for side in self.frame)
        except OverflowError:  # Whole numbers that no float holds.
            raise ValueError(
                f"`strokes` and `frame` must be within +-{MAX_COORDINATE:.0f}. Received: others"
            ) from None
        if len(strokes) > MAX_STROKES:
            raise ValueError(f"`strokes` must be at most {MAX_STROKES}. Received: {len(strokes)}")
        for index, stroke in enumerate(strokes):
            if stroke.ndim != 2 or stroke.shape[1] != 2 or len(stroke) == 0:
                raise ValueError(
                    f"`strokes` must be (points, 2) with a point or more. Received: {stroke.shape} at {index}"
                )
            stroke.flags.writeable = False
        num_points = sum(map(len, strokes))
        if num_points > MAX_POINTS:
            raise ValueError(f"`strokes` must have at most {MAX_POINTS} points. Received: {num_points}")
        # NaN fails the comparison too.
        if strokes and not np.max(np.abs(np.concatenate(strokes))) <= MAX_COORDINATE:
            raise ValueError(f"`strokes` must be finite and within +-{MAX_COORDINATE:.0f}. Received: others")
        if len(frame) != 4 or not np.all(np.abs(frame) <= MAX_COORDINATE):
            raise ValueError(
                f"`frame` must be (left, top, right, bottom) within +-{MAX_COORDINATE:.0f}. "
                f"Received: {self.frame}"
            )
        if not (frame[2] - frame[0] >= MIN_SIDE and frame[3] - frame[1] >= MIN_SIDE):
            raise ValueError(
                f"`frame` must have left < right and top < bottom, by {MIN_SIDE} or more. Received: {frame}"
            )
        object.__setattr__(self, "strokes", strokes)
        object.__setattr__(self, "frame", frame)

    @property
    def num_points(self):
        """Number of points of all strokes."""
        return sum(map(len, self.strokes))

    def bounds(self):
        """Returns `(left, top, right, bottom)` of the points, or `None` without strokes."""
        if not self.strokes:
            return None
        points = np.concatenate(self.strokes)
        return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())

    def lengths(self):
        """Returns `(num_strokes,)` float32, the length of each stroke's line; 0 for a dot."""
        if not self.strokes:
            return np.zeros(0, np.float32)
        steps = np.diff(np.concatenate(self.strokes), axis=0, append=np.float32([[0, 0]]))
        steps = np.hypot(steps[:, 0], steps[:, 1])
        ends = np.cumsum([len(stroke) for stroke in self.strokes])
        steps[ends - 1] = 0  # From one stroke to the next, the pen is in the air.
        return np.add.reduceat(steps, [0, *ends[:-1]])

    def replaced(self, strokes):
        """Returns a sketch of other strokes in the same frame."""
        return VectorSketch(strokes, self.frame)
