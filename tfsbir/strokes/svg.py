"""Sketches as SVG files, in and out; TU-Berlin's are published so."""

import math
import re
from xml.parsers import expat

import numpy as np

from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.strokes.reading import bounding_frame, read_bytes, reason_of, sketch_of
from tfsbir.strokes.svg_path import COMMA, MAX_NUMBER, NUMBER, flatten, parse_path
from tfsbir.strokes.vector_sketch import MAX_COORDINATE, MAX_POINTS

# The libraries for it did not fit: svgelements had no release after 2023 and took over a second for a path of
# 100,000 points; svgpathtools brings SciPy and svgwrite along. Both accept entities, and end in a
# RecursionError where groups lie deep in each other. What sketches use of SVG is little.
MAX_BYTES = 4 * 2**20
FLATNESS = 1 / 4096  # How far curves may be from their chords, as a share of the frame's longer side.
_WHAT = "an SVG file"
_HIDDEN = frozenset(("defs", "clipPath", "marker", "mask", "pattern", "symbol"))
_IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_NUMBER_LIST = re.compile(rf"(?:{COMMA}{NUMBER})*+{COMMA}")
_NUMBER = re.compile(NUMBER)
_TRANSFORM = re.compile(rf"{COMMA}([a-zA-Z]++)[ \t\r\n\f]*+\(([^()]*+)\)")


def read_svg(path):
    """Reads the strokes of an SVG file.

    Each subpath of a `path`, each `line`, `polyline` and `polygon` is a stroke, in the order of the file,
    under the transforms of its groups and its own. A closed shape ends where it began; a closed shape of one
    point is a dot, and a subpath that draws nothing is no stroke. Curves become chords at most 1 / 4096 of
    the frame's longer side away. What is only defined (`defs`, `symbol`, `clipPath` and the like), other
    shapes, text, images and all styles are left out.

    Args:
        path: The file.
    Returns: A `VectorSketch` whose frame is the view box, else the width and height in px, else the bounding
        box.
    Raises: `InputError` if the file is missing, larger than `MAX_BYTES`, damaged, no SVG, declares entities,
        has an SVG within the SVG, or strokes that a sketch cannot have.
    Source: Scalable Vector Graphics 1.1, W3C 2011, Sec. 7.6 (transforms), 8.3 (paths), F.6 (arcs).
    """
    data = read_bytes(path, _WHAT, MAX_BYTES)
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.EntityDeclHandler = reader.refuse_entity
    try:
        parser.Parse(data, True)
        strokes, frame = reader.strokes_and_frame()
    except (expat.ExpatError, LookupError, ValueError) as error:  # A LookupError is an unknown encoding.
        raise InputError(f"{path}: expected {_WHAT}; {reason_of(error)}") from None
    return sketch_of(strokes, frame, path)


def write_svg(path, sketch, line_width=None):
    """Writes a sketch as an SVG file, atomically; `read_svg` gives back the same points.

    Args:
        path: The file.
        sketch: The `VectorSketch`; its frame becomes the view box.
        line_width: Float > 0, the pen's width in the sketch's units. `None` is 1 / 128 of the frame's longer
            side, as `rasterize` draws it.
    Raises: `ValueError` if `line_width` is not positive and finite.
    """
    left, top, right, bottom = sketch.frame
    if line_width is None:
        line_width = max(right - left, bottom - top) / 128
    if not 0 < line_width < math.inf:
        raise ValueError(f"`line_width` must be > 0 and finite. Received: {line_width}")
    paths = "".join(f'<path d="{_written(stroke)}"/>\n' for stroke in sketch.strokes)
    box = " ".join(map(repr, (left, top, right - left, bottom - top)))
    files.write_text(
        path,
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">\n'
        f'<g fill="none" stroke="black" stroke-width="{line_width!r}" stroke-linecap="round" '
        f'stroke-linejoin="round">\n{paths}</g>\n</svg>\n',
    )


def _written(stroke):
    # NumPy's text of a float32 is the shortest that reads as the same number.
    points = [f"{x!s},{y!s}" for x, y in stroke]
    return f"M{points[0]}L{' '.join(points[1:])}" if len(points) > 1 else f"M{points[0]}z"


