"""What two models' rankings look like below each other, and what is refused."""

import importlib
import re

import numpy as np
import pytest
from scipy import ndimage

from tfsbir.figures import compared_results, overlay
from tfsbir.figures.contact_sheet import MATCH

QUERIES = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 1), np.uint8)
MAPS = np.random.default_rng(1).dirichlet(np.ones(49), 2).reshape(2, 7, 7)
PHOTOS = np.stack([np.full((64, 64, 3), 20 * i, np.uint8) for i in range(5)])
DISTANCES = np.float32([
    [[0.5, 0.1, 0.3, 0.2, 0.4], [0.2, 0.2, 0.1, 0.2, 0.3]],
    [[0.1, 0.9, 0.3, 0.2, 0.4], [-1.0, 0.2, 0.0, -2.0, 0.3]],
])  # fmt: skip
ARGUMENTS = {
    "queries": QUERIES,
    "attention": MAPS,
    "photos": PHOTOS,
    "true_photos": [1, 3],
    "distances": DISTANCES,
    "image_size": 56,
}


def drawn_rows(monkeypatch, **kwargs):
    module = importlib.import_module("tfsbir.figures.compared_results")
    monkeypatch.setattr(module, "contact_sheet", lambda rows, **_: rows)
    return compared_results(**{**ARGUMENTS, **kwargs})


def test_rows_are_the_rankings_of_one_model_and_the_other(monkeypatch):
    rows = drawn_rows(monkeypatch, names=("new", "base"), photo_captions=list("abcde"), stride=7)
    ranked = ["".join(tile.caption for tile in row.tiles) for row in rows]
    # Of equally near photos, a, b and d here, the earlier one is first. Distances may be negative.
    assert ranked == ["bdcea", "adceb", "cabde", "dacbe"]
    assert [row.caption for row in rows] == ["new: rank 1", "base: rank 5", "new: rank 4", "base: rank 1"]
    matches = [[tile.caption for tile in row.tiles if tile.is_match] for row in rows]
    assert matches == [["b"], ["b"], ["d"], ["d"]]
    for row in rows:
        for tile in row.tiles:
            np.testing.assert_array_equal(tile.image, PHOTOS["abcde".index(tile.caption)])
    for query in range(2):
        attended = overlay(QUERIES[query], MAPS[query], 56, 7)
        np.testing.assert_array_equal(rows[2 * query].query, attended)
        np.testing.assert_array_equal(rows[2 * query + 1].query, QUERIES[query])


def test_a_rank_beyond_the_drawn_results_is_told(monkeypatch):
    rows = drawn_rows(monkeypatch, num_results=2)
    assert [len(row.tiles) for row in rows] == [2] * 4
    assert rows[1].caption == "other: rank 5" and not any(tile.is_match for tile in rows[1].tiles)


def test_the_sheet_frames_the_true_matches():
    sheet = np.asarray(compared_results(**ARGUMENTS, tile=64, title="Two models"))
    labels, _ = ndimage.label((sheet == MATCH).all(axis=-1))
    frames = [(rows.start, columns.start) for rows, columns in ndimage.find_objects(labels)]
    (first, one), (second, five), (third, four), (fourth, also_one) = sorted(frames)[
        1:
    ]  # Behind the legend's.
    assert first < second < third < fourth
    assert one == also_one < four < five  # The ranks of the true matches.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"queries": QUERIES[:0]}, "`queries` must hold at least one image. Received: 0 images"),
        ({"attention": MAPS[:1]}, "`attention` must be as many as `queries`, 2. Received: 1"),
        ({"true_photos": [1]}, "`true_photos` must be as many as `queries`, 2. Received: 1"),
        ({"true_photos": [1, 5]}, "`true_photos` must be in 0..4. Received: 5"),
        ({"true_photos": [-1, 1]}, "`true_photos` must be in 0..4. Received: -1"),
        ({"photo_captions": ["a"]}, "`photo_captions` must be as many as `photos`, 5. Received: 1"),
        ({"num_results": 0}, "`num_results` must be >= 1. Received: 0"),
        (
            {"names": ["ours"]},
            "`distances` and `names` must be of two models. Received: 2 arrays and 1 names",
        ),
        (
            {"distances": DISTANCES[:1]},
            "`distances` and `names` must be of two models. Received: 1 arrays and 2 names",
        ),
        (
            {"distances": DISTANCES[:, :, :4]},
            "`distances` must have the shape (2, 5) for each model. Received: (2, 4)",
        ),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        compared_results(**{**ARGUMENTS, **arguments})
