"""The paper's tables: their commands, and that recipes take them; and the page that shows them."""

import json
import shlex
import sys

import pytest
from PIL import Image

from recipes import tables
from tests.common_processes import ROOT, run_module
from tests.common_tables import check_parsed, fake_recipes, run_each
from tfsbir.generated_part import markers

PAPER = ROOT / "results" / "sketch_me_that_shoe" / "tables"
MODULE = "recipes.sketch_me_that_shoe_tables"
RECIPES = ("sketch_me_that_shoe", "handcrafted_baselines", "cross_domain_shape")
FOLDERS = ("--data_dir=/sets/qmul", "--sketchy_dir=/sets/sketchy", "--quickdraw_dir=/sets/qd",
           "--photos_dir=/sets/photos")  # fmt: skip
# As one reads them in the paper.
TABLE_1 = """
BoW-HOG + RankSVM | 17.39 67.83 62.82 | 28.87 67.01 61.56
Dense-HOG + RankSVM | 24.35 65.22 67.21 | 52.57 93.81 68.96
ISN + RankSVM | 20.00 62.61 62.55 | 47.42 82.47 66.62
3DS + RankSVM | 5.22 21.74 55.59 | 6.19 26.80 51.94
Our model | 39.13 87.83 69.49 | 69.07 97.94 72.30
"""
TABLE_2 = """
Step 4 only | 27.83 78.26
Step 2 + 4, no data aug | 33.04 81.74
Step 2 + 4, with data aug | 36.52 84.35
Step 1 + 2 + 4, with data aug | 38.26 85.22
Step 1-4, no data aug | 37.39 86.09
Pairwise alternative | 28.70 78.26
Hetero. image triplets | 21.74 68.70
Hetero. image pairwise | 16.52 69.57
Our full model | 39.13 87.83
"""


def run(cwd, *flags, table=2):
    arguments = [sys.executable, "-m", MODULE, f"--table={table}", *flags]
    return run_module(arguments, cwd)


@pytest.fixture
def folder(tmp_path):
    """A folder to run in, where the recipes train nothing."""
    fake_recipes(tmp_path, (*RECIPES,))
    return tmp_path


@pytest.fixture(scope="module")
def commands():
    """By table, what --dry_run prints: dict from the run's name to its arguments."""
    printed = {}
    flags = ("--workdir=/runs", *FOLDERS, "--seeds=0,1", "--weights=/w.h5", "--more_sketches_dir=/sets/more",
             "--steps=40", "--dry_run")  # fmt: skip
    for table, text in zip(
        (1, 2), run_each(MODULE, ROOT, [(f"--table={table}", *flags) for table in (1, 2)]), strict=True
    ):
        lines = [shlex.split(line) for line in text.splitlines()]
        assert all(line[:2] == ["python", "-m"] for line in lines)
        printed[table] = {line[-1].removeprefix("--workdir=/runs/"): line[2:] for line in lines}
        assert len(printed[table]) == len(lines)
    return printed


def test_each_run_comes_after_the_one_it_starts_from(commands):
    for lines in commands.values():
        seen = set()
        for name, arguments in lines.items():
            for weights in (one for one in arguments if one.startswith("--weights=/runs/")):
                assert weights.removeprefix("--weights=/runs/") in seen
            seen.add(name)


