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
        random: `numpy.random.Generator` of the light, the backdrop and the sensor's noise.
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
    photo += 1.2 * random.standard_normal((SIZE, SIZE, 1), np.float32)
    return cv2.convertScaleAbs(np.maximum(photo, 0.0))


def draw_sketch(parts, random, clumsiness=1.0):
    """Draws the visible outlines of parts as somebody does who cannot draw well.

    The whole is warped and squeezed, each part is a little misplaced and out of scale, lines tremble,
    overshoot their ends or fall short, and some details are forgotten.

    Args:
        parts: List of `Part` in px, y down.
        random: `numpy.random.Generator` of the hand.
        clumsiness: Float >= 0; 0 traces the outlines, 1 is an ordinary person.
    Returns: `(256, 256, 1)` uint8, black on white.
    """
    bent = _warp(random, clumsiness)
    strokes = []
    for lines, is_detail in _visible_lines(parts):
        if is_detail and random.random() < 0.3 * clumsiness:
            continue
        misplaced = _misplace(np.concatenate(lines), random, clumsiness) if lines else None
        for line in lines:
            strokes.append(bent(_tremble(misplaced(line), random, clumsiness)))
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    # A hand fills the paper, however large the object was in the photo.
    target = SIZE - 2 * random.uniform(14, 34)
    factor = target / np.max(high - low)
    placed = [_fixed(2 * ((stroke - (low + high) / 2) * factor + SIZE / 2)) for stroke in strokes]
    # At twice the size a pen may be half a pixel thinner or thicker.
    pen = 1 if random.random() < 0.75 else 2
    paper = np.full((2 * SIZE, 2 * SIZE), 255, np.uint8)
    cv2.polylines(paper, placed, False, 0, pen, cv2.LINE_AA, _SHIFT)
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
    return tint - (fall + 34.0 * upwards[:, None] * across)[..., None]


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
        cv2.polylines(mask, contours, False, 255, max(1, round(part.line_width * scale)), cv2.LINE_AA, _SHIFT)
    else:
        cv2.fillPoly(mask, contours, 255, cv2.LINE_AA, _SHIFT)
    return mask


def _fixed(points):
    return np.rint(points * 2**_SHIFT).astype(np.int32)[:, None]


def _visible_lines(parts):
    """Yields for every part the pieces of its lines that no later part hides, and whether it is a detail."""
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
        yield pieces, part.is_detail


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


def _warp(random, clumsiness):
    """Returns a smooth bend of the whole paper with a turn and a squeeze."""
    turn = clumsiness * random.normal(0.0, 0.05)
    squeeze = np.exp(clumsiness * random.uniform(-0.16, 0.16))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.diag(
        [squeeze, 1 / squeeze]
    )
    waves = random.normal(0.0, 1.0, (3, 2)) * 2 * np.pi / 330.0
    phases, heights = random.uniform(0, 2 * np.pi, 3), clumsiness * random.normal(0.0, 7.0, (3, 2))

    def bend(points):
        return points @ matrix.T + np.sin(points @ waves.T + phases) @ heights

    return bend


def _misplace(points, random, clumsiness):
    """Returns the error in place, scale and direction with which one part is drawn."""
    center = points.mean(axis=0)
    factor = 1 + clumsiness * random.normal(0.0, 0.06, 2)
    shift = clumsiness * random.normal(0.0, 3.0, 2)
    turn = clumsiness * random.normal(0.0, 0.025)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * factor
    return lambda line: (line - center) @ matrix.T + center + shift


def _tremble(line, random, clumsiness):
    """Shakes a line smoothly, and lets it end too late or too early."""
    steps = np.arange(len(line))[:, None]
    lengths = random.uniform((8, 16, 40), (16, 40, 100))
    shake = np.sin(2 * np.pi * steps / lengths + random.uniform(0, 2 * np.pi, 3))
    sizes = clumsiness * random.normal(0.0, 1.0, (3, 2)) * np.array([[0.3], [0.7], [1.6]])
    shaken = line + shake @ sizes
    extra = clumsiness * random.normal(1.0, 3.0, 2)
    starts = shaken[0] - _unit(shaken[1] - shaken[0]) * max(extra[0], 0)
    ends = shaken[-1] + _unit(shaken[-1] - shaken[-2]) * max(extra[1], 0)
    return np.concatenate([[starts], shaken, [ends]])


def _unit(vector):
    return vector / max(np.linalg.norm(vector), 1e-9)  # Two equal points have no direction.
