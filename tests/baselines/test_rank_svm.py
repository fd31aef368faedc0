import numpy as np
import pytest
from sklearn.svm import LinearSVC

from tfsbir.baselines import RankSVM, rank_svm
from tfsbir.metrics import triplet_accuracy


def drawn(num_sketches=5, num_photos=7, dim=6, num_triplets=40, seed=0):
    """Features, and triplets told by a distance in which dimension 0 counts ten times."""
    rng = np.random.default_rng(seed)
    sketches = rng.normal(size=(num_sketches, dim)).astype(np.float32)
    photos = rng.normal(size=(num_photos, dim)).astype(np.float32)
    weights = np.array([10.0] + [1.0] * (dim - 1))
    sketch = rng.integers(num_sketches, size=num_triplets)
    closer = rng.integers(num_photos, size=num_triplets)
    farther = (closer + 1 + rng.integers(num_photos - 1, size=num_triplets)) % num_photos
    for row in range(num_triplets):
        near, far = (np.abs(sketches[sketch[row]] - photos[[closer[row], farther[row]]]) * weights).sum(1)
        if near > far:
            closer[row], farther[row] = farther[row], closer[row]
    return sketches, photos, np.stack([sketch, closer, farther], axis=1)


def differences(sketches, photos, triplets):
    """The rows as the equation has them."""
    return np.array([
        np.abs(sketches[s].astype(float) - photos[f]) - np.abs(sketches[s].astype(float) - photos[c])
        for s, c, f in triplets
    ])  # fmt: skip


def root_mean_square(rows):
    return np.sqrt(np.mean(np.sum(np.square(rows), axis=1)))


def linear_svm(rows, C):  # noqa: N803
    """scikit-learn on each row and its negative."""
    machine = LinearSVC(
        C=C / (2 * len(rows)), loss="squared_hinge", dual=False, fit_intercept=False, tol=1e-8,
        max_iter=100000,
    )  # fmt: skip
    signs = np.repeat([1, -1], len(rows))
    return machine.fit(np.concatenate([rows, -rows]), signs).coef_[0]


