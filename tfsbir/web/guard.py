"""What every request passes on its way in and out: names, tokens, limits, headers, and counting."""

import asyncio
import hmac
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from tfsbir.web.rate_limit import RateLimit

PHOTO_COST = 0.1  # Of a search: a page shows a dozen photos for each.
# What a browser asks for before a person could have said a token, and holds no photo.
OPEN_PATHS = ("/", "/healthz")
OPEN_FOLDERS = ("/page/", "/packages/")
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
STRICT_POLICY = "default-src 'none'; frame-ancestors 'none'"


class Guard:
    """An ASGI application around another.

    Args:
        app: The other one.
        settings: `Settings`.
        measures: `Measures`.
    """

    def __init__(self, app, settings, measures):
        self.app = app
        self.settings = settings
        self.measures = measures
        self.rate_limit = RateLimit(settings.rate, max(1.0, settings.burst)) if settings.rate else None
        self.allowed_hosts = list(dict.fromkeys(map(_as_in_header, settings.allowed_hosts)))
        self.num_searches = 0

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, body = time.perf_counter(), _Body(receive, self.settings.max_body_bytes)
        timeout = asyncio.timeout(self.settings.timeout)
        answer = _Answer(send, timeout, self.settings.timeout)
        try:
            async with timeout:
                try:
                    await self._pass(scope, body, answer)
                finally:
                    answer.timeout = None
        except _RefusedError as refused:
            await self._refuse(scope, receive, answer, refused)
        except TimeoutError:
            limit = self.settings.timeout
            refused = _RefusedError(503, "timeout", f"expected to be done in {limit} s; it was not", 1)
            if scope["method"] == "POST" and not body.is_whole:
                detail = f"expected the whole body within {limit} s; it was not there"
                refused = _RefusedError(408, "slow body", detail)
            await self._refuse(scope, receive, answer, refused)
        except ClientDisconnect:
            answer.status = answer.status or 499  # As servers log it; nobody gets it.
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.measures.requests.labels(route, str(answer.status or 500)).inc()
            self.measures.seconds.labels(route).observe(time.perf_counter() - start)

    async def _pass(self, scope, receive, answer):
        headers, path = Headers(scope=scope), scope["path"]
        self._check_host(headers)
        is_open = path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)
        if self.settings.token is not None and not is_open:
            self._check_token(headers)
        is_search = path == "/search"
        if self.rate_limit and (is_search or path.startswith(("/photos/", "/model/"))):
            self._check_rate(scope, 1.0 if is_search else PHOTO_COST)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.settings.max_body_bytes:
            raise _too_large(self.settings.max_body_bytes)
        if not is_search:
            await self.app(scope, receive, answer)
            return
        if self.num_searches >= self.settings.max_concurrent:
            limit = self.settings.max_concurrent
            raise _RefusedError(
                503, "concurrency", f"expected at most {limit} searches at once; there are more", 1
            )
        self.num_searches += 1
        try:
            await self.app(scope, receive, answer)
        finally:
            self.num_searches -= 1

    def _check_host(self, headers):
        # A page of another site can lead its own name to this address, and would then read all of it.
        host = headers.get("host", "")
        name = host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0]
        if name.lower() not in self.allowed_hosts:
            names = ", ".join(self.allowed_hosts)
            raise _RefusedError(400, "host", f"`Host` must be one of {names}. Received: {host[:100]!r}")

    def _check_token(self, headers):
        kind, _, token = headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(token.encode(), self.settings.token.encode())
        if kind.lower() != "bearer" or not is_right:
            raise _RefusedError(401, "token", "`Authorization` must be Bearer and this server's token")

    def _check_rate(self, scope, cost):
        address = scope["client"][0] if scope.get("client") else ""
        seconds = self.rate_limit.seconds_to_wait(address, cost)
        if seconds:
            raise _RefusedError(
                429,
                "rate",
                f"expected at most {self.settings.rate:g} searches a second; there were more",
                seconds,
            )

    async def _refuse(self, scope, receive, answer, refused):
        self.measures.refused.labels(refused.reason).inc()
        if answer.status is not None:  # It has begun, and cannot be taken back.
            return
        headers = {"Connection": "close"} if refused.status in (408, 413) else {}
        if refused.retry_after:
            headers["Retry-After"] = str(refused.retry_after)
        if refused.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        await JSONResponse({"detail": refused.detail}, refused.status, headers)(scope, receive, answer)


class _RefusedError(Exception):
    def __init__(self, status, reason, detail, retry_after=0):
        super().__init__(detail)
        self.status, self.reason, self.detail, self.retry_after = status, reason, detail, retry_after


class _Answer:
    """Sends an answer with the headers that all have, and remembers its status.

    Each part of it has as much time as the request had: a large file takes long on a slow line, and moves.
    """

    def __init__(self, send, timeout, seconds):
        self.send = send
        self.timeout = timeout
        self.seconds = seconds
        self.status = None

    async def __call__(self, message):
        if self.timeout is not None and not self.timeout.expired():
            self.timeout.reschedule(asyncio.get_running_loop().time() + self.seconds)
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", STRICT_POLICY)
            # What has a tag may be kept if it is asked for each time: LiteRT.js alone has 9 MB.
            headers.setdefault("Cache-Control", "no-cache" if "etag" in headers else "no-store")
        await self.send(message)


def _as_in_header(host):
    """Returns the name of a host as it is compared: in lower case, an IPv6 address in brackets."""
    return f"[{host}]".lower() if ":" in host and not host.startswith("[") else host.lower()


def _too_large(max_bytes):
    return _RefusedError(413, "body", f"expected a body of at most {max_bytes} bytes; it has more")


class _Body:
    """Receives a body and counts its bytes, whatever its headers say of them."""

    def __init__(self, receive, max_bytes):
        self.receive = receive
        self.max_bytes = max_bytes
        self.num_bytes = 0
        self.is_whole = False

    async def __call__(self):
        message = await self.receive()
        if message["type"] == "http.request":
            self.num_bytes += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
            if self.num_bytes > self.max_bytes:
                # The application is reading by now, and answers this exception itself.
                refused = _too_large(self.max_bytes)
                raise HTTPException(refused.status, refused.detail, {"Connection": "close"})
        return message
