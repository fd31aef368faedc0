import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from recipes.bench import side_by_side

ROOT = Path(__file__).resolve().parents[2]


def test_two_sides_take_turns():
    calls = []
    side_by_side(lambda: calls.append("ours"), lambda: calls.append("peer"), rounds=3)
    assert calls == ["ours", "peer"] * 4


@pytest.mark.slow
def test_the_table_and_the_json_agree(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "recipes.bench",
            "--rounds=1",
            f"--output={tmp_path / 'bench.json'}",
            f"--plot={tmp_path / 'costs.png'}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "bench.json").read_text())
    rows, costs = result["rows"], result["stroke_costs"]
    lines = done.stdout.strip().splitlines()
    assert "peer / ours" in lines[0]
    assert len(lines) == 1 + len(rows) == 10
    for line, row in zip(lines[1:], rows, strict=True):
        assert line.startswith(row["ours"])
        assert row["ratio"] == pytest.approx(row["peer_seconds"] / row["seconds"])
    assert len(costs["points"]) == len(costs["rasterize"]) == len(costs["deform"]) == len(costs["remove"])
    with Image.open(tmp_path / "costs.png") as plot:
        assert plot.format == "PNG"
