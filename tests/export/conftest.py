"""Runs to export, made once."""

import pytest

from tests.export.small_run import write_small_run


@pytest.fixture(scope="session")
def siamese_run(tmp_path_factory):
    return write_small_run(tmp_path_factory.mktemp("siamese"))


@pytest.fixture(scope="session")
def heterogeneous_run(tmp_path_factory):
    return write_small_run(tmp_path_factory.mktemp("heterogeneous"), is_siamese=False)
