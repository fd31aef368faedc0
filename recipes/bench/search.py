"""Ranking a gallery in memory, one query at a time, on one thread."""

import itertools

import faiss
import numpy as np

from recipes.bench.galleries import encoder_like, gallery_of, near_identity, random_photos
from recipes.bench.row import Row
from recipes.bench.timing import side_by_side
from tfsbir.retrieval import Lifting
from tfsbir.retrieval.photo_index import EF_CONSTRUCTION, EF_SEARCH, M

NUM_QUERIES = 200
FASTER_EF_SEARCH = 64  # Enough for these photos; the default is for harder ones.


def search_row(rounds):
    """The exact index against NumPy's product and sort, 20,000 photos."""
    photos = random_photos(20_000, 256)
    gallery = gallery_of(photos)
    ours, peer = side_by_side(
        lambda: gallery.search(photos[:1], 10),
        lambda: np.argsort(((photos - photos[:1]) ** 2).sum(axis=1), kind="stable")[:10],
        5 * rounds,
    )
    return Row.of_turns(
        "exact search, 20,000 photos of 256-d", ours, "NumPy: distances and stable sort", peer
    )


def holef_rows(num_photos, rounds, num_written_out=200):
    """HOLEF over a gallery: exact, against plain FAISS and against Eq. 5-6; and by HNSW, against exact.

    Args:
        num_photos: Photos of the gallery, 512-d, from `encoder_like`.
        rounds: A fifth of the turns that each side takes.
        num_written_out: Photos that Eq. 5-6 is timed on; its time is scaled to the whole gallery.
    Returns: Four `Row`s.
    """
    photos, sketches = encoder_like(num_photos, NUM_QUERIES)
    dim = photos.shape[1]
    weights = near_identity(dim)
    lifting = Lifting("holef", weights)
    exact, plain = gallery_of(photos, lifting), faiss.IndexFlatL2(dim)
    plain.add(photos)

    def one_at_a_time(search):
        queries = itertools.cycle(sketches[:, None])
        return lambda: search(next(queries))

    def search_exact():
        return one_at_a_time(lambda query: exact.search(query, 10))

    def write_out(query):
        return [outer_subtraction(query[0], photo, weights) for photo in photos[:num_written_out]]

    size = f"{num_photos:,} photos of {dim}-d"
    name = f"HOLEF, exact search, {size}"
    ours, peer = side_by_side(
        search_exact(), one_at_a_time(lambda query: plain.search(query, 10)), 5 * rounds
    )
    rows = [Row.of_turns(name, ours, "faiss.IndexFlatL2, no HOLEF", peer)]

    ours, peer = side_by_side(search_exact(), one_at_a_time(write_out), rounds)
    scale = num_photos / num_written_out
    peer_name = f"Eq. 5-6 in NumPy, {num_written_out} photos x {scale:g}"
    rows.append(Row.of_turns(name, ours, peer_name, scale * peer))

    graph = gallery_of(photos, lifting, "hnsw")
    nearest = exact.search(sketches, 10)[1]
    for ef_search in (FASTER_EF_SEARCH, EF_SEARCH):
        ours, peer = side_by_side(
            one_at_a_time(lambda query, ef=ef_search: graph.search(query, 10, ef)), search_exact(), 5 * rounds
        )
        found = graph.search(sketches, 10, ef_search)[1]
        recall = np.mean([len(np.intersect1d(*pair)) / 10 for pair in zip(found, nearest, strict=True)])
        settings = f"M {M}, efConstruction {EF_CONSTRUCTION}, efSearch {ef_search}"
        name = f"HOLEF, HNSW ({settings}), {size}"
        rows.append(Row.of_turns(name, ours, "HOLEF, exact search", peer, recall_at_10=float(recall)))
    return rows


def outer_subtraction(sketch, photo, weights):
    """Returns HOLEF's distance between two `(dim,)` embeddings as Eq. 5 and 6 of its paper write it."""
    return np.sum(np.square(sketch[:, None] - photo[None, :]) * weights)
