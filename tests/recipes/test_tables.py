"""Runs that need each other, and the tables of their numbers, with a recipe that trains nothing."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from recipes import tables
from recipes.tables import Command, Row, Table
from tests.common_tables import fake_recipes
from tfsbir.errors import InputError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to run in, where `recipes.fake` is the only recipe."""
    fake_recipes(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small_table(**own):
    """Two stages, of which the rows take both, one or none; "left_alone" is no row's."""
    commands = (
        Command("first", "fake", {"steps": 3, "shares": [0, 0.5]}, is_seeded=False),
        Command("left_alone", "fake", {}, is_seeded=False),
        Command("second", "fake", {"data_dir": None}, {"weights": "first"}, is_seeded=False),
        Command("all_shoes", "fake", {"data_dir": "/sets/shoes", **own}, {"weights": "second"}),
        Command("none_shoes", "fake", {"data_dir": "/sets/shoes"}),
        Command("none_chairs", "fake", {"data_dir": "/sets/chairs"}),
    )
    rows = (
        Row("Ours", {"shoes": "none_shoes"}),
        Row("All stages", {"shoes": "all_shoes"}, {"shoes": {"acc@1": 39.13, "triplet_accuracy": 69.49}}),
        Row("None", {"shoes": "none_shoes", "chairs": "none_chairs"}, {"shoes": {"acc@1": 27.83}}),
    )
    return Table("small", "A small table", ("acc@1", "triplet_accuracy"), commands, rows, ("A note.",))


def calls(folder):
    """The run directories that the recipe was called with, in order."""
    path = folder / "calls.txt"
    return path.read_text().split() if path.exists() else []


def run_all(folder, table, seeds):
    runs = tables.schedule(table, seeds, folder / "runs")
    tables.run_missing(runs, folder / "runs")
    return runs


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


def test_numbers_are_means_and_sample_deviations_over_the_seeds(folder):
    table = small_table()
    collected = tables.collect(table, run_all(folder, table, [0, 1, 5]))
    found = collected["rows"][0]["data"]["shoes"]
    values = [0.5, 0.51, 0.55]  # What the recipe gives for seeds 0, 1, 5.
    assert collected["rows"][0]["label"] == "All stages"
    assert found["run"] == "all_shoes"
    assert found["seeds"] == [0, 1, 5]
    assert found["minutes"] == 10
    assert found["metrics"]["acc@1"] == {
        "paper": 0.3913,
        "mean": pytest.approx(statistics.mean(values)),
        "std": pytest.approx(statistics.stdev(values)),
        "values": values,
    }
    assert found["metrics"]["triplet_accuracy"]["paper"] == 0.6949
    assert collected["runs"]["all_shoes_seed5"] == {
        "name": "all_shoes",
        "is_shared": False,
        "command": "python -m recipes.fake --data_dir=synthetic/shoes --weights=second_seed0",
        "recipe": "fake",
        "seed": 5,
        "seconds": 600.0,
        "metrics": {"acc@1": 0.55, "triplet_accuracy": 0.7},
        "versions": {"python": "3"},
    }
    # A list is a flag that is given several times.
    command = collected["runs"]["first_seed0"]["command"]
    assert command == "python -m recipes.fake --steps=3 --shares=0 --shares=0.5"
    assert "left_alone_seed0" not in collected["runs"]


def test_paths_of_a_shown_command_are_short():
    config = {
        "recipe": "fake",
        "dataset": {"name": "sketchy", "data_dir": "/home/me/mini"},
        "given_flags": {
            "data_dir": "/home/me/mini", "dataset": "sketchy", "edge_model": "/home/me/model.yml.gz",
            "more_data_dir": "/home/me/shoes", "more_dataset": "photo_folder", "shares": [0.0, 0.1],
            "cache_dir": "/home/me/cache", "num_workers": 4, "weights": "/home/me/runs/s1_seed0",
            "workdir": "/home/me/runs/s2_seed0", "seed": 0, "attributes_from": "/home/me/runs/full_seed0",
            "attribute_distance_weight": "0",
        },
    }  # fmt: skip
    assert tables.shown_command(config) == (
        "python -m recipes.fake --data_dir=sketchy/mini --dataset=sketchy --edge_model=model.yml.gz "
        "--more_data_dir=photo_folder/shoes --more_dataset=photo_folder --weights=s1_seed0 "
        "--attributes_from=full_seed0 --attribute_distance_weight=0 --shares=0.0 --shares=0.1"
    )


def test_markdown_has_the_papers_numbers_beside_ours(folder):
    table = small_table()
    text = tables.markdown(tables.collect(table, run_all(folder, table, [0, 2])))
    head = "acc@1, paper | acc@1, ours | triplet accuracy, paper | triplet accuracy, ours | seeds | minutes |"
    assert text.startswith(f"### A small table\n\n| shoes | {head}\n|---|---:|---:|---:|---:|---:|---:|\n")
    shoes, chairs = (text.split(f"| {data} |")[1].split("\n\n")[0] for data in ("shoes", "chairs"))
    assert shoes.splitlines()[2:] == [
        "| All stages | 39.13 | 51.0 ± 1.4 | 69.49 | 70.0 ± 0.0 | 2 | 10.0 |",
        "| None | 27.83 | 51.0 ± 1.4 | - | 70.0 ± 0.0 | 2 | 10.0 |",
        "| *not the paper's:* | | | | | | |",
        "| Ours | - | 51.0 ± 1.4 | - | 70.0 ± 0.0 | 2 | 10.0 |",
    ]
    assert chairs.splitlines()[2:] == ["| None | - | 51.0 ± 1.4 | - | 70.0 ± 0.0 | 2 | 10.0 |"]
    assert "\n\nA note.\n\n" in text
    assert "\n| first | 10.0 | acc@1 50.0, triplet accuracy 70.0 |\n" in text
    assert "\nall_shoes    python -m recipes.fake --data_dir=synthetic/shoes --weights=second_seed0\n" in text
    assert str(folder) not in text


def test_missing_rows_show_a_dash_and_one_seed_no_deviation(folder):
    table = small_table()
    run_all(folder, table, [0])
    runs = tables.schedule(table, [0, 1], folder / "runs")
    (folder / "runs" / "none_shoes_seed0" / "result.json").unlink()
    collected = tables.collect(table, runs)
    text = tables.markdown(collected)
    assert "| All stages | 39.13 | 50.0 | 69.49 | 70.0 | 1 | 10.0 |\n" in text
    assert "| None | 27.83 | - | - | - | - | - |\n" in text
    metrics = collected["rows"][0]["data"]["shoes"]["metrics"]
    assert metrics["acc@1"]["std"] is None
    assert collected["rows"][1]["data"]["shoes"]["metrics"]["acc@1"] == {
        "paper": 0.2783, "mean": None, "std": None, "values": []
    }  # fmt: skip
    json.dumps(collected, allow_nan=False)


def test_bars_show_both_where_both_are(folder):
    table = small_table()
    runs = tables.schedule(table, [0, 1], folder / "runs")

    def colors(name):
        tables.draw_bars(tables.collect(table, runs), folder / name)
        with Image.open(folder / name) as picture:
            pixels = np.asarray(picture.convert("RGB"), np.int16)
        return [
            np.sum(np.abs(pixels - [int(color[place : place + 2], 16) for place in (1, 3, 5)]).max(-1) < 8)
            for color in (*tables.COLORS.values(), "#d9822b")
        ]

    paper, ours, errors = colors("paper.png")
    assert paper > 2000
    assert ours < 500  # That of the legend.
    assert errors == 0
    run_all(folder, table, [0, 1])
    both = colors("both.png")
    assert both[0] == pytest.approx(paper, rel=0.2)
    assert both[1] > 10 * ours
    assert both[2] > 20


@pytest.mark.parametrize(
    ("commands", "rows", "message"),
    [
        ((Command("a", "fake", {}),) * 2, (), r"`commands` must have names of their own\. Received: a twice"),
        (
            (Command("a", "fake", {}, {"weights": "b"}), Command("b", "fake", {})),
            (),
            r"`needs` of a must name an earlier command\. Received: b",
        ),
        (
            (Command("a", "fake", {}), Command("b", "fake", {}, {"weights": "a"}, is_seeded=False)),
            (),
            r"`needs` of b, which runs once, must name a command that runs once\. Received: a",
        ),
        (
            (Command("a", "fake", {}, measures="b"), Command("b", "fake", {})),
            (),
            r"`measures` of a must name an earlier command\. Received: b",
        ),
        ((), (Row("R", {"shoes": "a"}),), r"`runs` of 'R' must name a command\. Received: a"),
    ],
)
def test_a_table_that_cannot_be_made_is_refused(commands, rows, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Table("t", "T", ("acc@1",), commands, rows)


def test_a_printed_row_has_the_papers_numbers_by_metric():
    row = tables.printed_row("All", "all", ("acc@1", "acc@10"), ("shoes", "bags"), {"shoes": "39.13 87.83"})
    assert row == Row(
        "All", {"shoes": "all_shoes", "bags": "all_bags"}, {"shoes": {"acc@1": 39.13, "acc@10": 87.83}}
    )
    with pytest.raises(ValueError, match="shorter"):
        tables.printed_row("All", "all", ("acc@1", "acc@10"), ("shoes",), {"shoes": "39.13"})


@pytest.mark.parametrize(("baseline", "is_seeded"), [("bag_of_hog", True), ("dense_hog", False)])
def test_baselines_run_once_but_for_the_one_that_meets_with_chance(baseline, is_seeded):
    flags = {"baseline": baseline, "dataset": "qmul_v1"}
    assert tables.baseline_command(baseline, "shoes", {"dataset": "qmul_v1"}) == Command(
        f"{baseline}_shoes", "handcrafted_baselines", flags, {}, is_seeded
    )


@pytest.mark.parametrize("values", [[], [""], ["a"], ["-1"], ["1", "1"], ["1.5"], ["0", "00"]])
def test_seeds_that_are_none_are_refused(values):
    shown = ",".join(values)
    expected = rf"^`seeds` must be whole numbers >= 0, once each, such as 0,1,2\. Received: {shown}$"
    with pytest.raises(InputError, match=expected):
        tables.read_seeds(values)


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
