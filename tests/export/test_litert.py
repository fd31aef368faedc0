import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from export import common, litert
from export.litert import export_litert
from tfsbir.errors import InputError
from tfsbir.retrieval.litert_model import LiteRTModel
from tfsbir.runs import RunDirectory

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def exports(siamese_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    return {
        quantize: (folder / quantize, export_litert(siamese_run.path, folder / quantize, quantize))
        for quantize in litert.MIN_COSINE
    }


@pytest.mark.parametrize("quantize", list(litert.MIN_COSINE))
def test_embeddings_agree_with_keras(exports, siamese_run, quantize):
    output, report = exports[quantize]
    images = common.real_images(siamese_run)
    encode = LiteRTModel((output / "sketch_encoder.tflite").read_bytes()).encode
    encoder = siamese_run.load_encoder("sketch")
    for domain in common.DOMAINS:
        expected = np.asarray(encoder(images[domain].held_out))
        found = np.concatenate([encode(image[None]) for image in images[domain].held_out])
        assert np.all(np.sum(expected * found, axis=1) >= litert.MIN_COSINE[quantize])
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert report["parity"]["num_images"] == 8
    assert report["parity"]["tolerance"]["min_cosine"] == litert.MIN_COSINE[quantize]
    assert report["quantize"] == quantize


@pytest.mark.parametrize("quantize", list(litert.MIN_COSINE))
def test_the_folder_says_what_it_is(exports, siamese_run, quantize):
    output, report = exports[quantize]
    names = {path.name for path in output.iterdir()}
    assert names == {"sketch_encoder.tflite", "preprocessing.json", "encoder.json", "report.json"}
    assert (output / "preprocessing.json").read_bytes() == (
        siamese_run.model / "preprocessing.json"
    ).read_bytes()
    assert json.loads((output / "encoder.json").read_text()) == {
        "fingerprint": siamese_run.fingerprint(),
        "kind": "litert",
    }
    assert json.loads((output / "report.json").read_text()) == report
    assert report["size_bytes"] == (output / "sketch_encoder.tflite").stat().st_size
    assert report["latency_ms"]["num_threads"] == 1
    assert report["versions"]["ai-edge-litert"]


@pytest.mark.parametrize("quantize", list(litert.MIN_COSINE))
def test_one_float_image_goes_in_and_one_embedding_comes_out(exports, siamese_run, quantize):
    interpreter = Interpreter(model_path=str(exports[quantize][0] / "sketch_encoder.tflite"))
    assert interpreter.get_signature_list() == {"encode": {"inputs": ["image"], "outputs": ["embedding"]}}
    (image,), (embedding,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert list(image["shape"]) == list(image["shape_signature"]) == [1, 64, 64, 1]
    assert list(embedding["shape_signature"]) == [1, siamese_run.preprocessing().embedding_dim]
    assert image["dtype"] == embedding["dtype"] == np.float32


def test_fewer_bits_are_fewer_bytes(exports):
    sizes = {quantize: report["size_bytes"] for quantize, (_, report) in exports.items()}
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


def test_siamese_calibration_sees_both_domains(siamese_run, tmp_path, monkeypatch):
    seen = []

    def remember(encoder, quantize, calibration):
        seen.append(calibration)
        return convert(encoder, "none", calibration)

    convert = litert.convert
    monkeypatch.setattr(litert, "convert", remember)
    export_litert(siamese_run.path, tmp_path / "out", "int8", num_calibration=6)
    images = common.real_images(siamese_run, num_calibration=6)
    halves = images["sketch"].calibration[:3], images["photo"].calibration[:3]
    np.testing.assert_array_equal(seen[0], np.concatenate(halves))


def test_beyond_the_tolerance_nothing_is_left(siamese_run, tmp_path):
    with pytest.raises(InputError, match=r"`min_cosine` >= 1\.0 .* Received: 0\.9"):
        export_litert(siamese_run.path, tmp_path / "out", "int8", min_cosine=1.0)
    assert list(tmp_path.iterdir()) == []


def test_beyond_the_tolerance_an_older_export_stays(siamese_run, tmp_path):
    export_litert(siamese_run.path, tmp_path / "out", "none")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(InputError, match=r"`max_norm_error` <= 0\.0"):
        export_litert(siamese_run.path, tmp_path / "out", "int8", max_norm_error=0.0)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert export_litert(siamese_run.path, tmp_path / "out", "int8")["quantize"] == "int8"


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
    with pytest.raises(ValueError, match=r"`num_calibration` must be >= 1\. Received: 0"):
        export_litert(siamese_run.path, tmp_path / "out", "int8", num_calibration=0)


def test_the_command_prints_its_report_or_one_line(siamese_run, tmp_path):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "export.litert", f"--output={tmp_path / 'out'}", *arguments],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip

    failed = run(f"--workdir={tmp_path / 'nothing'}", "--quantize=int8")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert failed.stderr.splitlines()[-1].startswith(f"error: {tmp_path / 'nothing'}")
    assert "Traceback" not in failed.stderr
    assert list(tmp_path.iterdir()) == []

    done = run(f"--workdir={siamese_run.path}", "--quantize=int8", "--num_calibration=8")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "report.json").read_text())
    assert "Calibrating int8 on 8 training images" in done.stderr
