"""The gallery of generalized zero-shot retrieval: photos of unseen and of seen classes together."""

import dataclasses

import numpy as np

from tfsbir.data.joined_images import join_images


def with_seen_photos(test, train):
    """Adds the photos of the seen classes to those of the unseen ones.

    The sketches stay those of the unseen classes, and the photos of a sketch's class are relevant to it, as
    before. What a model was trained to find is in its way now. No photos of seen classes are held out in a
    zero-shot split, so those added are all that training may have met.

    They come last, so the indices of the test's own photos stay.

    Args:
        test: `Split` of the unseen classes.
        train: `Split` of the seen classes, of the same data set.
    Returns: A `Split` like `test`, with the photos of both and the classes of both, unseen ones first.
    Raises: `ValueError` if a class is in both, or the photos differ in form.
    """
    both = [name for name in test.class_names if name in train.class_names]
    if both:
        raise ValueError(
            f"`train` must have no class of `test`. Received: {', '.join(both[:5])} in both of {test.name}"
        )
    seen_labels = train.photo_labels + np.int32(len(test.class_names))
    return dataclasses.replace(
        test,
        photos=join_images([test.photos, train.photos]),
        photo_ids=(*test.photo_ids, *train.photo_ids),
        photo_labels=np.concatenate([test.photo_labels, seen_labels]),
        class_names=(*test.class_names, *train.class_names),
    )
