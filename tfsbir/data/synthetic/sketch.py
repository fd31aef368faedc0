"""A clumsy hand: the visible outlines of parts as strokes, in the order in which somebody draws them."""

import itertools

import cv2
import numpy as np

from tfsbir.data.synthetic.shapes import DETAIL, SHIFT, SIZE, box_corner, fixed, mask_of
from tfsbir.strokes.vector_sketch import VectorSketch

STEP = 3.0  # px between the points of a stroke.


def draw_sketch(parts, random, clumsiness=1.0):
    """Draws the visible outlines of parts as somebody does who cannot draw well.

    The outline comes first, then the other pieces from the largest to the smallest, then the details. The
    whole is warped and squeezed, each part is a little misplaced and out of scale, lines tremble, overshoot
    their ends and are begun anew at corners, and some details are forgotten.

    Args:
        parts: List of `Part` in px, y down.
        random: `numpy.random.Generator` of the hand.
        clumsiness: Float >= 0; 0 traces the outlines, 1 is an ordinary person.
    Returns: `(sketch, missing)`: a `VectorSketch` in the frame (0, 0, 256, 256), and the set of those of the
        parts' attributes of which nothing was drawn.
    """
    is_drawn = _remembered(parts, random, clumsiness)
    strokes, owners = [], []
    for index, lines in _visible_lines(parts, is_drawn):
        for line in lines:
            begun = _begun_anew(line, random, clumsiness)
            strokes += begun
            owners += [index] * len(begun)
    shown = {parts[index].attribute for index in owners}
    counts = np.array([len(stroke) for stroke in strokes])
    points = np.concatenate(strokes)
    points = _misplaced(points, np.repeat(owners, counts), random, clumsiness)
    points = _bent(_trembling(points, counts, random, clumsiness), random, clumsiness)
    points = _on_paper(points, random)
    sketch = VectorSketch(np.split(points, np.cumsum(counts)[:-1]), (0, 0, SIZE, SIZE))
    return sketch, {part.attribute for part in parts} - shown


def _remembered(parts, random, clumsiness):
    """Returns for every part whether it is drawn: some kinds of details are forgotten, and some details."""
    kinds = sorted({part.attribute for part in parts if part.level == DETAIL and part.attribute})
    forgotten = {
        kind for kind, draw in zip(kinds, random.random(len(kinds)), strict=True) if draw < 0.12 * clumsiness
    }
    is_skipped = random.random(len(parts)) < 0.06 * clumsiness
    return [
        part.level != DETAIL or not (part.attribute in forgotten or is_skipped[index])
        for index, part in enumerate(parts)
    ]


def _drawing_order(parts):
    """Sorts by level, then the outlines and other pieces by size; details stay together as they are made."""

    def key(index):
        part = parts[index]
        if part.level == DETAIL:
            return part.level, index
        points = np.concatenate(part.contours)
        return part.level, -float(np.prod(points.max(axis=0) - points.min(axis=0)))

    return sorted(range(len(parts)), key=key)


def _visible_lines(parts, is_drawn):
    """Yields, in drawing order, the index of a part and those pieces of its lines that are to be drawn.

    What a part in front hides is not drawn, and where two parts meet the line is drawn once.
    """
    owner, inner = _owners(parts)
    lines, indices = [], []
    for index in _drawing_order(parts):
        if is_drawn[index]:
            part = parts[index]
            contours = part.contours if part.spine is None else (part.spine,)
            lines += [np.concatenate([line, line[:1]]) for line in contours] if _is_closed(part) else contours
            indices += [index] * len(contours)
    points, counts = _resampled(lines)
    column, row = np.rint(points).astype(np.intp).clip(0, SIZE - 1).T
    is_seen = owner[row, column] <= np.repeat(indices, counts)
    for parent, area in inner.items():
        is_elsewhere = np.repeat([parts[index].clip != parent for index in indices], counts)
        is_seen &= area[row, column] | is_elsewhere
    drawn = np.zeros((SIZE, SIZE), np.uint8)
    ends = np.cumsum(counts)
    for index, places in itertools.groupby(range(len(lines)), key=indices.__getitem__):
        pieces = []
        for place in places:
            span = slice(ends[place] - counts[place], ends[place])
            is_new = is_seen[span] & (drawn[row[span], column[span]] == 0)
            pieces += _runs(points[span], is_new, _is_closed(parts[index]))
        if pieces:
            cv2.polylines(drawn, [fixed(piece) for piece in pieces], False, 255, 5, shift=SHIFT)
            yield index, pieces


def _is_closed(part):
    return part.spine is None and not part.line_width


def _owners(parts):
    """Returns whose part each pixel shows, -1 for none, and of parents of clipped parts their inner areas."""
    # A clipped part ends short of its parent's rim, which the parent's own outline draws.
    inner = {}
    for parent in sorted({part.clip for part in parts if part.clip is not None}):
        whole = np.zeros((SIZE, SIZE), np.uint8)
        cv2.fillPoly(whole, [fixed(contour) for contour in parts[parent].contours], 255, shift=SHIFT)
        inner[parent] = cv2.erode(whole, np.ones((5, 5), np.uint8)) > 0
    owner = np.full((SIZE, SIZE), -1, np.int16)
    for index, part in enumerate(parts):
        if part.clip is not None and not part.line_width:
            mask, left, top = mask_of(part)
            window = slice(top, top + mask.shape[0]), slice(left, left + mask.shape[1])
            owner[window][(mask > 127) & inner[part.clip][window]] = index
        elif not part.line_width:
            cv2.fillPoly(owner, [fixed(contour) for contour in part.contours], index, shift=SHIFT)
    return owner, inner


