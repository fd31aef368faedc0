"""Pairs of a sketch and the photo it was drawn from."""

import numpy as np


class TruePairs:
    """Draws, for every step, sketches with their true photos; no photo comes twice in a batch.

    Each pass over the photos is one random order, a photo's sketch is any of its sketches. A step's
    draw depends on the seed and the step alone. Photos that nobody drew are left out.

    Args:
        split: `Split`; sketches without a photo of their own are left out.
        batch_size: Pairs in a batch, in 1 .. the number of photos with a sketch.
        seed: Integer >= 0.
    Call arguments:
        step: Integer >= 0.
    Returns: Dict of `(batch_size,)` int32 arrays, `sketch` and `photo`, indices into the split.
    Raises: `ValueError` if the batch is larger than the split.
    """

    def __init__(self, split, batch_size, seed):
        paired = split.paired_sketches
        order = paired[np.argsort(split.sketch_photo[paired], kind="stable")]
        self.photos, starts = np.unique(split.sketch_photo[order], return_index=True)
        if not 1 <= batch_size <= len(self.photos):
            raise ValueError(
                f"`batch_size` must be in 1..{len(self.photos)}, the photos of {split.name} {split.split} "
                f"that have a sketch. Received: {batch_size}"
            )
        self.sketches_of = np.split(order, starts[1:])
        self.batch_size = batch_size
        self.seed = seed

    def __call__(self, step):
        steps_per_pass = len(self.photos) // self.batch_size
        one_pass, place = divmod(step, steps_per_pass)
        order = np.random.default_rng((self.seed, 0, one_pass)).permutation(len(self.photos))
        chosen = order[place * self.batch_size : (place + 1) * self.batch_size]
        rng = np.random.default_rng((self.seed, 1, step))
        sketches = [rng.choice(self.sketches_of[index]) for index in chosen]
        return {
            "sketch": np.array(sketches, np.int32),
            "photo": self.photos[chosen].astype(np.int32),
        }
