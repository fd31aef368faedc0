import io
import pickle
import re

import numpy as np
import pytest

from tfsbir.alignment.dbscan_pools import DBSCANPools
from tfsbir.alignment.gaussian_mixture_pools import GaussianMixturePools
from tfsbir.alignment.kmeans_pools import KMeansPools
from tfsbir.alignment.mean_shift_pools import MeanShiftPools
from tfsbir.alignment.pools import Pools, make_pools
from tfsbir.errors import InputError

FIELDS = ["sketch_memberships", "photo_memberships", "cluster_labels", "sketch_centers", "photo_centers"]


class Shift:
    """Aligns by the means: sketches are moved onto the photos, and both by ten units on."""

    def fit(self, sketch, photo, sketch_labels=None, photo_labels=None, pairs=None):
        self.sketch_offset = photo.mean(axis=0) - sketch.mean(axis=0) + 10
        self.seen_pairs = pairs
        return self

    def transform_sketch(self, x):
        return x + self.sketch_offset

    def transform_photo(self, x):
        return x + 10

    def inverse_sketch(self, z):
        return z - self.sketch_offset

    def inverse_photo(self, z):
        return z - 10


class Recording(Shift):
    """Tells what it was given, in the order of the classes."""

    def __init__(self):
        self.calls = []

    def fit(self, sketch, photo, sketch_labels=None, photo_labels=None, pairs=None):
        self.calls.append((sketch, photo, pairs))
        return super().fit(sketch, photo)


class Refusing(Shift):
    def fit(self, sketch, photo, sketch_labels=None, photo_labels=None, pairs=None):
        raise ValueError("`pairs` must be at least 2. Received: 0")


def samples(sketch_labels, photo_labels, dim=3, seed=0):
    rng = np.random.default_rng(seed)
    sketch_labels, photo_labels = np.array(sketch_labels), np.array(photo_labels)
    sketches = rng.normal(size=(len(sketch_labels), dim)).astype("float32")
    photos = rng.normal(size=(len(photo_labels), dim)).astype("float32") + 3
    return sketches, photos, sketch_labels, photo_labels


def arguments(**changed):
    """Two classes; cluster 1 belongs to class 0 as well, and sketch 2 to no cluster."""
    return {
        "sketch_memberships": np.array([[0.25, 0.75, 0], [0, 0, 1], [0, 0, 0]]),
        "photo_memberships": np.array([[0, 0, 1.0], [1, 0, 0]]),
        "cluster_labels": np.array([0, 0, 4]),
        "sketch_centers": np.arange(6.0).reshape(3, 2),
        "photo_centers": -np.arange(6.0).reshape(3, 2),
        **changed,
    }


def test_pools_hold_float32_and_int32():
    pools = Pools(**arguments())
    assert pools.num_clusters == 3
    assert [getattr(pools, field).dtype for field in FIELDS] == [np.float32] * 2 + [np.int32] + [
        np.float32
    ] * 2
    np.testing.assert_array_equal(pools.sizes, [1.25, 0.75, 2])


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ("`cluster_labels` must be (num_clusters,) integers, at least one. Received: float64 (3,)",
         {"cluster_labels": np.zeros(3)}),
        ("`cluster_labels` must be (num_clusters,) integers, at least one. Received: int64 (0,)",
         {"cluster_labels": np.zeros(0, int)}),
        ("`cluster_labels` must be >= 0 and ascending. Received: [0 4 0]",
         {"cluster_labels": np.array([0, 4, 0])}),
        ("`cluster_labels` must be >= 0 and ascending. Received: [-1  0  4]",
         {"cluster_labels": np.array([-1, 0, 4])}),
        ("`photo_memberships` must be (num, 3). Received shape: (2, 2)",
         {"photo_memberships": np.ones((2, 2))}),
        ("`sketch_memberships` must be in [0, 1]. Received: others",
         {"sketch_memberships": np.array([[1.5, -0.5, 0]])}),
        ("`sketch_memberships` must be in [0, 1]. Received: others",
         {"sketch_memberships": np.array([[np.nan, 1, 0]])}),
        ("`sketch_memberships` must have rows that sum to 1 or 0. Received: 0.5 in row 1",
         {"sketch_memberships": np.array([[1, 0, 0], [0.5, 0, 0]])}),
        ("`photo_memberships` must have rows of one class. Received: several in row 1",
         {"photo_memberships": np.array([[0.5, 0.5, 0], [0, 0.5, 0.5]])}),
        ("`sketch_centers` must be (3, dim). Received shape: (2, 2)", {"sketch_centers": np.ones((2, 2))}),
        ("`photo_centers` must be finite. Received: others", {"photo_centers": np.full((3, 2), np.inf)}),
        ("`sketch_centers` and `photo_centers` must have the same shape. Received: (3, 2) and (3, 4)",
         {"photo_centers": np.ones((3, 4))}),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_named(message, changed):
    with pytest.raises(ValueError, match=re.escape(message)):
        Pools(**arguments(**changed))


