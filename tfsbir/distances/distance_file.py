"""A learned distance in a file of its own, `distance.keras`."""

import keras

from tfsbir.distances.named import LEARNED
from tfsbir.errors import InputError
from tfsbir.models.trained_model import load_trained_model


def save_distance(distance, path):
    """Writes a learned distance as a Keras model of two inputs, `sketch` and `photo`.

    Keras alone can load and call it (with tfsbir imported, which has its layer).

    Args:
        distance: `WeightedEuclidean`, `Mahalanobis` or `HOLEF`.
        path: Path of the file; it ends in .keras.
    Raises: `TypeError` if `distance` is none of these.
    """
    if not isinstance(distance, tuple(LEARNED.values())):
        names = ", ".join(kind.__name__ for kind in LEARNED.values())
        raise TypeError(f"`distance` must be one of {names}. Received: {distance}")
    embeddings = tuple(keras.Input((distance.dim,), name=name) for name in ("sketch", "photo"))
    keras.Model(embeddings, distance(embeddings), name="distance").save(path)


def load_distance(path):
    """Reads what `save_distance` wrote, with Keras' safe mode on.

    Args:
        path: Path of the file.
    Returns: `WeightedEuclidean`, `Mahalanobis` or `HOLEF`.
    Raises: `InputError` naming the file if it is missing or holds no learned distance.
    """
    model = load_trained_model(path, "a learned distance")
    last = model.layers[-1] if isinstance(model, keras.Model) and model.layers else model
    if not isinstance(last, tuple(LEARNED.values())):
        raise InputError(f"{path}: expected a learned distance; found a model which ends in {last.name}")
    return last
