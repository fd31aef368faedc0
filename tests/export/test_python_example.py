"""The example for devices, run where there is nothing but `ai-edge-litert` and NumPy."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.common_processes import ROOT
from tfsbir.preprocessing import center_crop

EXAMPLE = ROOT / "examples" / "python" / "search.py"
FORMATS = [
    ("none", "float32", "outside"),
    ("float16", "float32", "outside"),
    ("dynamic", "float32", "outside"),
    ("int8", "float32", "outside"),
    ("int8", "int8", "outside"),
    ("int8", "int8", "inside"),
    ("float16", "float32", "inside"),
]
# Encodes the same canvases with one export after the other.
ENCODE_ALL = """
import json
import sys

import numpy as np
import search

canvases = np.load("canvases.npy")
for number, folder in enumerate(sys.argv[1:]):
    encoder = search.Encoder(folder + "/sketch_encoder.tflite")
    np.save(f"embeddings_{number}.npy", np.stack([encoder.encode(canvas) for canvas in canvases]))
    errors = []
    for wrong in (canvases[0, 1:], canvases[0].astype(np.float32)):
        try:
            encoder.encode(wrong)
        except search.ClientError as error:
            errors.append(str(error))
with open("found.json", "w") as file:
    loaded = sorted({name.split(".")[0] for name in sys.modules} & {"PIL", "tensorflow", "keras", "tfsbir"})
    json.dump({"errors": errors, "loaded": loaded}, file)
"""


@pytest.fixture(scope="session")
def device_python(tmp_path_factory):
    """The interpreter of a new environment with `ai-edge-litert` and NumPy, from the package index."""
    folder = tmp_path_factory.mktemp("device") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    packages = ["--constraint", ROOT / "constraints.txt", "ai-edge-litert", "numpy"]
    done = subprocess.run([*command, *packages], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return python


def run_alone(python, arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [python, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_it_encodes_every_format_as_keras_does(device_python, exported, siamese_run, tmp_path):
    sketches = siamese_run.train_split().sketches[:4]
    np.save(tmp_path / "canvases.npy", sketches)
    folders = [exported(*key)[0] for key in FORMATS]
    done = run_alone(device_python, ["-c", ENCODE_ALL, *folders], tmp_path)
    assert done.returncode == 0, done.stderr
    expected = siamese_run.load_encoder("sketch").predict(center_crop(sketches, 64), verbose=0)
    least = {"none": 0.999999, "float16": 0.9999, "dynamic": 0.99, "int8": 0.97}
    for number, (quantize, interface, _) in enumerate(FORMATS):
        found = np.load(tmp_path / f"embeddings_{number}.npy")
        assert found.dtype == np.float32
        lengths = np.linalg.norm(found, axis=1)
        assert np.min(np.sum(found * expected, axis=1) / lengths) >= least[quantize], FORMATS[number]
        np.testing.assert_allclose(lengths, 1, atol=1e-5 if interface == "float32" else 0.01)
    assert json.loads((tmp_path / "found.json").read_text()) == {
        "errors": [
            "expected a canvas of (256, 256, 1), uint8; found (255, 256, 1), uint8",
            "expected a canvas of (256, 256, 1), uint8; found (256, 256, 1), float32",
        ],
        "loaded": [],
    }


def search(folder, *arguments):
    """Runs the example in the environment of the tests, which has Pillow."""
    command = [EXAMPLE, "--gallery=photos.npy", "--names=photos.txt", *arguments]
    return run_alone(Path(sys.executable), command, folder)


@pytest.fixture(scope="module")
def gallery(exported, siamese_run, tmp_path_factory):
    """A folder with a gallery made by the example of the run's edge maps, and a drawing."""
    folder = tmp_path_factory.mktemp("gallery")
    data = Path(siamese_run.config["dataset"]["data_dir"]) / "train"
    shutil.copy(data / "sketches" / "3.png", folder / "drawing.png")
    Image.new("L", (300, 200), 250).save(folder / "blank.jpg")
    output, _ = exported("int8", "int8", "inside")
    done = search(folder, f"--model={output}", f"--photos={data / 'edges'}")
    assert done.returncode == 0, done.stderr
    return folder, output


def test_it_makes_a_gallery_and_prints_the_nearest(gallery):
    folder, output = gallery
    done = search(folder, f"--model={output}", "--sketch=drawing.png", "--top=5")
    assert done.returncode == 0, done.stderr
    ranks, distances, names = zip(*(line.split() for line in done.stdout.splitlines()), strict=True)
    assert ranks == ("1", "2", "3", "4", "5")
    assert [float(distance) for distance in distances] == sorted(map(float, distances))
    assert "3.png" in names


def test_it_says_what_is_wrong_in_one_line(gallery, exported, tmp_path):
    folder, output = gallery
    holed = tmp_path / "holed"
    holed.mkdir()
    for content, message in (
        (None, "expected a LiteRT model; No such file"),
        (b"a letter to nobody", "expected a LiteRT model; it is another kind of file"),
        ((output / "sketch_encoder.tflite").read_bytes()[:-9], "expected a whole LiteRT model; "),
    ):
        if content is not None:
            (holed / "sketch_encoder.tflite").write_bytes(content)
        done = search(folder, f"--model={holed}", "--sketch=drawing.png")
        assert done.returncode == 1
        # LiteRT's own greeting may stand before it.
        *_, error = done.stderr.splitlines()
        assert error.startswith(f"error: {holed / 'sketch_encoder.tflite'}: {message}")
        assert "Traceback" not in done.stderr
    for sketch, message in (
        ("blank.jpg", "expected a drawing; found a blank image"),
        ("photos.txt", "expected an image file; "),
    ):
        done = search(folder, f"--model={output}", f"--sketch={sketch}")
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith(f"error: {sketch}: {message}")
    np.save(tmp_path / "photos.npy", np.zeros((3, 7), np.float32))
    (tmp_path / "photos.txt").write_text("a\nb\nc\n")
    done = search(tmp_path, f"--model={output}", f"--sketch={folder / 'drawing.png'}")
    assert "error: photos.npy: expected embeddings (num_photos, 288); found (3, 7)" in done.stderr
    np.save(tmp_path / "photos.npy", np.zeros((4, 288), np.float32))
    done = search(tmp_path, f"--model={output}", f"--sketch={folder / 'drawing.png'}")
    assert "error: photos.txt: expected 4 names; found 3" in done.stderr


def test_what_a_model_without_metadata_lacks_is_named(gallery, siamese_run, tmp_path):
    from export.litert_conversion import convert

    model = convert(siamese_run.load_encoder("sketch"), "none", None)
    (tmp_path / "sketch_encoder.tflite").write_bytes(model)
    done = search(gallery[0], f"--model={tmp_path}", "--sketch=drawing.png")
    assert done.returncode == 1
    assert done.stderr.endswith(
        "sketch_encoder.tflite: expected a model with metadata of tfsbir; found none\n"
    )
