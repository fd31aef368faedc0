"""A run directory with data and untrained encoders so small that a test can make and export them."""

import cv2
import keras
import numpy as np

from tfsbir import files
from tfsbir.distances import SquaredEuclidean, distance_name
from tfsbir.layers import BlurPyramid, ToImageNetBGR
from tfsbir.preprocessing import Preprocessing
from tfsbir.runs import RunDirectory

IMAGE_SIZE, EMBEDDING_DIM = 64, 288


def write_small_run(path, is_siamese=True, num_pairs=16, distance=None, photo_input="edges"):
    """Writes a run in `path`/run, trained in name only on line drawings in `path`/data.

    A learned `distance` is a layer for embeddings of `EMBEDDING_DIM`. With "rgb" the photos have colours, and
    the run is not siamese.
    """
    _write_drawings(path / "data" / "train", num_pairs, photo_input)
    keras.utils.set_random_seed(0)
    run = RunDirectory(path / "run")
    sketch_encoder = small_encoder()
    photo_encoder = sketch_encoder if is_siamese else small_encoder(1 if photo_input == "edges" else 3)
    name = distance_name(distance or SquaredEuclidean())
    preprocessing = Preprocessing(IMAGE_SIZE, EMBEDDING_DIM, photo_input, distance=name)
    run.save_encoders(sketch_encoder, photo_encoder, preprocessing, distance=distance)
    dataset = {"name": "paired_folder", "data_dir": str(path / "data"), "photo_input": photo_input}
    files.write_json(run.path / "config.json", {"flags": {}, "dataset": dataset})
    return run


def small_encoder(channels=1):
    """Returns an encoder with what is hard to quantise: blur, colour conversion, nested normalisations."""
    layers = keras.layers
    image = keras.Input((IMAGE_SIZE, IMAGE_SIZE, channels), name="image")
    x = ToImageNetBGR()(BlurPyramid(sigmas=(0.8, 1.8, 3.6))(image) if channels == 1 else image)
    x = layers.Conv2D(16, 5, strides=3, activation="relu")(x)
    parts = [layers.Flatten()(layers.AveragePooling2D(6)(x))]
    x = layers.Conv2D(16, 3, padding="same")(layers.MaxPooling2D(3)(x))
    parts.append(layers.Flatten()(layers.AveragePooling2D(2)(x)))
    x = layers.Concatenate()([layers.UnitNormalization()(part) for part in parts])
    return keras.Model(image, layers.UnitNormalization()(x))


def _write_drawings(folder, num_pairs, photo_input):
    rng = np.random.default_rng(0)
    photos = "edges" if photo_input == "edges" else "photos"
    for side in ("sketches", photos):
        (folder / side).mkdir(parents=True)
    for index in range(num_pairs):
        corners = rng.integers(70, 186, (6, 2))
        for side, jitter in (("sketches", 6), (photos, 0)):
            drawing = np.full((256, 256, 3), 255, np.uint8)
            points = (corners + rng.integers(-jitter, jitter + 1, corners.shape)).astype(np.int32)
            if side == "photos":
                drawing[:] = rng.integers(120, 256, 3)
                cv2.fillPoly(drawing, [points], rng.integers(0, 256, 3).tolist(), cv2.LINE_AA)
            else:
                cv2.polylines(drawing, [points], isClosed=True, color=(0, 0, 0), lineType=cv2.LINE_AA)
            cv2.imwrite(str(folder / side / f"{index}.png"), drawing)