class _Reader:
    """Collects the curves of a file while expat goes through its elements."""

    def __init__(self):
        self.frame = None
        self.matrices = []  # Of the open elements.
        self.num_hidden = 0  # Open elements, from the first one on whose content is not drawn.
        self.subpaths = []

    def start(self, name, attributes):
        name = name.rpartition(":")[2]
        if self.num_hidden or name in _HIDDEN:
            self.num_hidden += 1
            return
        if (name == "svg") != (not self.matrices):
            found = "another inside" if self.matrices else f"<{name[:40]}> outside"
            raise ValueError(f"expected one <svg> around everything; found {found}")
        if name == "svg":
            self.frame = _frame(attributes)
        matrix = _transform(
            attributes.get("transform", ""), self.matrices[-1] if self.matrices else _IDENTITY
        )
        self.matrices.append(matrix)
        a, b, c, d, e, f = matrix
        for points in parse_path(_path_data(name, attributes)):
            self.subpaths.append(np.stack([points @ (a, c) + e, points @ (b, d) + f], axis=1))

    def end(self, _):
        if self.num_hidden:
            self.num_hidden -= 1
        else:
            self.matrices.pop()

    def refuse_entity(self, name, *_):
        raise ValueError(f"expected no entities; found {name[:40]!r}")

    def strokes_and_frame(self):
        if self.subpaths and not np.max(np.abs(np.concatenate(self.subpaths))) <= MAX_COORDINATE:
            raise ValueError(f"expected coordinates within +-{MAX_COORDINATE:.0f}; found others")
        frame = self.frame or bounding_frame(self.subpaths)
        tolerance = FLATNESS * max(frame[2] - frame[0], frame[3] - frame[1])
        return flatten(self.subpaths, tolerance, MAX_POINTS), frame


def _path_data(name, attributes):
    """Returns a shape as the data of a path; of what is no shape it is empty."""
    if name == "path":
        return attributes.get("d", "")
    if name in ("polyline", "polygon") and attributes.get("points", "").strip():
        return f"M{attributes['points']}{'z' if name == 'polygon' else ''}"
    if name == "line":
        x1, y1, x2, y2 = (attributes.get(key, "0") for key in ("x1", "y1", "x2", "y2"))
        return f"M{x1},{y1}L{x2},{y2}"
    return ""


def _frame(attributes):
    """Returns the frame that the root element tells, or `None`."""
    if "viewBox" in attributes:
        box = _numbers(attributes["viewBox"])
    else:
        # A share of a page, or a length in mm, says nothing of the strokes' own units.
        sides = [attributes.get(side, "").strip().removesuffix("px") for side in ("width", "height")]
        if not all(map(_NUMBER.fullmatch, sides)):
            return None
        box = [0.0, 0.0, *_numbers(" ".join(sides))]
    if len(box) != 4 or not (box[2] > 0 and box[3] > 0):
        raise ValueError(f"expected a view box of some width and height; found {box[:8]}")
    return box[0], box[1], box[0] + box[2], box[1] + box[3]


def _transform(text, matrix):
    """Returns `matrix` after the transform that `text` tells."""
    position = 0
    while match := _TRANSFORM.match(text, position):
        position = match.end()
        matrix = _product(matrix, _matrix(match[1], _numbers(match[2])))
        if not max(map(abs, matrix)) <= MAX_NUMBER:
            raise ValueError(f"expected transforms up to {MAX_NUMBER:.0e}; found {match[0][:80]!r}")
    if text[position:].strip():
        raise ValueError(f"expected a transform; found {text[position:][:80]!r}")
    return matrix


def _numbers(text):
    if not _NUMBER_LIST.fullmatch(text):
        raise ValueError(f"expected numbers; found {text[:80]!r}")
    numbers = [float(number) for number in _NUMBER.findall(text)]
    if max(map(abs, numbers), default=0) > MAX_NUMBER:
        raise ValueError(f"expected numbers up to {MAX_NUMBER:.0e}; found {text[:80]!r}")
    return numbers


def _matrix(kind, numbers):
    """Returns one transform as (a, b, c, d, e, f), which takes x to a x + c y + e and y to b x + d y + f."""
    match kind, *numbers:
        case "matrix", a, b, c, d, e, f:
            return a, b, c, d, e, f
        case "translate", x, *rest if len(rest) <= 1:
            return 1.0, 0.0, 0.0, 1.0, x, *(rest or [0.0])
        case "scale", x, *rest if len(rest) <= 1:
            return x, 0.0, 0.0, *(rest or [x]), 0.0, 0.0
        case "rotate", angle, *center if len(center) in (0, 2):
            cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            x, y = center or (0.0, 0.0)
            return cosine, sine, -sine, cosine, x - cosine * x + sine * y, y - sine * x - cosine * y
        case "skewX", angle:
            return 1.0, 0.0, math.tan(math.radians(angle)), 1.0, 0.0, 0.0
        case "skewY", angle:
            return 1.0, math.tan(math.radians(angle)), 0.0, 1.0, 0.0, 0.0
    raise ValueError(f"expected a transform; found {kind[:40]!r} with {len(numbers)} numbers")


def _product(outer, inner):
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * m + e, b * k + d * m + f
