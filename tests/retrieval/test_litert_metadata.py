"""What a `.tflite` file says of itself, and files that are damaged, read in processes of their own."""

import re

import numpy as np
import pytest
import tensorflow as tf

from export.graph_edits import with_metadata
from tests.common_processes import run_script
from tfsbir.errors import InputError
from tfsbir.retrieval.litert_metadata import read_metadata

# Opens every file of a folder; whatever does not end in one line ends the process.
OPEN_ALL = """
import sys
from pathlib import Path
import numpy as np
from tfsbir.errors import InputError
from tfsbir.retrieval.litert_metadata import read_metadata, read_model
from tfsbir.retrieval.litert_model import LiteRTModel

for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        opened = "garbled"
        # LiteRT verifies that a file is whole, not that it makes sense; an export's SHA-256 are for that.
        if not path.name.startswith("garbled"):
            model = LiteRTModel(read_model(path), num_threads=1)
            opened = str(model.encode(np.ones(model.input_shape, np.float32)).sum())
    except (InputError, ValueError, RuntimeError) as error:
        opened = type(error).__name__
    try:
        read_metadata(path)
        opened += " metadata"
    except InputError as error:
        assert str(path) in str(error), error
        assert len(str(error).splitlines()) == 1, error
    print(path.name, opened, flush=True)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small model with a convolution and a dense layer, as bytes without metadata."""
    module = tf.Module()
    module.kernel, module.dense = tf.Variable(tf.ones((3, 3, 1, 4))), tf.Variable(tf.ones((4, 8)))

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 1), tf.float32, name="image")])
    def encode(image):
        features = tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(image, module.kernel, 1, "SAME")), axis=(1, 2))
        return {"embedding": features @ module.dense}

    folder = str(tmp_path_factory.mktemp("module"))
    tf.saved_model.save(module, folder, {"encode": encode})
    return tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["encode"]).convert()


def test_what_was_stored_is_read_again_and_the_model_stays(model, tmp_path):
    metadata = {"embedding_dim": 8, "polarity": "black_on_white", "attributes": ["große Öse"], "mean": 0.0}
    path = tmp_path / "model.tflite"
    path.write_bytes(with_metadata(model, metadata))
    assert read_metadata(path) == metadata
    from ai_edge_litert.interpreter import Interpreter

    image = np.random.default_rng(0).normal(size=(1, 8, 8, 1)).astype(np.float32)
    found, expected = (
        Interpreter(model_content=content).get_signature_runner("encode")(image=image)["embedding"]
        for content in (path.read_bytes(), model)
    )
    np.testing.assert_array_equal(found, expected)


def test_what_has_no_metadata_is_named(model, tmp_path):
    path = tmp_path / "model.tflite"
    with pytest.raises(InputError, match=r"model\.tflite: expected a LiteRT model; there is no such file"):
        read_metadata(path)
    with pytest.raises(InputError, match="expected a LiteRT model; it is a folder"):
        read_metadata(tmp_path)
    path.write_bytes(model)
    message = f'{path}: expected metadata named "tfsbir", which python -m export.litert writes; found none'
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        read_metadata(path)
    for content in (b"", b"TFL", b"a letter to nobody", b"\xff" * 3000):
        path.write_bytes(content)
        message = f'expected a LiteRT model; found {len(content)} bytes without "TFL3" as bytes 4 to 7'
        with pytest.raises(InputError, match=re.escape(message)):
            read_metadata(path)
    path.write_bytes(with_metadata(model, [1, 2]))
    with pytest.raises(InputError, match="expected an object in the metadata named"):
        read_metadata(path)
    path.write_bytes(with_metadata(model, {"a": 1})[:60])
    with pytest.raises(InputError, match="expected a whole LiteRT model; "):
        read_metadata(path)
    path.write_bytes(
        with_metadata(model, {"embedding_dim": 1}).replace(b'{"embedding_dim"', b'["embedding_dim"')
    )
    with pytest.raises(InputError, match="expected JSON in the metadata"):
        read_metadata(path)


def test_no_truncated_or_garbled_file_ends_the_process(model, tmp_path):
    whole = with_metadata(model, {"embedding_dim": 8})
    cuts = {*range(0, 80, 5), *range(len(whole) - 64, len(whole), 4), len(whole) - 1}
    cuts |= set(np.linspace(80, len(whole) - 65, 60).astype(int).tolist())
    for cut in cuts:
        (tmp_path / f"cut_{cut:06d}").write_bytes(whole[:cut])
    rng = np.random.default_rng(0)
    for number in range(60):
        garbled = bytearray(whole)
        for place in rng.integers(0, len(whole), 1 + number % 4):
            garbled[place] ^= int(rng.integers(1, 256))
        (tmp_path / f"garbled_{number:03d}").write_bytes(garbled)
    (tmp_path / "whole").write_bytes(whole)
    done = run_script(OPEN_ALL, tmp_path)
    assert done.returncode == 0, done.stderr
    opened = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert len(opened) == len(cuts) + 61
    assert opened["whole"].endswith(" metadata")
    assert float(opened["whole"].split()[0]) > 0
    for name, result in opened.items():
        if name.startswith("cut"):
            assert result.split()[0] in ("InputError", "ValueError"), (name, result)


def test_the_file_beside_the_model_must_be_its_own(model, tmp_path):
    """An export's encoder.json has the SHA-256 of its models."""
    from tfsbir import files
    from tfsbir.preprocessing import Preprocessing
    from tfsbir.retrieval import open_encoder

    path = tmp_path / "sketch_encoder.tflite"
    path.write_bytes(model)
    files.write_json(tmp_path / "preprocessing.json", Preprocessing(8, 8).to_json())
    files.write_json(tmp_path / "encoder.json", {"fingerprint": "made", "kind": "litert"})
    encoder = open_encoder(tmp_path)
    images = np.zeros((2, 8, 8, 1), np.float32)
    assert encoder.encode_sketches(images).shape == (2, 8)
    with pytest.raises(TypeError, match=r"`images` must be float32 in \[-1, 1\]\. Received: uint8"):
        encoder.encode_sketches(images.astype(np.uint8))
    with pytest.raises(ValueError, match=re.escape("Received: (2, 7, 8, 1)")):
        encoder.encode_sketches(images[:, :-1])
    described = {"fingerprint": "made", "kind": "litert", "files": {path.name: "0" * 64}}
    files.write_json(tmp_path / "encoder.json", described)
    with pytest.raises(InputError, match=r"expected the model that encoder\.json was written for; "):
        open_encoder(tmp_path)
    files.write_json(tmp_path / "encoder.json", {**described, "files": [1]})
    with pytest.raises(InputError, match='expected an object in "files"; found another value'):
        open_encoder(tmp_path)
    files.write_json(tmp_path / "encoder.json", {"fingerprint": "made", "kind": "litert"})
    files.write_json(tmp_path / "preprocessing.json", Preprocessing(9, 8).to_json())
    message = "expected images of (1, 9, 9, 1), as preprocessing.json says; found (1, 8, 8, 1)"
    with pytest.raises(InputError, match=re.escape(message)):
        open_encoder(tmp_path)
