"""Writes what `recipes.bench.scale` measured into a page, and what follows from it for more photos.

    python -m recipes.bench.scale_table --results=results/bench_scale.json --page=docs/scale.md

The rows of more photos than were measured are computed: a photo's vector has four bytes a value, in memory
where the index is exact or a graph, and on disk in any case; a graph adds its links, IVF-PQ keeps a byte for
four values, a number of eight bytes, and the tables of its lists.
"""

import json
from pathlib import Path

from absl import flags

from tfsbir import command
from tfsbir.generated_part import write_part
from tfsbir.retrieval.photo_index import VALUES_PER_BYTE, M

PART = "scale"
COMPUTED = (10**7, 10**8, 10**9)
LINK_BYTES = 4
MAX_TABLE_BYTES = 2 * 2**30  # FAISS's `precomputed_table_max_bytes`.


def table(found):
    """Returns the lines of a table of what was measured and what was computed, from the JSON of the bench."""
    lines = [
        "| photos | index | memory | on disk | built in | search, p50 | p95 | recall@10 |",
        "|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in found["rows"]:
        lines.append(
            f"| {row['num_photos']:,} | `{row['index']}` | {_bytes(row['memory_bytes'])} "
            f"| {_bytes(row['disk_bytes'])} | {_seconds(row['build_seconds'])} "
            f"| {row['search_ms_p50']:.2g} ms | {row['search_ms_p95']:.2g} ms | {row['recall@10']:.3f} |"
        )
    for num_photos in COMPUTED:
        for index in ("flat", "hnsw", "ivfpq"):
            memory, disk = computed_bytes(num_photos, index, found["dim"])
            lines.append(f"| {num_photos:,} | `{index}` | {_bytes(memory)} | {_bytes(disk)} | | | | |")
    return lines


def computed_bytes(num_photos, index, dim):
    """Returns the bytes in memory and on disk of a gallery of so many photos."""
    vectors = 4 * dim * num_photos
    # A photo has twice `M` links in the lowest layer of a graph, and few in those above.
    held = {
        "flat": vectors,
        "hnsw": vectors + 2 * M * LINK_BYTES * num_photos,
        "ivfpq": (dim // VALUES_PER_BYTE + 8) * num_photos + _list_bytes(num_photos, dim),
    }[index]
    return held, vectors + (0 if index == "flat" else held)


def _list_bytes(num_photos, dim):
    # A list has a centre and, unless all of them are too large, a table of 256 values for each byte.
    num_lists = int(4 * num_photos**0.5)
    tables = num_lists * (dim // VALUES_PER_BYTE) * 256 * 4
    return num_lists * dim * 4 + (tables if tables <= MAX_TABLE_BYTES else 0)


def _bytes(count):
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.0f} kB"


def _seconds(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.2g} s"


def main(_):
    found = json.loads(Path(flags.FLAGS.results).read_text(encoding="utf-8"))
    write_part(flags.FLAGS.page, PART, "\n".join(table(found)))


if __name__ == "__main__":
    flags.DEFINE_string("results", "results/bench_scale.json", "JSON of `recipes.bench.scale`.")
    flags.DEFINE_string("page", "docs/scale.md", "Page with the part `scale` to write.")
    command.run(main)
