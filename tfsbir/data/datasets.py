"""All data sets by name: where a recipe, an exporter or a command finds the one that a flag names."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from tfsbir.data.bmvc14 import bmvc14
from tfsbir.data.category_folder import category_folder
from tfsbir.data.chairv2 import chairv2
from tfsbir.data.common65c import common65c
from tfsbir.data.handbag import handbag
from tfsbir.data.midgrain65c import midgrain65c
from tfsbir.data.paired_folder import paired_folder
from tfsbir.data.photo_folder import photo_folder
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.qmul_v1 import qmul_v1
from tfsbir.data.quickdraw import quickdraw
from tfsbir.data.quickdraw_extended import quickdraw_extended
from tfsbir.data.shoev1_attributes import shoev1_attributes
from tfsbir.data.sketchy import sketchy
from tfsbir.data.synthetic import synthetic
from tfsbir.data.tuberlin import tuberlin
from tfsbir.errors import InputError


@dataclasses.dataclass(frozen=True)
class Dataset:
    """How one data set is loaded.

    Args:
        read: Function of the folder, the split's name and a `PhotoReader` which returns a `Split`; of a
            list of unseen classes too (`unseen_classes=PATH`) where `has_zero_shot`.
        splits: Names of its splits.
        has_zero_shot: Whether it can be split into seen and unseen classes.
        has_folder: False where it is drawn, not read.
    """

    read: Callable
    splits: tuple = ("train", "test")
    has_zero_shot: bool = False
    has_folder: bool = True


DATASETS = {
    "bmvc14": Dataset(bmvc14, splits=("test",)),
    "category_folder": Dataset(category_folder, has_zero_shot=True),
    "chairv2": Dataset(chairv2),
    "common65c": Dataset(common65c, splits=("train", "fine")),
    "handbag": Dataset(handbag),
    "midgrain65c": Dataset(midgrain65c, splits=("test",)),
    "paired_folder": Dataset(paired_folder),
    "photo_folder": Dataset(photo_folder),
    "qmul_v1": Dataset(qmul_v1),
    "quickdraw": Dataset(quickdraw, has_zero_shot=True),
    "quickdraw_extended": Dataset(quickdraw_extended, has_zero_shot=True),
    "shoev1_attributes": Dataset(shoev1_attributes),
    "sketchy": Dataset(sketchy, has_zero_shot=True),
    "synthetic": Dataset(
        lambda root, split, read_photo: synthetic(split, photo_input=read_photo.photo_input), has_folder=False
    ),
    "tuberlin": Dataset(tuberlin, has_zero_shot=True),
}


def load(name, data_dir, split, read_photo=EDGES, unseen_classes=None):
    """Loads one split of the data set `name`.

    Args:
        name: A key of `DATASETS`.
        data_dir: Its folder; `None` for one that is drawn.
        split: Name of the split.
        read_photo: `PhotoReader`, how photos become images.
        unseen_classes: Path of a list of classes: "train" then holds all other classes, "test" these.
    Returns: A `Split`.
    Raises: `InputError` for another name or split, a folder that is missing, a list of classes for a data
        set that has no zero-shot split, and what the data set's own function raises.
    """
    if name not in DATASETS:
        raise InputError(f"`dataset` must be one of {', '.join(DATASETS)}. Received: {name}")
    dataset = DATASETS[name]
    options = {}
    if unseen_classes is not None:
        if not dataset.has_zero_shot:
            can = ", ".join(other for other, entry in DATASETS.items() if entry.has_zero_shot)
            raise InputError(f"`unseen_classes` goes with one of {can}. Received: {name}")
        options["unseen_classes"] = unseen_classes
    if dataset.has_folder:
        if not data_dir:
            raise InputError(f"`data_dir` must be given for the dataset {name}. Received: nothing")
        if not Path(data_dir).is_dir():
            raise InputError(f"{data_dir}: expected the folder of {name}; there is no such folder")
    return dataset.read(data_dir, split, read_photo, **options)
