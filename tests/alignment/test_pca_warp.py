import numpy as np
import pytest

from tfsbir.alignment import PCAWarp


def drawn(num_sketches=40, num_photos=30, dim=5, seed=0):
    """Two clouds of other means and of covariances without a pattern."""
    rng = np.random.default_rng(seed)
    sketch = rng.normal(size=(num_sketches, dim)) @ rng.normal(size=(dim, dim)) + 3 * rng.normal(size=dim)
    photo = rng.normal(size=(num_photos, dim)) @ rng.normal(size=(dim, dim)) + 3 * rng.normal(size=dim)
    return sketch, photo


def leading(covariance, rank):
    """The covariance along its first axes, and 0 along the others."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors[:, -rank:] * values[-rank:]) @ vectors[:, -rank:].T


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_warped_sketches_have_the_mean_and_the_covariance_of_the_photos(dtype):
    sketch, photo = (points.astype(dtype) for points in drawn())
    aligner = PCAWarp().fit(sketch, photo)
    warped = aligner.transform_sketch(sketch)
    assert warped.dtype == np.float64
    assert aligner.rank == 5
    np.testing.assert_allclose(warped.mean(axis=0), photo.astype(float).mean(axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.cov(warped.T), np.cov(photo.astype(float).T), rtol=0, atol=1e-10)


def test_it_is_the_equation_with_the_signs_that_move_the_sketches_least():
    sketch, photo = drawn(dim=3)
    found = PCAWarp().fit(sketch, photo).transform_sketch(sketch)
    sketch_values, sketch_vectors = np.linalg.eigh(np.cov(sketch.T))
    photo_values, photo_vectors = np.linalg.eigh(np.cov(photo.T))
    candidates = []
    for signs in np.ndindex(2, 2, 2):
        middle = np.diag(sketch_values**-0.5) @ np.diag(1 - 2 * np.array(signs)) @ np.diag(photo_values**0.5)
        matrix = sketch_vectors @ middle @ photo_vectors.T
        candidates.append((sketch - sketch.mean(axis=0)) @ matrix + photo.mean(axis=0))
    moves = [np.sum((candidate - sketch) ** 2) for candidate in candidates]
    np.testing.assert_allclose(found, candidates[np.argmin(moves)], atol=1e-9)


def test_sketches_distributed_as_the_photos_stay():
    sketch, _ = drawn()
    aligner = PCAWarp().fit(sketch, sketch[::-1])
    np.testing.assert_allclose(aligner.transform_sketch(sketch), sketch, atol=1e-9)


def test_new_sketches_are_warped_as_the_old_and_the_way_back_is_the_inverse():
    sketch, photo = drawn()
    aligner = PCAWarp().fit(sketch, photo)
    new, _ = drawn(seed=1)
    both = aligner.transform_sketch(np.concatenate([sketch, new]))
    np.testing.assert_allclose(both[:40], aligner.transform_sketch(sketch))
    np.testing.assert_allclose(aligner.inverse_sketch(both[40:]), new, atol=1e-9)
    assert aligner.transform_sketch(np.zeros((0, 5))).shape == (0, 5)


def test_photos_stay():
    sketch, photo = drawn()
    aligner = PCAWarp().fit(sketch, photo)
    np.testing.assert_array_equal(aligner.transform_photo(photo), photo)
    np.testing.assert_array_equal(aligner.inverse_photo(photo), photo)


def test_labels_and_pairs_change_nothing():
    sketch, photo = drawn()
    expected = PCAWarp().fit(sketch, photo).transform_sketch(sketch)
    found = PCAWarp().fit(sketch, photo, np.arange(40), np.arange(30), np.array([[0, 0]]))
    np.testing.assert_array_equal(found.transform_sketch(sketch), expected)


def test_fewer_sketches_than_dimensions_get_the_photos_first_axes():
    sketch, photo = drawn(num_sketches=4, dim=8)
    aligner = PCAWarp().fit(sketch, photo)
    warped = aligner.transform_sketch(sketch)
    assert aligner.rank == 3
    np.testing.assert_allclose(warped.mean(axis=0), photo.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(np.cov(warped.T), leading(np.cov(photo.T), 3), atol=1e-8)
    np.testing.assert_allclose(aligner.inverse_sketch(warped), sketch, atol=1e-8)


def test_fewer_photos_than_dimensions_are_met_exactly():
    sketch, photo = drawn(num_photos=4, dim=8)
    aligner = PCAWarp().fit(sketch, photo)
    warped = aligner.transform_sketch(sketch)
    assert aligner.rank == 3
    np.testing.assert_allclose(warped.mean(axis=0), photo.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(np.cov(warped.T), np.cov(photo.T), atol=1e-8)
    # What the sketches have along other axes is gone for good.
    back = aligner.inverse_sketch(warped) - sketch.mean(axis=0)
    np.testing.assert_allclose(back.T @ back / 39, leading(np.cov(sketch.T), 3), atol=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_and_repeated_dimensions_are_no_axes(dtype):
    sketch, photo = drawn()
    sketch[:, 1] = 0.1
    sketch[:, 3] = sketch[:, 2]
    sketch = sketch @ np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]  # No longer exactly so.
    aligner = PCAWarp().fit(sketch.astype(dtype), photo)
    warped = aligner.transform_sketch(sketch.astype(dtype))
    assert aligner.rank == 3
    np.testing.assert_allclose(np.cov(warped.T), leading(np.cov(photo.T), 3), atol=1e-5)


@pytest.mark.parametrize("num", [1, 6])
def test_one_sketch_or_equal_ones_come_to_the_photos_mean(num):
    _, photo = drawn()
    sketch = np.full((num, 5), 0.1)
    aligner = PCAWarp().fit(sketch, photo)
    assert aligner.rank == 0
    np.testing.assert_allclose(aligner.transform_sketch(sketch), np.tile(photo.mean(axis=0), (num, 1)))
    np.testing.assert_allclose(aligner.inverse_sketch(photo), np.full((30, 5), 0.1))


def test_sketches_come_to_the_only_photo():
    sketch, photo = drawn(num_photos=1)
    warped = PCAWarp().fit(sketch, photo).transform_sketch(sketch)
    np.testing.assert_allclose(warped, np.tile(photo, (40, 1)))


def test_one_dimension_is_standardised():
    sketch, photo = np.array([[0.0], [2.0]]), np.array([[10.0], [13.0], [16.0]])
    warped = PCAWarp().fit(sketch, photo).transform_sketch(sketch)
    np.testing.assert_allclose(warped, 13 + 3 / np.sqrt(2) * np.array([[-1], [1]]))


def test_it_must_be_fitted_and_points_must_fit():
    sketch, photo = drawn()
    for name in ("transform_sketch", "transform_photo", "inverse_sketch", "inverse_photo"):
        with pytest.raises(ValueError, match=r"`fit` must be called before points are mapped"):
            getattr(PCAWarp(), name)(sketch)
        with pytest.raises(ValueError, match=r"must be \(num, 5\), as in `fit`\. Received shape: \(40, 4\)"):
            getattr(PCAWarp().fit(sketch, photo), name)(sketch[:, :4])
    with pytest.raises(ValueError, match=r"`sketch` and `photo` must have the same dim"):
        PCAWarp().fit(sketch[:, :4], photo)
    with pytest.raises(ValueError, match=r"`photo_labels` must be \(30,\)"):
        PCAWarp().fit(sketch, photo, np.zeros(40), np.zeros(40))
