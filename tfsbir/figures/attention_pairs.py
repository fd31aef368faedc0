"""Where a model looks in a sketch and in its photo, side by side."""

from tfsbir.figures.contact_sheet import Row, Tile, contact_sheet
from tfsbir.figures.overlay import attention_peak, overlay

HEADER = ("sketch", "attention", "photo", "attention")


def attention_pairs(
    sketches,
    photos,
    sketch_attention,
    photo_attention,
    image_size,
    captions=None,
    stride=None,
    pairs_in_row=2,
    tile=144,
    title="",
):
    """Draws pairs of a sketch and its photo, each beside itself with its attention map on it.

    Below a map stands its peak in multiples of a uniform map; `overlay` says what the colours mean.

    Args:
        sketches: `(num_pairs, height, width, channels)` uint8, or a sequence of such images; at least one.
        photos: The same for the photos, or their edge maps; photo `i` belongs to sketch `i`.
        sketch_attention: `(num_pairs, rows, columns)` floats >= 0, a map for each sketch.
        photo_attention: `(num_pairs, rows, columns)` floats >= 0, a map for each photo.
        image_size: Int, side of the centre crop that the encoders see, px.
        captions: Sequence of one line for each pair, below the sketch; None leaves them out.
        stride: Float, px of the crop between neighbouring places, or None; see `overlay`.
        pairs_in_row: Int >= 1, pairs side by side.
        tile: Int >= 32, side of an image in px.
        title: One line at the top left; empty leaves it out.
    Returns: `PIL.Image.Image`, RGB.
    Raises: `ValueError` if there is no pair, numbers differ, `pairs_in_row` < 1, and what `overlay` and
        `contact_sheet` raise.
    Source: Song et al., "Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval",
        ICCV 2017, Fig. 4.
    """
    num_pairs = len(sketches)
    if num_pairs < 1:
        raise ValueError("`sketches` must hold at least one image. Received: 0 images")
    captions = [""] * num_pairs if captions is None else captions
    others = {
        "photos": photos,
        "sketch_attention": sketch_attention,
        "photo_attention": photo_attention,
        "captions": captions,
    }
    for name, values in others.items():
        if len(values) != num_pairs:
            raise ValueError(f"`{name}` must be as many as `sketches`, {num_pairs}. Received: {len(values)}")
    if pairs_in_row < 1:
        raise ValueError(f"`pairs_in_row` must be >= 1. Received: {pairs_in_row}")

    def with_attention(image, attention):
        caption = f"peak {attention_peak(attention):.1f} × uniform"  # noqa: RUF001
        return Tile(overlay(image, attention, image_size, stride), caption)

    tiles = []
    for index in range(num_pairs):
        tiles += [
            Tile(sketches[index], captions[index]),
            with_attention(sketches[index], sketch_attention[index]),
            Tile(photos[index]),
            with_attention(photos[index], photo_attention[index]),
        ]
    columns = len(HEADER) * pairs_in_row
    rows = [Row(None, tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    return contact_sheet(rows, tile=tile, title=title, header=HEADER * pairs_in_row)
