"""Trainings that are killed, or asked to end, and go on."""

import random
import signal
import time

import numpy as np
import pytest

from tests.common_processes import run_module, start_module
from tests.recipes.tiny_runs import finished_run, is_at, repair, training
from tfsbir.runs import RunDirectory


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The workdir of an undisturbed run."""
    return finished_run(tmp_path_factory.mktemp("runs"))


def assert_same(workdir, expected):
    """Checks that weights, best weights and all that was logged are the same to the last bit."""
    ended, undisturbed = RunDirectory(workdir), RunDirectory(expected)
    assert ended.result == undisturbed.result
    assert ended.metrics() == undisturbed.metrics()


def test_it_learns_and_keeps_two_checkpoints_and_the_best_of_them(finished):
    run = RunDirectory(finished)
    lines = run.metrics()
    assert [line["step"] for line in lines if "train/loss" in line] == list(range(1, 21))
    assert [line["step"] for line in lines if "test/error" in line] == [4, 8, 12, 16, 20]
    assert (
        run.result["best_step"]
        == max((line for line in lines if "test/error" in line), key=lambda line: line["test/error"])["step"]
    )
    assert sorted(path.name for path in run.checkpoints.glob("*.index")) == ["ckpt-18.index", "ckpt-20.index"]


def test_a_run_killed_again_and_again_ends_like_an_undisturbed_one(finished, tmp_path):
    delays, workdir = random.Random(1), tmp_path / "run"
    num_killed = 0
    while not (workdir / "result.json").exists():
        started = start_module(training(workdir, "--fault=slow_steps"))
        begun = RunDirectory(workdir).metrics() if workdir.exists() else []
        step = max((line["step"] for line in begun), default=0) + 1
        while started.process.exitcode is None and not is_at(workdir, min(step, 20))():
            time.sleep(0.01)
        time.sleep(delays.uniform(0, 0.5))  # Twenty steps take a second or more.
        started.process.kill()
        num_killed += started.wait().returncode == -signal.SIGKILL
    assert num_killed >= 2
    config = RunDirectory(workdir).config
    assert config["flags"]["fault"] == "slow_steps"
    assert_same(workdir, finished)


def test_sigterm_saves_and_exits_with_0_and_the_run_goes_on_from_there(finished, tmp_path):
    workdir = tmp_path / "run"
    started = start_module(training(workdir, "--fault=slow_steps", "--checkpoint_every=100"))
    started.signal_when(is_at(workdir, 5), signal.SIGTERM)
    asked = time.monotonic()
    done = started.wait(timeout=20)
    assert time.monotonic() - asked < 10
    assert done.returncode == 0, done.stderr
    (checkpoint,) = (workdir / "checkpoints").glob("*.index")
    step = int(checkpoint.stem.split("-")[1])
    assert step >= 5
    newest = checkpoint.with_suffix("")
    assert f"Asked to end after step {step}; the newest checkpoint is {newest}." in done.stderr
    assert not (workdir / "result.json").exists()
    resumed = run_module(training(workdir, "--fault=slow_steps", "--checkpoint_every=100"))
    assert resumed.returncode == 0, resumed.stderr
    assert f"Resuming {workdir} after step {step}." in resumed.stderr
    assert_same(workdir, finished)


def test_sigterm_breaks_off_an_evaluation_which_is_made_up_for(finished, tmp_path):
    workdir = tmp_path / "run"
    started = start_module(training(workdir, "--fault=slow_evaluation"))
    started.signal_when((workdir / "evaluating").exists, signal.SIGTERM)
    done = started.wait(timeout=20)
    assert done.returncode == 0, done.stderr
    assert "Asked to end after step 4" in done.stderr
    repair(workdir)
    # Made up for, and lost again: the next life knows nothing of it.
    again = start_module(training(workdir, "--checkpoint_every=100"))
    again.signal_when(lambda: '"step": 4, "test' in (workdir / "metrics.jsonl").read_text(), signal.SIGKILL)
    again.wait()
    resumed = run_module(training(workdir))
    assert resumed.returncode == 0, resumed.stderr
    assert f"Resuming {workdir} after step 4." in resumed.stderr
    assert_same(workdir, finished)


def test_a_run_killed_before_its_result_is_there_logs_its_last_line_once(finished, tmp_path):
    workdir = tmp_path / "run"
    assert run_module(training(workdir, "--fault=killed_at_the_end")).returncode == -signal.SIGKILL
    assert RunDirectory(workdir).metrics() == RunDirectory(finished).metrics()
    repair(workdir)
    resumed = run_module(training(workdir))
    assert resumed.returncode == 0, resumed.stderr
    assert_same(workdir, finished)


@pytest.mark.parametrize(
    "flags",
    ["--accumulate=2 --clip_norm=0.5 --schedule=step --decay_every=7", "--precision=mixed_float16", "--jit"],
)
def test_what_else_has_a_state_is_resumed(tmp_path, flags):
    for name in ("whole", "broken"):
        if name == "broken":
            started = start_module(training(tmp_path / name, *flags.split()))
            started.signal_when(is_at(tmp_path / name, 9), signal.SIGKILL)
            started.wait()
        done = run_module(training(tmp_path / name, *flags.split()))
        assert done.returncode == 0, done.stderr
    assert "Resuming" in done.stderr
    assert_same(tmp_path / "broken", tmp_path / "whole")


def test_losses_are_learned_from(finished):
    losses = [line["train/loss"] for line in RunDirectory(finished).metrics() if "train/loss" in line]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
