"""The paper's tables: rows, commands, and that recipes take them; and the page that shows them."""

import collections
import itertools
import json
import shlex
from pathlib import Path

import pytest
from PIL import Image

from recipes import tables
from tests.common_tables import check_parsed, fake_recipes, run_each
from tfsbir.generated_part import markers

ROOT = Path(__file__).resolve().parents[2]
PAPER = ROOT / "results" / "spatial_semantic_attention" / "tables"
MODULE = "recipes.spatial_semantic_attention_tables"
RECIPES = ("spatial_semantic_attention", "handcrafted_baselines")
BACKBONES = ("squeezenet", "sketch_a_net")
DATA = ("shoes", "chairs", "handbags")
NUM_TESTED = dict(zip(DATA, (115, 97, 168), strict=True))  # Sec. 4.1.
# As one reads them in the paper: shoes, chairs and handbags, each with all of its columns.
PRINTED = {
    1: """
HOG-BoW + rankSVM | 17.39 67.83 | 28.87 67.01 | 2.38 10.71
Dense-HOG + rankSVM | 24.35 65.22 | 52.57 93.81 | 15.47 40.48
ISN Deep + rankSVM | 20.00 62.61 | 47.42 82.47 | 9.52 44.05
Triplet SN | 52.17 92.17 | 72.16 98.96 | 39.88 82.14
Our model | 61.74 94.78 | 81.44 95.88 | 49.40 82.74
""",
    2: """
Base | 52.17 92.17 | 72.16 98.96 | 39.88 82.14
Base + CFF | 58.26 93.04 | 79.38 95.88 | 48.21 83.33
Base + HOLEF | 56.52 88.70 | 74.23 97.94 | 40.48 83.93
Full: Base + CFF + HOLEF | 61.74 94.78 | 81.44 95.88 | 49.40 82.74
""",
    3: """
Base | 54.78 52.17 | 74.23 72.16 | 41.07 39.88
Base + CFF | 58.26 57.39 | 79.38 75.25 | 48.21 47.02
Base + HOLEF | 57.39 56.52 | 75.26 74.23 | 40.48 40.48
Our model | 61.74 58.26 | 81.44 77.32 | 49.40 48.21
""",
    4: """
Base + attention | 54.78 15.65 | 74.23 39.18 | 41.07 17.26
Base + CFF | 58.26 26.96 | 79.38 48.45 | 48.21 24.40
Our model | 61.74 27.83 | 81.44 49.48 | 49.40 23.81
""",
    5: """
Euclidean | 58.26 93.04 | 79.38 95.88 | 48.21 83.33
Weighted Euclidean | 58.26 93.04 | 79.38 95.88 | 48.81 82.14
Mahalanobis | 52.17 89.57 | 78.35 95.88 | 44.64 79.76
Our HOLEF | 61.74 94.78 | 81.44 95.88 | 49.40 82.74
""",
}
OURS = "Our model, trained longer"  # A row of Table 1 with squeezenet which the paper does not have.
# Tables 3 and 4 print two columns, which are two rows here.
COLUMNS = {3: ("with attention", "without attention"), 4: ("with shortcut", "without shortcut")}
# What each row is: --attention, --fusion, --distance.
BASE, FULL = ("none", False, "squared_euclidean"), ("shortcut", True, "holef")
PARTS = {
    1: {"Triplet SN": BASE, "Our model": FULL},
    2: {
        "Base": BASE,
        "Base + CFF": ("shortcut", True, "squared_euclidean"),
        "Base + HOLEF": ("none", False, "holef"),
        "Full: Base + CFF + HOLEF": FULL,
    },
    3: {
        f"{label}, {column}": (attention, fusion, distance)
        for label, fusion, distance in (
            ("Base", False, "squared_euclidean"),
            ("Base + CFF", True, "squared_euclidean"),
            ("Base + HOLEF", False, "holef"),
            ("Our model", True, "holef"),
        )
        for column, attention in zip(COLUMNS[3], ("shortcut", "none"), strict=True)
    },
    4: {
        f"{label}, {column}": (attention, fusion, distance)
        for label, fusion, distance in (
            ("Base + attention", False, "squared_euclidean"),
            ("Base + CFF", True, "squared_euclidean"),
            ("Our model", True, "holef"),
        )
        for column, attention in zip(COLUMNS[4], ("shortcut", "plain"), strict=True)
    },
    5: {
        "Euclidean": ("shortcut", True, "squared_euclidean"),
        "Weighted Euclidean": ("shortcut", True, "weighted_euclidean"),
        "Mahalanobis": ("shortcut", True, "mahalanobis"),
        "Our HOLEF": FULL,
    },
}


def collected(number, backbone="squeezenet"):
    return json.loads((PAPER / f"table_{number}_{backbone}.json").read_text(encoding="utf-8"))


