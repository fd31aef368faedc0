"""The tables of manifold alignment: rows, commands, measurements, and that the recipes take them."""

import json
import shlex
from pathlib import Path

import pytest
from PIL import Image

from recipes import tables
from tests.common_tables import check_parsed, fake_recipes, run_each
from tfsbir.data.class_lists import read_class_list
from tfsbir.generated_part import markers

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results" / "manifold_alignment" / "tables"
MODULE = "recipes.manifold_alignment_tables"
CLASSES = ROOT / "recipes" / "manifold_alignment_classes.txt"
SETS = ("--sketchy_dir=/sets/sketchy", "--quickdraw_dir=/sets/quickdraw")
ALL_SETS = (*SETS, "--bmvc14_dir=/sets/bmvc14", "--distractors_dir=/sets/shoes")
# As one reads them in the paper: mid-grain with and without distractors, class-level with and without.
PRINTED = """
MA-GMM | 42.10 48.40 65.31 79.17
MS-reg-HM | 36.08 45.58 53.52 74.01
SS-triplet-HM | 32.13 43.39 45.85 69.35
SS-contrast-HM | 22.34 42.65 31.64 66.82
Sketchy | 12.86 39.72 12.65 47.82
"""
METHODS = ("manifold_alignment", "regression", "triplet", "contrastive")
ALPHAS = ("0.25", "0.5", "1", "4", "8")


@pytest.fixture(scope="module")
def commands():
    """By table, a list of what follows `python -m` in each line."""
    ways = {
        "grid": ("--table=grid", *ALL_SETS),
        "2": ("--table=2", *ALL_SETS),
        "alpha": ("--table=alpha", *ALL_SETS),
        "2, less": ("--table=2", *SETS, "--bmvc14_dir=/sets/bmvc14"),
        "inception_v1": ("--table=2", *SETS, "--backbone=inception_v1", "--steps=40"),
        "pooled_squeezenet": ("--table=2", *SETS, "--backbone=pooled_squeezenet"),
    }
    shared = ("--workdir=/runs", "--seeds=0,1", "--dry_run", "--weights=/w.h5")
    texts = run_each(MODULE, ROOT, [(*given, *shared) for given in ways.values()])
    return {
        way: [shlex.split(line)[2:] for line in text.splitlines()]
        for way, text in zip(ways, texts, strict=True)
    }


def trainings(lines):
    """Returns a dict from the names of run directories to the flags that make them."""
    return {
        Path(line[-1].removeprefix("--workdir=")).name: set(line[1:-1])
        for line in lines
        if line[0] == "recipes.manifold_alignment"
    }


def measured(lines, name):
    """Returns the flags of the measurements of one run, in their order."""
    return [
        set(line[1:-1])
        for line in lines
        if line[0] == "recipes.evaluate" and line[-1] == f"--workdir=/runs/{name}"
    ]


def test_the_grid_differs_in_aligner_and_clusterer_alone(commands):
    found, shared = trainings(commands["grid"]), set()
    for aligner in ("manifold", "linear_transform", "pca"):
        for pooler in ("gaussian_mixture", "kmeans", "mean_shift", "dbscan"):
            for seed in (0, 1):
                name = f"grid_{aligner}_{pooler}_squeezenet_seed{seed}"
                warmup = f"--weights=/runs/grid_warmup_squeezenet_seed{seed}"
                own = {f"--aligner={aligner}", f"--pooler={pooler}", f"--seed={seed}", warmup}
                assert own <= found[name]
                shared.add(frozenset(found[name] - own))
                assert measured(commands["grid"], name) == [
                    {"--dataset=bmvc14", "--data_dir=/sets/bmvc14", "--num_views=1"}
                ]
    for method in ("triplet", "contrastive"):
        own = found[f"grid_{method}_squeezenet_seed0"]
        assert {f"--method={method}", f"--classes={CLASSES}", "--steps=70", "--learning_rate=0.0002"} <= own
        assert "--weights=/runs/start_squeezenet_seed0" in own
    assert len(found) == 28 + 3 and len(commands["grid"]) == 56 + 3
    (shared,) = shared
    assert {
        "--method=manifold_alignment", f"--classes={CLASSES}", "--steps=30", "--warmup_steps=0",
        "--dataset=sketchy", "--data_dir=/sets/sketchy", "--more_dataset=quickdraw",
        "--more_data_dir=/sets/quickdraw", "--photo_input=rgb", "--train_from=fire5_squeeze1x1",
    } <= shared  # fmt: skip


