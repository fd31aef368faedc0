"""Who is drawn for a batch, against the same drawn in loops, row by row, as training scripts are written."""

import random

import numpy as np

from recipes.bench.row import Row
from recipes.bench.timing import side_by_side
from tfsbir import sampling
from tfsbir.alignment import Pools
from tfsbir.data.split import Split

NUM_SKETCHES, NUM_PHOTOS, NUM_CLASSES = 100_000, 12_500, 125
BATCH = 128
DIM, NUM_ATTRIBUTES, CLUSTERS_OF_A_CLASS = 64, 8, 4
STEPS_IN_A_TURN = 20


def made_up_split():
    """Returns a `Split` of images of one pixel: every photo has eight sketches, and attributes."""
    rng = np.random.default_rng(0)
    photo_labels = np.arange(NUM_PHOTOS, dtype=np.int32) % NUM_CLASSES
    sketch_photo = np.arange(NUM_SKETCHES, dtype=np.int32) % NUM_PHOTOS
    attributes = rng.integers(2, size=(NUM_PHOTOS, NUM_ATTRIBUTES)).astype(np.int8)
    return Split(
        name="made_up",
        split="train",
        sketches=np.zeros((NUM_SKETCHES, 1, 1, 1), np.uint8),
        photos=np.zeros((NUM_PHOTOS, 1, 1, 1), np.uint8),
        sketch_ids=tuple(map(str, range(NUM_SKETCHES))),
        photo_ids=tuple(map(str, range(NUM_PHOTOS))),
        photo_input="edges",
        sketch_photo=sketch_photo,
        sketch_labels=photo_labels[sketch_photo],
        photo_labels=photo_labels,
        class_names=tuple(map(str, range(NUM_CLASSES))),
        attribute_names=tuple(map(str, range(NUM_ATTRIBUTES))),
        photo_attributes=attributes,
    )


def sampling_rows(rounds):
    """A batch of 128 of each sampler against its loop, of 100,000 sketches."""
    split = made_up_split()
    rows = []
    for name, sampler, loop in cases(split):
        step = iter(range(10**9))

        def draw(sampler=sampler, step=step):
            return [sampler(next(step)) for _ in range(STEPS_IN_A_TURN)]

        ours, peer = side_by_side(draw, loop, rounds)
        rows.append(
            Row.of_turns(
                f"draw {BATCH} {name}, of {NUM_SKETCHES:,} sketches",
                ours / STEPS_IN_A_TURN,
                "the same row by row",
                peer,
            )
        )
    return rows


