"""Times what users wait for, each beside a named peer or limit in the same run.

python -m recipes.bench --output=results/bench.json

Prints a table and writes JSON. Machines are noisy, so the two sides of a row take turns and what counts
is the ratio; times are medians.
"""

import statistics
import time
from pathlib import Path

import faiss
import keras
import numpy as np
import tensorflow as tf
from absl import flags

from export.litert import convert, interpreter_function
from tfsbir import command, files, losses, sampling
from tfsbir.data import synthetic
from tfsbir.data.batches import batches
from tfsbir.models import EncoderPair, sketch_a_net
from tfsbir.preprocessing import Preprocessing, center_crop
from tfsbir.retrieval import Gallery
from tfsbir.runs import versions

FLAGS = flags.FLAGS
BATCH = 16

flags.DEFINE_string("output", "results/bench.json", "Where the JSON goes.")
flags.DEFINE_integer("rounds", 10, "Turns that each side of a row takes.", lower_bound=1)


def side_by_side(ours, peer, rounds):
    """Returns the median seconds of two functions that take turns, after one warm call of each."""
    seconds = {ours: [], peer: []}
    ours()
    peer()
    for _ in range(rounds):
        for function, taken in seconds.items():
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return statistics.median(seconds[ours]), statistics.median(seconds[peer])


def pipeline_row(split, rounds):
    """A batch of augmented pairs against the training step that eats it."""
    encoder = sketch_a_net()
    pair, loss = EncoderPair(encoder, encoder), losses.BatchTripletRanking()
    optimizer = keras.optimizers.SGD(1e-3)
    optimizer.build(pair.trainable_variables)
    sampler = sampling.TruePairs(split, BATCH, seed=0)
    pairs = iter(batches(split, sampler, 0, 10_000, 225, 0, sketch_warp=1.0, photo_warp=0.3))
    batch = next(pairs)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            embeddings = tuple(pair.encode(batch["sketch"], [batch["photo"]], training=True))
            value = loss(batch["instance"], embeddings)
        optimizer.apply(tape.gradient(value, pair.trainable_variables), pair.trainable_variables)
        return value

    # A turn draws far more batches than the few that were made ahead during the peer's turn.
    ours, peer = side_by_side(lambda: [next(pairs) for _ in range(50)], lambda: step().numpy(), rounds)
    return f"augmented batch of {BATCH} pairs", ours / 50, "training step of sketch_a_net", peer


def export_row(split, rounds):
    """The int8 sketch encoder against the float one, one thread."""
    encoder = sketch_a_net()
    images = center_crop(split.sketches[:20], 225)
    int8, floats = (interpreter_function(convert(encoder, mode, images)) for mode in ("int8", "none"))
    ours, peer = side_by_side(lambda: int8(images[:1]), lambda: floats(images[:1]), 5 * rounds)
    return "int8 sketch_a_net, one image", ours, "the same in float32", peer


def search_row(rounds):
    """The exact index against NumPy's product and sort, 20,000 photos."""
    rng = np.random.default_rng(0)
    photos = rng.normal(size=(20_000, 256)).astype("float32")
    photos /= np.linalg.norm(photos, axis=1, keepdims=True)
    index = faiss.IndexFlatL2(photos.shape[1])
    index.add(photos)
    record = {
        "photo_root": "photos",
        "dim": photos.shape[1],
        "encoder": {"path": "run", "kind": "run", "fingerprint": ""},
        "preprocessing": Preprocessing(225, photos.shape[1]).to_json(),
    }
    gallery = Gallery(Path("gallery"), index, [str(i) for i in range(len(photos))], record)
    ours, peer = side_by_side(
        lambda: gallery.search(photos[:1], 10),
        lambda: np.argsort(((photos - photos[:1]) ** 2).sum(axis=1), kind="stable")[:10],
        5 * rounds,
    )
    return "exact search, 20,000 photos of 256-d", ours, "NumPy: distances and stable sort", peer


def main(_):
    split = synthetic("train", num_instances=32)
    rows = [pipeline_row(split, FLAGS.rounds), export_row(split, FLAGS.rounds), search_row(FLAGS.rounds)]
    print(f"{'ours':40} {'ms':>9}   {'peer':36} {'ms':>9}   peer / ours")
    for name, ours, peer_name, peer in rows:
        print(f"{name:40} {1000 * ours:9.2f}   {peer_name:36} {1000 * peer:9.2f}   {peer / ours:.2f}")
    names = ("ours", "seconds", "peer", "peer_seconds")
    table = [{**dict(zip(names, row, strict=True)), "ratio": row[3] / row[1]} for row in rows]
    Path(FLAGS.output).parent.mkdir(parents=True, exist_ok=True)
    files.write_json(FLAGS.output, {"rows": table, "rounds": FLAGS.rounds, "versions": versions()})


if __name__ == "__main__":
    command.run(main)
