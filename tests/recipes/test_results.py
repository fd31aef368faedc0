import json
import sys

import pytest

from recipes import results
from tests.common_processes import ROOT, run_module
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory


def finished_run(path, seed, accuracy, folder="sets/shoes"):
    run = RunDirectory(path)
    run.start({
        "recipe": "sketch_me_that_shoe",
        "flags": {"seed": seed, "backbone": "squeezenet", "loss": "info_nce"},
        "given_flags": {
            "dataset": "qmul_v1", "data_dir": f"/home/me/{folder}", "weights": "/home/me/weights.h5",
            "backbone": "squeezenet", "workdir": str(path), "seed": seed,
        },
        "dataset": {"name": "qmul_v1", "data_dir": f"/home/me/{folder}", "fingerprint": "abc"},
    })  # fmt: skip
    metrics = {"acc@1": accuracy, "acc@10": 0.9}
    run.write_result({"dataset": "qmul_v1", "seed": seed, "seconds": 60.0, "metrics": metrics})
    return run


def test_seeds_of_one_command_are_one_row(tmp_path):
    for seed, accuracy in ((0, 0.5), (1, 0.6)):
        results.keep(finished_run(tmp_path / str(seed), seed, accuracy), tmp_path / "results")
    results.keep(finished_run(tmp_path / "chairs", 0, 0.8, "sets/chairs"), tmp_path / "results")
    table = results.table(results.load(tmp_path / "results"))
    assert "| 1. squeezenet | qmul_v1/chairs | 80.0 | 90.0 | - | 0 | 1.0 |" in table
    assert "| 2. squeezenet | qmul_v1/shoes | 55.0 ± 7.1 | 90.0 ± 0.0 | - | 0, 1 | 1.0 |" in table
    assert (
        "2.  python -m recipes.sketch_me_that_shoe --dataset=qmul_v1 --data_dir=qmul_v1/shoes "
        "--weights=weights.h5 --backbone=squeezenet\n" in table
    )
    assert "/home" not in table


def test_a_run_that_has_not_finished_is_refused(tmp_path):
    run = finished_run(tmp_path / "run", 0, 0.5)
    (run.path / "result.json").unlink()
    with pytest.raises(InputError, match=r"expected a finished run; it has no result\.json"):
        results.keep(run, tmp_path / "results")


def test_the_command_rewrites_the_table_and_nothing_else(tmp_path):
    finished_run(tmp_path / "run", 3, 0.5)
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n")
    command = [
        sys.executable, "-m", "recipes.results", f"--add={tmp_path / 'run'}",
        f"--results={tmp_path / 'results'}", f"--readme={readme}",
    ]  # fmt: skip
    assert run_module(command).returncode == 0
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "50.0" in text


def test_the_readme_s_table_is_the_one_that_the_results_give():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = text.split(results.BEGIN)[1].split(results.END)[0].strip()
    assert shown == results.table(results.load(ROOT / "results")).strip()


def test_kept_results_are_whole():
    for path in (ROOT / "results").glob("*/*.json"):
        kept = json.loads(path.read_text(encoding="utf-8"))
        assert {"command", "recipe", "dataset", "seed", "steps", "seconds", "metrics", "versions"} <= set(
            kept
        )
