"""What a gallery's record says, and the parts of a gallery that it leads to."""

import dataclasses
import os
from pathlib import Path

from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval.faiss_store import FaissStore
from tfsbir.retrieval.gallery_files import FORMAT_VERSION, checked_file
from tfsbir.retrieval.lifting import Lifting
from tfsbir.retrieval.pretrained import model_name

EMBEDDED = "faiss"
MILVUS = "milvus:"


def new_record(encoder, photo_root):
    """Returns the record of a gallery of an encoder's photos in a folder, without what a store adds to it."""
    return {
        "format_version": FORMAT_VERSION,
        "encoder": {
            "path": model_name(encoder.path),
            "kind": encoder.kind,
            "fingerprint": encoder.fingerprint,
        },
        "dim": encoder.preprocessing.embedding_dim,
        "metric": encoder.preprocessing.distance,
        "preprocessing": encoder.preprocessing.to_json(),
        "photo_root": os.path.abspath(photo_root),
    }


def preprocessing_of(record):
    """Returns the `Preprocessing` of the encoder that made a gallery."""
    fields = dataclasses.fields(Preprocessing)
    return Preprocessing(**{field.name: record["preprocessing"][field.name] for field in fields})


def new_store(path, record, index, store=EMBEDDED):
    """Returns an empty store.

    Args:
        path: Absolute `Path` of the gallery's folder.
        record: Dict from `new_record`.
        index: Kind of index, one of `INDEXES`.
        store: "faiss", in the gallery's folder, or "milvus:URI".
    Raises: `ValueError` for another `index` or `store`.
    """
    if store == EMBEDDED:
        return FaissStore.empty(*_store_arguments(record), index)
    if not store.startswith(MILVUS):
        raise ValueError(f"`store` must be {EMBEDDED} or {MILVUS}URI. Received: {store!r}")
    from tfsbir.retrieval.milvus_store import MilvusStore

    return MilvusStore.empty(path, store.removeprefix(MILVUS), *_store_arguments(record), index)


def load_store(path, record):
    """Returns the store of the gallery at `path`."""
    kind = record["store"]["kind"]
    if kind == "milvus":
        from tfsbir.retrieval.milvus_store import MilvusStore

        return MilvusStore.load(path, record, *_store_arguments(record))
    if kind != EMBEDDED:
        raise InputError(f"{path}: expected a gallery whose store is faiss or milvus; found {kind!r}")
    return FaissStore.load(path, record, *_store_arguments(record))


def load_lifting(path, record):
    """Returns the `Lifting` of the gallery at `path`, None where its distance is not learned."""
    if record["metric"] == "squared_euclidean":
        return None
    return Lifting.from_bytes(record["metric"], checked_file(path, record, "distance").read_bytes())


def _store_arguments(record):
    is_lifted = record["metric"] != "squared_euclidean"
    attributes = tuple(record["preprocessing"]["attributes"])
    return Path(record["photo_root"]), record["dim"] + is_lifted, attributes, is_lifted
