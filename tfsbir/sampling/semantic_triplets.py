"""Triplets whose negative is of a class that means something similar."""

import numpy as np

from tfsbir.sampling.groups import Groups
from tfsbir.sampling.passes import Passes


class SemanticTriplets:
    """Draws sketches, each with a photo of its class and a photo of another class that is close in meaning.

    With `d` the squared distance of two classes' unit word vectors, a class other than the sketch's own is
    the negative's with a probability proportional to `exp(-d / temperature)`; all photos of a class are
    equally likely. The photo of the sketch's class need not be its own. Each pass over the sketches is one
    random order, passes follow each other without a gap. Sketches of a class without photos are left out. A
    step's draw depends on the seed and the step alone.

    Args:
        split: `Split` with sketches and photos of at least two classes.
        semantics: `(num_classes, semantic_dim)` word vectors by label, of any length but 0.
        batch_size: Triplets in a batch, >= 1.
        seed: Integer >= 0.
        temperature: Float > 0, in squared distance of unit vectors, which is 2 between unrelated words; the
            default is the released code's. `math.inf` draws all other classes equally often.
    Call arguments:
        step: Integer >= 0.
    Returns: Dict of `(batch_size,)` int32 arrays, `sketch`, `photo` and `negative`, indices into the split.
    Raises: `ValueError` for arguments out of range, word vectors that are not one a class, finite and
        different from 0, or fewer than two classes with photos, of which one must have sketches.
    Source: Dey et al., "Doodle to Search", CVPR 2019, Sec. 5.1: classes that are closer in meaning are
        likelier. The distribution is the released code's.
    """

    def __init__(self, split, semantics, batch_size, seed, temperature=0.1):
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be >= 1. Received: {batch_size}")
        if not temperature > 0:
            raise ValueError(f"`temperature` must be > 0. Received: {temperature}")
        semantics = np.asarray(semantics, np.float64)
        norms = np.linalg.norm(semantics, axis=-1, keepdims=True)
        num_classes = len(split.class_names)
        if semantics.ndim != 2 or len(semantics) != num_classes or not np.all((norms > 0) & (norms < np.inf)):
            raise ValueError(
                f"`semantics` must hold {num_classes} vectors, finite and different from 0, one a class. "
                f"Received shape: {semantics.shape}"
            )
        has_photos = np.bincount(split.photo_labels, minlength=num_classes) > 0
        self.sketches = np.flatnonzero(has_photos[split.sketch_labels])
        if has_photos.sum() < 2 or not len(self.sketches):
            raise ValueError(
                "`split` must have photos of at least 2 classes, and a sketch of one of them. Received: "
                f"{has_photos.sum()} classes with photos in {split.name} {split.split}"
            )
        self.labels = split.sketch_labels[self.sketches]
        self.batch_size = batch_size
        self.seed = seed
        unit = semantics / norms
        distance = np.sum((unit[:, None] - unit[None]) ** 2, axis=-1)
        is_possible = has_photos[None, :] & ~np.eye(num_classes, dtype=bool)
        distance = np.where(is_possible, distance, np.inf)
        # Less the least of each row, so that a low temperature does not make all weights 0.
        distance -= np.min(distance, axis=1, keepdims=True)
        weights = np.zeros((num_classes, num_classes))
        weights[is_possible] = np.exp(-distance[is_possible] / temperature)
        self.probabilities = weights / weights.sum(axis=1, keepdims=True)
        summed = np.cumsum(self.probabilities, axis=1)
        self._summed = summed / summed[:, -1:]
        self._photos_of = Groups(split.photo_labels, num_classes)
        self._passes = Passes(len(self.sketches), (seed, 11))

    def __call__(self, step):
        chosen = self._passes.between(step * self.batch_size, (step + 1) * self.batch_size)
        rng = np.random.default_rng((self.seed, 12, step))
        labels = self.labels[chosen]
        # A class of probability 0 is never drawn: on the right of equal sums stands the next that has one.
        others = np.sum(self._summed[labels] <= rng.random((len(labels), 1)), axis=1)
        return {
            "sketch": self.sketches[chosen].astype(np.int32),
            "photo": self._photos_of.draw(rng, labels),
            "negative": self._photos_of.draw(rng, others),
        }
