import numpy as np
import pytest
from PIL import Image

from tfsbir.figures import attribute_bars

PREDICTED, FREQUENCY = (0x1F, 0x4E, 0x79), (0xC9, 0xD3, 0xDE)
NAMES = ("laces", "zip", "heel")


def bar_lengths(path, color):
    """Returns the lengths of a colour's bars in px from top to bottom; those of the legend are shorter."""
    is_color = np.all(np.asarray(Image.open(path).convert("RGB")) == color, axis=-1)
    widths = is_color.sum(axis=1)
    lengths, row = [], 0
    while row < len(widths):
        end = row
        while end < len(widths) and widths[end] > 0:
            end += 1
        if end - row >= 3:
            lengths.append(int(widths[row:end].max()))
        row = end + 1
    return lengths[1:]


def test_bars_are_as_long_as_the_values(tmp_path):
    attribute_bars(NAMES, [0.8, 0.4, 1.0], [0.5, 0.1, 0.25], tmp_path / "bars.png")
    predicted, frequency = (bar_lengths(tmp_path / "bars.png", color) for color in (PREDICTED, FREQUENCY))
    full = predicted[2]
    assert full > 500
    np.testing.assert_allclose(np.array(predicted) / full, [0.8, 0.4, 1.0], atol=0.01)
    np.testing.assert_allclose(np.array(frequency) / full, [0.5, 0.1, 0.25], atol=0.01)


def test_the_greatest_gain_first(tmp_path):
    """Gains of 0.3, 0.3 and 0.75: of equal ones the first stays first."""
    attribute_bars(NAMES, [0.8, 0.4, 1.0], [0.5, 0.1, 0.25], tmp_path / "bars.png", is_sorted=True)
    predicted = np.array(bar_lengths(tmp_path / "bars.png", PREDICTED))
    np.testing.assert_allclose(predicted / predicted[0], [1.0, 0.8, 0.4], atol=0.01)


def test_runs_are_averaged(tmp_path):
    runs = np.array([[0.2, 0.5, 0.5], [0.6, 0.5, 1.0]])
    attribute_bars(NAMES, runs, [0.1, 0.1, 0.1], tmp_path / "runs.png")
    attribute_bars(NAMES, runs.mean(axis=0), [0.1, 0.1, 0.1], tmp_path / "mean.png")
    num_orange = {}
    for name in ("runs", "mean"):
        red, _, blue = np.moveaxis(np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB"), int), 2, 0)
        num_orange[name] = np.sum(red > blue + 60)  # Thin lines are mixed with what is behind them.
    assert num_orange["runs"] > 100
    assert num_orange["mean"] == 0
    # What is right of the bars moves with the lines, the bars do not.
    np.testing.assert_allclose(
        bar_lengths(tmp_path / "mean.png", FREQUENCY), bar_lengths(tmp_path / "runs.png", FREQUENCY), atol=1
    )


@pytest.mark.parametrize("is_sorted", [False, True])
def test_an_attribute_without_a_value_has_no_bars(tmp_path, is_sorted):
    path = tmp_path / "bars.png"
    attribute_bars(NAMES, [0.8, np.nan, 0.9], [0.5, np.nan, 0.45], path, is_sorted)
    expected = [0.9, 0.8] if is_sorted else [0.8, 0.9]
    predicted = bar_lengths(path, PREDICTED)
    np.testing.assert_allclose(predicted, np.array(expected) / 0.9 * max(predicted), rtol=0.01)
    assert len(bar_lengths(path, FREQUENCY)) == 2


def test_many_attributes_and_names_of_any_kind(tmp_path):
    """A "$" begins no formula, and what is long does not take the place of the bars."""
    names = ["costs $10_ to $20^", "x" * 500, *(f"attribute {i}" for i in range(38))]
    values = np.random.default_rng(0).random((2, 40))
    attribute_bars(names, values.max(axis=0), values.min(axis=0), tmp_path / "many.png")
    attribute_bars(NAMES, [0.8, 0.4, 1.0], [0.5, 0.1, 0.25], tmp_path / "few.png")
    many, few = (np.asarray(Image.open(tmp_path / f"{name}.png")).shape for name in ("many", "few"))
    assert many[0] - few[0] == pytest.approx(37 * 0.32 * 120, abs=2)
    lengths = bar_lengths(tmp_path / "many.png", PREDICTED)
    assert len(lengths) == 40
    assert max(lengths) > 0.5 * many[1]


@pytest.mark.parametrize(
    ("names", "values", "baseline", "message"),
    [
        (NAMES, [0.5, 0.5], [0.5] * 3, r"`average_precision` must have a value for each of 3 .*: \(1, 2\)"),
        (NAMES, [0.5] * 3, [0.5] * 2, r"`baseline` must have a value for each of 3 names\. Received: \(2,\)"),
        (NAMES, np.ones((2, 2, 3)), [0.5] * 3, r"`average_precision` must have .* Received: \(2, 2, 3\)"),
        (NAMES, [0.5] * 3, 0.5, r"`baseline` must have a value for each of 3 names\. Received: \(\)"),
        (NAMES, [0.5] * 3, [[0.5] * 3], r"`baseline` must have a value for each of 3 .*: \(1, 3\)"),
        ((), [], [], r"`average_precision` must have a value for each of 0 names"),
        (NAMES, [0.5, 1.5, 0], [0.5] * 3, r"`average_precision` must be in \[0, 1\]\. Received: .*1\.5"),
        (NAMES, [0.5] * 3, [0.5, -1, 0], r"`baseline` must be in \[0, 1\]\. Received: .*-1"),
        (NAMES, [np.nan] * 3, [0.5] * 3, r"`average_precision` must hold an attribute with a value\. .*NaN"),
    ],
)
def test_errors(tmp_path, names, values, baseline, message):
    with pytest.raises(ValueError, match=message):
        attribute_bars(names, values, baseline, tmp_path / "bars.png")
    assert not list(tmp_path.iterdir())
