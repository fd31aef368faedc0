"""What galleries of many photos cost: building, disk, memory, and searching with one sketch after the other.

    python -m recipes.bench.scale --output=results/bench_scale.json

Embeddings of 256 values as `encoder_like` makes them. Each gallery is saved and opened by a process of its
own, which measures itself: memory that is its own, and pages of the vectors' file that it has looked at and
the system may take back, both less what it had before; and how long opening and each search take on one
thread. Recall@10 is against the exact index. A million photos take about 20 minutes, most of it the graph.
"""

import multiprocessing
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
from absl import flags

from recipes.bench.devices import device_versions
from recipes.bench.galleries import encoder_like, gallery_of
from tfsbir import command, files
from tfsbir.retrieval import Gallery
from tfsbir.retrieval.photo_index import INDEXES, MIN_PHOTOS

DIM, NUM_QUERIES, NUM_WARM = 256, 500, 20


def scale_rows(num_photos, folder):
    """Returns a dict of measurements for each kind of index."""
    photos, sketches = encoder_like(num_photos, NUM_QUERIES, DIM)
    rows, expected = [], None
    for kind in INDEXES:
        if num_photos < MIN_PHOTOS[kind]:
            continue
        start = time.perf_counter()
        gallery = gallery_of(photos, index=kind, path=folder / kind)
        built = time.perf_counter()
        gallery.save()
        saved = time.perf_counter()
        del gallery
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            row, found = pool.apply(measure, (folder / kind, sketches))
        expected = found if expected is None else expected
        size = sum(file.stat().st_size for file in (folder / kind).iterdir())
        row = {
            "num_photos": num_photos,
            "index": kind,
            "build_seconds": round(built - start, 2),
            "save_seconds": round(saved - built, 2),
            "disk_bytes": size,
            **row,
            "recall@10": _recall(found, expected),
        }
        shutil.rmtree(folder / kind)
        rows.append(row)
        print(line_of(row), flush=True)
    return rows


def measure(path, sketches):
    """Opens a gallery and searches it; returns a dict of what it took, and the gallery ids it found."""
    faiss.omp_set_num_threads(1)
    before = {name: _resident_bytes(name) for name in ("RssAnon", "RssFile")}
    start = time.perf_counter()
    gallery = Gallery.open(path)
    opened = time.perf_counter()
    seconds, found = [], []
    for sketch in [*sketches[:NUM_WARM], *sketches]:
        begun = time.perf_counter()
        found.append(gallery.search(sketch[None], 10)[1][0])
        seconds.append(time.perf_counter() - begun)
    seconds = seconds[NUM_WARM:]
    return {
        "open_seconds": round(opened - start, 3),
        "memory_bytes": _resident_bytes("RssAnon") - before["RssAnon"],
        "mapped_bytes": _resident_bytes("RssFile") - before["RssFile"],
        "search_ms_p50": round(1000 * statistics.median(seconds), 3),
        "search_ms_p95": round(1000 * float(np.percentile(seconds, 95)), 3),
    }, np.array(found[NUM_WARM:])


def line_of(row):
    """Returns a row as a line of text."""
    return (
        f"{row['num_photos']:>10,} {row['index']:<6} built {row['build_seconds']:8.1f} s  "
        f"disk {row['disk_bytes'] / 1e6:7.0f} MB  memory {row['memory_bytes'] / 1e6:7.0f} MB  "
        f"mapped {row['mapped_bytes'] / 1e6:7.0f} MB  "
        f"open {row['open_seconds']:6.2f} s  search p50 {row['search_ms_p50']:7.2f} ms  "
        f"p95 {row['search_ms_p95']:7.2f} ms  recall@10 {row['recall@10']:.3f}"
    )


def _recall(found, expected):
    pairs = zip(found.tolist(), expected.tolist(), strict=True)
    return float(np.mean([len({*one} & {*other}) / len(other) for one, other in pairs]))


def _resident_bytes(name):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/self/status: expected {name}; found none")


def main(_):
    sizes, rows = [int(size) for size in flags.FLAGS.sizes], []
    for num_photos in sizes:
        with tempfile.TemporaryDirectory() as folder:
            rows += scale_rows(num_photos, Path(folder))
    found = {"dim": DIM, "num_queries": NUM_QUERIES, "rows": rows, "versions": device_versions()}
    Path(flags.FLAGS.output).parent.mkdir(parents=True, exist_ok=True)
    files.write_json(flags.FLAGS.output, found)


if __name__ == "__main__":
    flags.DEFINE_string("output", "results/bench_scale.json", "Where the JSON goes.")
    flags.DEFINE_list("sizes", ["10000", "100000", "1000000"], "Numbers of photos.")
    command.run(main)
