"""Reading a trained model from its file."""

import importlib
from pathlib import Path

import keras

from tfsbir.errors import InputError


def load_trained_model(path, what="a trained encoder"):
    """Reads a `.keras` file with Keras' safe mode on, so that it cannot bring code of its own.

    Args:
        path: Path of the file.
        what: What the file is, for the error of a missing one.
    Returns: `keras.Model`, not compiled.
    Raises: `InputError` naming the file if it is missing or not a model's.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: expected {what}; there is no such file")
    # Our own classes must be registered before Keras meets their names in the file.
    importlib.import_module("tfsbir.layers")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras lets zip, HDF5 and configuration errors through as they are.
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: expected a Keras model file (.keras); {reason}") from error
