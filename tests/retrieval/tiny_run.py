"""A run directory with an encoder so small that a test can make it."""

import keras

from tfsbir.preprocessing import Preprocessing
from tfsbir.runs import RunDirectory


def write_tiny_run(path, seed=0, is_siamese=True, photo_input="edges"):
    """Writes a run directory with untrained encoders of 64 px images; other seeds give other encoders."""
    keras.utils.set_random_seed(seed)
    preprocessing = Preprocessing(image_size=64, embedding_dim=8, photo_input=photo_input)
    shapes = preprocessing.to_json()
    sketch_encoder = photo_encoder = _encoder(shapes["sketch_shape"])
    if not is_siamese:
        photo_encoder = _encoder(shapes["photo_shape"])
    run = RunDirectory(path)
    run.save_encoders(sketch_encoder, photo_encoder, preprocessing)
    return run


def _encoder(shape):
    image = keras.Input(shape, name="image")
    x = keras.layers.AveragePooling2D(8)(image)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(8)(x)
    return keras.Model(image, keras.layers.UnitNormalization()(x))
