import numpy as np
import pytest

from tfsbir.alignment import checks, correspondence_affinity, neighbor_affinity


def drawn(num=12, dim=3, seed=0):
    return np.random.default_rng(seed).normal(size=(num, dim))


def affinity_by_loop(points, num_neighbors, heat_scale, labels=None):
    """Eq. 5, and the mean with its transpose; not symmetric before."""
    num = len(points)
    labels = np.zeros(num) if labels is None else np.asarray(labels)
    found = np.zeros((num, num))
    for i in range(num):
        others = [j for j in range(num) if j != i and labels[j] == labels[i]]
        others.sort(key=lambda j: np.sum((points[i] - points[j]) ** 2))
        for j in others[:num_neighbors]:
            found[i, j] = np.exp(-np.sum((points[i] - points[j]) ** 2) / heat_scale)
    return (found + found.T) / 2


@pytest.mark.parametrize("dim", [3, 40])  # scikit-learn searches a tree, or all.
@pytest.mark.parametrize("num_neighbors", [1, 4, 11, 50])
def test_affinities_are_those_of_the_loop(dim, num_neighbors):
    points = drawn(dim=dim) / np.sqrt(dim)
    found = neighbor_affinity(points, num_neighbors, heat_scale=1.0)
    assert found.nnz <= 2 * len(points) * num_neighbors
    np.testing.assert_allclose(
        found.toarray(), affinity_by_loop(points, num_neighbors, 1.0), rtol=1e-9, atol=1e-12
    )


def test_it_changes_no_sum_of_the_equation():
    points = drawn()
    values = drawn(seed=1)[:, 0]
    squared = (values[:, None] - values) ** 2
    order = np.argsort(((points[:, None] - points) ** 2).sum(-1), axis=1)[:, 1:5]
    printed = sum(
        squared[i, j] * np.exp(-np.sum((points[i] - points[j]) ** 2)) for i in range(12) for j in order[i]
    )
    np.testing.assert_allclose(np.sum(neighbor_affinity(points, 4, 1.0).toarray() * squared), printed)


