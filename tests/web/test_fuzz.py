"""Requests that no friend would send, to a server as users start it: clean 4xx answers, and it lives on."""

import base64
import io
import json
import re
import socket
import struct
import subprocess
import sys
import urllib.parse
import zlib
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import NUM_PHOTOS
from tests.web.page.serve_process import serving

POST = b"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\n"
STROKES = [[[0, 0], [40, 50], [10, 44]]]
JSON = {"Content-Type": "application/json"}
MAX_GROWTH = 100 * 2**20  # Of the server's memory, over everything that is sent here.


def resident_bytes(server):
    status = Path(f"/proc/{server.pid}/status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status)[1])


@pytest.fixture(scope="module", autouse=True)
def lives_on(server):
    before = resident_bytes(server)
    yield
    answer = httpx.post(server.url + "search", json={"strokes": STROKES, "k": 100})
    assert answer.status_code == 200 and len(answer.json()["results"]) == NUM_PHOTOS
    assert resident_bytes(server) - before < MAX_GROWTH
    assert 'status="500"' not in httpx.get(server.url + "metrics").text


def check_refused(answer, statuses=(422,)):
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    detail = answer.json()["detail"]
    assert isinstance(detail, str) and 10 < len(detail) < 500
    assert "Traceback" not in detail
    return detail


def test_schemathesis_finds_nothing(work):
    with serving(work.gallery, "--rate=0") as server:
        done = subprocess.run(
            [
                sys.executable, "-m", "schemathesis.cli", "run", server.url + "openapi.json", "--seed=0",
                "--max-examples=25", "--checks=all", "--no-color", "--phases=coverage,fuzzing",
                # The schema cannot say how long a vector is, or that a drawing is not blank.
                "--exclude-checks=positive_data_acceptance",
            ],
            capture_output=True, text=True, cwd=work.path, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) generated, \1 passed", done.stdout)[1]) > 100


def asked(server, path):
    """Returns the status and body of a GET whose path is sent as it is."""
    host, port = urllib.parse.urlsplit(server.url).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


ESCAPES = [
    "..",
    "%2e%2e",
    "..%2f..",
    "%2e%2e%2f%2e%2e",
    "..%5c..",
    "%252e%252e%252f",
    "....//",
    "..;",
    "%c0%ae%c0%ae",
]


@pytest.mark.parametrize("folder", ["photos", "page", "packages", "model", "photos/a%20b", ""])
@pytest.mark.parametrize("escape", ESCAPES)
def test_no_path_leads_out(server, folder, escape):
    up = "/".join([escape] * 12)
    for target in ("etc/passwd", "gallery/gallery.json", "run/config.json"):
        for path in (f"/{folder}/{up}/{target}", f"/{folder}/{escape}/{target}", f"/{folder}//{target}"):
            status, body = asked(server, path)
            assert status in (400, 404), path
            assert b"root:" not in body and b"fingerprint" not in body


@pytest.mark.parametrize(
    "path", ["/photos/%00", "/photos/a%00.jpg", "/page/%00page.js", "/model/encoder.json%00", "/%ff%fe"]
)
def test_odd_bytes_are_no_path(server, path):
    assert asked(server, path)[0] in (400, 404)


@pytest.mark.parametrize(
    "lines",
    [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: " + b"a" * 100_000 + b"\r\n\r\n",
     POST + b"Content-Length: -5\r\n\r\n",
     POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"],
)  # fmt: skip
def test_what_is_no_request_gets_400_or_nothing(server, lines):
    host, port = urllib.parse.urlsplit(server.url).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(lines)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)
    assert answer == b"" or answer.split()[1] in (b"400", b"413", b"431"), answer[:100]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "`the body`: Invalid JSON"),
        (b"{", "`the body`: Invalid JSON"),
        (b"[" * 50_000, "`the body`: Invalid JSON: recursion limit"),
        (b"[" * 100_000, "expected at most 1000 strokes and 50000 points; found more"),
        (b'{"where": ' + b'{"a":' * 50_000, "`the body`: Invalid JSON: recursion limit"),
        (b"\xff\xfe{}", "`the body`: Invalid JSON"),
        (b'{"vector": [NaN]}', "`vector.0`: Input should be a finite number"),
        (b'{"vector": [Infinity, -Infinity]}', "`vector.0`: Input should be a finite number"),
        (b'{"vector": [1e400]}', "`vector.0`: Input should be a finite number"),
        (b'{"vector": ["1"]}', "`vector.0`: Input should be a valid number"),
        (b'{"vector": [true]}', "`vector.0`: Input should be a valid number"),
        (b'{"vector": null}', "`vector`: Input should be a valid array"),
        (b'{"strokes": [[[NaN, 1]]]}', "`strokes.0.0.0`: Input should be a finite number"),
        (b'{"strokes": [[[1]]]}', "`strokes.0.0`: List should have at least 2 items"),
        (b'{"strokes": [[[1, 2, 3]]]}', "`strokes.0.0`: List should have at most 2 items"),
        (b'{"strokes": [[[1, 2]]], "strokes": [[[1]]]}', "`strokes.0.0`: List should have at least 2 items"),
        (b'{"strokes": [], "k": 1}', "`strokes` must have a point or more each. Received: none"),
        (b'{"strokes": [[]]}', "`strokes` must have a point or more each. Received: none"),
        (b'{"strokes": [[[1e300, 0]]]}', "`strokes` cannot be drawn: `strokes` must be finite and within"),
        (b'{"strokes": [[[0, 0], [1e-7, 0]]]}', "`strokes` cannot be drawn: `frame` must have left < right"),
        (b'{"vector": [' + b"0," * 70_000 + b"0]}", "`vector`: List should have at most 65536 items"),
        (b'{"image": "\\ud800"}', "`the body`: Invalid JSON"),
        (b'{"colour": 1}', "`colour`: Extra inputs are not permitted"),
        (b"{}", "one of `vector`, `strokes` and `image` must be given. Received: none"),
        (b"[]", "`the body`: Input should be an object"),
    ],
)
def test_a_body_that_is_no_search_is_named(server, body, message):
    detail = check_refused(httpx.post(server.url + "search", content=body, headers=JSON))
    assert detail.startswith(message)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"vector": [0.1]}, "`vector` must have 11 values. Received: 1"),
        ({"vector": [1e300] * 11}, "`vector` must hold values within +-1e15. Received: others"),
        (
            {"vector": [0.1] * 11, "strokes": STROKES},
            "one of `vector`, `strokes` and `image` must be given. ",
        ),
        ({"strokes": [[[0, 0]]] * 1001}, "`strokes` must have at most 1000 strokes. Received: 1001"),
        ({"strokes": [[[0, 0]] * 50_001]}, "`strokes` must have at most 50000 points. Received: 50001"),
        ({"strokes": STROKES, "k": 0}, "`k`: Input should be greater than or equal to 1"),
        ({"strokes": STROKES, "k": -1}, "`k`: Input should be greater than or equal to 1"),
        ({"strokes": STROKES, "k": 10**9}, "`k` must be in 1..200. Received: 1000000000"),
        ({"strokes": STROKES, "k": 10**30}, "`k` must be in 1..200. Received: 1"),
        ({"strokes": STROKES, "k": "3"}, "`k`: Input should be a valid integer"),
        ({"strokes": STROKES, "k": True}, "`k`: Input should be a valid integer"),
        ({"strokes": STROKES, "k": 2.5}, "`k`: Input should be a valid integer"),
        ({"strokes": STROKES, "where": {"price": {"over": 3}}}, "`where` must give 'price' a value"),
        ({"strokes": STROKES, "where": {"price": {"max": 10**400}}}, "`where` must give 'price' a value"),
        ({"strokes": STROKES, "where": {"price": [[1]]}}, "`where`: expected text, a finite number"),
        ({"strokes": STROKES, "where": {"a": list(range(1001))}}, "`where` must list at most 1000 values"),
        ({"strokes": STROKES, "where": {str(i): 1 for i in range(101)}}, "`where` must be an object of at"),
        ({"strokes": STROKES, "with_attributes": ["wheels"]}, "an attribute must be one of laces, high heel"),
        ({"strokes": STROKES, "without_attributes": ["a"] * 101}, "`without_attributes`: List should have"),
        ({"strokes": STROKES, "with_attributes": [""]}, "`with_attributes.0`: String should have at least 1"),
        ({"image": "no base64!"}, "`image` must be a file in base64. Received: something else"),
        ({"image": "größe"}, "`image` must be a file in base64. Received: something else"),
        ({"image": ""}, "the image: expected an image file; found an empty file (0 bytes)"),
        ({"image": base64.b64encode(b"GIF89a").decode()}, "the image: expected "),
        ({"image": base64.b64encode(b"no image").decode()}, "the image: expected an image ("),
    ],
)
def test_a_search_that_makes_no_sense_is_named(server, request_, message):
    assert check_refused(httpx.post(server.url + "search", json=request_)).startswith(message)


