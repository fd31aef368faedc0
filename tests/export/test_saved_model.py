import base64
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import config_pb2

from export import common, saved_model, sent_files
from export.saved_model import export_saved_model
from tests.common_processes import run_module
from tests.export.small_run import EMBEDDING_DIM, IMAGE_SIZE
from tfsbir.distances import SquaredEuclidean
from tfsbir.errors import InputError
from tfsbir.retrieval import open_encoder

ROOT = Path(__file__).resolve().parents[2]
SERVE_ALONE = ROOT / "tests" / "export" / "serve_alone.py"


@pytest.fixture(scope="module")
def exported(rgb_run, tmp_path_factory):
    """The folder, in which TensorFlow Serving looks for versions, and the report."""
    output = tmp_path_factory.mktemp("saved_model") / "models" / "shoes" / "1"
    return output, export_saved_model(rgb_run.path, output)


@pytest.fixture(scope="module")
def client_files(tmp_path_factory):
    """Paths of files of each domain as a client has them."""
    folder = tmp_path_factory.mktemp("client")
    lines = np.full((300, 400), 255, np.uint8)
    cv2.polylines(lines, [np.array([[60, 40], [330, 90], [200, 260], [90, 200]], np.int32)], True, 0, 6)
    drawn = Image.fromarray(np.zeros_like(lines)).convert("RGBA")
    drawn.putalpha(Image.fromarray(255 - lines))
    drawn.save(folder / "transparent.png")
    Image.fromarray(lines).resize((1600, 1200)).save(folder / "large.jpg", quality=90)
    Image.fromarray(lines).save(folder / "grey.png")
    colours = np.random.default_rng(0).uniform(0, 255, (4, 5, 3))
    photo = Image.fromarray(np.clip(cv2.resize(colours, (500, 380)), 0, 255).astype(np.uint8))
    photo.save(folder / "photo.jpg")
    return {
        "sketch": [folder / name for name in ("transparent.png", "large.jpg", "grey.png")],
        "photo": [folder / "photo.jpg"],
    }


