"""The training step of siamese Sketch-a-Net on triplets as the recipes have it; see `step_process`.

python -m recipes.bench.tensorflow_step STEP.npz NUM_THREADS "one pass" "three passes"
python -m recipes.bench.tensorflow_step STEP.npz NUM_THREADS XLA

Beside it is the same with a pass each for sketches, photos and negatives. The same compiled by XLA is another
process's: XLA has no deterministic gradient of max-pooling, and TensorFlow is deterministic or not for good.
"""

import sys
import time

import keras
import numpy as np
import tensorflow as tf

from recipes.bench.step_process import answer
from tfsbir.losses import TripletRanking
from tfsbir.models import EncoderPair, sketch_a_net

LEARNING_RATE, MOMENTUM = 1e-3, 0.9  # As `torch_step` has them.
OURS, THREE_PASSES, XLA = "one pass", "three passes", "XLA"


class Variant:
    """A model with its optimizer and its batch, and the step as it is traced."""

    def __init__(self, arrays, name):
        self.model = sketch_a_net()
        for layer in self.model.layers:
            if layer.weights:
                layer.set_weights([arrays[f"{layer.name}_kernel"], arrays[f"{layer.name}_bias"]])
        pair, loss_of = EncoderPair(self.model, self.model), TripletRanking()
        self.images = tf.constant(arrays["images"])
        sketch, *photos = tf.split(self.images, 3)
        variables = pair.trainable_variables
        optimizer = keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM)
        optimizer.build(variables)

        def train_step():
            with tf.GradientTape() as tape:
                if name == THREE_PASSES:
                    embeddings = [self.model(part, training=True) for part in (sketch, *photos)]
                else:
                    embeddings = pair.encode(sketch, photos, training=True)
                loss = loss_of(tf.zeros(len(sketch)), tuple(embeddings))
            optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        self.train_step = tf.function(train_step, autograph=False, jit_compile=name == XLA)

    def step(self):
        """Trains one step; returns its seconds and the loss before it."""
        begun = time.perf_counter()
        loss = float(self.train_step())
        return {"seconds": time.perf_counter() - begun, "loss": loss}

    def embed(self, path):
        """Writes the embeddings of the batch to a `.npy` file; returns nothing else."""
        np.save(path, self.model(self.images, training=False))
        return {}


def main(path, num_threads, *names):
    tf.config.threading.set_intra_op_parallelism_threads(int(num_threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(num_threads))
    keras.utils.set_random_seed(0)
    if XLA not in names:
        tf.config.experimental.enable_op_determinism()  # As every recipe trains.
    with np.load(path, allow_pickle=False) as arrays:
        arrays = dict(arrays)
    variants = {name: Variant(arrays, name) for name in names}
    answer(
        {"names": list(variants), "left_out": {}, "versions": {"tensorflow": tf.__version__}},
        {
            "step": lambda name: variants[name].step(),
            "embed": lambda name, path: variants[name].embed(path),
        },
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
