"""TU-Berlin and TU-Berlin Extended: 250 classes of sketches, and photos of the same classes."""

from pathlib import Path

import numpy as np
import tqdm

from tfsbir.data.class_files import check_same_classes, classes_of_split, flatten, images_by_id, keep_split
from tfsbir.data.class_lists import class_folders
from tfsbir.data.drawings import Drawings
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import natural_key, read_image
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.split import Split
from tfsbir.errors import InputError
from tfsbir.strokes.svg import read_svg

PHOTOS = "ImageResized"
TEST_SHARE = 1 / 3  # The papers that classify these sketches train on two thirds.


def tuberlin(root, split, read_photo=EDGES, unseen_classes=None):
    """Reads one split of TU-Berlin.

        ROOT/png/CLASS/N.png             sketches as pictures, 1111 x 1111
        ROOT/svg/CLASS/N.svg             or as strokes, in a frame of 800 x 800; read where there is no png/
        ROOT/ImageResized/CLASS/*.jpg    photos of TU-Berlin Extended; may be left out

    The folders are called as the published archives unpack. No sketch was drawn from a photo. Without a
    list of classes both splits have all of them, and a third of the sketches and of the photos of every
    class is held out by name (`held_out`), the same sketches in both forms; numbers on that split compare
    with nobody else's.

    Args:
        root: The folder.
        split: "train" or "test".
        read_photo: `PhotoReader`, how photos become images.
        unseen_classes: Path of a list of classes for zero-shot retrieval: "test" has these, "train" all
            others. Published are 30 (Liu et al., ICCV 2019).
    Returns: A `Split`: `sketches` are `ImageFiles`, or `Drawings` from svg/; `photos` are `ImageFiles`, or
        an empty array without the photos' folder. In all 250 classes, 20,000 sketches (80 a class) and
        204,489 photos, of very different number a class.
    Raises: `InputError` if a folder is missing or empty, the two sides differ in their classes, the list
        does not fit, or a drawing cannot be read.
    Source: Eitz et al., "How Do Humans Sketch Objects?", SIGGRAPH 2012 (CC BY 4.0); photos of Zhang et al.,
        "SketchNet", CVPR 2016.
    """
    root = Path(root)
    is_drawn = not (root / "png").is_dir() and (root / "svg").is_dir()
    sketch_folders = class_folders(root / "svg" if is_drawn else root / "png")
    photo_folders = class_folders(root / PHOTOS) if (root / PHOTOS).is_dir() else None
    if photo_folders is not None:
        check_same_classes(sketch_folders, photo_folders)
    classes = classes_of_split(sketch_folders, split, unseen_classes)

    def side(folders, list_files):
        files = {key: list_files(folders[key], key) for key in classes}
        if unseen_classes is None:
            files = {key: keep_split(files[key], split, TEST_SHARE) for key in classes}
        return flatten(files)

    sketch_paths, sketch_ids, sketch_labels = side(sketch_folders, _svg_by_id if is_drawn else images_by_id)
    if is_drawn:
        sketches = Drawings(map(read_svg, tqdm.tqdm(sketch_paths, "sketches", delay=2, leave=False)))
    else:
        sketches = ImageFiles(sketch_paths, read_image)
    if photo_folders is None:
        photos, photo_ids, photo_labels = np.empty((0, 256, 256, read_photo.channels), np.uint8), (), None
    else:
        photo_paths, photo_ids, photo_labels = side(photo_folders, images_by_id)
        photos = ImageFiles(photo_paths, read_photo, channels=read_photo.channels)
    return Split(
        name="tuberlin",
        split=split,
        sketches=sketches,
        photos=photos,
        sketch_ids=sketch_ids,
        photo_ids=photo_ids,
        photo_input=read_photo.photo_input,
        sketch_labels=sketch_labels,
        photo_labels=photo_labels,
        class_names=classes,
    )


def _svg_by_id(folder, key):
    paths = [path for path in folder.glob("*.svg") if path.name[0] != "."]
    if not paths:
        raise InputError(f"{folder}: expected at least one drawing (.svg); found none")
    return {f"{key}/{path.name}": path for path in sorted(paths, key=lambda path: natural_key(path.name))}
