"""The grammar of SVG paths, and their curves as chords."""

import math
import re

import numpy as np

# All of a number is possessive: a digit given back could be taken for a number of its own.
NUMBER = r"((?>[-+]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?+))"
COMMA = r"[ \t\r\n\f]*+,?+[ \t\r\n\f]*+"
MAX_NUMBER = 1e9  # No product of a few such numbers overflows.
_COMMAND = re.compile(rf"{COMMA}([MmZzLlHhVvCcSsQqTtAa])")
_NUMBER = re.compile(NUMBER)
_NUMBERS = re.compile(rf"(?:{COMMA}{NUMBER})*+")
_COUNTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7}
# The two flags of an arc need no space behind them, so that they are no numbers like others.
_ARC = re.compile("".join(COMMA + part for part in [NUMBER] * 3 + ["([01])"] * 2 + [NUMBER] * 2))


def parse_path(data):
    """Reads the data of a path as cubic Bézier curves; straight lines are such curves too.

    A subpath that draws nothing is left out, unless it is closed: then it is a dot.

    Args:
        data: Text, the `d` of a path.
    Returns: A list with a `(1 + 3 * curves, 2)` float64 array for each subpath: its first point, then two
        controls and the end of each curve.
    Raises: `ValueError` if `data` is no path or has a number beyond `MAX_NUMBER`.
    Source: Scalable Vector Graphics 1.1, W3C 2011, Sec. 8.3.
    """
    subpaths, subpath = [], None
    start = here = control = (0.0, 0.0)  # `control` is the last one of the curve before.
    before = ""
    for letter, numbers in _commands(data):
        kind = letter.upper()
        if not before and kind != "M":
            raise ValueError(f"expected a path that begins with M; found {letter}")
        if letter.islower():
            numbers = _absolute(kind, numbers, *here)
        if kind == "M":
            start = here = numbers
            subpath = None
        elif kind == "Z":
            if subpath is None and before == "M":
                subpaths.append(start)
            elif subpath is not None and here != start:
                subpath += _line(*here, *start)
            here, subpath = start, None
        else:
            if subpath is None:
                subpath = [*here]
                subpaths.append(subpath)
            # A smooth curve goes on as the one before it, if that was of its kind.
            mirrored = (2 * here[0] - control[0], 2 * here[1] - control[1])
            if kind in "LHV":
                curve = _line(*here, *_end_of_line(kind, numbers, *here))
            elif kind == "A":
                curve = _arc(*here, *numbers)
            elif kind in "CS":
                curve = numbers if kind == "C" else (*(mirrored if before in "CS" else here), *numbers)
                control = curve[2:4]
            else:
                control = numbers[:2] if kind == "Q" else mirrored if before in "QT" else here
                curve = _quadratic(*here, *control, *numbers[-2:])
            subpath += curve
            here = tuple(curve[-2:])
        before = kind
    return [np.array(subpath).reshape(-1, 2) for subpath in subpaths]