def test_the_rows_of_table_2_start_where_they_say(commands):
    starts = {
        "step_4": None, "step_2_4_plain": "s2_scratch_plain", "step_2_4_augmented": "s2_scratch_augmented",
        "step_1_2_4": "s2_augmented", "step_1_4_plain": "s3_plain", "pairwise": "s3_augmented",
        "hetero_triplets": "s3_augmented", "hetero_pairwise": "s3_augmented", "full": "s3_augmented",
    }  # fmt: skip
    lines = commands[2]
    for seed in (0, 1):
        for name, start in starts.items():
            arguments = lines[f"{name}_shoes_seed{seed}"]
            assert arguments[0] == "recipes.sketch_me_that_shoe"
            assert ("--branches=heterogeneous" in arguments) == name.startswith("hetero")
            assert ("--loss=contrastive" in arguments) == name.endswith("pairwise")
            assert ("--loss=batch_triplet" in arguments) != name.endswith("pairwise")
            weights = [one for one in arguments if one.startswith("--weights")]
            assert weights == ([f"--weights=/runs/{start}_seed0"] if start else [])
            assert {"--stage=4", "--steps=40", f"--seed={seed}", "--data_dir=/sets/qmul/shoes"} <= set(
                arguments
            )
    assert "--data_dir=/sets/qmul/chairs" in lines["full_chairs_seed1"]
    # Stages 1 to 3 run once; of the rows, nine are on shoes and two on chairs.
    assert len(lines) == 7 + 2 * 11
    for name, start in (
        ("s2_plain", "s1"), ("s2_augmented", "s1"), ("s3_plain", "s2_plain"), ("s3_augmented", "s2_augmented")
    ):  # fmt: skip
        assert f"--weights=/runs/{start}_seed0" in lines[f"{name}_seed0"]
    for name in ("s2_plain", "s2_scratch_plain", "s2_augmented", "s2_scratch_augmented"):
        bent = [one for one in lines[f"{name}_seed0"] if "deformation" in one or "removal" in one]
        assert len(bent) == (5 if name.endswith("augmented") else 0)
        assert any(one.startswith("--weights") for one in lines[f"{name}_seed0"]) == ("scratch" not in name)


def test_the_rows_of_table_1_are_the_baselines_and_the_full_model(commands):
    lines = commands[1]
    for data in ("shoes", "chairs"):
        for name, start in (("dense_hog", None), ("isn", "s2_augmented"), ("3ds", "cross_domain_shape")):
            arguments = lines[f"{name}_{data}_seed0"]
            assert arguments[0] == "recipes.handcrafted_baselines"
            assert {f"--baseline={name}", f"--data_dir=/sets/qmul/{data}"} <= set(arguments)
            weights = [one for one in arguments if one.startswith("--weights")]
            assert weights == ([f"--weights=/runs/{start}_seed0"] if start else [])
        assert "--baseline=bag_of_hog" in lines[f"bag_of_hog_{data}_seed1"]
        assert {"--backbone=squeezenet", "--weights=/w.h5"} <= set(lines[f"squeezenet_{data}_seed1"])
        more = {"--more_dataset=shoev1_attributes", "--more_data_dir=/sets/more", "--more_splits=test"}
        assert (more <= set(lines[f"squeezenet_{data}_seed1"])) == (data == "shoes")
        assert not more & set(lines[f"full_{data}_seed1"])
        assert "--loss=info_nce" in lines[f"info_nce_{data}_seed1"]
        # The same run as Table 2's.
        assert lines[f"full_{data}_seed1"] == commands[2][f"full_{data}_seed1"]
    assert not any("s2_scratch" in name or "plain" in name for name in lines)


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_take_the_flags(commands, recipe):
    check_parsed(recipe, [arguments for one in commands.values() for arguments in one.values()])


def test_a_command_runs_the_rows_and_writes_the_table(folder):
    page = folder / "page.md"
    begin, end = markers("table_2")
    page.write_text(f"before\n{begin}what was there\n{end}\nafter\n")
    flags = ("--workdir=runs", *FOLDERS, "--seeds=0,4", f"--docs={page}", "--output=made")
    done = run(folder, *flags)
    assert done.returncode == 0, done.stderr
    assert "[29/29] full_chairs seed 4, about" in done.stderr
    made = (folder / "made" / "table_2.md").read_text(encoding="utf-8")
    assert done.stdout == made
    assert "| Our full model | 39.13 | 52.0 ± 2.8 | 87.83 | - | 2 | 10.0 |" in made
    assert "QMUL V1 is published without its photos in colour" in made
    assert "--data_dir=qmul_v1/shoes" in made
    assert "/sets" not in made and str(folder) not in made
    with Image.open(folder / "made" / "table_2.png") as picture:
        assert picture.format == "PNG"
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{begin}\n{made}")
    assert text.endswith(f"](made/table_2.png)\n\n{end}\nafter\n")
    assert "what was there" not in text
    # Again, in JSON, by another path to the same folder: nothing is left to run, and no data are needed.
    # What the other table shares is there: stages 1 and 2 and the full model.
    before = (folder / "calls.txt").read_text()
    collect = ("--seeds=0,4", "--collect", "--output=again")
    again, table_1 = run_each(
        MODULE,
        folder,
        [
            ("--table=2", f"--workdir={folder / 'runs'}", "--json", *collect),
            ("--table=1", "--workdir=runs", *collect),
        ],
    )
    assert (folder / "calls.txt").read_text() == before
    assert again == (folder / "made" / "table_2.json").read_text()
    assert made == (folder / "again" / "table_2.md").read_text(encoding="utf-8")
    assert "| Our model | 39.13 | 52.0 ± 2.8 | 87.83 | - | 69.49 | 70.0 ± 0.0 | 2 | 10.0 |" in table_1
    assert "| ISN + RankSVM | 20.00 | - | 62.61 | - | 62.55 | - | - | - |" in table_1


