"""The server's routes: search, photos, the page and its files, health and measures."""

import asyncio
import concurrent.futures
import contextlib
import os
import sys
import urllib.parse

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException

import tfsbir
from tfsbir.errors import InputError
from tfsbir.web.answer import answer_search
from tfsbir.web.api_docs import add_docs
from tfsbir.web.batcher import Batcher
from tfsbir.web.content_policy import content_security_policy
from tfsbir.web.guard import Guard
from tfsbir.web.messages import GalleryFacts, Health, Problem, SearchAnswer, SearchRequest
from tfsbir.web.named_files import NamedFiles
from tfsbir.web.page_files import LOADED_PACKAGES, MODEL_FILES, PACKAGES_DIR, PAGE_DIR, page_files
from tfsbir.web.query import read_request
from tfsbir.web.settings import Size
from tfsbir.web.thumbnails import Thumbnails

COMPONENTS = "#/components/schemas/"
PROBLEMS = {status: {"model": Problem} for status in (400, 401, 413, 429, 503)}


def make_app(served, settings, measures, page_model=None):
    """Returns the server as an ASGI application.

    Args:
        served: `ServedGallery`.
        settings: `Settings`.
        measures: `Measures` that the served gallery has, too.
        page_model: `Path` of the LiteRT export that the page encodes by; None where the server encodes.
    """
    batcher = Batcher(
        served.encoder.encode_sketches, settings.max_batch, settings.batch_wait_ms, measures.batch.observe
    )
    thumbnails = Thumbnails(settings.cache_bytes, measures)
    # Few threads, for an image takes hundreds of megabytes while it is decoded; and of their own, so that
    # searches do not wait for images.
    decoding = concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1), "decode")

    @contextlib.asynccontextmanager
    async def lifespan(_):
        await batcher.start()
        watching = asyncio.create_task(served.watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await batcher.stop()
            decoding.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(
        title="tfsbir",
        description="Finds photos by sketches.",
        version=tfsbir.__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.batcher = batcher
    _add_errors(app)

    @app.get("/gallery", responses=PROBLEMS)
    def gallery() -> GalleryFacts:
        """What is searched, and how."""
        now = served.gallery
        return GalleryFacts(
            num_photos=len(now),
            dim=now.dim,
            distance=now.distance,
            attributes=list(now.attributes),
            fingerprint=now.encoder_fingerprint,
            teacher=served.encoder.teacher,
            image_size=now.preprocessing.image_size,
            canvas_size=now.preprocessing.canvas_size,
            encoder_on_device=page_model is not None,
            explains={"attributes": bool(now.attributes), "attention": served.attention is not None},
            limits={
                name: getattr(settings, name)
                for name in GalleryFacts.model_fields["limits"].annotation.model_fields
            },
        )

    @app.post(
        "/search",
        responses={**PROBLEMS, 408: {"model": Problem}, 415: {"model": Problem}, 422: {"model": Problem}},
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": f"{COMPONENTS}SearchRequest"}}},
            }
        },
    )
    async def search(request: Request) -> SearchAnswer:
        """Finds the photos nearest to a sketch, or to an embedding."""
        now = served.gallery
        wanted, image = await read_request(request, served.encoder, now, settings, decoding)
        return await answer_search(served, batcher, measures, now, wanted, image)

    @app.get(
        "/photos/{photo_id:path}",
        response_class=Response,
        responses={
            **PROBLEMS,
            200: {"content": {"image/jpeg": {}}},
            304: {},
            404: {"model": Problem},
            422: {"model": Problem},
        },
    )
    async def photo(request: Request, photo_id: str, size: Size = Size.MIDDLE):
        """A photo as a thumbnail, JPEG on a white square."""
        # As bytes, for a name may be no text: Starlette's path has lost what is not UTF-8.
        place = request.scope.get("raw_path", b"").partition(b"/photos/")[2]
        if place:
            photo_id = urllib.parse.unquote_to_bytes(place).decode("utf-8", "surrogateescape")
        now = served.gallery
        try:
            known = await asyncio.to_thread(now.photo, photo_id)
            loop = asyncio.get_running_loop()
            data, tag = await loop.run_in_executor(decoding, thumbnails.get, now, known, size)
        except KeyError:
            raise HTTPException(
                404, f"expected the id of a photo in the gallery; found {photo_id[:200]!a}"
            ) from None
        except (InputError, OSError):
            # Their messages would say where the photos lie.
            raise HTTPException(
                404, f"expected a photo that can be read; {photo_id[:200]!a} cannot"
            ) from None
        headers = {"ETag": tag, "Cache-Control": "private, max-age=300"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type="image/jpeg", headers=headers)

    @app.get("/healthz")
    def health() -> Health:
        """Whether the server is well."""
        # What is wrong may name folders; the log has it.
        found = "a newer gallery could not be opened; the log says why" if served.problem else None
        return Health(status="ok", num_photos=len(served.gallery), problem=found)

    @app.get(
        "/metrics", response_class=Response, responses={**PROBLEMS, 200: {"content": {"text/plain": {}}}}
    )
    def metrics():
        """Counters and histograms, for Prometheus."""
        return Response(measures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    app.openapi = lambda: _with_search_request(FastAPI.openapi(app))
    add_docs(app)
    _add_page(app, page_model)
    return Guard(app, settings, measures)


def _with_search_request(schema):
    """Adds the body of a search, which is parsed here and not by FastAPI, to an OpenAPI schema."""
    request = SearchRequest.model_json_schema(ref_template=COMPONENTS + "{model}")
    schema["components"]["schemas"] |= {**request.pop("$defs", {}), "SearchRequest": request}
    return schema


def _add_errors(app):
    @app.exception_handler(StarletteHTTPException)
    async def refused(_, error):
        return JSONResponse({"detail": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(InputError)
    async def away(_, error):
        # A gallery in Milvus may be out of reach. What is wrong may name hosts; the log has it.
        print(f"a request failed: {error}", file=sys.stderr, flush=True)
        detail = "expected a gallery that can be searched now; it cannot"
        return JSONResponse({"detail": detail}, 503, {"Retry-After": "2"})

    @app.exception_handler(Exception)
    async def failed(_, error):
        return JSONResponse({"detail": "the server has failed; its log says why"}, 500)

    @app.exception_handler(RequestValidationError)
    async def invalid(_, error):
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"][1:]))
        return JSONResponse({"detail": f"`{place}`: {first['msg']}"}, 422)


def _add_page(app, page_model):
    html = (PAGE_DIR / "index.html").read_text(encoding="utf-8")
    policy = f"{content_security_policy(html)}; frame-ancestors 'none'"

    @app.get("/", include_in_schema=False)
    def page():
        return HTMLResponse(html, headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})

    if page_model is not None:
        app.mount("/model", NamedFiles(page_model, MODEL_FILES))
    app.mount("/page", NamedFiles(PAGE_DIR, ["settings.json", *(path.name for path in page_files())]))
    for package in LOADED_PACKAGES:
        app.mount(f"/packages/{package}", StaticFiles(directory=PACKAGES_DIR / package, check_dir=False))
