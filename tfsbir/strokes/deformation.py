"""Stroke deformation: Moving Least Squares, and how it bends a sketch stroke by stroke and as a whole."""

import numpy as np

from tfsbir.strokes.vector_sketch import MAX_COORDINATE, MAX_POINTS

KINDS = ("affine", "similarity", "rigid")
# What makes a stroke move less: its length over the sketch's mean, by the weight that stroke removal gives
# it, and its curvature in [0, 1].
LENGTH_WEIGHT, CURVATURE_WEIGHT = 0.5, 1.0
BEND = 0.08  # How far a stroke's control points go by themselves at most, as a share of its own extent.
CONTROLS = (0.0, 0.5, 1.0)  # Where along a stroke; with more, straight lines turn into zigzags.
MAX_GAP = 1 / 32  # Of the sketch's size: longer lines are given points between, so that they bend.
MAX_ADDED = 1000
BLOCK = 2**16  # Points moved at a time, which bounds the memory.


def moving_least_squares(points, sources, targets, kind="rigid", falloff=1.0):
    """Moves points the way control points are moved.

    Every point has a map of its own: the best of its kind from `sources` to `targets`, where near control
    points count for more. A point on a control point goes exactly to its target (to the mean of them, if
    several control points are there). What the control points leave open stays as it is: a single one only
    shifts; those on one line, under an affine map, move nothing across the line.

    Args:
        points: `(num_points, 2)` x, y.
        sources: `(num_controls, 2)`, the control points, one or more.
        targets: `(num_controls, 2)`, where they go.
        kind: "affine", "similarity" (no shear) or "rigid" (no scaling either).
        falloff: Float in (0, 3] (alpha). Control points count by distance to the power `-2 * falloff`;
            the map is smooth from 1 on.
    Returns: `(num_points, 2)` float64.
    Raises: `ValueError` for other shapes, coordinates that are not finite or beyond 1e100, or impossible
        settings.
    Source: Schaefer et al., "Image Deformation Using Moving Least Squares", SIGGRAPH 2006, Sec. 2.1 (affine),
        2.2 (similarity), 2.3 (rigid). Its matrices are written as complex numbers.
    """
    points, sources, targets = (
        _as_complex(name, array)
        for name, array in (("points", points), ("sources", sources), ("targets", targets))
    )
    if len(sources) == 0 or len(sources) != len(targets):
        raise ValueError(
            "`sources` and `targets` must be as many, one or more. "
            f"Received: {len(sources)} and {len(targets)}"
        )
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {KINDS}. Received: {kind!r}")
    if not 0 < falloff <= 3:
        raise ValueError(f"`falloff` must be in (0, 3]. Received: {falloff}")
    moved = _moved(points, sources[:, None], targets[:, None], kind, falloff)
    return np.stack([moved.real, moved.imag], axis=1)


