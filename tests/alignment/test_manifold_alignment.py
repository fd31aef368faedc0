"""Manifold alignment: its solution against dense matrices, what changes it, and what it refuses."""

import numpy as np
import pytest

from tests.alignment.made_pairs import drawn, one_to_one, rotation
from tfsbir.alignment import ManifoldAlignment


def affinity_by_loop(points, num_neighbors, heat_scale):
    """Eq. 5, made symmetric."""
    squared = np.array([[np.sum((a - b) ** 2) for b in points] for a in points])
    nearest = np.argsort(squared + np.diag(np.full(len(points), np.inf)), axis=1)[:, :num_neighbors]
    if heat_scale is None:
        heat_scale = np.mean([squared[i, j] for i in range(len(points)) for j in nearest[i]])
    found = np.zeros_like(squared)
    for i in range(len(points)):
        for j in nearest[i]:
            found[i, j] = np.exp(-squared[i, j] / heat_scale)
    return (found + found.T) / 2


def dense_problem(sketch, photo, pairs, num_neighbors, heat_scale, correspondence_weight, is_balanced):
    """All of Z, W, D and L, as dense matrices."""
    num_sketches, (num_photos, dim) = len(sketch), photo.shape
    within = [affinity_by_loop(points, num_neighbors, heat_scale) for points in (sketch, photo)]
    distinct = {(int(i), int(j)) for i, j in pairs}
    pair_weight = correspondence_weight / 2
    if is_balanced:
        pair_weight *= (within[0].sum() + within[1].sum()) / len(distinct)
    affinity = np.zeros((num_sketches + num_photos,) * 2)
    affinity[:num_sketches, :num_sketches], affinity[num_sketches:, num_sketches:] = within
    for i, j in distinct:
        affinity[i, num_sketches + j] = affinity[num_sketches + j, i] = pair_weight
    points = np.zeros((num_sketches + num_photos, 2 * dim))
    points[:num_sketches, :dim] = sketch - sketch.mean(axis=0)
    points[num_sketches:, dim:] = photo - photo.mean(axis=0)
    degree = np.diag(affinity.sum(axis=1))
    return points, affinity, degree, degree - affinity


@pytest.mark.parametrize("heat_scale", [None, 1.0, 20.0])
@pytest.mark.parametrize("is_balanced", [True, False])
def test_it_solves_the_dense_problem(heat_scale, is_balanced):
    sketch, photo, pairs = drawn()
    aligner = ManifoldAlignment(3, 4, heat_scale, 2.0, 0.01, is_balanced).fit(sketch, photo, pairs=pairs)
    points, _, degree, laplacian = dense_problem(sketch, photo, pairs, 4, heat_scale, 2.0, is_balanced)
    spread = points.T @ degree @ points
    cost = points.T @ laplacian @ points + 0.01 * np.trace(spread) / 6 * np.eye(6)
    maps = np.concatenate([aligner.sketch_map, aligner.photo_map])
    np.testing.assert_allclose(cost @ maps, spread @ maps * aligner.eigenvalues, atol=1e-8)
    all_eigenvalues = np.sort(np.linalg.eigvals(np.linalg.solve(spread, cost)).real)
    np.testing.assert_allclose(aligner.eigenvalues, all_eigenvalues[:3], rtol=1e-8)
    # Coordinates are uncorrelated, and have a mean square of 1, by the weights D.
    common = np.concatenate([aligner.transform_sketch(sketch), aligner.transform_photo(photo)])
    np.testing.assert_allclose(common.T @ degree @ common / np.trace(degree), np.eye(3), atol=1e-9)


