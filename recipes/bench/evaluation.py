"""Measuring QuickDraw-Extended's test, every metric in every convention, at its real size.

python -m recipes.bench.evaluation --num_queries=92291 --num_photos=54151

As a command it measures made-up embeddings and prints JSON: seconds, seconds of CPU time, and the bytes that
the process had at most above its libraries and the embeddings.
"""

import io
import json
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from absl import flags
from matplotlib.figure import Figure

from recipes.bench.row import Row
from tfsbir import command, files, metrics

NUM_QUERIES, NUM_PHOTOS, DIM, NUM_CLASSES = 92_291, 54_151, 256, 30
SECONDS, BYTES = 120.0, 1.5 * 2**30  # The limits.
KS = (100, 200)
# Shares of the queries and of the photos, of which one varies.
GROWTH = tuple((1 / share, 1.0) for share in (64, 32, 16)) + tuple((1 / 16, 1 / share) for share in (8, 4, 2))


def evaluation_rows(num_queries=NUM_QUERIES):
    """The whole test against the limits of its seconds and its memory, once.

    Of fewer queries the limit of seconds is their share; that of memory, which hangs on the photos, stays.
    """
    found = measured_apart(num_queries, NUM_PHOTOS)
    size = f"{num_queries:,} sketches, {NUM_PHOTOS:,} photos of {DIM}-d"
    limit = SECONDS * num_queries / NUM_QUERIES
    name, peer = f"evaluate all metrics, {size}", f"{limit:g} s, the limit"
    return [
        Row(name, found["seconds"], peer, limit),
        Row("the same, CPU time", found["cpu_seconds"], peer, limit),
        Row("the same, memory above the embeddings", found["bytes"], "1.5 GiB, the limit", BYTES, "bytes"),
    ]


def evaluation_costs(num_queries=NUM_QUERIES, growth=GROWTH):
    """Measures what parts of the test cost.

    Returns: List of dicts of `queries`, `photos`, `seconds`, `cpu_seconds` and `bytes`.
    """
    sizes = [(round(part * num_queries), round(of_photos * NUM_PHOTOS)) for part, of_photos in growth]
    return [measured_apart(*size) for size in sizes]


def measured_apart(num_queries, num_photos):
    """Returns what this file's command prints, from a process of its own."""
    arguments = [f"--num_queries={num_queries}", f"--num_photos={num_photos}"]
    done = subprocess.run(
        [sys.executable, "-m", "recipes.bench.evaluation", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def measured(num_queries, num_photos):
    """Measures an evaluation in this process, which must not have held more memory before."""
    measure(*made_up(2, NUM_CLASSES, seed=0))  # Keras' own memory.
    before = _peak_bytes()
    sketch, photo, *labels = made_up(num_queries, num_photos, seed=1)
    begun, cpu_begun = time.perf_counter(), time.process_time()
    measure(sketch, photo, *labels)
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - cpu_begun
    return {
        "queries": num_queries,
        "photos": num_photos,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "bytes": _peak_bytes() - before - sketch.nbytes - photo.nbytes,
    }


def measure(sketch, photo, sketch_labels, photo_labels):
    """Computes every metric in every convention; returns the means."""
    return metrics.category_metrics(sketch, photo, sketch_labels, photo_labels, KS).means()


def made_up(num_queries, num_photos, seed):
    """Returns embeddings of sketches and photos around the centres of their classes, and their labels."""
    random = np.random.default_rng(seed)
    centers = random.standard_normal((NUM_CLASSES, DIM), np.float32)
    embeddings, labels = [], []
    for count in (num_queries, num_photos):
        labels.append(random.integers(NUM_CLASSES, size=count))
        points = random.standard_normal((count, DIM), np.float32)
        points *= 4  # So that classes overlap.
        for label in range(NUM_CLASSES):  # In place, so that nothing as large is beside them.
            points[labels[-1] == label] += centers[label]
        embeddings.append(points)
    return *embeddings, *labels


def draw_evaluation_costs(costs, path):
    """Plots `evaluation_costs` as a PNG: CPU time and memory by the queries, and by the photos."""
    # The object interface: no global state, no window.
    figure = Figure(figsize=(8.4, 6.2), layout="constrained")
    panels = figure.subplots(2, 2, sharey="row")
    most_photos = max(one["photos"] for one in costs)
    queries_of_fewer = {one["queries"] for one in costs if one["photos"] < most_photos}
    sides = {
        "queries": [one for one in costs if one["photos"] == most_photos],
        "photos": [one for one in costs if one["queries"] in queries_of_fewer],
    }
    for column, (axis, points) in enumerate(sides.items()):
        points = sorted(points, key=lambda one: one[axis])
        sizes = np.array([one[axis] for one in points])
        other = "photos" if axis == "queries" else "queries"
        for row, (quantity, unit, label) in enumerate(
            (("cpu_seconds", 1.0, "CPU time, s"), ("bytes", 2.0**20, "memory, MiB"))
        ):
            values = np.array([one[quantity] for one in points]) / unit
            panel = panels[row, column]
            panel.plot(sizes, values, "o-", color="#1f4e79")
            if quantity == "cpu_seconds":
                slope = sizes @ values / (sizes @ sizes)
                straight = f"{1000 * slope:.2f} ms a {'query' if axis == 'queries' else 'photo'}"
                panel.plot([0, sizes[-1]], [0, slope * sizes[-1]], "--", color="#d9822b", label=straight)
                panel.legend(frameon=False)
            panel.set_xlabel(f"{axis}, with {points[0][other]:,} {other}")
            if column == 0:
                panel.set_ylabel(label)
            panel.set_xlim(0, 1.08 * sizes[-1])
            panel.set_ylim(0, 1.1 * max(one[quantity] for one in costs) / unit)
            panel.grid(alpha=0.25)
            panel.spines[["top", "right"]].set_visible(False)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    files.write_bytes(path, data.getvalue())


def _peak_bytes():
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Not `ru_maxrss`: on Linux it begins with what the program held that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def main(_):
    print(json.dumps(measured(flags.FLAGS.num_queries, flags.FLAGS.num_photos)))


if __name__ == "__main__":
    flags.DEFINE_integer("num_queries", NUM_QUERIES, "Sketches.", lower_bound=1)
    flags.DEFINE_integer("num_photos", NUM_PHOTOS, "Photos.", lower_bound=1)
    command.run(main)
