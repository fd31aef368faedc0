"""Runs to export, made once."""

import numpy as np
import pytest

from tests.export.small_run import EMBEDDING_DIM, write_small_run
from tfsbir.distances import HOLEF


@pytest.fixture(scope="session")
def siamese_run(tmp_path_factory):
    return write_small_run(tmp_path_factory.mktemp("siamese"))


@pytest.fixture(scope="session")
def heterogeneous_run(tmp_path_factory):
    return write_small_run(tmp_path_factory.mktemp("heterogeneous"), is_siamese=False)


@pytest.fixture(scope="session")
def rgb_run(tmp_path_factory):
    """A heterogeneous run whose photo encoder takes RGB."""
    return write_small_run(tmp_path_factory.mktemp("rgb"), is_siamese=False, photo_input="rgb")


@pytest.fixture(scope="session")
def holef_run(tmp_path_factory):
    """A siamese run that ranks by HOLEF with weights of both signs."""
    distance = HOLEF(EMBEDDING_DIM)
    drawn = np.random.default_rng(0).normal(size=(EMBEDDING_DIM, EMBEDDING_DIM))
    distance.pair_weights.assign(np.eye(EMBEDDING_DIM) + 0.02 * drawn)
    return write_small_run(tmp_path_factory.mktemp("holef"), distance=distance)
