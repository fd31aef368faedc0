"""Several data sets as one, to learn categories from all of them."""

from collections import Counter

import numpy as np

from tfsbir.data.class_lists import class_key
from tfsbir.data.joined_images import join_images
from tfsbir.data.split import Split


def join(splits):
    """Joins splits into one: the sketches and photos of all of them, by class.

    Classes are one where `class_key` makes their names equal, so that the category of a pair in one set meets
    the same category without pairs in another. A set that knows no categories has one class, called like the
    set: give it a better name first where that matters (`dataclasses.replace(split, class_names=("shoe",))`).

    Args:
        splits: `Split`s, at least one.
    Returns: A `Split`; its name is the splits' with "+" between them, its classes are `class_key`s in the
        order in which they appear, its ids "NAME/ID". Where two splits have one name, the second is "NAME-2".
        Images are arrays where all are, else `JoinedImages`. Pairs and triplets are those of the parts;
        attributes and ratings, which differ from set to set, are left out.
    Raises: `ValueError` if there is no split, or the splits differ in `photo_input` or the size of images.
    """
    splits = list(splits)
    if not splits:
        raise ValueError("`splits` must hold one split or more. Received: none")
    kinds = [split.photo_input for split in splits]
    if len(set(kinds)) > 1:
        raise ValueError(f"`splits` must have the same `photo_input`. Received: {', '.join(kinds)}")
    keys = [[class_key(name) for name in split.class_names] for split in splits]
    class_names = tuple(dict.fromkeys(key for keys_of_split in keys for key in keys_of_split))
    number_of = {key: number for number, key in enumerate(class_names)}
    labels = [np.array([number_of[key] for key in keys_of_split], np.int32) for keys_of_split in keys]
    first_sketch, first_photo = (
        np.cumsum([0, *map(len, images)], dtype=np.int32)
        for images in ([split.sketches for split in splits], [split.photos for split in splits])
    )
    triplets = [
        split.triplets + np.array([sketch, photo, photo], np.int32)
        for split, sketch, photo in zip(splits, first_sketch[:-1], first_photo[:-1], strict=True)
        if split.triplets is not None
    ]
    names = _different_names([split.name for split in splits])
    return Split(
        name="+".join(split.name for split in splits),
        split="+".join(dict.fromkeys(split.split for split in splits)),
        sketches=join_images([split.sketches for split in splits]),
        photos=join_images([split.photos for split in splits]),
        sketch_ids=_ids(names, [split.sketch_ids for split in splits]),
        photo_ids=_ids(names, [split.photo_ids for split in splits]),
        photo_input=kinds[0],
        sketch_photo=np.concatenate([
            np.where(split.sketch_photo < 0, np.int32(-1), split.sketch_photo + photo)
            for split, photo in zip(splits, first_photo[:-1], strict=True)
        ]),
        sketch_labels=np.concatenate([
            number[split.sketch_labels] for split, number in zip(splits, labels, strict=True)
        ]),
        photo_labels=np.concatenate([
            number[split.photo_labels] for split, number in zip(splits, labels, strict=True)
        ]),
        class_names=class_names,
        triplets=np.concatenate(triplets) if triplets else None,
    )  # fmt: skip


def _different_names(names):
    seen, different = Counter(), []
    for name in names:
        seen[name] += 1
        different.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return different


def _ids(names, ids_of_splits):
    return tuple(f"{name}/{i}" for name, ids in zip(names, ids_of_splits, strict=True) for i in ids)
