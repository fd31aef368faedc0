"""Photos that `tfsbir.pipelines.encode_photos` encoded, read from its Parquet files."""

import contextlib
import hashlib
import heapq
import json
import os
from typing import NamedTuple

import numpy as np

from tfsbir.data.images import natural_key
from tfsbir.errors import InputError
from tfsbir.retrieval.photo import is_address

FORMAT_VERSION = 1
RECORD_SUFFIX = ".vectors.json"
# Rows that are held of all files together while they are merged.
ROWS_AHEAD = 16384


class EncodedPhoto(NamedTuple):
    """What the files say of a photo beside its embedding.

    `photo_id` is its path relative to the pipeline's `--photo_root`, or its whole path where it lies
    elsewhere. `path` is where it was read from, a file or an address such as gs://bucket/photo.jpg. `size` in
    bytes and `sha256` are those of the bytes that were encoded. `mtime_ns` is the time of the last change, in
    nanoseconds since 1970, or None where that is not known.
    """

    photo_id: str
    path: str
    size: int
    mtime_ns: int | None
    sha256: str


class EncodedPhotos:
    """The photos and embeddings in the files of one run of `tfsbir.pipelines.encode_photos`.

    The pipeline writes PREFIX.vectors.json last, so where that is, every file is.

    Args:
        prefix: Str or path, the pipeline's `--output`: a local one, or an address that
            `pyarrow.fs.FileSystem.from_uri` understands, such as gs://bucket/vectors.

    Attributes:
        prefix: Str, the argument.
        encoder_path: Str, the `--model` of the pipeline.
        encoder_fingerprint: Str, identity of the encoder.
        dim: Int, length of an embedding.
        distance: Str, name of the distance that the encoder was trained for.
        preprocessing: Dict, `Preprocessing.to_json` of the encoder.
        photo_root: Str, the folder that `photo_id`s start from.
        num_skipped: Int, photos that could not be encoded; PREFIX-*.skipped.jsonl has them.
    Raises: `InputError` if the record is missing or damaged, if a file is missing or damaged, or one of
        another run, or if pyarrow is not installed.
    """

    def __init__(self, prefix):
        self.prefix = str(prefix)
        self._filesystem, self._root = _filesystem(self.prefix)
        record = self._read_record()
        try:
            self.encoder_path = record["encoder"]["path"]
            self.encoder_fingerprint = record["encoder"]["fingerprint"]
            self.dim = record["dim"]
            self.distance = record["metric"]
            self.preprocessing = record["preprocessing"]
            self.photo_root = record["photo_root"]
            self.num_skipped = record["num_skipped"]
            self._counts = [shard["count"] for shard in record["shards"]]
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{self._record_path}: expected the record of encoded photos; {error!r}"
            ) from None
        for shard in range(len(self._counts)):
            with self._opened(shard):
                pass

    def __len__(self):
        return sum(self._counts)

    def batches(self, batch_size=1024):
        """Yields the photos in the natural order of their ids (2 before 10), however many files there are.

        Only some thousand rows are in memory at a time.

        Args:
            batch_size: Int >= 1.
        Returns: An iterator of `(photos, embeddings)`: a list of `EncodedPhoto` and float32
            `(len(photos), dim)`. The last batch may be shorter.
        Raises: `InputError`, also late, if a file is damaged, an embedding is not finite, or an id comes
            twice or in a file that is not its own.
        """
        ahead = max(1, ROWS_AHEAD // len(self._counts))
        rows = heapq.merge(
            *(self._rows(shard, ahead) for shard in range(len(self._counts))), key=lambda row: row[0]
        )
        photos, embeddings = [], []
        for _, photo, embedding in rows:
            photos.append(photo)
            embeddings.append(embedding)
            if len(photos) == batch_size:
                yield photos, np.stack(embeddings)
                photos, embeddings = [], []
        if photos:
            yield photos, np.stack(embeddings)

    def _rows(self, shard, ahead):
        path, last = shard_path(self.prefix, shard, len(self._counts)), None
        with self._opened(shard) as file:
            for batch in file.iter_batches(ahead):
                embeddings = batch["embedding"].flatten().to_numpy().reshape(-1, self.dim)
                if not np.all(np.isfinite(embeddings)):
                    raise InputError(f"{path}: expected finite embeddings; found others")
                columns = [batch[name].to_pylist() for name in EncodedPhoto._fields]
                for photo, embedding in zip(zip(*columns, strict=True), embeddings, strict=True):
                    photo = EncodedPhoto(*photo)
                    key = natural_key(photo.photo_id)
                    if shard_of(photo.photo_id, len(self._counts)) != shard:
                        raise InputError(f"{path}: expected photos of this file; found {photo.photo_id}")
                    if last is not None and key <= last:
                        raise InputError(
                            f"{path}: expected each photo once, in order; found {photo.photo_id} elsewhere"
                        )
                    last = key
                    yield key, photo, embedding

    def _read_record(self):
        self._record_path = self.prefix + RECORD_SUFFIX
        try:
            with self._filesystem.open_input_stream(self._root + RECORD_SUFFIX) as file:
                record = json.loads(file.read())
        except FileNotFoundError:
            raise InputError(
                f"{self._record_path}: expected the record that encode_photos writes last; there is none"
            ) from None
        except ValueError as error:
            raise InputError(f"{self._record_path}: expected JSON; {error}") from None
        version = record.get("format_version") if isinstance(record, dict) else None
        if version != FORMAT_VERSION:
            raise InputError(
                f"{self._record_path}: expected format version {FORMAT_VERSION}; found {version}"
            )
        return record

    @contextlib.contextmanager
    def _opened(self, shard):
        import pyarrow
        import pyarrow.parquet

        path = shard_path(self.prefix, shard, len(self._counts))
        try:
            file = pyarrow.parquet.ParquetFile(
                shard_path(self._root, shard, len(self._counts)),
                filesystem=self._filesystem,
                page_checksum_verification=True,
            )
            with file:
                wanted = schema(self.dim, self.encoder_fingerprint)
                if not file.schema_arrow.equals(wanted, check_metadata=True):
                    raise InputError(
                        f"{path}: expected {self.dim} values by the encoder {self.encoder_fingerprint}; "
                        f"found {file.schema_arrow.field('embedding').type} by "
                        f"{(file.schema_arrow.metadata or {}).get(b'fingerprint', b'none').decode()}"
                    )
                if file.metadata.num_rows != self._counts[shard]:
                    raise InputError(
                        f"{path}: expected {self._counts[shard]} photos; found {file.metadata.num_rows}"
                    )
                yield file
        except FileNotFoundError:
            raise InputError(f"{path}: expected a file of encoded photos; there is no such file") from None
        except (pyarrow.ArrowException, OSError, KeyError) as error:
            raise InputError(f"{path}: expected a whole Parquet file of encoded photos; {error}") from None


def shard_of(photo_id, num_shards):
    """Returns the number of the file, 0 to `num_shards` - 1, that a photo belongs into by its id."""
    digest = hashlib.sha256(photo_id.encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") % num_shards


def shard_path(prefix, shard, num_shards):
    """Returns the path of a file of photos, such as PREFIX-00002-of-00008.parquet."""
    return f"{prefix}-{shard:05d}-of-{num_shards:05d}.parquet"


def schema(dim, fingerprint):
    """Returns the `pyarrow.Schema` of the files, with the encoder's fingerprint in its metadata."""
    import pyarrow

    return pyarrow.schema(
        [
            pyarrow.field("photo_id", pyarrow.string(), nullable=False),
            pyarrow.field("path", pyarrow.string(), nullable=False),
            pyarrow.field("size", pyarrow.int64(), nullable=False),
            pyarrow.field("mtime_ns", pyarrow.int64()),
            pyarrow.field("sha256", pyarrow.string(), nullable=False),
            pyarrow.field(
                "embedding", pyarrow.list_(pyarrow.field("element", pyarrow.float32(), False), dim), False
            ),
        ],
        metadata={"fingerprint": fingerprint},
    )


def _filesystem(prefix):
    try:
        import pyarrow
        from pyarrow import fs
    except ImportError:
        raise InputError(
            f'{prefix}: reading encoded photos takes pyarrow, pip install "tfsbir[beam]"; it is not installed'
        ) from None
    if not is_address(prefix):
        return fs.LocalFileSystem(), os.path.abspath(prefix)
    try:
        return fs.FileSystem.from_uri(prefix)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{prefix}: expected a path or an address that pyarrow can read; {error}") from None
