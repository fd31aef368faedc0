"""Examples of categories, for a classifier."""

import numpy as np


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
        # The examples of a category stand together.
        self.examples = np.argsort(labels, kind="stable").astype(np.int32)
        _, self.starts, self.counts = np.unique(labels[self.examples], return_index=True, return_counts=True)
        self.batch_size = batch_size
        self.seed = seed
        self.domain = domain

    def __call__(self, step):
        num_classes = len(self.starts)
        first, last = step * self.batch_size, (step + 1) * self.batch_size - 1
        passes = range(first // num_classes, last // num_classes + 1)
        orders = [np.random.default_rng((self.seed, 5, i)).permutation(num_classes) for i in passes]
        skipped = first - passes[0] * num_classes
        classes = np.concatenate(orders)[skipped : skipped + self.batch_size]
        rng = np.random.default_rng((self.seed, 6, step))
        return {self.domain: self.examples[self.starts[classes] + rng.integers(self.counts[classes])]}
