"""Runs of the tiny training as its tests give and watch them."""

import json
import sys

from tests.common_processes import run_module

FLAGS = ("--dataset=synthetic", "--eval_every=4", "--checkpoint_every=3")


def training(workdir, *flags):
    """Returns the command of the tiny training as a list."""
    return [sys.executable, "-m", "tests.recipes.tiny_training", f"--workdir={workdir}", *FLAGS, *flags]


def finished_run(folder, *flags):
    """Trains undisturbed; returns the workdir."""
    done = run_module(training(folder / "finished", *flags))
    assert done.returncode == 0, done.stderr
    return folder / "finished"


def repair(workdir):
    """Makes a run one of the command without a `--fault`."""
    config = json.loads((workdir / "config.json").read_text())
    config["flags"]["fault"] = "none"
    (workdir / "config.json").write_text(json.dumps(config))


def is_at(workdir, step):
    """Returns a function which tells whether a run has logged a step."""
    path = workdir / "metrics.jsonl"
    return lambda: path.exists() and f'"step": {step},' in path.read_text()
