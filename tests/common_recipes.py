"""Recipes as users run them: commands in processes of their own."""

import sys

from tests.common_processes import kill_module, run_module
from tfsbir.runs import RunDirectory

# Flags of a run that takes seconds and evaluates and checkpoints on its way.
SMALL = (
    "--steps=4", "--batch_size=4", "--checkpoint_every=2", "--log_every=1", "--num_views=1", "--eval_every=3",
)  # fmt: skip
DEADLINE = 240  # Seconds until a checkpoint must be there, on a busy machine.


def command(recipe, dataset, data_dir, workdir, *flags):
    """Returns the command of a recipe as a list."""
    return [
        sys.executable, "-m", f"recipes.{recipe}", f"--dataset={dataset}", f"--data_dir={data_dir}",
        f"--workdir={workdir}", *flags,
    ]  # fmt: skip


def run(arguments):
    """Runs a command to its end and returns its `subprocess.CompletedProcess`."""
    return run_module(arguments)


def losses(workdir):
    """Returns the losses that a run has logged, step by step."""
    return [line["train/loss"] for line in RunDirectory(workdir).metrics() if "train/loss" in line]


def run_killed_and_resumed(arguments, workdir):
    """Kills a training after its first checkpoint and gives its command again; returns how that ended."""
    kill_module(arguments, workdir / "checkpoints" / "checkpoint", DEADLINE)  # The file is written last.
    assert not (workdir / "result.json").exists()
    resumed = run(arguments)
    assert resumed.returncode == 0, resumed.stderr
    assert "Resuming" in resumed.stderr
    return resumed
