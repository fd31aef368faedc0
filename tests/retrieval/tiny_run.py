"""A run directory with an encoder so small that a test can make it."""

import keras

from tfsbir.distances import SquaredEuclidean, distance_name
from tfsbir.preprocessing import Preprocessing
from tfsbir.runs import RunDirectory

EMBEDDING_DIM = 8


def write_tiny_run(path, seed=0, is_siamese=True, photo_input="edges", distance=None, attributes=()):
    """Writes a run directory with untrained encoders of 64 px images; other seeds give other encoders.

    A learned `distance` is a layer for embeddings of `EMBEDDING_DIM`, and one more for each of `attributes`.
    """
    keras.utils.set_random_seed(seed)
    preprocessing = Preprocessing(
        image_size=64,
        embedding_dim=EMBEDDING_DIM + len(attributes),
        photo_input=photo_input,
        distance=distance_name(distance or SquaredEuclidean()),
        attributes=attributes,
    )
    shapes = preprocessing.to_json()
    sketch_encoder = photo_encoder = _encoder(shapes["sketch_shape"], len(attributes))
    if not is_siamese:
        photo_encoder = _encoder(shapes["photo_shape"], len(attributes))
    run = RunDirectory(path)
    run.save_encoders(sketch_encoder, photo_encoder, preprocessing, distance=distance)
    return run


def _encoder(shape, num_attributes):
    image = keras.Input(shape, name="image")
    x = keras.layers.AveragePooling2D(8)(image)
    features = keras.layers.Flatten()(x)
    embedding = keras.layers.UnitNormalization()(keras.layers.Dense(EMBEDDING_DIM)(features))
    if num_attributes:
        # Features of mean 0 and large weights, so that some images have an attribute and others have not.
        x = keras.layers.LayerNormalization()(features)
        x = keras.layers.Dense(
            num_attributes, "sigmoid", kernel_initializer=keras.initializers.RandomNormal(0, 0.3)
        )(x)
        embedding = keras.layers.Concatenate()([embedding, x])
    return keras.Model(image, embedding)