@pytest.mark.parametrize("weight", [2.0, 0.3])
def test_eigenvalues_are_the_cost_of_the_paper(weight):
    sketch, photo, pairs = drawn()
    aligner = ManifoldAlignment(3, 4, 1.0, weight, 0.01, is_balanced=False).fit(sketch, photo, pairs=pairs)
    points, _, degree, _ = dense_problem(sketch, photo, pairs, 4, 1.0, weight, is_balanced=False)
    domains = [aligner.transform_sketch(sketch), aligner.transform_photo(photo)]
    # Eq. 4: it has all ordered pairs of neighbours, where who is whose neighbour is not symmetric.
    geometry = np.zeros(3)
    for original, mapped in zip((sketch, photo), domains, strict=True):
        for i in range(len(original)):
            squared = np.sum((original - original[i]) ** 2, axis=1)
            for j in np.argsort(squared)[1:5]:
                geometry += (mapped[i] - mapped[j]) ** 2 * np.exp(-squared[j])
    # Eq. 6 and 7.
    correspondence = np.zeros(3)
    for i, j in np.unique(pairs, axis=0):
        correspondence += (domains[0][i] - domains[1][j]) ** 2
    maps = np.concatenate([aligner.sketch_map, aligner.photo_map])
    penalty = 0.01 * np.trace(points.T @ degree @ points) / 6 * np.sum(maps**2, axis=0)
    found = ((geometry + weight * correspondence) / 2 + penalty) / np.trace(degree)
    np.testing.assert_allclose(found, aligner.eigenvalues, rtol=1e-8)


def test_the_cost_alone_has_no_trivial_solution():
    # The constant, of cost 0, is no linear map of centred points: the least cost is well above 0.
    points, _, degree, laplacian = dense_problem(*drawn(), 4, None, 2.0, True)
    spread, cost = (points.T @ matrix @ points for matrix in (degree, laplacian))
    assert np.linalg.eigvals(np.linalg.solve(spread, cost)).real.min() > 1e-3
    np.testing.assert_allclose(laplacian @ np.ones(len(points)), 0, atol=1e-12)


def test_scale_and_origin_of_the_embeddings_and_order_of_the_pairs_change_nothing():
    sketch, photo, pairs = drawn()
    expected = ManifoldAlignment(3).fit(sketch, photo, pairs=pairs)
    found = ManifoldAlignment(3).fit(100 * sketch + 7, 100 * photo - 9, pairs=np.unique(pairs, axis=0)[::-1])
    np.testing.assert_allclose(found.eigenvalues, expected.eigenvalues)
    np.testing.assert_allclose(
        found.transform_sketch(100 * sketch + 7), expected.transform_sketch(sketch), atol=1e-8
    )
    np.testing.assert_allclose(
        found.transform_photo(100 * photo - 9), expected.transform_photo(photo), atol=1e-8
    )


def test_the_largest_entry_of_a_map_is_positive_and_the_eigenvalues_ascend():
    for seed in range(5):
        aligner = ManifoldAlignment(3).fit(*drawn(seed=seed)[:2], pairs=drawn()[2])
        maps = np.concatenate([aligner.sketch_map, aligner.photo_map])
        assert (maps.max(axis=0) == np.abs(maps).max(axis=0)).all()
        assert (np.diff(aligner.eigenvalues) > 0).all()
        assert aligner.eigenvalues[0] > 0


def test_there_are_no_more_dimensions_than_half_of_those_in_pairs_or_than_the_samples_have():
    sketch, photo, pairs = drawn(dim=9)  # Of six sketches and seven photos.
    assert ManifoldAlignment(7).fit(sketch, photo, pairs=pairs).eigenvalues.shape == (3,)
    assert ManifoldAlignment(7).fit(sketch, photo, pairs=pairs[:3]).eigenvalues.shape == (1,)
    assert ManifoldAlignment(2).fit(sketch, photo, pairs=pairs).sketch_map.shape == (9, 2)
    assert ManifoldAlignment(99).fit(sketch, photo, pairs=one_to_one(11)).photo_map.shape == (9, 5)
    of_three = ManifoldAlignment(99).fit(sketch[:, :3], photo[:, :3], pairs=one_to_one(11))
    assert of_three.photo_map.shape == (3, 3)
    flat = np.eye(2, 9)  # Both domains vary in two dimensions.
    aligner = ManifoldAlignment(99).fit(sketch[:, :2] @ flat, photo[:, :2] @ flat, pairs=one_to_one(11))
    assert aligner.photo_map.shape == (9, 4)


