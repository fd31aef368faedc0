"""Galleries whose builds and updates are killed: before every step on disk, and at random moments."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from tests.common_processes import ROOT, run_script
from tfsbir.retrieval import Gallery, open_encoder

# Runs an update of a gallery again and again in children of its own, and kills each before one step more of
# those that change the disk. Prints, for each, what a reader sees then, and what the rerun makes of it.
KILLED_BEFORE_EVERY_STEP = """
import io, json, os, shutil, signal, sys
from pathlib import Path
from tests.retrieval.drawn_encoder import drawn_encoder, unit_vectors
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery, encoded_journal

encoded_journal.SECONDS_BETWEEN = 0  # Every batch is kept.
work, index, is_first = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "first"
vectors = unit_vectors(20, 8)
photos = work / "photos"
photos.mkdir()
for number in range(16):
    (photos / f"{number}.png").write_text(str(number))


def sync(numbers, counted=None):
    encoder = drawn_encoder(vectors, before_batch=lambda: counted is not None and counted.append(1))
    gallery, _ = Gallery.open_or_create(work / "gallery", encoder, photos, index)
    gallery.sync([photos / f"{number}.png" for number in numbers], batch_size=2)
    gallery.save()


def in_child(function):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, json.dumps(function()).encode())
            os._exit(0)
        except BaseException as error:
            os.write(write, repr(error).encode())
            os._exit(1)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status), said.decode()


def killed(step):
    steps = [0]

    def counting(function):
        def call(*arguments, **options):
            steps[0] += 1
            if steps[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)
        return call

    for name in ("replace", "rename", "fsync", "unlink", "rmdir", "mkdir", "open"):
        setattr(os, name, counting(getattr(os, name)))
    io.open = counting(io.open)
    sync(range(4, 16))


def seen():
    try:
        gallery = Gallery.open(work / "gallery")
    except InputError as error:
        return str(error)
    distances, _ = gallery.search(vectors[[int(photo_id[:-4]) for photo_id in gallery.photo_ids]], 1)
    assert distances.max() == 0
    return gallery.photo_ids


def rerun():
    counted = []
    sync(range(4, 16), counted)
    return len(counted)


step = 0
while True:
    step += 1
    shutil.rmtree(work / "gallery", ignore_errors=True)
    if not is_first:
        assert in_child(lambda: sync(range(8)))[0] == 0
    code, said = in_child(lambda: killed(step))
    row = {"code": code, "seen": in_child(seen), "rerun": in_child(rerun), "after": in_child(seen)}
    print(json.dumps(row), flush=True)
    if code != -signal.SIGKILL:
        break
"""


@pytest.mark.parametrize(("index", "order"), [("flat", "first"), ("hnsw", "update")])
def test_a_kill_before_any_step_on_disk_loses_nothing(tmp_path, index, order):
    done = run_script(KILLED_BEFORE_EVERY_STEP, tmp_path, index, order)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) > 30 and rows[-1]["code"] == 0  # The last one was not killed any more.
    before, after = ([f"{number}.png" for number in numbers] for numbers in (range(8), range(4, 16)))
    reruns = []
    for row in rows:
        code, said = row["seen"]
        assert code == 0, said
        if order == "first" and "expected" in said:
            assert "expected a gallery; there is no" in said or "expected the record of a gallery" in said
        else:
            assert json.loads(said) in ([after] if order == "first" else [before, after])
        code, said = row["rerun"]
        assert code == 0, said
        reruns.append(int(said))
        assert (row["after"][0], json.loads(row["after"][1])) == (0, after)
    # What was encoded before the kill is not encoded again.
    num_batches = 6 if order == "first" else 4
    assert reruns[0] == num_batches and reruns[-1] == 0
    assert all(np.diff(reruns) <= 0)


NUM_PHOTOS, NUM_KILLS, NUM_CHANGED = 1500, 20, 150


def index(work, gallery="gallery"):
    flags = (f"--photos={work / 'photos'}", f"--gallery={work / gallery}", "--batch_size=4", "--json")
    return subprocess.Popen(
        [sys.executable, "-m", "tfsbir", "index", "--model=pretrained:category", *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def seconds_of_index(work):
    """Returns the seconds of `index` in a gallery of its own that nobody kills."""
    begun = time.monotonic()
    out, _ = index(work, "measured").communicate(timeout=300)
    assert json.loads(out)["num_photos"] == NUM_PHOTOS
    return time.monotonic() - begun


def change(files, moments):
    for file in moments.sample(files, NUM_CHANGED):
        Image.open(file).rotate(180).save(file)


def test_tfsbir_index_killed_at_twenty_random_moments_loses_nothing(tmp_path):
    generator = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    files = [tmp_path / "photos" / f"{number}.jpg" for number in range(NUM_PHOTOS)]
    for file in files:
        pixels = generator.integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((160, 120)).save(file)
    moments, num_killed = random.Random(0), 0
    build, idle = seconds_of_index(tmp_path), seconds_of_index(tmp_path)
    change(files, moments)
    update = seconds_of_index(tmp_path)
    # However quick a machine is: a build is not done before its kills are, nor an update before its own.
    longest = idle + 2 * (build - idle) / NUM_KILLS
    for turn in range(NUM_KILLS):
        if turn == NUM_KILLS // 2:
            out, _ = index(tmp_path).communicate(timeout=300)
            assert json.loads(out)["num_photos"] == NUM_PHOTOS
        if turn >= NUM_KILLS // 2:  # From now on it updates: some photos are others each time.
            change(files, moments)
            longest = update
        process = index(tmp_path)
        time.sleep(moments.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        num_killed += process.returncode == -signal.SIGKILL
    assert num_killed > NUM_KILLS / 2  # A machine that was slow when it was measured may be done before some.
    out, _ = index(tmp_path).communicate(timeout=300)
    assert json.loads(out)["num_photos"] == NUM_PHOTOS
    encoder = open_encoder("pretrained:category")
    gallery = Gallery.open(tmp_path / "gallery", encoder)
    assert gallery.photo_ids == tuple(file.name for file in files)
    photos = np.stack([encoder.preprocessing.read_photo(file) for file in files])
    np.testing.assert_allclose(gallery.embeddings(), encoder.encode_photos(photos), atol=1e-6)
    # Every photo finds itself, and no other that is as near.
    distances, gallery_ids = gallery.search(gallery.embeddings(), 2)
    np.testing.assert_array_equal(gallery_ids[:, 0], np.arange(NUM_PHOTOS))
    assert distances[:, 0].max() == 0 and distances[:, 1].min() > 0
