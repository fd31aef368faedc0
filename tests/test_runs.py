import json
import os

import keras
import numpy as np
import pytest

from tfsbir.distances import DISTANCES, distance_name, make_distance
from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing
from tfsbir.runs import RunDirectory

CONFIG = {
    "recipe": "test",
    "flags": {"steps": 5, "log_every": 10},
    "dataset": {"name": "synthetic", "data_dir": None, "fingerprint": "abc"},
}


def encoder(seed):
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 1))
    x = keras.layers.Dense(3)(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.UnitNormalization()(x))


def test_a_run_begins_with_its_config_and_may_be_taken_up_again(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.start(CONFIG)
    run.start(CONFIG)
    assert run.config["flags"] == CONFIG["flags"]
    assert run.config["versions"]["keras"] == keras.__version__
    assert "git_revision" in run.config
    assert run.result is None


def test_another_command_in_the_same_folder_is_refused(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.start(CONFIG)
    with pytest.raises(InputError, match=r"`steps` must be 5, .* Received: 6"):
        run.start({**CONFIG, "flags": {"steps": 6, "log_every": 10}})
    run.start({**CONFIG, "flags": {"steps": 5, "log_every": 1}}, may_differ=("log_every",))


def test_other_things_that_changed_are_refused_by_their_name(tmp_path):
    run = RunDirectory(tmp_path / "run")
    config = {**CONFIG, "other_fingerprints": {"test": "1", "`teacher`": "2"}}
    run.start(config)
    run.start(config)
    for name in ("test", "`teacher`"):
        changed = {**config["other_fingerprints"], name: "3"}
        with pytest.raises(InputError, match=rf"^{name} must be as when .*run was begun"):
            run.start({**config, "other_fingerprints": changed})


def test_a_start_that_was_killed_is_begun_again(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "lock").touch()
    (tmp_path / "run" / ".config.json.a1b2").write_text('{"fla')
    run = RunDirectory(tmp_path / "run")
    run.start(CONFIG)
    assert run.config["flags"] == CONFIG["flags"]
    assert {path.name for path in run.path.iterdir()} == {"config.json", "lock", "checkpoints", "figures"}
    run.figures.rmdir()
    run.start(CONFIG)  # Or killed a moment later.
    assert run.figures.is_dir()


def test_changed_data_are_refused(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.start(CONFIG)
    with pytest.raises(InputError, match="its images have changed"):
        run.start({**CONFIG, "dataset": {**CONFIG["dataset"], "fingerprint": "abd"}})


def test_a_run_is_one_program_s_until_it_is_finished(tmp_path):
    run, other = RunDirectory(tmp_path / "run"), RunDirectory(tmp_path / "run")
    run.start(CONFIG)
    with pytest.raises(
        InputError, match=r"`workdir` must not be in use by another program. Received: .*run$"
    ):
        other.start(CONFIG)
    run.write_result({"steps": 5})
    other.start(CONFIG)  # It has nothing to write any more.
    (run.path / "result.json").unlink()
    del run  # As when the program ends.
    other.start(CONFIG)


@pytest.mark.parametrize("name", ["", "run"])
@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_folder_that_cannot_be_written_to(tmp_path, name, mode):
    workdir, was = tmp_path / name, os.geteuid()
    tmp_path.chmod(mode)
    if was == 0:
        os.seteuid(65534)  # Root may write anywhere.
    try:
        with pytest.raises(
            InputError, match=r"`workdir` must be a folder that can be written to. Received: "
        ):
            RunDirectory(workdir).start(CONFIG)
    finally:
        os.seteuid(was)
        tmp_path.chmod(0o755)
    assert not list(tmp_path.iterdir())


def test_a_run_directory_that_is_gone_is_not_made_anew(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.start(CONFIG)
    run.check_is_there()
    run.path.rename(tmp_path / "moved")
    with pytest.raises(InputError, match="run: expected the run directory that was begun; it is gone"):
        run.check_is_there()


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="`workdir` must be empty or a run directory"):
        RunDirectory(tmp_path).start(CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_lines_beyond_the_checkpoint_are_dropped_and_a_torn_line_too(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.start(CONFIG)
    for step in (10, 20, 30):
        run.log_metrics(step, {"train/loss": np.float32(0.5)})
    with open(run.path / "metrics.jsonl", "a") as file:
        file.write('{"step": 40, "train/lo')
    assert [run.num_logged(step) for step in (5, 10, 29, 40)] == [0, 1, 2, 3]
    run.rewind_metrics(2)
    assert run.metrics() == [{"step": 10, "train/loss": 0.5}, {"step": 20, "train/loss": 0.5}]
    assert len((run.path / "metrics.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("is_siamese", [True, False])
def test_encoders_come_back_as_they_were(tmp_path, is_siamese):
    run = RunDirectory(tmp_path / "run")
    sketch = encoder(1)
    photo = sketch if is_siamese else encoder(2)
    run.save_encoders(sketch, photo, Preprocessing(8, 3))
    assert run.is_siamese == is_siamese
    assert (run.model / "photo_encoder.keras").exists() != is_siamese
    image = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 1)).astype("float32")
    np.testing.assert_array_equal(run.load_encoder("sketch")(image), sketch(image))
    np.testing.assert_array_equal(run.load_encoder("photo")(image), photo(image))
    assert run.preprocessing() == Preprocessing(8, 3)


def test_a_fingerprint_tells_encoders_apart(tmp_path):
    fingerprints = []
    for seed in (1, 2):
        run = RunDirectory(tmp_path / str(seed))
        run.save_encoders(encoder(seed), encoder(seed + 10), Preprocessing(8, 3))
        assert run.fingerprint() == run.fingerprint()
        fingerprints.append(run.fingerprint())
    assert len(set(fingerprints)) == 2


@pytest.mark.parametrize("name", DISTANCES)
def test_a_distance_comes_back_and_tells_runs_apart(tmp_path, name):
    run = RunDirectory(tmp_path / "run")
    distance, sketch = make_distance(name, 3), encoder(1)
    run.save_encoders(sketch, sketch, Preprocessing(8, 3, distance=name), distance=distance)
    assert (run.model / "distance.keras").exists() == (name != "squared_euclidean")
    found = run.load_distance()
    assert distance_name(found) == name
    assert run.preprocessing().distance == name
    if name == "squared_euclidean":
        return
    before = run.fingerprint()
    for variable in distance.trainable_variables:
        variable.assign(variable + 0.5)
    run.save_encoders(sketch, sketch, Preprocessing(8, 3, distance=name), distance=distance)
    np.testing.assert_array_equal(run.load_distance().get_weights(), distance.get_weights())
    assert run.fingerprint() != before


def test_a_distance_that_is_missing_or_another_is_named(tmp_path):
    run, sketch = RunDirectory(tmp_path / "run"), encoder(1)
    with pytest.raises(ValueError, match=r"`preprocessing` must name holef. Received: squared_euclidean"):
        run.save_encoders(sketch, sketch, Preprocessing(8, 3), distance=make_distance("holef", 3))
    learned = Preprocessing(8, 3, distance="holef")
    with pytest.raises(ValueError, match=r"`preprocessing` must name squared_euclidean. Received: holef"):
        run.save_encoders(sketch, sketch, learned)
    run.save_encoders(sketch, sketch, learned, distance=make_distance("holef", 4))
    with pytest.raises(InputError, match=r"keras: expected holef of embeddings of 3; found holef of 4"):
        run.load_distance()
    (run.model / "distance.keras").unlink()
    with pytest.raises(InputError, match=r"distance\.keras: expected a learned distance; there is no"):
        run.load_distance()


def test_what_is_missing_or_damaged_is_named(tmp_path):
    run = RunDirectory(tmp_path)
    with pytest.raises(InputError, match=r"config\.json: expected a run directory"):
        _ = run.config
    with pytest.raises(InputError, match=r"sketch_encoder\.keras: expected the encoder of a finished run"):
        run.load_encoder("sketch")
    with pytest.raises(InputError, match=r"preprocessing\.json: expected the preprocessing"):
        run.preprocessing()
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json: expected JSON"):
        _ = run.config
    run.model.mkdir()
    (run.model / "sketch_encoder.keras").write_text("no model")
    with pytest.raises(InputError, match=r"sketch_encoder\.keras: expected a Keras model file"):
        run.load_encoder("sketch")


def test_a_model_file_cannot_bring_code(tmp_path):
    run = RunDirectory(tmp_path)
    image = keras.Input((8, 8, 1))
    evil = keras.Model(image, keras.layers.Lambda(lambda x: x + 1)(image))
    run.save_encoders(evil, evil, Preprocessing(8, 3))
    with pytest.raises(InputError, match="expected a Keras model file"):
        run.load_encoder("sketch")


def test_the_result_is_whole(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.start(CONFIG)
    run.write_result({"metrics": {"acc@1": 0.5}})
    assert run.result == {"metrics": {"acc@1": 0.5}} == json.loads((run.path / "result.json").read_text())


def classifier(num_classes):
    image = keras.Input((8, 8, 1))
    return keras.Model(image, keras.layers.Dense(num_classes, name="classes")(keras.layers.Flatten()(image)))


def test_a_classifier_comes_back_with_its_classes(tmp_path):
    run = RunDirectory(tmp_path / "run")
    model = classifier(2)
    run.save_encoders(encoder(1), encoder(1), Preprocessing(8, 3), model, ("bag", "shoe"))
    again, class_names = run.load_classifier()
    assert class_names == ("bag", "shoe")
    image = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 1)).astype("float32")
    np.testing.assert_array_equal(again(image), model(image))


def test_a_run_without_a_classifier_or_with_other_classes_is_named(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.save_encoders(encoder(1), encoder(1), Preprocessing(8, 3))
    with pytest.raises(InputError, match=r"classifier\.keras: expected the classifier of a finished run"):
        run.load_classifier()
    run.save_encoders(encoder(1), encoder(1), Preprocessing(8, 3), classifier(2), ("bag",))
    with pytest.raises(InputError, match=r"classes\.json: expected the names of 2 classes; found 1"):
        run.load_classifier()
