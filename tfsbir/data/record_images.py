"""Images kept in TFRecord files, of which any can be read at once."""

import itertools
import os
import struct
from pathlib import Path

import cv2
import numpy as np

from tfsbir.errors import InputError
from tfsbir.strokes.reading import open_file

# A record is its length (8 bytes, little endian), a checksum of that (4), the data, and theirs (4).
_BEFORE, _AFTER = 12, 4


class RecordImages:
    """Stands for the uint8 array of the PNGs in some TFRecord files, in a `Split`.

    Each record is one PNG and nothing more, so that any program that reads TFRecords reads these:
    `tf.data.TFRecordDataset(paths).map(tf.io.decode_png)`. Where the records begin is found by hopping from
    length to length when the files are opened; an image is then one read, wherever it stands.

    Args:
        paths: The TFRecord files, in order.
        origin: The `ImageFiles` that they were made from: how many there must be, their size, and what a
            split's fingerprint looks at.
    Raises: `InputError` if a file is missing or cut short, or they hold another number of records; and,
        when an image is asked for, if its PNG is damaged or of another shape.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, paths, origin):
        self.paths = tuple(map(Path, paths))
        places = [_record_places(path) for path in self.paths]
        self._files = np.repeat(np.arange(len(places)), [len(found) for found in places])
        self._starts, self._lengths = np.concatenate([np.empty((0, 2), np.int64), *places]).T
        self.origin, self.shape = origin, origin.shape
        if len(self._files) != len(self):
            raise InputError(
                f"{self.paths[0].parent if self.paths else ''}: expected {len(self)} records; "
                f"found {len(self._files)}"
            )

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        """Returns one image for an integer, else an array of them."""
        if isinstance(index, (int, np.integer)):
            return self[np.array([index])][0]
        chosen = np.arange(len(self))[index]
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        rows = sorted(range(len(chosen)), key=lambda row: self._files[chosen[row]])
        for number, group in itertools.groupby(rows, key=lambda row: self._files[chosen[row]]):
            path = self.paths[number]
            with open_file(path, "a TFRecord file") as file:
                for row in group:
                    images[row] = self._decode(file, chosen[row], path)
        return images

    def take(self, indices):
        """Returns the `RecordImages` of some of the records."""
        part = object.__new__(RecordImages)
        part.paths, part.origin = self.paths, self.origin.take(indices)
        part.shape = part.origin.shape
        part._files, part._starts, part._lengths = (
            array[indices] for array in (self._files, self._starts, self._lengths)
        )
        return part

    def update_digest(self, digest):
        """Feeds a hash with what the files would have fed that the images were made from."""
        self.origin.update_digest(digest)

    def _decode(self, file, index, path):
        data = os.pread(file.fileno(), int(self._lengths[index]), int(self._starts[index]))
        grey = self.shape[3] == 1
        image = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB
        )
        if image is None or image.shape[:2] != self.shape[1:3]:
            found = "none that can be decoded" if image is None else f"one of {image.shape[:2]} px"
            raise InputError(
                f"{path}: expected a PNG of {self.shape[1:3]} px at byte {self._starts[index]}; "
                f"found {found}. Delete the folder to have it made anew"
            )
        return image.reshape(self.shape[1:])


def encode_png(image):
    """Returns a `(height, width, 1 or 3)` uint8 image as the bytes of a PNG."""
    # RGB is BGR to OpenCV. The lowest compression but none: speed of writing is what a cache needs.
    image = image if image.shape[2] == 1 else image[..., ::-1]
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _record_places(path):
    """Returns `(num_records, 2)` int64, the first byte and the length of each record's data."""
    places, place = [], 0
    try:
        size = os.path.getsize(path)
        with path.open("rb") as file:
            while place < size:
                head = os.pread(file.fileno(), 8, place)
                length = struct.unpack("<Q", head)[0] if len(head) == 8 else size
                if place + _BEFORE + length + _AFTER > size:
                    raise InputError(f"{path}: expected whole records; the one at byte {place} is cut short")
                places.append((place + _BEFORE, length))
                place += _BEFORE + length + _AFTER
    except OSError as error:
        raise InputError(f"{path}: expected a TFRecord file; {error.strerror.lower()}") from None
    return np.array(places, np.int64).reshape(-1, 2)
