import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from export import common, saved_model
from export.saved_model import export_saved_model
from tfsbir.errors import InputError

ROOT = Path(__file__).resolve().parents[2]

# Runs with tfsbir and Keras out of reach, as in a server that has only TensorFlow.
LOAD_ALONE = """
import sys
sys.modules["tfsbir"] = sys.modules["keras"] = None
import numpy as np
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
images = tf.constant(np.load(sys.argv[2]))
embeddings = {name: model.signatures[name](image=images)["embedding"] for name in model.signatures}
np.savez(sys.argv[3], **embeddings)
"""


@pytest.fixture(scope="module")
def exported(heterogeneous_run, tmp_path_factory):
    output = tmp_path_factory.mktemp("saved_model") / "out"
    return output, export_saved_model(heterogeneous_run.path, output)


def test_it_loads_with_tensorflow_alone(exported, heterogeneous_run, tmp_path):
    images = common.real_images(heterogeneous_run)["sketch"].held_out[:3]
    np.save(tmp_path / "images.npy", images)
    arguments = [str(exported[0]), str(tmp_path / "images.npy"), str(tmp_path / "embeddings.npz")]
    done = subprocess.run(
        [sys.executable, "-c", LOAD_ALONE, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "embeddings.npz")
    assert set(found) == {"encode_sketch", "encode_photo", "serving_default"}
    np.testing.assert_array_equal(found["serving_default"], found["encode_sketch"])
    for domain in common.DOMAINS:
        expected = heterogeneous_run.load_encoder(domain)(images)
        np.testing.assert_allclose(found[f"encode_{domain}"], expected, atol=1e-5)


def test_the_folder_says_what_it_is(exported, heterogeneous_run):
    output, report = exported
    names = {path.name for path in output.iterdir()}
    assert {"saved_model.pb", "variables", "preprocessing.json", "encoder.json", "report.json"} <= names
    assert json.loads((output / "encoder.json").read_text()) == {
        "fingerprint": heterogeneous_run.fingerprint(),
        "kind": "saved_model",
    }
    assert json.loads((output / "report.json").read_text()) == report
    described = {"preprocessing.json", "encoder.json", "report.json"}
    files = [path for path in output.rglob("*") if path.is_file() and path.name not in described]
    assert report["size_bytes"] == sum(path.stat().st_size for path in files)
    assert report["parity"]["num_images"] == 8
    assert report["parity"]["min_cosine"] >= saved_model.MIN_COSINE


def test_a_siamese_run_has_both_signatures_and_its_weights_once(siamese_run, exported, tmp_path):
    report = export_saved_model(siamese_run.path, tmp_path / "out")
    data = "variables/variables.data-00000-of-00001"
    num_bytes = 4 * siamese_run.load_encoder("sketch").count_params()
    assert num_bytes <= report["files"][data] < 1.5 * num_bytes
    assert 2 * num_bytes <= exported[1]["files"][data] < 2.5 * num_bytes
    assert report["photo_latency_ms"]["median"] > 0


def test_beyond_the_tolerance_nothing_is_left(siamese_run, tmp_path, monkeypatch):
    write = saved_model.write_saved_model

    def write_another(encoders, folder, distance):
        # Weights that differ a little, as those of another checkpoint would.
        changed = siamese_run.load_encoder("sketch")
        changed.set_weights([weight + 0.05 for weight in changed.get_weights()])
        write(dict.fromkeys(encoders, changed), folder)

    monkeypatch.setattr(saved_model, "write_saved_model", write_another)
    with pytest.raises(InputError, match="the exported embeddings must have `min_cosine`"):
        export_saved_model(siamese_run.path, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_folder_is_not_replaced(siamese_run):
    with pytest.raises(InputError, match="`output` must be a new folder"):
        export_saved_model(siamese_run.path, siamese_run.path / "model")


def test_help_explains():
    shown = subprocess.run(
        [sys.executable, "-m", "export.saved_model", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    for flag in ("--workdir", "--output", "--min_cosine", "--max_norm_error"):
        assert flag in shown.stdout
    assert "encode_sketch" in shown.stdout
