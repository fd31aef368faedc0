"""The same embeddings from a run directory, a SavedModel and LiteRT; errors of folders that are neither."""

import json
import re
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.distances.common_distances import holef, mahalanobis
from tests.retrieval.learned_distances import LEARNED, lifting_of
from tests.retrieval.tiny_run import EMBEDDING_DIM, write_tiny_run
from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval import Encoder, encoder_kind, open_encoder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_tiny_run(tmp_path_factory.mktemp("run"), is_siamese=False, photo_input="rgb")


@pytest.fixture(scope="module")
def saved_model(run, tmp_path_factory):
    return write_saved_model(run, tmp_path_factory.mktemp("saved_model"))


def write_saved_model(run, folder):
    """Exports a run as the project's exporter does: two signatures from `image` to `embedding`."""
    module = tf.Module()
    module.models = {domain: run.load_encoder(domain) for domain in ("sketch", "photo")}
    signatures = {}
    for domain, model in module.models.items():
        spec = tf.TensorSpec(model.input_shape, tf.float32, name="image")
        function = tf.function(lambda image, model=model: {"embedding": model(image)}, input_signature=[spec])
        signatures[f"encode_{domain}"] = function.get_concrete_function()
    tf.saved_model.save(module, str(folder), signatures)
    write_export_files(run, folder, "saved_model")
    return folder


def write_export_files(run, folder, kind):
    files.write_json(folder / "preprocessing.json", run.preprocessing().to_json())
    files.write_json(folder / "encoder.json", {"fingerprint": run.fingerprint(), "kind": kind})


def inputs(channels, count=5):
    random = np.random.default_rng(0)
    return random.uniform(-1, 1, (count, 64, 64, channels)).astype(np.float32)


def test_a_run_gives_what_its_keras_models_give(run):
    encoder = open_encoder(run.path)
    assert encoder.kind == "run"
    assert encoder.fingerprint == run.fingerprint()
    assert encoder.preprocessing == run.preprocessing()
    sketches, photos = inputs(1), inputs(3)
    expected = run.load_encoder("sketch")(sketches).numpy()
    np.testing.assert_allclose(encoder.encode_sketches(sketches), expected, atol=1e-6)
    expected = run.load_encoder("photo")(photos).numpy()
    np.testing.assert_allclose(encoder.encode_photos(photos), expected, atol=1e-6)


def test_a_siamese_run_encodes_photos_as_it_does_sketches(tmp_path):
    encoder = open_encoder(write_tiny_run(tmp_path).path)
    images = inputs(1)
    np.testing.assert_array_equal(encoder.encode_sketches(images), encoder.encode_photos(images))


def test_any_number_of_images_is_encoded(run):
    encoder = open_encoder(run.path)
    images = inputs(1, 130)  # More than two batches of 64.
    embeddings = encoder.encode_sketches(images)
    assert embeddings.dtype == np.float32
    for start in (0, 64, 129):
        np.testing.assert_allclose(
            embeddings[start : start + 1], encoder.encode_sketches(images[start : start + 1]), atol=1e-6
        )
    assert encoder.encode_sketches(images[:0]).shape == (0, 8)


def test_a_saved_model_agrees_with_its_run(run, saved_model):
    encoder, expected = open_encoder(saved_model), open_encoder(run.path)
    assert encoder.kind == "saved_model"
    assert encoder.fingerprint == expected.fingerprint
    np.testing.assert_allclose(
        encoder.encode_sketches(inputs(1)), expected.encode_sketches(inputs(1)), atol=1e-6
    )
    np.testing.assert_allclose(encoder.encode_photos(inputs(3)), expected.encode_photos(inputs(3)), atol=1e-6)


@pytest.mark.parametrize("io_type", [tf.float32, tf.int8])
def test_litert_agrees_with_its_run(run, tmp_path, io_type):
    for domain, channels in (("sketch", 1), ("photo", 3)):
        signature = [keras.InputSpec(shape=(1, 64, 64, channels), dtype="float32")]
        run.load_encoder(domain).export(tmp_path / domain, input_signature=signature, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / domain))
        if io_type == tf.int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            images = inputs(channels, 32)
            converter.representative_dataset = lambda images=images: ([image[None]] for image in images)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = io_type
        (tmp_path / f"{domain}_encoder.tflite").write_bytes(converter.convert())
    write_export_files(run, tmp_path, "litert")
    encoder, expected = open_encoder(tmp_path), open_encoder(run.path)
    assert encoder.kind == "litert"
    for found, wanted in (
        (encoder.encode_sketches(inputs(1)), expected.encode_sketches(inputs(1))),
        (encoder.encode_photos(inputs(3)), expected.encode_photos(inputs(3))),
    ):
        # Lengths are the model's own: arithmetic in int8 keeps them less well than directions.
        np.testing.assert_allclose(
            np.linalg.norm(found, axis=1), 1, atol=0.05 if io_type == tf.int8 else 1e-6
        )
        assert (found * wanted).sum(axis=1).min() > (0.95 if io_type == tf.int8 else 0.999999)


def test_an_image_of_another_shape_is_refused(run):
    with pytest.raises(
        ValueError, match=re.escape("`images` must have the shape (None, 64, 64, 1). Received: ")
    ):
        open_encoder(run.path).encode_sketches(inputs(3))