def deform(sketch, seed, strength=1.0, kind="rigid", local_move=0.04, global_move=0.06):
    """Bends each stroke a little by itself, then the whole sketch.

    A stroke is bent by three control points, its ends and its middle. They are moved together, at random, by
    up to `local_move * exp(-length / 2 - curvature)` in x and in y, where the length is in units of the
    sketch's mean stroke, and curvature is 1 less the distance between the stroke's ends over its length:
    short and straight strokes move more, as the paper asks. Each control point is moved by as much again, or
    by 8 % of the stroke's own extent if that is less, so that small strokes keep their shape. Then the 3 x 3
    points of a square grid over the sketch go by up to `global_move` in x and in y and take everything along.

    Strokes keep their number and order. Long straight lines are given points between, 1,000 a sketch at most;
    a dot stays a dot, and a sketch that is all in one place stays as it is. On real drawings, the bounding
    box grew by 3 % of its size in the middle and by 10 % at most: leave a margin around the frame.

    Args:
        sketch: A `VectorSketch`.
        seed: Int >= 0, or a sequence of them; the same seed gives the same deformation.
        strength: Factor of all moves in [0, 10]; 0 leaves the sketch as it is.
        kind: "affine", "similarity" or "rigid", how the whole sketch goes. Single strokes are always bent
            rigidly: their control points may lie on one line, which leaves an affine map open.
        local_move: Share of the sketch's size (the longer side of its bounding box) in [0, 1].
        global_move: Likewise.
    Returns: A `VectorSketch` in the same frame.
    Raises: `ValueError` for impossible settings.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.5, which gives no numbers: they are ours.
    """
    if not 0 <= strength <= 10:
        raise ValueError(f"`strength` must be in [0, 10]. Received: {strength}")
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {KINDS}. Received: {kind!r}")
    for name, move in (("local_move", local_move), ("global_move", global_move)):
        if not 0 <= move <= 1:
            raise ValueError(f"`{name}` must be in [0, 1]. Received: {move}")
    if not sketch.strokes or strength == 0:
        return sketch
    left, top, right, bottom = sketch.bounds()
    size = max(right - left, bottom - top)
    if size == 0:
        return sketch
    random = np.random.default_rng(seed)
    points, counts = _dense(sketch, size)
    points = _bent_strokes(points, counts, strength * local_move * size, strength * BEND, random)
    grid = np.array([x + y * 1j for y in (-0.5, 0, 0.5) for x in (-0.5, 0, 0.5)])[:, None]
    sources = size * grid + complex(left + right, top + bottom) / 2
    targets = sources + strength * global_move * size * _random_moves(random, sources.shape)
    points = _moved(points, sources, targets, kind, falloff=1.0)
    pairs = np.stack([points.real, points.imag], axis=1)
    pairs = np.clip(pairs, -MAX_COORDINATE, MAX_COORDINATE)  # Only a sketch at the very limit gets there.
    return sketch.replaced(np.split(pairs, np.cumsum(counts)[:-1]))


def _as_complex(name, array):
    array = np.asarray(array, np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"`{name}` must be (number, 2). Received: {array.shape}")
    if not np.all(np.abs(array) <= 1e100):  # NaN fails the comparison too.
        raise ValueError(f"`{name}` must be finite and within +-1e100. Received: others")
    return array[:, 0] + 1j * array[:, 1]


def _moved(points, sources, targets, kind, falloff):
    """Moves `(num_points,)` by `(num_controls, num_points or 1)` control points, all complex."""
    shape = (len(sources), len(points))
    sources, targets = np.broadcast_to(sources, shape), np.broadcast_to(targets, shape)
    moved = np.empty_like(points)
    for start in range(0, len(points), BLOCK):
        block = slice(start, start + BLOCK)
        moved[block] = _moved_block(points[block], sources[:, block], targets[:, block], kind, falloff)
    return moved


def _moved_block(points, sources, targets, kind, falloff):
    arms = sources - points
    squares = _squares(arms)
    nearest = squares.min(axis=0)
    # Only the ratios of weights matter. Taken to the nearest control point they are in [0, 1], and a point
    # on a control point is no division by zero.
    weights = np.divide(nearest, squares, out=np.ones_like(squares), where=squares > nearest)
    if falloff != 1:
        weights **= falloff
    weights /= weights.sum(axis=0)
    # Where all control points that count are in one place, rounding must not make up a direction; squares
    # below 1e-300 have lost their digits.
    least_spread = 1e-24 * (weights * squares).sum(axis=0) + 1e-300
    offsets = -(weights * arms).sum(axis=0)  # From the weighted mean of the sources to the point.
    arms += offsets
    spread = (weights * _squares(arms)).sum(axis=0)
    is_place = spread <= least_spread
    target = (weights * targets).sum(axis=0)
    moves = targets - sources
    moves -= (weights * moves).sum(axis=0)
    # A linear map of the plane is z -> a z + b conj(z), a similarity if b = 0, a rotation if |a| = 1, too.
    # What is fitted here is its difference from the identity, so that 0 is no change.
    weighted = weights * arms
    a = _ratio((weighted.conj() * moves).sum(axis=0), spread, is_place)
    if kind == "similarity":
        return target + offsets + a * offsets
    if kind == "rigid":
        length = np.abs(1 + a)
        return target + offsets + _ratio(1 + a - length, length, length <= 1e-12) * offsets
    b = _ratio((weighted * moves).sum(axis=0), spread, is_place)
    skew = _ratio((weighted * arms).sum(axis=0), spread, is_place)
    determinant = 1 - _squares(skew)
    # On one line many maps fit; the smallest moves nothing across the line.
    is_line = determinant <= 1e-12
    scale = np.where(is_line, 2, determinant)
    a, b = a - np.where(is_line, 0, b * skew.conj()), b - np.where(is_line, 0, a * skew)
    return target + offsets + (a * offsets + b * offsets.conj()) / scale


