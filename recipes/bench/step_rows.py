"""A training step on triplets against the same in PyTorch, eager and compiled, and in other ways.

Each framework is a process of its own that rests while another steps. Before anything is timed, PyTorch's
embeddings, and both frameworks' after a step, must be the same.
"""

import contextlib
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from recipes.bench.row import Row
from recipes.bench.step_process import ROOT, StepProcess
from recipes.bench.tensorflow_step import OURS, THREE_PASSES, XLA
from tfsbir.models import sketch_a_net

NUM_TRIPLETS = 32  # The recipes' default batch: 96 images.
NUM_THREADS = 2
TORCH = ROOT / ".venvs" / "torch" / "bin" / "python"
TORCH_STEPS = tuple(
    f"{kind}, {memory_format}"
    for kind in ("eager", "torch.compile")
    for memory_format in ("contiguous", "channels_last")
)
TOLERANCE = 1e-4
# Threads that have just worked wait for more before they sleep, and would take a core from who is next.
PAUSE = 0.3
NAME = "training step of siamese sketch_a_net, {} triplets of 225 px, {} threads"


def step_rows(rounds, torch=TORCH, lines=None):
    """Times steps of TensorFlow and PyTorch that take turns.

    Args:
        rounds: Turns that each takes.
        torch: Path of the Python of an environment with PyTorch. Where there is none, its rows are left out.
        lines: Dict from the names of processes, "torch" among them, to their commands; None for ours.
    Returns: Dict of `rows`, of `left_out`, strings that say which rows are not there and why, and of
        `frameworks`, their versions.
    Raises: `ValueError` if PyTorch computes something else.
    """
    left_out = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = write_step(folder / "step.npz")
        lines = lines or process_lines(path, torch)
        processes = {
            name: stack.enter_context(StepProcess(line)) for name, line in lines.items() if name != "torch"
        }
        if Path(torch).exists():
            processes["torch"] = stack.enter_context(StepProcess(lines["torch"]))
            check_same_step(processes, folder)
            found = processes["torch"].ready["left_out"]
            left_out += [f"PyTorch, {name}: {reason}" for name, reason in found.items()]
        else:
            left_out.append(f"PyTorch: there is no {torch}; `make .venvs/torch/.installed` makes it")
        seconds = _turns(processes, rounds)
    rates = {name: 3 * NUM_TRIPLETS / np.array(taken) for name, taken in seconds.items()}
    peers = {
        "a pass each for sketches, photos and negatives": THREE_PASSES,
        "the same compiled by XLA (jit_compile)": XLA,
        **{f"PyTorch, {name}": name for name in rates if name not in (OURS, THREE_PASSES, XLA)},
    }
    name = NAME.format(NUM_TRIPLETS, NUM_THREADS)
    rows = [
        Row.of_turns(name, rates[OURS], peer, rates[of_peer], "images_per_second")
        for peer, of_peer in peers.items()
    ]
    versions = [process.ready["versions"] for process in processes.values()]
    return {
        "rows": rows,
        "left_out": left_out,
        "frameworks": {k: v for one in versions for k, v in one.items()},
    }


def process_lines(path, torch):
    """Returns the command of each process, for a file of `write_step`."""
    ours = [sys.executable, "-m", "recipes.bench.tensorflow_step", path, NUM_THREADS]
    return {
        "tensorflow": [*ours, OURS, THREE_PASSES],
        "XLA": [*ours, XLA],
        "torch": [torch, "-m", "recipes.bench.torch_step", path, NUM_THREADS, *TORCH_STEPS],
    }


def write_step(path):
    """Writes the weights of a new Sketch-a-Net and a batch of noise to a `.npz` file; returns its path."""
    keras.utils.set_random_seed(0)
    model = sketch_a_net()
    arrays = {f"{layer.name}_{v.name}": v.numpy() for layer in model.layers for v in layer.weights}
    random = np.random.default_rng(0)
    arrays["images"] = random.uniform(-1, 1, (3 * NUM_TRIPLETS, *model.input_shape[1:])).astype("float32")
    np.savez(path, **arrays)
    return path


def check_same_step(processes, folder):
    """Raises `ValueError` unless the embeddings and the losses are one, before and after a step."""
    found = []
    for process in processes.values():
        for name in process.ready["names"]:
            path = folder / "embeddings.npy"
            found.append([name])
            for _ in range(2):
                process.ask("embed", name, path)
                found[-1] += [np.load(path), process.ask("step", name)["loss"]]
    (_, *expected), *others = found
    for name, *values in others:
        for value, wanted, what in zip(
            values,
            expected,
            ("embeddings", "a loss", "embeddings after a step", "a second loss"),
            strict=True,
        ):
            error = np.max(np.abs(value - wanted))
            if not error <= TOLERANCE:
                raise ValueError(f"{name}: expected {what} within {TOLERANCE} of ours; found {error:.2g}")


def _turns(processes, rounds):
    sides = [(process, name) for process in processes.values() for name in process.ready["names"]]
    seconds = {name: [] for _, name in sides}
    for turn in range(rounds + 1):
        for process, name in sides:
            time.sleep(PAUSE)
            taken = process.ask("step", name)["seconds"]
            if turn:  # The first may have compiled.
                seconds[name].append(taken)
    return seconds
