"""Photos of something else in the gallery, so that a search can go wrong in more ways."""

import dataclasses
from pathlib import Path

import numpy as np

from tfsbir.data.held_out import name_fraction
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import list_images
from tfsbir.data.joined_images import join_images
from tfsbir.data.midgrain65c import DISTRACTORS


def with_distractors(split, root, read_photo, max_distractors=None):
    """Adds the photos of a folder to those of a split, in a class of their own that no sketch has.

        ROOT/*      photos that are not relevant to any sketch

    They come last, so the indices of the split's own photos stay. Their class is "distractors", which is the
    split's own where it has one already; nobody rated them or knows their attributes. They are read when they
    are asked for.

    Args:
        split: `Split`.
        root: The folder.
        read_photo: `PhotoReader`, how photos become images; it must be that of the split.
        max_distractors: Int >= 1, how many photos to add at most; None for all. They are chosen by
            name (`name_fraction`): fewer are a part of more, and look random.
    Returns: A `Split` whose photo ids end with those added, "distractors/FOLDER/NAME".
    Raises: `InputError` if there is no such folder, or no image in it; `ValueError` if `max_distractors` < 1,
        a sketch of the split has the class, or the photos differ in form.
    """
    if max_distractors is not None and max_distractors < 1:
        raise ValueError(f"`max_distractors` must be >= 1. Received: {max_distractors}")
    class_names = split.class_names
    if DISTRACTORS not in class_names:
        class_names = (*class_names, DISTRACTORS)
    label = class_names.index(DISTRACTORS)
    if np.any(split.sketch_labels == label):
        raise ValueError(
            f"`split` must have no sketch of the class {DISTRACTORS}. Received: one of {split.name}"
        )
    root = Path(root)
    paths = list_images(root)
    if max_distractors is not None and len(paths) > max_distractors:
        chosen = set(sorted(paths, key=lambda path: name_fraction(path.name))[:max_distractors])
        paths = [path for path in paths if path in chosen]
    photos = ImageFiles(paths, read_photo, split.photos.shape[1], read_photo.channels)
    folder = root.resolve().name
    return dataclasses.replace(
        split,
        photos=join_images([split.photos, photos]),
        photo_ids=(*split.photo_ids, *(f"{DISTRACTORS}/{folder}/{path.name}" for path in paths)),
        photo_labels=np.concatenate([split.photo_labels, np.full(len(paths), label, np.int32)]),
        class_names=class_names,
        photo_attributes=_unknown(split.photo_attributes, len(paths), axis=0),
        ratings=_unknown(split.ratings, len(paths), axis=1),
    )


def _unknown(known, num, axis):
    """Returns what is known of photos with `num` more of which nothing is, -1."""
    if known is None:
        return None
    shape = list(known.shape)
    shape[axis] = num
    return np.concatenate([known, np.full(shape, -1, known.dtype)], axis=axis)
