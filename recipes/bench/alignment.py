"""Aligning and pooling all classes of paper 4, and what that costs a training beside it."""

import tempfile
import time
from pathlib import Path

import numpy as np

from recipes.bench.pipeline import BATCH
from recipes.bench.row import Row
from recipes.bench.training_step import training_step
from recipes.common import pool_job
from tfsbir.alignment import GaussianMixturePools, ManifoldAlignment, make_pools
from tfsbir.data.worker_pool import worker_pool
from tfsbir.distances import SquaredEuclidean
from tfsbir.models import sketch_a_net

NUM_CLASSES, NUM_OF_EACH, NUM_PAIRS, DIM = 65, 1_000, 24, 256  # Common65c, of whose photos 24 have sketches.
NUM_CLUSTERS = 4  # The paper finds 3 or 4 in most classes.
LIMIT = 60.0  # Seconds.
CLASSES_BESIDE = 8  # Enough for a refresh to last for many training steps.


def alignment_row(num_classes=NUM_CLASSES):
    """Manifold alignment and mixtures over all classes of Common65c, on one core, against a limit; once."""
    work = ManifoldAlignment(), GaussianMixturePools()
    _pool(clustered_classes(1, num_of_each=50), *work)  # Imports what it needs.
    classes = clustered_classes(num_classes)
    begun = time.perf_counter()
    _pool(classes, *work)
    seconds = time.perf_counter() - begun
    name = f"align and pool, MA and GMM, {num_classes} classes of 2 x {NUM_OF_EACH:,}, {DIM}-d"
    scale = num_classes / NUM_CLASSES
    return Row(name, seconds, f"{scale * LIMIT:g} s, the limit", scale * LIMIT)


def refresh_row(rounds, num_classes):
    """A training step beside a refresh of the pools, in the process that the recipe has, against alone."""
    step = training_step(sketch_a_net(), SquaredEuclidean())
    random = np.random.default_rng(0)
    sketch, photo = random.uniform(-1, 1, (2, BATCH, 225, 225, 1)).astype("float32")
    batch = {"sketch": sketch, "photo": photo, "instance": np.arange(BATCH)}
    sketches, photos, *labels, pairs = clustered_classes(num_classes)
    work = ManifoldAlignment(), GaussianMixturePools()
    with worker_pool(1) as process, tempfile.TemporaryDirectory() as folder:
        embeddings = Path(folder) / "embeddings.npz"
        np.savez(embeddings, sketch=sketches, photo=photos)
        pools = Path(folder) / "pools.npz"
        process.submit(pool_job.get_ready, work[1]).result()
        ours, peer = beside(
            lambda: step(batch),
            lambda: process.submit(pool_job.write_pools, embeddings, pools, *work, *labels, pairs, False),
            rounds,
        )
    return Row.of_turns("training step, align and pool beside it", ours, "the same, nothing beside it", peer)


def beside(function, start, rounds):
    """Returns the seconds of a function beside other work, and as often without it, after one warm call.

    Args:
        function: Function without arguments. As often as it runs beside the work, it runs without it after.
        start: Function that begins the work and returns its `concurrent.futures.Future`.
        rounds: How often the work is begun.
    Returns: Two arrays of seconds, beside the work and without it.
    Raises: `ValueError` if the work never outlasts the function.
    """
    function()
    with_work, without = [], []
    for _ in range(rounds):
        work, taken = start(), []
        while not work.done():
            taken.append(_seconds(function))
        work.result()
        taken = taken[:-1]  # In the last call the work ended.
        with_work += taken
        without += [_seconds(function) for _ in taken]
    if not with_work:
        raise ValueError("`start` must begin work that outlasts `function`. Received: shorter work")
    return np.array(with_work), np.array(without)


def _seconds(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def _pool(classes, aligner, pooler):
    *samples, pairs = classes
    return make_pools(*samples, aligner, pooler, pairs=pairs)


def clustered_classes(num_classes, num_of_each=NUM_OF_EACH, dim=DIM, num_pairs=NUM_PAIRS):
    """Makes embeddings like those of two branches before they meet: each class in clusters, domains apart.

    A class has `NUM_CLUSTERS` clusters; a photo lies near its cluster's centre, and a sketch where another
    linear map takes such a point. All have few dimensions of their own and are of unit norm.

    Returns: Embeddings of sketches and of photos, `(num_classes * num_of_each, dim)` float32, their labels,
        and pairs `(num_classes * num_pairs, 2)`, in the order of `make_pools`.
    """
    rng = np.random.default_rng(0)
    inner = 20
    maps = rng.normal(0, inner**-0.5, (2, inner, dim))
    sketches, photos, pairs = [], [], []
    for label in range(num_classes):
        centers = rng.normal(size=inner) + 0.5 * rng.normal(size=(NUM_CLUSTERS, inner))
        cluster = rng.integers(NUM_CLUSTERS, size=num_of_each)
        photo = centers[cluster] + 0.15 * rng.normal(size=(num_of_each, inner))
        other = centers[rng.integers(NUM_CLUSTERS, size=num_of_each)]
        sketch = other + 0.15 * rng.normal(size=(num_of_each, inner))
        sketch[:num_pairs] = photo[:num_pairs] + 0.05 * rng.normal(size=(num_pairs, inner))
        pairs.append(label * num_of_each + np.arange(num_pairs)[:, None].repeat(2, axis=1))
        for embedded, latent, to_space in ((sketches, sketch, maps[0]), (photos, photo, maps[1])):
            points = latent @ to_space + 0.02 * rng.normal(size=(num_of_each, dim))
            embedded.append((points / np.linalg.norm(points, axis=1, keepdims=True)).astype("float32"))
    labels = np.arange(num_classes).repeat(num_of_each)
    return np.concatenate(sketches), np.concatenate(photos), labels, labels, np.concatenate(pairs)
