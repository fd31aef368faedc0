"""The measurement of the server, in short: every search is answered."""

import json
import re
import sys

from tests.common_processes import run_module


def test_every_search_is_answered(tmp_path):
    flags = ["--num_photos=500", "--num_clients=8", "--seconds=1", f"--output={tmp_path / 'serve.json'}"]
    done = run_module([sys.executable, "-m", "recipes.bench.serve", *flags])
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "serve.json").read_text())["rows"]
    assert [row["queries"] for row in rows] == ["vectors", "strokes"]
    for row, line in zip(rows, done.stdout.splitlines()[-2:], strict=True):
        assert row["num_errors"] == 0 and row["num_requests"] > 8
        assert 0 < row["ms_p50"] <= row["ms_p95"] <= row["ms_p99"]
        assert min(row["memory_bytes"].values()) > 10 * 2**20
        assert re.match(rf"{row['queries']} +8 clients, 1 s: {row['num_requests']:,} searches, ", line)
