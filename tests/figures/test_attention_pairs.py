"""What stands where on the sheet of pairs, and what is refused."""

import importlib
import re

import numpy as np
import pytest

from tfsbir.figures import attention_pairs, overlay

BLUE, RED = (0, 0, 200), (200, 0, 0)
MAPS = np.random.default_rng(0).dirichlet(np.ones(49), 6).reshape(2, 3, 7, 7).astype(np.float32)


def images(color, number=3):
    return np.full((number, 64, 64, 3), color, np.uint8)


def drawn_rows(monkeypatch, *args, **kwargs):
    """Returns the rows that the sheet is made of, and its other arguments."""
    module = importlib.import_module("tfsbir.figures.attention_pairs")
    monkeypatch.setattr(module, "contact_sheet", lambda rows, **others: (rows, others))
    return attention_pairs(*args, **kwargs)


def test_a_sketch_stands_left_of_its_photo_and_each_left_of_its_map():
    arguments = images(BLUE, 1), images(RED, 1), MAPS[0, :1], MAPS[1, :1]
    sheet = np.asarray(attention_pairs(*arguments, image_size=56, pairs_in_row=1, tile=64))
    left = []
    for color in (
        BLUE,
        overlay(images(BLUE)[0], MAPS[0, 0], 56)[2, 2],
        RED,
        overlay(images(RED)[0], MAPS[1, 0], 56)[2, 2],
    ):
        left.append(np.flatnonzero((sheet == color).all(axis=-1).sum(axis=0) > 2).min())
    assert left == sorted(left) and np.all(np.diff(left) > 60)


def test_every_pair_has_its_own_maps_peaks_and_caption(monkeypatch):
    rows, others = drawn_rows(
        monkeypatch, images(BLUE), images(RED), *MAPS, 56, ["a", "b", "c"], stride=7, tile=40, title="T"
    )
    assert [len(row.tiles) for row in rows] == [8, 4]
    assert others == {"tile": 40, "title": "T", "header": ("sketch", "attention", "photo", "attention") * 2}
    tiles = [tile for row in rows for tile in row.tiles]
    assert [tile.caption for tile in tiles[::4]] == ["a", "b", "c"]
    for index in range(3):
        for place, color in ((0, BLUE), (1, RED)):
            plain, attended = tiles[4 * index + 2 * place : 4 * index + 2 * place + 2]
            np.testing.assert_array_equal(plain.image, images(color)[0])
            np.testing.assert_array_equal(
                attended.image, overlay(images(color)[0], MAPS[place, index], 56, 7)
            )
            peak = MAPS[place, index].max() * 49
            assert re.fullmatch(rf"peak {peak:.1f} . uniform", attended.caption)


def test_sketches_and_photos_may_differ_in_channels_and_maps_in_size():
    sheet = attention_pairs(
        images(BLUE)[..., :1], images(RED), MAPS[0], np.ones((3, 4, 5)), 64, pairs_in_row=3, tile=32
    )
    assert sheet.mode == "RGB" and sheet.width > 12 * 32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sketches": images(BLUE, 0)}, "`sketches` must hold at least one image. Received: 0 images"),
        ({"photos": images(RED, 2)}, "`photos` must be as many as `sketches`, 3. Received: 2"),
        (
            {"sketch_attention": MAPS[0, :1]},
            "`sketch_attention` must be as many as `sketches`, 3. Received: 1",
        ),
        ({"photo_attention": MAPS[0, :1]}, "`photo_attention` must be as many as `sketches`, 3. Received: 1"),
        ({"captions": ["a"]}, "`captions` must be as many as `sketches`, 3. Received: 1"),
        ({"pairs_in_row": 0}, "`pairs_in_row` must be >= 1. Received: 0"),
        ({"image_size": 65}, "`image_size` must be in 1..64, the image's shorter side. Received: 65"),
        ({"tile": 31}, "`tile` must be >= 32. Received: 31"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    pairs = {
        "sketches": images(BLUE),
        "photos": images(RED),
        "sketch_attention": MAPS[0],
        "photo_attention": MAPS[1],
        "image_size": 56,
    }
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        attention_pairs(**{**pairs, **arguments})
