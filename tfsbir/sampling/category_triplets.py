"""Triplets from categories alone, where no sketch has a photo of its own."""

import functools
import math

import numpy as np

from tfsbir.sampling.passes import Passes

_DISTANCES_AT_ONCE = 2**22  # 32 MiB.


class CategoryTriplets:
    """Draws sketches with a photo of their category that is much like them, and a less fitting photo.

    The features of a trained network say how alike a sketch and a photo are, by squared Euclidean distance;
    they are taken as they come, not normalized. For every sketch:

    - Positives are the photos of its category nearest to it, `positive_share` of them, rounded up, hence at
      least one.
    - Easy negatives are all photos of other categories.
    - Out-of-class hard negatives are the photos of other categories that are nearer than the positive drawn
      for the same triplet.
    - In-class hard negatives are the photos of its category farthest from it, the same share of them (20 %
      for both in Source), never one of the positives.

    Source takes as out-of-class hard the photos "with distances smaller than the above mentioned positive
    sketch-photo pairs for every query sketch". That might also mean nearer than all positives, or nearer
    than one of them, the farthest. Ours is the widest reading under which the features rank every such
    triplet wrongly (Eq. 1): the first one leaves fewer photos, the second admits triplets in order.

    Every row draws its source by `negative_ratio`, so the ratio holds on average and not within a batch. A
    row whose source is empty (no photo of another category is nearer, or all photos of the category are
    positives) takes an easy negative. `share_without_out_of_class` and `share_without_in_class` say how
    often that is so.

    Each pass over the anchors is one random order; what does not fill a batch is left out. A step's draw
    depends on the seed and the step alone. Of each sketch only the positives and the in-class hard negatives
    are held; nearer photos of other categories are sought as they are needed, a block of sketches at a time.

    Args:
        split: `Split` with photos of at least two categories.
        sketch_features: `(num_sketches, dim)` finite floats.
        photo_features: `(num_photos, dim)` finite floats.
        batch_size: Triplets in a batch, in 1 .. the number of anchors.
        seed: Integer >= 0.
        sketch_indices: Indices of the sketches that serve as anchors, such as `representative_sketches`
            finds; by default all. Their categories must have photos.
        positive_share: Float in (0, 1], default from Source.
        negative_ratio: Weights of the easy, out-of-class hard and in-class hard negatives, default from
            Source.
    Attributes:
        anchors: `(num_anchors,)` indices of the sketches, in order.
        positives: Dict from an anchor to its positives, int32, nearest first.
        in_class_hard: Dict from an anchor to its in-class hard negatives, int32, farthest last.
    Call arguments:
        step: Integer >= 0.
    Returns: Dict of `(batch_size,)` int32 arrays: `sketch`, `photo` (the positive), `negative`. No sketch
        comes twice in a batch.
    Raises: `ValueError` where these do not fit together; `TypeError` if `sketch_indices` are not integers.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.4, step 3.
    """

    def __init__(
        self,
        split,
        sketch_features,
        photo_features,
        batch_size,
        seed,
        sketch_indices=None,
        positive_share=0.2,
        negative_ratio=(3, 1, 1),
    ):
        if not 0 < positive_share <= 1:
            raise ValueError(f"`positive_share` must be in (0, 1]. Received: {positive_share}")
        ratio = np.asarray(negative_ratio, np.float64)
        if ratio.shape != (3,) or not np.isfinite(ratio).all() or ratio.min() < 0 or ratio.max() == 0:
            raise ValueError(
                f"`negative_ratio` must be three numbers >= 0, not all 0. Received: {negative_ratio}"
            )
        self.batch_size = batch_size
        self.seed = seed
        self.source_probabilities = ratio / ratio.sum()
        self.anchors = _checked_anchors(sketch_indices, len(split.sketches))
        if not 1 <= batch_size <= len(self.anchors):
            raise ValueError(
                f"`batch_size` must be in 1..{len(self.anchors)}, the anchors of {split.name} {split.split}. "
                f"Received: {batch_size}"
            )
        self._passes = Passes(len(self.anchors), (seed, 3))
        self._sketch_features = _checked_features("sketch_features", sketch_features, len(split.sketches))
        photo_features = _checked_features("photo_features", photo_features, len(split.photos))
        if self._sketch_features.shape[1] != photo_features.shape[1]:
            raise ValueError(
                "`sketch_features` and `photo_features` must have the same dim. "
                f"Received shapes: {self._sketch_features.shape} and {photo_features.shape}"
            )
        # Double precision, since the distances are compared and the expansion of the square cancels.
        self._photo_features = photo_features.astype(np.float64)
        self._photo_norms = np.sum(self._photo_features**2, axis=1)
        self._sketch_labels, self._photo_labels = split.sketch_labels, split.photo_labels
        # The photos of category `label` stand together, from `_starts[label]` to `_starts[label + 1]`.
        self._photos = np.argsort(split.photo_labels, kind="stable").astype(np.int32)
        counts = np.bincount(split.photo_labels, minlength=len(split.class_names))
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        if np.count_nonzero(counts) < 2:
            raise ValueError(
                "`split` must have photos of at least 2 categories. "
                f"Received: {np.count_nonzero(counts)} in {split.name} {split.split}"
            )
        without = self.anchors[counts[split.sketch_labels[self.anchors]] == 0]
        if len(without):
            raise ValueError(
                "`sketch_indices` must be of sketches whose category has a photo. Received: "
                f"{len(without)} without, such as {without[0]} of "
                f"{split.class_names[split.sketch_labels[without[0]]]!r}"
            )
        self._rank_photos_of_own_category(positive_share)

    def __call__(self, step):
        one_pass, place = divmod(step, len(self.anchors) // self.batch_size)
        chosen = self._passes.order(one_pass)[place * self.batch_size : (place + 1) * self.batch_size]
        sketches = self.anchors[chosen]
        rng = np.random.default_rng((self.seed, 4, step))
        source = rng.choice(3, self.batch_size, p=self.source_probabilities)
        positive = np.array([rng.choice(self.positives[sketch]) for sketch in sketches.tolist()])
        negative = self._easy_negatives(rng, sketches)  # Stays where the row's source is empty.
        rows = np.flatnonzero(source == 1)
        for row, pool in zip(rows, self.out_of_class_hard(sketches[rows], positive[rows]), strict=True):
            if len(pool):
                negative[row] = rng.choice(pool)
        for row in np.flatnonzero(source == 2):
            pool = self.in_class_hard[int(sketches[row])]
            if len(pool):
                negative[row] = rng.choice(pool)
        return {"sketch": sketches.astype(np.int32), "photo": positive, "negative": negative}

    def out_of_class_hard(self, sketches, positives):
        """Yields, for each sketch, the photos of other categories nearer to it than one photo is.

        Args:
            sketches: `(num,)` indices of sketches.
            positives: `(num,)` indices of photos.
        Returns: A generator of `num` arrays of photo indices, in order; some may be empty.
        """
        for part, distances in self._distances_to_all(sketches):
            own_labels = self._sketch_labels[sketches[part]]
            for distance, positive, label in zip(distances, positives[part], own_labels, strict=True):
                yield np.flatnonzero((distance < distance[positive]) & (self._photo_labels != label))

    @functools.cached_property
    def share_without_out_of_class(self):
        """Mean over the anchors of the share of their positives that no out-of-class photo is nearer than.

        A float in [0, 1]: of the rows that ask for an out-of-class hard negative, so many take an easy one.
        It compares every anchor with every photo, once: seconds for tens of thousands of each.
        """
        total = 0.0
        for part, distances in self._distances_to_all(self.anchors):
            for sketch, distance in zip(self.anchors[part].tolist(), distances, strict=True):
                start, stop = self._starts[self._sketch_labels[sketch] + np.arange(2)]
                closest = distance[self.positives[sketch]]
                distance[self._photos[start:stop]] = np.inf
                total += np.mean(closest <= np.min(distance))
        return float(total / len(self.anchors))

    @functools.cached_property
    def share_without_in_class(self):
        """Share of the anchors, in [0, 1], whose category has no photo but their positives."""
        return float(np.mean([len(photos) == 0 for photos in self.in_class_hard.values()]))

    def _rank_photos_of_own_category(self, positive_share):
        self.positives, self.in_class_hard = {}, {}
        labels = self._sketch_labels[self.anchors]
        for label in np.unique(labels):
            sketches = self.anchors[labels == label]
            photos = self._photos[self._starts[label] : self._starts[label + 1]]
            # Rounded before it is rounded up: 0.07 * 100 is 7.000000000000001.
            count = math.ceil(round(positive_share * len(photos), 9))
            for part in _parts(len(sketches), len(photos)):
                distances = self._distances(sketches[part], photos)
                ranked = photos[np.argsort(distances, axis=1, kind="stable")]
                # Copies, since views would keep whole rankings in memory.
                near = ranked[:, :count].copy()
                far = ranked[:, max(count, len(photos) - count) :].copy()
                self.positives.update(zip(sketches[part].tolist(), near, strict=True))
                self.in_class_hard.update(zip(sketches[part].tolist(), far, strict=True))

    def _easy_negatives(self, rng, sketches):
        labels = self._sketch_labels[sketches]
        start, stop = self._starts[labels], self._starts[labels + 1]
        place = rng.integers(len(self._photos) - (stop - start))
        return self._photos[np.where(place < start, place, place + stop - start)]

    def _distances_to_all(self, sketches):
        for part in _parts(len(sketches), len(self._photos)):
            yield part, self._distances(sketches[part], slice(None))

    def _distances(self, sketches, photos):
        sketch_features = self._sketch_features[sketches].astype(np.float64)
        distances = (-2.0 * sketch_features) @ self._photo_features[photos].T
        distances += self._photo_norms[photos]
        distances += np.sum(sketch_features**2, axis=1)[:, None]
        return np.maximum(distances, 0.0, out=distances)


def _parts(num_sketches, num_photos):
    step = max(1, _DISTANCES_AT_ONCE // num_photos)
    return [slice(start, start + step) for start in range(0, num_sketches, step)]


def _checked_anchors(sketch_indices, num_sketches):
    if sketch_indices is None:
        return np.arange(num_sketches)
    indices = np.asarray(sketch_indices)
    if indices.size and not np.issubdtype(indices.dtype, np.integer):
        raise TypeError(f"`sketch_indices` must be integers. Received: {indices.dtype}")
    anchors = np.unique(indices)
    if (
        indices.ndim != 1
        or len(indices) == 0
        or len(anchors) < len(indices)
        or not 0 <= anchors[0] <= anchors[-1] < num_sketches
    ):
        raise ValueError(
            f"`sketch_indices` must be different, in 0..{num_sketches - 1} and at least one. "
            f"Received: {indices}"
        )
    return anchors


def _checked_features(argument, features, count):
    features = np.asarray(features)
    if features.ndim != 2 or len(features) != count:
        raise ValueError(f"`{argument}` must be ({count}, dim). Received shape: {features.shape}")
    is_broken = ~np.isfinite(features).all(axis=1)
    if is_broken.any():
        raise ValueError(
            f"`{argument}` must be finite. Received: {is_broken.sum()} rows that are not, the first at "
            f"{is_broken.argmax()}"
        )
    return features
