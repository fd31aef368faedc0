"""Gradients, compiled modes and open sizes on the backend that Keras runs on.

- `MODES`: by name, what makes a function run as the backend can: at once, or compiled.
- `value_and_gradients(function, tensors, variables)`: what a function of tensors returns, one tensor, and the
  gradients of its sum with respect to each of the tensors and then of the Keras variables.
- `compiled_gradients(mode, function, variables)`: the same as a function of the tensors, in one of `MODES`;
  it takes notice of the values that the variables have when it is called.
- `training_step(cost, optimizer, variables)`: a function of tensors that lowers their cost by one step.
- `with_open_sizes(function, *specs)`: a function that is traced once for all sizes. A spec is a shape, in
  which a word stands for a size that is open, and a dtype: `(("batch", 7), "float32")`.
- `largest_tensor(function, shapes, variables)`: the elements of the largest tensor that a function of float32
  tensors and its gradients make.
- `recording_gradients()`: a context for what trains by itself. PyTorch records every operation on a variable,
  and what was recorded cannot be read as an array; `tests/conftest.py` turns that off.
"""

import importlib

import keras
import pytest

BACKEND = keras.backend.backend()
_backend = importlib.import_module(f"tests.backend_{BACKEND}")

MODES = _backend.MODES
compiled_gradients = _backend.compiled_gradients
largest_tensor = _backend.largest_tensor
recording_gradients = _backend.recording_gradients
training_step = _backend.training_step
value_and_gradients = _backend.value_and_gradients
with_open_sizes = _backend.with_open_sizes


def tensorflow_only(reason):
    """Marks a test that is about TensorFlow itself; `reason` is printed where it is skipped."""
    return pytest.mark.skipif(BACKEND != "tensorflow", reason=f"on TensorFlow alone: {reason}")


def dtype_of(tensor):
    """Returns the name of a tensor's dtype; PyTorch's own is not equal to its name."""
    return keras.backend.standardize_dtype(tensor.dtype)