def test_rows_share_a_warmup_and_all_share_a_start(commands):
    found = trainings(commands["grid"])
    start = found["start_squeezenet_seed0"]
    assert {"--method=softmax", "--steps=1", "--weights=/w.h5", "--data_dir=/sets/sketchy"} <= start
    assert not any(one.startswith("--classes") for one in start)
    for seed in (0, 1):
        warmup = found[f"grid_warmup_squeezenet_seed{seed}"]
        changed = {f"--classes={CLASSES}", "--steps=40", "--weights=/runs/start_squeezenet_seed0"}
        assert warmup - start - {f"--seed={seed}"} == changed


def test_methods_differ_in_the_method_alone_and_are_measured_with_distractors(commands):
    found, shared = trainings(commands["2"]), set()
    assert len(found) == 8 + 1
    for method in METHODS:
        name = f"{method}_squeezenet_seed1"
        own = {f"--method={method}", "--aligner=manifold", "--pooler=gaussian_mixture"}
        assert f"--method={method}" in found[name]
        shared.add(frozenset(found[name] - own))
        joined, bmvc14, with_distractors = measured(commands["2"], name)
        given = {"--data_dir=/sets/sketchy", "--more_data_dir=/sets/quickdraw"}
        assert {*given, "--distractors_dir=/sets/shoes", "--more_dataset=quickdraw"} <= joined
        assert with_distractors == bmvc14 | {"--distractors_dir=/sets/shoes", "--max_distractors=500"}
    (shared,) = shared
    assert {"--steps=300", "--weights=/runs/start_squeezenet_seed0"} <= shared
    assert not any(one.startswith("--classes") for one in shared)
    # A training comes before what measures it, and what there is no data for is left out.
    places = [line[-1] for line in commands["2"]]
    assert places.index("--workdir=/runs/triplet_squeezenet_seed0") == 12
    assert not any("--distractors" in one for line in commands["2, less"] for one in line)
    assert len(commands["2, less"]) == 2 * 4 * 2 + 2  # The start is measured, too.


def test_the_pooled_network_trains_without_a_warmup(commands):
    found = trainings(commands["pooled_squeezenet"])
    flags = {method: found[f"{method}_pooled_squeezenet_seed0"] for method in METHODS}
    own = {"--method=manifold_alignment", "--aligner=manifold", "--pooler=gaussian_mixture"}
    own |= {"--learning_rate=0.0005", "--warmup_steps=0"}
    shared = flags["triplet"] - {"--method=triplet"}
    assert flags["manifold_alignment"] - shared == own
    assert shared - flags["manifold_alignment"] == {"--learning_rate=3e-05", "--warmup_steps=100"}


def test_the_default_alpha_is_a_run_of_the_grid(commands):
    found, of_grid = trainings(commands["alpha"]), trainings(commands["grid"])
    name = "grid_manifold_gaussian_mixture_squeezenet_seed0"
    assert found[name] == of_grid[name]
    for alpha in ALPHAS:
        own = found[f"alpha_{alpha}_squeezenet_seed0"] - found[name]
        assert own == {f"--correspondence_weight={float(alpha)}"}
    assert len(found) == 2 * (len(ALPHAS) + 1) + 3


def test_the_classes_are_of_the_sets_that_are_trained_and_tested_on():
    classes = read_class_list(CLASSES)
    assert len(classes) == 12
    assert {"airplane", "bicycle", "cat", "chair", "horse", "sheep"} < set(classes)  # Those with ratings.
    assert "shoe" not in classes  # As the distractors are.


