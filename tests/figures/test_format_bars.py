import re

import numpy as np
import pytest
from PIL import Image

from tfsbir.figures import format_bars


def test_bars_are_as_long_as_their_values_and_a_missing_one_is_left_out(tmp_path):
    format_bars(["a", "b", "c"], {"MB": [3.0, 1.5, None]}, tmp_path / "bars.png")
    is_bar = np.abs(pixels(tmp_path / "bars.png") - [0x1F, 0x4E, 0x79]).sum(-1) < 12
    rows = np.flatnonzero(is_bar.any(axis=1))
    bars = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    lengths = [is_bar[bar[len(bar) // 2]].sum() for bar in bars]
    assert len(lengths) == 2
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=4)


def pixels(path, mode="RGB"):
    with Image.open(path) as image:
        return np.asarray(image.convert(mode)).astype(int)


def test_spreads_have_whiskers_and_panels_stand_side_by_side(tmp_path):
    one = {"ms": [(1.0, 2.0, 4.0), (1.0, 1.0, 1.0)]}
    format_bars(["a", "b"], one, tmp_path / "one.png")
    format_bars(["a", "b"], {**one, "$MB": [1.0, 2.0]}, tmp_path / "two.png", title="$5")
    assert pixels(tmp_path / "two.png").shape[1] > pixels(tmp_path / "one.png").shape[1]
    format_bars(["a", "b"], {"ms": [2.0, 1.0]}, tmp_path / "plain.png")
    dark, plain = ((pixels(tmp_path / f"{name}.png", "L") < 60).sum() for name in ("one", "plain"))
    assert dark > plain


@pytest.mark.parametrize(
    ("formats", "panels", "message"),
    [
        ([], {"MB": []}, "`formats` must hold at least one name. Received: none"),
        (["a"], {}, "`panels` must be 1 to 6. Received: 0"),
        (
            ["a"],
            {"MB": [1.0, 2.0]},
            "`panels` must have 1 finite values >= 0 each. Received: MB with [1.0, 2.0]",
        ),
        (["a"], {"MB": [-1.0]}, "Received: MB with [-1.0]"),
        (["a"], {"MB": [float("nan")]}, "Received: MB with [nan]"),
    ],
)
def test_other_arguments_are_refused(tmp_path, formats, panels, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        format_bars(formats, panels, tmp_path / "bars.png")
    assert not list(tmp_path.iterdir())