def test_many_sketches_of_two_photos_lead_no_centre_far_off():
    rng = np.random.default_rng(0)
    sketch, photo = 0.1 * rng.normal(size=(2, 200, 32))
    sketch[:100] += 0.2 * rng.normal(size=32)
    photo = photo[:15]
    pairs = np.stack([np.arange(16), np.arange(16) // 8], axis=1)
    aligner = ManifoldAlignment().fit(sketch, photo, pairs=pairs)
    farthest = np.linalg.norm(photo - photo.mean(axis=0), axis=1).max()
    found = aligner.inverse_photo(aligner.transform_sketch(sketch))
    assert np.linalg.norm(found - photo.mean(axis=0), axis=1).max() < 3 * farthest


@pytest.mark.parametrize("dim", [2, 5])
def test_the_way_back_comes_to_the_same_point(dim):
    sketch, photo, _ = drawn(dim=5)
    aligner = ManifoldAlignment(dim).fit(sketch, photo, pairs=one_to_one(11))
    points = np.random.default_rng(1).normal(size=(4, dim))
    sketch_back, photo_back = aligner.inverse_sketch(points), aligner.inverse_photo(points)
    assert sketch_back.shape == photo_back.shape == (4, 5)
    np.testing.assert_allclose(aligner.transform_sketch(sketch_back), points, atol=1e-9)
    np.testing.assert_allclose(aligner.transform_photo(photo_back), points, atol=1e-9)
    if dim == 5:
        np.testing.assert_allclose(aligner.inverse_sketch(aligner.transform_sketch(sketch)), sketch)


def test_a_centroid_comes_back_as_what_regression_expects():
    sketch, photo, pairs = drawn(num_sketches=60, dim=5)
    aligner = ManifoldAlignment(2).fit(sketch, photo, pairs=pairs)
    common = aligner.transform_sketch(sketch)
    inputs = np.concatenate([common, np.ones((60, 1))], axis=1)
    slopes, *_ = np.linalg.lstsq(inputs, sketch)
    np.testing.assert_allclose(aligner.inverse_sketch(common), inputs @ slopes, atol=1e-9)
    np.testing.assert_allclose(aligner.inverse_sketch(np.zeros((1, 2))), [sketch.mean(axis=0)], atol=1e-9)


def test_only_the_own_class_has_neighbours():
    sketch, photo, pairs = drawn()
    mixed = ManifoldAlignment(3, 4).fit(sketch, photo, np.arange(14) % 2, np.arange(11) % 2, [[0, 0], [1, 1]])
    assert (
        np.abs(
            mixed.sketch_map - ManifoldAlignment(3, 4).fit(sketch, photo, pairs=[[0, 0], [1, 1]]).sketch_map
        ).max()
        > 1e-3
    )
    # Far apart, classes have only their own as neighbours anyway.
    sketch_labels, photo_labels = np.arange(28) // 14, np.arange(22) // 11
    both = np.concatenate([sketch, sketch + 1000]), np.concatenate([photo, photo + 1000])
    pairs = np.concatenate([pairs, pairs + np.array([14, 11])])
    plain = ManifoldAlignment(3, 4).fit(*both, pairs=pairs)
    labelled = ManifoldAlignment(3, 4).fit(*both, sketch_labels, photo_labels, pairs)
    np.testing.assert_array_equal(plain.sketch_map, labelled.sketch_map)


def test_one_sketch_lies_at_the_origin_and_comes_back():
    _, photo, _ = drawn(dim=5)
    sketch = np.full((1, 5), 0.1)
    aligner = ManifoldAlignment(3).fit(sketch, photo, pairs=np.array([[0, 0], [0, 4]]))
    np.testing.assert_allclose(aligner.transform_sketch(sketch), np.zeros((1, 1)))
    np.testing.assert_array_equal(aligner.inverse_sketch([[3.0]]), sketch)
    assert np.isfinite(aligner.transform_photo(photo)).all()


@pytest.mark.parametrize("num", [1, 3])
def test_domains_that_do_not_vary_lie_at_the_origin(num):
    sketch, photo = np.full((num, 5), 0.1), np.full((num, 5), 0.7)
    aligner = ManifoldAlignment().fit(sketch, photo, pairs=np.array([[0, 0]]))
    np.testing.assert_array_equal(aligner.eigenvalues, [np.inf])
    np.testing.assert_array_equal(aligner.transform_sketch(sketch), np.zeros((num, 1)))
    np.testing.assert_array_equal(aligner.transform_photo(photo), np.zeros((num, 1)))
    np.testing.assert_array_equal(aligner.inverse_sketch([[2.0]]), sketch[:1])
    np.testing.assert_array_equal(aligner.inverse_photo([[2.0]]), photo[:1])


def test_classes_of_one_sketch_and_one_photo_are_aligned_by_their_pairs():
    rng = np.random.default_rng(0)
    sketch, turn = rng.normal(size=(30, 3)), rotation(3, rng)
    aligner = ManifoldAlignment().fit(sketch, sketch @ turn, np.arange(30), np.arange(30), one_to_one(30))
    np.testing.assert_allclose(aligner.transform_photo(sketch @ turn), aligner.transform_sketch(sketch))


def test_constant_dimensions_count_for_nothing():
    sketch, photo, pairs = drawn()
    wide = ManifoldAlignment(3, regularization_weight=1e-9)
    found = wide.fit(np.c_[sketch, np.ones(14)], np.c_[np.zeros(11), photo], pairs=pairs)
    plain = ManifoldAlignment(3, regularization_weight=1e-9).fit(sketch, photo, pairs=pairs)
    np.testing.assert_allclose(found.eigenvalues, plain.eigenvalues, rtol=1e-5)
    assert np.abs(found.sketch_map[3]).max() < 1e-9
    assert np.abs(found.photo_map[0]).max() < 1e-9


def test_float32_embeddings_will_do():
    sketch, photo, pairs = drawn()
    found = ManifoldAlignment(3).fit(sketch.astype("float32"), photo.astype("float32"), pairs=pairs)
    expected = ManifoldAlignment(3).fit(sketch, photo, pairs=pairs)
    assert found.transform_sketch(sketch.astype("float32")).dtype == np.float64
    np.testing.assert_allclose(found.sketch_map, expected.sketch_map, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 0}, r"`dim` must be >= 1\. Received: 0"),
        ({"num_neighbors": 0}, r"`num_neighbors` must be >= 1\. Received: 0"),
        ({"heat_scale": -1}, r"`heat_scale` must be None, or finite and > 0\. Received: -1"),
        ({"correspondence_weight": 0}, r"`correspondence_weight` must be finite and > 0\. Received: 0"),
        (
            {"regularization_weight": np.inf},
            r"`regularization_weight` must be finite and > 0\. Received: inf",
        ),
    ],
)
def test_arguments_out_of_range_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        ManifoldAlignment(**change)


