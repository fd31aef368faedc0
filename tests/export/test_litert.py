import hashlib
import json
import re
import shutil
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from export import common, litert
from export.litert import export_litert
from tests.common_processes import run_module
from tfsbir.errors import InputError
from tfsbir.retrieval.litert_metadata import read_metadata
from tfsbir.retrieval.litert_model import LiteRTModel
from tfsbir.runs import RunDirectory

FORMATS = [
    *((quantize, "float32", "outside") for quantize in litert.MIN_COSINE),
    ("int8", "int8", "outside"),
    ("int8", "int8", "inside"),
    ("float16", "float32", "inside"),
]


@pytest.mark.parametrize("key", FORMATS, ids="-".join)
def test_embeddings_agree_with_keras(exported, siamese_run, key):
    quantize, interface, _ = key
    output, report = exported(*key)
    images = common.real_images(siamese_run)
    encoder = siamese_run.load_encoder("sketch")
    for domain in common.DOMAINS:
        encode = LiteRTModel((output / f"{_file_of(domain, quantize)}.tflite").read_bytes()).encode
        expected = np.asarray(encoder(images[domain].held_out))
        found = encode(images[domain].held_out)
        lengths = np.linalg.norm(found, axis=1)
        assert np.all(np.sum(expected * found, axis=1) / lengths >= litert.MIN_COSINE[quantize])
        np.testing.assert_allclose(lengths, 1, atol=1e-6 if interface == "float32" else 0.01)
    assert report["parity"]["num_images"] == 8
    assert report["parity"]["tolerance"] == {
        "min_cosine": litert.MIN_COSINE[quantize],
        "max_norm_error": litert.MAX_NORM_ERROR[interface],
    }
    assert tuple(report[name] for name in ("quantize", "interface", "preprocessing")) == key


def _file_of(domain, quantize):
    return "photo_encoder" if domain == "photo" and quantize == "int8" else "sketch_encoder"


@pytest.mark.parametrize("key", FORMATS, ids="-".join)
def test_the_folder_says_what_it_is(exported, siamese_run, key):
    output, report = exported(*key)
    described = {"preprocessing.json", "encoder.json", "report.json"}
    models = {f"{_file_of(domain, key[0])}.tflite" for domain in common.DOMAINS}
    assert {path.name for path in output.iterdir()} == models | described
    assert (output / "preprocessing.json").read_bytes() == (
        siamese_run.model / "preprocessing.json"
    ).read_bytes()
    encoder = json.loads((output / "encoder.json").read_text())
    assert encoder["fingerprint"] == siamese_run.fingerprint()
    assert encoder["kind"] == "litert"
    assert encoder["files"] == {
        name: hashlib.sha256((output / name).read_bytes()).hexdigest() for name in models
    }
    assert encoder["models"] == {name: read_metadata(output / name) for name in models}
    assert json.loads((output / "report.json").read_text()) == report
    assert report["size_bytes"] == sum((output / name).stat().st_size for name in models)
    for prefix in ("", "photo_"):
        for name, num_threads in ((f"{prefix}latency_ms", 1), (f"two_threads_{prefix}latency_ms", 2)):
            assert report[name]["num_threads"] == num_threads
            assert 0 < report[name]["p10"] <= report[name]["median"] <= report[name]["p90"]
    assert report["versions"]["ai-edge-litert"]


def test_the_metadata_say_what_a_client_needs(exported, heterogeneous_run, siamese_run):
    output, _ = exported("int8", "int8", "inside")
    metadata = read_metadata(output / "photo_encoder.tflite")
    assert 0.9 < metadata.pop("line_width") < 1.3  # Drawn by OpenCV, one pixel wide.
    assert metadata == {
        "version": 1,
        "fingerprint": siamese_run.fingerprint(),
        "domains": ["photo"],
        "image_size": 64,
        "canvas_size": 256,
        "channels": 1,
        "polarity": "black_on_white",
        "range": [-1, 1],
        "mean": 0.0,
        "embedding_dim": 288,
        "distance": "squared_euclidean",
        "photo_input": "edges",
        "attributes": [],
        "quantize": "int8",
        "interface": "int8",
        "preprocessing": "inside",
    }
    assert read_metadata(exported("none")[0] / "sketch_encoder.tflite")["domains"] == ["sketch", "photo"]


@pytest.mark.parametrize("key", FORMATS, ids="-".join)
def test_one_image_goes_in_and_one_embedding_comes_out(exported, siamese_run, key):
    _, interface, preprocessing = key
    interpreter = Interpreter(model_path=str(exported(*key)[0] / "sketch_encoder.tflite"))
    assert interpreter.get_signature_list() == {"encode": {"inputs": ["image"], "outputs": ["embedding"]}}
    (image,), (embedding,) = interpreter.get_input_details(), interpreter.get_output_details()
    side = 256 if preprocessing == "inside" else 64
    assert list(image["shape"]) == list(image["shape_signature"]) == [1, side, side, 1]
    assert list(embedding["shape_signature"]) == [1, siamese_run.preprocessing().embedding_dim]
    assert image["dtype"] == (np.uint8 if preprocessing == "inside" else np.dtype(interface).type)
    assert embedding["dtype"] == np.dtype(interface).type


