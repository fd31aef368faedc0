"""An encoder that tests build upon: a map, a flat layer and an embedding."""

import keras


def small_encoder():
    """Returns an encoder of 8 x 8 images to 4 values, the same whenever it is called."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(6, 3, activation="relu", name="map")(image)
    x = keras.layers.Flatten(name="flat")(x)
    x = keras.layers.Dense(4, name="fc")(x)
    return keras.Model(image, keras.layers.UnitNormalization(name="embedding")(x), name="small")
