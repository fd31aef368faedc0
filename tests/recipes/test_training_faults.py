"""What goes wrong while a recipe trains, and what is left then: always the last whole checkpoint."""

import json
import re
import shutil

import pytest
import tensorflow as tf

from recipes.common.checkpoints import Checkpoints
from recipes.common.running import save_pair
from tests.common_processes import run_module
from tests.recipes.tiny_runs import finished_run, repair, training
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The workdir of an undisturbed run."""
    return finished_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """The workdir of a run that stopped behind the checkpoints of steps 3 and 6, and how it did."""
    workdir = tmp_path_factory.mktemp("runs") / "broken"
    done = run_module(training(workdir, "--fault=not_finite"))
    return workdir, done


def repaired(workdir, folder):
    """Copies a run without what made it stop."""
    shutil.copytree(workdir, folder)
    repair(folder)
    return folder


def assert_goes_on(workdir, finished, step):
    """Checks that the command resumes after a step and ends like the undisturbed run."""
    done = run_module(training(workdir))
    assert done.returncode == 0, done.stderr
    assert f"Resuming {workdir} after step {step}." in done.stderr
    assert RunDirectory(workdir).result == RunDirectory(finished).result
    assert RunDirectory(workdir).metrics() == RunDirectory(finished).metrics()
    return done


def last_line(done):
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_a_loss_that_is_not_finite_is_told_with_step_images_and_checkpoint(broken, finished, tmp_path):
    workdir, done = broken
    newest = workdir / "checkpoints" / "ckpt-6"
    assert last_line(done) == (
        "error: loss must be finite; try a smaller `learning_rate`. Received: inf at step 8 of sketch "
        f"row-64, row-65, row-66 ... (all in {workdir / 'not_finite.json'}; the newest checkpoint is "
        f"{newest})"
    )
    assert json.loads((workdir / "not_finite.json").read_text()) == {
        "step": 8, "loss": "inf", "images": {"sketch": [f"row-{index}" for index in range(64, 72)]},
    }  # fmt: skip
    assert_goes_on(repaired(workdir, tmp_path / "run"), finished, 6)


def test_a_loss_that_is_not_finite_is_told_also_where_nothing_can_be_written(broken, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(broken[0], workdir)
    (workdir / "not_finite.json").unlink()
    (workdir / "not_finite.json").mkdir()
    line = last_line(run_module(training(workdir, "--fault=not_finite")))
    assert "loss must be finite; try a smaller `learning_rate`. Received: inf at step 8 of sketch" in line
    assert line.endswith(f"(the newest checkpoint is {workdir / 'checkpoints' / 'ckpt-6'})")


@pytest.mark.parametrize("flags", ["", "--accumulate=2", "--clip_norm=1"])
def test_gradients_that_are_not_finite_are_told_before_the_loss_is(tmp_path, flags):
    line = last_line(run_module(training(tmp_path / "run", "--fault=gradient_not_finite", *flags.split())))
    assert (
        "gradients must be finite; try a smaller `learning_rate`. Received: nan at step 1 of sketch" in line
    )
    assert "no checkpoint was written yet" in line


def truncate_index(checkpoints):
    path = checkpoints / "ckpt-6.index"
    path.write_bytes(path.read_bytes()[:40])


def empty_index(checkpoints):
    (checkpoints / "ckpt-6.index").write_bytes(b"")


def change_data(checkpoints):
    path = checkpoints / "ckpt-6.data-00000-of-00001"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)


def truncate_data(checkpoints):
    path = checkpoints / "ckpt-6.data-00000-of-00001"
    path.write_bytes(path.read_bytes()[:100])


def remove_data(checkpoints):
    (checkpoints / "ckpt-6.data-00000-of-00001").unlink()


@pytest.mark.parametrize("damage", [truncate_index, empty_index, change_data, truncate_data, remove_data])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(broken, finished, tmp_path, damage):
    workdir = repaired(broken[0], tmp_path / "run")
    damage(workdir / "checkpoints")
    done = assert_goes_on(workdir, finished, 3)
    assert re.search(r"ckpt-6: expected a checkpoint; .+ Going on from the one before\.", done.stderr)
    kept = sorted(path.name for path in (workdir / "checkpoints").glob("*.index"))
    assert kept == ["ckpt-18.index", "ckpt-20.index", "damaged-ckpt-6.index"]


@pytest.mark.parametrize("text", ["", "model_checkpoint_path: 3", None])
def test_a_damaged_list_of_checkpoints_hides_none(broken, finished, tmp_path, text):
    workdir = repaired(broken[0], tmp_path / "run")
    path = workdir / "checkpoints" / "checkpoint"
    path.unlink() if text is None else path.write_text(text)
    assert_goes_on(workdir, finished, 6)
    kept = sorted(path.name for path in (workdir / "checkpoints").glob("*.index"))
    assert kept == ["ckpt-18.index", "ckpt-20.index"]


def test_without_a_checkpoint_that_can_be_read_nothing_is_begun_anew(broken, tmp_path):
    workdir = repaired(broken[0], tmp_path / "run")
    for step in (3, 6):
        (workdir / f"checkpoints/ckpt-{step}.data-00000-of-00001").write_bytes(b"")
    logged = (workdir / "metrics.jsonl").read_bytes()
    line = last_line(run_module(training(workdir)))
    assert "ckpt-3: expected a checkpoint; " in line
    assert "there is none before it; to begin anew, name another `workdir`" in line
    assert (workdir / "metrics.jsonl").read_bytes() == logged


def test_a_checkpoint_of_another_model_is_not_taken_for_damaged(broken, tmp_path):
    workdir = repaired(broken[0], tmp_path / "run")
    config = json.loads((workdir / "config.json").read_text())
    config["flags"]["precision"] = "mixed_float16"
    (workdir / "config.json").write_text(json.dumps(config))
    line = last_line(run_module(training(workdir, "--precision=mixed_float16")))
    assert "ckpt-6: expected a checkpoint of this recipe; " in line
    assert (workdir / "checkpoints" / "ckpt-6.index").exists()


def test_a_machine_without_memory_makes_no_checkpoint_a_damaged_one(broken, tmp_path, monkeypatch):
    run = RunDirectory(repaired(broken[0], tmp_path / "run"))
    checkpoints = Checkpoints(run, {"step": tf.Variable(0)})

    def restore(path):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    monkeypatch.setattr(checkpoints.checkpoint, "restore", restore)
    with pytest.raises(InputError, match=r"ckpt-6: expected a checkpoint to be read; OOM when allocating"):
        checkpoints.restore()
    kept = sorted(path.name for path in run.checkpoints.glob("*.index"))
    assert kept == ["ckpt-3.index", "ckpt-6.index"]


def test_a_model_is_not_written_where_the_run_was(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.start({"flags": {}, "dataset": {}})
    (tmp_path / "run").rename(tmp_path / "moved")
    with pytest.raises(InputError, match="expected the run directory that was begun; it is gone"):
        save_pair(run, None, None)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("fault", "eval_every", "message"),
    [
        ("no_room", 99, r"error: .*ckpt-9: expected a checkpoint to be written; .*too large"),
        ("no_room_for_best", 4, r"error: .*run: expected to be written to after step 8; File too large"),
    ],
)
def test_a_full_disk_leaves_the_last_whole_checkpoint(tmp_path, fault, eval_every, message):
    workdir, wide = tmp_path / "run", ("--hidden=8000", "--steps=10", f"--eval_every={eval_every}")
    line = last_line(run_module(training(workdir, *wide, f"--fault={fault}")))
    assert re.search(message, line)
    assert f"the newest checkpoint is {workdir / 'checkpoints' / 'ckpt-6'}" in line
    left = {path.name for path in (workdir / "checkpoints").iterdir()}
    assert not {name for name in left if "ckpt-9" in name or "temp" in name}
    done = run_module(training(repaired(workdir, tmp_path / "again"), *wide))
    assert done.returncode == 0, done.stderr
    assert f"Resuming {tmp_path / 'again'} after step 6." in done.stderr
    undisturbed = run_module(training(tmp_path / "whole", *wide))
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert RunDirectory(tmp_path / "again").result == RunDirectory(tmp_path / "whole").result


@pytest.mark.parametrize("flags", ["", "--log_every=20 --eval_every=99"])
def test_a_run_directory_that_vanishes_is_told_and_not_made_anew(finished, tmp_path, flags):
    workdir = tmp_path / "run"
    line = last_line(run_module(training(workdir, "--fault=workdir_gone", *flags.split())))
    assert "metrics.jsonl: expected to be written to after step 8; No such file" in line or (
        f"{workdir}: expected the run directory that was begun; it is gone" in line
    )
    assert not workdir.exists()
    moved = tmp_path / "run-moved"
    if not flags:
        assert_goes_on(repaired(moved, tmp_path / "again"), finished, 6)


def test_data_that_changed_since_a_run_was_begun_are_told(broken, tmp_path):
    workdir = repaired(broken[0], tmp_path / "run")
    before = {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()}
    line = last_line(run_module(training(workdir, "--fingerprint=other")))
    assert "`fingerprint` must be 'data'" in line or "its images have changed" in line
    assert {path: path.read_bytes() for path in workdir.rglob("*") if path.is_file()} == before


def test_two_runs_in_one_workdir_are_kept_apart(tmp_path):
    first = RunDirectory(tmp_path / "run")
    first.start({"flags": {}, "dataset": {}})
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    config["dataset"]["fingerprint"] = "data"
    (tmp_path / "run" / "config.json").write_text(json.dumps({**config, "flags": all_flags(tmp_path)}))
    line = last_line(run_module(training(tmp_path / "run")))
    assert line == f"error: `workdir` must not be in use by another program. Received: {tmp_path / 'run'}"
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def all_flags(folder):
    """Returns the flags as a run of the command writes them."""
    run_module(training(folder / "other", "--steps=20", "--fault=not_finite"))
    return {**RunDirectory(folder / "other").config["flags"], "fault": "none"}
