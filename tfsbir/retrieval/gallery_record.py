"""What a gallery's record says, and the parts of a gallery that it leads to."""

import dataclasses
import os
from pathlib import Path

from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval.faiss_store import FaissStore
from tfsbir.retrieval.gallery_files import FORMAT_VERSION, checked_file, read_record
from tfsbir.retrieval.lifting import Lifting
from tfsbir.retrieval.photo import is_address

EMBEDDED = "faiss"
MILVUS = "milvus:"


def new_record(encoder, photo_root):
    """Returns the record of a gallery of an encoder's photos in a folder, without what a store adds to it."""
    return {
        "format_version": FORMAT_VERSION,
        **encoder.to_record(),
        "photo_root": root_name(photo_root),
    }


def root_name(photo_root):
    """Returns the folder that photo ids start from as a record has it: an absolute path, or an address."""
    photo_root = os.fspath(photo_root)
    return photo_root if is_address(photo_root) else os.path.abspath(photo_root)


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
    Raises: `ValueError` for another `index`; `InputError` for another `store`, or one that cannot be reached.
    """
    store = store_name(store)
    if store == EMBEDDED:
        return FaissStore.empty(*_store_arguments(record), index)
    from tfsbir.retrieval.milvus_store import MilvusStore

    return MilvusStore.empty(path, store.removeprefix(MILVUS), *_store_arguments(record), index)


def store_name(store):
    """Returns "faiss", or "milvus:URI" with an address or an absolute path; `InputError` for another."""
    if store == EMBEDDED:
        return store
    if not store.startswith(MILVUS):
        raise InputError(f"`store` must be {EMBEDDED} or {MILVUS}URI. Received: {store}")
    from tfsbir.retrieval.milvus_collection import check_uri

    return MILVUS + check_uri(store.removeprefix(MILVUS))


def present_record(path):
    """Returns the record of the gallery at `path`, {} where none is there that this version reads."""
    try:
        return read_record(path)
    except InputError:
        return {}


def present_store(path):
    """Returns the name of the store of the gallery at `path`, "faiss" where none is there."""
    store = present_record(path).get("store", {})
    return f"{MILVUS}{store['uri']}" if "uri" in store else EMBEDDED


def drop_replaced(before, after):
    """Removes the collection in Milvus that a record `before` names and the record `after` does not."""
    old, new = before.get("store", {}), after["store"]
    if "collection" in old and old["collection"] != new.get("collection"):
        from tfsbir.retrieval.milvus_collection import MilvusCollection

        MilvusCollection(old["uri"], old["collection"]).drop()


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
