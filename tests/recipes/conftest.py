"""What the tests of recipes that learn pairs share."""

import pytest

from tfsbir.data import synthetic_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A paired folder of drawn objects whose photos have attributes."""
    root = tmp_path_factory.mktemp("data") / "objects"
    synthetic_folder(root, num_train=8, num_test=5, seed=0)
    return root
