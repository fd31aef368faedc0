"""Times what users wait for, each beside a named peer or limit in the same run.

python -m recipes.bench --output=results/bench.json

Prints a table and writes JSON. Machines are noisy, so the two sides of a row take turns and what counts
is the ratio; times are medians.
"""

import dataclasses
import io
import statistics
import time
from pathlib import Path

import faiss
import keras
import numpy as np
import tensorflow as tf
from absl import flags
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from export.litert import convert, interpreter_function
from tfsbir import command, files, losses, sampling
from tfsbir.data.augment import Augmentation, StrokeAugmentation
from tfsbir.data.batches import batches
from tfsbir.data.synthetic import synthetic
from tfsbir.data.worker_pool import worker_pool
from tfsbir.models import EncoderPair, sketch_a_net, squeezenet_encoder
from tfsbir.preprocessing import Preprocessing, center_crop
from tfsbir.retrieval import Gallery
from tfsbir.runs import versions
from tfsbir.strokes import VectorSketch, rasterize
from tfsbir.strokes.deformation import deform
from tfsbir.strokes.removal import kept_strokes

FLAGS = flags.FLAGS
BATCH = 16
BATCHES_IN_A_TURN = 20  # Far more than the few that were made ahead during the peer's turn.

flags.DEFINE_string("output", "results/bench.json", "Where the JSON goes.")
flags.DEFINE_string("plot", None, "Where a plot of the cost of strokes by their points goes, as a PNG.")
flags.DEFINE_integer("rounds", 10, "Turns that each side of a row takes.", lower_bound=1)


def timed(function, rounds):
    """Returns the median seconds of a function, after one warm call."""
    function()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


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


def training_step():
    """Returns a function from a batch of pairs to the loss of one training step of `sketch_a_net`."""
    encoder = sketch_a_net()
    pair, loss = EncoderPair(encoder, encoder), losses.BatchTripletRanking()
    optimizer = keras.optimizers.SGD(1e-3)
    optimizer.build(pair.trainable_variables)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            embeddings = tuple(pair.encode(batch["sketch"], [batch["photo"]], training=True))
            value = loss(batch["instance"], embeddings)
        optimizer.apply(tape.gradient(value, pair.trainable_variables), pair.trainable_variables)
        return value

    return lambda batch: step(batch).numpy()


def pipeline_rows(split, rounds, pool):
    """A batch of pairs, augmented as pixels and as strokes, against the training step that eats it."""
    step = training_step()
    sampler = sampling.TruePairs(split, BATCH, seed=0)
    drawn = dataclasses.replace(split, sketches=split.sketches[:])
    cases = {
        f"batch of {BATCH} pairs, pixels warped": (
            drawn,
            Augmentation(sketch_warp=1.0, photo_warp=0.3),
            None,
        ),
        f"batch of {BATCH} pairs, strokes bent": (split, Augmentation(strokes=StrokeAugmentation()), None),
        "the same, two workers": (split, Augmentation(strokes=StrokeAugmentation()), pool),
    }
    rows = []
    for name, (source, augmentation, workers) in cases.items():
        pairs = iter(batches(source, sampler, 0, 100_000, 225, 0, augmentation, workers))
        batch = next(pairs)
        ours, peer = side_by_side(
            lambda pairs=pairs: [next(pairs) for _ in range(BATCHES_IN_A_TURN)],
            lambda batch=batch: step(batch),
            rounds,
        )
        rows.append((name, ours / BATCHES_IN_A_TURN, "training step of sketch_a_net", peer))
    ours, peer = side_by_side(lambda: step(next(pairs)), lambda: step(batch), rounds)
    return [*rows, ("training step, strokes bent beside it", ours, "the same on one batch in memory", peer)]


def rasterize_row(split, rounds):
    """Anti-aliased strokes against Pillow's own lines, which are not."""
    sketches = [split.sketches.sketch(i) for i in range(len(split.sketches))]

    def draw_with_pillow():
        for sketch in sketches:
            image = Image.new("L", (256, 256), 255)
            pen = ImageDraw.Draw(image)
            for stroke in sketch.strokes:
                pen.line(stroke.ravel().tolist(), fill=0, width=2)

    ours, peer = side_by_side(
        lambda: [rasterize(sketch, 256) for sketch in sketches], draw_with_pillow, rounds
    )
    count = len(sketches)
    return (
        "rasterize, one drawn sketch, 256 px",
        ours / count,
        "Pillow's lines, not anti-aliased",
        peer / count,
    )


def stroke_costs(rounds):
    """Measures what one sketch costs by its number of points.

    Returns: Dict of lists: `points`, and for "rasterize", "deform" and "remove" seconds a sketch.
    """
    random = np.random.default_rng(0)
    costs = {"points": [], "rasterize": [], "deform": [], "remove": []}
    for num_strokes in (2, 5, 10, 20, 40, 80, 160):
        # A hand moves on: strokes of 16 points that wander, all over the paper.
        steps = random.normal(0, 6, (num_strokes, 16, 2))
        steps[:, 0] = random.uniform(40, 216, (num_strokes, 2))
        sketch = VectorSketch(tuple(np.clip(np.cumsum(steps, axis=1), 0, 256)), (0, 0, 256, 256))
        work = {
            "rasterize": lambda sketch=sketch: rasterize(sketch, 256),
            "deform": lambda sketch=sketch: deform(sketch, 0),
            # One draw serves a batch, as the pipeline has it.
            "remove": lambda sketch=sketch: kept_strokes([sketch] * BATCH, [0.3] * BATCH, 0),
        }
        costs["points"].append(sketch.num_points)
        for name, function in work.items():
            seconds = timed(function, 5 * rounds)
            costs[name].append(seconds / (BATCH if name == "remove" else 1))
    return costs