def test_saved_pools_are_read_again(tmp_path):
    pools = Pools(**arguments())
    pools.save(tmp_path / "pools.npz")
    loaded = Pools.load(tmp_path / "pools.npz")
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(loaded, field), getattr(pools, field))
        assert getattr(loaded, field).dtype == getattr(pools, field).dtype


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("found", "data"),
    [
        ("No such file or directory", None),
        ("a single array", npy(np.ones(3))),
        ("the arrays sizes", npz(sizes=np.ones(3))),
        ("the arrays none", npz()),
        ("Object arrays cannot be loaded when allow_pickle=False",
         npz(**arguments(cluster_labels=np.array([0, 0, None])))),
        ("`photo_memberships` must be (num, 3). Received shape: (2,)",
         npz(**arguments(photo_memberships=np.ones(2)))),
        ("`cluster_labels` must be (num_clusters,) integers",
         npz(**arguments(cluster_labels=np.array(["a"])))),
        ("could not convert string to float",
         npz(**arguments(photo_memberships=np.full((2, 3), "a")))),
        ("", b""),
        ("", b"neither an archive nor an array"),
        ("", npz(**arguments())[:200]),
    ],
)  # fmt: skip
def test_files_of_something_else_are_refused(tmp_path, found, data):
    path = tmp_path / "pools.npz"
    if data is not None:
        path.write_bytes(data)
    message = f"{path}: expected pools as `Pools.save` writes them; found {found}"
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        Pools.load(path)
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith("found ")


def test_every_class_is_aligned_and_pooled_on_its_own():
    """Each block is what aligner and pooler give for that class alone; elsewhere memberships are 0."""
    rng = np.random.default_rng(1)
    sketches, photos, sketch_labels, photo_labels = samples(
        rng.permutation(np.arange(60) % 3 * 2), rng.permutation(np.arange(90) % 3 * 2)
    )
    aligner, pooler = Shift(), KMeansPools(max_clusters=4)
    pools = make_pools(sketches, photos, sketch_labels, photo_labels, aligner, pooler)
    assert pools.cluster_labels.tolist() == [0] * 4 + [2] * 4 + [4] * 4
    for label in (0, 2, 4):
        own = pools.cluster_labels == label
        sketch, photo = sketches[sketch_labels == label], photos[photo_labels == label]
        moved = sketch + (photo.mean(axis=0, dtype="float64") - sketch.mean(axis=0, dtype="float64"))
        expected = KMeansPools(max_clusters=4).fit(np.concatenate([moved, photo]) + 10)
        rows = (
            pools.sketch_memberships[sketch_labels == label],
            pools.photo_memberships[photo_labels == label],
        )
        np.testing.assert_allclose(np.concatenate(rows)[:, own], expected.memberships, atol=1e-6)
        assert not np.concatenate(rows)[:, ~own].any()
        photo_centers = expected.centers - 10
        sketch_centers = photo_centers - photo.mean(axis=0) + sketch.mean(axis=0)
        np.testing.assert_allclose(pools.photo_centers[own], photo_centers, atol=1e-5)
        np.testing.assert_allclose(pools.sketch_centers[own], sketch_centers, atol=1e-5)
    assert not hasattr(aligner, "sketch_offset")
    assert not hasattr(pooler, "centers")


def test_the_sketches_centres_may_be_those_of_the_photos():
    given = samples([0] * 20 + [1], [0] * 20 + [1] * 3)
    apart, shared = (
        make_pools(*given, Shift(), KMeansPools(), share_centers=share) for share in (False, True)
    )
    np.testing.assert_array_equal(shared.photo_centers, apart.photo_centers)
    np.testing.assert_array_equal(shared.sketch_centers, apart.photo_centers)
    assert not np.allclose(apart.sketch_centers, apart.photo_centers)


def test_classes_without_sketches_or_photos_have_no_pool():
    given = samples([0, 0, 0, 1, 1, 5], [0, 0, 5, 5, 7, 7, 7])
    pools = make_pools(*given, Shift(), KMeansPools(max_clusters=2))
    assert pools.cluster_labels.tolist() == [0, 0, 5]
    assert pools.sketch_memberships.sum(axis=1).tolist() == [1, 1, 1, 0, 0, 1]
    assert pools.photo_memberships.sum(axis=1).tolist() == [1, 1, 1, 1, 0, 0, 0]
    with pytest.raises(ValueError, match=r"`sketch_labels` and `photo_labels` must have a class in common"):
        make_pools(*samples([0, 0], [1, 1]), Shift(), KMeansPools())