def _resampled(lines):
    """Puts points every `STEP` px along lines; returns `(points, 2)`, and `(lines,)` how many each has."""
    vertices = np.concatenate(lines)
    lasts = np.cumsum([len(line) for line in lines]) - 1
    firsts = np.concatenate([[0], lasts[:-1] + 1])
    steps = vertices[1:] - vertices[:-1]
    # One way through all lines; from each to the next it jumps by one, where no point is put.
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    lengths[lasts[:-1]] = 1.0
    way = np.concatenate([[0.0], np.cumsum(lengths)])
    whole = way[lasts] - way[firsts]
    counts = np.maximum(np.rint(whole / STEP).astype(np.intp) + 1, 2)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    places = np.repeat(way[firsts], counts) + number * np.repeat(whole / (counts - 1), counts)
    return np.stack([np.interp(places, way, vertices[:, axis]) for axis in (0, 1)], axis=1), counts


def _runs(line, is_seen, is_closed, shortest=3):
    """Cuts a line into its seen pieces of at least `shortest` points."""
    if is_seen.all():
        return [line]
    if is_closed and is_seen[0]:
        # A closed line begins where it comes into sight.
        start = int(is_seen.argmin())
        line = np.concatenate([line[start:-1], line[:start]])
        is_seen = np.concatenate([is_seen[start:-1], is_seen[:start]])
    edges = np.flatnonzero(is_seen[1:] != is_seen[:-1]) + 1
    bounds = [0, *edges.tolist(), len(line)]
    first = 0 if is_seen[0] else 1
    pairs = zip(bounds[first:-1:2], bounds[first + 1 :: 2], strict=True)
    return [line[a:b] for a, b in pairs if b - a >= shortest]


def _begun_anew(line, random, clumsiness):
    """Cuts a long line into strokes, most likely at its corners; each goes down or to the right."""
    cuts = []
    if len(line) > 24 and (count := min(random.poisson(0.012 * clumsiness * len(line)), 4)):
        turns = line[6:] + line[:-6] - 2 * line[3:-3]
        chances = np.cumsum((np.hypot(turns[:, 0], turns[:, 1]) + 0.5) ** 2)
        cuts = np.unique(3 + np.searchsorted(chances, random.random(count) * chances[-1])).tolist()
    strokes, start = [], 0
    for end in (*cuts, len(line) - 1):
        if end - start >= 2 or not strokes:
            strokes.append(line[start : end + 1])
            start = end
    return [stroke[::-1] if _goes_back(stroke) else stroke for stroke in strokes]


def _goes_back(stroke):
    (x0, y0), (x1, y1) = stroke[0].tolist(), stroke[-1].tolist()
    return x1 + y1 < x0 + y0 - STEP


def _misplaced(points, owners, random, clumsiness):
    """Draws each part a little beside its place, out of scale and turned."""
    num = owners.max() + 1
    factors = 1 + clumsiness * random.normal(0.0, 0.035, (num, 2))
    shifts = clumsiness * random.normal(0.0, 1.7, (num, 2))
    turns = clumsiness * random.normal(0.0, 0.015, num)[owners]
    counts = np.maximum(np.bincount(owners, minlength=num), 1)
    centers = np.stack([np.bincount(owners, points[:, axis], num) / counts for axis in (0, 1)], axis=1)
    centers = centers[owners]
    x, y = ((points - centers) * factors[owners]).T
    turned = np.stack([np.cos(turns) * x - np.sin(turns) * y, np.sin(turns) * x + np.cos(turns) * y], axis=1)
    return turned + centers + shifts[owners]


def _trembling(points, counts, random, clumsiness):
    """Shakes each stroke smoothly, fast and slow, and lets it run past its ends."""
    num = len(counts)
    ends = np.cumsum(counts) - 1
    starts = ends - counts + 1
    extra = clumsiness * np.maximum(random.normal(0.4, 2.0, (2, num, 1)), 0.0)
    longer = points.copy()
    longer[starts] += extra[0] * _unit(points[starts] - points[starts + 1])
    longer[ends] += extra[1] * _unit(points[ends] - points[ends - 1])
    waves = 2 * np.pi / random.uniform((7, 14, 34), (14, 34, 90), (num, 3))
    phases = random.uniform(0, 2 * np.pi, (num, 3))
    # A short stroke is drawn surely.
    sure = np.minimum(1.0, counts / 20)[:, None, None]
    heights = clumsiness * sure * random.normal(0.0, 1.0, (num, 3, 2)) * np.array([[0.25], [0.45], [0.9]])
    line = np.repeat(np.arange(num), counts)
    step = np.arange(len(points)) - starts[line]
    return longer + np.einsum("pw,pwd->pd", np.sin(step[:, None] * waves[line] + phases[line]), heights[line])


def _bent(points, random, clumsiness):
    """Bends the whole smoothly, with a turn and a squeeze."""
    turn = clumsiness * random.normal(0.0, 0.04)
    squeeze = np.exp(clumsiness * random.uniform(-0.1, 0.1))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    waves = random.normal(0.0, 1.0, (3, 2)) * 2 * np.pi / 330.0
    phases, heights = random.uniform(0, 2 * np.pi, 3), clumsiness * random.normal(0.0, 2.8, (3, 2))
    return points @ (rotation * (squeeze, 1 / squeeze)).T + np.sin(points @ waves.T + phases) @ heights


def _on_paper(points, random):
    """Sizes and places the whole: a hand does not see how large the object was in the photo, nor where."""
    low, high = points.min(axis=0), points.max(axis=0)
    factor = random.uniform(0.66, 0.87) * SIZE / np.max(high - low)
    return (points - low) * factor + box_corner((high - low) * factor, random.uniform(-32, 32, 2))


def _unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)  # Two equal points.
