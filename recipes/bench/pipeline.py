"""The input pipeline beside the training step that eats what it makes."""

import dataclasses

from recipes.bench.row import Row
from recipes.bench.timing import side_by_side
from recipes.bench.training_step import training_step
from tfsbir import sampling
from tfsbir.data.augment import Augmentation, StrokeAugmentation
from tfsbir.data.batches import batches
from tfsbir.distances import SquaredEuclidean
from tfsbir.models import sketch_a_net

BATCH = 16
BATCHES_IN_A_TURN = 20  # Far more than the few that were made ahead during the peer's turn.


def pipeline_rows(split, rounds, pool):
    """A batch of pairs, augmented as pixels and as strokes, against the training step that eats it."""
    step = training_step(sketch_a_net(), SquaredEuclidean())
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
        rows.append(Row.of_turns(name, ours / BATCHES_IN_A_TURN, "training step of sketch_a_net", peer))
    ours, peer = side_by_side(lambda: step(next(pairs)), lambda: step(batch), rounds)
    return [
        *rows,
        Row.of_turns("training step, strokes bent beside it", ours, "the same on one batch in memory", peer),
    ]
