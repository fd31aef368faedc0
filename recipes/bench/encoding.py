"""Encoding many images at once, as an evaluation and an index do."""

import numpy as np

from recipes.bench.row import Row
from recipes.bench.timing import side_by_side
from recipes.common.evaluation import ENCODE_BATCH, encode_function
from tfsbir.models import pooled_squeezenet_encoder, sketch_a_net, squeezenet_encoder

NUM_IMAGES = 200  # Three full batches and one that is not.


def encode_rows(rounds):
    """Images per second of encoders in an evaluation's batches, against Keras' own `predict`."""
    rows = []
    for encoder in (
        sketch_a_net(),
        squeezenet_encoder(name="squeezenet"),
        pooled_squeezenet_encoder(is_halved=True, name="small_pooled_squeezenet"),
    ):
        random = np.random.default_rng(0)
        images = random.uniform(-1, 1, (NUM_IMAGES, *encoder.input_shape[1:])).astype("float32")
        encode = encode_function(encoder)
        ours, peer = side_by_side(
            lambda encode=encode, images=images: encode(images),
            lambda encoder=encoder, images=images: encoder.predict(images, ENCODE_BATCH, verbose=0),
            rounds,
        )
        rows.append(
            Row.of_turns(
                f"encode {NUM_IMAGES} sketches, {encoder.name}",
                NUM_IMAGES / ours,
                f"Keras' predict, the same batches of {ENCODE_BATCH}",
                NUM_IMAGES / peer,
                "images_per_second",
            )
        )
    return rows
