"""Pools beside a training: when they are made, when they are in force, and what a resumed run finds."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from recipes.common import pool_job, pool_refresher
from recipes.common.pool_refresher import PoolRefresher, refresh_steps
from tests.common_data import small_split
from tfsbir.alignment import KMeansPools, PCAWarp, Pools, make_pools
from tfsbir.data import worker_pool
from tfsbir.models import EncoderPair
from tfsbir.runs import RunDirectory


def test_refreshes_are_in_force_as_late_as_asked_for():
    assert refresh_steps(10, 30, refresh_every=5, max_staleness=2) == [(10, 10), (15, 17), (20, 22), (25, 27)]
    assert refresh_steps(0, 12, refresh_every=4, max_staleness=0) == [(0, 0), (4, 4), (8, 8)]
    assert refresh_steps(0, 12, refresh_every=4, max_staleness=4) == [(0, 0), (4, 8)]
    assert refresh_steps(3, 4, refresh_every=100, max_staleness=50) == [(3, 3)]  # Nobody would see more.


@pytest.mark.parametrize("max_staleness", [-1, 6])
def test_staleness_out_of_range(max_staleness):
    with pytest.raises(
        ValueError,
        match=rf"^`max_staleness` must be in 0\.\.5 \(`refresh_every`\)\. Received: {max_staleness}$",
    ):
        refresh_steps(0, 20, refresh_every=5, max_staleness=max_staleness)


@pytest.fixture(scope="module", autouse=True)
def one_process():
    """All tests have one process beside them: it takes longer to start than to work."""
    with worker_pool(1) as process, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool_refresher, "worker_pool", lambda num_workers: process)
        yield


class Course:
    """A training whose weights after step n are those of seed n."""

    def __init__(self, path, max_staleness):
        self.split = small_split(num_photos=12, sketches_of=2)
        self.run = RunDirectory(path)
        self.run.checkpoints.mkdir(parents=True, exist_ok=True)
        encoders = []
        for _ in range(2):
            image = keras.Input((16, 16, 1))
            x = keras.layers.Dense(3)(keras.layers.Flatten()(image))
            encoders.append(keras.Model(image, x))
        self.pair = EncoderPair(*encoders)
        self.refresher = PoolRefresher(
            self.run, self.pair, self.split, PCAWarp(), KMeansPools(max_clusters=2), True, 4, 0,
            first_step=2, last_step=14, refresh_every=4, max_staleness=max_staleness,
            strategy=tf.distribute.get_strategy(),
        )  # fmt: skip

    def set_weights(self, step):
        for number, encoder in enumerate((self.pair.sketch, self.pair.photo)):
            random = np.random.default_rng((number, step))
            encoder.set_weights([random.normal(size=w.shape) for w in encoder.get_weights()])

    def follow(self, start, stop=14):
        """Returns what is drawn, and the photos' centres then, for each step."""
        seen, end = [], start
        for step in range(start, stop):
            self.set_weights(step)
            self.refresher.ask(step)
            if step == end:
                sampler, end = self.refresher.in_force(step)
            centers, labels = self.refresher.photo_centers.numpy(), self.refresher.cluster_labels.numpy()
            seen.append((sampler(step), centers, labels))
        return seen

    def pools(self, step):
        """Returns the pools of the weights after a step, made here."""
        self.set_weights(step)
        images = [(i / 127.5 - 1).astype(np.float32) for i in (self.split.sketches, self.split.photos)]
        embeddings = [
            np.asarray(encoder(i))
            for encoder, i in zip((self.pair.sketch, self.pair.photo), images, strict=True)
        ]
        labels = self.split.sketch_labels, self.split.photo_labels
        return make_pools(*embeddings, *labels, PCAWarp(), KMeansPools(max_clusters=2), share_centers=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("run"), max_staleness=3)
    return course, course.follow(2)


def test_each_step_has_the_pools_of_the_weights_of_its_refresh(undisturbed):
    course, seen = undisturbed
    made_at = [2] * 7 + [6] * 4 + [10]  # In force after 2, 9 and 13 steps.
    for (_, centers, labels), step in zip(seen, made_at, strict=True):
        expected = course.pools(step)
        np.testing.assert_allclose(centers, expected.photo_centers, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(labels, expected.cluster_labels)
    for drawn, _, labels in seen:
        np.testing.assert_array_equal(labels[drawn["cluster"]], course.split.sketch_labels[drawn["sketch"]])
    lines = course.run.metrics()
    assert [line["step"] for line in lines] == [3, 10, 14]
    assert [line["refresh/staleness"] for line in lines] == [0, 3, 3]


@pytest.mark.parametrize("killed_at", [2, 4, 6, 8, 9, 13])
def test_a_resumed_run_draws_the_same(undisturbed, tmp_path, killed_at):
    _, expected = undisturbed
    Course(tmp_path, max_staleness=3).follow(2, killed_at)
    # It was killed a little later, when what the next steps need may have been written in part.
    for path in tmp_path.glob("pools-*.npz"):
        if int(path.stem.split("-")[1]) >= max(killed_at, 3):
            path.unlink()
    seen = Course(tmp_path, max_staleness=3).follow(killed_at)
    for (one, *centers), (other, *others) in zip(seen, expected[killed_at - 2 :], strict=True):
        for name in other:
            np.testing.assert_array_equal(one[name], other[name])
        for values, other_values in zip(centers, others, strict=True):
            np.testing.assert_array_equal(values, other_values)


def test_embeddings_stay_until_a_checkpoint_is_behind_their_pools(tmp_path):
    course = Course(tmp_path, max_staleness=0)
    course.follow(2)
    names = {"embeddings-2.npz", "embeddings-6.npz", "embeddings-10.npz"}
    assert {path.name for path in tmp_path.glob("embeddings-*")} == names
    tf.train.CheckpointManager(
        tf.train.Checkpoint(), course.run.checkpoints, max_to_keep=2
    ).save(checkpoint_number=6)  # fmt: skip
    course.refresher.remove_embeddings()
    # A run resumed after step 6 takes these over once more.
    assert {path.name for path in tmp_path.glob("embeddings-*")} == names - {"embeddings-2.npz"}


def test_what_breaks_beside_training_breaks_it(tmp_path, monkeypatch):
    course = Course(tmp_path, max_staleness=0)
    monkeypatch.setattr(
        course.refresher, "_job", (PCAWarp(), types.SimpleNamespace(), *course.refresher._job[2:])
    )
    with pytest.raises(AttributeError, match=r"fit"):
        course.follow(2)


def test_the_job_writes_pools(tmp_path):
    split = small_split(num_photos=12, sketches_of=2)
    random = np.random.default_rng(0)
    embeddings = {"sketch": random.normal(size=(24, 3)), "photo": random.normal(size=(12, 3))}
    np.savez(tmp_path / "embeddings.npz", **embeddings)
    labels = split.sketch_labels, split.photo_labels
    seconds = pool_job.write_pools(
        tmp_path / "embeddings.npz", tmp_path / "pools.npz", PCAWarp(), KMeansPools(), *labels, None, False
    )
    assert seconds > 0
    expected = make_pools(*embeddings.values(), *labels, PCAWarp(), KMeansPools())
    found = Pools.load(tmp_path / "pools.npz")
    np.testing.assert_array_equal(found.sketch_centers, expected.sketch_centers)
    np.testing.assert_array_equal(found.photo_memberships, expected.photo_memberships)
