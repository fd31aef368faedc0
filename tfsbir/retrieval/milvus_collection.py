"""A collection in Milvus: how it is reached, what it holds, and how it fails."""

import logging.config
import os

from tfsbir.errors import InputError
from tfsbir.retrieval.milvus_filters import DIGITS

CONNECT_SECONDS, CALL_SECONDS = 10, 60
# Milvus' own limits.
MAX_TEXT, MAX_TAGS, MAX_FOUND = 65_535, 4096, 16_384
# Rows that are asked for, or sent, in one message.
ROWS_AT_ONCE = 1000
INDEX_TYPES = {
    "flat": ("FLAT", {}),
    "hnsw": ("HNSW", {"M": 32, "efConstruction": 80}),
    "ivfpq": ("IVF_PQ", {"nlist": 1024, "m": None, "nbits": 8}),
}
LITE_INDEXES = ("flat", "hnsw")


def check_uri(uri):
    """Checks where a Milvus is: http://HOST:PORT, https:// or the path of a file that ends in .db.

    Returns: The address, or the absolute path, as a str.
    Raises: `InputError` for anything else, and for a file in a folder that is not there.
    """
    uri = os.fspath(uri)
    if uri.startswith(("http://", "https://")) and uri.partition("://")[2]:
        return uri
    if not uri.endswith(".db") or "://" in uri:
        raise InputError(f"a Milvus is at http://HOST:PORT or in a file NAME.db. Received: {uri}")
    path = os.path.abspath(uri)
    if not os.path.isdir(os.path.dirname(path)):
        raise InputError(f"{path}: expected a file in a folder that is there; found none")
    return path


def is_file(uri):
    """Tells whether a Milvus of `check_uri` is a file of Milvus Lite."""
    return "://" not in uri