def paper_rows(number, backbone="squeezenet"):
    return [row for row in collected(number, backbone)["rows"] if row["label"] != OURS]


def finished(path):
    path.mkdir(parents=True)
    (path / "result.json").write_text("{}")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two runs to start from."""
    folder = tmp_path_factory.mktemp("tables")
    finished(folder / "pre" / "s3_augmented_seed0")
    finished(folder / "runs" / "s2_augmented_seed0")
    return folder


@pytest.fixture(scope="module")
def printed(folder):
    """What --dry_run prints, by number of the table and a word for the other flags; by message, the error."""
    data, bags, sketch_a_net = "--data_dir=/sets/qmul", "--handbag_dir=/sets/bags", "--backbone=sketch_a_net"
    start = f"--start_run={folder / 'pre' / 's3_augmented_seed0'}"
    ways = {
        "squeezenet": (f"--workdir={folder / 'runs'}", bags, "--weights=/w.h5"),
        "sketch_a_net": (f"--workdir={folder / 'runs'}", bags, sketch_a_net, start),
        "scratch": (f"--workdir={folder / 'new'}", bags, sketch_a_net, "--steps=7"),
        "no bags": (f"--workdir={folder / 'runs'}", "--weights=/w.h5"),
        "more": (f"--workdir={folder / 'runs'}", "--weights=/w.h5", "--more_sketches_dir=/sets/labelled"),
    }
    commands = {
        (number, way): (f"--table={number}", data, "--seeds=0,1", "--dry_run", *ways[way])
        for number, way in itertools.product(range(1, 6), ways)
    }
    errors = {
        "`data_dir` must be given, but to collect. Received: nothing": ("--weights=w.h5",),
        "`weights` must be given, but to collect or with sketch_a_net. Received: nothing": (data,),
        "`weights` goes with `backbone` squeezenet. Received: w.h5 with sketch_a_net": (
            data, sketch_a_net, "--weights=w.h5",
        ),
        "`start_run` goes with `backbone` sketch_a_net. Received: s3 with squeezenet": (
            data, "--weights=w.h5", "--start_run=s3",
        ),
        f"{folder}: expected a finished run to start from; it has no result.json": (
            data, sketch_a_net, f"--start_run={folder}",
        ),
        f"{folder / 'no'}: expected a folder of run directories; there is none": ("--collect",),
    }  # fmt: skip
    commands |= {
        message: ("--table=2", f"--workdir={folder / 'no'}", *flags) for message, flags in errors.items()
    }
    texts = run_each(MODULE, ROOT, list(commands.values()))
    return dict(zip(commands, texts, strict=True))


@pytest.fixture(scope="module")
def commands(printed):
    """By number and word, a dict from the run's name to its arguments."""
    found = {}
    for one, text in printed.items():
        if isinstance(one, tuple):
            lines = [shlex.split(line) for line in text.splitlines()]
            assert all(line[:2] == ["python", "-m"] for line in lines)
            found[one] = {Path(line[-1].removeprefix("--workdir=")).name: line[2:] for line in lines}
            assert len(found[one]) == len(lines)
    return found


@pytest.mark.parametrize("number", range(1, 6))
def test_rows_train_what_they_say(commands, number):
    for backbone in BACKBONES:
        rows = {row["label"]: row["data"] for row in collected(number, backbone)["rows"]}
        expected = set()
        more = {OURS: FULL} if (number, backbone) == (1, "squeezenet") else {}
        for label, (attention, fusion, distance) in {**PARTS[number], **more}.items():
            parts = {f"--attention={attention}", f"--fusion={fusion}", f"--distance={distance}"}
            for data, seed in itertools.product(DATA, (0, 1)):
                name = f"{rows[label][data]['run']}_seed{seed}"
                arguments = commands[number, backbone][name]
                assert arguments[0] == "recipes.spatial_semantic_attention"
                assert {*parts, f"--backbone={backbone}", f"--seed={seed}"} <= set(arguments)
                expected.add(name)
        trained = {
            name
            for name, arguments in commands[number, backbone].items()
            if arguments[0] == "recipes.spatial_semantic_attention"
        }
        assert trained == expected


def test_rows_differ_in_their_parts_alone(commands):
    own = ("--attention=", "--fusion=", "--distance=", "--seed=", "--workdir=")
    for backbone, data in itertools.product(BACKBONES, DATA):
        settings = {
            tuple(one for one in arguments if not one.startswith(own))
            for number in range(1, 6)
            for name, arguments in commands[number, backbone].items()
            if arguments[0] == "recipes.spatial_semantic_attention"
            and f"_{data}_seed" in name
            and not name.startswith("longer")
        }
        assert len(settings) == 1
        target = (
            {"--dataset=handbag", "--data_dir=/sets/bags"}
            if data == "handbags"
            else {"--dataset=qmul_v1", f"--data_dir=/sets/qmul/{data}"}
        )
        assert target <= set(settings.pop())


