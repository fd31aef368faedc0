"""What two models find for the same queries, and where the first one looks."""

import numpy as np

from tfsbir.figures.contact_sheet import Row, Tile, contact_sheet
from tfsbir.figures.overlay import overlay


def compared_results(
    queries,
    attention,
    photos,
    true_photos,
    distances,
    image_size,
    names=("ours", "other"),
    photo_captions=None,
    stride=None,
    num_results=8,
    tile=128,
    title="",
):
    """Draws two rows for each query: what one model ranks first, and below it what another does.

    In the upper row the first model's attention lies on the query; `overlay` says what the colours mean.
    True matches are framed, and below a query stands the model's name with the rank it gives the true
    match, which may be beyond the results that are drawn. Of equally distant photos, the earlier one is
    ranked first.

    Args:
        queries: `(num_queries, height, width, channels)` uint8, or a sequence of such images; at least one.
        attention: `(num_queries, rows, columns)` floats >= 0, the first model's maps.
        photos: The gallery's images, uint8; only those drawn are read.
        true_photos: `(num_queries,)` ints, each query's true match as an index of `photos`.
        distances: Two arrays `(num_queries, num_photos)`, of the first model and of the other.
        image_size: Int, side of the centre crop that the first model sees, px.
        names: The two models' names, short.
        photo_captions: Sequence of one line for each photo; None leaves them out.
        stride: Float, px of the crop between neighbouring places, or None; see `overlay`.
        num_results: Int >= 1, results that are drawn of each ranking, at most all photos.
        tile: Int >= 32, side of an image in px.
        title: One line at the top left; empty leaves it out.
    Returns: `PIL.Image.Image`, RGB.
    Raises: `ValueError` if there is no query, numbers or shapes differ, a true match is no photo,
        `num_results` < 1, and what `overlay` and `contact_sheet` raise.
    Source: Song et al., "Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval",
        ICCV 2017, Fig. 5.
    """
    num_queries, num_photos = len(queries), len(photos)
    if num_queries < 1:
        raise ValueError("`queries` must hold at least one image. Received: 0 images")
    for name, values in {"attention": attention, "true_photos": true_photos}.items():
        if len(values) != num_queries:
            raise ValueError(f"`{name}` must be as many as `queries`, {num_queries}. Received: {len(values)}")
    if photo_captions is not None and len(photo_captions) != num_photos:
        raise ValueError(
            f"`photo_captions` must be as many as `photos`, {num_photos}. Received: {len(photo_captions)}"
        )
    if num_results < 1:
        raise ValueError(f"`num_results` must be >= 1. Received: {num_results}")
    for index in true_photos:
        if not 0 <= index < num_photos:
            raise ValueError(f"`true_photos` must be in 0..{num_photos - 1}. Received: {index}")
    if len(distances) != 2 or len(names) != 2:
        raise ValueError(
            "`distances` and `names` must be of two models. "
            f"Received: {len(distances)} arrays and {len(names)} names"
        )
    distances = [np.asarray(one) for one in distances]
    for one in distances:
        if one.shape != (num_queries, num_photos):
            raise ValueError(
                f"`distances` must have the shape {(num_queries, num_photos)} for each model. "
                f"Received: {one.shape}"
            )

    rows = []
    for query, true_photo in enumerate(true_photos):
        attended = overlay(queries[query], attention[query], image_size, stride)
        for image, name, one in zip((attended, queries[query]), names, distances, strict=True):
            ranked = np.argsort(one[query], kind="stable")
            tiles = [
                Tile(photos[index], photo_captions[index] if photo_captions else "", index == true_photo)
                for index in ranked[:num_results]
            ]
            rank = 1 + int(np.flatnonzero(ranked == true_photo)[0])
            rows.append(Row(image, tiles, f"{name}: rank {rank}"))
    return contact_sheet(rows, tile=tile, title=title)