def direction(weights):
    return weights / np.linalg.norm(weights)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of dimensions so small that there are several of them."""
    monkeypatch.setattr(rank_svm, "BLOCK", 5)


@pytest.mark.parametrize("dim", [6, 100])  # Fewer dimensions than pairs, and more.
@pytest.mark.parametrize("C", [0.3, 30.0])
@pytest.mark.usefixtures("small_blocks")
def test_the_bare_machine_is_the_linear_svm_on_all_differences(dim, C):  # noqa: N803
    sketches, photos, triplets = drawn(dim=dim)
    found = RankSVM(C, prior=0.0).fit(sketches, photos, triplets)
    rows = differences(sketches, photos, triplets)
    expected = linear_svm(rows / root_mean_square(rows), C) / root_mean_square(rows)
    np.testing.assert_allclose(found.weights, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("dim", [6, 100])
@pytest.mark.usefixtures("small_blocks")
def test_the_prior_is_the_plain_distance_as_one_more_feature(dim):
    sketches, photos, triplets = drawn(dim=dim)
    found = RankSVM(10.0, prior=3.0).fit(sketches, photos, triplets)
    rows = differences(sketches, photos, triplets)
    plain = rows.sum(axis=1, keepdims=True)
    length, scale = root_mean_square(rows), 3.0 / root_mean_square(plain)
    solution = linear_svm(np.concatenate([rows / length, scale * plain], axis=1), 10.0)
    expected = solution[:-1] / length + scale * solution[-1]
    np.testing.assert_allclose(found.weights, expected, atol=2e-3 * np.abs(expected).max())


def test_one_triplet_has_the_solution_of_the_equation():
    # |1 - 4| - |1 - 3| = 1 in the first dimension, 0 in the second: w^2 / 2 + C max(0, 1 - w)^2 is least at
    # w = 2 C / (1 + 2 C).
    found = RankSVM(C=2.0, prior=0.0).fit([[1, 0]], [[3, 5], [4, 5]], np.array([[0, 0, 1]]))
    np.testing.assert_allclose(found.weights, [0.8, 0], atol=1e-4)
    np.testing.assert_allclose(found.distances([[0, 0]], [[1, 9], [-2, 9]]), [[0.8, 1.6]], atol=1e-3)


def test_a_large_prior_and_a_small_c_are_the_plain_distance():
    sketches, photos, triplets = drawn(dim=100)
    found = RankSVM(C=1e-6, prior=1e3).fit(sketches, photos, triplets)
    np.testing.assert_allclose(direction(found.weights), direction(np.ones(100)), atol=1e-4)


def test_it_finds_the_dimension_that_counts():
    sketches, photos, triplets = drawn(num_sketches=20, num_photos=20, num_triplets=600)
    found = RankSVM(C=100.0).fit(sketches, photos, triplets)
    assert np.argmax(found.weights) == 0
    assert found.weights[0] > 4 * np.abs(found.weights[1:]).max()
    plain = RankSVM()
    plain.weights = np.ones(6, np.float32)
    assert triplet_accuracy(found.distances(sketches, photos), triplets) > 0.98
    assert triplet_accuracy(plain.distances(sketches, photos), triplets) < 0.95


def test_distances_are_those_of_a_loop():
    sketches, photos, _ = drawn()
    machine = RankSVM()
    machine.weights = np.arange(-2, 4, dtype=np.float32)
    found = machine.distances(sketches, photos)
    assert found.dtype == np.float32
    for sketch in range(len(sketches)):
        for photo in range(len(photos)):
            expected = sum(machine.weights[i] * abs(sketches[sketch, i] - photos[photo, i]) for i in range(6))
            assert abs(found[sketch, photo] - expected) < 1e-5


def test_a_repeated_triplet_counts_twice_and_their_number_alone_does_not():
    sketches, photos, triplets = drawn()
    once = RankSVM().fit(sketches, photos, triplets).weights
    np.testing.assert_allclose(
        RankSVM().fit(sketches, photos, np.repeat(triplets, 3, axis=0)).weights, once, rtol=1e-3, atol=1e-4
    )
    uneven = np.concatenate([triplets, triplets[:1], triplets[:1]])
    found = RankSVM(prior=0.0).fit(sketches, photos, uneven).weights
    rows = differences(sketches, photos, uneven)
    expected = linear_svm(rows / root_mean_square(rows), 10.0) / root_mean_square(rows)
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_people_who_contradict_each_other_leave_the_weights_at_zero():
    sketches, photos, triplets = drawn()
    both = np.concatenate([triplets, triplets[:, [0, 2, 1]]])
    np.testing.assert_allclose(RankSVM().fit(sketches, photos, both).weights, 0, atol=1e-4)


def test_the_same_triplets_in_another_order_give_the_same_weights():
    sketches, photos, triplets = drawn(dim=100)
    first, second = (RankSVM().fit(sketches, photos, rows).weights for rows in (triplets, triplets[::-1]))
    np.testing.assert_array_equal(first, second)


def test_arguments_out_of_range_are_named():
    with pytest.raises(ValueError, match=r"`C` must be > 0\. Received: 0"):
        RankSVM(C=0)
    with pytest.raises(ValueError, match=r"`prior` must be >= 0\. Received: -1"):
        RankSVM(prior=-1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"sketches": np.zeros(3)},
            r"`sketch_features` must be \(num, dim\), not empty\. Received shape: \(3,\)",
        ),
        ({"photos": np.zeros((0, 6))}, r"`photo_features` must be .* Received shape: \(0, 6\)"),
        ({"photos": np.zeros((7, 5))}, r"must have the same dim\. Received shapes: \(5, 6\) and \(7, 5\)"),
        ({"photos": np.full((7, 6), np.nan)}, r"`photo_features` must be finite\. Received: NaN or infinity"),
        ({"photos": np.ones((7, 6))}, r"`triplets` must compare photos whose features differ"),
        ({"triplets": np.zeros((0, 3), int)}, r"with at least one triplet\. Received shape: \(0, 3\)"),
        ({"triplets": np.zeros((4, 2), int)}, r"must be \(num_triplets, 3\).*Received shape: \(4, 2\)"),
        (
            {"triplets": np.array([[0, 1, 2], [5, 0, 1]])},
            r"index 5 sketches and 7 photos\. Received: \[5, 0, 1\] in row 1",
        ),
        ({"triplets": np.array([[0, -1, 2]])}, r"Received: \[0, -1, 2\] in row 0"),
    ],
)
def test_what_does_not_fit_together_is_named(change, message):
    given = {**dict(zip(("sketches", "photos", "triplets"), drawn(), strict=True)), **change}
    with pytest.raises(ValueError, match=message):
        RankSVM().fit(given["sketches"], given["photos"], given["triplets"])


def test_triplets_must_be_integers():
    sketches, photos, triplets = drawn()
    with pytest.raises(TypeError, match=r"`triplets` must be of integers\. Received: float64"):
        RankSVM().fit(sketches, photos, triplets.astype(float))


def test_distances_need_weights_of_that_length():
    sketches, photos, triplets = drawn()
    with pytest.raises(ValueError, match=r"`fit` must be called first, or `weights` set\. Received: neither"):
        RankSVM().distances(sketches, photos)
    machine = RankSVM().fit(sketches, photos, triplets)
    with pytest.raises(ValueError, match=r"must be of 6 dimensions, as there are weights\. Received: 3"):
        machine.distances(sketches[:, :3], photos[:, :3])
