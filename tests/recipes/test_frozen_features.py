import types

import keras
import numpy as np
import pytest

from recipes.common import frozen_features
from recipes.common.frozen_features import Standard, feature_batches, split_features
from tests.common import assert_near
from tests.common_data import small_split
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory
from tfsbir.sampling import TruePairs


@pytest.fixture
def splits():
    return {"train": small_split(seed=0), "test": small_split(num_photos=4, seed=1)}


@pytest.fixture
def flags(tmp_path, monkeypatch):
    (tmp_path / "weights").write_bytes(b"some")
    (tmp_path / "run").mkdir()
    given = types.SimpleNamespace(backbone="small", weights=str(tmp_path / "weights"), cache_dir=None)
    monkeypatch.setattr(frozen_features, "FLAGS", given)
    return given


class CountedNetworks(dict):
    """Networks which give an image's mean and its first pixel, and how often one was asked for."""

    num_asked = 0

    def __getitem__(self, domain):
        self.num_asked += 1
        return super().__getitem__(domain)


@pytest.fixture(scope="module")
def network():
    image = keras.Input((16, 16, 1))
    mean = keras.layers.GlobalAveragePooling2D()(image)
    first = keras.layers.Flatten()(image)[:, :1]
    return keras.Model(image, keras.layers.Concatenate()([mean, first]))


@pytest.fixture
def networks(network):
    return CountedNetworks(sketch=network, photo=network)


def test_features_are_those_of_each_image(tmp_path, flags, splits, networks):
    found = split_features(RunDirectory(tmp_path / "run"), networks, splits)
    assert list(found) == ["train", "test"]
    for name, split in splits.items():
        for domain, images in (("sketch", split.sketches), ("photo", split.photos)):
            pixels = images.astype("float64") / 127.5 - 1
            expected = np.c_[pixels.mean(axis=(1, 2, 3)), pixels[:, 0, 0, 0]]
            assert_near(found[name][domain], expected)


def test_they_are_computed_once_for_the_same_images_and_weights(tmp_path, flags, splits, networks):
    run, other = (RunDirectory(tmp_path / name) for name in ("run", "other"))
    flags.cache_dir = str(tmp_path / "cache" / "deep")
    first = split_features(run, networks, splits)
    assert networks.num_asked == 4
    again = split_features(other, networks, splits)
    assert networks.num_asked == 4
    np.testing.assert_array_equal(again["test"]["photo"], first["test"]["photo"])
    split_features(run, networks, {**splits, "test": small_split(num_photos=4, seed=2)})
    assert networks.num_asked == 8
    (tmp_path / "weights").write_bytes(b"others")
    split_features(run, networks, splits)
    assert networks.num_asked == 12
    assert list((tmp_path / "run").iterdir()) == []
    assert len(list((tmp_path / "cache" / "deep").iterdir())) == 3


def test_a_damaged_file_is_named(tmp_path, flags, splits, networks):
    run = RunDirectory(tmp_path / "run")
    split_features(run, networks, splits)
    (path,) = (tmp_path / "run").glob("features-*.npz")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=rf"^{path}: expected features; it is damaged. Remove it"):
        split_features(run, networks, splits)


def test_a_cache_that_cannot_be_written_is_named(tmp_path, flags, splits, networks):
    flags.cache_dir = str(tmp_path / "weights")
    with pytest.raises(InputError, match=rf"^{tmp_path / 'weights'}: expected a folder to write to"):
        split_features(RunDirectory(tmp_path / "run"), networks, splits)


def test_a_standard_centres_and_keeps_the_angles():
    features = np.random.default_rng(0).normal(3, [1, 2, 4], (200, 3)).astype("float32")
    standard = Standard.of(features)
    found = standard(features)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-5)
    assert np.mean(found**2) == pytest.approx(1, abs=1e-5)
    assert_near(found * standard.deviation, features - features.mean(axis=0))
    assert_near(standard.layer()(features), found)


def test_batches_hold_the_sampler_s_rows():
    split = small_split()
    rng = np.random.default_rng(0)
    features = {
        "sketch": rng.normal(size=(len(split.sketches), 3)).astype("float32"),
        "photo": rng.normal(size=(len(split.photos), 2)).astype("float32"),
    }
    sampler = TruePairs(split, 4, seed=0)
    made = list(feature_batches(features, sampler, 3, 6))
    assert len(made) == 3
    for step, batch in enumerate(made, 3):
        rows = sampler(step)
        for domain, values in features.items():
            np.testing.assert_array_equal(batch[domain], values[rows[domain]])
            assert batch[domain].shape == (4, values.shape[1])
