"""The tables of Doodle to Search: rows, commands, and that the recipes take them."""

import json
import shlex
from pathlib import Path

import pytest

from recipes import tables
from tests.common_tables import check_parsed, run_each
from tfsbir.generated_part import markers

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "results" / "doodle_to_search" / "tables"
MODULE = "recipes.doodle_to_search_tables"
GIVEN = (
    "--data_dir=/sets/sketchy", "--unseen_classes=/sets/unseen_21.txt", "--word_vectors=/sets/words.npz",
)  # fmt: skip
FROZEN = "--weights=/runs/frozen_pooled_squeezenet_seed0"
OTHER = "--more_unseen_classes=/sets/unseen_25.txt"
# As one reads them in the paper: mAP, mAP@200 and precision@200 on Sketchy-Extended.
PRINTED = {
    "3": """
Triplet loss | 30.20 38.90 30.91
and attention | 32.07 41.50 33.42
and attention, domain | 32.56 41.13 34.44
and attention, semantics | 33.92 41.46 35.86
Full model | 36.91 46.06 37.04
""",
    "2": """
CVAE | 19.59 22.50 33.30
Doodle to Search | 36.91 46.06 37.04
Doodle to Search, other classes | 35.21
""",
}


@pytest.fixture(scope="module")
def commands():
    """By table, a list of what follows `python -m` in each line; and what is refused."""
    ways = {
        "3": ("--table=3", *GIVEN),
        "conventions": ("--table=conventions", *GIVEN),
        "2": ("--table=2", *GIVEN, OTHER),
        "2, less": ("--table=2", *GIVEN),
        "vgg16": ("--table=3", *GIVEN, "--backbone=vgg16", "--steps=7"),
        "by name": ("--table=3", *GIVEN, "--backbone=vgg16", "--weights=imagenet"),
        "refused": ("--table=3", *GIVEN[:2]),
    }
    shared = ("--workdir=/runs", "--seeds=0,1", "--dry_run", "--weights=/w.h5")
    texts = run_each(MODULE, ROOT, [(*shared, *given) for given in ways.values()])
    return dict(zip(ways, texts, strict=True))


def trainings(text):
    """Returns a dict from the names of run directories to the flags that make them, of seed 1.

    Starts, which all seeds share, have seed 0 alone.
    """
    found = {}
    for line in text.splitlines():
        arguments = shlex.split(line)[2:]
        name, seed = Path(arguments[-1]).name.rsplit("_seed", 1)
        if seed == ("0" if name.startswith("frozen") else "1"):
            found[name] = set(arguments[1:-1])
    return found


def test_rows_differ_in_what_they_leave_out_alone(commands):
    found = trainings(commands["3"])
    none_of = {"--domain_weight=0.0", "--semantic_weight=0.0"}
    own = {
        "base": {"--attention=False", *none_of},
        "attention": none_of,
        "domain": {"--semantic_weight=0.0"},
        "semantic": {"--domain_weight=0.0"},
        "full": set(),
        "reversal_0": {"--semantic_weight=0.0", "--max_domain_factor=0.0"},
    }
    switches, shared = ("--attention", "--domain_weight", "--semantic_weight", "--max_domain_factor"), set()
    full = found["full_pooled_squeezenet"]
    for name, flags in own.items():
        row = found[f"{name}_pooled_squeezenet"]
        assert row - full == flags
        shared.add(frozenset(flag for flag in row if not flag.startswith(switches)))
    (shared,) = shared
    assert {*GIVEN, FROZEN, "--dataset=sketchy", "--photo_input=rgb", "--seed=1"} <= shared
    frozen = found["frozen_pooled_squeezenet"]
    assert {*GIVEN, "--weights=/w.h5", "--attention=False", *none_of} <= frozen
    assert "frozen_pooled_squeezenet_seed1" not in commands["3"]
    assert {"--steps=1", "--learning_rate=0.0", "--head_learning_rate=0.0", "--weight_decay=0.0"} <= frozen
    assert commands["conventions"] == commands["3"]


def test_another_split_differs_in_its_classes_alone(commands):
    found, less = trainings(commands["2"]), trainings(commands["2, less"])
    full, other = (found[f"{name}_pooled_squeezenet"] for name in ("full", "full_other_split"))
    of_other = "--unseen_classes=/sets/unseen_25.txt"
    start = FROZEN.replace("frozen", "frozen_other_split")
    assert full ^ other == {GIVEN[1], of_other, FROZEN, start}
    frozen, other = (found[f"frozen{name}_pooled_squeezenet"] for name in ("", "_other_split"))
    assert frozen ^ other == {GIVEN[1], of_other}
    assert set(less) == {name for name in found if "other_split" not in name}
    assert full == trainings(commands["3"])["full_pooled_squeezenet"]


def test_weights_with_a_name_are_no_path(commands):
    assert "--weights=imagenet" in trainings(commands["by name"])["frozen_vgg16"]


def test_what_is_missing_is_told(commands):
    assert commands["refused"] == "`word_vectors` must be given, but to collect. Received: nothing\n"


@pytest.mark.parametrize("recipe", ["doodle_to_search", "zero_shot_cvae"])
def test_the_recipes_take_the_flags(commands, recipe):
    lines = [shlex.split(line)[2:] for text in commands.values() for line in text.splitlines()]
    check_parsed(recipe, [line for line in lines if line[0].startswith("recipes.")])
    assert all(
        "--steps=7" in flags for name, flags in trainings(commands["vgg16"]).items() if "frozen" not in name
    )


@pytest.mark.parametrize("number", sorted(PRINTED))
def test_the_papers_numbers_are_those_it_prints(number):
    collected = json.loads((RESULTS / f"table_{number}_pooled_squeezenet.json").read_text(encoding="utf-8"))
    found = []
    for row in collected["rows"]:
        (data,) = row["data"].values()
        numbers = [metric["paper"] for metric in data["metrics"].values() if metric["paper"] is not None]
        if numbers:
            found.append(f"{row['label']} | {' '.join(f'{100 * one:.2f}' for one in numbers)}")
    assert found == PRINTED[number].strip().splitlines()


@pytest.mark.parametrize("number", ["2", "3", "conventions"])
def test_the_page_shows_the_tables_that_were_measured(number):
    name = f"table_{number}_pooled_squeezenet"
    begin, end = markers(name)
    page = (ROOT / "docs" / "doodle_to_search.md").read_text(encoding="utf-8")
    shown = page.split(begin)[1].split(end)[0]
    collected = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert tables.markdown(collected).strip() == shown.split("\n![")[0].strip()