def test_what_does_not_fit_is_named():
    sketch, photo, pairs = drawn()
    with pytest.raises(ValueError, match=r"`pairs` must be given.* Received: None"):
        ManifoldAlignment().fit(sketch, photo)
    with pytest.raises(ValueError, match=r"must join a sketch and a photo of the same class"):
        ManifoldAlignment().fit(sketch, photo, np.zeros(14), np.ones(11), pairs)
    with pytest.raises(ValueError, match=r"`heat_scale` must be large enough.* Received: 1\.0"):
        ManifoldAlignment(heat_scale=1.0).fit(1000 * sketch, photo, pairs=pairs)
    for name in ("transform_sketch", "transform_photo", "inverse_sketch", "inverse_photo"):
        with pytest.raises(ValueError, match=r"`fit` must be called before points are mapped"):
            getattr(ManifoldAlignment(), name)(sketch)
    aligner = ManifoldAlignment(2).fit(sketch, photo, pairs=pairs)
    with pytest.raises(ValueError, match=r"`x` must be \(num, 3\), as in `fit`\. Received shape: \(14, 2\)"):
        aligner.transform_sketch(sketch[:, :2])
    with pytest.raises(ValueError, match=r"`z` must be \(num, 2\), as in `fit`\. Received shape: \(14, 3\)"):
        aligner.inverse_photo(sketch)
