import numpy as np
import pytest
from PIL import Image

from tfsbir.figures import metric_sweep

BLUE, ORANGE = (0x1F, 0x4E, 0x79), (0xD9, 0x82, 0x2B)
SETTINGS = (0.25, 0.5, 1.0, 2.0, 4.0)


def rows(path, color):
    """Returns the rows of the pixels of a colour, above the legend."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB"), np.int16)[:-40]
    # Not the edges of letters, which are grey.
    is_near = (np.abs(pixels - color).max(axis=-1) < 60) & (np.ptp(pixels, axis=-1) > 50)
    return np.nonzero(is_near)[0]


def test_higher_is_drawn_higher_and_spread_is_a_line(tmp_path):
    flat = {"low $1_": {one: [0.2] for one in SETTINGS}, "high": {one: [0.8] for one in SETTINGS}}
    metric_sweep(flat, tmp_path / "flat.png", "weight (alpha)", 2.0)
    low, high = rows(tmp_path / "flat.png", BLUE), rows(tmp_path / "flat.png", ORANGE)
    assert high.max() + 100 < low.min()
    assert np.ptp(high) < 15  # A level line and its marks.
    spread = {**flat, "high": {one: [0.6, 0.8, 1.0] for one in SETTINGS}}
    metric_sweep(spread, tmp_path / "spread.png", "weight (alpha)")
    assert np.ptp(rows(tmp_path / "spread.png", ORANGE)) > 100


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, r"`curves` must be 1 to 6\. Received: 0"),
        ({str(i): {1.0: [0.5]} for i in range(7)}, r"`curves` must be 1 to 6\. Received: 7"),
        ({"a": {}}, r"`curves` must have values of the setting, finite and > 0\. Received: a with \[\]"),
        ({"a": {0: [0.5]}}, r"finite and > 0\. Received: a with \[0\]"),
        (
            {"a": {1.0: []}},
            r"a metric in \[0, 1\] of one run or more at each value\. Received: a with \[\] at",
        ),
        ({"a": {1.0: [41.1]}}, r"`curves` must have a metric in \[0, 1\] .* a with \[41\.1\] at 1\.0"),
    ],
)
def test_errors(tmp_path, curves, message):
    with pytest.raises(ValueError, match=message):
        metric_sweep(curves, tmp_path / "sweep.png", "alpha")
    assert not list(tmp_path.iterdir())
