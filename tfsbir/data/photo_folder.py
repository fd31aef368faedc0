"""Photos without sketches."""

from pathlib import Path

import numpy as np

from tfsbir.data.class_files import keep_split
from tfsbir.data.class_lists import class_key
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import list_images
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.split import Split
from tfsbir.errors import InputError

TEST_SHARE = 0.1
SIZE = 256


def photo_folder(root, split, read_photo=EDGES):
    """Finds the photos in one folder, to pre-train on or to be found; they are read when they are asked for.

        ROOT/*      photos of one class, called like the folder

    A tenth is held out for the test by name (`held_out`), so that adding photos moves none of the others.
    Hidden files, folders and files that are not images are left out.

    Args:
        root: The folder.
        split: "train" or "test".
        read_photo: `PhotoReader`, how photos become images.
    Returns: A `Split` of `ImageFiles` without sketches, whose photo ids are the files' names and whose class
        is the `class_key` of the folder's name.
    Raises: `InputError` if the folder is missing, has no letter or digit in its name, or has photos of fewer
        than two names, which cannot be divided.
    """
    root = Path(root)
    if split not in ("train", "test"):
        raise InputError(f"`split` must be train or test. Received: {split}")
    paths = {path.name: path for path in list_images(root)}
    if len({path.stem for path in paths.values()}) < 2:
        raise InputError(f"{root}: expected photos of two names or more, to train and to test; found 1")
    try:
        class_name = class_key(root.resolve().name)
    except ValueError:
        raise InputError(f"{root}: expected the name of a class; it has no letter or digit") from None
    paths = keep_split(paths, split, TEST_SHARE)
    return Split(
        name="photo_folder",
        split=split,
        sketches=np.empty((0, SIZE, SIZE, 1), np.uint8),
        photos=ImageFiles(paths.values(), read_photo, SIZE, read_photo.channels),
        sketch_ids=(),
        photo_ids=tuple(paths),
        photo_input=read_photo.photo_input,
        class_names=(class_name,),
    )