def test_without_a_scale_it_is_the_mean_squared_distance_of_neighbours():
    points = drawn()
    nearest = np.sort(((points[:, None] - points) ** 2).sum(-1), axis=1)[:, 1:4]
    found = neighbor_affinity(points, 3).toarray()
    np.testing.assert_allclose(found, affinity_by_loop(points, 3, nearest.mean()), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(neighbor_affinity(1000 * points, 3).toarray(), found, rtol=1e-9, atol=1e-12)


def test_neighbours_are_of_the_same_class():
    points, labels = drawn(), np.array(list("aabbbbaccccd"))
    found = neighbor_affinity(points, 2, heat_scale=1.0, labels=labels).toarray()
    np.testing.assert_allclose(found, affinity_by_loop(points, 2, 1.0, labels), rtol=1e-9, atol=1e-12)
    assert not found[labels[:, None] != labels].any()
    assert not found[-1].any()  # The only one of its class.


def test_equal_points_are_neighbours_of_each_other_and_not_of_themselves():
    found = neighbor_affinity(np.ones((5, 2)), 2).toarray()
    assert not np.diag(found).any()
    np.testing.assert_array_equal(found, found.T)
    assert set(np.unique(found)) <= {0, 0.5, 1}
    np.testing.assert_allclose(found.sum(), 10)


@pytest.mark.parametrize("labels", [None, [7]])
def test_one_point_has_no_neighbour(labels):
    found = neighbor_affinity(np.ones((1, 2)), labels=labels and np.array(labels))
    assert found.shape == (1, 1)
    assert found.sum() == 0


def test_pairs_are_marked_and_the_rest_is_zero():
    found = correspondence_affinity(np.array([[0, 2], [0, 3], [2, 3]]), 3, 4).toarray()
    np.testing.assert_array_equal(found, [[0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 1]])


def test_arguments_out_of_range_are_named():
    with pytest.raises(ValueError, match=r"`num_neighbors` must be >= 1\. Received: 0"):
        neighbor_affinity(drawn(), 0)
    with pytest.raises(ValueError, match=r"`heat_scale` must be None, or finite and > 0\. Received: 0"):
        neighbor_affinity(drawn(), 3, heat_scale=0)
    with pytest.raises(ValueError, match=r"must be None, or finite and > 0\. Received: inf"):
        neighbor_affinity(drawn(), 3, heat_scale=np.inf)
    with pytest.raises(
        ValueError,
        match=r"`heat_scale` must be large enough for some affinity to be > 0\. Received: 1\.0, where the "
        r"nearest neighbours' squared distance is 1e\+04",
    ):
        neighbor_affinity(np.array([[0.0], [100.0], [200.0]]), 1, heat_scale=1.0)


SKETCH, PHOTO = np.zeros((3, 2)), np.zeros((4, 2))


@pytest.mark.parametrize(
    ("sketch", "photo", "message"),
    [
        (np.zeros(3), PHOTO, r"`sketch` must be \(num, dim\)\. Received shape: \(3,\)"),
        (SKETCH, np.zeros((0, 2)), r"`photo` must not be empty\. Received shape: \(0, 2\)"),
        (SKETCH, np.full((4, 2), np.inf), r"`photo` must be finite\. Received: NaN or infinity"),
        (SKETCH, np.zeros((4, 3)), r"must have the same dim\. Received shapes: \(3, 2\) and \(4, 3\)"),
    ],
)
def test_embeddings_that_do_not_fit_are_named(sketch, photo, message):
    with pytest.raises(ValueError, match=message):
        checks.checked_embeddings(sketch, photo)


@pytest.mark.parametrize(
    ("sketch_labels", "photo_labels", "message"),
    [
        ([0, 0, 1], None, r"must be given together\. Received: `sketch_labels` without `photo_labels`"),
        (None, [0] * 4, r"must be given together\. Received: `photo_labels` without `sketch_labels`"),
        ([0, 0, 1], [0] * 3, r"`photo_labels` must be \(4,\), one a photo\. Received shape: \(3,\)"),
        (
            [[0], [0], [1]],
            [0] * 4,
            r"`sketch_labels` must be \(3,\), one a sketch\. Received shape: \(3, 1\)",
        ),
    ],
)
def test_labels_that_do_not_fit_are_named(sketch_labels, photo_labels, message):
    with pytest.raises(ValueError, match=message):
        checks.checked_labels(sketch_labels, photo_labels, 3, 4)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (None, r"`pairs` must be given: this aligner learns from correspondences\. Received: None"),
        (np.zeros((0, 2), int), r"with at least one pair\. Received shape: \(0, 2\)"),
        (np.zeros((2, 3), int), r"`pairs` must be \(num_pairs, 2\).* Received shape: \(2, 3\)"),
        ([[0, 0], [3, 0]], r"must index 3 sketches and 4 photos\. Received: \[3, 0\] in row 1"),
        ([[0, -1]], r"Received: \[0, -1\] in row 0"),
        (
            [[0, 0], [2, 0]],
            r"`pairs` must join a sketch and a photo of the same class\. Received: \[2, 0\] in row 1, of the "
            r"classes 1 and 0",
        ),
    ],
)
def test_pairs_that_do_not_fit_are_named(pairs, message):
    labels = checks.checked_labels([0, 0, 1], [0, 0, 1, 1], 3, 4)
    with pytest.raises(ValueError, match=message):
        checks.checked_pairs(pairs, *labels, 3, 4)


def test_pairs_must_be_integers():
    with pytest.raises(TypeError, match=r"`pairs` must be of integers\. Received: float64"):
        checks.checked_pairs([[0.0, 1.0]], None, None, 3, 4)


def test_pairs_are_sorted_and_each_is_there_once():
    found = checks.checked_pairs([[2, 1], [0, 3], [2, 1], [0, 1]], None, None, 3, 4)
    np.testing.assert_array_equal(found, [[0, 1], [0, 3], [2, 1]])
