"""Structured Edges: edge maps by a trained forest, the detector of paper 1."""

import functools
import gzip
import hashlib
import io
import json
import os
import re
import tempfile
import zlib
from pathlib import Path

import cv2
import numpy as np

from tfsbir.data.edge_maps import LINE_SOFTNESS, check_photo, soft_lines
from tfsbir.errors import InputError

# Strength above which a pixel is a line. The published edge maps of QMUL are lines of one darkness, so they
# were thresholded too, but the paper does not say where.
THRESHOLD = 0.1
MAX_MODEL_BYTES = 512 * 2**20  # Unpacked.

# What OpenCV's converter of trained models writes, always; other numbers could send its detector astray.
_OPTIONS = {
    "numberOfTrees": 8,
    "numberOfTreesToEvaluate": 4,
    "selfsimilarityGridSize": 5,
    "stride": 2,
    "shrinkNumber": 2,
    "patchSize": 32,
    "patchInnerSize": 16,
    "numberOfGradientOrientations": 4,
    "gradientSmoothingRadius": 0,
    "regFeatureSmoothingRadius": 2,
    "ssFeatureSmoothingRadius": 8,
    "gradientNormalizationRadius": 4,
}
_ARRAYS = ("childs", "featureIds", "thresholds", "edgeBoundaries", "edgeBins")
_NUM_TREES = _OPTIONS["numberOfTrees"]
_PATCH_SIZE = _OPTIONS["patchSize"]
# Colour, and a gradient's magnitude and orientations at two scales.
_NUM_CHANNELS = 3 + 2 * (1 + _OPTIONS["numberOfGradientOrientations"])
_NUM_CELLS = _OPTIONS["selfsimilarityGridSize"] ** 2
# The cells of the shrunken patch, and the differences between each two cells of the coarse grid.
_NUM_FEATURES = _NUM_CHANNELS * (
    (_PATCH_SIZE // _OPTIONS["shrinkNumber"]) ** 2 + _NUM_CELLS * (_NUM_CELLS - 1) // 2
)
_NUM_BINS = _NUM_CHANNELS * _OPTIONS["patchInnerSize"] ** 2
# Those of the authors' detector: how far a line suppresses what runs beside it (px) and by how much, and
# how far from the border lines fade (px).
_NMS_RADIUS, _NMS_FACTOR, _FADE = 1, 1.01, 5


class StructuredEdges:
    """Draws the edges of a photo as black lines on white, as a structured forest sees them.

    The forest is OpenCV's `model.yml.gz`, which is not part of this library. The strengths it finds are
    thinned to their ridges, and what is above `threshold` is drawn as `edge_map` draws its lines. Threads may
    share it.

    Args:
        model_path: The forest as YAML, `.yml` or `.yml.gz`, in the form of OpenCV's converter.
        threshold: Strength above which a pixel is a line, in (0, 1).
    Call arguments:
        photo: `(height, width, 3)`, `(height, width, 1)` or `(height, width)` uint8, RGB or grey.
    Returns: `(height, width, 1)` uint8; 0 is line, 255 is paper, between them the lines' soft rims.
    Raises: `InputError` if the file is missing, larger than `MAX_MODEL_BYTES` or no such forest, which is
        checked to the last number, since OpenCV would read past its arrays; also where OpenCV is installed
        without its extra modules. `ValueError` if `threshold` is not in (0, 1), and for a photo of another
        shape; `TypeError` for one that is not uint8.
    Source: Dollar and Zitnick, "Structured Forests for Fast Edge Detection", ICCV 2013;
        Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 5.1.
    """

    def __init__(self, model_path, threshold=THRESHOLD):
        if not 0 < threshold < 1:
            raise ValueError(f"`threshold` must be in (0, 1). Received: {threshold}")
        if not hasattr(cv2, "ximgproc"):
            raise InputError(
                "`edge_model` must have OpenCV's extra modules: install opencv-contrib-python-headless in "
                f"place of opencv-python-headless. Received: OpenCV {cv2.__version__} without ximgproc"
            )
        path = Path(model_path)
        data = _read(path)
        try:
            text = _unpack(data)
            _check_forest(text.decode("ascii"))
            # OpenCV reads what was checked, whatever the file is called and whoever is writing to it.
            with tempfile.TemporaryDirectory() as folder:
                checked = Path(folder, "forest.yml")
                checked.write_bytes(text)
                self._forest = cv2.ximgproc.createStructuredEdgeDetection(str(checked))
        except (ValueError, cv2.error) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: expected a forest such as OpenCV's model.yml.gz; {reason}") from None
        self.threshold = threshold
        self.description = (
            f"structured_edges sha256={hashlib.sha256(text).hexdigest()} threshold={threshold} "
            f"softness={LINE_SOFTNESS}"
        )

    def __call__(self, photo):
        check_photo(photo)
        height, width = photo.shape[:2]
        photo = photo.reshape(height, width, -1)
        if photo.shape[2] == 1:
            photo = np.repeat(photo, 3, axis=2)
        # The detector needs a patch of pixels each way; what is added shows no edge.
        bottom, right = max(0, _PATCH_SIZE - height), max(0, _PATCH_SIZE - width)
        photo = cv2.copyMakeBorder(photo, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        strength = self._forest.detectEdges(photo.astype(np.float32) / 255.0)
        orientation = self._forest.computeOrientation(strength)
        ridges = self._forest.edgesNms(strength, orientation, r=_NMS_RADIUS, s=_FADE, m=_NMS_FACTOR)
        is_line = ridges[:height, :width] >= self.threshold
        return soft_lines(is_line.astype(np.uint8) * 255)


def structured_edges(model_path):
    """Returns the `StructuredEdges` of a file, made once in a process while the file stays the same."""
    path = os.path.abspath(model_path)
    try:
        state = os.stat(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    return _structured_edges(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=2)
def _structured_edges(path, size, modified):
    return StructuredEdges(path)


def _unreadable(path, error):
    return InputError(f"{path}: expected a forest such as OpenCV's model.yml.gz; {error.strerror.lower()}")


def _read(path):
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(data) > MAX_MODEL_BYTES:
        raise InputError(f"{path}: expected a forest of at most {MAX_MODEL_BYTES} bytes; found more")
    return data


def _unpack(data):
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as file:
            text = file.read(MAX_MODEL_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"it cannot be unpacked ({error})") from None
    if len(text) > MAX_MODEL_BYTES:
        raise ValueError(f"unpacked it has more than {MAX_MODEL_BYTES} bytes")
    return text


def _check_forest(text):
    """Raises `ValueError` if OpenCV, walking the forest, would leave its arrays or go in circles."""
    options, arrays = _parse(text)
    for name, value in _OPTIONS.items():
        if options.get(name) != value:
            raise ValueError(f"its {name} is {options.get(name)} instead of {value}")
    child = _integers("childs", arrays)
    num_nodes = len(child) // _NUM_TREES
    if num_nodes == 0 or len(child) % _NUM_TREES:
        raise ValueError(f"its childs are {len(child)}, not the same number for {_NUM_TREES} trees")
    for name in ("featureIds", "thresholds"):
        if len(arrays[name]) != len(child):
            raise ValueError(f"its {name} are {len(arrays[name])} instead of {len(child)}")
    # A node goes on to the nodes child - 1 and child of its tree, further down; a leaf's child is 0.
    node = np.tile(np.arange(num_nodes), _NUM_TREES)
    if not np.all((child == 0) | ((child > node + 1) & (child < num_nodes))):
        raise ValueError("its childs do not form trees")
    _check_range("featureIds", _integers("featureIds", arrays), _NUM_FEATURES)
    bins = _integers("edgeBins", arrays)
    _check_range("edgeBins", bins, _NUM_BINS)
    boundaries = _integers("edgeBoundaries", arrays)
    # One boundary a node or more, of which OpenCV takes the first, and the end.
    if len(boundaries) <= len(child):
        raise ValueError(f"its edgeBoundaries are {len(boundaries)} for {len(child)} nodes")
    _check_range("edgeBoundaries", boundaries, len(bins) + 1)
    if np.any(np.diff(boundaries) < 0):
        raise ValueError("its edgeBoundaries fall")


def _parse(text):
    """Returns the options and the arrays of a forest in YAML.

    Only the form that OpenCV's converter writes is taken, so that what passes is what OpenCV will read: a
    name at the start of a line, below it indented lines `name: 1` (the options) or `- [1, 2, 3]`.
    """
    head, *sections = re.split(r"^(?=[a-zA-Z])", text, flags=re.MULTILINE)
    if not re.fullmatch(r"%YAML:1\.0 *\n(---)?[ \n]*", head):
        raise ValueError("it does not begin with %YAML:1.0")
    bodies = {}
    for section in sections:
        name, _, body = section.partition(":")
        if name not in ("options", *_ARRAYS) or name in bodies:
            raise ValueError(f"it has {name[:40]!r}, unknown or a second time")
        bodies[name] = body
    for name in ("options", *_ARRAYS):
        if name not in bodies:
            raise ValueError(f"it has no {name}")
    options = _parse_options(bodies.pop("options"))
    return options, {name: _parse_rows(name, body) for name, body in bodies.items()}


def _parse_options(body):
    if not re.fullmatch(r" *(\n+ +[a-zA-Z]+: *(0|[1-9][0-9]*) *)+[ \n]*", body):
        raise ValueError("its options are not lines of a name and a whole number")
    lines = re.findall(r"( +)([a-zA-Z]+): *([0-9]+)", body)
    if len({indent for indent, _, _ in lines}) > 1 or len({name for _, name, _ in lines}) < len(lines):
        raise ValueError("its options are not indented alike or one comes twice")
    return {name: int(value) for _, name, value in lines}


def _parse_rows(name, body):
    *rows, rest = body.split("]")
    arrays, indents = [np.empty(0, np.int64)], set()
    for row in rows:
        found = re.fullmatch(r" *\n[ \n]*(?<=\n)( +)- *\[([0-9.e+, \n-]*)", row)
        if found is None:
            raise ValueError(f"its {name} are not lines of numbers in brackets")
        indents.add(found[1])
        # JSON's numbers are those that OpenCV takes neither for octal ones nor for text.
        arrays.append(np.array(json.loads(f"[{found[2]}]")))
    if rest.strip(" \n") or len(indents) > 1:
        raise ValueError(f"its {name} do not end with a bracket or are not indented alike")
    return np.concatenate(arrays)


def _integers(name, arrays):
    if arrays[name].dtype != np.int64:
        raise ValueError(f"its {name} are not whole numbers")
    return arrays[name]


def _check_range(name, values, limit):
    if len(values) and not (values.min() >= 0 and values.max() < limit):
        raise ValueError(f"its {name} are not in 0..{limit - 1}")
