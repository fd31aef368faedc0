"""Groups of sketches and photos that share a category."""

import numpy as np

from tfsbir.sampling.passes import Passes


class CategoryGroups:
    """Draws some categories and, of each, some sketches with as many photos.

    The rows of a group stand together. Row by row the sketch and the photo share their category and nothing
    else. Each pass over the categories is one random order, passes follow each other without a gap; so a
    batch has a category twice only where it has as many groups as there are categories, or bridges two
    passes. No image comes twice in a group unless the category has too few. Categories without a sketch or
    without a photo are left out. A step's draw depends on the seed and the step alone.

    Args:
        split: `Split` with sketches and photos of at least two categories.
        batch_size: Rows in a batch, a multiple of `group_size`.
        seed: Integer >= 0.
        group_size: Rows of a category, >= 1.
    Call arguments:
        step: Integer >= 0.
    Returns: Dict of `(batch_size,)` int32 arrays, `sketch` and `photo`, indices into the split.
    Raises: `ValueError` for a batch or a group that does not fit, or fewer than two categories.
    """

    def __init__(self, split, batch_size, seed, group_size=4):
        if group_size < 1:
            raise ValueError(f"`group_size` must be >= 1. Received: {group_size}")
        if batch_size < 1 or batch_size % group_size:
            raise ValueError(
                f"`batch_size` must be a multiple of {group_size} (`group_size`). Received: {batch_size}"
            )
        labels = np.intersect1d(split.sketch_labels, split.photo_labels)
        if len(labels) < 2:
            raise ValueError(
                "`split` must have sketches and photos of at least 2 categories. "
                f"Received: {len(labels)} in {split.name} {split.split}"
            )
        self.images_of = {
            name: [np.flatnonzero(images == label) for label in labels]
            for name, images in (("sketch", split.sketch_labels), ("photo", split.photo_labels))
        }
        self.batch_size = batch_size
        self.group_size = group_size
        self.seed = seed
        self._passes = Passes(len(labels), (seed, 7))

    def __call__(self, step):
        num_groups = self.batch_size // self.group_size
        classes = self._passes.between(step * num_groups, (step + 1) * num_groups)
        rng = np.random.default_rng((self.seed, 8, step))
        return {
            name: np.concatenate([self._some(rng, images[i]) for i in classes]).astype(np.int32)
            for name, images in self.images_of.items()
        }

    def _some(self, rng, images):
        return rng.choice(images, self.group_size, replace=len(images) < self.group_size)
