"""`tfsbir serve` as users start it: what it says, how it ends, and a gallery that changes under it."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx2 as httpx
import pytest
from PIL import Image

from tests.cli.test_cli import run
from tests.common_processes import ROOT
from tests.retrieval.tiny_run import write_tiny_run
from tests.web.conftest import write_photos
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery, open_encoder
from tfsbir.retrieval.pretrained import model_path
from tfsbir.web.page_encoder import page_encoder

STROKES = {"strokes": [[[0, 0], [40, 50]]], "k": 100}


def start(gallery, *flags):
    return subprocess.Popen(
        [sys.executable, "-m", "tfsbir", "serve", f"--gallery={gallery}", "--port=0", *flags],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def gallery(tmp_path):
    """A gallery by an encoder that needs no TensorFlow, so that a server of it starts at once."""
    write_photos(tmp_path / "photos", 8)
    paths = [tmp_path / "photos" / f"{number}.jpg" for number in range(8)]
    Gallery.build(open_encoder("pretrained:category"), paths, tmp_path / "gallery", progress=False)
    return tmp_path / "gallery"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_well_when_it_is_told_to(gallery, number):
    process = start(gallery, "--json")
    facts = json.loads(process.stdout.readline())
    assert facts["num_photos"] == 8 and facts["pid"] == process.pid
    assert httpx.get(facts["url"] + "healthz").json() == {"status": "ok", "num_photos": 8, "problem": None}
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_gallery_that_was_saved_anew_is_taken_up_while_requests_go_on(gallery):
    process = start(gallery, "--rate=0")
    try:
        url = re.match(
            r"(http://127\.0\.0\.1:\d+/)  8 photos; sketches are encoded ", process.stdout.readline()
        )[1]
        failed, numbers, is_over = [], set(), threading.Event()

        def ask():
            while not is_over.is_set():
                answer = httpx.post(url + "search", json=STROKES)
                if answer.status_code != 200:
                    failed.append(answer.text)
                else:
                    numbers.add(len(answer.json()["results"]))

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        photos = gallery.parent / "photos"
        Image.open(photos / "0.jpg").rotate(180).save(photos / "new.jpg")
        opened = Gallery.open(gallery, open_encoder("pretrained:category"))
        opened.add([photos / "new.jpg"])
        opened.save()
        _wait_for(lambda: 9 in numbers)
        assert httpx.get(url + "photos/new.jpg").status_code == 200
        # One that is damaged is told of, and not taken up.
        damaged = next(gallery.glob("photos-*.json"))
        whole = damaged.read_bytes()
        damaged.write_bytes(b"[]")
        record = gallery / "gallery.json"
        record.write_text(record.read_text() + "\n")
        _wait_for(lambda: httpx.get(url + "healthz").json()["problem"])
        assert len(httpx.post(url + "search", json=STROKES).json()["results"]) == 9
        damaged.write_bytes(whole)
        record.write_text(record.read_text() + "\n")
        _wait_for(lambda: httpx.get(url + "healthz").json()["problem"] is None)
        is_over.set()
        for thread in threads:
            thread.join()
        assert failed == [] and numbers == {8, 9}
    finally:
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert re.fullmatch(r"kept the gallery as it was: .*photos-\w+\.json: expected the file .*\n", err)


def test_who_asks_is_believed_to_a_named_proxy_alone(gallery):
    for flags, codes in (([], [200, 429, 429]), (["--proxy=127.0.0.1"], [200, 200, 429])):
        process = start(gallery, "--json", "--rate=0.01", "--burst=1", *flags)
        try:
            url = json.loads(process.stdout.readline())["url"] + "search"
            found = [
                httpx.post(url, json=STROKES, headers={"X-Forwarded-For": address}).status_code
                for address in ("203.0.113.1", "203.0.113.2", "203.0.113.2")
            ]
        finally:
            process.terminate()
            process.communicate(timeout=30)
        assert found == codes


def test_a_signal_right_after_the_address_ends_it(gallery):
    process = start(gallery)
    process.stdout.readline()
    process.terminate()  # It has not begun to answer.
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


def test_an_encoder_that_has_moved_is_given_and_may_run_in_the_page(gallery, tmp_path, monkeypatch):
    record = json.loads((gallery / "gallery.json").read_text())
    record["encoder"]["path"] = str(tmp_path / "gone")
    (gallery / "gallery.json").write_text(json.dumps(record))
    monkeypatch.setattr("tfsbir.web.page_encoder.PACKAGES_DIR", tmp_path)
    (tmp_path / "@litertjs" / "core").mkdir(parents=True)
    opened = Gallery.open(gallery)
    with pytest.raises(
        InputError, match="gone: expected a run directory or an export; there is no such folder"
    ):
        page_encoder(None, None, opened)
    assert page_encoder(None, "pretrained:category", opened) == (model_path("pretrained:category"), None)
    write_tiny_run(tmp_path / "run")
    assert page_encoder(None, tmp_path / "run", opened)[0] is None


def _wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_is_wrong_at_the_start_is_one_line(capsys, monkeypatch, gallery, tmp_path):
    write_tiny_run(tmp_path / "run")
    (tmp_path / "short").write_text("short\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for flags, message in (
            ([f"--gallery={tmp_path / 'absent'}"], "absent: expected a gallery; there is no such folder"),
            ([f"--gallery={gallery}", f"--model={tmp_path / 'run'}"], "expected the encoder that made this"),
            (
                [f"--gallery={gallery}", f"--page_model={tmp_path / 'run'}"],
                "expected an encoder that a page can",
            ),
            ([f"--gallery={gallery}", f"--port={port}"], "`--host` and `--port` must be free to listen on. "),
            (
                [f"--gallery={gallery}", "--host=0.0.0.0"],
                "`--host` must be an address of this machine alone, ",
            ),
            ([f"--gallery={gallery}", "--host=nowhere.invalid", "--allow_open"], "must be free to listen on"),
            (
                [f"--gallery={gallery}", f"--token_file={tmp_path / 'short'}"],
                "expected a token of 16 characters",
            ),
            (
                [f"--gallery={gallery}", f"--token_file={tmp_path / 'none'}"],
                "expected a file with a token in",
            ),
            ([f"--gallery={gallery}", "--max_k=0"], "flag --max_k=0"),
            ([f"--gallery={gallery}", "--rate=nan"], "flag --rate=nan: it must be a number"),
            (
                [f"--gallery={gallery}", "--timeout=inf"],
                "flag --timeout=inf: inf is not a number in the range",
            ),
            ([], "`--gallery` must be given"),
            # As where it is not installed.
            ([f"--gallery={gallery}"], 'needs prometheus_client: pip install "tfsbir[web]"'),
        ):
            with monkeypatch.context() as patch:
                if "prometheus" in message:
                    patch.delitem(sys.modules, "tfsbir.web.measures", raising=False)
                    patch.setitem(sys.modules, "prometheus_client", None)
                code, out, err = run(capsys, "serve", *flags)
            assert (code, out) == (1, ""), err
            assert err.startswith("error: ") and message in err and err.count("\n") == 1, err