def cases(split):
    """Yields a sampler's name, the sampler, and a function that draws such a batch in loops.

    The loops draw by the same distribution, but from one stream of random numbers: no step can
    be drawn alone.
    """
    rng = np.random.default_rng(1)
    rows_of = {domain: _by_class(labels) for domain, labels in (
        ("sketch", split.sketch_labels), ("photo", split.photo_labels)
    )}  # fmt: skip
    sketches_of = [[] for _ in range(NUM_PHOTOS)]
    for sketch, photo in enumerate(split.sketch_photo.tolist()):
        sketches_of[photo].append(sketch)

    def true_pairs():
        photos = random.sample(range(NUM_PHOTOS), BATCH)
        return [(random.choice(sketches_of[photo]), photo) for photo in photos]

    yield "true pairs", sampling.TruePairs(split, BATCH, seed=0), true_pairs

    def attribute_triplets():
        batch = []
        for sketch, photo in true_pairs():
            differing = (split.photo_attributes != split.photo_attributes[photo]).sum(axis=1)
            weights = np.exp(-differing.astype(np.float64))
            weights[photo] = 0
            batch.append((sketch, photo, rng.choice(NUM_PHOTOS, p=weights / weights.sum())))
        return batch

    yield "attribute triplets", sampling.AttributeTriplets(split, BATCH, seed=0), attribute_triplets

    def category_groups():
        batch = []
        for label in random.sample(range(NUM_CLASSES), BATCH // 4):
            sketches, photos = (random.sample(rows_of[domain][label], 4) for domain in ("sketch", "photo"))
            batch += zip(sketches, photos, strict=True)
        return batch

    yield "rows in category groups", sampling.CategoryGroups(split, BATCH, seed=0), category_groups

    semantics = rng.normal(size=(NUM_CLASSES, DIM))
    semantic = sampling.SemanticTriplets(split, semantics, BATCH, seed=0)

    def semantic_triplets():
        batch = []
        for sketch in random.sample(range(NUM_SKETCHES), BATCH):
            label = split.sketch_labels[sketch]
            other = rng.choice(NUM_CLASSES, p=semantic.probabilities[label])
            photos = (random.choice(rows_of["photo"][one]) for one in (label, other))
            batch.append((sketch, *photos))
        return batch

    yield "semantic triplets", semantic, semantic_triplets

    features = [rng.normal(size=(count, DIM)).astype("float32") for count in (NUM_SKETCHES, NUM_PHOTOS)]

    def category_triplets():
        batch = []
        for sketch in random.sample(range(NUM_SKETCHES), BATCH):
            label = split.sketch_labels[sketch]
            own = np.array(rows_of["photo"][label])
            distances = np.square(features[1][own] - features[0][sketch]).sum(axis=1)
            own = own[np.argsort(distances, kind="stable")]
            count = -(-len(own) // 5)
            positive = rng.choice(own[:count])
            source = random.choices(("easy", "nearer", "far"), (3, 1, 1))[0]
            pool = easy = np.flatnonzero(split.photo_labels != label)
            if source == "nearer":
                distances = np.square(features[1] - features[0][sketch]).sum(axis=1)
                pool = easy[distances[easy] < distances[positive]]
            elif source == "far":
                pool = own[-count:]
            batch.append((sketch, positive, rng.choice(pool if len(pool) else easy)))
        return batch

    category = sampling.CategoryTriplets(split, *features, BATCH, seed=0)
    yield "category triplets, hard negatives", category, category_triplets

    pools = made_up_pools(split)
    impostors = sampling.PooledTriplets(split, pools, BATCH, seed=0)

    members_of = [
        [(members := np.flatnonzero(column).tolist(), column[members].tolist()) for column in one.T]
        for one in (pools.sketch_memberships, pools.photo_memberships)
    ]

    sizes = pools.sizes

    def pooled_triplets():
        batch = []
        for _ in range(BATCH):
            own = np.flatnonzero(pools.cluster_labels == random.randrange(NUM_CLASSES))
            cluster = random.choices(own.tolist(), sizes[own].tolist())[0]
            gaps = np.square(pools.photo_centers - pools.photo_centers[cluster]).sum(axis=1)
            gaps[own] = np.inf
            drawn = members_of[0][cluster], members_of[1][cluster], members_of[1][np.argmin(gaps)]
            batch.append([random.choices(*members)[0] for members in drawn])
        return batch

    yield "pooled triplets", impostors, pooled_triplets


def made_up_pools(split):
    """Returns `Pools` of four clusters a class, in one of which each sketch and photo is."""
    rng = np.random.default_rng(2)
    num_clusters = NUM_CLASSES * CLUSTERS_OF_A_CLASS
    memberships = []
    for labels in (split.sketch_labels, split.photo_labels):
        one = np.zeros((len(labels), num_clusters), np.float32)
        clusters = CLUSTERS_OF_A_CLASS * labels + rng.integers(CLUSTERS_OF_A_CLASS, size=len(labels))
        one[np.arange(len(labels)), clusters] = 1
        memberships.append(one)
    centers = rng.normal(size=(num_clusters, DIM))
    return Pools(
        sketch_memberships=memberships[0],
        photo_memberships=memberships[1],
        cluster_labels=np.arange(NUM_CLASSES).repeat(CLUSTERS_OF_A_CLASS),
        sketch_centers=centers,
        photo_centers=centers,
    )


def _by_class(labels):
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=NUM_CLASSES))
    return [part.tolist() for part in np.split(order, ends[:-1])]