def flatten(subpaths, tolerance, max_points):
    """Turns curves into chords.

    Args:
        subpaths: List of arrays as `parse_path` returns them, of finite numbers.
        tolerance: Float > 0, how far a curve may be from its chords.
        max_points: The most points of all subpaths.
    Returns: A list of `(points, 2)` float64 arrays, the curves' ends among the points, unchanged.
    Raises: `ValueError` if that takes more than `max_points` points.
    """
    if not subpaths:
        return []
    controls = [
        np.concatenate([subpath[place::3][: len(subpath) // 3] for subpath in subpaths]) for place in range(4)
    ]
    # A chord over a time h strays by h^2 / 8 of the largest second derivative at most, which is 6 times the
    # larger one of the controls' second differences.
    bends = [a - 2 * b + c for a, b, c in (controls[:3], controls[1:])]
    bend = np.max([np.hypot(*bend.T) for bend in bends], axis=0)
    num_chords = np.maximum(np.ceil(np.sqrt(0.75 / tolerance * bend)), 1)
    if num_chords.sum() + len(subpaths) > max_points:
        raise ValueError(f"expected at most {max_points} points; found curves that take more")
    num_chords = num_chords.astype(int)
    stop = np.cumsum(num_chords)
    curve = np.repeat(np.arange(len(stop)), num_chords)
    time = ((np.arange(len(curve)) - (stop - num_chords)[curve] + 1) / num_chords[curve])[:, None]
    rest = 1 - time
    weights = rest**3, 3 * rest**2 * time, 3 * rest * time**2, time**3
    points = sum(weight * control[curve] for weight, control in zip(weights, controls, strict=True))
    last_curves = np.cumsum([len(subpath) // 3 for subpath in subpaths]) - 1
    parts = np.split(points, np.concatenate([[0], stop])[last_curves[:-1] + 1])
    return [np.concatenate([subpath[:1], part]) for subpath, part in zip(subpaths, parts, strict=True)]


def _commands(data):
    """Yields each command's letter and its numbers; a letter that is left out is given again."""
    data = data.rstrip(" \t\r\n\f")
    position, letter = 0, ""
    while position < len(data):
        if command := _COMMAND.match(data, position):
            letter, position = command[1], command.end()
            if letter in "Zz":
                yield letter, ()
                continue
        if not letter:
            raise ValueError(f"expected a path that begins with M; found {data[:40]!r}")
        count = _COUNTS.get(letter.upper(), 0)
        match = (_ARC if letter in ("A", "a") else _NUMBERS).match(data, position)
        numbers = [] if not match else match.groups() if count == 7 else _NUMBER.findall(match[0])
        if not numbers or not count or len(numbers) % count:
            found = data[position : position + 40]
            raise ValueError(f"expected {count} numbers for each {letter} in a path; found {found!r}")
        position = match.end()
        numbers = tuple(map(float, numbers))
        if max(max(numbers), -min(numbers)) > MAX_NUMBER:
            raise ValueError(f"expected numbers up to {MAX_NUMBER:.0e} in a path; found {match[0][:80]!r}")
        for start in range(0, len(numbers), count):
            yield letter, numbers[start : start + count]
            # More pairs behind those of a move are lines.
            letter = {"M": "L", "m": "l"}.get(letter, letter)


def _absolute(kind, numbers, x, y):
    if kind == "H":
        return (numbers[0] + x,)
    if kind == "V":
        return (numbers[0] + y,)
    first = 5 if kind == "A" else 0
    return (*numbers[:first], *(number + (x, y)[i % 2] for i, number in enumerate(numbers[first:])))


def _end_of_line(kind, numbers, x, y):
    if kind == "H":
        return numbers[0], y
    if kind == "V":
        return x, numbers[0]
    return numbers


def _line(x0, y0, x1, y1):
    return _quadratic(x0, y0, (x0 + x1) / 2, (y0 + y1) / 2, x1, y1)


def _quadratic(x0, y0, x1, y1, x2, y2):
    return (x0 + 2 * x1) / 3, (y0 + 2 * y1) / 3, (2 * x1 + x2) / 3, (2 * y1 + y2) / 3, x2, y2


def _arc(x0, y0, rx, ry, turn, is_large, is_clockwise, x1, y1):
    """Returns an elliptic arc as curves of an eighth turn at most, within 5e-6 of the larger radius.

    Source: Scalable Vector Graphics 1.1, W3C 2011, F.6.5 and F.6.6.
    """
    rx, ry = abs(rx), abs(ry)
    if min(rx, ry) < 1 / MAX_NUMBER or (x0, y0) == (x1, y1):
        return _line(x0, y0, x1, y1)
    cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    # Half the way back, in the ellipse's own axes, where it is the unit circle.
    half_x = (cosine * (x0 - x1) + sine * (y0 - y1)) / 2 / rx
    half_y = (cosine * (y0 - y1) - sine * (x0 - x1)) / 2 / ry
    square = half_x**2 + half_y**2
    if square < 1e-24:  # As good as no way at all.
        return _line(x0, y0, x1, y1)
    if square > 1:  # Radii too small to reach the end grow until they do.
        rx, ry = rx * math.sqrt(square), ry * math.sqrt(square)
        half_x, half_y, square = half_x / math.sqrt(square), half_y / math.sqrt(square), 1.0
    offset = math.sqrt(1 / square - 1) * (1 if is_large != is_clockwise else -1)
    center_x, center_y = offset * half_y, -offset * half_x
    angle = math.atan2(half_y - center_y, half_x - center_x)
    sweep = math.atan2(-half_y - center_y, -half_x - center_x) - angle
    if is_clockwise and sweep < 0:
        sweep += 2 * math.pi
    elif not is_clockwise and sweep > 0:
        sweep -= 2 * math.pi

    def placed(x, y):
        x, y = rx * (x + center_x), ry * (y + center_y)
        return cosine * x - sine * y + (x0 + x1) / 2, sine * x + cosine * y + (y0 + y1) / 2

    count = max(1, math.ceil(abs(sweep) / (math.pi / 4) - 1e-9))
    step = sweep / count
    handle = 4 / 3 * math.tan(step / 4)
    curves = []
    for _ in range(count):
        c, s = math.cos(angle), math.sin(angle)
        angle += step
        d, t = math.cos(angle), math.sin(angle)
        curves += (
            *placed(c - handle * s, s + handle * c),
            *placed(d + handle * t, t - handle * d),
            *placed(d, t),
        )
    return (*curves[:-2], x1, y1)
