"""Whether a training that is killed again and again ends like one that is not."""

import signal
import time

from tests.common_processes import start_module
from tests.common_recipes import run
from tfsbir.runs import RunDirectory

LONGEST = 2.5  # Seconds that a life has from its first step on.


def kill_again_and_again(case, world, folder, num_kills, random, steps=60):
    """Trains a case once undisturbed, and often enough under `kill -9` at random moments.

    Each life begins with the command given again. It is killed up to `LONGEST` seconds after its first step,
    whatever it is at: a step, a checkpoint, an evaluation, pools, the last measurement.

    Args:
        case: `Case`.
        world: Folder of `make_world`.
        folder: Folder for the runs.
        num_kills: Kills, > 0; where a run ends before them, another one is killed on.
        random: `random.Random` of the moments.
        steps: Steps of a run.
    Returns: Dict: `kills`, `runs` that were killed and ended, `lives` in all, `equal`, the number of these
        runs whose metrics are the undisturbed one's to the last bit, and `largest_difference`, of a metric or
        a loss.
    """
    flags = (f"--steps={steps}", "--batch_size=4", "--checkpoint_every=4", "--eval_every=7")
    done = run(case.command(world, folder / "undisturbed", *flags))
    assert done.returncode == 0, done.stderr
    expected = RunDirectory(folder / "undisturbed")
    found = {"kills": 0, "runs": 0, "lives": 0, "equal": 0, "largest_difference": 0.0}
    while found["kills"] < num_kills:
        workdir = folder / f"killed-{found['runs']}"
        while not (workdir / "result.json").exists():
            may_be_killed = found["kills"] < num_kills
            ended = _live(case.command(world, workdir, *flags), workdir, may_be_killed, random)
            assert ended in (0, -signal.SIGKILL), f"{workdir} ended with {ended}"
            found["kills"] += ended == -signal.SIGKILL
            found["lives"] += 1
        difference = _largest_difference(RunDirectory(workdir), expected)
        found["runs"] += 1
        found["equal"] += difference == 0
        found["largest_difference"] = max(found["largest_difference"], difference)
    return found


def _live(arguments, workdir, may_be_killed, random):
    """Runs a command until it ends or is killed; returns its exit code."""
    before = _size(workdir)
    started = start_module(arguments)
    while may_be_killed and started.process.exitcode is None and _size(workdir) <= before:
        time.sleep(0.02)
    if may_be_killed:
        started.process.join(random.uniform(0, LONGEST))
        started.process.kill()
    return started.wait(timeout=600).returncode


def _size(workdir):
    """Returns how much a run has logged; a run that resumes cuts it first."""
    path = workdir / "metrics.jsonl"
    return path.stat().st_size if path.exists() else 0


def _largest_difference(run, expected):
    """Returns by how much the metrics and the logged losses of two runs differ at most."""
    pairs = [(run.result["metrics"], expected.result["metrics"])]
    lines, others = (
        [line for line in one.metrics() if not any(name.startswith("refresh/") for name in line)]
        for one in (run, expected)
    )
    pairs += zip(lines, others, strict=True)
    for one, other in pairs:
        assert one.keys() == other.keys()
    return max(abs(one[name] - other[name]) for one, other in pairs for name in other)
