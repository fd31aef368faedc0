"""One picture of many search results: the queries at the left, what they found in rank order."""

import dataclasses
import functools
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

WHITE = (255, 255, 255)
INK = (40, 40, 40)
FAINT_INK = (110, 110, 110)
TILE_EDGE = (214, 214, 214)
QUERY_PANEL = (238, 242, 248)
MATCH = (22, 145, 62)


@dataclasses.dataclass(frozen=True)
class Tile:
    """One result.

    Args:
        image: uint8 `(height, width)`, `(height, width, 1)` or `(height, width, 3)`.
        caption: One line below the image; its middle gives way to an ellipsis where it is too long.
        is_match: Whether this is the query's true match; it is framed in green.
    """

    image: np.ndarray
    caption: str = ""
    is_match: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """One query and its results, best first.

    Args:
        query: An image like a tile's, or None; where no row has one, the query column is left out.
        tiles: List of `Tile`.
        caption: One line below the query.
    """

    query: np.ndarray | None
    tiles: list[Tile]
    caption: str = ""


def contact_sheet(rows, columns=None, tile=128, title="", header=None):
    """Draws rows of a query and its results under a title row and a row of column names.

    Images keep their aspect and are centred on white squares. The title row explains the green frame
    where one is drawn.

    Args:
        rows: Sequence of `Row`, at least one, drawn from top to bottom.
        columns: Int >= 1, how many results of each row are drawn; None draws all of the longest row.
        tile: Int >= 32, side of an image in px.
        title: One line at the top left; empty leaves it out.
        header: Sequence of names of the result columns, at least `columns` of them; None names them by
            their ranks 1, 2, 3, ...
    Returns: `PIL.Image.Image`, RGB.
    Raises: `ValueError` for no rows, `columns` < 1, `tile` < 32, a short `header` or an image that is not
        of a tile's dtype and shape.
    """
    rows = list(rows)
    if not rows:
        raise ValueError("`rows` must hold at least one row. Received: 0 rows")
    if columns is None:
        columns = max(len(row.tiles) for row in rows)
    if columns < 1:
        raise ValueError(f"`columns` must be >= 1. Received: {columns}")
    if tile < 32:
        raise ValueError(f"`tile` must be >= 32. Received: {tile}")
    if header is None:
        header = [str(rank) for rank in range(1, columns + 1)]
    if len(header) < columns:
        raise ValueError(f"`header` must name {columns} columns. Received: {len(header)} names")

    gap = max(6, tile // 12)
    margin = 2 * gap
    small, large = _font(max(10, tile // 11)), _font(max(13, tile // 8), bold=True)
    bold = _font(small.size, bold=True)
    line = int(1.5 * small.size)
    has_queries = any(row.query is not None for row in rows)
    is_framed = any(result.is_match for row in rows for result in row.tiles[:columns])
    title_height = int(1.8 * large.size) if title or is_framed else 0

    first = margin + (tile + 2 * gap if has_queries else 0)  # Left edge of the first result.
    width = first + columns * (tile + gap) - gap + margin
    header_top = margin + title_height
    rows_top = header_top + line + gap // 2
    row_height = tile + line + gap
    height = rows_top + len(rows) * row_height - gap + margin

    sheet = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(sheet)
    if title_height:
        _draw_title(draw, title, is_framed, (margin, margin, width - margin), large, small)
    if has_queries:
        panel = (margin - gap, header_top - gap // 2, margin + tile + gap, height - margin + gap)
        draw.rounded_rectangle(panel, radius=gap, fill=QUERY_PANEL)
        _draw_centered(draw, "query", margin, header_top, tile, bold, INK)
    for column, name in enumerate(header[:columns]):
        _draw_centered(draw, name, first + column * (tile + gap), header_top, tile, bold, INK)

    for index, row in enumerate(rows):
        top = rows_top + index * row_height
        if row.query is not None:
            _draw_tile(sheet, draw, Tile(row.query), margin, top, tile)
            _draw_centered(draw, row.caption, margin, top + tile + line // 5, tile, small, FAINT_INK)
        for column, result in enumerate(row.tiles[:columns]):
            left = first + column * (tile + gap)
            _draw_tile(sheet, draw, result, left, top, tile)
            font, color = (bold, MATCH) if result.is_match else (small, FAINT_INK)
            _draw_centered(draw, result.caption, left, top + tile + line // 5, tile, font, color)
    return sheet


def _draw_title(draw, title, is_framed, span, large, small):
    left, top, right = span
    if is_framed:
        legend, side = "true match", small.size
        legend_left = right - int(small.getlength(legend))
        middle = top + large.size // 2
        draw.text((legend_left, middle), legend, font=small, fill=FAINT_INK, anchor="lm")
        right = legend_left - int(1.5 * side)
        draw.rectangle((right, middle - side // 2, right + side, middle + side // 2), outline=MATCH, width=3)
        right -= side
    draw.text(
        (left, top + large.size // 2), _shorten(title, large, right - left), font=large, fill=INK, anchor="lm"
    )


def _draw_tile(sheet, draw, result, left, top, tile):
    image = _as_rgb(result.image)
    scale = tile / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    image = image.resize(size, Image.Resampling.LANCZOS)
    draw.rectangle((left, top, left + tile - 1, top + tile - 1), fill=WHITE)
    sheet.paste(image, (left + (tile - size[0]) // 2, top + (tile - size[1]) // 2))
    # The match's frame grows outwards too, so that it hides as little as possible of the image.
    if result.is_match:
        outset = max(2, tile // 48)
        box = (left - outset, top - outset, left + tile - 1 + outset, top + tile - 1 + outset)
        draw.rectangle(box, outline=MATCH, width=2 * outset)
    else:
        draw.rectangle((left, top, left + tile - 1, top + tile - 1), outline=TILE_EDGE)


def _draw_centered(draw, text, left, top, width, font, color):
    text = _shorten(text, font, width)
    draw.text((left + width / 2, top), text, font=font, fill=color, anchor="ma")


def _shorten(text, font, width):
    # A file name may hold line breaks or bytes that are not text; a caption is one printable line.
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    if font.getlength(text) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        tail = kept // 2  # A file name tells most at its ends.
        shorter = text[: kept - tail] + "…" + text[len(text) - tail :]
        if font.getlength(shorter) <= width:
            return shorter
    return ""


def _as_rgb(image):
    image = np.asarray(image)
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or channels not in (1, 3) or image.size == 0:
        raise ValueError(
            "`image` must be uint8 of shape (height, width), (height, width, 1) or (height, width, 3). "
            f"Received: {image.dtype} {image.shape}"
        )
    return Image.fromarray(image.squeeze(2) if image.ndim == 3 and channels == 1 else image).convert("RGB")


@functools.cache
def _font(size, bold=False):
    # Matplotlib brings DejaVu Sans along, which has Latin, Greek and Cyrillic letters.
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)
