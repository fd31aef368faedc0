"""The recipe as users run it, on a few drawn objects."""

import dataclasses
import json
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from recipes.common import attribute_evaluation
from recipes.common.attributes import known_to_differ, num_differing, predicted_attributes
from tests.common_data import small_split
from tests.common_recipes import SMALL, command, losses, run, run_killed_and_resumed
from tfsbir.data import RGB, paired_folder
from tfsbir.data.attributes_csv import read_attribute_rows
from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing, center_crop
from tfsbir.runs import RunDirectory
from tfsbir.sampling import AttributeTriplets


def ranking(folder, workdir, *flags):
    return command("attribute_ranking", "paired_folder", folder, workdir, *SMALL, *flags)


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """The workdir of an undisturbed run, and what it printed."""
    workdir = tmp_path_factory.mktemp("runs") / "finished"
    done = run(ranking(folder, workdir, "--attribute_distance_weight=0.25"))
    assert done.returncode == 0, done.stderr
    return workdir, done


@pytest.fixture(scope="module")
def held_out(folder, tmp_path_factory):
    """The workdir of a run that chooses how much attributes count."""
    workdir = tmp_path_factory.mktemp("held_out") / "run"
    done = run(ranking(folder, workdir, "--holdout=0.4", "--sketches_take_photos", "--steps=2"))
    assert done.returncode == 0, done.stderr
    return workdir


def test_the_run_directory_has_attributes_and_the_mixed_distance(folder, finished):
    workdir, done = finished
    trained = RunDirectory(workdir)
    assert json.loads(done.stdout) == trained.result
    names, _ = read_attribute_rows(folder / "train" / "photo_attributes.csv")
    preprocessing = trained.preprocessing()
    assert preprocessing.attributes == tuple(names)
    assert preprocessing.embedding_dim == 256 + 2 * len(names)
    distance = trained.load_distance()
    scale = np.array(distance.scale)
    np.testing.assert_array_equal(scale[:256], 1.0)
    np.testing.assert_array_equal(scale[256 : -len(names)], 0.5)  # The root of 0.25.
    np.testing.assert_array_equal(scale[-len(names) :], 0.0)
    output = np.array(trained.load_encoder("sketch")(np.ones((1, 225, 225, 1), "float32")))
    assert np.all((output[:, 256:] > 0) & (output[:, 256:] < 1))
    softened, probabilities = np.split(output[:, 256:].astype("float64"), 2, axis=1)
    logits = np.log(probabilities / (1 - probabilities))
    np.testing.assert_allclose(softened, 1 / (1 + np.exp(-logits / 4)), rtol=1e-4)
    metrics = trained.result["metrics"]
    assert {"acc@1", "acc@1/embedding", "acc@1/attributes", "attribute_mAP/photo"} <= metrics.keys()
    assert "attribute_mAP/sketch" not in metrics  # Nobody said what the sketches have.
    with Image.open(trained.figures / "attributes_photo.png") as picture:
        assert picture.format == "PNG"
    measured = json.loads((workdir / "attributes.json").read_text())
    assert set(measured) == {"photo"}
    assert set(measured["photo"]) == set(names)


