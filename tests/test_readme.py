"""What the README shows must run."""

import re
from pathlib import Path

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_of_parts_runs():
    (block,) = [
        code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "BlurPyramid" in code
    ]
    names = {}
    exec(block, names)
    assert names["encoder"].output_shape == (None, 576)
    assert float(names["loss"]) >= 0
    assert 0 <= names["found"] <= 1


def test_the_pictures_are_there():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert len(pictures) >= 2
    for picture in pictures:
        assert (Path(__file__).resolve().parents[1] / picture).is_file()
