"""The table as a whole: its JSON, its history, its page and its picture."""

import json
import re
import sys

import pytest
from PIL import Image

from recipes.bench import bench_table
from recipes.bench.history import append_history, circumstances, read_history, read_results, write_results
from recipes.bench.jobs import JOBS
from recipes.bench.ratio_plot import draw_ratios
from recipes.bench.row import KINDS, Row, grouped_table
from tests.common_processes import run_module, run_script
from tfsbir.errors import InputError
from tfsbir.generated_part import markers

# Jobs that take no time, in place of all; one of them leaves a row out.
TABLE = """
import runpy
from recipes.bench import jobs
from recipes.bench.row import KINDS, Row
def job(kind, number):
    rows = [Row(f"{kind} {number}", 0.001, "peer", 0.002), Row(f"{kind} {number}", 0.004, "other", 0.002)]
    return jobs.Job(kind, str(number), 1, lambda sizes: {"rows": rows, "left_out": [f"{kind}: no peer"]})
jobs.JOBS = tuple(job(kind, number) for kind in KINDS for number in range(2))
runpy.run_module("recipes.bench", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "new" / "bench.json", tmp_path / "new" / "history.jsonl"


def run_table(paths, *given):
    return run_script(TABLE, f"--output={paths[0]}", f"--history={paths[1]}", *given)


def test_the_table_the_json_and_the_history_agree(paths):
    done = run_table(paths, "--rounds=3")
    assert done.returncode == 0, done.stderr
    results, (run,) = read_results(paths[0]), read_history(paths[1])
    assert tuple(results) == KINDS
    rows_of = {kind: [Row.from_json(row) for row in found["rows"]] for kind, found in results.items()}
    lines = grouped_table(rows_of)
    assert done.stdout.splitlines()[: len(lines)] == lines
    assert [line for line in lines if line in {kind.replace("_", " ") for kind in KINDS}] == [
        kind.replace("_", " ") for kind in KINDS
    ]
    assert done.stdout.count("left out: train_step: no peer") == 2
    assert run["ratios"] == {f"{kind} / {row.name}": row.ratio for kind in KINDS for row in rows_of[kind]}
    assert len(run["ratios"]) == 4 * len(KINDS)
    for found in (run, *results.values()):
        assert found["rounds"] == 3 and found["cpu"] and found["cores"] >= 1 and found["versions"]["keras"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", found["date"])
    assert "train step, 1" in done.stderr and "100%" in done.stderr


def test_some_kinds_alone_leave_the_others_as_they_were(paths):
    assert run_table(paths).returncode == 0
    before = read_results(paths[0])
    done = run_table(paths, "--only=search,encode", "--rounds=2")
    assert done.returncode == 0, done.stderr
    after = read_results(paths[0])
    assert tuple(after) == KINDS
    assert {kind for kind in KINDS if after[kind]["rounds"] == 2} == {"search", "encode"}
    assert after["refresh"] == before["refresh"]
    assert [len(run["ratios"]) for run in read_history(paths[1])] == [28, 8]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--only=encode,walks", r"`only` must be of encode, .*\. Received: walks"),
        ("--history={broken}", r"\S*broken, line 1: expected JSON; .*"),
        ("--output={broken}", r"\S*broken: expected JSON; .*"),
    ],
)
def test_what_it_cannot_do_is_told_before_anything_is_measured(paths, tmp_path, given, message):
    (tmp_path / "broken").write_text("{\n")
    done = run_table(paths, given.format(broken=tmp_path / "broken"))
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch(f"error: {message}", done.stderr.splitlines()[-1])
    assert not paths[0].exists() and (tmp_path / "broken").read_text() == "{\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"date": "d", "ratios": {}}\n[]\n', r"line 2: expected an object with a `date` and `ratios`"),
        ('{"date": "d", "ratios": {"a": 0}}\n', r"line 1: expected a ratio > 0 of 'a'. Found: 0"),
        ('{"date": "d", "ratios": {"a": NaN}}\n', r"line 1: expected a ratio > 0 of 'a'. Found: nan"),
        ('\n{"date": "d", "ratios": {}}\n', r"line 1: expected JSON"),
        ('{"date": "d", "ratios": {}}', r"line 1: expected a line feed at its end; it is cut off"),
    ],
)
def test_a_broken_history_is_neither_read_nor_added_to(tmp_path, text, message):
    path = tmp_path / "history.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"history.jsonl, {message}"):
        append_history(path, {"date": "d"}, {"encode": [Row("a", 1.0, "b", 2.0)]})
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"rows": []}, r"expected an object from kinds of rows to objects with `rows`"),
        ([], r"expected an object from kinds"),
        ({"walks": {"rows": []}}, r"expected the kinds encode, .* Found: 'walks'"),
    ],
)
def test_other_json_is_no_result(tmp_path, found, message):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(found))
    with pytest.raises(InputError, match=message):
        write_results(path, {})


def results_of(rows_of):
    run = {**circumstances(1, {}), "date": "2026-01-02T03:04:05+00:00", "cpu": "cpu", "cores": 2, "load": 0.5}
    return {
        kind: {
            **run,
            "left_out": ["a peer: none"][: kind == "search"],
            "rows": [row.to_json() for row in rows],
        }
        for kind, rows in rows_of.items()
    }


ROWS = {
    "encode": [Row("encode", 30.0, "predict", 20.0, "images_per_second", quartiles=(1.25, 1.5, 1.75))],
    "search": [Row("graph", 0.001, "exact", 0.01, recall_at_10=0.99), Row("graph", 0.001, "x" * 99, 0.0002)],
}


def test_a_page_has_the_table_and_what_was_left_out():
    assert bench_table.table(results_of(ROWS)) == [
        "| | ours | | peer or limit | | ratio | half of turns |",
        "|---|---|---:|---|---:|---:|---:|",
        "| **encode** | encode | 30.0 images/s | predict | 20.0 images/s | 1.50 | 1.25 to 1.75 |",
        "| **search** | graph; recall@10 0.990 | 1.00 ms | exact | 10.00 ms | 10.00 |  |",
        f"|  | graph | 1.00 ms | {'x' * 99} | 0.20 ms | 0.20 |  |",
        "",
        "- All: 2026-01-02, 1 rounds, cpu, 2 cores, where 0.5 processes ran just before.",
        "",
        "Left out of search: a peer: none.",
    ]


@pytest.mark.parametrize("num_runs", [0, 1, 3])
def test_ratios_are_drawn_with_their_course_where_they_have_one(tmp_path, num_runs):
    names = [f"{kind} / {row.name}" for kind, rows in ROWS.items() for row in rows]
    history = [{"date": "d", "ratios": dict.fromkeys(names, 1.0 + number)} for number in range(num_runs)]
    draw_ratios(results_of(ROWS), history, tmp_path / "bench.png")
    with Image.open(tmp_path / "bench.png") as plot:
        assert plot.format == "PNG"
        assert (plot.width > 1400) == (num_runs > 1)


def test_the_command_writes_page_and_picture(tmp_path):
    page, results = tmp_path / "bench.md", tmp_path / "bench.json"
    page.write_text("Before.\n\n" + "".join(markers("bench")) + "\n\nAfter.\n")
    line = [sys.executable, "-m", "recipes.bench.bench_table", f"--page={page}", f"--results={results}"]
    line += [f"--history={tmp_path / 'none.jsonl'}", f"--plot={tmp_path / 'bench.png'}"]
    done = run_module(line)
    assert done.returncode == 1 and "expected what `python -m recipes.bench` writes" in done.stderr
    write_results(results, results_of(ROWS))
    assert run_module(line).returncode == 0
    text = page.read_text()
    assert text.startswith("Before.") and text.endswith("After.\n") and "| **encode** |" in text
    assert (tmp_path / "bench.png").is_file()


def test_jobs_come_by_kind_in_the_order_of_the_table():
    kinds = [job.kind for job in JOBS]
    assert kinds == sorted(kinds, key=KINDS.index) and set(kinds) == set(KINDS)
