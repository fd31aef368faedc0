"""Fixtures that every test folder shares."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real datasets beside the project, which not every machine has."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the real datasets are not at {SHARED / 'data'}")
    return SHARED / "data"


@pytest.fixture(scope="session")
def shared_weights():
    """The published SqueezeNet weights beside the project, which not every machine has."""
    path = SHARED / "weights" / "squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"
    if not path.is_file():
        pytest.skip(f"the published weights are not at {path}")
    return path


@pytest.fixture(autouse=True)
def no_recording():
    """Lets tests read what PyTorch computes; `tests/common_backends.py` records where that is wanted."""
    if os.environ.get("KERAS_BACKEND") != "torch":
        yield
        return
    import torch

    with torch.no_grad():
        yield
