"""The trained encoders that come with the library."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.common_processes import ROOT
from tfsbir.data import synthetic
from tfsbir.data.photo_reader import EDGES, RGB
from tfsbir.errors import InputError
from tfsbir.metrics import accuracy
from tfsbir.retrieval import encoder_kind, model_path, open_encoder, pretrained_names
from tfsbir.retrieval.litert_metadata import read_metadata
from tfsbir.retrieval.pretrained import FOLDER, FORMATS

NAMES = ("category", "chairs", "shoes")


def test_three_encoders_come_with_the_library():
    assert tuple(pretrained_names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_their_files_are_small_and_say_where_they_come_from(name):
    card = (FOLDER / name / "MODEL_CARD.md").read_text(encoding="utf-8")
    for part in (
        "## Measured",
        "## How it was made",
        "## Files",
        "## Data and licences",
        "python -m recipes.",
    ):
        assert part in card
    for quantize in FORMATS:
        folder = FOLDER / name / quantize
        for path in folder.iterdir():
            assert path.stat().st_size < 4_000_000
            assert f"| {quantize}/{path.name} | {path.stat().st_size:,} |" in card
        metadata = read_metadata(folder / "sketch_encoder.tflite")
        assert metadata["quantize"] == quantize
        described = json.loads((folder / "encoder.json").read_text())
        assert metadata["fingerprint"] == described["fingerprint"]
    assert not re.search(r"/(work|tmp|home|root)/", card)  # No path of whoever trained it.


@pytest.mark.parametrize("name", NAMES)
def test_both_formats_see_the_same(name):
    encoders = [open_encoder(f"pretrained:{name}/{quantize}") for quantize in FORMATS]
    read_photo = EDGES if encoders[0].preprocessing.photo_input == "edges" else RGB
    split = synthetic("test", 6, seed=1, photo_input=read_photo.photo_input)
    center = encoders[0].preprocessing.center
    for domain, images in (("sketches", split.sketches[:]), ("photos", split.photos)):
        of_int8, of_float = (getattr(encoder, f"encode_{domain}")(center(images)) for encoder in encoders)
        np.testing.assert_allclose(np.linalg.norm(of_int8, axis=1), 1, atol=1e-3)
        assert np.min(np.sum(of_int8 * of_float, axis=1)) > 0.97


def test_a_name_without_a_format_is_int8():
    assert model_path("pretrained:shoes") == FOLDER / "shoes" / "int8"
    assert model_path("pretrained:shoes/float16") == FOLDER / "shoes" / "float16"
    assert model_path("runs/shoes") == Path("runs/shoes")
    assert encoder_kind("pretrained:chairs") == "litert"


def test_shoes_and_chairs_find_drawn_objects_that_they_never_saw():
    for name, category in (("shoes", "shoe"), ("chairs", "chair")):
        encoder = open_encoder(f"pretrained:{name}")
        split = synthetic("test", 40, categories=(category,), seed=0)
        center = encoder.preprocessing.center
        sketch = encoder.encode_sketches(center(split.sketches[:]))
        photo = encoder.encode_photos(center(split.photos))
        distances = np.square(sketch[:, None] - photo[None]).sum(-1)
        assert accuracy(distances, split.sketch_photo, 10) > 2 * 10 / 40  # Twice what chance finds.


@pytest.mark.parametrize(
    "model", ["pretrained:boots", "pretrained:shoes/int4", "pretrained:", "pretrained:../x"]
)
def test_another_name_is_refused_with_those_there_are(model):
    with pytest.raises(
        InputError, match="expected one of pretrained:category, pretrained:chairs, pretrained"
    ):
        open_encoder(model)


def test_a_newcomer_indexes_and_searches_without_tensorflow(tmp_path):
    from PIL import Image

    split = synthetic("test", 3, seed=0, photo_input="rgb")
    (tmp_path / "photos").mkdir()
    for number, photo in enumerate(split.photos):
        Image.fromarray(photo).save(tmp_path / "photos" / f"{number}.png")
    Image.fromarray(split.sketches[:1][0, ..., 0]).save(tmp_path / "sketch.png")
    program = (
        "import sys\n"
        "sys.modules['tensorflow'] = None\n"  # Importing it fails.
        "from tfsbir.cli import main\n"
        "sys.exit(main())\n"
    )
    for arguments in (
        ("index", "--model=pretrained:category", "--photos=photos", "--gallery=gallery", "--json"),
        ("search", "--gallery=gallery", "--sketch=sketch.png", "--json", "--sheet=found.png"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True,
            timeout=120, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["results"]) == len(split.photos)
    assert (tmp_path / "found.png").exists()
