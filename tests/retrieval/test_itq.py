"""Binary codes against iterative quantization written from its paper."""

import faiss
import numpy as np
import pytest

from tfsbir import metrics
from tfsbir.distances import Hamming
from tfsbir.retrieval import ITQ


def clustered(num, dim=24, num_classes=6, seed=0):
    """Returns embeddings in clusters, away from the origin, and their labels."""
    random = np.random.default_rng(seed)
    centers = np.random.default_rng(9).normal(size=(num_classes, dim))
    labels = np.arange(num) % num_classes
    return (3 + centers[labels] + 0.7 * random.normal(size=(num, dim))).astype("float32"), labels


def written_out(embeddings, num_bits, seed, num_iterations):
    """Returns mean and matrix by Sec. 2 of the paper: eigenvectors, then Procrustes by a decomposition."""
    mean = embeddings.astype(float).mean(axis=0)
    centered = embeddings - mean
    values, vectors = np.linalg.eigh(centered.T @ centered)
    axes = vectors[:, np.argsort(-values)[:num_bits]]
    # An axis and its negative are both right; as scikit-learn, make the largest entry positive.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), range(num_bits)])
    projected = centered @ axes
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(num_bits, num_bits)))
    for _ in range(num_iterations):
        corners = np.where(projected @ rotation >= 0, 1, -1)
        left, _, right = np.linalg.svd(corners.T @ projected)  # B^T V = S Omega S_hat^T; R = S_hat S^T.
        rotation = right.T @ left.T
    return mean, axes @ rotation


def loss(itq, embeddings):
    """Returns the quantization loss, |B - V R|^2 for an embedding."""
    rotated = (embeddings - itq.mean) @ itq.matrix
    return np.square(np.where(rotated >= 0, 1, -1) - rotated).sum(axis=1).mean()


@pytest.mark.parametrize("num_bits", [8, 16, 24])
def test_it_is_the_paper_s_algorithm(num_bits):
    embeddings, _ = clustered(300)
    itq = ITQ(num_bits, seed=3, num_iterations=7).fit(embeddings)
    mean, matrix = written_out(embeddings, num_bits, 3, 7)
    np.testing.assert_allclose(itq.mean, mean, atol=1e-12)
    np.testing.assert_allclose(itq.matrix, matrix, atol=1e-8)
    np.testing.assert_allclose(itq.matrix.T @ itq.matrix, np.eye(num_bits), atol=1e-12)
    bits = (embeddings - mean) @ matrix >= 0
    np.testing.assert_array_equal(np.unpackbits(itq.transform(embeddings), axis=1), bits)
    assert itq.transform(embeddings).shape == (300, num_bits // 8)


def test_turns_lower_the_loss_and_end_no_higher_than_faiss():
    embeddings, _ = clustered(600)
    losses = [loss(ITQ(16, num_iterations=turns).fit(embeddings), embeddings) for turns in (1, 2, 5, 20, 50)]
    assert np.all(np.diff(losses) < 0)
    peer = faiss.ITQMatrix(16)
    axes, _, _ = np.linalg.svd(np.cov(embeddings.T))
    projected = ((embeddings - embeddings.mean(axis=0)) @ axes[:, :16]).astype("float32")
    peer.train(projected)
    rotated = peer.apply(projected)
    # Both end in one of many minima.
    assert losses[-1] < 1.02 * np.square(np.where(rotated >= 0, 1, -1) - rotated).sum(axis=1).mean()


def test_the_seed_chooses_the_rotation_and_nothing_else_does():
    embeddings, _ = clustered(200)
    first, again, other = (ITQ(16, seed).fit(embeddings) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.matrix, again.matrix)
    assert np.any(first.transform(embeddings) != other.transform(embeddings))


def test_codes_of_new_embeddings_find_their_class_in_a_binary_index():
    """And an index, which counts bits, finds what the metrics rank."""
    itq = ITQ(24).fit(clustered(300)[0])
    (sketch, sketch_labels), (photo, photo_labels) = clustered(40, seed=1), clustered(90, seed=2)
    sketch_codes, photo_codes = itq.transform(sketch), itq.transform(photo)
    index = faiss.IndexBinaryFlat(24)
    index.add(photo_codes)
    distances, _ = index.search(sketch_codes, len(photo))
    expected = np.asarray(Hamming().pairwise(sketch_codes, photo_codes))
    np.testing.assert_array_equal(distances, np.sort(expected, axis=1))
    found = metrics.category_metrics(
        sketch_codes, photo_codes, sketch_labels, photo_labels, (5,), distance=Hamming()
    )
    relevant = sketch_labels[:, None] == photo_labels
    for convention in metrics.CONVENTIONS:
        np.testing.assert_array_equal(
            found.per_query[f"mAP@5/{convention}"],
            metrics.average_precision(expected, relevant, 5, convention),
        )
    assert found.means()["mAP@all"] > 0.9


def test_embeddings_of_few_dimensions_of_their_own_and_none_at_all():
    """They lie in a plane; the other axes are as good as any, and codes repeat."""
    plane = np.random.default_rng(0).normal(size=(50, 2)) @ np.random.default_rng(1).normal(size=(2, 8))
    itq = ITQ(8).fit(plane)
    assert 2 <= len(np.unique(itq.transform(plane))) < 50
    assert itq.transform(plane[:0]).shape == (0, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ITQ(12), r"`num_bits` must be a multiple of 8, and >= 8\. Received: 12"),
        (lambda: ITQ(0), r"`num_bits` must be a multiple of 8, and >= 8\. Received: 0"),
        (lambda: ITQ(8, num_iterations=0), r"`num_iterations` must be >= 1\. Received: 0"),
        (lambda: ITQ(8).fit(np.ones(8)), r"`embeddings` must be \(num, dim\)\. Received shape: \(8,\)"),
        (
            lambda: ITQ(16).fit(np.ones((20, 8))),
            r"`embeddings` must have 16 rows and columns or more, as many as `num_bits`\. .*\(20, 8\)",
        ),
        (lambda: ITQ(16).fit(np.ones((8, 20))), r"must have 16 rows and columns or more, .*\(8, 20\)"),
        (
            lambda: ITQ(8).fit(np.full((9, 8), np.nan)),
            r"`embeddings` must be finite\. Received: 72 of 72 values that are not",
        ),
        (
            lambda: ITQ(8).transform(np.ones((1, 8))),
            r"`fit` must be called before `transform`\. Received: no",
        ),
        (
            lambda: ITQ(8).fit(np.eye(9)).transform(np.ones((2, 8))),
            r"`embeddings` must be \(num, 9\), as in `fit`\. Received shape: \(2, 8\)",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
