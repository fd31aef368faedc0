"""A structured forest small enough to read: it sees an edge where the gradient is steep."""

import gzip
from pathlib import Path

# Numbers of OpenCV's published forest.
OPTIONS = {
    "numberOfTrees": 8,
    "numberOfTreesToEvaluate": 4,
    "selfsimilarityGridSize": 5,
    "stride": 2,
    "shrinkNumber": 2,
    "patchSize": 32,
    "patchInnerSize": 16,
    "numberOfGradientOrientations": 4,
    "gradientSmoothingRadius": 0,
    "regFeatureSmoothingRadius": 2,
    "ssFeatureSmoothingRadius": 8,
    "gradientNormalizationRadius": 4,
}
NUM_TREES, NUM_CHANNELS, CELLS, INNER = 8, 13, 16, 16


def tiny_forest(weak=0.3, strong=0.7):
    """Returns the arrays of a forest of eight equal trees with five nodes.

    Node 0 asks whether the gradient's magnitude (channel 3) in the cell at the patch's middle is `weak` or
    more, node 2 whether it is `strong`. The leaves 3 and 4 then vote for the four middle pixels, in one of
    the channels or in all: a vote adds 2 * 2 ** 2 / 16 ** 2 / 4.
    """
    middle = 3 * CELLS**2 + (CELLS // 2) * CELLS + CELLS // 2
    pixels = [y * INNER + x for y in (7, 8) for x in (7, 8)]
    boundaries, bins = [0], []
    for _ in range(NUM_TREES):
        for num_channels in (0, 0, 0, 3, NUM_CHANNELS):  # By node.
            bins += [channel * INNER**2 + pixel for channel in range(num_channels) for pixel in pixels]
            boundaries.append(len(bins))
    return {
        "childs": [[2, 0, 4, 0, 0]] * NUM_TREES,
        "featureIds": [[middle, 0, middle, 0, 0]] * NUM_TREES,
        "thresholds": [[weak, 0, strong, 0, 0]] * NUM_TREES,
        "edgeBoundaries": [boundaries],
        "edgeBins": [bins],
    }


def forest_text(options=OPTIONS, **arrays):
    """Returns a forest as OpenCV's converter writes it; `arrays` take the place of the tiny forest's."""
    lines = ["%YAML:1.0", "", "options:", *(f"    {name}: {value}" for name, value in options.items()), ""]
    for name, rows in {**tiny_forest(), **arrays}.items():
        lines += [f"{name}:", *(f"    - [{','.join(map(str, row))}]" for row in rows), ""]
    return "\n".join(lines)


def write_forest(path, **arrays):
    """Writes a forest, packed where the name ends with .gz; returns its path."""
    text = forest_text(**arrays).encode("ascii")
    Path(path).write_bytes(gzip.compress(text) if str(path).endswith(".gz") else text)
    return path
