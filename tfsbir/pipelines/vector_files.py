"""The files that the pipeline writes: Parquet, JSON lines of what was left out, and last the record."""

import io
import json
import uuid

import apache_beam as beam
import numpy as np
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from tfsbir.data.images import natural_key
from tfsbir.errors import InputError
from tfsbir.pipelines.photo_names import SKIPPED, Skipped, is_address
from tfsbir.retrieval.encoded_photos import (
    FORMAT_VERSION,
    RECORD_SUFFIX,
    EncodedPhoto,
    schema,
    shard_of,
    shard_path,
)

# Rows that are read and written at once; a reader of many files holds so many of each.
ROW_GROUP_SIZE = 1024
# The number of a file, and a photo with its embedding, or one that was left out and None, or two Nones.
_ROW = tuple[int, tuple[tuple | None, bytes | None]]


class WriteVectors(beam.PTransform):
    """Writes embeddings, and what was left out, into a fixed number of files, and then a record of them.

    The same photos give the same bytes. A file's rows pass through the memory of one worker.

    Args:
        prefix: Str, what the files' paths begin with.
        record: Dict, what the record says beside the files; with "dim" and "encoder".
        num_shards: Int, number of Parquet files.
    Call arguments:
        Two collections: `PredictionResult`s of `PhotoEncoder`, and `Skipped`.
    """

    def __init__(self, prefix, record, num_shards):
        super().__init__()
        self._prefix = prefix
        self._record = record
        self._num_shards = num_shards

    def expand(self, collections):
        results, skipped = collections
        num_shards = self._num_shards
        rows = results | beam.ParDo(_ToRows(num_shards)).with_outputs(SKIPPED, main="rows")
        skipped = (
            (skipped, rows[SKIPPED])
            | "AllSkipped" >> beam.Flatten()
            | beam.Map(lambda one: (shard_of(one.path, num_shards), (tuple(one), None))).with_output_types(
                _ROW
            )
        )
        # A file that no photo belongs into is written, too.
        every = [(shard, (None, None)) for shard in range(num_shards)]
        every = results.pipeline | beam.Create(every).with_output_types(_ROW)
        return (
            (rows["rows"], skipped, every)
            | beam.Flatten()
            | beam.GroupByKey()
            | beam.ParDo(_WriteShard(self._prefix, self._record, num_shards))
            | beam.combiners.ToList()
            | beam.Map(_write_record, self._prefix, self._record)
        )


@beam.typehints.with_output_types(_ROW)
class _ToRows(beam.DoFn):
    def __init__(self, num_shards):
        self._num_shards = num_shards

    def process(self, result):
        photo, embedding = result.example, result.inference
        if np.all(np.isfinite(embedding)):
            yield shard_of(photo.photo_id, self._num_shards), (tuple(photo), embedding.tobytes())
        else:
            reason = "expected a finite embedding; found another"
            yield beam.pvalue.TaggedOutput(SKIPPED, Skipped(photo.path, reason))


class _WriteShard(beam.DoFn):
    def __init__(self, prefix, record, num_shards):
        self._prefix = prefix
        self._record = record
        self._num_shards = num_shards
        self._encoded = Metrics.counter("tfsbir", "photos_encoded")
        self._skipped = Metrics.counter("tfsbir", "photos_skipped")

    def process(self, keyed):
        shard, values = keyed
        rows, skipped = [], set()
        for value in values:
            row, embedding = value
            if embedding is not None:
                rows.append((EncodedPhoto(*row), embedding))
            elif row is not None:
                skipped.add(Skipped(*row))
        rows.sort(key=lambda row: natural_key(row[0].photo_id))
        path = shard_path(self._prefix, shard, self._num_shards)
        write_bytes(path, _parquet(rows, self._record["dim"], self._record["encoder"]["fingerprint"]))
        lines = "".join(json.dumps(one._asdict()) + "\n" for one in sorted(skipped))
        write_bytes(skipped_path(path), lines.encode("utf-8"))
        self._encoded.inc(len(rows))
        self._skipped.inc(len(skipped))
        yield shard, len(rows), len(skipped)


def _parquet(rows, dim, fingerprint):
    import pyarrow
    import pyarrow.parquet

    embeddings = np.frombuffer(b"".join(embedding for _, embedding in rows), np.float32)
    fields = schema(dim, fingerprint)
    columns = [
        pyarrow.array([getattr(photo, name) for photo, _ in rows], fields.field(name).type)
        for name in EncodedPhoto._fields
    ]
    columns.append(pyarrow.FixedSizeListArray.from_arrays(embeddings, type=fields.field("embedding").type))
    data = io.BytesIO()
    pyarrow.parquet.write_table(
        pyarrow.Table.from_arrays(columns, schema=fields),
        data,
        row_group_size=ROW_GROUP_SIZE,
        write_page_checksum=True,
        # Embeddings have few equal values, of which a dictionary would be made in vain.
        use_dictionary=False,
    )
    return data.getvalue()


def _write_record(counts, prefix, record):
    shards = [{"count": count, "num_skipped": skipped} for _, count, skipped in sorted(counts)]
    record = {
        "format_version": FORMAT_VERSION,
        **record,
        "count": sum(shard["count"] for shard in shards),
        "num_skipped": sum(shard["num_skipped"] for shard in shards),
        "shards": shards,
    }
    write_bytes(prefix + RECORD_SUFFIX, (json.dumps(record, indent=2) + "\n").encode("utf-8"))
    return record


def skipped_path(path):
    """Returns the path of the JSON lines beside a Parquet file."""
    return path.removesuffix(".parquet") + ".skipped.jsonl"


def write_bytes(path, data):
    """Writes a file to one of Beam's file systems, under another name first."""
    aside = f"{path}.{uuid.uuid4().hex}.tmp"
    try:
        with FileSystems.create(aside, compression_type="uncompressed") as file:
            file.write(data)
        # Other file systems than the local one may refuse to replace a file.
        if is_address(path) and FileSystems.exists(path):
            FileSystems.delete([path])
        FileSystems.rename([aside], [path])
    except BaseException:
        if FileSystems.exists(aside):
            FileSystems.delete([aside])
        raise


def read_record(prefix):
    """Returns the record of vectors at `prefix`, or None.

    Raises: `InputError` if another file is there.
    """
    path = prefix + RECORD_SUFFIX
    if not FileSystems.exists(path):
        return None
    with FileSystems.open(path) as file:
        data = file.read()
    try:
        record = json.loads(data)
        return record if record["format_version"] and record["shards"] else None
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f"{path}: expected the record of encoded photos or no such file; found another"
        ) from None


def remove_vectors(prefix):
    """Removes what an older run wrote: the record first, so that no reader takes what is left for whole."""
    record = read_record(prefix)
    if record is None:
        return
    paths = [shard_path(prefix, shard, len(record["shards"])) for shard in range(len(record["shards"]))]
    FileSystems.delete([prefix + RECORD_SUFFIX])
    paths = [path for name in paths for path in (name, skipped_path(name)) if FileSystems.exists(path)]
    if paths:
        FileSystems.delete(paths)