def test_tables_share_the_same_commands(commands):
    for way in ("squeezenet", "sketch_a_net"):
        known = {}
        for number in range(1, 6):
            for name, arguments in commands[number, way].items():
                assert known.setdefault(name, arguments) == arguments
        # On three data 13 models, of squeezenet one more, and a baseline with both seeds, two baselines once.
        assert len(known) == 3 * ((13 + (way == "squeezenet")) * 2 + 2 + 2)


def test_one_row_is_trained_longer(commands):
    full, longer = (
        set(commands[1, "squeezenet"][f"{run}_squeezenet_chairs_seed1"])
        for run in ("shortcut_fusion_holef", "longer")
    )
    assert {one for one in longer - full if not one.startswith("--workdir=")} == {"--steps=600"}
    assert {one for one in full - longer if not one.startswith("--workdir=")} == {
        "--steps=300", "--embedding_dim=256", "--train_from=fire5_squeeze1x1",
    }  # fmt: skip


def test_more_sketches_are_of_shoes_alone(commands):
    more = ["--more_dataset=shoev1_attributes", "--more_data_dir=/sets/labelled"]
    more += ["--more_splits=train", "--more_splits=test"]
    for name, arguments in commands[2, "more"].items():
        without = commands[2, "no bags"][name]
        if "_shoes_" in name:
            assert sorted(arguments) == sorted([*without, *more])
        else:
            assert arguments == without


def test_networks_start_where_the_flags_say(commands, folder):
    name = "shortcut_fusion_holef_{}_chairs_seed1"
    assert "--weights=/w.h5" in commands[2, "squeezenet"][name.format("squeezenet")]
    start = f"--weights={folder / 'pre' / 's3_augmented_seed0'}"
    assert start in commands[2, "sketch_a_net"][name.format("sketch_a_net")]
    scratch = commands[2, "scratch"][name.format("sketch_a_net")]
    assert not any(one.startswith("--weights") for one in scratch)
    assert "--steps=7" in scratch


def test_baselines_are_those_of_sketch_me_that_shoe(commands, folder):
    flags = ("--table=1", "--dry_run", "--seeds=0,1", f"--workdir={folder / 'runs'}")
    folders = ("--data_dir=/sets/qmul", "--sketchy_dir=/s", "--quickdraw_dir=/q", "--photos_dir=/p")
    (text,) = run_each("recipes.sketch_me_that_shoe_tables", ROOT, [(*flags, *folders)])
    theirs = {tuple(sorted(shlex.split(line)[2:])) for line in text.splitlines()}
    baselines = {
        name: tuple(sorted(arguments))
        for name, arguments in commands[1, "squeezenet"].items()
        if arguments[0] == "recipes.handcrafted_baselines"
    }
    known = {name for name in baselines if "handbags" not in name}
    assert len(known) == 2 * 4
    assert {baselines[name] for name in known} <= theirs
    assert f"--weights={folder / 'runs' / 's2_augmented_seed0'}" in baselines["isn_handbags_seed0"]
    # Where stage 2 has not run, ISN's rows do not either.
    assert not any(name.startswith("isn") for name in commands[1, "scratch"])


def test_handbags_are_left_out_without_their_folder(commands):
    for number in range(1, 6):
        expected = {name for name in commands[number, "squeezenet"] if "handbags" not in name}
        assert set(commands[number, "no bags"]) == expected


def test_the_recipe_takes_the_flags(commands):
    # That of the baselines takes them too: they are Sketch Me That Shoe's, whose test says so.
    check_parsed(RECIPES[0], [arguments for one in commands.values() for arguments in one.values()])


