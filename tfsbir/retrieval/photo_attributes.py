"""The attributes that are predicted for photos: their file, and what search makes of them."""

import numpy as np

from tfsbir.errors import InputError
from tfsbir.retrieval.array_file import map_array

# From this probability on, a sketch or a photo counts as having an attribute.
THRESHOLD = 0.5


def map_attributes(path, shape):
    """Maps the probabilities in a file, as `map_array` does.

    Args:
        path: `Path` of the file, NumPy's `.npy` format.
        shape: The wanted `(num_photos, num_attributes)`.
    Returns: float16 of that shape, in [0, 1].
    Raises: `InputError` if the file is damaged, of another shape or dtype, or holds other values.
    """
    probabilities = map_array(path, shape, np.float16, "probabilities")
    if not np.all((probabilities >= 0) & (probabilities <= 1)):  # NaN is neither.
        raise InputError(
            f"{path}: expected float16 probabilities of the shape {shape} in [0, 1]; found others"
        )
    return probabilities


def photos_that_have(names, probabilities, present, absent):
    """Chooses photos by their predicted attributes.

    Args:
        names: Sequence of str, all the attributes.
        probabilities: `(num_photos, num_attributes)` of `names`, in [0, 1].
        present: Iterable of str among `names`, attributes that a photo must have (a probability >=
            `THRESHOLD`).
        absent: Those it must not have.
    Returns: bool `(num_photos,)`.
    Raises: `InputError` for an attribute that is not among `names`.
    """
    for name in (*present, *absent):
        if name not in names:
            raise InputError(f"an attribute must be one of {', '.join(names)}. Received: {name}")
    is_predicted = probabilities >= THRESHOLD
    is_chosen = np.ones(len(probabilities), bool)
    for name in present:
        is_chosen &= is_predicted[:, names.index(name)]
    for name in absent:
        is_chosen &= ~is_predicted[:, names.index(name)]
    return is_chosen


def compare_attributes(names, sketch, photo):
    """Compares the predicted attributes of a sketch and a photo; those that neither has are left out.

    Args:
        names: Sequence of str, all the attributes.
        sketch: `(num_attributes,)` probabilities in [0, 1].
        photo: The same of the photo.
    Returns: Dict: "shared", the attributes that both have (probability >= `THRESHOLD`), and "differing",
        those that one of them has. Both are lists, in the order of `names`, of dicts with "attribute", the
        name, and "sketch" and "photo", the probabilities.
    """
    attributes = {"shared": [], "differing": []}
    for name, in_sketch, in_photo in zip(names, map(float, sketch), map(float, photo), strict=True):
        entry = {"attribute": name, "sketch": in_sketch, "photo": in_photo}
        if min(in_sketch, in_photo) >= THRESHOLD:
            attributes["shared"].append(entry)
        elif max(in_sketch, in_photo) >= THRESHOLD:
            attributes["differing"].append(entry)
    return attributes