def png(width, height, rows=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_bombs_and_broken_images_are_refused(server):
    # 25 million grey pixels in 25 kB, and a header that tells of billions.
    bomb = png(5000, 5000, zlib.compress(bytes(5001 * 5000), 9))
    whole = png(64, 64, zlib.compress(bytes(65 * 64)))
    for image, message in (
        (bomb, "`image` must have at most 20000000 pixels. Received: 5000 x 5000"),
        (png(100_000, 100_000), "the image: expected an image of at most 40 million pixels; found "),
        (png(1, 19_000_000), "the image: expected an image of at most 65535 pixels on a side; found 1 x "),
        (whole[:60], "the image: expected a whole image; it cannot be decoded"),
        (whole, "expected a drawing; found a blank one"),
    ):
        request = {"image": base64.b64encode(image).decode()}
        assert check_refused(httpx.post(server.url + "search", json=request)).startswith(message)


def test_images_that_are_damaged_anywhere_are_refused_or_read(server):
    random = np.random.default_rng(0)
    pixels = Image.fromarray(random.integers(0, 256, (24, 30, 3), np.uint8))
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        pixels.save(whole := io.BytesIO(), kind)
        for _ in range(25):
            data = np.frombuffer(whole.getvalue(), np.uint8).copy()
            data[random.integers(0, 60, 4)] = random.integers(0, 256, 4)  # Where the headers are.
            request = {"image": base64.b64encode(data.tobytes()).decode()}
            answer = httpx.post(server.url + "search", json=request)
            if answer.status_code != 200:
                check_refused(answer)


def test_what_is_too_large_is_not_read(server):
    million = ("[" + ",".join(["[0.1,0.2]"] * 1_000_000) + "]").encode()
    body = b'{"strokes": [' + million + b"]}"
    for content in (body, iter([body[start : start + 65536] for start in range(0, len(body), 65536)])):
        try:
            answer = httpx.post(server.url + "search", content=content, headers=JSON, timeout=20)
        except httpx.WriteError:
            continue  # It has closed the connection, and the client was still writing.
        assert check_refused(answer, (413,)) == "expected a body of at most 1000000 bytes; it has more"


def test_other_kinds_of_content_and_methods_are_refused(server):
    body = json.dumps({"strokes": STROKES}).encode()
    for kind in ("text/plain", "multipart/form-data; boundary=x", "", "application/jsonx"):
        answer = httpx.post(server.url + "search", content=body, headers={"Content-Type": kind})
        assert check_refused(answer, (415,)).startswith("`Content-Type` must be application/json. Received: ")
    kind = "application/json; charset=utf-8"
    assert httpx.post(server.url + "search", content=body, headers={"Content-Type": kind}).status_code == 200
    for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"):
        assert httpx.request(method, server.url + "search").status_code == 405


def test_a_slow_client_is_not_waited_for(server):
    host, port = urllib.parse.urlsplit(server.url).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        head = POST + b"Content-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        connection.sendall(head + b'{"strokes"')
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split()[1] == b"408" and b"expected the whole body within 5.0 s; it was not there" in answer
