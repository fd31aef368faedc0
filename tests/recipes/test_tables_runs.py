"""A table's runs, which need each other, with a recipe that trains nothing."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from recipes import tables
from recipes.tables import Command, Row, Table
from tests.common_tables import fake_recipes
from tests.recipes.small_table import run_all, small_table
from tfsbir.errors import InputError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to run in, where `recipes.fake` is the only recipe."""
    fake_recipes(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def calls(folder):
    """The run directories that the recipe was called with, in order."""
    path = folder / "calls.txt"
    return path.read_text().split() if path.exists() else []


def test_runs_are_in_the_order_of_their_needs(folder):
    runs = run_all(folder, small_table(), [0, 2])
    # The recipe itself fails where the run that it needs has not finished.
    assert calls(folder) == [
        "first_seed0", "second_seed0",
        "all_shoes_seed0", "none_shoes_seed0", "none_chairs_seed0",
        "all_shoes_seed2", "none_shoes_seed2", "none_chairs_seed2",
    ]  # fmt: skip
    assert [run.path.name for run in runs] == calls(folder)
    given = json.loads((folder / "runs" / "all_shoes_seed2" / "config.json").read_text())["given_flags"]
    assert given == {
        "data_dir": "/sets/shoes",
        "weights": str(folder / "runs" / "second_seed0"),
        "seed": 2,
        "workdir": str(folder / "runs" / "all_shoes_seed2"),
    }
    given = json.loads((folder / "runs" / "first_seed0" / "config.json").read_text())["given_flags"]
    assert given["shares"] == [0, 0.5]


def test_a_need_of_a_seeded_command_has_its_seed(tmp_path):
    commands = (Command("a", "fake", {}), Command("b", "fake", {}, {"weights": "a"}))
    table = Table("t", "T", ("acc@1",), commands, (Row("B", {"shoes": "b"}),))
    runs = {run.path.name: run for run in tables.schedule(table, [4, 5], tmp_path)}
    assert list(runs) == ["a_seed4", "b_seed4", "a_seed5", "b_seed5"]
    assert runs["b_seed5"].flags == {"weights": str(tmp_path / "a_seed5")}


def test_progress_is_told_and_logged(folder, capfd):
    run_all(folder, small_table(), [0])
    told = capfd.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert lines[0] == "[1/5] first seed 0"
    assert "[2/5] second seed 0, about 0 min left" in lines
    assert "[5/5] none_chairs seed 0, about 0 min left" in lines
    assert told.err.count("half\rwhole…\n") == 5  # What moves a progress bar is handed on.
    log = (folder / "runs" / "logs" / "second_seed0.log").read_text(encoding="utf-8")
    assert log.splitlines()[0].endswith(f"--seed=0 --workdir={folder / 'runs' / 'second_seed0'}")
    assert "whole…" in log


@pytest.fixture
def measuring_folder(tmp_path, monkeypatch):
    """A folder to run in, where `recipes.manifold_alignment` and `recipes.evaluate` do nothing."""
    fake_recipes(tmp_path, ("manifold_alignment", "evaluate"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def measured_table(**own):
    commands = (
        Command("trained", "manifold_alignment", {"steps": 3}),
        Command("found", "evaluate", {"dataset": "bmvc14", **own}, measures="trained"),
    )
    return Table("t", "T", ("mAP@all",), commands, (Row("R", {"bmvc14": "found"}),))


def test_a_measurement_is_kept_like_a_run(measuring_folder, capfd):
    runs = run_all(measuring_folder, measured_table(), [3])
    assert calls(measuring_folder) == ["trained_seed3", "trained_seed3:bmvc14:False"]
    assert runs[1].arguments()[-1] == f"--workdir={measuring_folder / 'runs' / 'trained_seed3'}"
    found = measuring_folder / "runs" / "found_seed3"
    assert json.loads((found / "result.json").read_text())["metrics"]["mAP@all"] == 0.43
    given = json.loads((found / "config.json").read_text())["given_flags"]
    assert given == {"dataset": "bmvc14"}
    assert "measuring" in (measuring_folder / "runs" / "logs" / "found_seed3.log").read_text()
    assert capfd.readouterr().out == ""
    run_all(measuring_folder, measured_table(), [3])
    assert len(calls(measuring_folder)) == 2
    with pytest.raises(InputError, match=r"found_seed3: expected a run with `dataset` sketchy; .* bmvc14"):
        run_all(measuring_folder, measured_table(dataset="sketchy"), [3])


def test_a_failing_measurement_leaves_no_result(measuring_folder):
    with pytest.raises(InputError, match=r"found_seed0\.log: expected found_seed0 to end .* exit code 3$"):
        run_all(measuring_folder, measured_table(fail=True), [0])
    assert not (measuring_folder / "runs" / "found_seed0" / "result.json").exists()
    run_all(measuring_folder, measured_table(), [0])
    assert (measuring_folder / "runs" / "found_seed0" / "result.json").exists()


def test_a_measurement_of_other_encoders_is_refused(measuring_folder):
    run_all(measuring_folder, measured_table(), [0])
    model = measuring_folder / "runs" / "trained_seed0" / "model"
    model.mkdir()
    (model / "sketch_encoder.keras").write_bytes(b"trained anew")
    with pytest.raises(InputError, match=r"found_seed0: expected a measurement of trained_seed0, whose enc"):
        run_all(measuring_folder, measured_table(), [0])


@pytest.mark.parametrize(
    ("names", "seconds", "expected"),
    [
        (["a"], {}, ""),
        (["a", "a"], {"a": [60, 180]}, ", about 4 min left"),
        (["a", "b"], {"a": [60], "c": [180]}, ", about 3 min left"),
        (["a"] * 100, {"a": [90]}, ", about 2.5 h left"),
    ],
)
def test_time_left(names, seconds, expected):
    assert tables.time_left(names, seconds) == expected


def test_what_is_finished_is_not_run_again(folder, capfd):
    run_all(folder, small_table(), [0])
    before = len(calls(folder))
    capfd.readouterr()
    run_all(folder, small_table(), [0, 1])
    assert calls(folder)[before:] == ["all_shoes_seed1", "none_shoes_seed1", "none_chairs_seed1"]
    # The seed before took 600 s by its own account.
    assert capfd.readouterr().err.startswith("[6/8] all_shoes seed 1, about 30 min left\n")


def test_a_killed_run_resumes(folder):
    table = small_table(kill=True)
    with pytest.raises(InputError, match=r"all_shoes_seed0\.log: expected all_shoes_seed0 to end with a"):
        run_all(folder, table, [0])
    assert calls(folder) == ["first_seed0", "second_seed0", "all_shoes_seed0"]
    run_all(folder, table, [0])
    assert calls(folder)[3:] == ["all_shoes_seed0", "none_shoes_seed0", "none_chairs_seed0"]
    log = (folder / "runs" / "logs" / "all_shoes_seed0.log").read_text(encoding="utf-8")
    assert log.count("recipes.fake") == 2
    assert "resumed" in log


def test_a_failing_run_stops_and_names_its_log(folder, capfd):
    log = folder / "runs" / "logs" / "all_shoes_seed0.log"
    expected = rf"^{log}: expected all_shoes_seed0 to end with a result\.json; it ended with exit code 3$"
    with pytest.raises(InputError, match=expected):
        run_all(folder, small_table(fail=True), [0])
    assert "no luck" in capfd.readouterr().err
    assert "no luck" in log.read_text(encoding="utf-8")
    assert calls(folder)[-1] == "all_shoes_seed0"


def test_a_run_without_a_result_is_a_failure(folder):
    with pytest.raises(InputError, match=r"expected all_shoes_seed0 .*; it ended with exit code 0$"):
        run_all(folder, small_table(no_result=True), [0])


def test_a_finished_run_of_other_flags_is_refused_before_anything_runs(folder):
    run_all(folder, small_table(margin=0.3), [0])
    before = calls(folder)
    expected = (
        r"all_shoes_seed0: expected a run with `margin` 0\.5; it was made with 0\.3 "
        r"\(give that, or name another `workdir`\)$"
    )
    with pytest.raises(InputError, match=expected):
        run_all(folder, small_table(margin=0.5), [0, 1])
    with pytest.raises(InputError, match=r"expected a run with `margin` not given; it was made with 0\.3"):
        run_all(folder, small_table(), [0])
    with pytest.raises(InputError, match=r"expected a run with `data_dir` boots; it was made with shoes"):
        run_all(folder, small_table(margin=0.3, data_dir="/sets/boots"), [0])
    with pytest.raises(InputError, match=r"expected a run with `margin` 0\.5"):
        tables.collect(
            small_table(margin=0.5), tables.schedule(small_table(margin=0.5), [0], folder / "runs")
        )
    assert calls(folder) == before


def test_a_run_from_other_weights_is_refused(folder):
    run_all(folder, small_table(), [0])
    table = small_table()
    from_first = Command("all_shoes", "fake", {"data_dir": "/sets/shoes"}, {"weights": "first"})
    alone = Command("all_shoes", "fake", {"data_dir": "/sets/shoes"})
    for command, message in ((from_first, "`weights` first_seed0"), (alone, "`weights` not given")):
        commands = tuple(command if one.name == "all_shoes" else one for one in table.commands)
        other = Table("small", "T", ("acc@1",), commands, table.rows)
        with pytest.raises(InputError, match=f"expected a run with {message}; it was made with second_seed0"):
            run_all(folder, other, [0])


def test_what_changes_no_number_may_differ(folder):
    run_all(folder, small_table(cache_dir="/cache", loss="7"), [0])
    before = calls(folder)
    # Data that have moved, another cache; and a number that is a word.
    run_all(folder, small_table(data_dir="/elsewhere/shoes", num_workers=3, loss=7), [0])
    assert calls(folder) == before


def test_ctrl_c_ends_the_run_below_too(folder):
    script = (
        "import signal, sys\nfrom recipes import tables\n"
        # A shell starts what it puts in the background deaf to Ctrl-C, and the suite may be such a thing.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "tables.execute([sys.executable, '-m', 'recipes.fake', '--hang=1', '--workdir=runs/x'], 'log')"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=folder, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 120
            while not (folder / "runs" / "x" / "pid").exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            time.sleep(0.2)
            below = int((folder / "runs" / "x" / "pid").read_text())
            process.send_signal(
                signal.SIGINT
            )  # To the one process alone: as from a scheduler, not a terminal.
            process.communicate(timeout=60)
        finally:
            process.kill()  # One that has ended takes no notice.
    assert process.returncode != 0
    with pytest.raises(ProcessLookupError):
        os.kill(below, 0)
