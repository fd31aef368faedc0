"""QuickDraw-Extended: drawings of a game and photos of the same 110 classes, for zero-shot retrieval."""

from pathlib import Path

import tqdm

from tfsbir.data.class_files import (
    check_same_classes,
    classes_of_split,
    flatten,
    images_by_id,
    keep_split,
    log_few,
)
from tfsbir.data.class_lists import class_folders
from tfsbir.data.drawings import Drawings
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.quickdraw import MARGIN, drawing_files_of, read_drawings
from tfsbir.data.split import Split

SKETCHES_PER_CLASS = 3_000
TEST_SHARE = 0.1


def quickdraw_extended(root, split, read_photo=EDGES, unseen_classes=None):
    """Reads one split of QuickDraw-Extended, as it was published or put together from Quick, Draw!.

        ROOT/photo/CLASS/*.jpg              the published photos (QuickDraw_images_final)
        ROOT/sketch/CLASS/KEY_ID.png        the published sketches (QuickDraw_sketches_final)
        ROOT/quickdraw/WORD.ndjson, .bin    or, where there is no sketch/, the words of the same classes

    Of every word's file the first 3,000 drawings are taken: which ones were published cannot be told without
    the published files, whose names are their `key_id`. A class with fewer is logged as a warning. The
    classes are the folders of photos; words without photos are not read. Without a list of classes a tenth
    of the sketches and photos of every class is held out by name (`held_out`).

    Args:
        root: The folder.
        split: "train" or "test".
        read_photo: `PhotoReader`, how photos become images.
        unseen_classes: Path of a list of classes for zero-shot retrieval: "test" has these, "train" all
            others. Published are 30 (Dey et al.).
    Returns: A `Split`: `sketches` are `ImageFiles`, or `Drawings` from quickdraw/; `photos` are
        `ImageFiles`. In all 110 classes, 330,000 sketches and 204,000 photos; to train 80 classes.
    Raises: `InputError` if a folder is missing or empty, a class has photos but no sketches, the list does
        not fit, or a drawing cannot be read.
    Source: Dey et al., "Doodle to Search", CVPR 2019, Sec. 3.
    """
    root = Path(root)
    photo_folders = class_folders(root / "photo")
    is_drawn = not (root / "sketch").is_dir() and (root / "quickdraw").is_dir()
    if is_drawn:
        sketch_files = drawing_files_of(root / "quickdraw", photo_folders)
    else:
        sketch_files = class_folders(root / "sketch")
        check_same_classes(sketch_files, photo_folders)
    classes = classes_of_split(photo_folders, split, unseen_classes)
    if is_drawn:
        bar = tqdm.tqdm(classes, "classes", delay=2, leave=False)
        sketches = {key: read_drawings(sketch_files[key], key, SKETCHES_PER_CLASS) for key in bar}
    else:
        sketches = {key: images_by_id(sketch_files[key], key) for key in classes}
    photos = {key: images_by_id(photo_folders[key], key) for key in classes}
    log_few("quickdraw_extended", "sketches", sketches, SKETCHES_PER_CLASS)
    if unseen_classes is None:
        sketches = {key: keep_split(sketches[key], split, TEST_SHARE) for key in classes}
        photos = {key: keep_split(photos[key], split, TEST_SHARE) for key in classes}
    drawn, sketch_ids, sketch_labels = flatten(sketches)
    photo_paths, photo_ids, photo_labels = flatten(photos)
    return Split(
        name="quickdraw_extended",
        split=split,
        sketches=Drawings(drawn, margin=MARGIN) if is_drawn else ImageFiles(drawn, read_image),
        photos=ImageFiles(photo_paths, read_photo, channels=read_photo.channels),
        sketch_ids=sketch_ids,
        photo_ids=photo_ids,
        photo_input=read_photo.photo_input,
        sketch_labels=sketch_labels,
        photo_labels=photo_labels,
        class_names=classes,
    )
