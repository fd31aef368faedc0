"""What a Keras user needs to import one layer: Keras, and what that needs."""

import pytest

from tests.common_processes import run_script

SCRIPT = """
import sys
import keras  # With its backend, which may be TensorFlow.

refused = "tensorflow tensorflow_probability tf_keras sklearn scipy faiss cv2 PIL google.protobuf matplotlib"
sys.modules.update({name: None for name in refused.split()})
import tfsbir.PACKAGE

assert not [name for name in sys.modules if name.startswith(("tfsbir.data", "tfsbir.retrieval"))]
print(sorted(tfsbir.PACKAGE.__all__))
"""


@pytest.mark.parametrize("package", ["layers", "distances", "losses", "models"])
def test_each_package_needs_keras_alone(package):
    done = run_script(SCRIPT.replace("PACKAGE", package))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("['")
