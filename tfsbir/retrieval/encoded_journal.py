"""What has been encoded for a gallery and not saved in it yet, so that a killed `tfsbir index` goes on."""

import hashlib
import io
import json
import shutil
import time
import zipfile

import numpy as np

from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.retrieval.gallery_files import ENCODED
from tfsbir.retrieval.photo import Stamp

SECONDS_BETWEEN = 0.5


def clear_journal(path):
    """Throws away what is in the gallery at `path` by now."""
    shutil.rmtree(path / ENCODED, ignore_errors=True)


class EncodedJournal:
    """Keeps embeddings in files of half a second's work each; what is lost by a kill is the last of them.

    Args:
        path: `Path` of the gallery's folder; the files are in `encoded/` in it.
        fingerprint: Str, of the encoder. What another one has encoded is thrown away.
        dim: Int, length of an embedding.
    """

    def __init__(self, path, fingerprint, dim):
        self.dim = dim
        self.folder = path / ENCODED / hashlib.sha256(fingerprint.encode()).hexdigest()[:16]
        self.entries = {}
        self._waiting = []
        self._written = time.monotonic()
        if (path / ENCODED).is_dir():
            for other in (path / ENCODED).iterdir():
                if other != self.folder:
                    shutil.rmtree(other)
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in sorted(self.folder.glob("*.npz")):
            self._read(file)
        self._num_files = len(list(self.folder.iterdir()))

    def find(self, photo, status):
        """Returns `(stamp, embedding)` of a photo, None where it was not encoded or has changed since.

        Args:
            photo: `Photo`.
            status: `os.stat_result` of its file.
        """
        stamp, embedding = self.entries.get(str(photo.path), (None, None))
        return (stamp, embedding) if stamp is not None and stamp.is_of(status) else None

    def keep(self, photos, stamps, embeddings):
        """Keeps what was encoded; on disk after `SECONDS_BETWEEN` at most, and a batch."""
        for photo, stamp, embedding in zip(photos, stamps, embeddings, strict=True):
            self._waiting.append((str(photo.path), stamp, embedding))
        if time.monotonic() - self._written >= SECONDS_BETWEEN:
            self.flush()

    def flush(self):
        """Writes what is still in memory."""
        if self._waiting:
            paths, stamps, embeddings = zip(*self._waiting, strict=True)
            rows = [
                (path, one.size, one.mtime_ns, one.sha256) for path, one in zip(paths, stamps, strict=True)
            ]
            data = io.BytesIO()
            table = np.frombuffer(json.dumps(rows).encode(), np.uint8)
            np.savez(data, photos=table, embeddings=np.stack(embeddings))
            files.write_bytes(self.folder / f"{self._num_files:08d}.npz", data.getvalue())
            self._num_files += 1
            self._waiting = []
        self._written = time.monotonic()

    def _read(self, file):
        try:
            with np.load(file, allow_pickle=False) as arrays:
                rows, embeddings = json.loads(arrays["photos"].tobytes()), arrays["embeddings"]
            if embeddings.dtype != np.float32 or embeddings.shape != (len(rows), self.dim):
                raise ValueError(f"found {embeddings.dtype} {embeddings.shape}")
            for (path, *stamp), embedding in zip(rows, embeddings, strict=True):
                self.entries[path] = Stamp(*stamp), embedding
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{file}: expected photos that a broken-off `tfsbir index` had encoded; {error} "
                "(remove this file to encode them again)"
            ) from None
