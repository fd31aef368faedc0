"""Layout and errors of the contact sheet."""

import numpy as np
import pytest

from tfsbir.figures import Row, Tile, contact_sheet
from tfsbir.figures.contact_sheet import MATCH, QUERY_PANEL

RED, BLUE = (200, 0, 0), (0, 0, 200)


def square(color, size=64):
    return np.full((size, size, 3), color, np.uint8)


def columns_with(sheet, color):
    """Returns the x positions where a color occurs in a sheet."""
    return np.flatnonzero((np.asarray(sheet) == color).all(axis=-1).any(axis=0))


def rows_with(sheet, color):
    return np.flatnonzero((np.asarray(sheet) == color).all(axis=-1).any(axis=1))


def test_query_stands_left_of_its_results_in_rank_order():
    sheet = contact_sheet([Row(square((9, 9, 9)), [Tile(square(RED)), Tile(square(BLUE))])], tile=64)
    assert sheet.mode == "RGB"
    query, first, second = (columns_with(sheet, color) for color in ((9, 9, 9), RED, BLUE))
    assert query.max() < first.min() <= first.max() < second.min()
    assert len(first) == len(second) == 62  # The tile's side less its edge.


def test_rows_stand_one_below_the_other():
    sheet = contact_sheet([Row(square(color), [Tile(square(color))]) for color in (RED, BLUE)], tile=64)
    assert rows_with(sheet, RED).max() < rows_with(sheet, BLUE).min()


def test_only_the_true_match_is_framed_and_the_title_row_says_so():
    plain = contact_sheet([Row(square(RED), [Tile(square(RED)), Tile(square(BLUE))])], tile=64)
    assert len(columns_with(plain, MATCH)) == 0
    framed = contact_sheet(
        [Row(square(RED), [Tile(square(RED)), Tile(square(BLUE), is_match=True)])], tile=64
    )
    assert framed.height > plain.height  # The legend needs a title row.
    below = framed.crop((0, framed.height - 64, framed.width, framed.height))
    frame, tile = columns_with(below, MATCH), columns_with(below, BLUE)
    assert frame.min() < tile.min() and tile.max() < frame.max()
    assert frame.min() > columns_with(below, RED).max()


def test_columns_limits_the_results_that_are_drawn():
    row = Row(square(RED), [Tile(square(BLUE))] * 5)
    assert contact_sheet([row], columns=2).width < contact_sheet([row]).width
    assert contact_sheet([row], columns=5).size == contact_sheet([row]).size


def test_without_queries_the_query_column_is_left_out():
    tiles = [Tile(square(RED)), Tile(square(BLUE))]
    with_query = contact_sheet([Row(square(RED), tiles)])
    without = contact_sheet([Row(None, tiles)], header=["sketch", "photo"])
    assert without.width < with_query.width
    assert len(columns_with(without, QUERY_PANEL)) == 0


def test_images_of_every_form_keep_their_aspect():
    wide = np.full((20, 80), 0, np.uint8)
    sheet = contact_sheet([Row(None, [Tile(wide), Tile(wide[..., None])])], tile=64)
    black = (np.asarray(sheet) == 0).all(axis=-1)
    assert black.sum(axis=0).max() == 16  # 64 px wide, so 16 px high.


def test_a_caption_of_any_text_and_length_is_drawn():
    caption = "sapato/кроссовки/" + "x" * 300 + "\n\udcff.png"
    short, long = (
        contact_sheet([Row(square(RED), [Tile(square(BLUE), text)], text)], title=text)
        for text in ("a", caption)
    )
    assert short.size == long.size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": []}, "`rows` must hold at least one row. Received: 0 rows"),
        ({"columns": 0}, "`columns` must be >= 1. Received: 0"),
        ({"tile": 31}, "`tile` must be >= 32. Received: 31"),
        ({"header": ["one"]}, "`header` must name 2 columns. Received: 1 names"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    rows = [Row(square(RED), [Tile(square(BLUE))] * 2)]
    with pytest.raises(ValueError, match=f"^{message}$"):
        contact_sheet(**{"rows": rows, **arguments})


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 2), np.uint8), np.uint8(3)])
def test_an_image_of_another_form_is_refused(image):
    with pytest.raises(ValueError, match="`image` must be uint8"):
        contact_sheet([Row(None, [Tile(image)])])
