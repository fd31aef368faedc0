"""Runs of the tiny training as its tests give and watch them."""

import sys

from tests.common_processes import run_module

FLAGS = ("--dataset=synthetic", "--eval_every=4", "--checkpoint_every=3")


def training(workdir, *flags):
    """Returns the command of the tiny training as a list."""
    return [sys.executable, "-m", "tests.recipes.tiny_training", f"--workdir={workdir}", *FLAGS, *flags]


def finished_run(folder):
    """Trains undisturbed; returns the workdir."""
    done = run_module(training(folder / "finished"))
    assert done.returncode == 0, done.stderr
    return folder / "finished"


def is_at(workdir, step):
    """Returns a function which tells whether a run has logged a step."""
    path = workdir / "metrics.jsonl"
    return lambda: path.exists() and f'"step": {step},' in path.read_text()
