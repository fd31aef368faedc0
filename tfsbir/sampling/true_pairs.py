"""Pairs of a sketch and the photo it was drawn from."""

import numpy as np

from tfsbir.sampling.groups import Groups
from tfsbir.sampling.passes import Passes


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
        self.sketches = split.paired_sketches
        self.photos, photo_of = np.unique(split.sketch_photo[self.sketches], return_inverse=True)
        if not 1 <= batch_size <= len(self.photos):
            raise ValueError(
                f"`batch_size` must be in 1..{len(self.photos)}, the photos of {split.name} {split.split} "
                f"that have a sketch. Received: {batch_size}"
            )
        self.batch_size = batch_size
        self.seed = seed
        self._sketches_of = Groups(photo_of, len(self.photos))
        self._passes = Passes(len(self.photos), (seed, 0))

    def __call__(self, step):
        steps_per_pass = len(self.photos) // self.batch_size
        one_pass, place = divmod(step, steps_per_pass)
        chosen = self._passes.order(one_pass)[place * self.batch_size : (place + 1) * self.batch_size]
        rng = np.random.default_rng((self.seed, 1, step))
        return {
            "sketch": self.sketches[self._sketches_of.draw(rng, chosen)].astype(np.int32),
            "photo": self.photos[chosen].astype(np.int32),
        }