def draw_stroke_costs(costs, path):
    """Plots `stroke_costs` as a PNG, with the straight line through each."""
    # The object interface: no global state, no window.
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    for name in ("rasterize", "deform", "remove"):
        slope, start = np.polyfit(costs["points"], costs[name], 1)
        fit = slope * np.array(costs["points"]) + start
        line = axes.plot(costs["points"], 1000 * np.array(costs[name]), "o")[0]
        label = f"{name}: {1e6 * start:.0f} µs + {1e6 * slope:.2f} µs a point"
        axes.plot(costs["points"], 1000 * fit, color=line.get_color(), label=label)
    axes.set(xlabel="points of a sketch", ylabel="ms a sketch", title="Cost of strokes, 256 px, one core")
    axes.legend()
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    files.write_bytes(path, data.getvalue())


def export_row(split, rounds):
    """The int8 sketch encoder against the float one, one thread."""
    encoder = sketch_a_net()
    images = center_crop(split.sketches[:20], 225)
    int8, floats = (interpreter_function(convert(encoder, mode, images)) for mode in ("int8", "none"))
    ours, peer = side_by_side(lambda: int8(images[:1]), lambda: floats(images[:1]), 5 * rounds)
    return "int8 sketch_a_net, one image", ours, "the same in float32", peer


def query_rows(split, rounds):
    """One whole query on one thread: draw the strokes, encode the drawing, rank 115 photos."""
    sketch, rows = split.sketches.sketch(0), []
    for encoder in (sketch_a_net(), squeezenet_encoder()):
        encode = interpreter_function(convert(encoder, "none", center_crop(split.sketches[:1], 225)))
        gallery, _ = random_gallery(115, encoder.output_shape[-1])

        def query(encode=encode, gallery=gallery):
            image = rasterize(sketch, 256)
            return gallery.search(encode(center_crop(image[None], 225)), k=115)

        rows.append((f"strokes to 115 ranked photos, {encoder.name}", timed(query, 5 * rounds)))
    return [(*row, "30 ms, as the paper has it", 0.030) for row in rows]


def search_row(rounds):
    """The exact index against NumPy's product and sort, 20,000 photos."""
    gallery, photos = random_gallery(20_000, 256)
    ours, peer = side_by_side(
        lambda: gallery.search(photos[:1], 10),
        lambda: np.argsort(((photos - photos[:1]) ** 2).sum(axis=1), kind="stable")[:10],
        5 * rounds,
    )
    return "exact search, 20,000 photos of 256-d", ours, "NumPy: distances and stable sort", peer


def random_gallery(num_photos, dim):
    """Returns a `Gallery` of unit vectors drawn at random, and the vectors."""
    photos = np.random.default_rng(0).normal(size=(num_photos, dim)).astype("float32")
    photos /= np.linalg.norm(photos, axis=1, keepdims=True)
    index = faiss.IndexFlatL2(dim)
    index.add(photos)
    record = {
        "photo_root": "photos",
        "dim": dim,
        "encoder": {"path": "run", "kind": "run", "fingerprint": ""},
        "preprocessing": Preprocessing(225, dim).to_json(),
    }
    return Gallery(Path("gallery"), index, [str(i) for i in range(num_photos)], record), photos


def main(_):
    split = synthetic("train", num_instances=32)
    with worker_pool(2) as pool:
        rows = [
            *pipeline_rows(split, FLAGS.rounds, pool),
            rasterize_row(split, FLAGS.rounds),
            export_row(split, FLAGS.rounds),
            *query_rows(split, FLAGS.rounds),
            search_row(FLAGS.rounds),
        ]
    costs = stroke_costs(FLAGS.rounds)
    print(f"{'ours':52} {'ms':>9}   {'peer':36} {'ms':>9}   peer / ours")
    for name, ours, peer_name, peer in rows:
        print(f"{name:52} {1000 * ours:9.2f}   {peer_name:36} {1000 * peer:9.2f}   {peer / ours:.2f}")
    names = ("ours", "seconds", "peer", "peer_seconds")
    table = [{**dict(zip(names, row, strict=True)), "ratio": row[3] / row[1]} for row in rows]
    Path(FLAGS.output).parent.mkdir(parents=True, exist_ok=True)
    files.write_json(
        FLAGS.output,
        {"rows": table, "stroke_costs": costs, "rounds": FLAGS.rounds, "versions": versions()},
    )
    if FLAGS.plot:
        draw_stroke_costs(costs, FLAGS.plot)


if __name__ == "__main__":
    command.run(main)
