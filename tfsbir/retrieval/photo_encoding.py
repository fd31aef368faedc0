"""Encoding photos for a gallery: only those that are new or have changed, a batch at a time."""

import dataclasses
import os
from pathlib import Path

import numpy as np

from tfsbir.errors import InputError
from tfsbir.retrieval.metadata import check_metadata
from tfsbir.retrieval.photo import Photo, Stamp, located, stamp_of
from tfsbir.retrieval.photo_reading import decode_ahead, in_batches, progress_bar

STAMPS_AT_ONCE = 1000


@dataclasses.dataclass
class Changes:
    """What became of the photos that a gallery was given.

    Attributes:
        num_added, num_replaced, num_removed, num_unchanged: Ints. A replaced photo was in the gallery, and
            its file has changed.
        num_resumed: Int, photos of those added and replaced that a broken-off run had encoded.
        skipped: List of `(path, reason)` of the photos that could not be read, which are not in the gallery.
    """

    num_added: int = 0
    num_replaced: int = 0
    num_removed: int = 0
    num_unchanged: int = 0
    num_resumed: int = 0
    skipped: list = dataclasses.field(default_factory=list)


def encode_changed(encoder, photos, store, journal, batch_size, progress, changes):
    """Encodes photos that a store does not hold as they are.

    A file of the size and time that the store knows is taken to be unchanged. Where only these differ, its
    SHA-256 tells.

    Args:
        encoder: `Encoder`.
        photos: List of `Photo`s.
        store: What `Gallery` keeps photos in; it is told of new times and metadata of unchanged ones.
        journal: `EncodedJournal`, or None.
        batch_size: Int >= 1.
        progress: Whether a bar on stderr shows photos per second and the time left.
        changes: `Changes`, which is counted in.
    Yields: `(photos, stamps, embeddings)`, lists and float32 `(num_photos, dim)`, finite.
    Raises: `InputError` if an embedding is not finite.
    """
    try:
        with progress_bar(len(photos), progress) as bar:
            for part in in_batches(photos, STAMPS_AT_ONCE):
                unchanged, resumed, waiting = _parted(part, store, journal, changes)
                if resumed:
                    changes.num_resumed += len(resumed)
                    kept_photos, kept_stamps, embeddings = map(list, zip(*resumed, strict=True))
                    yield kept_photos, kept_stamps, np.stack(embeddings)
                bar.update(len(unchanged) + len(resumed))
                yield from _encode(encoder, waiting, unchanged, store, journal, batch_size, bar, changes)
                changes.num_unchanged += len(unchanged)
                known = {photo.photo_id: photo.metadata for photo in unchanged if photo.metadata is not None}
                store.set_metadata(known)
    finally:
        if journal:
            journal.flush()


def _parted(photos, store, journal, changes):
    """Parts photos into those that are unchanged, those that a broken-off run has encoded, and the others.

    Returns: Lists of `Photo`s, of `(photo, stamp, embedding)` and of `(photo, stamp in the store or None)`.
    """
    unchanged, resumed, waiting = [], [], []
    stamps = store.stamps([photo.photo_id for photo in photos])
    for photo, stamp in zip(photos, stamps, strict=True):
        if isinstance(photo.path, str):
            _take_address(photo, stamp, unchanged, changes)
            continue
        try:
            status = os.stat(photo.path)
        except OSError:
            waiting.append((photo, None))  # Reading it tells what is wrong.
            continue
        if stamp is not None and stamp.is_of(status):
            unchanged.append(photo)
        elif journal and (kept := journal.find(photo, status)):
            resumed.append((photo, *kept))
        else:
            waiting.append((photo, stamp))
    return unchanged, resumed, waiting


def _take_address(photo, stamp, unchanged, changes):
    """Keeps a photo at an address as it was encoded elsewhere; nothing can be read from there here."""
    if stamp is not None:
        unchanged.append(photo)
    else:
        reason = "expected a file of this machine; found an address, for `tfsbir.pipelines.encode_photos`"
        changes.skipped.append((photo.path, f"{photo.path}: {reason}"))


