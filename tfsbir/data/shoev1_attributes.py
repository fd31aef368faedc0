"""Shoes with attributes: RGB photos, three sketches of each, and what both of them have."""

import hashlib
import re
from pathlib import Path

import numpy as np

from tfsbir.data.attributes_csv import read_attributes
from tfsbir.data.images import read_all, read_image
from tfsbir.data.images_by_stem import images_by_stem
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.split import Split
from tfsbir.errors import InputError

LAST_TRAINING_PHOTO = 204
NUM_PHOTOS = 304

# SHA-256 of a table of sketches that gives its rows the wrong names: these run photo by photo (001-1, 001-2,
# 001-3, 002-1, ..), the values drawing by drawing (001-1, 002-1, .., 304-1, 001-2, ..). As named, a sketch
# agrees with its photo in 62 % of the attributes, which is chance, else in 87 %; and only else can the
# attributes in which the three sketches of a photo differ be told from the sketches.
MISNAMED_TABLE = "50928424d68bcbd3b85ae945134d4ccaf70b09ea93da2e10af57ffb0b3657738"


def shoev1_attributes(root, split, read_photo=EDGES):
    """Reads one split of the shoes with attributes.

        ROOT/photo/ID.jpg               RGB photos 001 to 304
        ROOT/sketch/ID-k.png            sketches of photo ID, black on white
        ROOT/photo_attributes.csv       file,attribute_01,..,attribute_13 with 0 or 1 (`read_attributes`)
        ROOT/sketch_attributes.csv      the same columns

    The split is by photo: ids to 204 to train, from 205 to test. All of them, but for 111, 273 and 290, are
    training photos of QMUL-Shoe V1 by the same ids, so that whatever was trained on those has seen the test
    photos. Of the one table of sketches that is known to name its rows wrongly, each row goes to the sketch
    that it describes.

    Args:
        root: The folder.
        split: "train" or "test".
        read_photo: `PhotoReader`, how photos become images.
    Returns: A `Split` with 13 attributes. The whole set has 204 photos and 612 sketches to train, 100 and 300
        to test.
    Raises: `InputError` if a part of this is missing, a name has another form, a sketch has no photo, the
        two tables do not have the same columns, or a file cannot be read.
    Source: Li et al., "Fine-Grained Sketch-Based Image Retrieval: The Role of Part-Aware Attributes", WACV
        2016. The division by ids is ours; the published one is not known.
    """
    root = Path(root)
    if split not in ("train", "test"):
        raise InputError(f"`split` must be train or test. Received: {split}")
    for name in ("photo", "sketch", "photo_attributes.csv", "sketch_attributes.csv"):
        if not (root / name).exists():
            raise InputError(
                f"{root / name}: expected photo/ID.jpg, sketch/ID-k.png, photo_attributes.csv and "
                f"sketch_attributes.csv in {root}; this one is missing"
            )
    photo_paths = {
        stem: path
        for stem, path in images_by_stem(root / "photo").items()
        if _split_of(path, "ID.jpg", r"([0-9]+)") == split
    }
    sketch_paths = {
        stem: path
        for stem, path in images_by_stem(root / "sketch").items()
        if _split_of(path, "ID-k.png", r"([0-9]+)-[1-9][0-9]*") == split
    }
    for folder, paths in (("photo", photo_paths), ("sketch", sketch_paths)):
        if not paths:
            ids = (
                f"{LAST_TRAINING_PHOTO} or less" if split == "train" else f"{LAST_TRAINING_PHOTO + 1} or more"
            )
            raise InputError(f"{root / folder}: expected images of ids {ids} for {split}; found none")
    photo_ids = tuple(photo_paths)
    photo_of = {stem: stem.partition("-")[0] for stem in sketch_paths}
    for stem, path in sketch_paths.items():
        if photo_of[stem] not in photo_paths:
            raise InputError(
                f"{path}: expected its photo {root / 'photo' / photo_of[stem]}.jpg; there is none"
            )
    photo_table, sketch_table = root / "photo_attributes.csv", root / "sketch_attributes.csv"
    names, photo_attributes = read_attributes(photo_table, [path.name for path in photo_paths.values()])
    files = [path.name for path in sketch_paths.values()]
    sketch_names, sketch_attributes = read_attributes(sketch_table, files)
    if hashlib.sha256(sketch_table.read_bytes()).hexdigest() == MISNAMED_TABLE:
        name_in_table = misnamed_rows()
        _, sketch_attributes = read_attributes(
            sketch_table, [name_in_table.get(file, file) for file in files]
        )
    if sketch_names != names:
        raise InputError(
            f"{sketch_table}: expected the columns of {photo_table}; found {', '.join(sketch_names)[:200]}"
        )
    return Split(
        name="shoev1_attributes",
        split=split,
        sketches=read_all(list(sketch_paths.values()), read_image, f"{split} sketches"),
        photos=read_all(list(photo_paths.values()), read_photo, f"{split} photos"),
        sketch_ids=tuple(sketch_paths),
        photo_ids=photo_ids,
        photo_input=read_photo.photo_input,
        sketch_photo=np.array([photo_ids.index(photo) for photo in photo_of.values()], np.int32),
        attribute_names=names,
        sketch_attributes=sketch_attributes,
        photo_attributes=photo_attributes,
    )


def _split_of(path, form, pattern):
    match = re.fullmatch(pattern, path.stem)
    if match is None:
        raise InputError(f"{path}: expected a name of the form {form} with numbers; found another")
    return "train" if int(match[1]) <= LAST_TRAINING_PHOTO else "test"


def misnamed_rows():
    """Returns a dict from a sketch's file to the name that the misnamed table gives to its row."""
    photos, drawings = range(1, NUM_PHOTOS + 1), range(1, 4)
    by_photo = [f"{photo:03d}-{drawing}.png" for photo in photos for drawing in drawings]
    by_drawing = [f"{photo:03d}-{drawing}.png" for drawing in drawings for photo in photos]
    return dict(zip(by_drawing, by_photo, strict=True))