def test_evaluate_measures_with_the_mixed_distance(folder, finished):
    workdir, _ = finished
    done = run(command("evaluate", "paired_folder", folder, workdir, "--num_views=1"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["metrics"]
    wanted = RunDirectory(workdir).result["metrics"]
    assert found == pytest.approx({name: wanted[name] for name in found})


def test_a_killed_run_ends_like_an_undisturbed_one(folder, finished, tmp_path):
    workdir = tmp_path / "killed"
    run_killed_and_resumed(ranking(folder, workdir, "--attribute_distance_weight=0.25"), workdir)
    np.testing.assert_allclose(losses(workdir), losses(finished[0]), atol=1e-6)


def test_a_held_out_part_chooses_the_weight_and_another_run_takes_it(folder, held_out, tmp_path):
    chosen = json.loads((held_out / "attribute_distance_weight.json").read_text())
    reciprocal = {float(weight): value for weight, value in chosen["mean_reciprocal_rank"].items()}
    assert reciprocal[chosen["best"]] == max(reciprocal.values())
    assert all(0 < value <= 1 for value in reciprocal.values())
    flags = (
        "--steps=1", f"--attribute_distance_weight={held_out}", "--loss=triplet", "--sampling=random",
        "--lambda_a=0.2",
    )  # fmt: skip
    done = run(ranking(folder, tmp_path / "run", *flags))
    assert done.returncode == 0, done.stderr
    scale = np.array(RunDirectory(tmp_path / "run").load_distance().scale)
    num_attributes = (len(scale) - 256) // 2
    np.testing.assert_allclose(scale[256:-num_attributes] ** 2, chosen["best"], rtol=1e-6)


def test_sketches_may_take_their_photos_attributes(held_out):
    assert "attribute_mAP/sketch" in RunDirectory(held_out).result["metrics"]


def test_weights_of_negatives_are_the_frequencies_of_drawn_ones():
    random = np.random.default_rng(0)
    labels = random.integers(-1, 2, (6, 5)).astype(np.int8)
    split = dataclasses.replace(
        small_split(), attribute_names=tuple("abcde"), photo_attributes=labels, sketch_attributes=None
    )
    drawn = np.zeros((6, 6))
    sampler = AttributeTriplets(split, 1, seed=0, temperature=1.5)
    for step in range(6000):
        triplet = sampler(step)
        drawn[triplet["photo"][0], triplet["negative"][0]] += 1
    weights = np.exp(-np.asarray(num_differing(tf.constant(labels), tf.constant(labels))) / 1.5)
    np.fill_diagonal(weights, 0)
    expected = weights / weights.sum(axis=1, keepdims=True) * drawn.sum(axis=1, keepdims=True)
    # Counts are within 5 standard deviations of what they should be.
    assert np.all(np.abs(drawn - expected) <= 5 * np.sqrt(expected + 1))


def test_attributes_tell_photos_apart_that_are_known_to_differ():
    photo = np.array([[1, 0, -1], [1, 0, 1], [1, 0, 0], [-1, -1, -1]], np.int8)
    negative = np.array([[1, -1, 0], [1, 0, 1], [0, 0, 0], [1, 0, 1]], np.int8)
    differs = known_to_differ(tf.constant(photo), tf.constant(negative))
    np.testing.assert_array_equal(differs, [0.0, 0.0, 1.0, 0.0])
    each_with_each = known_to_differ(tf.constant(photo)[:, None], tf.constant(negative)[None])
    np.testing.assert_array_equal(np.diag(each_with_each), differs)
    np.testing.assert_array_equal(each_with_each[0], [0.0, 0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("-1", r"`attribute_distance_weight` must be >= 0 and finite. Received: -1"),
        ("nan", r"`attribute_distance_weight` must be >= 0 and finite. Received: nan"),
        ("nowhere", r"nowhere/attribute_distance_weight.json: expected the weight that a run with --holdout"),
        ("{folder}", r"attribute_distance_weight.json: expected the weight .*; KeyError\('best'\)"),
    ],
)
def test_weights_that_are_none(monkeypatch, tmp_path, given, message):
    (tmp_path / "attribute_distance_weight.json").write_text("{}")
    given = given.format(folder=tmp_path)
    monkeypatch.setattr(attribute_evaluation, "FLAGS", types.SimpleNamespace(attribute_distance_weight=given))
    with pytest.raises(InputError, match=message):
        attribute_evaluation.attribute_distance_weight()


def test_data_without_attributes_are_told(folder, tmp_path):
    for split in ("train", "test"):
        (tmp_path / "data" / split).mkdir(parents=True)
        for part in ("sketches", "photos"):
            (tmp_path / "data" / split / part).symlink_to(folder / split / part)
    done = run(ranking(tmp_path / "data", tmp_path / "run"))
    assert done.returncode == 1
    assert "must name a table, or `attributes_from` a run" in done.stderr


def test_what_a_run_predicts_teaches_another(folder, finished, tmp_path):
    flags = ("--steps=1", f"--attributes_from={finished[0]}", "--confidence=0.5")
    done = run(ranking(folder, tmp_path / "run", *flags))
    assert done.returncode == 0, done.stderr
    for domain in ("photos", "sketches"):
        assert f"predicts 100 % of the attributes of {domain}" in done.stderr
    names = RunDirectory(finished[0]).preprocessing().attributes
    assert RunDirectory(tmp_path / "run").preprocessing().attributes == names


def test_predictions_that_are_not_sure_are_not_known(folder, finished):
    split = paired_folder(folder, "train")
    trained = RunDirectory(finished[0])
    probabilities = np.asarray(trained.load_encoder("photo")(center_crop(split.photos, 225)))
    probabilities = probabilities[:, -len(trained.preprocessing().attributes) :]
    confidence = float(np.median(np.maximum(probabilities, 1 - probabilities)))
    labelled = predicted_attributes(split, trained, confidence)
    is_sure = np.maximum(probabilities, 1 - probabilities) > confidence + 1e-5
    is_unsure = np.maximum(probabilities, 1 - probabilities) < confidence - 1e-5
    assert is_sure.any() and is_unsure.any()
    np.testing.assert_array_equal(labelled.photo_attributes[is_sure], probabilities[is_sure] >= 0.5)
    assert np.all(labelled.photo_attributes[is_unsure] == -1)
    assert labelled.sketch_attributes.shape == (len(split.sketches), probabilities.shape[1])


def test_a_run_without_attributes_teaches_none(folder, finished, tmp_path):
    trained = RunDirectory(finished[0])
    plain = RunDirectory(tmp_path / "plain")
    encoder = trained.load_encoder("sketch")
    plain.save_encoders(encoder, encoder, Preprocessing(225, encoder.output_shape[-1]))
    with pytest.raises(
        InputError, match=r"plain: expected a run that predicts attributes; its encoders do not"
    ):
        predicted_attributes(paired_folder(folder, "train"), plain, 0.8)
    with pytest.raises(InputError, match=r"expected a run on photos as rgb; found edges"):
        predicted_attributes(paired_folder(folder, "train", RGB), trained, 0.8)
