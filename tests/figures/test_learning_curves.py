import numpy as np
import pytest
from PIL import Image

from tfsbir.figures import learning_curves
from tfsbir.figures.learning_curves import _said

BLUE, ORANGE = (0x1F, 0x4E, 0x79), (0xD9, 0x82, 0x2B)
STEPS = tuple(range(0, 101, 10))


@pytest.fixture
def runs():
    """Two methods, five runs each; the second learns twice as fast."""
    random = np.random.default_rng(0)

    def some(rate):
        return [
            (STEPS, np.clip(rate * np.array(STEPS) / 200 + random.normal(0, 0.01, 11), 0, 1))
            for _ in range(5)
        ]

    return {"random": some(1), "driven": some(2)}


def pixels(path, color):
    """Returns `(num, 2)` rows and columns of a colour in the picture."""
    return np.argwhere(np.all(np.asarray(Image.open(path).convert("RGB")) == color, axis=-1))


@pytest.mark.parametrize("target", [0.2, 0.4, 0.7, 1.0])
def test_when_the_mean_is_there(runs, tmp_path, target):
    reached = learning_curves(runs, tmp_path / "curves.png", target)
    assert list(reached) == ["random", "driven"]
    for method, some in runs.items():
        expected = None
        for place in reversed(range(len(STEPS))):
            if sum(values[place] for _, values in some) / 5 >= target:
                expected = STEPS[place]
        assert reached[method] == expected
    if target == 0.2:
        assert reached["driven"] <= 0.6 * reached["random"]


def test_a_single_run_and_no_target(tmp_path):
    runs = {"alone": [([5, 10], [0.1, 0.9])]}
    assert learning_curves(runs, tmp_path / "curve.png", metric="acc@10") == {"alone": None}
    assert learning_curves(runs, tmp_path / "with.png", 0.1) == {"alone": 5}
    assert len(pixels(tmp_path / "with.png", BLUE)) > len(pixels(tmp_path / "curve.png", BLUE))


def test_higher_is_drawn_higher(tmp_path):
    flat = {"low": [(STEPS, [0.2] * 11)] * 2, "high": [(STEPS, [0.8] * 11)] * 2}
    learning_curves(flat, tmp_path / "curves.png")
    low, high = (pixels(tmp_path / "curves.png", color) for color in (BLUE, ORANGE))
    assert np.median(high[:, 0]) < np.median(low[:, 0]) - 100


def test_what_is_said():
    reached = {"random": 200, "driven": 90, "bad": None, "$x$": 400}
    said = [_said(reached, method, "random", 0.125) for method in reached]
    assert said == [
        "reaches 12.5 % at step 200",
        "reaches 12.5 % at step 90, 45 % of random's",
        "never reaches 12.5 %",
        "reaches 12.5 % at step 400, 200 % of random's",
    ]
    for start in (None, 0):
        assert _said({"a": start, "b": 40}, "b", "a", 0.2) == "reaches 20 % at step 40"


def test_names_may_hold_anything(runs, tmp_path):
    runs = {"costs $10_ to $20^": runs["random"], "ä" * 60: runs["driven"]}
    learning_curves(runs, tmp_path / "curves.png", 0.3)
    assert (tmp_path / "curves.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("runs", "target", "message"),
    [
        ({}, None, r"`runs` must hold 1 to 6 methods\. Received: 0"),
        (
            {str(i): [([0], [0.5])] for i in range(7)},
            None,
            r"`runs` must hold 1 to 6 methods\. Received: 7",
        ),
        ({"a": [([0], [0.5])]}, 20, r"`target` must be in \(0, 1\]\. Received: 20"),
        ({"a": []}, None, r"`runs` must have rising steps, .* Received: a with \[\]"),
        ({"a": [([], [])]}, None, r"`runs` must have rising steps, .* Received: a with \[\[\]\]"),
        ({"a": [([1, 1], [0, 0])]}, None, r"`runs` must have rising steps, .* a with \[\[1, 1\]\]"),
        (
            {"a": [([1, 2], [0, 0]), ([1, 3], [0, 0])]},
            None,
            r"the same in all runs of a method\. Received: a with \[\[1, 2\], \[1, 3\]\]",
        ),
        (
            {"a": [([1, 2], [0.5])]},
            None,
            r"must have a value in \[0, 1\] for each of 2 steps\. Received: a with \[0\.5\]",
        ),
        ({"a": [([1, 2], [0.5, 50])]}, None, r"must have a value in \[0, 1\] .* a with \[0\.5, 50\]"),
        ({"a": [([1, 2], [0.5, float("nan")])]}, None, r"must have a value in \[0, 1\] .* \[0\.5, nan\]"),
    ],
)
def test_errors(tmp_path, runs, target, message):
    with pytest.raises(ValueError, match=message):
        learning_curves(runs, tmp_path / "curves.png", target)
    assert not list(tmp_path.iterdir())
