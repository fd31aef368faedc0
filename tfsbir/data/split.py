"""One split of a data set: sketches, photos, and what is known of how they belong together."""

import dataclasses
import functools
import hashlib

import numpy as np

CHANNELS = {"edges": 1, "rgb": 3}  # Of the photos, by what they are.


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Split:
    """Holds the sketches and photos of one split, by category, by instance or both.

    Everything is black on white (paper is 255). `sketches` and `photos` are uint8 arrays in memory (1,000
    sketches with 1,000 edge maps take 131 MB), or stand for such arrays and make the images when they are
    indexed: `ImageFiles`, `Drawings`, `RecordImages`. What a data set does not have stays at its default.

    Args:
        name: Name of the data set.
        split: Name of the split, such as "train".
        sketches: `(num_sketches, height, width, 1)` uint8.
        photos: `(num_photos, height, width, 1)` uint8 edge maps or `(num_photos, height, width, 3)` RGB;
            there may be none.
        sketch_ids: One string a sketch, unique.
        photo_ids: One string a photo, unique.
        photo_input: "edges" or "rgb", what `photos` holds.
        sketch_photo: `(num_sketches,)` int32, the index of the photo that each sketch was drawn from, -1
            where there is none; by default none has. Photos without a sketch are distractors.
        sketch_labels: `(num_sketches,)` int32 indices into `class_names`; by default all 0.
        photo_labels: `(num_photos,)` int32, likewise.
        class_names: Names of the categories; by default one, the data set's name.
        triplets: `(num_triplets, 3)` int32 rows of sketch, closer photo, farther photo; or `None`.
        attribute_names: Names of binary attributes.
        sketch_attributes: `(num_sketches, num_attributes)` int8, 1 or 0, -1 where it is not known; or `None`.
        photo_attributes: `(num_photos, num_attributes)` int8, likewise.
        ratings: `(num_sketches, num_photos, num_criteria)` int8, how alike people found the two, higher is
            more alike, -1 where they were not asked; or `None`.
    Raises: `ValueError` where these do not fit together; also where a sketch and its own photo differ in
        their label.
    """

    name: str
    split: str
    sketches: np.ndarray
    photos: np.ndarray
    sketch_ids: tuple
    photo_ids: tuple
    photo_input: str
    sketch_photo: np.ndarray | None = None
    sketch_labels: np.ndarray | None = None
    photo_labels: np.ndarray | None = None
    class_names: tuple = ()
    triplets: np.ndarray | None = None
    attribute_names: tuple = ()
    sketch_attributes: np.ndarray | None = None
    photo_attributes: np.ndarray | None = None
    ratings: np.ndarray | None = None

    def __post_init__(self):
        num_sketches, num_photos = len(self.sketches), len(self.photos)
        defaults = {
            "sketch_photo": np.full(num_sketches, -1, np.int32),
            "sketch_labels": np.zeros(num_sketches, np.int32),
            "photo_labels": np.zeros(num_photos, np.int32),
        }
        for field, default in defaults.items():
            if getattr(self, field) is None:
                object.__setattr__(self, field, default)
        if not self.class_names:
            object.__setattr__(self, "class_names", (self.name,))
        if self.photo_input not in CHANNELS:
            raise ValueError(f'`photo_input` must be "edges" or "rgb". Received: {self.photo_input!r}')
        for field, images, wanted in (
            ("sketches", self.sketches, 1),
            ("photos", self.photos, CHANNELS[self.photo_input]),
        ):
            if images.dtype != np.uint8 or len(images.shape) != 4 or images.shape[-1] != wanted:
                raise ValueError(
                    f"`{field}` must be (num, height, width, {wanted}) uint8. "
                    f"Received: {images.shape} {images.dtype}"
                )
        for field, ids, count in (
            ("sketch_ids", self.sketch_ids, num_sketches),
            ("photo_ids", self.photo_ids, num_photos),
        ):
            if len(ids) != count or len(set(ids)) != count:
                raise ValueError(
                    f"`{field}` must be {count} different ids. Received: {len(set(ids))} of {len(ids)}"
                )
        num_classes = len(self.class_names)
        if len(set(self.class_names)) != num_classes:
            raise ValueError(f"`class_names` must differ. Received: {self.class_names}")
        _check_indices("sketch_photo", self.sketch_photo, (num_sketches,), -1, num_photos)
        _check_indices("sketch_labels", self.sketch_labels, (num_sketches,), 0, num_classes)
        _check_indices("photo_labels", self.photo_labels, (num_photos,), 0, num_classes)
        paired = self.paired_sketches
        is_other = self.photo_labels[self.sketch_photo[paired]] != self.sketch_labels[paired]
        if np.any(is_other):
            raise ValueError(
                "`sketch_labels` must be those of the sketches' own photos. "
                f"Received: another at {paired[np.argmax(is_other)]}"
            )
        if self.triplets is not None:
            num_triplets = len(self.triplets)
            _check_indices("triplets", self.triplets[:, 0], (num_triplets,), 0, num_sketches)
            _check_indices("triplets", self.triplets[:, 1:], (num_triplets, 2), 0, num_photos)
        num_attributes = len(self.attribute_names)
        for field, count in (("sketch_attributes", num_sketches), ("photo_attributes", num_photos)):
            if getattr(self, field) is not None:
                _check_indices(field, getattr(self, field), (count, num_attributes), -1, 2)
        if self.ratings is not None and np.shape(self.ratings)[:2] != (num_sketches, num_photos):
            raise ValueError(
                f"`ratings` must be ({num_sketches}, {num_photos}, num_criteria). "
                f"Received: {np.shape(self.ratings)}"
            )

    @functools.cached_property
    def paired_sketches(self):
        """Indices of the sketches that have a photo of their own, in order."""
        return np.flatnonzero(self.sketch_photo >= 0)

    @functools.cached_property
    def fingerprint(self):
        """SHA-256 over the images and all that is known of them, as 64 hexadecimal digits.

        Of arrays the pixels count, of `Drawings` the strokes; of files that are read when they are asked
        for, the size in place of the content, so that it takes seconds and not minutes.
        """
        digest = hashlib.sha256()
        names = (
            self.photo_input, *self.sketch_ids, "", *self.photo_ids, "", *self.class_names, "",
            *self.attribute_names,
        )  # fmt: skip
        digest.update("\n".join(names).encode("utf-8"))
        for images in (self.sketches, self.photos):
            _update(digest, images) if isinstance(images, np.ndarray) else images.update_digest(digest)
        for array in (
            self.sketch_photo, self.sketch_labels, self.photo_labels, self.triplets,
            self.sketch_attributes, self.photo_attributes, self.ratings,
        ):  # fmt: skip
            if array is not None:
                _update(digest, array)
        return digest.hexdigest()

    def subset(self, photo_indices, sketch_indices=None, split=None):
        """Keeps some photos, some sketches, and what is known of these alone.

        Args:
            photo_indices: Indices of the photos to keep, each at most once; they keep the split's order.
            sketch_indices: Indices of the sketches to keep, likewise; by default those whose own photo is
                kept. A sketch whose photo is not kept loses its pair.
            split: Name of the result's split, by default this one's.
        Returns: A `Split`, its indices counted anew. `triplets` is `None` where none is left.
        Raises: `ValueError` for an index twice or out of range, or where no sketch is left.
        """
        photo_indices = _sorted("photo_indices", photo_indices, len(self.photos))
        new_photo = np.full(len(self.photos) + 1, -1, np.int32)  # The last one stands for "none".
        new_photo[photo_indices] = np.arange(len(photo_indices), dtype=np.int32)
        if sketch_indices is None:
            kept = np.flatnonzero(new_photo[self.sketch_photo] >= 0)
            if len(kept) == 0:
                raise ValueError(
                    f"`photo_indices` must hold the photo of a sketch. Received: {photo_indices}"
                )
        else:
            kept = _sorted("sketch_indices", sketch_indices, len(self.sketches))
        new_sketch = np.full(len(self.sketches), -1, np.int32)
        new_sketch[kept] = np.arange(len(kept), dtype=np.int32)
        triplets = None
        if self.triplets is not None:
            renumbered = np.stack(
                [new_sketch[self.triplets[:, 0]], *new_photo[self.triplets[:, 1:]].T], axis=1
            )
            renumbered = renumbered[np.all(renumbered >= 0, axis=1)]
            triplets = renumbered if len(renumbered) else None

        def part(array, indices):
            return None if array is None else array[indices]

        return dataclasses.replace(
            self,
            split=self.split if split is None else split,
            sketches=_take(self.sketches, kept),
            photos=_take(self.photos, photo_indices),
            sketch_ids=tuple(self.sketch_ids[i] for i in kept),
            photo_ids=tuple(self.photo_ids[i] for i in photo_indices),
            sketch_photo=new_photo[self.sketch_photo[kept]],
            sketch_labels=self.sketch_labels[kept],
            photo_labels=self.photo_labels[photo_indices],
            triplets=triplets,
            sketch_attributes=part(self.sketch_attributes, kept),
            photo_attributes=part(self.photo_attributes, photo_indices),
            ratings=None if self.ratings is None else self.ratings[np.ix_(kept, photo_indices)],
        )

    def holdout(self, fraction, seed):
        """Splits by photo into a part to train on and a part held out, drawn by `seed`.

        All sketches of a photo go together; photos without a sketch, and sketches without a photo, are
        divided in the same proportion.

        Args:
            fraction: Share of the photos held out, in (0, 1); of those with a sketch never none or all.
            seed: Integer.
        Returns: `(train, held)`, two `Split`; the second one's split is called "SPLIT/held".
        Raises: `ValueError` if `fraction` is not in (0, 1), or a single photo has a sketch.
        """
        if not 0 < fraction < 1:
            raise ValueError(f"`fraction` must be in (0, 1). Received: {fraction}")
        has_sketch = np.isin(np.arange(len(self.photos)), self.sketch_photo)
        paired, distractors = np.flatnonzero(has_sketch), np.flatnonzero(~has_sketch)
        if len(paired) == 1:
            raise ValueError("`holdout` must have two photos with sketches to divide. Received: 1")
        random = np.random.default_rng(seed)
        num_paired = min(max(1, round(fraction * len(paired))), len(paired) - 1) if len(paired) else 0
        held = np.concatenate([
            random.permutation(paired)[:num_paired],
            random.permutation(distractors)[: round(fraction * len(distractors))],
        ])  # fmt: skip
        unpaired = np.flatnonzero(self.sketch_photo < 0)
        is_held_sketch = np.isin(self.sketch_photo, held)
        is_held_sketch[random.permutation(unpaired)[: round(fraction * len(unpaired))]] = True
        kept = np.setdiff1d(np.arange(len(self.photos)), held)
        return (
            self.subset(kept, np.flatnonzero(~is_held_sketch)),
            self.subset(held, np.flatnonzero(is_held_sketch), split=f"{self.split}/held"),
        )


def _take(images, indices):
    return images[indices] if isinstance(images, np.ndarray) else images.take(indices)


def _update(digest, array):
    digest.update(str(array.shape).encode("ascii"))
    digest.update(np.ascontiguousarray(array))


def _sorted(argument, indices, count):
    indices = np.sort(np.asarray(indices, np.int64))
    if len(indices) and (indices[0] < 0 or indices[-1] >= count or np.any(np.diff(indices) == 0)):
        raise ValueError(f"`{argument}` must be different and in 0..{count - 1}. Received: {indices}")
    return indices


def _check_indices(field, values, shape, least, limit):
    if np.shape(values) != shape or (
        np.size(values) and not (least <= np.min(values) <= np.max(values) < limit)
    ):
        raise ValueError(
            f"`{field}` must hold indices in {least}..{limit - 1} of shape {shape}. Received: {values}"
        )
