import numpy as np
import pytest

from tests.common import check_layer
from tfsbir.layers import ReplicaDropout


def test_layer(tmp_path):
    check_layer(lambda **kwargs: ReplicaDropout(0.5, seed=1, **kwargs), np.ones((3, 4), "float32"), tmp_path)


def test_a_share_is_dropped_and_the_mean_stays():
    dropout = ReplicaDropout(0.3, seed=1)
    first, second = (np.asarray(dropout(np.ones((200, 50), "float32"), training=True)) for _ in range(2))
    for dropped in (first, second):
        assert set(np.unique(dropped)) == {0.0, np.float32(1 / 0.7)}
        assert np.mean(dropped == 0) == pytest.approx(0.3, abs=0.02)
    assert not np.array_equal(first, second)


def test_the_same_seed_drops_the_same():
    images = np.ones((2, 3, 3, 4), "float32")
    one, same, other = (np.asarray(ReplicaDropout(0.5, seed)(images, training=True)) for seed in (7, 7, 8))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_nothing_is_dropped_outside_training_and_at_a_rate_of_0():
    values = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_array_equal(ReplicaDropout(0.5)(values), values)
    np.testing.assert_array_equal(ReplicaDropout(0)(values, training=True), values)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_out_of_range_is_named(rate):
    with pytest.raises(ValueError, match=rf"`rate` must be in \[0, 1\). Received: {rate}"):
        ReplicaDropout(rate)