def test_a_single_sketch_or_photo_makes_one_pool_about_the_means():
    sketches, photos, *labels = samples([0, 1, 1, 1, 2], [0, 1, 2, 2])
    pools = make_pools(sketches, photos, *labels, Refusing(), KMeansPools())
    assert pools.cluster_labels.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(pools.sketch_memberships, np.eye(3)[[0, 1, 1, 1, 2]])
    np.testing.assert_array_equal(pools.photo_memberships, np.eye(3)[[0, 1, 2, 2]])
    for label in range(3):
        expected = sketches[labels[0] == label].mean(axis=0), photos[labels[1] == label].mean(axis=0)
        np.testing.assert_allclose(pools.sketch_centers[label], expected[0], rtol=1e-6)
        np.testing.assert_allclose(pools.photo_centers[label], expected[1], rtol=1e-6)


@pytest.mark.parametrize("pooler", [KMeansPools(), GaussianMixturePools(), MeanShiftPools(), DBSCANPools()])
def test_classes_smaller_than_the_number_of_clusters_are_pooled(pooler):
    pools = make_pools(*samples([0, 0, 1, 1], [0, 0, 1, 1]), Shift(), pooler)
    assert np.bincount(pools.cluster_labels).max() <= 4
    np.testing.assert_allclose(pools.sketch_memberships.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(pools.photo_memberships.sum(axis=1), 1, rtol=1e-6)


def test_outliers_are_in_no_pool():
    sketches, photos, *labels = samples([0] * 100, [0] * 100)
    sketches[7] = 50
    pools = make_pools(sketches, photos, *labels, Shift(), DBSCANPools())
    assert not pools.sketch_memberships[7].any()
    assert pools.sketch_memberships.any(axis=1).sum() >= 60


def test_pairs_reach_the_aligner_by_their_place_in_the_class():
    sketches, photos, *labels = samples([1, 0, 1, 0, 1, 2, 2], [0, 1, 1, 0, 1, 2, 2])
    aligner = Recording()
    pairs = [[4, 2], [1, 3], [0, 4], [4, 1]]
    make_pools(sketches, photos, *labels, aligner, KMeansPools(max_clusters=1), pairs=pairs)
    assert [call[2].tolist() for call in aligner.calls] == [[[0, 1]], [[2, 1], [0, 2], [2, 0]], []]
    for label, (sketch, photo, _) in enumerate(aligner.calls):
        np.testing.assert_array_equal(sketch, sketches[labels[0] == label])
        np.testing.assert_array_equal(photo, photos[labels[1] == label])
    aligner = Recording()
    make_pools(sketches, photos, *labels, aligner, KMeansPools(max_clusters=1))
    assert [call[2] for call in aligner.calls] == [None] * 3


def test_an_error_tells_its_class():
    given = samples([0, 3, 3], [0, 3, 3, 3])
    with pytest.raises(ValueError, match=r"`pairs` must be at least 2\. Received: 0") as caught:
        make_pools(*given, Refusing(), KMeansPools())
    assert caught.value.__notes__ == ["In class 3: 2 sketches, 3 photos."]


@pytest.mark.parametrize("pooler", [KMeansPools(), GaussianMixturePools(), MeanShiftPools(), DBSCANPools()])
def test_what_goes_to_another_process_and_back_is_the_same(pooler):
    given = (*samples([0, 1] * 30, [0, 1] * 30), Shift(), pooler)
    here = make_pools(*given)
    there = pickle.loads(pickle.dumps(make_pools(*pickle.loads(pickle.dumps(given)))))
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(here, field), getattr(there, field))


GIVEN = dict(
    zip(
        ["sketch_embeddings", "photo_embeddings", "sketch_labels", "photo_labels"],
        samples([0, 0], [0, 0, 0]),
        strict=True,
    )
)


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ("`sketch_labels` must be (num,) integers >= 0. Received: float64 (2,)",
         {"sketch_labels": np.zeros(2)}),
        ("`photo_labels` must be (num,) integers >= 0. Received: int64 (3,) from -1",
         {"photo_labels": np.array([0, -1, 0])}),
        ("`sketch_embeddings` must be (2, dim). Received shape: (4, 3)",
         {"sketch_embeddings": np.ones((4, 3))}),
        ("`photo_embeddings` must be finite. Received: 1 rows that are not, the first at 2",
         {"photo_embeddings": np.array([[0.0], [1], [np.nan]])}),
        ("`pairs` must be (num_pairs, 2) integers. Received: float64 (1, 2)", {"pairs": np.zeros((1, 2))}),
        ("`pairs` must be (num_pairs, 2) integers. Received: int64 (2,)", {"pairs": np.zeros(2, int)}),
        ("`pairs` must be indices below 2 and 3. Received: [2 0] to [2 0]", {"pairs": [[2, 0]]}),
        ("`pairs` must be indices below 2 and 3. Received: [ 0 -1] to [ 0 -1]", {"pairs": [[0, -1]]}),
        ("`pairs` must be of one class. Received: [1 2] of two",
         {"pairs": [[0, 0], [1, 2]], "photo_labels": np.array([0, 0, 1])}),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_named(message, changed):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_pools(**{**GIVEN, **changed}, aligner=Shift(), pooler=KMeansPools())
