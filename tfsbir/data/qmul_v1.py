"""QMUL-Shoe and QMUL-Chair V1: sketches, edge maps of photos, and what people found closer."""

import json
from pathlib import Path

import numpy as np

from tfsbir.data.images import list_images, read_all, read_image
from tfsbir.data.paper import remove_frame
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.split import Split
from tfsbir.errors import InputError

FRAME_WIDTH = 2  # The published edge maps carry a faint frame of 1 px at the border.


def qmul_v1(root, split, read_photo=EDGES):
    """Reads one split of QMUL-Shoe or QMUL-Chair V1.

        ROOT/SPLIT/sketches/ID.png, ROOT/SPLIT/edges/ID.png        256 x 256, black on white
        ROOT/annotation/NAME_annotation.json                       {SPLIT: {images, sketches, triplets}}

    The outermost 2 px of the edge maps are whitened. Triplets are kept as published: row by row, for every
    sketch pairs (closer, farther), in the test split as the majority of three people found, in the training
    split as each of the three did, so that rows may contradict each other.

    Args:
        root: The folder of one category, such as `qmul_v1/shoes`.
        split: "train" or "test".
        read_photo: `PhotoReader` for "edges", which are there ready made; what it finds edges with is not
            used.
    Returns: A `Split` with one sketch a photo. Shoes: 304 and 115 pairs, chairs: 200 and 97; 135
        triplets a sketch to train, 45 to test.
    Raises: `InputError` if a folder or the annotation is missing, empty or malformed, the annotation's lists
        are not the files, an index is out of range, a file cannot be read, or photos are asked for in colour.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016.
    """
    if read_photo.photo_input != "edges":
        raise InputError(
            "`photo_input` of qmul_v1 must be edges, all that is published. "
            f"Received: {read_photo.photo_input}"
        )
    root = Path(root)
    if not (root / split).is_dir():
        raise InputError(f"{root / split}: expected a folder with sketches/ and edges/; there is none")
    annotation_path, annotation = _read_annotation(root, split)
    photo_paths = _files(root / split / "edges", annotation["images"], annotation_path, "images")
    sketch_paths = _files(root / split / "sketches", annotation["sketches"], annotation_path, "sketches")
    photo_ids = tuple(photo_paths)
    for stem, path in sketch_paths.items():
        if stem not in photo_paths:
            raise InputError(f"{path}: expected its photo {root / split / 'edges' / stem}.png; there is none")
    return Split(
        name="qmul_v1",
        split=split,
        sketches=read_all(list(sketch_paths.values()), read_image, f"{split} sketches"),
        photos=read_all(list(photo_paths.values()), read_edges, f"{split} edge maps"),
        sketch_ids=tuple(sketch_paths),
        photo_ids=photo_ids,
        photo_input="edges",
        sketch_photo=np.array([photo_ids.index(stem) for stem in sketch_paths], np.int32),
        triplets=_triplets(annotation["triplets"], len(sketch_paths), len(photo_ids), annotation_path),
    )


def read_edges(path):
    """Reads a published edge map without its frame; `(256, 256, 1)` uint8, `InputError` as `read_image`."""
    return remove_frame(read_image(path), FRAME_WIDTH)


def _read_annotation(root, split):
    """Returns the path of the annotation and its part for `split`, checked down to three lists."""
    found = sorted(path for path in (root / "annotation").glob("*_annotation.json") if path.name[0] != ".")
    if len(found) != 1:
        raise InputError(f"{root / 'annotation'}: expected one file *_annotation.json; found {len(found)}")
    path = found[0]
    try:
        annotation = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: expected JSON; {error}") from None
    part = annotation.get(split) if isinstance(annotation, dict) else None
    if not isinstance(part, dict):
        raise InputError(
            f'{path}: expected an object "{split}" with images, sketches and triplets; there is none'
        )
    for key in ("images", "sketches", "triplets"):
        if not isinstance(part.get(key), list):
            raise InputError(
                f'{path}: expected a list "{key}" in "{split}"; found {type(part.get(key)).__name__}'
            )
    return path, part


def _files(folder, names, annotation_path, key):
    """Returns the folder's files as a dict from stem to path, in the order of the annotation's list."""
    paths = {path.stem: path for path in list_images(folder)}
    stems = [Path(str(name)).stem for name in names]
    if len(set(stems)) != len(stems):
        raise InputError(f'{annotation_path}: expected different names in "{key}"; found one twice')
    for stem in stems:
        if stem not in paths:
            raise InputError(
                f'{annotation_path}: "{key}" names {stem}; expected {folder}/{stem}.png, there is none'
            )
    for stem in paths:
        if stem not in stems:
            raise InputError(
                f'{paths[stem]}: expected its name in "{key}" of {annotation_path}; it is not there'
            )
    return {stem: paths[stem] for stem in stems}


def _triplets(annotated, num_sketches, num_photos, path):
    """Returns rows of sketch, closer photo, farther photo from a list of pairs for every sketch."""
    if len(annotated) != num_sketches:
        raise InputError(f"{path}: expected triplets for {num_sketches} sketches; found {len(annotated)}")
    rows = []
    for sketch, pairs in enumerate(annotated):
        for pair in pairs if isinstance(pairs, list) else [pairs]:
            is_pair = isinstance(pair, list) and len(pair) == 2 and all(type(index) is int for index in pair)
            if not is_pair or not all(0 <= index < num_photos for index in pair):
                raise InputError(
                    f"{path}: expected triplets of sketch {sketch} as pairs of photo indices in "
                    f"0..{num_photos - 1}; found {str(pair)[:60]}"
                )
            rows.append((sketch, *pair))
    return np.array(rows, np.int32).reshape(-1, 3)
