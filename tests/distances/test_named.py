import keras
import pytest

from tfsbir.distances import DISTANCES, distance_name, make_distance


@pytest.mark.parametrize("name", DISTANCES)
def test_a_distance_has_the_name_it_was_made_by(name):
    distance = make_distance(name, 5)
    assert distance_name(distance) == name
    assert type(distance).__name__.lower() == name.replace("_", "")


def test_further_arguments_reach_the_layer():
    assert make_distance("holef", 3, regularization_weight=0.25).regularization_weight == 0.25


def test_another_name_is_refused():
    with pytest.raises(ValueError, match=r"`name` must be one of squared_euclidean, .*Received: 'cosine'"):
        make_distance("cosine", 3)


def test_another_layer_has_no_name():
    with pytest.raises(TypeError, match=r"`distance` must be a layer of tfsbir.distances"):
        distance_name(keras.layers.Dense(3))