@pytest.mark.parametrize("recipe", ["manifold_alignment", "evaluate"])
def test_the_recipes_take_the_flags(commands, recipe):
    check_parsed(recipe, [line for lines in commands.values() for line in lines])
    # The schedule is that of 300 steps, as short.
    found = trainings(commands["inception_v1"])
    assert "--steps=1" in found.pop("start_inception_v1_seed0")
    for given in found.values():
        assert {"--steps=40", "--warmup_steps=13", "--refresh_every=13", "--max_staleness=7"} <= given


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder in which recipes that train nothing have made all tables, and what was printed."""
    folder = tmp_path_factory.mktemp("made")
    fake_recipes(folder, ("manifold_alignment", "evaluate"))
    given = ("--workdir=runs", "--output=made", "--seeds=0,4")
    ways = (
        ("--table=grid", *ALL_SETS, *given),
        ("--table=2", *ALL_SETS, *given),
        ("--table=alpha", *SETS, *given),
        ("--table=grid", "--sketchy_dir=/sets/sketchy", *given),
        ("--table=grid", "--quickdraw_dir=/sets/quickdraw", *given),
        ("--table=2", *ALL_SETS, *given),
    )
    return folder, run_each(MODULE, folder, ways)


def test_a_command_runs_the_rows_and_writes_the_table(made):
    folder, (grid, second, *_) = made
    assert "| joined test split | mAP@all, paper |" in grid
    assert "| MA-GMM | - | 52.0 ± 2.8 | - | - | 2 | 10.0 |" in grid
    # Measured by the other command, with the minutes of the training.
    assert "| MA-GMM | - | 42.0 ± 2.8 | 41.10 | 21.0 ± 1.4 | 2 | 10.0 |" in grid
    assert "| LTM-KMeans | 61.90 | 52.0 ± 2.8 | - | - | 2 | 10.0 |" in grid
    assert "| MA-KMeans | - | 42.0 ± 2.8 | - | 21.0 ± 1.4 | 2 | 10.0 |" in grid
    own = grid.split("| *not the paper's:*")[1]
    assert "| SS-triplet-HM | - | 52.0 ± 2.8 | - | - | 2 | 10.0 |" in own
    assert "| SS-triplet-HM | 45.85 | 42.0 ± 2.8 | - | 21.0 ± 1.4 | 2 | 10.0 |" in second
    assert "| Sketchy | 47.82 | - | - | - | - | - |" in second
    calls = (folder / "calls.txt").read_text().split()
    assert len(calls) == len(set(calls)) == 2 * (14 * 2 + 4 * 4 + len(ALPHAS)) + 6
    assert "triplet_squeezenet_seed4:bmvc14:True" in calls
    measured = folder / "runs" / "triplet_squeezenet_bmvc14_distractors_seed4"
    assert sorted(path.name for path in measured.iterdir()) == ["config.json", "result.json"]
    assert json.loads((measured / "result.json").read_text())["metrics"]["mAP@all"] == 0.44
    collected = json.loads((folder / "made" / "table_2_squeezenet.json").read_text(encoding="utf-8"))
    assert collected["runs"][measured.name]["workdir"] == "triplet_squeezenet_seed4"
    log = (folder / "runs" / "logs" / f"{measured.name}.log").read_text()
    assert "recipes.evaluate" in log and "measuring" in log


def test_what_was_made_is_not_made_again_and_what_is_missing_is_told(made):
    _, (_, second, _, no_quickdraw, no_sketchy, again) = made
    assert again == second
    assert no_quickdraw == "`quickdraw_dir` must be given, but to collect. Received: nothing\n"
    assert no_sketchy == "`sketchy_dir` must be given, but to collect. Received: nothing\n"


def test_the_curve_of_alpha_is_drawn_of_what_was_measured(made):
    folder, (_, _, alpha, *_) = made
    # There was no bmvc14 for it, but its default is the grid's row, which was measured on that.
    assert "| alpha 0.25 | - | - | - | - | - | - |" in alpha
    assert "| alpha 2 | - | 42.0 ± 2.8 | - | 21.0 ± 1.4 | 2 | 10.0 |" in alpha
    with Image.open(folder / "made" / "table_alpha_squeezenet_curve.png") as picture:
        assert picture.format == "PNG"


def test_the_papers_numbers_are_those_it_prints(made):
    folder, _ = made
    collected = json.loads((folder / "made" / "table_2_squeezenet.json").read_text(encoding="utf-8"))
    places = [
        (data, metric)
        for metric, sets in (
            ("mid_grain_mAP@all", ("bmvc14, distractors", "bmvc14")),
            ("mAP@all", ("joined test split, distractors", "joined test split")),
        )
        for data in sets
    ]
    found = [
        f"{row['label']} | "
        + " ".join(f"{100 * row['data'][data]['metrics'][metric]['paper']:.2f}" for data, metric in places)
        for row in collected["rows"][:-1]
    ]
    assert collected["rows"][-1]["label"] == "the start, nothing learned"  # It is not the paper's.
    assert found == PRINTED.strip().splitlines()
    collected = json.loads((folder / "made" / "table_grid_squeezenet.json").read_text(encoding="utf-8"))
    printed = {
        row["label"]: [
            round(100 * row["data"][data]["metrics"][metric]["paper"], 1)
            for data, metric in (("joined test split", "mAP@all"), ("bmvc14", "mid_grain_mAP@all"))
            if row["data"][data]["metrics"][metric]["paper"] is not None
        ]
        for row in collected["rows"]
    }
    assert {label: numbers for label, numbers in printed.items() if numbers} == {
        "MA-GMM": [41.1], "LTM-KMeans": [61.9, 33.2], "PCA-GMM": [74.2], "PCA-MeanShift": [76.3],
        "PCA-DBSCAN": [75.9],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["grid_squeezenet", "2_pooled_squeezenet", "alpha_squeezenet"])
def test_the_page_shows_the_tables_that_were_measured(name):
    name = f"table_{name}"
    begin, end = markers(name)
    page = (ROOT / "docs" / "manifold_alignment.md").read_text(encoding="utf-8")
    shown = page.split(begin)[1].split(end)[0]
    collected = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert tables.markdown(collected).strip() == shown.split("\n![")[0].strip()
