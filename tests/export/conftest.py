"""Runs to export, made once."""

import numpy as np
import pytest

from export.litert import export_litert
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


@pytest.fixture(scope="session")
def exported(siamese_run, tmp_path_factory):
    """Returns a function that exports the siamese run, once a set of arguments: folder, report."""
    made = {}

    def export(quantize, interface="float32", preprocessing="outside"):
        key = (quantize, interface, preprocessing)
        if key not in made:
            folder = tmp_path_factory.mktemp("exported") / "_".join(key)
            made[key] = folder, export_litert(siamese_run.path, folder, *key)
        return made[key]

    return export
