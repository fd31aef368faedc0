"""All images of a split, whoever they show."""

import numpy as np

from tfsbir.sampling.passes import Passes


class AllImages:
    """Draws sketches, photos or both for one step after the other, each as often as any other.

    Each pass over the images of a domain is one random order, and passes follow each other without a gap. A
    step's draw depends on the seed and the step alone.

    Args:
        split: `Split`.
        domains: "sketch", "photo" or both, a non-empty sequence.
        batch_size: Images of each domain in a batch, >= 1.
        seed: Integer >= 0.
    Call arguments:
        step: Integer >= 0.
    Returns: Dict by domain of `(batch_size,)` int32 arrays, indices into the split.
    Raises: `ValueError` for other domains, one that has no images, or a batch below 1.
    """

    def __init__(self, split, domains, batch_size, seed):
        counts = {"sketch": len(split.sketches), "photo": len(split.photos)}
        if not domains or not set(domains) <= set(counts):
            raise ValueError(f'`domains` must be of "sketch" and "photo". Received: {domains}')
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be >= 1. Received: {batch_size}")
        for domain in domains:
            if not counts[domain]:
                raise ValueError(f"`split` must have images of the domain {domain}. Received: none")
        self.batch_size = batch_size
        self._passes = {
            domain: Passes(counts[domain], (seed, 17 + number)) for number, domain in enumerate(domains)
        }

    def __call__(self, step):
        first, stop = step * self.batch_size, (step + 1) * self.batch_size
        return {
            domain: passes.between(first, stop).astype(np.int32) for domain, passes in self._passes.items()
        }
