"""MidGrain65c: sketches that common65c does not train on, and a gallery with distractors, to test on."""

from pathlib import Path

import tqdm

from tfsbir.data.class_files import flatten, images_by_id, log_few
from tfsbir.data.class_lists import class_folders
from tfsbir.data.common65c import COARSE_SKETCHES, QUERIES, query_ids
from tfsbir.data.drawings import Drawings
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.quickdraw import MARGIN, drawing_files_of, named_drawings, read_drawings
from tfsbir.data.split import Split
from tfsbir.errors import InputError

SKETCHES_PER_CLASS = 200
DISTRACTORS = "distractors"


def midgrain65c(root, split="test", read_photo=EDGES):
    """Reads the test set of mid-grain retrieval, in the folder of `common65c`.

        ROOT/quickdraw/WORD.ndjson     the files that common65c trains on, or WORD.bin
        ROOT/gallery/CLASS/*           photos to find; their folders are the classes
        ROOT/distractors/*             photos of anything else; may be left out
        ROOT/queries.txt               `key_id`s of the sketches to ask with, one a line; may be left out

    The paper's photos (of a stock agency) and the 138 sketches that it chose by hand were not published. Who
    has their `key_id`s writes them to `queries.txt`; the files are then read whole, which takes minutes, and
    common65c leaves them out. Else the sketches are the 200 of every class that follow the 1,000 of
    common65c in its file. Which photos look like a sketch, beyond its class, is not told by these folders.

    Args:
        root: The folder.
        split: "test"; there is no other.
        read_photo: `PhotoReader`, how photos become images.
    Returns: A `Split`: `sketches` are `Drawings`, `photos` are `ImageFiles`. The last of `class_names` is
        "distractors" where there are some; no sketch has it. By the paper 65 classes, 1,247 photos that match
        a sketch, and 100,000 in all.
    Raises: `InputError` if a folder is missing or empty, a class has no drawings, a `key_id` is not found, or
        a drawing cannot be read.
    Source: Bui et al., "Deep Manifold Alignment for Mid-Grain Sketch Based Image Retrieval", ACCV 2018, Sec.
        4.1.
    """
    root = Path(root)
    if split != "test":
        raise InputError(f"`split` must be test, the only one of midgrain65c. Received: {split}")
    folders = class_folders(root / "gallery")
    files = drawing_files_of(root / "quickdraw", folders)
    has_queries = (root / QUERIES).is_file()
    queries = query_ids(root, folders) if has_queries else frozenset()
    sketches = {}
    for key, path in tqdm.tqdm(files.items(), "classes", delay=2, leave=False):
        if has_queries:
            sketches[key] = {i: sketch for i, sketch in named_drawings(path, key) if i in queries}
        else:
            drawings = list(read_drawings(path, key, COARSE_SKETCHES + SKETCHES_PER_CLASS).items())
            sketches[key] = dict(drawings[COARSE_SKETCHES:])
    if has_queries:
        _check_found(root / QUERIES, queries, sketches)
    else:
        log_few("midgrain65c", "held-out drawings", sketches, SKETCHES_PER_CLASS)
    photos = {key: images_by_id(folder, key) for key, folder in folders.items()}
    if (root / DISTRACTORS).is_dir():
        photos[DISTRACTORS] = images_by_id(root / DISTRACTORS, DISTRACTORS)
    drawn, sketch_ids, sketch_labels = flatten(sketches)
    if not sketch_ids:
        raise InputError(
            f"{root / 'quickdraw'}: expected more than {COARSE_SKETCHES} drawings of a class; found no more"
        )
    photo_paths, photo_ids, photo_labels = flatten(photos)
    return Split(
        name="midgrain65c",
        split=split,
        sketches=Drawings(drawn, margin=MARGIN),
        photos=ImageFiles(photo_paths, read_photo, channels=read_photo.channels),
        sketch_ids=sketch_ids,
        photo_ids=photo_ids,
        photo_input=read_photo.photo_input,
        sketch_labels=sketch_labels,
        photo_labels=photo_labels,
        class_names=tuple(photos),
    )


def _check_found(path, queries, sketches):
    wanted = {query.split("/")[1] for query in queries}
    found = {sketch_id.split("/")[1] for drawings in sketches.values() for sketch_id in drawings}
    if wanted != found:
        raise InputError(
            f"{path}: expected key_ids of drawings in quickdraw/; {len(wanted - found)} of {len(wanted)} are "
            f"not there, the first is {min(wanted - found)}"
        )
