"""A camera and a clumsy hand: the same parts as a shaded photo and as a sketch."""

import cv2
import numpy as np

SIZE = 256  # Side of all pictures in px.
_SHIFT = 4  # OpenCV takes sixteenths of a pixel.


def draw_photo(parts, scale, random):
    """Paints parts with soft light, on a pale backdrop with a shadow on the floor.

    Args:
        parts: List of `Part` in px, y down.
        scale: px per unit of the object, for the width of lines.
        random: `numpy.random.Generator` of the light and the backdrop.
    Returns: `(256, 256, 3)` uint8 RGB.
    """
    photo = _backdrop(parts, random)
    angle = random.uniform(-2.4, -1.2)
    masks = []
    for part in parts:
        mask = _mask(part, scale)
        if part.clip is not None:
            mask = np.minimum(mask, masks[part.clip])
        masks.append(mask)
        left, top, width, height = cv2.boundingRect(mask)
        window = slice(top, top + height), slice(left, left + width)
        if width == 0:
            continue  # A clipped part may lie beside its parent.
        alpha = mask[window].astype(np.float32) / 255.0
        light = _light(mask[window], angle)
        color = cv2.merge([light * channel for channel in part.color.astype(np.float32)])
        photo[window] = cv2.blendLinear(color, photo[window], alpha, 1.0 - alpha)
    return cv2.convertScaleAbs(photo)


def draw_sketch(parts, random, clumsiness=1.0):
    """Draws the visible outlines of parts as somebody does who cannot draw well.

    The whole is warped and squeezed, each part is a little misplaced and out of scale, lines tremble and
    overshoot their ends, and some details are forgotten.

    Args:
        parts: List of `Part` in px, y down.
        random: `numpy.random.Generator` of the hand.
        clumsiness: Float >= 0; 0 traces the outlines, 1 is an ordinary person.
    Returns: `(256, 256, 1)` uint8, black on white.
    """
    is_forgotten = random.random(len(parts)) < 0.3 * clumsiness
    lines, owners = [], []
    for index, pieces in enumerate(_visible_lines(parts)):
        if not (parts[index].is_detail and is_forgotten[index]):
            lines += pieces
            owners += [index] * len(pieces)
    counts = [len(line) for line in lines]
    points = np.concatenate(lines)
    points = _misplaced(points, np.repeat(owners, counts), random, clumsiness)
    points = _bent(_trembling(points, counts, random, clumsiness), random, clumsiness)
    low, high = points.min(axis=0), points.max(axis=0)
    # A hand fills the paper, however large the object was in the photo.
    factor = (SIZE - 2 * random.uniform(14, 34)) / np.max(high - low)
    points = (points - (low + high) / 2) * factor + SIZE / 2
    # At twice the size a pen may be half a pixel thinner or thicker.
    pen = 1 if random.random() < 0.75 else 2
    paper = np.full((2 * SIZE, 2 * SIZE), 255, np.uint8)
    strokes = np.split(_fixed(2 * points), np.cumsum(counts)[:-1])
    cv2.polylines(paper, strokes, False, 0, pen, cv2.LINE_AA, _SHIFT)
    return cv2.resize(paper, (SIZE, SIZE), interpolation=cv2.INTER_AREA)[..., None]


def _backdrop(parts, random):
    """A pale wall, darker towards the corners, and a soft shadow below the object."""
    place = np.linspace(0, 1, SIZE, dtype=np.float32)
    tint = 250.0 + random.uniform(-4, 2, 3).astype(np.float32)
    fall = 10.0 * ((place - 0.5) ** 2 + (place[:, None] - random.uniform(0.3, 0.6)) ** 2)
    points = np.concatenate([contour for part in parts if part.clip is None for contour in part.contours])
    low, high = points.min(axis=0) / SIZE, points.max(axis=0) / SIZE
    across = np.exp(-(((place - float(low[0] + high[0]) / 2) / (0.36 * float(high[0] - low[0]))) ** 2))
    upwards = np.exp(-(((place - float(high[1]) + 0.01) / 0.035) ** 2))
    grey = fall + 34.0 * upwards[:, None] * across
    return cv2.merge([channel - grey for channel in tint])


def _light(mask, angle):
    """Brightness of a part: falls off away from the light and towards the part's rim."""
    inside = cv2.blur(mask, (13, 13), borderType=cv2.BORDER_CONSTANT).astype(np.float32) / 255.0
    height, width = mask.shape
    across = np.linspace(-0.08, 0.08, width, dtype=np.float32) * float(np.cos(angle))
    down = np.linspace(-0.08, 0.08, height, dtype=np.float32) * float(np.sin(angle))
    return 0.2 * inside + (0.85 + across + down[:, None])


