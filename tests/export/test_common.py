import keras
import numpy as np
import pytest
from absl import app

from export import common
from tfsbir.distances import HOLEF
from tfsbir.errors import InputError

TOLERANCE = {"min_cosine": 0.999, "max_norm_error": 1e-3}


@pytest.fixture(scope="module")
def subjects(siamese_run):
    return common.load_encoders(siamese_run), common.real_images(siamese_run, num_calibration=5)


def test_images_are_the_runs_own_and_no_image_is_in_both_parts(siamese_run):
    images = common.real_images(siamese_run, num_calibration=100)
    split, preprocessing = siamese_run.train_split(), siamese_run.preprocessing()
    for domain, stored in (("sketch", split.sketches), ("photo", split.photos)):
        known = {image.tobytes(): i for i, image in enumerate(preprocessing.center(stored))}
        calibration = [known[image.tobytes()] for image in images[domain].calibration]
        held_out = [known[image.tobytes()] for image in images[domain].held_out]
        assert sorted(calibration + held_out) == list(range(16))
        assert len(held_out) == 4


def test_at_most_the_wanted_images_are_drawn_and_always_the_same(subjects, siamese_run):
    _, images = subjects
    assert len(images["sketch"].calibration) == len(images["photo"].calibration) == 5
    again = common.real_images(siamese_run, num_calibration=5)
    np.testing.assert_array_equal(images["sketch"].calibration, again["sketch"].calibration)
    assert len(common.real_images(siamese_run)["sketch"].calibration) == 0


def test_equal_embeddings_pass(subjects):
    encoders, images = subjects
    parity = common.compare(encoders, encoders, images, **TOLERANCE)
    assert parity["num_images"] == 8
    assert parity["min_cosine"] == pytest.approx(1)
    assert parity["max_norm_error"] < 1e-6
    assert parity["tolerance"] == TOLERANCE


@pytest.mark.parametrize(
    "distort",
    [
        lambda embedding: embedding[:, ::-1],
        lambda embedding: embedding * 1.01,
        lambda embedding: embedding * 0.0,
        lambda embedding: embedding * np.nan,
        lambda embedding: -embedding,
    ],
    ids=["direction", "norm", "zero", "nan", "sign"],
)
@pytest.mark.parametrize("domain", common.DOMAINS)
def test_a_wrong_embedding_of_either_domain_fails(subjects, domain, distort):
    encoders, images = subjects
    encoder = encoders[domain]
    wrong = {**encoders, domain: lambda image: distort(np.asarray(encoder(image)))}
    with pytest.raises(
        InputError, match=r"must have `min_cosine` >= 0\.999 .* on 8 training images\. Received"
    ):
        common.compare(encoders, wrong, images, **TOLERANCE)


def test_one_wrong_image_of_many_fails(subjects):
    encoders, images = subjects
    calls = []

    def wrong_once(image):
        calls.append(image)
        return np.asarray(encoders["sketch"](image)) * (1.01 if len(calls) == 3 else 1.0)

    with pytest.raises(InputError, match="`max_norm_error`"):
        common.compare(encoders, {**encoders, "sketch": wrong_once}, images, **TOLERANCE)


def test_latency_is_in_milliseconds_and_ordered():
    latency = common.measure_latency(lambda image: sum(range(20_000)), None, num_threads=1)
    assert 0.01 < latency["p10"] <= latency["median"] <= latency["p90"] < 1000
    assert latency["num_threads"] == 1


def test_only_a_new_or_empty_folder_or_an_export_may_be_written_to(tmp_path):
    common.check_output(tmp_path / "new" / "er")
    (tmp_path / "empty").mkdir()
    common.check_output(tmp_path / "empty")
    (tmp_path / "encoder.json").write_text("{}")
    common.check_output(tmp_path)
    for name in ("full", "file"):
        other = tmp_path / name
        if name == "full":
            other.mkdir()
            (other / "letter.txt").write_text("dear")
        else:
            other.write_text("dear")
        with pytest.raises(
            InputError, match="`output` must be a new folder, an empty one or an older export"
        ):
            common.check_output(other)
    with pytest.raises(InputError, match=r"`output` must lie in a folder\. Received: .* is a file"):
        common.check_output(tmp_path / "file" / "below" / "out")


def test_an_argument_that_is_no_flag_is_refused():
    common.check_arguments(["litert"])
    with pytest.raises(app.UsageError, match=r"every argument must be a flag\. Received: int8"):
        common.check_arguments(["litert", "int8"])


def layer_lift(distance):
    """Returns the lifting of `compare_distances`, from the layer itself."""

    def lift_query(embedding):
        constant = distance.distance_of(embedding, np.zeros((1, 1), np.float32))
        return np.asarray(distance.lift_query(embedding)), np.asarray(constant)[:, 0]

    return {"sketch": lift_query, "photo": lambda embedding: np.asarray(distance.lift_photo(embedding))}


def test_equal_distances_pass_and_wrong_ones_of_either_domain_fail():
    distance = HOLEF(5)
    rng = np.random.default_rng(0)
    distance.pair_weights.assign(rng.normal(size=(5, 5)))
    embedding = keras.Input((5,))
    encoders = dict.fromkeys(common.DOMAINS, keras.Model(embedding, embedding))
    encode = dict.fromkeys(common.DOMAINS, np.asarray)
    images = {
        domain: common.RealImages(None, rng.normal(size=(count, 5)).astype(np.float32))
        for domain, count in (("sketch", 4), ("photo", 3))
    }
    lift = layer_lift(distance)
    parity = common.compare_distances(encoders, distance, encode, lift, images, 1e-3)
    assert (parity["distance"], parity["num_distances"]) == ("holef", 12)
    assert 0 <= parity["mean_distance_error"] <= parity["max_distance_error"] < 1e-3
    assert parity["tolerance"] == {"max_distance_error": 1e-3}
    for wrong in (
        {**lift, "photo": lambda embedding: 1.01 * lift["photo"](embedding)},
        {**lift, "photo": lambda embedding: np.nan * lift["photo"](embedding)},
        {**lift, "sketch": lambda embedding: (lift["sketch"](embedding)[0], np.zeros(1))},
    ):
        with pytest.raises(InputError, match=r"`max_distance_error` <= 0\.001, .* on 12 pairs of training"):
            common.compare_distances(encoders, distance, encode, wrong, images, 1e-3)
    one = {domain: common.RealImages(None, both.held_out[:1]) for domain, both in images.items()}
    with pytest.raises(InputError, match=r"must be finite and differ\. Received: a range of 0"):
        common.compare_distances(encoders, distance, encode, lift, one, 1e-3)


def test_squared_euclidean_has_no_learned_distance(siamese_run):
    assert common.load_learned_distance(siamese_run) is None
