import numpy as np
import pytest

from tfsbir.data.attribute_shares import attribute_shares


def test_equals_loops():
    attributes = np.random.default_rng(0).integers(-1, 2, (50, 6)).astype("int8")
    shares = attribute_shares(attributes)
    assert shares.dtype == np.float64
    for share, column in zip(shares, attributes.T.tolist(), strict=True):
        known = [value for value in column if value != -1]
        assert share == sum(known) / len(known)


def test_one_value_none_known_and_no_image():
    attributes = np.array([[1, 0, -1, -1], [1, -1, -1, 0]], "int8")
    np.testing.assert_array_equal(attribute_shares(attributes), [1, 0, np.nan, 0])
    np.testing.assert_array_equal(attribute_shares(np.zeros((0, 2), "int8")), [np.nan, np.nan])


@pytest.mark.parametrize(
    ("attributes", "error", "message"),
    [
        (None, ValueError, r"`attributes` must be \(num_images, num_attributes\). Received shape: \(\)"),
        ([1, 0], ValueError, r"\(num_images, num_attributes\). Received shape: \(2,\)"),
        ([[1.0]], TypeError, r"`attributes` must be of integers. Received: float64"),
        ([[1, 0], [0, 2]], ValueError, r"must be 1, 0 or -1 \(not known\). Received: 2 in row 1"),
        ([[-2, 0]], ValueError, r"must be 1, 0 or -1 \(not known\). Received: -2 in row 0"),
    ],
)
def test_errors(attributes, error, message):
    with pytest.raises(error, match=message):
        attribute_shares(attributes if attributes is None else np.array(attributes))
