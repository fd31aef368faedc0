import numpy as np
import pytest

from tfsbir.alignment import LinearTransform


def drawn(num_sketches=9, num_photos=8, dim=4, num_pairs=6, seed=0):
    """Two clouds, and pairs of them: some sketches have many photos, some photos many sketches."""
    rng = np.random.default_rng(seed)
    pairs = np.stack([rng.integers(num_sketches, size=50), rng.integers(num_photos, size=50)], axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    pairs = pairs[np.sort(first)[:num_pairs]]
    return rng.normal(size=(num_sketches, dim)), rng.normal(size=(num_photos, dim)) + 2, pairs


def descended(sketch, photo, pairs, weight, rate=0.1):
    """The minimum of Eq. 2 as gradient descent from the identity finds it."""
    dim, (sketch, photo) = sketch.shape[1], (sketch[pairs[:, 0]], photo[pairs[:, 1]])
    matrix, bias = np.eye(dim), np.zeros(dim)
    for _ in range(100_000):
        error = sketch @ matrix + bias - photo
        matrix_slope = sketch.T @ error / len(pairs) + weight * (matrix - np.eye(dim))
        bias_slope = error.mean(axis=0)
        if max(np.abs(matrix_slope).max(), np.abs(bias_slope).max()) < 1e-10:
            return matrix, bias
        matrix, bias = matrix - rate * matrix_slope, bias - rate * bias_slope
    raise AssertionError("Gradient descent did not arrive.")


def cost(sketch, photo, pairs, weight, matrix, bias):
    errors = [np.sum((sketch[i] @ matrix + bias - photo[j]) ** 2) for i, j in pairs]
    return np.sum(errors) / (2 * len(pairs)) + weight / 2 * np.sum((matrix - np.eye(len(matrix))) ** 2)


@pytest.mark.parametrize("num_pairs", [1, 3, 12])  # Fewer than dimensions, and more.
@pytest.mark.parametrize("weight", [0.1, 0.5])
def test_the_closed_form_is_where_gradient_descent_ends(num_pairs, weight):
    sketch, photo, pairs = drawn(num_pairs=num_pairs)
    found = LinearTransform(weight).fit(sketch, photo, pairs=pairs)
    matrix, bias = descended(sketch, photo, pairs, weight)
    np.testing.assert_allclose(found.matrix, matrix, atol=1e-6)
    np.testing.assert_allclose(found.bias, bias, atol=1e-6)


def test_every_step_away_from_it_costs():
    sketch, photo, pairs = drawn()
    found = LinearTransform().fit(sketch, photo, pairs=pairs)
    least = cost(sketch, photo, pairs, 0.5, found.matrix, found.bias)
    rng = np.random.default_rng(1)
    for _ in range(20):
        step, bias_step = 1e-3 * rng.normal(size=(4, 4)), 1e-3 * rng.normal(size=4)
        assert cost(sketch, photo, pairs, 0.5, found.matrix + step, found.bias + bias_step) > least


def test_lambda_is_a_half():
    assert LinearTransform().regularization_weight == 0.5


def test_a_large_weight_leaves_the_translation_of_the_pairs():
    sketch, photo, pairs = drawn()
    found = LinearTransform(1e9).fit(sketch, photo, pairs=pairs)
    np.testing.assert_allclose(found.matrix, np.eye(4), atol=1e-7)
    move = (photo[pairs[:, 1]] - sketch[pairs[:, 0]]).mean(axis=0)
    np.testing.assert_allclose(found.transform_sketch(sketch), sketch + move, atol=1e-6)


def test_a_small_weight_finds_a_known_map():
    rng = np.random.default_rng(0)
    sketch, matrix = rng.normal(size=(50, 4)), rng.normal(size=(4, 4))
    photo = sketch @ matrix + 3
    pairs = np.stack([np.arange(20)] * 2, axis=1)
    found = LinearTransform(1e-9).fit(sketch, photo, pairs=pairs)
    np.testing.assert_allclose(found.transform_sketch(sketch[20:]), photo[20:], atol=1e-6)
    np.testing.assert_allclose(found.inverse_sketch(photo[20:]), sketch[20:], atol=1e-6)


def test_the_way_back_is_the_inverse_and_photos_stay():
    sketch, photo, pairs = drawn()
    found = LinearTransform().fit(sketch, photo, pairs=pairs)
    mapped = found.transform_sketch(sketch)
    assert mapped.dtype == np.float64
    np.testing.assert_allclose(mapped, sketch @ found.matrix + found.bias)
    np.testing.assert_allclose(found.inverse_sketch(mapped), sketch, atol=1e-9)
    np.testing.assert_array_equal(found.transform_photo(photo), photo)
    np.testing.assert_array_equal(found.inverse_photo(photo), photo)


def test_the_way_back_through_a_singular_map_is_the_shortest():
    # In the first dimension (w + 1)^2 / 2 + (w - 1)^2 / 2 is least at 0; of the second the pairs say nothing.
    sketch, photo = np.array([[-1.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [-1.0, 0.0]])
    found = LinearTransform(1.0).fit(sketch, photo, pairs=np.array([[0, 0], [1, 1]]))
    np.testing.assert_allclose(found.matrix, [[0, 0], [0, 1]], atol=1e-12)
    np.testing.assert_allclose(found.inverse_sketch([[5.0, 2.0]]), [[0, 2]], atol=1e-9)


def test_one_dimension():
    # Of one pair only the translation is known.
    found = LinearTransform().fit([[1.0], [7.0]], [[3.0]], pairs=np.array([[0, 0]]))
    np.testing.assert_allclose(found.transform_sketch([[1.0], [7.0]]), [[3], [9]])


def test_order_and_repetition_of_pairs_and_what_is_not_paired_change_nothing():
    sketch, photo, pairs = drawn()
    expected = LinearTransform().fit(sketch, photo, pairs=pairs)
    repeated = np.concatenate([pairs[::-1], pairs[:2]])
    more = np.concatenate([sketch, 100 * sketch])
    found = LinearTransform().fit(more, photo, np.zeros(18), np.zeros(8), repeated)
    np.testing.assert_array_equal(found.matrix, expected.matrix)
    np.testing.assert_array_equal(found.bias, expected.bias)


def test_what_does_not_fit_is_named():
    sketch, photo, pairs = drawn()
    for weight in (0, -1, np.inf, np.nan):
        with pytest.raises(ValueError, match=rf"must be finite and > 0\. Received: {weight}"):
            LinearTransform(weight)
    with pytest.raises(ValueError, match=r"`pairs` must be given.* Received: None"):
        LinearTransform().fit(sketch, photo)
    with pytest.raises(ValueError, match=r"must join a sketch and a photo of the same class"):
        LinearTransform().fit(sketch, photo, np.zeros(9), np.ones(8), pairs)
    with pytest.raises(ValueError, match=r"`fit` must be called before points are mapped"):
        LinearTransform().transform_sketch(sketch)
    with pytest.raises(ValueError, match=r"`z` must be \(num, 4\), as in `fit`\. Received shape: \(9, 3\)"):
        LinearTransform().fit(sketch, photo, pairs=pairs).inverse_sketch(sketch[:, :3])
