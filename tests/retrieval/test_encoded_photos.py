import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")
from pyarrow import parquet

from tests.retrieval.drawn_encoder import unit_vectors
from tfsbir.errors import InputError
from tfsbir.retrieval.encoded_photos import (
    RECORD_SUFFIX,
    EncodedPhoto,
    EncodedPhotos,
    schema,
    shard_of,
    shard_path,
)

DIM, NUM_SHARDS = 8, 5


def write_vectors(prefix, count=100, embeddings=None):
    """Writes files as the pipeline documents them; returns their photos and embeddings in order."""
    embeddings = unit_vectors(count, DIM) if embeddings is None else embeddings
    photos = [
        EncodedPhoto(
            f"shoe {index}.png", f"gs://b/shoe {index}.png", index, None if index % 3 else index, "ab"
        )
        for index in range(count)
    ]
    counts = []
    for shard in range(NUM_SHARDS):
        rows = [
            {**photo._asdict(), "embedding": embedding}
            for photo, embedding in zip(photos, embeddings, strict=True)
            if shard_of(photo.photo_id, NUM_SHARDS) == shard
        ]
        write_shard(prefix, shard, rows)
        counts.append({"count": len(rows), "num_skipped": 0})
    record = {
        "format_version": 1,
        "encoder": {"path": "/runs/shoes", "kind": "run", "fingerprint": "made"},
        "dim": DIM,
        "metric": "squared_euclidean",
        "preprocessing": {},
        "photo_root": "gs://b",
        "num_skipped": 0,
        "shards": counts,
    }
    prefix.with_name(prefix.name + RECORD_SUFFIX).write_text(json.dumps(record))
    return photos, embeddings


def write_shard(prefix, shard, rows, fingerprint="made", dim=DIM):
    import pyarrow

    table = pyarrow.Table.from_pylist(rows, schema=schema(dim, fingerprint))
    parquet.write_table(
        table, shard_path(prefix, shard, NUM_SHARDS), write_page_checksum=True, row_group_size=7
    )


def read_shard(prefix, shard):
    return parquet.read_table(shard_path(prefix, shard, NUM_SHARDS)).to_pylist()


@pytest.mark.parametrize("batch_size", [1, 7, 100, 1024])
def test_photos_come_in_natural_order_whatever_the_batch(tmp_path, batch_size):
    photos, embeddings = write_vectors(tmp_path / "v")
    encoded = EncodedPhotos(tmp_path / "v")
    batches = list(encoded.batches(batch_size))
    assert [photo for found, _ in batches for photo in found] == photos
    np.testing.assert_array_equal(np.concatenate([found for _, found in batches]), embeddings)
    assert all(found.dtype == np.float32 for _, found in batches)
    assert {len(found) for found, _ in batches[:-1]} <= {batch_size}
    assert (len(encoded), encoded.dim, encoded.encoder_fingerprint) == (100, DIM, "made")
    assert (encoded.encoder_path, encoded.photo_root) == ("/runs/shoes", "gs://b")


def test_little_is_held_in_memory(tmp_path, monkeypatch):
    write_vectors(tmp_path / "v")
    monkeypatch.setattr("tfsbir.retrieval.encoded_photos.ROWS_AHEAD", 10)
    asked = []
    iter_batches = parquet.ParquetFile.iter_batches
    monkeypatch.setattr(
        parquet.ParquetFile,
        "iter_batches",
        lambda file, size: asked.append(size) or iter_batches(file, size),
    )
    assert sum(len(found) for found, _ in EncodedPhotos(tmp_path / "v").batches(3)) == 100
    assert asked == [2] * NUM_SHARDS


def test_no_photos_and_empty_files(tmp_path):
    write_vectors(tmp_path / "v", 1)
    assert len(list(EncodedPhotos(tmp_path / "v").batches())) == 1
    write_vectors(tmp_path / "w", 0)
    assert list(EncodedPhotos(tmp_path / "w").batches()) == []


def test_a_file_address(tmp_path):
    photos, _ = write_vectors(tmp_path / "v")
    ((found, _),) = EncodedPhotos(f"file://{tmp_path}/v").batches()
    assert found == photos
    with pytest.raises(InputError, match="expected a path or an address that pyarrow can read"):
        EncodedPhotos("nothing://b/v")


def damage(prefix, how):
    shard = 2
    path = shard_path(prefix, shard, NUM_SHARDS)
    rows = read_shard(prefix, shard)
    record = prefix.with_name(prefix.name + RECORD_SUFFIX)
    if how == "no record":
        record.unlink()
    elif how == "no JSON":
        record.write_text("{")
    elif how == "another version":
        record.write_text('{"format_version": 9}')
    elif how == "half a record":
        record.write_text('{"format_version": 1}')
    elif how == "no file":
        prefix.with_name(path.rpartition("/")[2]).unlink()
    elif how == "cut":
        path = Path(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif how == "flipped":
        path = Path(path)
        data = bytearray(path.read_bytes())
        data[60] ^= 255  # In the first column's first page.
        path.write_bytes(data)
    elif how == "another encoder":
        write_shard(prefix, shard, rows, fingerprint="other")
    elif how == "another dim":
        write_shard(prefix, shard, [{**row, "embedding": [0.0] * 4} for row in rows], dim=4)
    elif how == "one less":
        write_shard(prefix, shard, rows[1:])
    elif how == "twice":
        write_shard(prefix, shard, [rows[0], *rows[:-1]])
    elif how == "late":
        write_shard(prefix, shard, [rows[1], rows[0], *rows[2:]])
    elif how == "elsewhere":
        write_shard(prefix, shard, [read_shard(prefix, 1)[0], *rows[1:]])
    elif how == "not finite":
        write_shard(prefix, shard, [*rows[:-1], {**rows[-1], "embedding": [np.inf] * DIM}])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no record", "v.vectors.json: expected the record that encode_photos writes last; there is none"),
        ("no JSON", "v.vectors.json: expected JSON"),
        ("another version", "v.vectors.json: expected format version 1; found 9"),
        ("half a record", "v.vectors.json: expected the record of encoded photos; KeyError"),
        ("no file", "00002-of-00005.parquet: expected a file of encoded photos; there is no such file"),
        ("cut", "00002-of-00005.parquet: expected a whole Parquet file"),
        ("flipped", "00002-of-00005.parquet: expected a whole Parquet file"),
        ("another encoder", "expected 8 values by the encoder made; found .* by other"),
        ("another dim", r"expected 8 values by the encoder made; found .*\[4\] by made"),
        ("one less", "00002-of-00005.parquet: expected .* photos; found"),
        ("twice", "expected each photo once, in order; found shoe"),
        ("late", "expected each photo once, in order; found shoe"),
        ("elsewhere", "expected photos of this file; found shoe"),
        ("not finite", "expected finite embeddings; found others"),
    ],
)
def test_damage_is_told(tmp_path, how, message):
    write_vectors(tmp_path / "v")
    damage(tmp_path / "v", how)
    with pytest.raises(InputError, match=message):
        list(EncodedPhotos(tmp_path / "v").batches())
