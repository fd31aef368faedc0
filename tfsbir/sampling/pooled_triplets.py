"""Triplets from the pools of aligned sketches and photos."""

import bisect

import numpy as np
from scipy.spatial.distance import cdist


class PooledTriplets:
    """Draws a sketch and a photo from one pool, and a photo from the nearest pool of another class.

    Every row is drawn on its own, so a sample may come twice in a batch:

    1. A class, each as likely, of those that have a cluster with both sketches and photos.
    2. One of its clusters that have both, by their sizes: the sums of the memberships of sketches and photos.
    3. A sketch and a photo of that cluster, each by its membership.
    4. A photo, by its membership, of the nearest impostor cluster: of the clusters of other classes with
       photos, the one whose centre has the smallest Euclidean distance to the cluster's own, both in the
       photos' space (the lower index at a tie).

    Source does not say which centres are near. Ours are the photos', because the negative is a photo, and
    theirs is the one space in which the centres of all classes can be compared from the start: the aligned
    spaces differ from class to class, and sketches and photos lie apart before training.

    A step's draw depends on the seed, the step and the pools in force alone. New pools take over at a given
    step:

        triplets = PooledTriplets(split, pools, batch_size, seed)
        triplets.swap(new_pools, step=500)  # Before step 500 is drawn; steps 0 .. 499 stay as they are.

    A run that is resumed at step 700 draws the same from the new pools alone, given as `pools`, if no later
    swap came before; one that is resumed at 400, from both as above. So keep each `Pools` in a file, with the
    step from which it is in force. Generations count from the pools given first.

    Args:
        split: `Split` with labels; the pools are of its sketches and photos.
        pools: `Pools`, in force from step 0.
        batch_size: Triplets in a batch, >= 1.
        seed: Integer >= 0.
    Call arguments:
        step: Integer >= 0.
    Returns: Dict of `(batch_size,)` int32 arrays: `sketch`, `photo` (the positive), `negative`, indices into
        the split, and `cluster` and `negative_cluster`, indices into the pools in force.
    Raises: `ValueError` for a batch below 1, pools that do not fit the split, or pools in which no cluster
        has sketches, photos and an impostor.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", ACCV 2018,
        Sec. 3.4.
    """

    def __init__(self, split, pools, batch_size, seed):
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be >= 1. Received: {batch_size}")
        self.split = split
        self.batch_size = batch_size
        self.seed = seed
        self._starts, self._draws = [0], [_Draws(split, pools)]
        self._last_step = -1

    def __call__(self, step):
        self._last_step = max(self._last_step, step)
        rng = np.random.default_rng((self.seed, 10, step))
        return self._draws[self.generation(step)](rng, self.batch_size)

    def swap(self, pools, step):
        """Puts new pools in force from a step on.

        Args:
            pools: `Pools` of the same split.
            step: Integer, later than every step drawn and every swap before.
        Raises: `ValueError` if it is not, or as at first.
        """
        earliest = max(self._last_step, self._starts[-1]) + 1
        if step < earliest:
            raise ValueError(
                f"`step` must be >= {earliest}, after the steps drawn and the last swap. Received: {step}"
            )
        draws = _Draws(self.split, pools)
        self._draws.append(draws)
        self._starts.append(step)

    def generation(self, step):
        """Returns which pools are in force at a step: 0 for the first, 1 after the first swap, and so on."""
        return bisect.bisect_right(self._starts, step) - 1


class _Draws:
    """The tables of one `Pools`. They hold what is above 0 alone, so that those of many swaps can be kept."""

    def __init__(self, split, pools):
        for domain, memberships, labels in (
            ("sketch", pools.sketch_memberships, split.sketch_labels),
            ("photo", pools.photo_memberships, split.photo_labels),
        ):
            if len(memberships) != len(labels):
                raise ValueError(
                    f"`pools` must have memberships of {len(labels)} {domain} samples, as {split.name} "
                    f"{split.split} has. Received: {len(memberships)}"
                )
            rows, clusters = np.nonzero(memberships)
            is_foreign = labels[rows] != pools.cluster_labels[clusters]
            if is_foreign.any():
                raise ValueError(
                    f"`pools` must have clusters of the samples' own classes. Received: {domain} "
                    f"{rows[is_foreign][0]} in cluster {clusters[is_foreign][0]} of another"
                )
        has_sketches = pools.sketch_memberships.any(axis=0)
        has_photos = pools.photo_memberships.any(axis=0)
        self.impostors = _nearest_impostors(pools.photo_centers, pools.cluster_labels, has_photos)
        weights = np.where(has_sketches & has_photos & (self.impostors >= 0), pools.sizes, 0.0)
        if not weights.any():
            raise ValueError(
                "`pools` must have a cluster with sketches and photos, and one with photos of another class. "
                "Received: none"
            )
        classes, class_of = np.unique(pools.cluster_labels, return_inverse=True)
        by_class = np.zeros((len(classes), pools.num_clusters))
        by_class[class_of, np.arange(pools.num_clusters)] = weights
        self.clusters = _WeightedGroups(by_class[by_class.any(axis=1)])
        self.sketches = _WeightedGroups(pools.sketch_memberships.T)
        self.photos = _WeightedGroups(pools.photo_memberships.T)

    def __call__(self, rng, batch_size):
        chosen_class = rng.integers(self.clusters.num_groups, size=batch_size)
        cluster = self.clusters.draw(rng, chosen_class)
        impostor = self.impostors[cluster]
        return {
            "sketch": self.sketches.draw(rng, cluster),
            "photo": self.photos.draw(rng, cluster),
            "negative": self.photos.draw(rng, impostor),
            "cluster": cluster,
            "negative_cluster": impostor,
        }


class _WeightedGroups:
    """Draws a member of a group by its weight. `weights` are `(num_groups, num_members)`, >= 0."""

    def __init__(self, weights):
        self.num_groups = len(weights)
        groups, members = np.nonzero(weights)
        self.members = members.astype(np.int32)
        self.starts = np.searchsorted(groups, np.arange(self.num_groups + 1))
        # The cumulative shares of group g rise from g to g + 1, so that one search serves all groups.
        self.cumulative = np.empty(len(groups))
        for group, (start, stop) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            sums = np.cumsum(weights[group, members[start:stop]], dtype=np.float64)
            self.cumulative[start:stop] = group + (sums / sums[-1] if len(sums) else sums)

    def draw(self, rng, groups):
        """Draws a member of each of the `(num,)` groups; none of them may be empty."""
        places = np.searchsorted(self.cumulative, groups + rng.random(len(groups)), side="right")
        # In large sums a number just below 1 is rounded to it.
        return self.members[np.minimum(places, self.starts[groups + 1] - 1)]


def _nearest_impostors(centers, labels, has_photos):
    """Returns for each cluster the nearest one with photos of another class, -1 where there is none."""
    distances = cdist(centers.astype(np.float64), centers.astype(np.float64))
    distances[(labels[:, None] == labels) | ~has_photos] = np.inf
    nearest = distances.argmin(axis=1)
    return np.where(np.isfinite(distances.min(axis=1)), nearest, -1).astype(np.int32)
