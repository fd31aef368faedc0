import keras
import numpy as np
import pytest

from tests.common_processes import run_script
from tests.distances.common_distances import LOOPS, embeddings, holef, squared_euclidean
from tfsbir.distances import SquaredEuclidean, load_distance, save_distance
from tfsbir.errors import InputError

LEARNED = [make for make in LOOPS if make is not squared_euclidean]


@pytest.mark.parametrize("make", LEARNED)
def test_a_loaded_distance_is_the_saved_one(make, tmp_path):
    distance, (sketch, photo) = make(), embeddings(5, 6)
    save_distance(distance, tmp_path / "distance.keras")
    loaded = load_distance(tmp_path / "distance.keras")
    assert type(loaded) is type(distance)
    assert loaded.get_config() == distance.get_config()
    np.testing.assert_array_equal(loaded.pairwise(sketch, photo), distance.pairwise(sketch, photo))
    np.testing.assert_array_equal(loaded.lift_query(sketch), distance.lift_query(sketch))
    np.testing.assert_array_equal(loaded.lift_photo(photo), distance.lift_photo(photo))
    np.testing.assert_array_equal(loaded.losses, distance.losses)


def test_the_file_is_a_keras_model_of_sketch_and_photo(tmp_path):
    distance, (sketch, photo) = holef(), embeddings(5, 5)
    save_distance(distance, tmp_path / "distance.keras")
    model = keras.saving.load_model(tmp_path / "distance.keras", safe_mode=True)
    assert [node.name for node in model.inputs] == ["sketch", "photo"]
    assert model.output_shape == (None,)
    np.testing.assert_array_equal(model((sketch, photo)), distance((sketch, photo)))
    # HOLEF is not symmetric: the file must not swap what it compares.
    named = model({"photo": photo, "sketch": sketch})
    np.testing.assert_array_equal(named, distance((sketch, photo)))


def test_a_new_process_loads_it(tmp_path):
    save_distance(holef(), tmp_path / "distance.keras")
    script = "import sys, tfsbir.distances as d; print(type(d.load_distance(sys.argv[1])).__name__)"
    done = run_script(script, tmp_path / "distance.keras")
    assert done.stdout.strip() == "HOLEF", done.stderr


def test_errors_name_the_file(tmp_path):
    with pytest.raises(TypeError, match=r"`distance` must be one of WeightedEuclidean, Mahalanobis, HOLEF"):
        save_distance(SquaredEuclidean(), tmp_path / "distance.keras")
    path = tmp_path / "distance.keras"
    with pytest.raises(InputError, match=rf"{path}: expected a learned distance; there is no such file"):
        load_distance(path)
    path.write_bytes(b"not a model")
    with pytest.raises(InputError, match=rf"{path}: expected a Keras model file \(.keras\);"):
        load_distance(path)
    node = keras.Input((3,))
    keras.Model(node, keras.layers.Dense(2, name="head")(node)).save(path)
    message = rf"{path}: expected a learned distance; found a model which ends in head"
    with pytest.raises(InputError, match=message):
        load_distance(path)
