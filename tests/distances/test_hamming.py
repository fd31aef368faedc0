"""The distance of binary codes against counting their bits."""

import faiss
import keras
import numpy as np
import pytest
from keras import ops

from tests.common_backends import MODES, dtype_of, with_open_sizes
from tfsbir.distances import Hamming


def codes(num, num_bytes=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num, num_bytes), np.uint8)


def counted(sketch, photo):
    """Returns how many bits differ, for every sketch and every photo."""
    as_int = [[int.from_bytes(code.tobytes(), "big") for code in side] for side in (sketch, photo)]
    return [[(one ^ other).bit_count() for other in as_int[1]] for one in as_int[0]]


@pytest.mark.parametrize("mode", MODES)
def test_bits_are_counted(mode):
    sketch, photo = codes(6), codes(5, seed=1)
    photo[0] = sketch[0]
    photo[1] = ~sketch[0]
    run = MODES[mode]
    tensors = ops.convert_to_tensor(sketch), ops.convert_to_tensor(photo)
    found = run(Hamming().pairwise)(*tensors)
    assert dtype_of(found) == "float32"
    np.testing.assert_array_equal(found, counted(sketch, photo))
    rows = run(Hamming())((tensors[0][:5], tensors[1]))
    np.testing.assert_array_equal(rows, np.diagonal(counted(sketch, photo)))
    assert rows[0] == 0
    assert found[0, 1] == 24


def test_an_inner_product_index_finds_what_a_binary_one_does():
    layer, sketch, photo = Hamming(), codes(10, 8), codes(40, 8, seed=1)
    lifted = np.asarray(layer.lift_photo(photo))
    np.testing.assert_array_equal(lifted, 2.0 * np.unpackbits(photo, axis=1) - 1)
    index, binary = faiss.IndexFlatIP(64), faiss.IndexBinaryFlat(64)
    index.add(lifted)
    binary.add(photo)
    products, _ = index.search(np.asarray(layer.lift_query(sketch)), 40)
    np.testing.assert_array_equal(layer.distance_of(sketch, products), binary.search(sketch, 40)[0])


def test_of_no_photos_of_an_unknown_number_and_in_bfloat16():
    layer, sketch, photo = Hamming(dtype="mixed_bfloat16"), codes(3, 40), codes(2, 40, seed=1)
    assert layer.pairwise(sketch, photo[:0]).shape == (3, 0)
    specs = (("sketches", 40), "uint8"), (("photos", 40), "uint8")
    found = with_open_sizes(layer.pairwise, *specs)(sketch, photo)
    np.testing.assert_array_equal(found, counted(sketch, photo))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    np.testing.assert_array_equal(again.pairwise(sketch, photo), found)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: Hamming().lift_query(codes(2).astype("float32")), TypeError,
            r"`sketch` must be codes of uint8, 8 bits a byte\. Received: float32",
        ),
        (
            lambda: Hamming().lift_photo(codes(2).astype("int64")), TypeError,
            r"`photo` must be codes of uint8, 8 bits a byte\. Received: int64",
        ),
        (
            lambda: Hamming().lift_query(codes(2)[0]), ValueError,
            r"`sketch` must have the shape \(num, num_bytes\)\. Received: \(3,\)",
        ),
        (
            lambda: Hamming().pairwise(codes(2), codes(2, 2)), ValueError,
            r"`sketch` and `photo` must have the same dim\. Received shapes: \(2, 24\) and \(2, 16\)",
        ),
        (
            lambda: Hamming()((codes(2), codes(3))), ValueError,
            r"`sketch` and `photo` must have the same batch\. Received shapes: \(2, 24\) and \(3, 24\)",
        ),
        (
            lambda: Hamming().distance_of(codes(2), np.zeros(2)), ValueError,
            r"`inner_product` must be 2-D with a row for every sketch",
        ),
    ],
)  # fmt: skip
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
