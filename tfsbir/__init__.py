"""Sketch-based image retrieval for TensorFlow and Keras: draw, and find the photo."""

import importlib

__version__ = "0.1.0"

_PARTS = (
    "baselines", "data", "distances", "distribute", "errors", "figures", "layers", "losses", "metrics",
    "models", "preprocessing", "retrieval", "runs", "sampling", "strokes",
)  # fmt: skip


def __getattr__(name):
    # Parts load when they are first used: `tfsbir search --help` need not wait for TensorFlow.
    if name in _PARTS:
        return importlib.import_module(f"tfsbir.{name}")
    raise AttributeError(f"module 'tfsbir' has no attribute {name!r}")
