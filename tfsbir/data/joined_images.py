"""Images of several data sets behind one index."""

import numpy as np


class JoinedImages:
    """Stands for the concatenated uint8 array of several parts, in a `Split`.

    A part is whatever may hold a split's images: an array, or what reads or draws when it is indexed. Nothing
    is read when they are joined.

    Args:
        parts: The parts, at least one, all of one shape but for their length.
        order: `(num,)` indices into the concatenation, the images that this stands for; by default all of
            them in order.
    Raises: `ValueError` if there is no part, or their shapes differ.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, parts, order=None):
        self.parts = tuple(parts)
        if not self.parts:
            raise ValueError("`parts` must hold one part or more. Received: none")
        shapes = {part.shape[1:] for part in self.parts}
        if len(shapes) > 1:
            raise ValueError(f"`parts` must have images of one shape. Received: {sorted(shapes)}")
        self._ends = np.cumsum([len(part) for part in self.parts])
        self._order = np.arange(self._ends[-1]) if order is None else np.asarray(order, np.int64)
        self.shape = (len(self._order), *self.parts[0].shape[1:])

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        """Returns one image for an integer, else an array of them."""
        if isinstance(index, (int, np.integer)):
            return self[np.array([index])][0]
        chosen = np.arange(len(self))[index]
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for _, part, rows, places in self.by_part(chosen):
            images[rows] = part[places]
        return images

    def by_part(self, indices):
        """Yields, of each part that has some of the images, `(number, part, rows, places)`.

        Args:
            indices: `(num,)` indices of images, >= 0.
        Yields: The part's number, the part, which of `indices` are in it, and where they are in it.
        """
        order = self._order[indices]
        numbers = np.searchsorted(self._ends, order, side="right")
        for number in np.unique(numbers):
            part = self.parts[number]
            rows = np.flatnonzero(numbers == number)
            yield int(number), part, rows, order[rows] - (self._ends[number] - len(part))

    def take(self, indices):
        """Returns the `JoinedImages` of some of the images, of which only those in arrays are copied."""
        taken = list(self.by_part(np.asarray(indices, np.int64)))
        parts = [_take(part, places) for _, part, _, places in taken] or [self.parts[0][:0]]
        rows = np.concatenate([np.zeros(0, np.int64), *(rows for _, _, rows, _ in taken)])
        return JoinedImages(parts, np.argsort(rows))

    def update_digest(self, digest):
        """Feeds a hash with the order of the images and what each part feeds it."""
        digest.update(f"joined {[part.shape for part in self.parts]}".encode("ascii"))
        digest.update(np.ascontiguousarray(self._order))
        for part in self.parts:
            if isinstance(part, np.ndarray):
                digest.update(np.ascontiguousarray(part))
            else:
                part.update_digest(digest)


def join_images(parts):
    """Joins the images of several splits as simply as they allow.

    Args:
        parts: Arrays, or what stands for them, at least one.
    Returns: The one part that is not empty, or the first if all are; an array where all that are not empty
        are arrays; else `JoinedImages` of these.
    Raises: `ValueError` if there is no part, or the shapes of those that are not empty differ.
    """
    joined = JoinedImages([part for part in parts if len(part)] or parts[:1])
    if len(joined.parts) == 1:
        return joined.parts[0]
    if all(isinstance(part, np.ndarray) for part in joined.parts):
        return np.concatenate(joined.parts)
    return joined


def _take(images, indices):
    return images[indices] if isinstance(images, np.ndarray) else images.take(indices)
