import numpy as np
import pytest
from absl import app

from export import common
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