def test_a_failing_run_ends_the_command(folder):
    (folder / "recipes" / "sketch_me_that_shoe.py").write_text("raise SystemExit('no luck')")
    done = run(folder, "--workdir=runs", *FOLDERS, "--output=made")
    assert done.returncode == 1
    log = folder / "runs" / "logs" / "s1_seed0.log"
    assert done.stderr.splitlines()[-1] == (
        f"error: {log}: expected s1_seed0 to end with a result.json; it ended with exit code 1"
    )
    assert "no luck" in log.read_text()
    assert done.stdout == ""
    assert not (folder / "made").exists()


def test_bad_input_is_told_before_anything_runs(folder):
    (folder / "page.md").write_text("a page")
    cases = {
        "`data_dir` must be given, but to collect. Received: nothing": FOLDERS[1:],
        "`photos_dir` must be given, but to collect. Received: nothing": FOLDERS[:3],
        f"{folder / 'runs'}: expected a folder of run directories; there is none": ("--collect",),
        "`seeds` must be whole numbers >= 0, once each, such as 0,1,2. Received: 0,x": (
            *FOLDERS,
            "--seeds=0,x",
        ),
        "no.md: expected a Markdown page; No such file or directory": (*FOLDERS, "--docs=no.md"),
        "page.md: expected the lines '<!-- table_2: generated -->' and '<!-- end of table_2 -->' around the "
        "table": (*FOLDERS, "--docs=page.md"),
    }
    commands = [("--table=2", "--workdir=runs", *flags) for flags in cases.values()]
    assert run_each(MODULE, folder, commands) == [f"{message}\n" for message in cases]
    assert not (folder / "calls.txt").exists()
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("number", [1, 2])
def test_the_page_shows_the_tables_that_were_measured(number):
    begin, end = markers(f"table_{number}")
    page = (ROOT / "docs" / "sketch_me_that_shoe.md").read_text(encoding="utf-8")
    collected = json.loads((PAPER / f"table_{number}.json").read_text(encoding="utf-8"))
    shown = page.split(begin)[1].split(end)[0]
    assert tables.markdown(collected).strip() == shown.split("\n![")[0].strip()
    assert f"(../results/sketch_me_that_shoe/tables/table_{number}.png)" in shown


@pytest.mark.parametrize(("number", "printed"), [(1, TABLE_1), (2, TABLE_2)])
def test_the_papers_numbers_are_those_it_prints(number, printed):
    collected = json.loads((PAPER / f"table_{number}.json").read_text(encoding="utf-8"))
    rows = [row for row in collected["rows"] if row["is_in_paper"]]
    expected = [line.split(" | ") for line in printed.strip().splitlines()]
    assert [row["label"] for row in rows] == [label for label, *_ in expected]
    for row, (_, *numbers) in zip(rows, expected, strict=True):
        for data, text in zip(("shoes", "chairs"), numbers, strict=False):
            found = row["data"][data]["metrics"].values()
            assert [f"{100 * one['paper']:.2f}" for one in found] == text.split()
