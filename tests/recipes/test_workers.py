"""Two processes that train together over the loopback, as machines do over a network."""

import json
import signal
import time

import numpy as np
import pytest

from tests.common_processes import run_module, start_module
from tests.common_workers import start_workers
from tests.recipes.tiny_runs import finished_run, is_at, repair, training
from tfsbir.runs import RunDirectory


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The workdir of one process."""
    return finished_run(tmp_path_factory.mktemp("runs"))


def assert_near(workdir, expected):
    """Checks that losses, metrics and weights are those of one process, but for what is rounded."""
    ended, undisturbed = RunDirectory(workdir), RunDirectory(expected)
    assert len(ended.metrics()) == len(undisturbed.metrics())
    for line, other in zip(ended.metrics(), undisturbed.metrics(), strict=True):
        assert line == pytest.approx(other, abs=1e-5)
    assert ended.result["best_step"] == undisturbed.result["best_step"]
    for name in ("last", "best"):
        np.testing.assert_allclose(ended.result[name], undisturbed.result[name], atol=1e-4)


def test_two_processes_train_what_one_does_and_the_first_alone_writes(finished, tmp_path):
    workers = start_workers(training(tmp_path / "run"))
    first, second = (worker.wait() for worker in workers)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert_near(tmp_path / "run", finished)
    assert json.loads(first.stdout) == RunDirectory(tmp_path / "run").result
    assert second.stdout == ""
    assert "Trained; the first worker measures and saves." in second.stderr
    again = [worker.wait() for worker in start_workers(training(tmp_path / "run"))]
    assert [done.returncode for done in again] == [0, 0]
    assert again[0].stdout == first.stdout  # A finished run is not trained again.


def test_one_is_killed_and_both_are_started_again(finished, tmp_path):
    workdir = tmp_path / "run"
    first, second = start_workers(training(workdir, "--fault=slow_steps"))
    second.signal_when(is_at(workdir, 8), signal.SIGKILL)
    assert second.wait().returncode == -signal.SIGKILL
    done = first.wait(timeout=120)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: `strategy` multi_worker expects all workers of TF_CONFIG to go on; after")
    assert "start all again, the newest checkpoint is" in last
    assert "Traceback (most recent call last)" not in last
    resumed = [worker.wait() for worker in start_workers(training(workdir, "--fault=slow_steps"))]
    assert [one.returncode for one in resumed] == [0, 0], resumed[0].stderr
    assert "Resuming" in resumed[0].stderr
    assert_near(workdir, finished)


def test_one_is_asked_to_end_and_both_do_after_the_same_step(finished, tmp_path):
    workdir = tmp_path / "run"
    flags = ("--fault=slow_steps", "--checkpoint_every=100")
    workers = start_workers(training(workdir, *flags))
    workers[1].signal_when(is_at(workdir, 6), signal.SIGTERM)
    asked = time.monotonic()
    ended = [worker.wait(timeout=60) for worker in workers]
    assert [done.returncode for done in ended] == [0, 0], ended[0].stderr + ended[1].stderr
    assert time.monotonic() - asked < 30  # TensorFlow takes ten seconds to part from the other worker.
    (checkpoint,) = (workdir / "checkpoints").glob("*.index")
    assert f"Asked to end; the newest checkpoint is {checkpoint.with_suffix('')}." in ended[0].stderr
    resumed = [worker.wait() for worker in start_workers(training(workdir, *flags))]
    assert [done.returncode for done in resumed] == [0, 0], resumed[0].stderr
    assert_near(workdir, finished)


def test_a_batch_in_parts_is_cut_alike_in_any_number_of_processes(tmp_path):
    alone = finished_run(tmp_path, "--accumulate=2", "--clip_norm=0.5")
    workers = start_workers(training(tmp_path / "run", "--accumulate=2", "--clip_norm=0.5"))
    done = [worker.wait() for worker in workers]
    assert [one.returncode for one in done] == [0, 0], done[0].stderr + done[1].stderr
    assert_near(tmp_path / "run", alone)


def test_the_first_is_asked_to_end_when_no_step_is_left(finished, tmp_path):
    workdir = tmp_path / "run"
    done = [
        worker.wait(timeout=60) for worker in start_workers(training(workdir, "--fault=asked_at_the_end"))
    ]
    assert [one.returncode for one in done] == [0, 0], done[0].stderr + done[1].stderr
    assert "Asked to end after step 20; the newest checkpoint is" in done[0].stderr
    assert not (workdir / "result.json").exists()
    repair(workdir)
    resumed = [worker.wait() for worker in start_workers(training(workdir))]
    assert [one.returncode for one in resumed] == [0, 0], resumed[0].stderr
    assert_near(workdir, finished)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_workers_that_see_different_checkpoints_do_not_train_together(tmp_path, is_damaged):
    for name in ("first", "second"):
        assert run_module(training(tmp_path / name, "--fault=not_finite")).returncode == 1
        repair(tmp_path / name)
    (newest,) = (tmp_path / "second" / "checkpoints").glob("ckpt-6.data*")
    newest.write_bytes(b"") if is_damaged else newest.with_name("ckpt-6.index").unlink()
    workers = start_workers(training(tmp_path / "first"), f"--workdir={tmp_path / 'second'}")
    done = [worker.wait(timeout=120) for worker in workers]
    for one, step in zip(done, (6, 3), strict=True):
        assert one.returncode == 1
        assert one.stderr.strip().splitlines()[-1] == (
            "error: `workdir` must show all workers of TF_CONFIG the same checkpoints; this one begins after "
            f"step {step}, and another one does not. Start all again"
        )
    assert (tmp_path / "first" / "checkpoints" / "ckpt-6.index").exists()


def test_the_first_is_asked_to_end_while_it_measures(tmp_path):
    workdir = tmp_path / "run"
    workers = start_workers(training(workdir, "--fault=slow_measurement"))
    workers[0].signal_when((workdir / "measuring").exists, signal.SIGTERM)
    done = [worker.wait(timeout=60) for worker in workers]
    assert [one.returncode for one in done] == [0, 0], done[0].stderr + done[1].stderr
    assert not (workdir / "result.json").exists()
    assert (workdir / "checkpoints" / "ckpt-20.index").exists()


@pytest.mark.parametrize(
    "config",
    [
        None,
        "worker",
        '{"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"ps": ["127.0.0.1:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {"worker": ["127.0.0.1:1"]}}',
    ],
)
def test_an_environment_without_a_cluster_is_told(tmp_path, config):
    environment = {} if config is None else {"TF_CONFIG": config}
    done = start_module(training(tmp_path / "run", "--strategy=multi_worker"), environment.items()).wait()
    assert done.returncode == 1
    assert "error: `strategy` multi_worker needs the environment's TF_CONFIG, such as {" in done.stderr
    assert f"Received: {config or 'none'}" in done.stderr
    assert not (tmp_path / "run").exists()
