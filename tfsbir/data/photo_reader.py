"""How photos are read: as edge maps or in colour."""

import dataclasses
import hashlib
import io
import os
import tempfile
from pathlib import Path

from PIL import Image

from tfsbir import files
from tfsbir.data.edge_maps import CANNY, edge_map
from tfsbir.data.images import check_file, read_image, read_photo_edges
from tfsbir.data.split import CHANNELS
from tfsbir.data.structured_edges import structured_edges
from tfsbir.errors import InputError

SIZE = 256
CACHE_VERSION = 1  # Another one where the same file and the same detector come to another map.


@dataclasses.dataclass(frozen=True)
class PhotoReader:
    """Reads photo files as what an encoder is to see, on a white 256 x 256 canvas.

    It can be pickled, so that worker processes can read too; a forest is loaded once in each of them.

        CACHE_DIR/edges/ab/abcd….png

    A map is kept under a hash of the photo's content, the detector and its settings: a renamed photo finds
    its map, a changed one gets another. Any number of processes may share the folder, and a damaged file is
    made anew. Photos in colour are not kept.

    Args:
        photo_input: "edges" for edge maps, black on white; "rgb" for the photos in colour.
        edge_model: Path of a structured forest which finds the edges (`StructuredEdges`); by default they
            are Canny's (`edge_map`).
        cache_dir: Folder in which edge maps are kept, made if there is none; by default none is kept.
    Call arguments:
        path: The file, as for `read_image`.
    Returns: `(256, 256, 1)` uint8 for "edges", `(256, 256, 3)` for "rgb".
    Raises: `InputError` if the forest cannot be read or has changed since, the folder cannot be written to,
        or a photo cannot be read; `ValueError` for another `photo_input`, or a forest for "rgb".
    """

    photo_input: str = "edges"
    edge_model: str | None = None
    cache_dir: str | None = None
    # What finds the edges, its settings and the hash of its file; the same text, the same maps.
    edge_detector: str | None = dataclasses.field(init=False, default=None)

    def __post_init__(self):
        if self.photo_input not in CHANNELS:
            raise ValueError(f'`photo_input` must be "edges" or "rgb". Received: {self.photo_input!r}')
        if self.edge_model is not None:
            if self.photo_input == "rgb":
                raise ValueError('`edge_model` must be None where `photo_input` is "rgb". Received: a model')
            object.__setattr__(self, "edge_model", os.fspath(self.edge_model))
            object.__setattr__(self, "edge_detector", structured_edges(self.edge_model).description)
        elif self.photo_input == "edges":
            object.__setattr__(self, "edge_detector", CANNY)
        if self.cache_dir is not None:
            object.__setattr__(self, "cache_dir", os.fspath(self.cache_dir))
            _check_writable(self.cache_dir)

    @property
    def channels(self):
        """Channels of the images: 1 or 3."""
        return CHANNELS[self.photo_input]

    def __call__(self, path):
        if self.photo_input == "rgb":
            return read_image(path, SIZE, channels=3)
        if self.cache_dir is None:
            return self._find_edges(path)
        name = f"{self._key(path)}.png"
        cached = Path(self.cache_dir, "edges", name[:2], name)
        edges = _read_map(cached)
        if edges is None:
            edges = self._find_edges(path)
            _write_map(cached, edges)
        return edges

    def _find_edges(self, path):
        if self.edge_model is None:
            detector = edge_map
        else:
            detector = structured_edges(self.edge_model)
            if detector.description != self.edge_detector:
                raise InputError(f"{self.edge_model}: expected the forest of before; the file has changed")
        return read_photo_edges(path, SIZE, detector)

    def _key(self, path):
        check_file(Path(path))
        digest = hashlib.sha256(f"{CACHE_VERSION} {SIZE} {self.edge_detector}\n".encode("ascii"))
        try:
            digest.update(Path(path).read_bytes())
        except OSError as error:
            raise InputError(f"{path}: expected an image file; {error.strerror.lower()}") from None
        return digest.hexdigest()


EDGES = PhotoReader()
RGB = PhotoReader("rgb")


def _check_writable(folder):
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from None


def _unwritable(folder, error):
    return InputError(f"{folder}: expected a folder to write edge maps to; {error.strerror.lower()}")


def _read_map(path):
    """Returns a map that was kept, or `None` where there is none or it is damaged."""
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.size != (SIZE, SIZE) or image.mode != "L":
                return None
            image.verify()  # The file's checksums, which decoding alone does not look at.
        return read_image(path, SIZE)
    except (OSError, SyntaxError, ValueError):
        return None


def _write_map(path, edges):
    png = io.BytesIO()
    Image.fromarray(edges[..., 0]).save(png, "PNG")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path, png.getvalue())
    except OSError as error:
        raise _unwritable(path.parent, error) from None
