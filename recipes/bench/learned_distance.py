"""What learning HOLEF adds to training: time and memory of a step with the whole encoder.

python -m recipes.bench.learned_distance --distance=holef --rounds=10

As a command it trains a few steps and prints the bytes that TensorFlow had given out at most in each, as a
median: the encoder, the optimizer's state, and what a step needs. That differs by some 5 % from step to step.
The resident memory of a process, which the system counts, differs by a fifth from run to run.
"""

import statistics
import subprocess
import sys

import numpy as np
import tensorflow as tf
from absl import flags

from recipes.bench.row import Row
from recipes.bench.timing import side_by_side
from recipes.bench.training_step import training_step
from tfsbir import command
from tfsbir.distances import DISTANCES, make_distance
from tfsbir.models import attended_encoder, sketch_a_net

BATCH = 32
OURS, PEER = "holef", "squared_euclidean"
NAME = "{} with HOLEF, sketch_a_net with attention, {} pairs"


def distance_step(distance, batch_size):
    """Returns a function that trains one step of paper 2's encoder, 512-d, on one batch of noise."""
    encoder = attended_encoder(sketch_a_net(), after="pool5")
    step = training_step(encoder, make_distance(distance, encoder.output_shape[-1]))
    random = np.random.default_rng(0)
    sketch, photo = random.uniform(-1, 1, (2, batch_size, *encoder.input_shape[1:])).astype("float32")
    batch = {"sketch": sketch, "photo": photo, "instance": np.arange(batch_size)}
    return lambda: step(batch)


def learned_distance_rows(rounds):
    """The step with HOLEF against the same with the squared distance: its seconds, and its memory."""
    ours, peer = side_by_side(distance_step(OURS, BATCH), distance_step(PEER, BATCH), rounds)
    memory, peer_memory = memory_of(OURS, rounds), memory_of(PEER, rounds)
    peer_name = "the same, squared distance"
    return [
        Row.of_turns(NAME.format("training step", BATCH), ours, peer_name, peer),
        Row(NAME.format("memory of a step", BATCH), memory, peer_name, peer_memory, "bytes"),
    ]


def memory_of(distance, rounds):
    """Returns what this file's command prints, from a process of its own."""
    arguments = [f"--distance={distance}", f"--rounds={rounds}", f"--batch_size={BATCH}"]
    done = subprocess.run(
        [sys.executable, "-m", "recipes.bench.learned_distance", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(done.stdout)


def main(_):
    step = distance_step(flags.FLAGS.distance, flags.FLAGS.batch_size)
    step()  # Makes the graph.
    peaks = []
    for _ in range(flags.FLAGS.rounds):
        tf.config.experimental.reset_memory_stats("CPU:0")
        step()
        peaks.append(tf.config.experimental.get_memory_info("CPU:0")["peak"])
    print(int(statistics.median(peaks)))


if __name__ == "__main__":
    flags.DEFINE_enum("distance", None, DISTANCES, "The distance that is trained.", required=True)
    flags.DEFINE_integer("batch_size", BATCH, "Pairs in a batch.", lower_bound=2)
    flags.DEFINE_integer("rounds", 10, "Steps that are measured.", lower_bound=1)
    command.run(main)
