import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from recipes.bench.galleries import encoder_like, near_identity
from recipes.bench.learned_distance import memory_of
from recipes.bench.row import Row, table
from recipes.bench.search import holef_rows, outer_subtraction
from recipes.bench.timing import side_by_side
from tfsbir.distances import HOLEF

ROOT = Path(__file__).resolve().parents[2]


def test_two_sides_take_turns():
    calls = []
    side_by_side(lambda: calls.append("ours"), lambda: calls.append("peer"), rounds=3)
    assert calls == ["ours", "peer"] * 4


def test_a_row_says_how_much_more_the_peer_takes():
    rows = [
        Row("exact", 0.002, "plain", 0.003),
        Row("step", 2e9, "the other step", 1e9, "bytes"),
        Row("graph", 0.001, "exact", 0.0105, recall_at_10=0.9876),
    ]
    assert [row.to_json() for row in rows] == [
        {"ours": "exact", "seconds": 0.002, "peer": "plain", "peer_seconds": 0.003, "ratio": 1.5},
        {"ours": "step", "bytes": 2e9, "peer": "the other step", "peer_bytes": 1e9, "ratio": 0.5},
        {
            "ours": "graph", "seconds": 0.001, "peer": "exact", "peer_seconds": 0.0105,
            "ratio": pytest.approx(10.5), "recall@10": 0.9876,
        },
    ]  # fmt: skip
    assert table(rows) == [
        "ours              peer                        peer / ours   recall@10",
        "exact   2.00 ms   plain             3.00 ms          1.50",
        "step    2000 MB   the other step    1000 MB          0.50",
        "graph   1.00 ms   exact            10.50 ms         10.50       0.988",
    ]  # fmt: skip


def test_what_stands_in_for_embeddings_is_as_encoders_give_it():
    photos, sketches = encoder_like(500, 40, dim=64)
    for embeddings in (photos, sketches):
        assert embeddings.dtype == np.float32 and embeddings.shape[1] == 64
        norms = np.linalg.norm(embeddings.reshape(len(embeddings), 2, 32), axis=2)
        np.testing.assert_allclose(norms, 1, atol=1e-6)
    # Of few dimensions: most of the variance is in 20 directions. And a sketch is near some photo.
    variance = np.linalg.svd(photos - photos.mean(axis=0), compute_uv=False) ** 2
    assert variance[:20].sum() > 0.9 * variance.sum()
    distances = np.square(sketches[:, None] - photos).sum(axis=2)
    assert np.median(distances.min(axis=1)) < 0.5 * np.median(distances)
    np.testing.assert_array_equal(encoder_like(500, 40, dim=64)[0], photos)


def test_what_holef_is_timed_against_is_holef():
    (sketch, photo), _ = encoder_like(2, 1, dim=16)
    layer = HOLEF(16)
    layer.pair_weights.assign(near_identity(16))
    expected = np.asarray(layer.pairwise(sketch[None], photo[None])).item()
    assert outer_subtraction(sketch, photo, near_identity(16)) == pytest.approx(expected, rel=1e-5)
    loop = sum(near_identity(16)[i, j] * (sketch[i] - photo[j]) ** 2 for i in range(16) for j in range(16))
    assert loop == pytest.approx(expected, rel=1e-5)


def test_holef_is_searched_exactly_and_by_a_graph():
    exact, written_out, faster, default = holef_rows(num_photos=400, rounds=1, num_written_out=20)
    assert exact.ours == written_out.ours == "HOLEF, exact search, 400 photos of 512-d"
    assert written_out.peer == "Eq. 5-6 in NumPy, 20 photos x 20" and written_out.ratio > 1
    for graph, ef_search in ((faster, 64), (default, 128)):
        assert graph.ours.startswith("HOLEF, HNSW (M ") and graph.recall_at_10 > 0.9
        assert f"efSearch {ef_search})" in graph.ours
    assert exact.recall_at_10 is None


@pytest.mark.slow
def test_the_memory_of_a_step_is_that_of_its_tensors():
    # The weights and the momentum alone are 4 bytes each; the activations of 64 images are far more.
    least = 2 * 4 * (8_000_000 + 512 * 512)
    assert least < memory_of("holef", rounds=1) < 20 * least


@pytest.mark.slow
def test_the_table_and_the_json_agree(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "recipes.bench",
            "--rounds=1",
            "--num_photos=1000",
            f"--output={tmp_path / 'bench.json'}",
            f"--plot={tmp_path / 'costs.png'}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "bench.json").read_text())
    rows, costs = result["rows"], result["stroke_costs"]
    lines = done.stdout.strip().splitlines()
    assert "peer / ours" in lines[0]
    assert len(lines) == 1 + len(rows) == 16
    for line, row in zip(lines[1:], rows, strict=True):
        assert line.startswith(row["ours"])
        unit = "bytes" if "bytes" in row else "seconds"
        assert row["ratio"] == pytest.approx(row[f"peer_{unit}"] / row[unit])
        assert f"{row['ratio']:.2f}" in line
    assert sum("recall@10" in row for row in rows) == 2
    assert len(costs["points"]) == len(costs["rasterize"]) == len(costs["deform"]) == len(costs["remove"])
    with Image.open(tmp_path / "costs.png") as plot:
        assert plot.format == "PNG"
