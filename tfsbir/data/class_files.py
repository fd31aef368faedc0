"""What the sets of classes share: their files by class, the classes of a split, one side of a `Split`.

The files of a class, or the drawings of one, are a dict from id (`CLASS/NAME`) to path or sketch.
"""

import os

import numpy as np
from absl import logging

from tfsbir.data.class_lists import published_split, zero_shot_classes
from tfsbir.data.held_out import held_out
from tfsbir.data.images import list_images
from tfsbir.errors import InputError


def classes_of_split(all_classes, split, unseen_classes=None):
    """Returns the classes of the split "train" or "test".

    Args:
        all_classes: Class keys of the data set.
        split: The split's name.
        unseen_classes: Path of a list of classes: "test" has these, "train" the others. `None`: both have
            all classes.
    Raises: `InputError` for another split, or for a list that does not fit the classes.
    """
    if split not in ("train", "test"):
        raise InputError(f"`split` must be train or test. Received: {split}")
    if unseen_classes is None:
        return tuple(all_classes)
    seen, unseen = zero_shot_classes(all_classes, unseen_classes)
    # Numbers on other classes compare with nobody's, however many there are of each.
    name = published_split(seen, unseen) or "no published split"
    logging.info("%s: %d seen and %d unseen classes, %s", unseen_classes, len(seen), len(unseen), name)
    return seen if split == "train" else unseen


def check_same_classes(sketch_folders, photo_folders):
    """Raises `InputError` unless two dicts from class to folder have the same classes."""
    for folders, others in ((sketch_folders, photo_folders), (photo_folders, sketch_folders)):
        for key, folder in folders.items():
            if key not in others:
                where = next(iter(others.values())).parent
                raise InputError(f"{folder}: expected a folder of the same class in {where}; there is none")


def images_by_id(folder, key):
    """Returns the image files of a class (`list_images`) as a dict from `KEY/FILE NAME` to path."""
    return {f"{key}/{path.name}": path for path in list_images(folder)}


def keep_split(items, split, share):
    """Keeps the items of one class that are in the split "train" or "test" where no list tells.

    `share` of them are held out for "test" by their names without the suffix, so that a sketch is in the
    same split as a picture and as strokes.
    """
    name_of = {item_id: os.path.splitext(item_id)[0] for item_id in items}
    held = held_out(set(name_of.values()), share)
    return {i: item for i, item in items.items() if (name_of[i] in held) == (split == "test")}


def flatten(items_by_class):
    """Joins the classes: `(items, ids, labels)`, a list, a tuple and `(num_items,)` int32."""
    counts = [len(items) for items in items_by_class.values()]
    labels = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    items = [item for items in items_by_class.values() for item in items.values()]
    ids = tuple(item_id for items in items_by_class.values() for item_id in items)
    return items, ids, labels


def log_few(dataset, what, items_by_class, wanted):
    """Logs a warning if some classes have fewer items than was published."""
    counts = {key: len(items) for key, items in items_by_class.items() if len(items) < wanted}
    if counts:
        least = min(counts, key=counts.get)
        logging.warning(
            "%s: %d of %d classes have fewer than the %d %s that were published; the least has %s, %d",
            dataset, len(counts), len(items_by_class), wanted, what, least, counts[least],
        )  # fmt: skip
