"""Which classes several data sets have in common."""

import numpy as np

from tfsbir.data.class_lists import class_key, read_class_list
from tfsbir.errors import InputError


def shared_classes(parts, path=None):
    """Returns the classes that a method on sketches and photos can learn from data sets together.

    Args:
        parts: `Split`s, at least one.
        path: File of class names, one a line (`read_class_list`), to narrow them to; or None.
    Returns: Tuple of class keys (`class_key`), in the order of the first part, at least two: those of which
        every part has a sketch or a photo, and all parts together have both.
    Raises: `InputError` if there are fewer, or the file cannot be read or names others.
    """
    of_sketches, of_photos = (
        [{class_key(part.class_names[label]) for label in np.unique(labels)} for part, labels in of_domain]
        for of_domain in (
            [(part, part.sketch_labels) for part in parts],
            [(part, part.photo_labels) for part in parts],
        )
    )
    in_each = [sketches | photos for sketches, photos in zip(of_sketches, of_photos, strict=True)]
    kept = set.intersection(*in_each) & set.union(*of_sketches) & set.union(*of_photos)
    names = " and ".join(part.name for part in parts)
    if path is not None:
        listed = read_class_list(path)
        unknown = [name for name in listed if name not in kept]
        if unknown:
            raise InputError(
                f"{path}: expected classes of which there are sketches and photos to train on, in {names}; "
                f"found {', '.join(unknown[:5])}{' and others' if len(unknown) > 5 else ''}"
            )
        kept &= set(listed)
    if len(kept) < 2:
        raise InputError(
            f"{names}: expected sketches and photos of 2 classes or more that are in all of them; found "
            f"those of {len(kept)}"
        )
    return tuple(key for key in map(class_key, parts[0].class_names) if key in kept)
