"""Small copies of a gallery's photos."""

import collections
import hashlib
import io
import threading
from pathlib import Path

from PIL import Image

from tfsbir.data.images import read_image
from tfsbir.errors import InputError

QUALITY = 85


class Thumbnails:
    """Makes thumbnails, JPEG on white squares, and keeps the latest.

    Args:
        max_bytes: Int, how much of them is kept.
        measures: `Measures`.
    """

    def __init__(self, max_bytes, measures):
        self.max_bytes = max_bytes
        self.measures = measures
        self._kept = collections.OrderedDict()
        self._num_bytes = 0
        self._lock = threading.Lock()

    def get(self, gallery, photo, size):
        """Returns `(bytes, ETag)` of a photo's thumbnail.

        Args:
            gallery: `Gallery` that has the photo.
            photo: `Photo`.
            size: Int, side in px.
        Raises: `InputError` if the photo is not there, cannot be read, or is a link that leads out of the
            gallery's folder.
        """
        path = checked_path(gallery, photo)
        status = path.stat()
        key = (path, status.st_mtime_ns, status.st_size, size)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                self.measures.thumbnails.labels("cache").inc()
                return self._kept[key]
        jpeg = io.BytesIO()
        Image.fromarray(read_image(path, size, channels=3)).save(jpeg, "JPEG", quality=QUALITY)
        data = jpeg.getvalue()
        found = data, f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        self.measures.thumbnails.labels("file").inc()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = found
                self._num_bytes += len(data)
            while self._num_bytes > self.max_bytes:
                self._num_bytes -= len(self._kept.popitem(last=False)[1][0])
        return found


def checked_path(gallery, photo):
    """Returns a photo's `Path` without links; `InputError` if it is not there or leads out of its folder.

    Whoever can write into the folder of the photos could otherwise have any file of this machine sent.
    """
    if isinstance(photo.path, str):
        raise InputError(f"{photo.photo_id}: expected a file of this machine; found {photo.path}")
    try:
        real = photo.path.resolve(strict=True)
        root = gallery.photo_root if photo.path.is_relative_to(gallery.photo_root) else photo.path.parent
        is_inside = real.is_relative_to(Path(root).resolve(strict=True))
    except (OSError, RuntimeError):  # Missing, unreadable or a circle of links.
        raise InputError(f"{photo.photo_id}: expected the photo's file; it is not there any more") from None
    if not is_inside:
        raise InputError(f"{photo.photo_id}: expected a file in the gallery's folder; found a link out of it")
    return real
