"""The picture of the aligners: its command reads a run directory alone."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from tests.common_processes import run_module
from tests.retrieval.tiny_run import write_tiny_run

SKETCH, PHOTO = (0xD9, 0x82, 0x2B), (0x1F, 0x4E, 0x79)


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    run = write_tiny_run(tmp_path_factory.mktemp("runs") / "tiny", is_siamese=False, photo_input="rgb")
    config = {"flags": {"more_dataset": None}, "dataset": {"name": "synthetic", "data_dir": None}}
    (run.path / "config.json").write_text(json.dumps(config))
    return run


def draw(run, *flags):
    return run_module([
        sys.executable, "-m", "recipes.alignment_pictures", f"--workdir={run.path}", "--split=test", *flags,
    ])  # fmt: skip


def test_a_class_before_and_after_each_aligner(tiny_run):
    done = draw(tiny_run, "--class=Chair")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tiny_run.figures.iterdir()] == ["alignment_chair.png"]
    with Image.open(tiny_run.figures / "alignment_chair.png") as picture:
        panels = np.array_split(np.asarray(picture.convert("RGB"), np.int16), 4, axis=1)
    for panel in panels:
        for color in (SKETCH, PHOTO):
            assert np.sum(np.abs(panel - color).max(axis=-1) < 60) > 100


def test_a_class_that_is_not_there_is_an_error_line(tiny_run, tmp_path):
    done = draw(tiny_run, "--class=cat", f"--output={tmp_path}")
    assert done.returncode == 1
    assert "error: `class` must be one of bag, chair, shoe. Received: cat" in done.stderr
    assert not list(tmp_path.iterdir())
