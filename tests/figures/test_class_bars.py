import numpy as np
import pytest
from PIL import Image

from tfsbir.figures import class_bars

BLUE, ORANGE = (0x1F, 0x4E, 0x79), (0xD9, 0x82, 0x2B)
NAMES = ("bat", "cow", "door")


def is_color(path, color):
    return np.all(np.asarray(Image.open(path).convert("RGB")) == color, axis=-1)


def bar_lengths(path):
    """Returns the lengths of the bars in px from top to bottom."""
    widths = np.concatenate([is_color(path, BLUE).sum(axis=1), [0]])
    ends = np.flatnonzero(np.diff((widths > 0).astype(int)))
    return [int(widths[first + 1 : last + 1].max()) for first, last in ends.reshape(-1, 2)]


def test_the_greatest_is_at_the_top_and_what_is_unknown_has_no_bar(tmp_path):
    class_bars(NAMES, [0.1, np.nan, 0.4], tmp_path / "bars.png", "mAP@all")
    longest, shortest = bar_lengths(tmp_path / "bars.png")
    assert longest > 300
    assert shortest / longest == pytest.approx(0.25, abs=0.01)
    assert not is_color(tmp_path / "bars.png", ORANGE).any()


def test_the_mean_is_a_line(tmp_path):
    class_bars(NAMES, [0.1, 0.2, 0.4], tmp_path / "bars.png", "mAP@all", mean=0.3)
    columns = np.flatnonzero(is_color(tmp_path / "bars.png", ORANGE).sum(axis=0) > 20)
    bars = np.flatnonzero(is_color(tmp_path / "bars.png", BLUE).any(axis=0))
    assert 1 <= len(columns) <= 3
    assert (columns.mean() - bars.min()) / np.ptp(bars) == pytest.approx(0.75, abs=0.02)


def test_many_names_of_any_kind_and_values_of_nothing(tmp_path):
    class_bars(
        ["costs $10_ to $20^", "x" * 500, *map(str, range(38))], np.zeros(40), tmp_path / "many.png", "$"
    )
    class_bars(NAMES, np.zeros(3), tmp_path / "few.png", "mAP@all")
    many, few = (len(np.asarray(Image.open(tmp_path / f"{name}.png"))) for name in ("many", "few"))
    assert many - few == pytest.approx(37 * 0.24 * 120, abs=2)


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        (NAMES, [0.5, 0.5], r"`values` must be one for each of 3 names\. Received: \(2,\)"),
        ((), [], r"`values` must be one for each of 0 names\. Received: \(0,\)"),
        (NAMES, [0.5, 1.5, 0], r"`values` must be in \[0, 1\]\. Received: .*1\.5"),
        (NAMES, [np.nan] * 3, r"`values` must hold a value\. Received: NaN alone"),
    ],
)
def test_errors(tmp_path, names, values, message):
    with pytest.raises(ValueError, match=message):
        class_bars(names, values, tmp_path / "bars.png", "mAP@all")
    assert not list(tmp_path.iterdir())