class MilvusCollection:
    """Speaks to one collection, with time-outs, and reads what was written last.

    Args:
        uri: Str, from `check_uri`. The environment's MILVUS_TOKEN is sent to a server.
        name: Str, of the collection.
    Raises: `InputError`, here and from every method, if pymilvus is not installed, Milvus does not answer in
        time or refuses what it is asked for.
    """

    def __init__(self, uri, name):
        self.uri = uri
        self.name = name
        self._pymilvus = pymilvus = _import_pymilvus(uri)
        # They log every failure with a traceback, and raise it. The last is Milvus Lite's server, which
        # lacks what pymilvus asks of it first.
        for logger in ("pymilvus", "milvus_lite", *(("grpc._server",) if is_file(uri) else ())):
            logging.getLogger(logger).setLevel(logging.CRITICAL)
        token = "" if is_file(uri) else os.environ.get("MILVUS_TOKEN", "")
        try:
            # A shared connection would outlive `close`, and be taken for whatever has its port later.
            self._client = pymilvus.MilvusClient(uri, token=token, timeout=CONNECT_SECONDS, dedicated=True)
        except pymilvus.MilvusException as error:
            hint = " (only one process at a time may use a file)" if is_file(uri) else ""
            raise InputError(f"{uri}: expected a Milvus that answers; {_first_line(error)}{hint}") from None

    def close(self):
        """Ends the connection; a file is closed for all that this process has opened in it."""
        self._client.close()
        if is_file(self.uri):
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(self.uri)

    def exists(self):
        """Tells whether Milvus has the collection."""
        return self._call("has_collection", self.name)

    def create(self, vector_dim, num_attributes, is_lifted, kind):
        """Makes the collection, empty.

        Its primary key `id` is the gallery id. A row is there for readers of the generations `born` to before
        `died`.
        """
        types = self._pymilvus.DataType
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", types.INT64, is_primary=True)
        for name in ("born", "died", "size", "mtime_ns"):
            schema.add_field(name, types.INT64)
        schema.add_field("photo_key", types.VARCHAR, max_length=DIGITS)
        schema.add_field("sha256", types.VARCHAR, max_length=64)
        for name in ("photo_id", "path"):
            schema.add_field(name, types.VARCHAR, max_length=MAX_TEXT)
        for name in ("metadata", "numbers"):
            schema.add_field(name, types.JSON)
        schema.add_field(
            "tags", types.ARRAY, element_type=types.VARCHAR, max_length=DIGITS, max_capacity=MAX_TAGS
        )
        if num_attributes:
            schema.add_field("attributes", types.ARRAY, element_type=types.FLOAT, max_capacity=num_attributes)
        schema.add_field("vector", types.FLOAT_VECTOR, dim=vector_dim)
        indexes = self._index(kind, vector_dim, is_lifted)
        indexes.add_index("photo_key", index_type="INVERTED")
        self._call(
            "create_collection",
            self.name,
            schema=schema,
            index_params=indexes,
            consistency_level="Strong",
        )

    def load(self):
        """Makes the collection ready to be searched, as a new one is."""
        self._call("load_collection", self.name)

    def change_index(self, kind, vector_dim, is_lifted):
        """Gives the collection an index of another kind; it cannot be searched meanwhile."""
        self._call("release_collection", self.name)
        self._call("drop_index", self.name, "vector")
        self._call("create_index", self.name, self._index(kind, vector_dim, is_lifted))
        self.load()

    def drop(self, name=None):
        """Removes the collection, or the one of another name, if it is there."""
        self._call("drop_collection", name or self.name)

    def vector_dim(self):
        """Returns the length of the collection's vectors."""
        fields = self._call("describe_collection", self.name)["fields"]
        return next(field["params"]["dim"] for field in fields if field["name"] == "vector")

    def count(self, expression):
        """Returns the number of rows that satisfy an expression."""
        (row,) = self._call(
            "query", self.name, filter=expression, output_fields=["count(*)"], consistency_level="Strong"
        )
        return row["count(*)"]

    def some(self, expression, fields):
        """Returns a list of the rows that satisfy an expression, at most `ROWS_AT_ONCE`, in any order.

        They are dicts of `fields`, a list of names or None for all, and of `id`.
        """
        return self._call(
            "query",
            self.name,
            filter=expression,
            output_fields=fields or ["*"],
            limit=ROWS_AT_ONCE,
            consistency_level="Strong",
        )

    def search(self, query, limit, expression, parameters, is_lifted):
        """Returns the rows nearest to a query, at most `limit`: lists of ids and vectors, nearest first."""
        (found,) = self._call(
            "search",
            self.name,
            data=[query],
            anns_field="vector",
            limit=limit,
            filter=expression,
            output_fields=["vector"],
            search_params={"metric_type": _metric(is_lifted), "params": parameters},
            consistency_level="Strong",
        )
        return [hit["id"] for hit in found], [hit["entity"]["vector"] for hit in found]

    def upsert(self, rows):
        """Writes rows, in place of those of the same `id`."""
        for start in range(0, len(rows), ROWS_AT_ONCE):
            self._call("upsert", self.name, rows[start : start + ROWS_AT_ONCE])

    def delete(self, expression):
        """Removes the rows that satisfy an expression."""
        self._call("delete", self.name, filter=expression)

    def _index(self, kind, vector_dim, is_lifted):
        index_type, parameters = INDEX_TYPES[kind]
        if kind == "ivfpq":
            # A byte for four values, as in a gallery of FAISS, or the nearest number that divides the vector.
            fit = [number for number in range(1, vector_dim + 1) if vector_dim % number == 0]
            parameters = {**parameters, "m": min(fit, key=lambda number: abs(number - vector_dim / 4))}
        indexes = self._client.prepare_index_params()
        indexes.add_index("vector", index_type=index_type, metric_type=_metric(is_lifted), params=parameters)
        return indexes

    def _call(self, name, *arguments, **options):
        try:
            return getattr(self._client, name)(*arguments, timeout=CALL_SECONDS, **options)
        except self._pymilvus.MilvusException as error:
            raise self._refused(name, error) from None

    def _refused(self, name, error):
        return InputError(
            f"{self.uri}: expected Milvus to do {name} on the collection {self.name}; {_first_line(error)}"
        )


def _import_pymilvus(uri):
    # As it is imported, it configures logging, which closes all handlers that the process has; absl's closes
    # its stream with it.
    configure, logging.config.dictConfig = logging.config.dictConfig, lambda config: None
    try:
        import pymilvus
    except ImportError:
        raise InputError(
            f'{uri}: this takes pymilvus, pip install "tfsbir[milvus]"; it is not installed'
        ) from None
    finally:
        logging.config.dictConfig = configure
    return pymilvus


def _metric(is_lifted):
    return "IP" if is_lifted else "L2"


def _first_line(error):
    return (str(error.message).strip().splitlines() or [type(error).__name__])[0]
