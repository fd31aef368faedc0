"""Examples of categories, for a classifier."""

import numpy as np

from tfsbir.sampling.groups import Groups
from tfsbir.sampling.passes import Passes


class ClassExamples:
    """Draws sketches, or photos, so that all categories come equally often.

    Each pass over the categories that have examples is one random order, and every category gives one
    example, any of its own. Passes follow each other without a gap, so a batch may be larger than the number
    of categories. A step's draw depends on the seed and the step alone and costs
    O(batch size + number of categories).

    Args:
        labels: `(num_examples,)` integer category indices, such as `Split.sketch_labels`.
        batch_size: Examples in a batch, >= 1.
        seed: Integer >= 0.
        domain: "sketch" or "photo", what the labels are of.
    Call arguments:
        step: Integer >= 0.
    Returns: Dict of one `(batch_size,)` int32 array of indices into `labels`, called `domain`.
    Raises: `ValueError` for labels that are not a list of at least one, a batch below 1 or another domain;
        `TypeError` for labels that are not integers.
    """

    def __init__(self, labels, batch_size, seed, domain):
        labels = np.asarray(labels)
        if labels.ndim != 1 or not len(labels):
            raise ValueError(
                f"`labels` must be (num_examples,) with at least one. Received shape: {labels.shape}"
            )
        if not np.issubdtype(labels.dtype, np.integer):
            raise TypeError(f"`labels` must be integers. Received: {labels.dtype}")
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be >= 1. Received: {batch_size}")
        if domain not in ("sketch", "photo"):
            raise ValueError(f'`domain` must be "sketch" or "photo". Received: {domain!r}')
        self.batch_size = batch_size
        self.seed = seed
        self.domain = domain
        categories, category_of = np.unique(labels, return_inverse=True)
        self._examples_of = Groups(category_of, len(categories))
        self._passes = Passes(len(categories), (seed, 5))

    def __call__(self, step):
        categories = self._passes.between(step * self.batch_size, (step + 1) * self.batch_size)
        rng = np.random.default_rng((self.seed, 6, step))
        return {self.domain: self._examples_of.draw(rng, categories)}
