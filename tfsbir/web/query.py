"""From the body of a request to what is searched for."""

import asyncio
import base64
import binascii

import numpy as np
from fastapi import HTTPException
from pydantic import ValidationError

from tfsbir.data.images import image_size
from tfsbir.errors import InputError
from tfsbir.preprocessing import is_blank
from tfsbir.retrieval.metadata import check_where
from tfsbir.web.messages import SearchRequest

# Beside strokes and points, a search has few lists.
MAX_OTHER_LISTS = 1000


async def read_request(request, encoder, gallery, settings, decoding):
    """Reads and checks a search.

    Args:
        request: `starlette.requests.Request`.
        encoder: `Encoder` of sketches.
        gallery: `Gallery` that is to be searched.
        settings: `Settings`.
        decoding: `ThreadPoolExecutor` that images are decoded in.
    Returns: `SearchRequest`, whose `vector` is float32 or None, and the prepared sketch or None.
    Raises: `HTTPException` with the status 415 or 422, which says what was expected and what came.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, f"`Content-Type` must be application/json. Received: {kind[:100]!r}")
    body = await request.body()
    # Millions of points take seconds to parse, in which nobody else is answered.
    if body.count(b"[") > settings.max_strokes + settings.max_points + MAX_OTHER_LISTS:
        detail = (
            f"expected at most {settings.max_strokes} strokes and {settings.max_points} points; found more"
        )
        raise HTTPException(422, detail)
    try:
        wanted = SearchRequest.model_validate_json(body)
    except ValidationError as error:
        raise HTTPException(422, _reason(error)) from None
    if wanted.k > settings.max_k:
        raise HTTPException(422, f"`k` must be in 1..{settings.max_k}. Received: {wanted.k}")
    given = [name for name in ("vector", "strokes", "image") if getattr(wanted, name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise HTTPException(422, f"one of `vector`, `strokes` and `image` must be given. Received: {found}")
    try:
        check_where(wanted.where)
        _check_attributes([*wanted.with_attributes, *wanted.without_attributes], gallery.attributes)
        if wanted.vector is not None:
            wanted.vector = _vector(wanted.vector, gallery.dim)
            return wanted, None
        # Either can take a second, in which others are answered.
        read, given, threads = _drawn, wanted.strokes, None
        if wanted.image is not None:
            read, given, threads = _read, wanted.image, decoding
        loop = asyncio.get_running_loop()
        image = await loop.run_in_executor(threads, read, given, encoder, settings)
    except InputError as error:
        raise HTTPException(422, str(error)) from None
    if is_blank(image):
        raise HTTPException(422, "expected a drawing; found a blank one")
    return wanted, image


def _check_attributes(names, known):
    for name in names:
        if name not in known:
            raise InputError(
                f"an attribute must be one of {', '.join(known) or 'none'}. Received: {name[:100]!r}"
            )


def _vector(values, dim):
    with np.errstate(over="ignore"):
        vector = np.array(values, np.float64).astype(np.float32)
    if vector.shape != (dim,):
        raise InputError(f"`vector` must have {dim} values. Received: {len(values)}")
    # So far from any embedding, squares overflow.
    if not np.all(np.abs(vector) <= 1e15):
        raise InputError("`vector` must hold values within +-1e15. Received: others")
    return vector


def _drawn(strokes, encoder, settings):
    num_points = sum(map(len, strokes))
    for what, found, limit in (
        ("strokes", len(strokes), settings.max_strokes),
        ("points", num_points, settings.max_points),
    ):
        if found > limit:
            raise InputError(f"`strokes` must have at most {limit} {what}. Received: {found}")
    if not num_points or not all(strokes):
        raise InputError("`strokes` must have a point or more each. Received: none")
    try:
        return encoder.draw_sketch([np.array(stroke, np.float64) for stroke in strokes])
    except ValueError as error:
        raise InputError(f"`strokes` cannot be drawn: {error}") from None


def _read(image, encoder, settings):
    try:
        data = base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError):
        raise InputError("`image` must be a file in base64. Received: something else") from None
    width, height = image_size(data)
    if width * height > settings.max_pixels:
        raise InputError(
            f"`image` must have at most {settings.max_pixels} pixels. Received: {width} x {height}"
        )
    return encoder.preprocessing.read_sketch(data)


def _reason(error):
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or "the body"
    return f"`{place}`: {first['msg']}"
