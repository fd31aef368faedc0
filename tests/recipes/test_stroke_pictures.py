"""The pictures of docs/strokes.md: its command draws them, and what it shows runs."""

import re
import shlex
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tests.common_processes import ROOT, run_module

PAGE = (ROOT / "docs" / "strokes.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_command_draws_the_pictures(tmp_path):
    (line,) = (block for block in blocks("") if "recipes.stroke_pictures" in block)
    python, *arguments = shlex.split(line)
    assert python == "python" and arguments[-1] == "--output=docs/images"
    command = [sys.executable, *arguments[:-1], f"--output={tmp_path / 'images'}"]
    done = run_module(command)
    assert done.returncode == 0, done.stderr
    shown = re.findall(r"!\[[^\]]+\]\((images/strokes_[^)]+)\)", PAGE)
    assert len(shown) == 5
    assert {Path(path).name for path in shown} == {path.name for path in (tmp_path / "images").iterdir()}
    for path in shown:
        with Image.open(tmp_path / path) as drawn, Image.open(ROOT / "docs" / path) as kept:
            assert drawn.size == kept.size
            # The page shows what the code does now, but for what another version may round otherwise.
            difference = np.abs(np.asarray(drawn, np.int16) - np.asarray(kept, np.int16))
            assert np.mean(difference > 32) < 0.01
            assert np.mean(np.asarray(drawn) < 128) > 0.005


def test_the_example_runs():
    (block,) = blocks("python")
    names = {}
    exec(block.replace("docs/shoe.svg", str(ROOT / "docs" / "shoe.svg")), names)
    assert names["image"].shape == (256, 256, 1)
    assert len(names["sketch"].strokes) == 20
    assert len(names["thinned"].strokes) == 14


def test_a_broken_sketch_is_an_error_line(tmp_path):
    (tmp_path / "broken.svg").write_text("<svg")
    done = run_module([
        sys.executable, "-m", "recipes.stroke_pictures", f"--sketch={tmp_path / 'broken.svg'}",
        f"--output={tmp_path}",
    ])  # fmt: skip
    assert done.returncode == 1
    assert f"error: {tmp_path / 'broken.svg'}: expected an SVG file" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["broken.svg"]
