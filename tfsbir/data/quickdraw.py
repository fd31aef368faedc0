"""Quick, Draw!: 345 classes of drawings from a game, as strokes."""

import itertools
from pathlib import Path

import numpy as np
import tqdm

from tfsbir.data.class_files import classes_of_split, flatten, keep_split
from tfsbir.data.class_lists import class_key
from tfsbir.data.drawings import Drawings
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.split import Split
from tfsbir.errors import InputError
from tfsbir.strokes.quickdraw import read_bin, read_ndjson
from tfsbir.strokes.reading import bounding_frame
from tfsbir.strokes.vector_sketch import VectorSketch

TEST_SHARE = 0.1
MARGIN = 16  # White border around a drawing in px of 256.

# Classes of Sketchy and QuickDraw-Extended that Quick, Draw! calls by another name.
WORDS = {"crocodilian": "crocodile", "eiffel_tower": "the_eiffel_tower", "motorcycle": "motorbike"}

_READERS = {".ndjson": read_ndjson, ".bin": read_bin}
# How a browser names what it downloads from the folders full/simplified, full/raw and full/binary.
_PREFIXES = ("full_simplified_", "full_raw_", "full_binary_")


def quickdraw(root, split, read_photo=EDGES, unseen_classes=None, max_per_class=None):
    """Reads one split of Quick, Draw!: sketches without photos.

        ROOT/WORD.ndjson     simplified or raw drawings, one JSON object a line
        ROOT/WORD.bin        or simplified ones in the binary form

    The simplified form of a drawing begins at the paper's upper left and touches its edges, and where it was
    drawn is lost. So a drawing is fitted into the picture and centred, with a border of 16 of 256 px.

    Drawings that the game did not recognize count like the others: the papers that train on this set do not
    leave them out. Without a list of classes a tenth of every class is held out by `key_id` (`held_out`).

    Args:
        root: The folder.
        split: "train" or "test".
        read_photo: `PhotoReader`, the form of photos that there are none of.
        unseen_classes: Path of a list of classes: "test" has these, "train" all others.
        max_per_class: Number of drawings to read from every file, its first; by default all. The whole set
            has 50 million and does not fit into memory.
    Returns: A `Split`: `sketches` are `Drawings`, `photos` an empty array. Ids are `CLASS/KEY_ID`, or
        `CLASS/drawing-N` (its place in the file, from 1) of a drawing without a `key_id`. In all 345 classes.
    Raises: `InputError` if the folder is missing or has no drawings, there are two files for one class, or a
        file cannot be read; `ValueError` if `max_per_class` is below 1.
    Source: Google, "The Quick, Draw! Dataset", 2017 (CC BY 4.0).
    """
    if max_per_class is not None and max_per_class < 1:
        raise ValueError(f"`max_per_class` must be at least 1. Received: {max_per_class}")
    files = drawing_files(root)
    classes = classes_of_split(files, split, unseen_classes)
    drawings = {}
    for key in tqdm.tqdm(classes, "classes", delay=2, leave=False):
        drawings[key] = read_drawings(files[key], key, max_per_class)
        if unseen_classes is None:
            drawings[key] = keep_split(drawings[key], split, TEST_SHARE)
    sketches, sketch_ids, sketch_labels = flatten(drawings)
    return Split(
        name="quickdraw",
        split=split,
        sketches=Drawings(sketches, margin=MARGIN),
        photos=np.empty((0, 256, 256, read_photo.channels), np.uint8),
        sketch_ids=sketch_ids,
        photo_ids=(),
        photo_input=read_photo.photo_input,
        sketch_labels=sketch_labels,
        class_names=classes,
    )


def drawing_files(folder):
    """Lists the files of drawings in `folder`, one a class.

    Returns: A dict from class key to path, in the order of the keys.
    Raises: `InputError` if there is no such folder, no drawing in it, a file without a letter or digit
        in its name, or two of one class.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "it is a file" if folder.exists() else "there is none"
        raise InputError(f"{folder}: expected a folder of Quick, Draw! files, WORD.ndjson; {found}")
    paths = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in _READERS or path.name[0] == ".":
            continue
        stem = path.stem
        for prefix in _PREFIXES:
            stem = stem.removeprefix(prefix)
        try:
            key = class_key(stem)
        except ValueError:
            raise InputError(f"{path}: expected the name of a word; it has no letter or digit") from None
        if key in paths:
            raise InputError(f"{path}: expected one file a class; found {paths[key].name} as well")
        paths[key] = path
    if not paths:
        raise InputError(f"{folder}: expected Quick, Draw! files, WORD.ndjson or WORD.bin; found none")
    return dict(sorted(paths.items()))


def drawing_files_of(folder, keys):
    """Finds the file of drawings of each class; `WORDS` tells where it has another name.

    Returns: A dict from each of the class keys to path.
    Raises: `InputError` as `drawing_files`, or if a class has no file.
    """
    files = drawing_files(folder)
    found = {key: files.get(WORDS.get(key, key)) for key in keys}
    for key, path in found.items():
        if path is None:
            word = WORDS.get(key, key).replace("_", " ")
            raise InputError(f"{Path(folder) / word}.ndjson: expected the drawings of {key}; there is none")
    return found


def named_drawings(path, key):
    """Yields `(id, VectorSketch)` of the drawings in one file of the class `key`, as they are read.

    A sketch's frame is its bounding box.
    """
    for number, drawing in enumerate(_READERS[path.suffix](path), start=1):
        strokes = drawing.sketch.strokes
        drawing_id = f"{key}/{drawing.key_id or f'drawing-{number}'}"
        yield drawing_id, VectorSketch(strokes, bounding_frame(strokes))


def read_drawings(path, key, limit=None, skipped_ids=frozenset()):
    """Reads the drawings of one file.

    Args:
        path: The file.
        key: Key of its class.
        limit: Number of drawings to read, by default all.
        skipped_ids: Ids of drawings to leave out; they do not count towards `limit`.
    Returns: A dict from id (`KEY/KEY_ID`, without one `KEY/drawing-N`) to `VectorSketch`, in the order of
        the file.
    Raises: `InputError` if the file cannot be read or has a drawing twice.
    """
    wanted = (pair for pair in named_drawings(path, key) if pair[0] not in skipped_ids)
    drawings = {}
    for drawing_id, sketch in itertools.islice(wanted, limit):
        if drawing_id in drawings:
            raise InputError(f"{path}: expected every drawing once; found {drawing_id} twice")
        drawings[drawing_id] = sketch
    return drawings