@pytest.fixture(scope="module")
def served(exported, client_files, tmp_path_factory):
    """Answers, by name, of a process that has TensorFlow alone, to the requests of docs/serving.md."""
    rng = np.random.default_rng(0)
    sketch, photo = (rng.normal(size=(num, EMBEDDING_DIM)).astype(np.float32) for num in (2, 3))
    image = np.ones((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
    image[:, 20:30, 10:50] = -1
    named = [{"image_bytes": b64(path.read_bytes())} for path in client_files["sketch"]]
    photo_bytes = [b64(path.read_bytes()) for path in client_files["photo"]]
    bodies = {
        "image": {"instances": [{"image": image[0].tolist()}]},
        "sketches": {"signature_name": "encode_sketch_bytes", "instances": named},
        "photos": {"signature_name": "encode_photo_bytes", "instances": photo_bytes},
        "columns": {"signature_name": "encode_photo_bytes", "inputs": {"image_bytes": photo_bytes}},
        "distance": {
            "signature_name": "distance",
            "inputs": {"sketch": sketch.tolist(), "photo": photo.tolist()},
        },
        "text": {
            "signature_name": "encode_sketch_bytes",
            "instances": [named[0], {"image_bytes": b64(b"a shoe, please")}],
        },
        "nested": {
            "signature_name": "encode_sketch_bytes",
            "instances": [{"image_bytes": [instance["image_bytes"]]} for instance in named],
        },
        "short": {
            "signature_name": "distance",
            "inputs": {"sketch": sketch[:, :7].tolist(), "photo": photo[:, :7].tolist()},
        },
    }
    folder = tmp_path_factory.mktemp("served")
    (folder / "requests.json").write_text(json.dumps(list(bodies.values())))
    arguments = [exported[0], folder / "requests.json", folder / "answers.json"]
    done = subprocess.run(
        [sys.executable, *map(str, (SERVE_ALONE, *arguments))],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = dict(zip(bodies, json.loads((folder / "answers.json").read_text()), strict=True))
    return answers, {"image": image, "sketch": sketch, "photo": photo}


def b64(contents):
    return {"b64": base64.b64encode(contents).decode("ascii")}


def saved_model_cli(*arguments, cwd):
    """Runs TensorFlow's command of this name."""
    module = "tensorflow.python.tools.saved_model_cli"
    done = run_module([sys.executable, "-m", module, *arguments], cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def embeddings_of(run, domain, paths):
    """What tfsbir makes of the files."""
    encoder = open_encoder(run.path)
    images = np.stack([getattr(encoder.preprocessing, f"read_{domain}")(path) for path in paths])
    return encoder.encode_sketches(images) if domain == "sketch" else encoder.encode_photos(images)


def cosines(found, expected):
    found = np.asarray(found, np.float64)
    assert found.shape == expected.shape
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return np.sum(found * expected, axis=1) / norms


def test_an_image_in_json_gives_tfsbir_s_embedding(served, rgb_run):
    answers, given = served
    expected = open_encoder(rgb_run.path).encode_sketches(given["image"])
    np.testing.assert_allclose(answers["image"]["predictions"], expected, atol=1e-5)


def test_files_in_json_give_tfsbir_s_embeddings(served, rgb_run, client_files):
    answers, _ = served
    for name, domain in (("sketches", "sketch"), ("photos", "photo")):
        expected = embeddings_of(rgb_run, domain, client_files[domain])
        assert np.all(cosines(answers[name]["predictions"], expected) > 1 - 1e-5)
    assert answers["columns"]["outputs"] == answers["photos"]["predictions"]


def test_distances_in_columns_are_tfsbir_s(served):
    answers, given = served
    expected = SquaredEuclidean().pairwise(given["sketch"], given["photo"])
    np.testing.assert_allclose(answers["distance"]["outputs"], expected, rtol=1e-5)


def test_a_client_s_mistakes_are_told_by_name(served):
    answers, _ = served
    assert "`image_bytes`, row 1, must be a PNG or JPEG file. Received: 14 bytes" in answers["text"]["error"]
    message = "`image_bytes` must have the shape (num). Received: (3, 1)"
    assert message in answers["nested"]["error"]
    message = f"`sketch` must have the shape (num, {EMBEDDING_DIM}). Received: (2, 7)"
    assert message in answers["short"]["error"]


def test_saved_model_cli_shows_the_signatures_and_runs_one(exported, rgb_run, client_files, tmp_path):
    model = ["--dir", exported[0], "--tag_set", "serve"]
    shown = saved_model_cli("show", "--dir", exported[0], "--all", cwd=tmp_path)
    for name in ("encode_sketch", "encode_photo", "encode_sketch_bytes", "encode_photo_bytes", "distance"):
        assert f"signature_def['{name}']" in shown
    assert f"shape: (-1, {EMBEDDING_DIM})" in shown
    # As many bytes as the longest has; neither format ends in the zeros which that type cuts off.
    files = np.array([path.read_bytes() for path in client_files["sketch"]])
    np.save(tmp_path / "files.npy", files)
    arguments = [
        "--signature_def",
        "encode_sketch_bytes",
        "--inputs",
        "image_bytes=files.npy",
        "--outdir",
        "out",
    ]
    saved_model_cli("run", *model, *arguments, cwd=tmp_path)
    found = np.load(tmp_path / "out" / "embedding.npy")
    assert np.all(cosines(found, embeddings_of(rgb_run, "sketch", client_files["sketch"])) > 1 - 1e-5)


def test_distances_of_other_lengths_are_refused_where_no_signature_is_checked(exported):
    """As in TensorFlow Serving, which runs the graph without comparing shapes with the signature's."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(exported[0]))
        signature = loaded.signature_def["distance"]
        # Unlike `session.run`, what this makes does not look at shapes.
        feeds = [signature.inputs[domain].name for domain in common.DOMAINS]
        options = config_pb2.CallableOptions(feed=feeds, fetch=[signature.outputs["distance"].name])
        pairwise = session._make_callable_from_options(options)
        right, short = np.ones((2, EMBEDDING_DIM), np.float32), np.ones((3, 7), np.float32)
        assert pairwise(right, right)[0].shape == (2, 2)
        for given, name in (
            ((right, short), "photo"),
            ((short, short), "sketch"),
            ((right[0], right), "sketch"),
        ):
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"`{name}` must have the shape"):
                pairwise(*given)


def test_the_folder_says_what_it_is(exported, rgb_run):
    output, report = exported
    names = {path.name for path in output.iterdir()}
    assert {"saved_model.pb", "variables", "preprocessing.json", "encoder.json", "report.json"} <= names
    assert json.loads((output / "encoder.json").read_text()) == {
        "fingerprint": rgb_run.fingerprint(),
        "kind": "saved_model",
    }
    assert json.loads((output / "report.json").read_text()) == report
    described = {"preprocessing.json", "encoder.json", "report.json"}
    files = [path for path in output.rglob("*") if path.is_file() and path.name not in described]
    assert report["size_bytes"] == sum(path.stat().st_size for path in files)
    assert report["parity"]["num_images"] == 8
    assert report["parity"]["min_cosine"] >= saved_model.MIN_COSINE
    parity = report["signature_parity"]
    assert set(parity) == {"encode_sketch_bytes", "encode_photo_bytes", "distance"}
    for domain in common.DOMAINS:
        assert parity[f"encode_{domain}_bytes"]["num_images"] == len(sent_files.FORMS)
        assert parity[f"encode_{domain}_bytes"]["min_cosine"] > 0.9999
    assert parity["distance"]["num_distances"] == 16
    assert parity["distance"]["max_distance_error"] < 1e-5
    assert report["left_out"] == {}


def test_a_siamese_run_has_both_signatures_and_its_weights_once(siamese_run, exported, tmp_path):
    report = export_saved_model(siamese_run.path, tmp_path / "out")
    data = "variables/variables.data-00000-of-00001"
    num_bytes = 4 * siamese_run.load_encoder("sketch").count_params()
    assert num_bytes <= report["files"][data] < 1.5 * num_bytes
    assert 2 * num_bytes <= exported[1]["files"][data] < 2.5 * num_bytes
    assert report["photo_latency_ms"]["median"] > 0
    assert report["left_out"] == {"encode_photo_bytes": saved_model.NO_PHOTO_BYTES}
    signatures = tf.saved_model.load(str(tmp_path / "out")).signatures
    assert set(signatures) == {
        "encode_sketch",
        "encode_photo",
        "encode_sketch_bytes",
        "distance",
        "serving_default",
    }


def test_beyond_the_tolerance_nothing_is_left(siamese_run, tmp_path, monkeypatch):
    write = saved_model.write_saved_model

    def write_another(encoders, folder, distance, preprocessing):
        # Weights that differ a little, as those of another checkpoint would.
        changed = siamese_run.load_encoder("sketch")
        changed.set_weights([weight + 0.05 for weight in changed.get_weights()])
        write(dict.fromkeys(encoders, changed), folder, preprocessing=preprocessing)

    monkeypatch.setattr(saved_model, "write_saved_model", write_another)
    with pytest.raises(InputError, match="the exported embeddings must have `min_cosine`"):
        export_saved_model(siamese_run.path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_folder_is_not_replaced(siamese_run):
    with pytest.raises(InputError, match="`output` must be a new folder"):
        export_saved_model(siamese_run.path, siamese_run.path / "model")


def test_help_explains():
    shown = run_module([sys.executable, "-m", "export.saved_model", "--help"])
    for flag in ("--workdir", "--output", "--min_cosine", "--max_norm_error", "--min_bytes_cosine"):
        assert flag in shown.stdout
    assert "encode_sketch" in shown.stdout
