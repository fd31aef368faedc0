"""Steps of two frameworks that take turns; PyTorch is in an environment of its own, if it is there."""

import contextlib
import sys

import numpy as np
import pytest

from recipes.bench import step_rows
from recipes.bench.step_process import StepProcess
from recipes.bench.step_rows import TORCH, check_same_step, process_lines, write_step

# A framework whose steps take no time and whose embeddings are what it is told, plus 1 after each step.
FAKE = """
import sys
import numpy as np
sys.path.insert(0, "")
from recipes.bench.step_process import answer
names, shift = sys.argv[1].split(","), float(sys.argv[2])
taken = dict.fromkeys(names, 0)
def embed(name, path):
    np.save(path, np.full((3, 2), shift + taken[name]))
    return {}
def step(name):
    taken[name] += 1
    print("what a library prints")
    return {"seconds": 1.0 + names.index(name), "loss": 1.0 / taken[name]}
answer({"names": names, "left_out": {"compiled": "no compiler"}, "versions": {names[0]: "1"}},
       {"embed": embed, "step": step})
"""


def fake(names, shift=0.0):
    return [sys.executable, "-c", FAKE, names, shift]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(step_rows, "PAUSE", 0.0)


def test_a_row_for_every_step_that_is_not_ours():
    lines = {"tensorflow": fake("one pass,three passes"), "XLA": fake("XLA"), "torch": fake("eager")}
    found = step_rows.step_rows(2, torch=sys.executable, lines=lines)
    one_pass, peers = 96.0, {}
    for row in found["rows"]:
        assert row.value == one_pass and row.unit == "images_per_second"
        peers[row.peer] = row.ratio
    assert peers == {
        "a pass each for sketches, photos and negatives": 2.0,
        "the same compiled by XLA (jit_compile)": 1.0,
        "PyTorch, eager": 1.0,
    }
    assert found["left_out"] == ["PyTorch, compiled: no compiler"]
    assert found["frameworks"] == {"one pass": "1", "XLA": "1", "eager": "1"}


def test_without_pytorch_its_rows_are_left_out_and_it_is_said(tmp_path):
    lines = {"tensorflow": fake("one pass,three passes"), "XLA": fake("XLA"), "torch": fake("eager")}
    found = step_rows.step_rows(1, torch=tmp_path / "python", lines=lines)
    assert len(found["rows"]) == 2
    assert found["left_out"] == [
        f"PyTorch: there is no {tmp_path / 'python'}; `make .venvs/torch/.installed` makes it"
    ]


def test_another_net_is_refused(tmp_path):
    lines = {"tensorflow": fake("one pass"), "torch": fake("eager", shift=0.001)}
    with pytest.raises(ValueError, match=r"eager: expected embeddings within 0.0001 of ours; found 0.001"):
        step_rows.step_rows(1, torch=sys.executable, lines=lines)


def test_a_process_that_ends_is_told_of():
    with (
        pytest.raises(RuntimeError, match="expected an answer; it has ended"),
        StepProcess([sys.executable, "-c", "print('{}')"]) as process,
    ):
        assert process.ready == {}
        process.ask("step", "none")
        process.ask("step", "none")


@pytest.mark.slow
def test_our_step_is_one_in_three_passes_too_and_pytorchs(tmp_path, monkeypatch):
    monkeypatch.setattr(step_rows, "NUM_TRIPLETS", 2)
    monkeypatch.setattr(step_rows, "TORCH_STEPS", ("eager, contiguous", "eager, channels_last"))
    torch = TORCH if TORCH.exists() else None
    lines = process_lines(write_step(tmp_path / "step.npz"), torch)
    with np.load(tmp_path / "step.npz", allow_pickle=False) as arrays:
        assert arrays["images"].shape == (6, 225, 225, 1) and arrays["fc7_kernel"].shape == (512, 256)
    processes = {}
    with contextlib.ExitStack() as stack:
        processes["tensorflow"] = stack.enter_context(StepProcess(lines["tensorflow"]))
        if torch is not None:
            processes["torch"] = stack.enter_context(StepProcess(lines["torch"]))
        assert processes["tensorflow"].ready["names"] == ["one pass", "three passes"]
        check_same_step(processes, tmp_path)
