"""A split of some of its classes."""

import dataclasses

import numpy as np

from tfsbir.data.class_lists import class_key


def keep_classes(split, class_names):
    """Keeps the sketches and photos of some classes, under new labels.

    Args:
        split: `Split`.
        class_names: Names of the classes, at least one, in the order of the new labels. They meet the split's
            by `class_key`; the split need not have all of them.
    Returns: A `Split` whose classes are `class_names`; it may be without sketches or photos.
    """
    number_of = {class_key(name): number for number, name in enumerate(class_names)}
    new_label = np.array([number_of.get(class_key(name), -1) for name in split.class_names], np.int32)
    photos, sketches = (
        np.flatnonzero(new_label[labels] >= 0) for labels in (split.photo_labels, split.sketch_labels)
    )
    kept = split.subset(photos, sketches)
    return dataclasses.replace(
        kept,
        sketch_labels=new_label[kept.sketch_labels],
        photo_labels=new_label[kept.photo_labels],
        class_names=tuple(class_names),
    )
