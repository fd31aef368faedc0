"""A run directory with an encoder so small that a test can make it."""

import keras

from tfsbir.distances import SquaredEuclidean, distance_name
from tfsbir.preprocessing import Preprocessing
from tfsbir.runs import RunDirectory

EMBEDDING_DIM = 8


def write_tiny_run(path, seed=0, is_siamese=True, photo_input="edges", distance=None):
    """Writes a run directory with untrained encoders of 64 px images; other seeds give other encoders.

    A learned `distance` is a layer for embeddings of `EMBEDDING_DIM`.
    """
    keras.utils.set_random_seed(seed)
    preprocessing = Preprocessing(
        image_size=64,
        embedding_dim=EMBEDDING_DIM,
        photo_input=photo_input,
        distance=distance_name(distance or SquaredEuclidean()),
    )
    shapes = preprocessing.to_json()
    sketch_encoder = photo_encoder = _encoder(shapes["sketch_shape"])
    if not is_siamese:
        photo_encoder = _encoder(shapes["photo_shape"])
    run = RunDirectory(path)
    run.save_encoders(sketch_encoder, photo_encoder, preprocessing, distance=distance)
    return run


def _encoder(shape):
    image = keras.Input(shape, name="image")
    x = keras.layers.AveragePooling2D(8)(image)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(EMBEDDING_DIM)(x)
    return keras.Model(image, keras.layers.UnitNormalization()(x))
