"""Photos and sketches of which people said how alike they are, in four ways."""

from pathlib import Path

import numpy as np

from tfsbir.data.class_lists import class_folders
from tfsbir.data.images import read_all, read_image
from tfsbir.data.images_by_stem import images_by_stem
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.split import Split
from tfsbir.data.text_lines import read_lines
from tfsbir.errors import InputError

CRITERIA = ("view", "configuration", "body", "zoom")
RATINGS = ("0", "1", "2")


def bmvc14(root, split="test", read_photo=EDGES):
    """Reads the photos and sketches with graded relevance.

        ROOT/CLASS/photo/*           RGB photos
        ROOT/CLASS/sketch/*          sketches, black on white
        ROOT/CLASS/ratings.csv       a row for every photo, four columns for every sketch

    Photos and sketches count in natural order of their names: row i rates photo i, columns 4 j to 4 j + 3
    rate sketch j against it by view, configuration of the parts, body and zoom, from 0 (unlike) to 2 (alike).
    Pairs of two classes were not rated, and no sketch was drawn from one of the photos.

    Args:
        root: The folder.
        split: "test"; there is no other.
        read_photo: `PhotoReader`, how photos become images.
    Returns: A `Split` with `ratings` `(num_sketches, num_photos, 4)` in the order of `CRITERIA`, and ids
        "CLASS/STEM". Seven of the paper's 14 classes: 42 sketches and 420 photos, 6 and 60 a class.
    Raises: `InputError` if a folder or a table is missing, two files have one stem, a table
        does not fit, or a file cannot be read.
    Source: Li et al., "Fine-grained sketch-based image retrieval by matching deformable part models", BMVC
        2014.
    """
    root = Path(root)
    if split != "test":
        raise InputError(f"`split` must be test, the only one of bmvc14. Received: {split}")
    folders = class_folders(root)
    for folder in folders.values():
        for name in ("photo", "sketch", "ratings.csv"):
            if not (folder / name).exists():
                raise InputError(
                    f"{folder / name}: expected photo/, sketch/ and ratings.csv in every folder of {root}; "
                    "this one is missing"
                )
    photos, photo_labels = _images(folders, "photo")
    sketches, sketch_labels = _images(folders, "sketch")
    ratings = np.full((len(sketches), len(photos), len(CRITERIA)), -1, np.int8)
    for label, folder in enumerate(folders.values()):
        is_sketch, is_photo = sketch_labels == label, photo_labels == label
        ratings[np.ix_(is_sketch, is_photo)] = _read_ratings(
            folder / "ratings.csv", np.sum(is_photo), np.sum(is_sketch)
        )
    return Split(
        name="bmvc14",
        split=split,
        sketches=read_all(list(sketches.values()), read_image, f"{split} sketches"),
        photos=read_all(list(photos.values()), read_photo, f"{split} photos"),
        sketch_ids=tuple(sketches),
        photo_ids=tuple(photos),
        photo_input=read_photo.photo_input,
        sketch_labels=sketch_labels,
        photo_labels=photo_labels,
        class_names=tuple(folders),
        ratings=ratings,
    )


def _images(folders, part):
    """Returns the images of all classes, a dict from `CLASS/STEM` to path, and the labels of these."""
    paths, labels = {}, []
    for label, (key, folder) in enumerate(folders.items()):
        of_class = images_by_stem(folder / part)
        paths |= {f"{key}/{stem}": path for stem, path in of_class.items()}
        labels += [label] * len(of_class)
    return paths, np.array(labels, np.int32)


def _read_ratings(path, num_photos, num_sketches):
    """Returns the ratings of one class, `(num_sketches, num_photos, 4)` int8."""
    lines = read_lines(path, "photo's ratings")
    rows = [line.split(",") for _, line in lines]
    if len(rows) != num_photos:
        raise InputError(f"{path}: expected a row for each of {num_photos} photos; found {len(rows)}")
    num_columns = num_sketches * len(CRITERIA)
    for (number, _), row in zip(lines, rows, strict=True):
        if len(row) != num_columns:
            raise InputError(
                f"{path}, line {number}: expected {num_columns} values, {len(CRITERIA)} for each of "
                f"{num_sketches} sketches; found {len(row)}"
            )
        for cell in row:
            if cell.strip() not in RATINGS:
                raise InputError(
                    f"{path}, line {number}: expected ratings of {', '.join(RATINGS)}; found {cell[:60]!r}"
                )
    ratings = np.array(rows, np.int8)
    return ratings.reshape(num_photos, num_sketches, len(CRITERIA)).transpose(1, 0, 2)