def _mask(part, scale):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    contours = [_fixed(contour) for contour in part.contours]
    if part.line_width:
        cv2.polylines(mask, contours, False, 255, _pen(part, scale), cv2.LINE_AA, _SHIFT)
    else:
        cv2.fillPoly(mask, contours, 255, cv2.LINE_AA, _SHIFT)
    return mask


def _pen(part, scale):
    return max(1, round(part.line_width * scale))


def _fixed(points):
    return np.rint(points * 2**_SHIFT).astype(np.int32)[:, None]


def _visible_lines(parts):
    """Yields for every part a list of those pieces of its lines that no later part hides."""
    owner = np.full((SIZE, SIZE), -1, np.int32)
    # A clipped part ends short of its parent's rim, which the parent's own outline draws.
    parents = {part.clip for part in parts if part.clip is not None}
    inner = {
        index: cv2.erode(_mask(parts[index], SIZE), np.ones((5, 5), np.uint8)) > 127 for index in parents
    }
    for index, part in enumerate(parts):
        if part.clip is not None and not part.line_width:
            owner[(_mask(part, SIZE) > 127) & inner[part.clip]] = index
        elif not part.line_width:
            cv2.fillPoly(owner, [_fixed(contour) for contour in part.contours], index, shift=_SHIFT)
    for index, part in enumerate(parts):
        is_open = part.line_width > 0 or part.spine is not None
        pieces = []
        for contour in (part.spine,) if part.spine is not None else part.contours:
            line = _resample(contour if is_open else np.concatenate([contour, contour[:1]]))
            column, row = np.clip(np.rint(line).astype(int), 0, SIZE - 1).T
            is_seen = owner[row, column] <= index
            if part.clip is not None:
                is_seen &= inner[part.clip][row, column]
            pieces += _runs(line, is_seen)
        yield pieces


def _resample(line, step=2.5):
    """Returns points every `step` px along a line."""
    steps = np.diff(line, axis=0)
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    places = np.linspace(0.0, lengths[-1], max(2, round(lengths[-1] / step) + 1))
    return np.stack([np.interp(places, lengths, line[:, 0]), np.interp(places, lengths, line[:, 1])], axis=1)


def _runs(line, is_seen, shortest=4):
    """Cuts a line into its seen pieces of at least `shortest` points."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_seen, [False]])))
    return [line[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= shortest]


def _misplaced(points, owners, random, clumsiness):
    """Draws each part a little beside its place, out of scale and turned."""
    num = owners[-1] + 1
    factors = 1 + clumsiness * random.normal(0.0, 0.06, (num, 2))
    shifts = clumsiness * random.normal(0.0, 3.0, (num, 2))
    turns = clumsiness * random.normal(0.0, 0.025, num)[owners]
    counts = np.maximum(np.bincount(owners, minlength=num), 1)
    centers = np.stack([np.bincount(owners, points[:, axis], num) / counts for axis in (0, 1)], axis=1)[
        owners
    ]
    x, y = ((points - centers) * factors[owners]).T
    turned = np.stack([np.cos(turns) * x - np.sin(turns) * y, np.sin(turns) * x + np.cos(turns) * y], axis=1)
    return turned + centers + shifts[owners]


def _trembling(points, counts, random, clumsiness):
    """Shakes each line smoothly, fast and slow, and lets it run past its ends."""
    num = len(counts)
    starts = np.cumsum([0, *counts[:-1]])
    ends = starts + np.array(counts) - 1
    extra = clumsiness * np.maximum(random.normal(1.0, 3.0, (2, num, 1)), 0.0)
    longer = points.copy()
    longer[starts] += extra[0] * _unit(points[starts] - points[starts + 1])
    longer[ends] += extra[1] * _unit(points[ends] - points[ends - 1])
    waves = 2 * np.pi / random.uniform((8, 16, 40), (16, 40, 100), (num, 3))
    phases = random.uniform(0, 2 * np.pi, (num, 3))
    heights = clumsiness * random.normal(0.0, 1.0, (num, 3, 2)) * np.array([[0.3], [0.7], [1.6]])
    line = np.repeat(np.arange(num), counts)
    step = np.arange(len(points)) - starts[line]
    return longer + np.einsum("pw,pwd->pd", np.sin(step[:, None] * waves[line] + phases[line]), heights[line])


def _bent(points, random, clumsiness):
    """Bends the whole smoothly, with a turn and a squeeze."""
    turn = clumsiness * random.normal(0.0, 0.05)
    squeeze = np.exp(clumsiness * random.uniform(-0.16, 0.16))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    waves = random.normal(0.0, 1.0, (3, 2)) * 2 * np.pi / 330.0
    phases, heights = random.uniform(0, 2 * np.pi, 3), clumsiness * random.normal(0.0, 7.0, (3, 2))
    return points @ (rotation * (squeeze, 1 / squeeze)).T + np.sin(points @ waves.T + phases) @ heights


def _unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)  # Two equal points.
