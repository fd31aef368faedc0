"""What stands for an array of distances gives the rows of that array."""

import numpy as np
import pytest

from recipes.common.evaluation import measure, num_left_out
from recipes.common.view_distances import ViewDistances
from tests.common_data import small_split
from tfsbir.distances import SquaredEuclidean


def views(num, num_views, seed):
    return list(np.random.default_rng(seed).normal(size=(num_views, num, 4)).astype("float32"))


@pytest.mark.parametrize("num_views", [1, 10])
def test_rows_are_means_over_the_views(num_views):
    sketch, photo = views(12, num_views, 0), views(6, num_views, 1)
    found = ViewDistances(sketch, photo, SquaredEuclidean().pairwise)
    expected = np.mean(
        [np.square(one[:, None] - other).sum(axis=2) for one, other in zip(sketch, photo, strict=True)],
        axis=0,
    )
    assert found.shape == (12, 6) and len(found) == 12
    for rows in (slice(None), slice(3, 7), np.array([5, 2]), 4, np.int64(11)):
        np.testing.assert_allclose(found[rows], expected[rows], rtol=1e-5)
    assert found[:].dtype == (np.float32 if num_views == 1 else np.float64)


@pytest.mark.parametrize("ks", [(), (2, 9)])
def test_they_are_measured_as_their_array_is(ks, monkeypatch):
    """However few sketches are held at once."""
    split = small_split(num_triplets=2)
    distances = ViewDistances(views(12, 1, 0), views(6, 1, 1), SquaredEuclidean().pairwise)
    expected = measure(distances[:], split, ks=ks)
    assert measure(distances, split, ks=ks) == expected
    monkeypatch.setattr("recipes.common.evaluation.BLOCK_BYTES", 4 * 6 * 5)
    assert measure(distances, split, ks=ks) == pytest.approx(expected)
    assert num_left_out(split) == {"mAP@all": 0}
