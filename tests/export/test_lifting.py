"""Exports of a run with a learned distance: what they lift agrees with the run, and tfsbir reads them."""

import json
import subprocess
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from export import common, litert, saved_model
from export.litert import export_litert
from export.litert_conversion import convert_lifting
from export.saved_model import export_saved_model
from tests.export.small_run import EMBEDDING_DIM
from tfsbir.distances import HOLEF, Mahalanobis, WeightedEuclidean
from tfsbir.errors import InputError
from tfsbir.retrieval import open_encoder

NUM_PAIRS = 16  # Four held-out sketches, four photos.

# Runs with tfsbir and Keras out of reach, as in a server that has only TensorFlow.
LIFT_ALONE = """
import sys
sys.modules["tfsbir"] = sys.modules["keras"] = None
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
given = np.load(sys.argv[2])
query = model.signatures["lift_query"](embedding=tf.constant(given["sketch"]))
photo = model.signatures["lift_photo"](embedding=tf.constant(given["photo"]))
distance = query["constant"][:, None] - tf.matmul(query["lifted"], photo["lifted"], transpose_b=True)
np.save(sys.argv[3], distance)
"""


@pytest.fixture(scope="module")
def exports(holef_run, tmp_path_factory):
    """The folder and the report of each export."""
    folder = tmp_path_factory.mktemp("exports")
    made = {
        "saved_model": export_saved_model(holef_run.path, folder / "saved_model"),
        "int8": export_litert(holef_run.path, folder / "int8", "int8"),
    }
    return {name: (folder / name, report) for name, report in made.items()}


@pytest.fixture(scope="module")
def embeddings(holef_run):
    """Dict by domain of Keras' embeddings of held-out images."""
    images, encoder = common.real_images(holef_run), holef_run.load_encoder("sketch")
    return {domain: np.asarray(encoder(images[domain].held_out)) for domain in common.DOMAINS}


def test_a_saved_model_lifts_with_tensorflow_alone(exports, holef_run, embeddings, tmp_path):
    np.savez(tmp_path / "embeddings.npz", **embeddings)
    arguments = [exports["saved_model"][0], tmp_path / "embeddings.npz", tmp_path / "distance.npy"]
    done = subprocess.run(
        [sys.executable, "-c", LIFT_ALONE, *map(str, arguments)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = holef_run.load_distance().pairwise(embeddings["sketch"], embeddings["photo"])
    np.testing.assert_allclose(np.load(tmp_path / "distance.npy"), expected, atol=1e-4)


def test_litert_lifts_one_embedding_in_float32_even_after_int8(exports, holef_run, embeddings):
    folder, _ = exports["int8"]
    query, photo = (
        Interpreter(model_path=str(folder / f"{name}.tflite")) for name in ("lift_query", "lift_photo")
    )
    assert query.get_signature_list() == {
        "lift_query": {"inputs": ["embedding"], "outputs": ["constant", "lifted"]}
    }
    assert photo.get_signature_list() == {"lift_photo": {"inputs": ["embedding"], "outputs": ["lifted"]}}
    lift_query, lift_photo = query.get_signature_runner(), photo.get_signature_runner()
    found = [
        [
            lift_query(embedding=sketch[None])["constant"][0]
            - lift_query(embedding=sketch[None])["lifted"][0] @ lift_photo(embedding=other[None])["lifted"][0]
            for other in embeddings["photo"]
        ]
        for sketch in embeddings["sketch"]
    ]
    expected = holef_run.load_distance().pairwise(embeddings["sketch"], embeddings["photo"])
    np.testing.assert_allclose(found, expected, atol=1e-4)
    (details,) = query.get_input_details()
    assert (list(details["shape"]), details["dtype"]) == ([1, EMBEDDING_DIM], np.float32)


@pytest.mark.parametrize("layer", [WeightedEuclidean, Mahalanobis])
def test_the_other_distances_are_lifted_too(layer):
    distance = layer(4)
    (weights,) = distance.get_weights()
    distance.set_weights([np.random.default_rng(0).normal(size=weights.shape)])
    runners = {
        name: Interpreter(model_content=model).get_signature_runner()
        for name, model in convert_lifting(distance).items()
    }
    sketch, photo = np.random.default_rng(1).normal(size=(2, 1, 4)).astype(np.float32)
    query = runners["lift_query"](embedding=sketch)
    found = query["constant"] - query["lifted"] @ runners["lift_photo"](embedding=photo)["lifted"][0]
    np.testing.assert_allclose(found, distance((sketch, photo)), rtol=1e-5)


def test_an_exported_encoder_opens_with_the_run_s_weights(exports, holef_run):
    expected = open_encoder(holef_run.path)
    for folder, _ in exports.values():
        encoder = open_encoder(folder)
        assert encoder.fingerprint == expected.fingerprint
        assert encoder.lifting.distance == encoder.preprocessing.distance == "holef"
        np.testing.assert_array_equal(encoder.lifting.weights, expected.lifting.weights)


def test_the_folder_says_what_it_is(exports):
    names = {path.name for path in exports["int8"][0].iterdir()}
    domains = {"sketch_encoder.tflite", "photo_encoder.tflite"}
    models = {*domains, "lift_query.tflite", "lift_photo.tflite"}
    assert names == {*models, "distance.npy", "preprocessing.json", "encoder.json", "report.json"}
    for name, (folder, report) in exports.items():
        assert json.loads((folder / "report.json").read_text()) == report
        parity = report["distance_parity"]
        assert (parity["distance"], parity["num_distances"]) == ("holef", NUM_PAIRS)
        assert 0 <= parity["mean_distance_error"] <= parity["max_distance_error"]
        assert parity["max_distance_error"] <= parity["tolerance"]["max_distance_error"]
        limits = {"saved_model": saved_model.MAX_DISTANCE_ERROR, **litert.MAX_DISTANCE_ERROR}
        assert parity["tolerance"]["max_distance_error"] == limits[name]
    assert set(exports["int8"][1]["files"]) == models


def test_beyond_the_tolerance_nothing_is_left(holef_run, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"`max_distance_error` <= 0\.0, .* on 16 pairs .* Received: "):
        export_litert(holef_run.path, tmp_path / "out", "none", max_distance_error=0.0)
    write = saved_model.write_saved_model

    def write_another(encoders, folder, distance):
        # Weights that differ a little, as those of another checkpoint would.
        changed = HOLEF(EMBEDDING_DIM)
        changed.pair_weights.assign(distance.pair_weights + 0.01)
        write(encoders, folder, distance=changed)

    monkeypatch.setattr(saved_model, "write_saved_model", write_another)
    with pytest.raises(InputError, match=r"`max_distance_error` <= 0\.001, as a share of the range"):
        export_saved_model(holef_run.path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