def test_a_command_runs_the_rows_and_writes_the_table(tmp_path):
    fake_recipes(tmp_path, RECIPES)
    page = tmp_path / "page.md"
    begin, end = markers("table_2_squeezenet")
    page.write_text(f"before\n{begin}what was there\n{end}\nafter\n")
    given = ("--workdir=runs", "--output=made", "--data_dir=/sets/qmul", "--weights=/sets/w.h5")
    collect = ("--workdir=runs", "--output=made", "--collect", "--weights=w.h5")
    made, as_json, with_bags, shared, baselines, scratch = run_each(
        MODULE,
        tmp_path,
        [
            ("--table=2", *given, "--seeds=0,4", f"--docs={page}"),
            ("--table=2", *collect, "--seeds=0,4", "--json"),
            ("--table=5", *given, "--seeds=0", "--handbag_dir=/sets/bags"),
            ("--table=2", *collect, "--seeds=0"),
            ("--table=1", *given, "--seeds=0"),
            ("--table=2", "--backbone=sketch_a_net", "--workdir=runs", "--output=made", "--collect"),
        ],
    )
    assert "| Full: Base + CFF + HOLEF | 61.74 | 52.0 ± 2.8 | 94.78 | - | 2 | 10.0 |" in made
    assert "| Full: Base + CFF + HOLEF | 49.40 | - | 82.74 | - | - | - |" in made
    assert "starts from ImageNet weights" in made
    assert "Which rows have attention, Table 3 tells." in made
    assert "--fusion=True" in made
    assert "--weights=w.h5" in made
    assert "/sets" not in made
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{begin}\n{made}")
    assert "what was there" not in text
    assert json.loads(as_json)["rows"][0]["data"]["handbags"]["seeds"] == []
    assert "| Our HOLEF | 49.40 | 50.0 | 82.74 | - | 1 | 10.0 |" in with_bags
    # What Table 5 ran with the folder, Table 2 shows without it.
    assert "| Full: Base + CFF + HOLEF | 49.40 | 50.0 | 82.74 | - | 1 | 10.0 |" in shared
    assert "| Base | 39.88 | - | 82.14 | - | - | - |" in shared
    assert "| Triplet SN | 52.17 | 50.0 | 92.17 | - | 1 | 10.0 |" in baselines
    assert "| HOG-BoW + rankSVM | 17.39 | 50.0 | 67.83 | - | 1 | 10.0 |" in baselines
    assert "| ISN Deep + rankSVM | 20.00 | - | 62.61 | - | - | - |" in baselines
    # Nothing ran twice: two seeds of Table 2, what Table 5 adds, two baselines and the model trained longer.
    calls = (tmp_path / "calls.txt").read_text().split()
    assert len(calls) == len(set(calls)) == 2 * 2 * 4 + (2 * 2 + 4) + 2 * 2 + 2
    # The other network's runs are others.
    assert "| Base | 52.17 | - | 92.17 | - | - | - |" in scratch
    assert "Sketch-a-Net starts from scratch" in scratch
    for name in ("table_2_squeezenet", "table_2_sketch_a_net"):
        with Image.open(tmp_path / "made" / f"{name}.png") as picture:
            assert picture.format == "PNG"


def test_bad_input_is_told_before_anything_runs(printed, folder):
    errors = {one: text for one, text in printed.items() if isinstance(one, str)}
    assert len(errors) == 6
    assert all(text == f"{message}\n" for message, text in errors.items())
    assert not (folder / "no").exists()


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("number", range(1, 6))
def test_the_page_shows_the_tables_that_were_measured(number, backbone):
    name = f"table_{number}_{backbone}"
    begin, end = markers(name)
    page = (ROOT / "docs" / "spatial_semantic_attention.md").read_text(encoding="utf-8")
    shown = page.split(begin)[1].split(end)[0]
    assert tables.markdown(collected(number, backbone)).strip() == shown.split("\n![")[0].strip()
    assert f"(../results/spatial_semantic_attention/tables/{name}.png)" in shown


@pytest.mark.parametrize("number", range(1, 6))
def test_the_papers_numbers_are_those_it_prints(number):
    expected = []
    for line in PRINTED[number].strip().splitlines():
        label, *cells = line.split(" | ")
        if number in COLUMNS:
            columns = zip(*(cell.split() for cell in cells), strict=True)
            expected += [
                (f"{label}, {column}", *values)
                for column, values in zip(COLUMNS[number], columns, strict=True)
            ]
        else:
            expected.append((label, *cells))
    for backbone in BACKBONES:
        found = [
            (
                row["label"],
                *(
                    " ".join(f"{100 * one['paper']:.2f}" for one in row["data"][data]["metrics"].values())
                    for data in DATA
                ),
            )
            for row in paper_rows(number, backbone)
        ]
        assert found == expected


def test_the_papers_numbers_are_whole_sketches():
    # Some are cut off, not rounded: 73 of 97 is 75.26 and printed as 75.25.
    for number in range(1, 6):
        for row in paper_rows(number):
            for data, count in NUM_TESTED.items():
                for one in row["data"][data]["metrics"].values():
                    sketches = one["paper"] * count
                    assert abs(sketches - round(sketches)) / count < 1e-4


def test_a_run_has_one_number_of_the_papers_in_all_tables():
    found = collections.defaultdict(set)
    for number in range(1, 6):
        for row in paper_rows(number):
            for of_data in row["data"].values():
                for metric, one in of_data["metrics"].items():
                    found[of_data["run"], metric].add(one["paper"])
    assert all(len(numbers) == 1 for numbers in found.values())
    assert len({run for run, _ in found}) == 3 * (13 + 3)