def test_fewer_bits_are_fewer_bytes(exported):
    sizes = {}
    for quantize in litert.MIN_COSINE:
        sizes[quantize] = (exported(quantize)[0] / "sketch_encoder.tflite").stat().st_size
    assert sizes["none"] > sizes["float16"] > sizes["dynamic"]
    assert sizes["none"] > sizes["int8"]


def test_each_encoder_of_a_heterogeneous_run_is_exported(heterogeneous_run, tmp_path):
    report = export_litert(heterogeneous_run.path, tmp_path / "out", "int8")
    assert set(report["files"]) == {"sketch_encoder.tflite", "photo_encoder.tflite"}
    assert report["size_bytes"] == sum(report["files"].values())
    image = common.real_images(heterogeneous_run)["photo"].held_out[:1]
    for domain in common.DOMAINS:
        encode = LiteRTModel((tmp_path / "out" / f"{domain}_encoder.tflite").read_bytes()).encode
        cosine = np.sum(np.asarray(heterogeneous_run.load_encoder(domain)(image)) * encode(image))
        assert cosine > litert.MIN_COSINE["int8"]


def test_each_domain_of_a_siamese_run_is_calibrated_on_its_own_images(siamese_run, tmp_path, monkeypatch):
    seen = []

    def remember(encoder, quantize, calibration, *options):
        seen.append(calibration)
        return convert(encoder, "none", calibration)

    convert = litert.convert
    monkeypatch.setattr(litert, "convert", remember)
    export_litert(siamese_run.path, tmp_path / "out", "int8", num_calibration=6)
    images = common.real_images(siamese_run, num_calibration=6)
    assert len(seen) == 2
    for domain, calibration in zip(common.DOMAINS, seen, strict=True):
        np.testing.assert_array_equal(calibration, images[domain].calibration)


def test_beyond_the_tolerance_nothing_is_left(siamese_run, tmp_path):
    with pytest.raises(InputError, match=r"`min_cosine` >= 1\.0 .* Received: 0\.9"):
        export_litert(siamese_run.path, tmp_path / "out", "int8", min_cosine=1.0)
    assert list(tmp_path.iterdir()) == []


def test_beyond_the_tolerance_an_older_export_stays(exported, siamese_run, tmp_path):
    shutil.copytree(exported("none")[0], tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(InputError, match=r"`max_norm_error` <= 0\.0"):
        export_litert(siamese_run.path, tmp_path / "out", "float16", max_norm_error=0.0)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert export_litert(siamese_run.path, tmp_path / "out", "float16")["quantize"] == "float16"


def test_a_foreign_folder_is_not_replaced(siamese_run):
    with pytest.raises(InputError, match="`output` must be a new folder"):
        export_litert(siamese_run.path, siamese_run.path, "none")
    assert (siamese_run.path / "config.json").exists()


@pytest.mark.parametrize("missing", ["config.json", "model/sketch_encoder.keras", "model/preprocessing.json"])
def test_an_unfinished_run_is_named(siamese_run, tmp_path, missing):
    run = RunDirectory(tmp_path / "run")
    for name in {"config.json", "model/sketch_encoder.keras", "model/preprocessing.json"} - {missing}:
        (run.path / name).parent.mkdir(parents=True, exist_ok=True)
        (run.path / name).write_bytes((siamese_run.path / name).read_bytes())
    with pytest.raises(InputError, match=f"{missing}: expected"):
        export_litert(run.path, tmp_path / "out", "none")
    assert not (tmp_path / "out").exists()


def test_arguments_are_checked(siamese_run, tmp_path):
    with pytest.raises(ValueError, match=r"`quantize` must be one of .* Received: 'int4'"):
        export_litert(siamese_run.path, tmp_path / "out", "int4")
    with pytest.raises(ValueError, match=r"`interface` must be one of .* Received: 'uint8'"):
        export_litert(siamese_run.path, tmp_path / "out", "int8", interface="uint8")
    with pytest.raises(ValueError, match=r"`preprocessing` must be one of .* Received: 'both'"):
        export_litert(siamese_run.path, tmp_path / "out", "int8", preprocessing="both")
    message = '`interface` must be "float32" unless `quantize` is "int8". Received: \'dynamic\''
    with pytest.raises(InputError, match=re.escape(message)):
        export_litert(siamese_run.path, tmp_path / "out", "dynamic", interface="int8")
    with pytest.raises(ValueError, match=r"`num_calibration` must be >= 1\. Received: 0"):
        export_litert(siamese_run.path, tmp_path / "out", "int8", num_calibration=0)


def test_the_command_prints_its_report_or_one_line(siamese_run, tmp_path):
    def run(*arguments):
        return run_module([sys.executable, "-m", "export.litert", f"--output={tmp_path / 'out'}", *arguments])

    failed = run(f"--workdir={tmp_path / 'nothing'}", "--quantize=int8")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.splitlines()[-1].startswith(f"error: {tmp_path / 'nothing'}")
    assert "Traceback" not in failed.stderr
    assert list(tmp_path.iterdir()) == []

    failed = run(f"--workdir={siamese_run.path}", "--quantize=none", "--interface=int8")
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("error: `interface` must be")

    options = ["--quantize=int8", "--interface=int8", "--preprocessing=inside", "--num_calibration=8"]
    done = run(f"--workdir={siamese_run.path}", *options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "report.json").read_text())
    assert "Calibrating int8 on 8 training images" in done.stderr