def _encode(encoder, waiting, unchanged, store, journal, batch_size, bar, changes):
    def read(known):
        photo, old = known
        stamp = stamp_of(photo.path)
        is_same = old is not None and old.sha256 == stamp.sha256
        return stamp, None if is_same else encoder.preprocessing.read_photo(photo.path)

    for batch in in_batches(decode_ahead(read, waiting, ahead=2 * batch_size), batch_size):
        photos, stamps, images = [], [], []
        for (photo, _), found, error in batch:
            if error is not None:
                changes.skipped.append((photo.path, str(error)))
            elif found[1] is None:
                store.set_stamps({photo.photo_id: found[0]})
                unchanged.append(photo)
            else:
                photos.append(photo)
                stamps.append(found[0])
                images.append(found[1])
        if photos:
            embeddings = encoder.encode_photos(np.stack(images))
            if not np.all(np.isfinite(embeddings)):
                raise InputError(f"{encoder.path}: expected an encoder of finite embeddings; found others")
            encoder.attribute_probabilities(embeddings)  # Raises where they are none, before any is kept.
            if journal:
                journal.keep(photos, stamps, embeddings)
            yield photos, stamps, embeddings
        bar.update(len(batch))


def changed_of(batches, store, photo_ids, changes):
    """Picks, of photos that were encoded elsewhere, those that a store does not hold as they are.

    Args:
        batches: Iterable of `(photos, embeddings)`, `EncodedPhoto`s and float32 `(num_photos, dim)`.
        store: What `Gallery` keeps photos in.
        photo_ids: List, to which the ids of all photos are added.
        changes: `Changes`, which is counted in.
    Yields: As `encode_changed`.
    """
    for encoded, embeddings in batches:
        photo_ids += [one.photo_id for one in encoded]
        known = store.stamps([one.photo_id for one in encoded])
        new = [
            row
            for row, (one, stamp) in enumerate(zip(encoded, known, strict=True))
            if stamp is None or stamp.sha256 != one.sha256
        ]
        changes.num_unchanged += len(encoded) - len(new)
        if new:
            rows = [encoded[row] for row in new]
            photos = [Photo(one.photo_id, located(Path("/"), one.path)) for one in rows]
            # A time that is not known is that of no file, so `update` looks at the content.
            yield photos, [Stamp(one.size, one.mtime_ns or 0, one.sha256) for one in rows], embeddings[new]


def common_root(paths):
    """Returns the deepest folder that all of some absolute paths lie in, at least one."""
    return Path(os.path.commonpath([Path(path).parent for path in paths]))


def as_photo(photo, photo_root):
    """Returns a `Photo`, or a path as one; `ValueError` unless the path lies below `photo_root`, a `Path`.

    Raises: `InputError` if its metadata are not as `check_metadata` wants.
    """
    if isinstance(photo, Photo):
        check_metadata(photo.metadata or {}, photo.photo_id)
        return photo
    path = Path(os.path.abspath(photo))
    if not path.is_relative_to(photo_root):
        raise ValueError(f"`root` must hold every photo, and {path} too. Received: {photo_root}")
    return Photo(path.relative_to(photo_root).as_posix(), path)


def as_stored(batch, encoder, lifting):
    """Turns a batch of `encode_changed` into what a store writes.

    Args:
        batch: `(photos, stamps, embeddings)`.
        encoder: `Encoder` that has encoded them.
        lifting: `Lifting` of its distance, or None.
    Returns: `(photos, stamps, vectors, probabilities)`: float32 `(num_photos, vector_dim)` and float16
        `(num_photos, num_attributes)` in [0, 1].
    Raises: `InputError` if the last values of the embeddings are no probabilities.
    """
    photos, stamps, embeddings = batch
    probabilities = encoder.attribute_probabilities(embeddings).astype(np.float16)
    vectors = embeddings if lifting is None else lifting.lift_photos(embeddings)
    return photos, stamps, vectors, probabilities


def keep_only(store, photo_ids, changes):
    """Removes all other photos from a store, and puts these in their order; `changes` is counted in."""
    wanted = dict.fromkeys(photo_ids)
    gone = [photo_id for photo_id in store.photo_ids() if photo_id not in wanted]
    if gone:
        store.remove(gone)
    changes.num_removed = len(gone)
    store.arrange(wanted)
