"""The tables of runs' numbers, and what a table is made of, with a recipe that trains nothing."""

import json
import statistics

import numpy as np
import pytest
from PIL import Image

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