def _squares(numbers):
    return numbers.real**2 + numbers.imag**2


def _ratio(numerators, denominators, is_zero):
    return np.divide(numerators, denominators, out=np.zeros_like(numerators), where=~is_zero)


def _dense(sketch, size):
    """Returns all points in a row, complex and with points added in long lines, and each stroke's number."""
    pairs = np.concatenate(sketch.strokes).astype(np.float64)
    points = pairs[:, 0] + 1j * pairs[:, 1]
    counts = np.array([len(stroke) for stroke in sketch.strokes])
    starts = np.cumsum(counts) - counts
    steps = np.diff(points, append=points[-1])
    steps[starts[1:] - 1] = 0  # From one stroke to the next nothing is drawn.
    gaps = np.abs(steps)
    room = min(MAX_ADDED, MAX_POINTS - len(points))
    gap = max(MAX_GAP * size, gaps.sum() / room) if room else np.inf
    pieces = np.maximum(np.ceil(gaps / gap).astype(int), 1)
    owner = np.repeat(np.arange(len(points)), pieces)
    share = (np.arange(len(owner)) - (np.cumsum(pieces) - pieces)[owner]) / pieces[owner]
    return points[owner] + share * steps[owner], np.add.reduceat(pieces, starts)


def _bent_strokes(points, counts, move, bend, random):
    """Shifts and bends each stroke by control points along it.

    Args:
        points: Complex, stroke by stroke.
        counts: Number of points of each stroke.
        move: How far the control points of a very short, straight stroke go in x and in y, at most.
        bend: How far each of them goes by itself, as a share of the stroke's extent, at most.
        random: `numpy.random.Generator`.
    Returns: Complex, like `points`.
    """
    starts = np.cumsum(counts) - counts
    ends = starts + counts - 1
    gaps = np.abs(np.diff(points, append=points[-1]))
    gaps[ends] = 0
    lengths = np.add.reduceat(gaps, starts)
    mean_length = lengths.mean()
    relative = lengths / mean_length if mean_length > 0 else lengths  # Dots alone have no length.
    chords = np.abs(points[ends] - points[starts])
    curvatures = 1 - np.divide(chords, lengths, out=np.ones_like(lengths), where=lengths > 0)
    moves = move * np.exp(-LENGTH_WEIGHT * relative - CURVATURE_WEIGHT * curvatures)
    width, height = (
        np.maximum.reduceat(places, starts) - np.minimum.reduceat(places, starts)
        for places in (points.real, points.imag)
    )
    bends = np.minimum(moves, bend * np.hypot(width, height))
    controls = starts + np.rint(np.array(CONTROLS)[:, None] * (counts - 1)).astype(int)
    sources = points[controls]
    targets = (
        sources + moves * _random_moves(random, len(counts)) + bends * _random_moves(random, sources.shape)
    )
    owner = np.repeat(np.arange(len(counts)), counts)
    return _moved(points, sources[:, owner], targets[:, owner], "rigid", falloff=1.0)


def _random_moves(random, shape):
    """Complex numbers whose real and imaginary parts are uniform in [-1, 1]."""
    return random.uniform(-1, 1, shape) + 1j * random.uniform(-1, 1, shape)
