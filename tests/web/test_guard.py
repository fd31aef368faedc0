"""What every request passes: names, tokens, limits, and the headers of every answer."""

import asyncio
import concurrent.futures
import functools
import os
import re
import threading
import time

import numpy as np
import pytest

from tests.web.conftest import client_of, run_async
from tfsbir.errors import InputError
from tfsbir.web.api_docs import POLICY
from tfsbir.web.batcher import Batcher
from tfsbir.web.rate_limit import MAX_ADDRESSES, RateLimit
from tfsbir.web.served import ServedGallery

STROKES = {"strokes": [[[0, 0], [40, 50]]], "k": 1}
TOKEN = "a token of some length"


def test_a_bucket_fills_with_time():
    now = [0.0]
    limit = RateLimit(rate=2.0, burst=4.0, clock=lambda: now[0])
    assert [limit.seconds_to_wait("a") for _ in range(5)] == [0, 0, 0, 0, 1]
    assert limit.seconds_to_wait("b") == 0  # Another address has its own.
    now[0] = 0.5
    assert [limit.seconds_to_wait("a"), limit.seconds_to_wait("a")] == [0, 1]
    assert limit.seconds_to_wait("a", cost=4.0) == 2
    now[0] = 1000.0
    assert [limit.seconds_to_wait("a") for _ in range(5)] == [
        0,
        0,
        0,
        0,
        1,
    ]  # No more than `burst` are saved up.


def test_a_bucket_forgets_those_that_asked_longest_ago():
    limit = RateLimit(rate=1e-6, burst=1.0, clock=lambda: 0.0)
    for address in range(MAX_ADDRESSES + 1):
        assert limit.seconds_to_wait(str(address)) == 0
    assert limit.seconds_to_wait("1") > 0
    assert limit.seconds_to_wait("0") == 0  # Forgotten, and so is who came next.
    assert len(limit._buckets) == MAX_ADDRESSES


def test_a_network_of_ipv6_counts_as_one_address():
    limit = RateLimit(rate=1.0, burst=1.0, clock=lambda: 0.0)
    found = [
        limit.seconds_to_wait(address)
        for address in (
            "2001:db8::1",
            "2001:db8::2",
            "2001:db8:0:1::1",
            "::ffff:10.0.0.1",
            "10.0.0.1",
            "10.0.0.2",
        )
    ]
    assert found == [0, 1, 0, 0, 1, 0]


def test_more_searches_than_the_rate_are_told_to_wait(work):
    with client_of(work.gallery, work.encoder, rate=0.5, burst=2.0) as client:
        answers = [client.post("/search", json=STROKES) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].headers["Retry-After"] == "2"
        assert answers[2].json() == {"detail": "expected at most 0.5 searches a second; there were more"}
        assert client.get("/gallery").status_code == 200  # It costs nothing.
        refused = 'tfsbir_refused_total{reason="rate"} 1.0'
        assert refused in client.get("/metrics").text


def slow(encoder, seconds):
    """Returns an encoder's function that waits before it encodes."""
    encode = encoder.encode_sketches
    return lambda images: time.sleep(seconds) or encode(images)


def test_more_searches_at_once_than_allowed_are_refused(work):
    with client_of(work.gallery, work.encoder, max_concurrent=2, max_batch=1) as client:
        client.app.app.state.batcher.encode = slow(work.encoder, 0.5)
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda _: client.post("/search", json=STROKES), range(6)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [200, 200, 503, 503, 503, 503]
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert refused.headers["Retry-After"] == "1"
        assert refused.json()["detail"] == "expected at most 2 searches at once; there are more"
        assert client.post("/search", json=STROKES).status_code == 200  # Afterwards there is room again.


def test_a_request_that_takes_too_long_is_ended(work):
    with client_of(work.gallery, work.encoder, timeout=0.3, max_batch=1) as client:
        client.app.app.state.batcher.encode = slow(work.encoder, 1.0)
        answer = client.post("/search", json=STROKES)
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "1"
        assert answer.json()["detail"] == "expected to be done in 0.3 s; it was not"


def test_an_encoder_that_fails_fails_its_request_alone(work):
    with client_of(work.gallery, work.encoder, raises=False, max_batch=1) as client:
        encode, client.app.app.state.batcher.encode = (
            client.app.app.state.batcher.encode,
            lambda images: 1 / 0,
        )
        answer = client.post("/search", json=STROKES)
        assert answer.status_code == 500
        assert answer.json() == {"detail": "the server has failed; its log says why"}
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        client.app.app.state.batcher.encode = encode
        assert client.post("/search", json=STROKES).status_code == 200


def test_few_images_are_decoded_at_once(client, monkeypatch):
    under_way, most, lock = [0], [0], threading.Lock()

    def read(*_):
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.1)
        with lock:
            under_way[0] -= 1
        raise InputError("expected nothing at all; found something")

    monkeypatch.setattr("tfsbir.web.query._read", read)
    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        ask = functools.partial(client.post, "/search", json={"image": "AAAA"})
        answers = list(threads.map(lambda _: ask(), range(12)))
    assert {answer.status_code for answer in answers} == {422}
    assert most[0] <= min(4, os.cpu_count())


