"""From what is searched for to the answer: encoding, searching, and saying what matched."""

import asyncio
import re
import urllib.parse

from tfsbir.web.messages import SearchAnswer


async def answer_search(served, batcher, measures, gallery, wanted, image):
    """Encodes where there is something to encode, searches, and says what matched where that is wanted.

    Args:
        served: `ServedGallery`.
        batcher: `Batcher` of its encoder.
        measures: `Measures`.
        gallery: `Gallery` to search, as it was when the request came.
        wanted: `SearchRequest`; its `vector` is float32 `(dim,)`, or None where there is an image.
        image: float32 `(size, size, 1)`, the prepared sketch, or None where there is a vector.
    Returns: `SearchAnswer`.
    """
    loop, vector, sketch_attention, encode_seconds = asyncio.get_running_loop(), wanted.vector, None, 0.0
    if image is not None:
        start = loop.time()
        vector = await batcher.submit(image)
        encode_seconds = loop.time() - start
        measures.encode.observe(encode_seconds)
    matches, num_photos, search_seconds = await asyncio.to_thread(served.find, gallery, vector, wanted)
    measures.search.observe(search_seconds)
    compared = [{"shared": [], "differing": []}] * len(matches)
    maps = [None] * len(matches)
    if wanted.explain:
        compared = served.compare(gallery, vector, matches)
        if served.attention is not None:
            # One at a time: a sketch of somebody else may be encoded in between.
            maps = [await batcher.run(served.attention_of, gallery, match.photo) for match in matches]
            if image is not None:
                sketch_attention = await batcher.run(served.attention.of_sketch, image)
    results = [
        {
            "rank": rank,
            "photo_id": _as_text(match.photo.photo_id),
            "distance": match.distance,
            "photo_url": "/photos/" + urllib.parse.quote(match.photo.photo_id, errors="surrogateescape"),
            "metadata": match.photo.metadata,
            "attention": shares,
            **attributes,
        }
        for rank, (match, attributes, shares) in enumerate(zip(matches, compared, maps, strict=True), start=1)
    ]
    return SearchAnswer(
        encoded_on="device" if image is None else "server",
        encode_ms=round(1000 * encode_seconds, 3),
        search_ms=round(1000 * search_seconds, 3),
        num_photos=num_photos,
        distance=gallery.distance,
        results=results,
        sketch_attention=sketch_attention,
    )


def _as_text(name):
    """Returns a file's name as JSON can hold it: what is no text in it becomes U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", name)
