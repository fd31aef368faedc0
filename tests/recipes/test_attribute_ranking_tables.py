"""The tables of attribute-driven ranking: rows, commands, and that the recipes take them."""

import json
import shlex
from pathlib import Path

import pytest
from PIL import Image

from recipes import tables
from tests.common_processes import ROOT, run_script
from tests.common_tables import check_parsed, fake_recipes, run_each
from tfsbir.generated_part import markers

RESULTS = ROOT / "results" / "attribute_ranking" / "tables"
MODULE = "recipes.attribute_ranking_tables"
RECIPES = ("attribute_ranking", "sketch_me_that_shoe")
# As one reads them in the paper.
PRINTED = """
Triplet model | 39.13 87.83 69.49 | 69.07 97.94 72.30
Ours | 50.43 91.30 70.59 | 78.35 98.97 73.13
"""
NO_PREDICTION = {"--lambda_s=0.0", "--lambda_p=0.0", "--lambda_n=0.0"}
CHANGES = {
    "full": set(),
    "without_l_a": {"--lambda_a=0.0"},
    "without_l_p": NO_PREDICTION,
    "random_sampling": {"--sampling=random"},
    "single_task": {"--lambda_a=0.0", "--sampling=random", *NO_PREDICTION},
}
OWN = ("--seed=", "--workdir=", "--eval_every=")


@pytest.fixture(scope="module")
def commands():
    """By a word, a dict from the run's name to its arguments; by message, the error."""
    given = ("--workdir=/runs", "--seeds=0,1", "--dry_run", "--weights=/w.h5")
    ways = {
        "parts": ("--table=parts", "--attributes_dir=/sets/labelled", *given),
        "1": ("--table=1", "--attributes_dir=/sets/labelled", "--data_dir=/sets/qmul", *given),
        "sketch_a_net": (
            "--table=parts", "--attributes_dir=/sets/labelled", "--backbone=sketch_a_net", "--steps=7",
            *given,
        ),
    }  # fmt: skip
    found = {}
    for way, text in zip(ways, run_each(MODULE, ROOT, list(ways.values())), strict=True):
        lines = [shlex.split(line)[2:] for line in text.splitlines()]
        found[way] = {Path(line[-1].removeprefix("--workdir=")).name: line for line in lines}
        assert len(found[way]) == len(lines)
    return found


def test_rows_differ_in_what_they_leave_out_alone(commands):
    shared = set()
    for name, changes in CHANGES.items():
        for seed in (0, 1):
            arguments = commands["parts"][f"attributes_{name}_squeezenet_seed{seed}"]
            # What predicts nothing has nothing to weigh.
            own = {*changes, "--attribute_distance_weight=0"} if name == "single_task" else changes
            assert {*own, f"--seed={seed}", "--dataset=shoev1_attributes"} <= set(arguments)
            shared.add(tuple(one for one in arguments if one not in own and not one.startswith(OWN)))
    assert len(shared) == 1
    assert len(commands["parts"]) == 2 * len(CHANGES)


def test_qmul_learns_predicted_attributes_or_human_triplets(commands):
    ours = commands["1"]["predicted_attributes_squeezenet_shoes_seed1"]
    assert "--attributes_from=/runs/attributes_full_squeezenet_seed1" in ours
    assert {"--dataset=qmul_v1", "--data_dir=/sets/qmul/shoes"} <= set(ours)
    assert not any(one.startswith("--loss") for one in ours)
    for data in ("shoes", "chairs"):
        theirs = commands["1"][f"human_triplets_squeezenet_{data}_seed0"]
        assert theirs[0] == "recipes.sketch_me_that_shoe"
        assert "--loss=triplet" in theirs
    assert "predicted_attributes_squeezenet_chairs_seed0" not in commands["1"]
    # Both tables share the runs on the shoes with attributes.
    name = "attributes_full_squeezenet_seed0"
    assert commands["1"][name] == commands["parts"][name]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_recipes_take_the_flags(commands, recipe):
    check_parsed(recipe, [arguments for one in commands.values() for arguments in one.values()])
    assert "--steps=7" in commands["sketch_a_net"]["attributes_full_sketch_a_net_seed0"]


