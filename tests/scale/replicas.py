"""Whether several replicas, or several processes, train what one does."""

import numpy as np

from tests.common_recipes import run
from tests.common_workers import start_workers
from tfsbir.runs import RunDirectory

TOLERANCE = 1e-5  # Of a loss, relative where it is above 1.
# The norm of the gradients tells a gradient that is wrong by a factor from the first step on.
CURVE = (
    "--steps=6", "--batch_size=8", "--eval_every=100", "--checkpoint_every=100", "--schedule=constant",
    "--clip_norm=1e9",
)  # fmt: skip


def curves(workdir):
    """Returns the losses and the norms of the gradients that a run has logged, two arrays."""
    lines = [line for line in RunDirectory(workdir).metrics() if "train/loss" in line]
    return [np.array([line[f"train/{name}"] for line in lines]) for name in ("loss", "gradient_norm")]


def differences(one, other):
    """Returns the largest difference of two runs' losses, as `TOLERANCE` counts it, and of their norms."""
    (loss, norm), (other_loss, other_norm) = curves(one), curves(other)
    assert len(loss) == len(other_loss) > 1
    return (
        float(np.max(np.abs(loss - other_loss) / np.maximum(1.0, np.abs(loss)))),
        float(np.max(np.abs(norm - other_norm) / norm)),
    )


def compare_replicas(case, world, folder, counts=(2, 4)):
    """Trains a case on one replica and on several; returns, by their number, `differences` from one."""
    flags = (*CURVE, f"--learning_rate={case.rate}")
    found = {}
    for count in (1, *counts):
        strategy = () if count == 1 else ("--strategy=mirrored", f"--num_replicas={count}")
        done = run(case.command(world, folder / str(count), *flags, *strategy))
        assert done.returncode == 0, done.stderr
        if count > 1:
            found[count] = differences(folder / "1", folder / str(count))
    loss, _ = curves(folder / "1")
    assert np.ptp(loss) > 10 * TOLERANCE, "the curve is flat"
    return found


def compare_workers(case, world, folder):
    """Trains a case in one process and in two; returns `differences`."""
    flags = (*CURVE, f"--learning_rate={case.rate}")
    if not (folder / "1").exists():
        done = run(case.command(world, folder / "1", *flags))
        assert done.returncode == 0, done.stderr
    first, second = (
        worker.wait() for worker in start_workers(case.command(world, folder / "workers", *flags))
    )
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    return differences(folder / "1", folder / "workers")
