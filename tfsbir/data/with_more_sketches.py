"""More sketches of the same photos, from another data set."""

import dataclasses

import numpy as np
from PIL import Image

from tfsbir.data.joined_images import join_images
from tfsbir.errors import InputError

# Photos that have one id in both data sets but show two objects, as anyone can see.
OTHER_OBJECTS = {frozenset(["qmul_v1", "shoev1_attributes"]): ("111", "273", "290")}

_INK = 240  # Grey below which a pixel is drawn on: the faint rims of compressed drawings are above.


def with_more_sketches(split, other, reframe=True):
    """Adds those sketches of another split whose own photo is a photo of this one.

    Photos are the same where their ids are, of ids that are numbers the values: "17" is "017". Those known to
    have one id and to show two objects (`OTHER_OBJECTS`) are left out.

    A network that is trained on drawings of one framing and tested on it should see no other. QMUL-Shoe V1
    cut its sketches to the ink and made the longer side 225 px (of 256), in the middle; the same drawings in
    `shoev1_attributes` are as large as they were drawn, 56 to 256 px. So `reframe` scales and moves each
    added sketch until the longer side of its ink's bounding box, and the middle of the box, are the medians
    of `split`'s. Lines become wider or thinner with it. A sketch without ink stays blank.

    Args:
        split: `Split`.
        other: `Split` with more sketches of some of its photos. Of its photos only the ids are used.
        reframe: Whether to bring the added sketches to the framing of `split`'s, which reads all sketches of
            both, and holds the added ones in memory as pixels; else they stay what they are.
    Returns: The `Split` with the added sketches behind its own, in `other`'s order, with ids "OTHER'S
        NAME/ID" and their photos' labels. Its sketches are `JoinedImages` where not both are arrays. What is
        known of its own sketches stays; the added ones have no triplets, and attributes and ratings of -1.
    Raises: `InputError` if no photo of a sketch of `other` is in `split`. `ValueError` if two photos of
        `split` have one id, all its sketches are blank, or those that are not reframed are of another size.
    """
    photo_of = {}
    for photo, photo_id in enumerate(split.photo_ids):
        if photo_of.setdefault(_key(photo_id), photo) != photo:
            raise ValueError(f"`split` must have photos of different ids. Received: {photo_id} twice")
    for key in OTHER_OBJECTS.get(frozenset([split.name, other.name]), ()):
        photo_of.pop(key, None)
    known = [photo_of.get(_key(photo_id), -1) for photo_id in other.photo_ids]
    known = np.array([*known, -1], np.int32)  # The last is of sketches without a photo, whose index is -1.
    added = np.flatnonzero(known[other.sketch_photo] >= 0)
    if len(added) == 0:
        raise InputError(
            f"`other` must have sketches of photos of {split.name}, such as {_some(split.photo_ids)}. "
            f"Received: {other.name} with {_some(other.photo_ids)}"
        )
    sketches = other.sketches[added] if isinstance(other.sketches, np.ndarray) else other.sketches.take(added)
    if reframe:
        sketches = _reframed(sketches, split.sketches)
    photos = known[other.sketch_photo[added]]

    def unknown(array):
        """Adds rows of -1 to what is known of the sketches."""
        if array is None:
            return None
        return np.concatenate([array, np.full((len(added), *array.shape[1:]), -1, array.dtype)])

    return dataclasses.replace(
        split,
        sketches=join_images([split.sketches, sketches]),
        sketch_ids=(*split.sketch_ids, *(f"{other.name}/{other.sketch_ids[i]}" for i in added)),
        sketch_photo=np.concatenate([split.sketch_photo, photos]),
        sketch_labels=np.concatenate([split.sketch_labels, split.photo_labels[photos]]),
        sketch_attributes=unknown(split.sketch_attributes),
        ratings=unknown(split.ratings),
    )


def _key(photo_id):
    return str(int(photo_id)) if photo_id.isdecimal() else photo_id


def _some(ids):
    return ", ".join(ids[:3]) or "none"


def _reframed(sketches, framed):
    """Brings sketches to the framing of others; `(num, height, width, 1)` uint8 of the others' size."""
    boxes = np.array([box for box in map(_ink_box, framed) if box is not None])
    if len(boxes) == 0:
        raise ValueError("`split` must have a sketch that is not blank, to frame others by. Received: none")
    side = np.median(np.max(boxes[:, 2:] - boxes[:, :2], axis=1))
    center = np.median(boxes[:, :2] + boxes[:, 2:], axis=0) / 2
    reframed = np.full((len(sketches), *framed.shape[1:]), 255, np.uint8)
    for row, sketch in enumerate(sketches):
        box = _ink_box(sketch)
        if box is None:
            continue
        scale = side / np.max(box[2:] - box[:2])
        width, height = np.maximum(1, np.round(scale * (box[2:] - box[:2]))).astype(int)
        left, top = np.round(center - np.array([width, height]) / 2).astype(int)
        ink = Image.fromarray(sketch[..., 0]).crop(tuple(map(int, box)))
        ink = ink.resize((int(width), int(height)), Image.Resampling.LANCZOS)
        canvas = Image.fromarray(reframed[row, ..., 0])
        canvas.paste(ink, (int(left), int(top)))
        reframed[row, ..., 0] = np.asarray(canvas)
    return reframed


def _ink_box(sketch):
    """Returns left, top, right and bottom of what is drawn, the latter two one behind; `None` if nothing."""
    is_ink = sketch[..., 0] < _INK
    columns, rows = np.flatnonzero(is_ink.any(axis=0)), np.flatnonzero(is_ink.any(axis=1))
    if len(rows) == 0:
        return None
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
