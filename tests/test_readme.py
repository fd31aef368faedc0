"""What the README shows must run."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_of_parts_runs():
    (block,) = [
        code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "BlurPyramid" in code
    ]
    names = {}
    exec(block, names)
    assert names["encoder"].output_shape == (None, 576)
    assert float(names["loss"]) >= 0
    assert 0 <= names["found"] <= 1


def test_the_example_of_strokes_runs(monkeypatch):
    (block,) = [
        code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "remove_strokes" in code
    ]
    monkeypatch.chdir(ROOT)
    names = {}
    exec(block, names)
    assert names["image"].shape == (256, 256, 1)
    assert len(names["thinned"].strokes) < len(names["sketch"].strokes)


def test_pictures_and_pages_are_there():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        targets = re.findall(r"\]\(([^)#]+)\)", text)
        assert targets, page
        for target in targets:
            assert target.startswith("https://") or (page.parent / target).is_file(), f"{page}: {target}"