def test_a_command_runs_the_rows_and_writes_the_table(tmp_path):
    fake_recipes(tmp_path, RECIPES)
    given = ("--workdir=runs", "--output=made", "--seeds=0,4", "--weights=/sets/w.h5")
    labelled = "--attributes_dir=/sets/labelled"
    parts, first, no_labels, no_data = run_each(
        MODULE,
        tmp_path,
        [
            ("--table=parts", labelled, *given),
            ("--table=1", labelled, "--data_dir=/sets/qmul", *given),
            ("--table=parts", *given),
            ("--table=1", labelled, *given),
        ],
    )
    assert "| Full model | - | 52.0 ± 2.8 | - | - | 2 | 10.0 |" in parts
    # The fake recipe has measured nothing of the embedding alone.
    assert "| without the attribute distance at test time | - | - | - | - | 2 | 10.0 |" in parts
    assert "| Ours | 50.43 | 52.0 ± 2.8 | 91.30 | - | 70.59 | 70.0 ± 0.0 | 2 | 10.0 |" in first
    assert "| Ours | 78.35 | - | 98.97 | - | 73.13 | - | - | - |" in first
    assert no_labels == "`attributes_dir` must be given, but to collect. Received: nothing\n"
    assert no_data == "`data_dir` must be given for table 1, but to collect. Received: nothing\n"
    calls = (tmp_path / "calls.txt").read_text().split()
    assert len(calls) == len(set(calls)) == 2 * 5 + 2 * 3
    assert not (tmp_path / "made" / "table_parts_squeezenet_steps.png").exists()  # It evaluated nothing.


def test_steps_are_drawn_from_what_both_ways_logged(tmp_path):
    for name, gain in (("full", 0.06), ("random_sampling", 0.03)):
        for seed in (0, 1):
            run = tmp_path / "runs" / f"attributes_{name}_squeezenet_seed{seed}"
            run.mkdir(parents=True)
            lines = [{"step": step, "test/acc@1": gain * step / 10} for step in range(10, 60, 10)]
            lines.append({"step": 60, "test/acc@1": 0.9})  # The final evaluation is another measurement.
            (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
            config = {"given_flags": {}, "dataset": {"name": "", "data_dir": None}, "versions": {}}
            (run / "config.json").write_text(json.dumps({"recipe": "attribute_ranking", **config}))
            result = {"seed": seed, "seconds": 6.0, "metrics": {"acc@1": 0.9}}
            (run / "result.json").write_text(json.dumps(result))
    script = (
        "from pathlib import Path\n"
        "from absl import flags\n"
        "from recipes import attribute_ranking_tables\n"
        "flags.FLAGS(['tables', '--table=parts', '--workdir=runs', '--seeds=0,1'])\n"
        "print(attribute_ranking_tables.draw_steps(Path('steps.png')))\n"
    )
    done = run_script(script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # Random sampling has 15 % in the end, at step 50; the other passes it at step 30.
    assert done.stdout == "{'random': 50, 'attribute-driven': 30}\n"
    with Image.open(tmp_path / "steps.png") as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize("number", ["1", "parts"])
def test_the_page_shows_the_tables_that_were_measured(number):
    name = f"table_{number}_squeezenet"
    begin, end = markers(name)
    page = (ROOT / "docs" / "attribute_ranking.md").read_text(encoding="utf-8")
    shown = page.split(begin)[1].split(end)[0]
    collected = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert tables.markdown(collected).strip() == shown.split("\n![")[0].strip()


def test_the_papers_numbers_are_those_it_prints():
    collected = json.loads((RESULTS / "table_1_squeezenet.json").read_text(encoding="utf-8"))
    found = []
    for row in collected["rows"]:
        cells = [
            " ".join(f"{100 * one['paper']:.2f}" for one in row["data"][data]["metrics"].values())
            for data in ("shoes", "chairs")
        ]
        found.append(" | ".join([row["label"], *cells]))
    assert found == PRINTED.strip().splitlines()