def test_a_gallery_that_is_out_of_reach_is_told_of(work, monkeypatch, capsys):
    def find(*_):
        raise InputError("http://milvus:19530: expected a Milvus; it does not answer")

    monkeypatch.setattr(ServedGallery, "find", find)
    with client_of(work.gallery, work.encoder) as client:
        answer = client.post("/search", json=STROKES)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json() == {"detail": "expected a gallery that can be searched now; it cannot"}
    assert "a request failed: http://milvus:19530: expected a Milvus; it does not" in capsys.readouterr().err


@pytest.mark.parametrize("query", [STROKES, {"image": "AAAA"}])
def test_others_are_answered_while_a_drawing_is_read(client, monkeypatch, query):
    is_answered, found = threading.Event(), []

    def read(*_):
        found.append(is_answered.wait(20))
        raise InputError("expected nothing at all; found something")

    monkeypatch.setattr("tfsbir.web.query._drawn", read)
    monkeypatch.setattr("tfsbir.web.query._read", read)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        searching = thread.submit(client.post, "/search", json=query)
        assert client.get("/healthz").status_code == 200
        is_answered.set()
        assert searching.result().json()["detail"] == "expected nothing at all; found something"
    assert found == [True]


def test_a_token_opens_what_is_not_the_page(work):
    with client_of(work.gallery, work.encoder, token=TOKEN) as client:
        for path in ("/", "/healthz", "/page/page.js", "/page/style.css"):
            assert client.get(path).status_code == 200
        for path in (
            "/gallery",
            "/photos/a b/1.jpg",
            "/metrics",
            "/docs",
            "/openapi.json",
            "/model/encoder.json",
        ):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
                answer = client.get(path, headers=headers)
                assert answer.status_code == 401
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert answer.json() == {"detail": "`Authorization` must be Bearer and this server's token"}
            answer = client.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
            assert answer.status_code == (404 if path.startswith("/model") else 200)
        assert client.post("/search", json=STROKES).status_code == 401
        accent = {"Authorization": "Bearer größe".encode()}
        assert client.get("/gallery", headers=accent).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "127.0.0.1.evil.example:80", ""])
def test_another_name_than_the_server_s_is_refused(client, host):
    answer = client.get("/gallery", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("`Host` must be one of testserver. Received: ")
    assert client.get("/gallery", headers={"Host": "testserver:8000"}).status_code == 200


def test_names_are_compared_as_browsers_send_them(work):
    names = ("Shoes.Example", "fd00::5", "[::1]")
    with client_of(work.gallery, work.encoder, allowed_hosts=names) as client:
        for host in ("shoes.example", "SHOES.example:8000", "[fd00::5]", "[FD00::5]:8000", "[::1]:80"):
            assert client.get("/healthz", headers={"Host": host}).status_code == 200, host
        for host in ("fd00::5", "[fd00::6]", "[::1", "example"):
            assert client.get("/healthz", headers={"Host": host}).status_code == 400, host


def test_every_answer_has_the_headers_that_protect(client):
    for method, path, status in (
        ("GET", "/", 200),
        ("GET", "/gallery", 200),
        ("GET", "/docs", 200),
        ("GET", "/page/page.js", 200),
        ("GET", "/photos/a b/1.jpg", 200),
        ("GET", "/nothing", 404),
        ("GET", "/search", 405),
        ("POST", "/search", 415),
    ):
        answer = client.request(method, path)
        assert answer.status_code == status, path
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Server" not in headers and "Cache-Control" in headers
        if status >= 400:
            assert set(answer.json()) == {"detail"}
    policy = client.get("/").headers["Content-Security-Policy"]
    assert re.search(r"script-src 'self' 'wasm-unsafe-eval' 'sha256-[\w+/=]{44}'", policy)
    assert "unsafe-inline" not in policy
    assert client.get("/docs").headers["Content-Security-Policy"] == POLICY


def test_unknown_paths_make_no_new_measures(client):
    for number in range(20):
        client.get(f"/unknown/{number}")
        client.get(f"/photos/unknown-{number}")
    routes = set(re.findall(r'tfsbir_requests_total\{route="([^"]*)"', client.get("/metrics").text))
    pages = {
        "/",
        "/page",
        "/packages",
        "/model/{name}",
        "/docs",
        "/docs/start.js",
        "/openapi.json",
        "/healthz",
    }
    assert routes <= pages | {"/gallery", "/search", "/photos/{photo_id:path}", "/metrics", "other"}


def test_a_body_is_measured_whatever_its_headers_say(work):
    with client_of(work.gallery, work.encoder, max_body_bytes=2000) as client:
        body = b'{"strokes": [[' + b"[0, 0]," * 1000 + b"[1, 1]]]}"
        for content in (body, iter([body[start : start + 100] for start in range(0, len(body), 100)])):
            answer = client.post("/search", content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 413
            assert answer.json() == {"detail": "expected a body of at most 2000 bytes; it has more"}
        assert client.post("/search", json=STROKES).status_code == 200


def test_batches_end_with_the_server(work):
    async def ended():
        waiting = threading.Event()
        batcher = Batcher(
            lambda images: waiting.wait(5) or np.zeros((len(images), 2)), 1, 0, lambda size: None
        )
        await batcher.start()
        requests = [asyncio.ensure_future(batcher.submit(np.zeros(1))) for _ in range(3)]
        await asyncio.sleep(0.1)
        await batcher.stop()
        waiting.set()
        return await asyncio.gather(*requests[1:], return_exceptions=True)

    assert all(isinstance(one, asyncio.CancelledError) for one in run_async(ended()))
