"""One split of a fine-grained data set: sketches, photos, and which belongs to which."""

import dataclasses
import functools
import hashlib

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class PairedSplit:
    """Holds the sketches and photos of one split, decoded once and kept in memory.

    Everything is black on white (paper is 255). 1,000 sketches with 1,000 edge maps take 131 MB; sets far
    beyond the machine's memory are not what this is for. Sketches and photos stand in natural order of
    their ids.

    Args:
        name: Name of the data set.
        split: Name of the split, such as "train".
        sketches: `(num_sketches, height, width, 1)` uint8.
        photos: `(num_photos, height, width, 1)` uint8 edge maps or `(num_photos, height, width, 3)` RGB.
        sketch_photo: `(num_sketches,)` int32, the index of each sketch's own photo. Photos without a sketch
            are distractors.
        sketch_ids: One string a sketch, unique.
        photo_ids: One string a photo, unique.
        labels: `(num_photos,)` int32, category of each photo; 0 where there is one category.
        triplets: `(num_triplets, 3)` int32 rows of sketch, closer photo, farther photo; or `None`.
        photo_input: "edges" or "rgb", what `photos` holds.
    Raises: `ValueError` where these do not fit together.
    """

    name: str
    split: str
    sketches: np.ndarray
    photos: np.ndarray
    sketch_photo: np.ndarray
    sketch_ids: tuple
    photo_ids: tuple
    labels: np.ndarray
    triplets: np.ndarray | None
    photo_input: str

    def __post_init__(self):
        num_sketches, num_photos = len(self.sketches), len(self.photos)
        channels = {"edges": 1, "rgb": 3}.get(self.photo_input)
        if channels is None:
            raise ValueError(f'`photo_input` must be "edges" or "rgb". Received: {self.photo_input!r}')
        for field, images, wanted in (("sketches", self.sketches, 1), ("photos", self.photos, channels)):
            if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != wanted:
                raise ValueError(
                    f"`{field}` must be (num, height, width, {wanted}) uint8. "
                    f"Received: {images.shape} {images.dtype}"
                )
        _check_indices("sketch_photo", self.sketch_photo, (num_sketches,), num_photos)
        if np.shape(self.labels) != (num_photos,):
            raise ValueError(f"`labels` must be ({num_photos},). Received: {np.shape(self.labels)}")
        for field, ids, count in (
            ("sketch_ids", self.sketch_ids, num_sketches),
            ("photo_ids", self.photo_ids, num_photos),
        ):
            if len(ids) != count or len(set(ids)) != count:
                raise ValueError(
                    f"`{field}` must be {count} different ids. Received: {len(set(ids))} of {len(ids)}"
                )
        if self.triplets is not None:
            num_triplets = len(self.triplets)
            _check_indices("triplets", self.triplets[:, 0], (num_triplets,), num_sketches)
            _check_indices("triplets", self.triplets[:, 1:], (num_triplets, 2), num_photos)

    @functools.cached_property
    def fingerprint(self):
        """SHA-256 over ids, pixels, pairs, labels and triplets, as 64 hexadecimal digits."""
        digest = hashlib.sha256()
        digest.update("\n".join((self.photo_input, *self.sketch_ids, "", *self.photo_ids)).encode("utf-8"))
        arrays = (self.sketches, self.photos, self.sketch_photo, self.labels, self.triplets)
        for array in arrays:
            if array is not None:
                digest.update(str(array.shape).encode("ascii"))
                digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()

    def subset(self, photo_indices, split=None):
        """Keeps some photos, their sketches, and the triplets which lie wholly among them.

        Args:
            photo_indices: Indices of the photos to keep, each at most once; they keep the split's order.
            split: Name of the result's split, by default this one's.
        Returns: A `PairedSplit`, its indices counted anew. `triplets` is `None` where none is left.
        Raises: `ValueError` for an index twice or out of range, or where no sketch is left.
        """
        indices = np.sort(np.asarray(photo_indices, np.int64))
        num_photos = len(self.photos)
        if len(indices) and (indices[0] < 0 or indices[-1] >= num_photos or np.any(np.diff(indices) == 0)):
            raise ValueError(
                f"`photo_indices` must be different and in 0..{num_photos - 1}. Received: {indices}"
            )
        new_photo = np.full(num_photos, -1, np.int32)
        new_photo[indices] = np.arange(len(indices), dtype=np.int32)
        kept = np.flatnonzero(new_photo[self.sketch_photo] >= 0)
        if len(kept) == 0:
            raise ValueError(f"`photo_indices` must hold the photo of a sketch. Received: {indices}")
        new_sketch = np.full(len(self.sketches), -1, np.int32)
        new_sketch[kept] = np.arange(len(kept), dtype=np.int32)
        triplets = None
        if self.triplets is not None:
            renumbered = np.stack(
                [new_sketch[self.triplets[:, 0]], *new_photo[self.triplets[:, 1:]].T], axis=1
            )
            renumbered = renumbered[np.all(renumbered >= 0, axis=1)]
            triplets = renumbered if len(renumbered) else None
        return dataclasses.replace(
            self,
            split=self.split if split is None else split,
            sketches=self.sketches[kept],
            photos=self.photos[indices],
            sketch_photo=new_photo[self.sketch_photo[kept]],
            sketch_ids=tuple(self.sketch_ids[i] for i in kept),
            photo_ids=tuple(self.photo_ids[i] for i in indices),
            labels=self.labels[indices],
            triplets=triplets,
        )

    def holdout(self, fraction, seed):
        """Splits by photo into a part to train on and a part held out, drawn by `seed`.

        All sketches of a photo go together; photos without a sketch are divided in the same proportion.

        Args:
            fraction: Share of the photos held out, in (0, 1); never none or all of those with a sketch.
            seed: Integer.
        Returns: `(train, held)`, two `PairedSplit`; the second one's split is called "SPLIT/held".
        Raises: `ValueError` if `fraction` is not in (0, 1) or fewer than two photos have a sketch.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"`fraction` must be in (0, 1). Received: {fraction}")
        has_sketch = np.isin(np.arange(len(self.photos)), self.sketch_photo)
        paired, distractors = np.flatnonzero(has_sketch), np.flatnonzero(~has_sketch)
        if len(paired) < 2:
            raise ValueError(
                f"`holdout` must have two photos with sketches to divide. Received: {len(paired)}"
            )
        random = np.random.default_rng(seed)
        num_paired = min(max(1, round(fraction * len(paired))), len(paired) - 1)
        held = np.concatenate([
            random.permutation(paired)[:num_paired],
            random.permutation(distractors)[: round(fraction * len(distractors))],
        ])  # fmt: skip
        kept = np.setdiff1d(np.arange(len(self.photos)), held)
        return self.subset(kept), self.subset(held, split=f"{self.split}/held")


def _check_indices(field, values, shape, limit):
    if np.shape(values) != shape or (np.size(values) and not (0 <= np.min(values) <= np.max(values) < limit)):
        raise ValueError(
            f"`{field}` must hold indices in 0..{limit - 1} of shape {shape}. Received: {values}"
        )