def test_folders_without_an_encoder_are_refused(tmp_path):
    (tmp_path / "file").touch()
    for name, found in (("absent", "there is no such folder"), ("file", "it is not a folder")):
        with pytest.raises(InputError, match=f"{name}: expected a run directory or an export; {found}"):
            encoder_kind(tmp_path / name)
    message = "expected a run directory (config.json, model/) or an export (encoder.json beside"
    with pytest.raises(InputError, match=re.escape(message)):
        encoder_kind(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "encoder.json: expected JSON; "),
        ("[]", 'encoder.json: expected an object with "fingerprint"; found none'),
        ('{"fingerprint": "a", "kind": "onnx"}', "expected \"kind\" saved_model or litert; found 'onnx'"),
    ],
)
def test_a_damaged_encoder_file_is_named(tmp_path, text, message):
    (tmp_path / "encoder.json").write_text(text)
    with pytest.raises(InputError, match=message):
        encoder_kind(tmp_path)


def test_damaged_models_are_named(run, saved_model, tmp_path):
    write_export_files(run, tmp_path, "litert")
    with pytest.raises(InputError, match=r"sketch_encoder.tflite: expected a LiteRT model; there is no such"):
        open_encoder(tmp_path)
    (tmp_path / "sketch_encoder.tflite").write_bytes(b"not a model")
    with pytest.raises(InputError, match=r"sketch_encoder.tflite: expected a LiteRT model; [^\n]+$"):
        open_encoder(tmp_path)
    write_export_files(run, tmp_path, "saved_model")
    with pytest.raises(InputError, match=r"expected a SavedModel; [^\n]+$"):
        open_encoder(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes((saved_model / "saved_model.pb").read_bytes()[:-100])
    with pytest.raises(InputError, match=r"expected a SavedModel; [^\n]+$"):
        open_encoder(tmp_path)


def test_a_saved_model_without_the_signatures_is_named(run, tmp_path):
    module = tf.Module()
    tf.saved_model.save(module, str(tmp_path))
    write_export_files(run, tmp_path, "saved_model")
    with pytest.raises(InputError, match=r"expected the signature encode_sketch; found \[\]"):
        open_encoder(tmp_path)


def test_the_kind_is_told_without_reading_the_model(tmp_path):
    (tmp_path / "encoder.json").write_text(json.dumps({"fingerprint": "a", "kind": "litert"}))
    assert encoder_kind(tmp_path) == "litert"
    (tmp_path / "run" / "model").mkdir(parents=True)
    assert encoder_kind(tmp_path / "run") == "run"


@pytest.mark.parametrize("name", LEARNED)
def test_a_run_lifts_by_its_learned_distance(tmp_path, name):
    layer = LEARNED[name](EMBEDDING_DIM)
    run = write_tiny_run(tmp_path, distance=layer)
    lifting = open_encoder(run.path).lifting
    assert (lifting.distance, lifting.dim) == (name, EMBEDDING_DIM)
    np.testing.assert_array_equal(lifting.weights, run.load_distance().get_weights()[0])


def test_squared_euclidean_needs_no_lifting(run, saved_model):
    assert open_encoder(run.path).lifting is None
    assert open_encoder(saved_model).lifting is None


def test_an_export_lifts_by_its_weights_and_damaged_ones_are_named(run, saved_model, tmp_path):
    folder = tmp_path / "export"
    shutil.copytree(saved_model, folder)
    preprocessing = {**run.preprocessing().to_json(), "distance": "holef"}
    files.write_json(folder / "preprocessing.json", preprocessing)
    path = folder / "distance.npy"
    expected = "distance.npy: expected the weights of holef for embeddings of 8; "
    with pytest.raises(InputError, match=re.escape(expected + "there is no such file")):
        open_encoder(folder)
    for data, message in (
        (b"", "."),
        (lifting_of(mahalanobis(8)).to_bytes()[:-1], "."),
        (lifting_of(LEARNED["weighted_euclidean"](8)).to_bytes(), "`weights` must have the shape"),
        (lifting_of(holef(7)).to_bytes(), "found those for 7"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=f"{re.escape(expected)}.*{message}"):
            open_encoder(folder)
    path.write_bytes(lifting_of(holef(8)).to_bytes())
    lifting = open_encoder(folder).lifting
    np.testing.assert_array_equal(lifting.weights, holef(8).get_weights()[0])


def test_the_lifting_must_be_that_of_the_preprocessing():
    unlifted, lifted = Preprocessing(64, 8), Preprocessing(64, 8, distance="holef")
    for preprocessing, lifting, message in (
        (unlifted, lifting_of(holef(8)), "that of None. Received: ('holef', 8)"),
        (lifted, None, "that of ('holef', 8). Received: None"),
        (lifted, lifting_of(mahalanobis(8)), "that of ('holef', 8). Received: ('mahalanobis', 8)"),
        (lifted, lifting_of(holef(7)), "that of ('holef', 8). Received: ('holef', 7)"),
    ):
        with pytest.raises(ValueError, match=re.escape(f"`lifting` must be {message}")):
            Encoder(Path("/runs/a"), "run", "made", preprocessing, None, None, lifting)


def test_an_embedding_of_zeros_is_no_obstacle(tmp_path):
    image = keras.Input((64, 64, 1))
    nothing = keras.layers.Dense(8, kernel_initializer="zeros")(keras.layers.Flatten()(image))
    keras.Model(image, nothing).export(
        tmp_path / "model", input_signature=[keras.InputSpec("float32", (1, 64, 64, 1))], verbose=False
    )
    model = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "model")).convert()
    (tmp_path / "sketch_encoder.tflite").write_bytes(model)
    files.write_json(tmp_path / "preprocessing.json", Preprocessing(64, 8).to_json())
    files.write_json(tmp_path / "encoder.json", {"fingerprint": "made", "kind": "litert"})
    np.testing.assert_array_equal(open_encoder(tmp_path).encode_sketches(inputs(1, 2)), np.zeros((2, 8)))
