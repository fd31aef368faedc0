"""Photos and names of which nobody thinks: searches and thumbnails still answer."""

import os

import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import client_of, write_photos
from tfsbir.retrieval import Gallery, Photo
from tfsbir.web.attention import Attention
from tfsbir.web.served import ServedGallery

STROKES = {"strokes": [[[0, 0], [40, 50], [10, 44]]], "k": 20}
ODD = os.fsdecode(b"caf\xe9 100%?#.jpg")  # Latin-1, as old disks have it.


@pytest.fixture
def gallery(work, tmp_path):
    """A gallery of three photos, one of whose names is no text."""
    write_photos(tmp_path / "photos", 3)
    os.rename(tmp_path / "photos" / "1.jpg", tmp_path / "photos" / ODD)
    gallery = Gallery.create(tmp_path / "gallery", work.encoder, tmp_path / "photos")
    gallery.add([Photo(name, tmp_path / "photos" / name) for name in ("0.jpg", ODD, "2.jpg")])
    gallery.save()
    return tmp_path / "gallery"


def test_a_name_that_is_no_text_is_found_and_shown(work, gallery):
    with client_of(gallery, work.encoder) as client:
        results = client.post("/search", json=STROKES).json()["results"]
        found = next(result for result in results if result["photo_id"] == "caf\ufffd 100%?#.jpg")
        assert found["photo_url"] == "/photos/caf%E9%20100%25%3F%23.jpg"
        photo = client.get(found["photo_url"])
        assert (photo.status_code, photo.headers["Content-Type"]) == (200, "image/jpeg")
        absent = client.get("/photos/caf%EA.jpg")
        assert absent.json() == {
            "detail": r"expected the id of a photo in the gallery; found 'caf\udcea.jpg'"
        }


def test_a_photo_that_must_not_be_read_is_not_found(work, gallery, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied", "/secret/place/0.jpg")

    monkeypatch.setattr("tfsbir.web.thumbnails.read_image", refused)
    with client_of(gallery, work.encoder) as client:
        answer = client.get("/photos/0.jpg")
        assert answer.status_code == 404
        assert answer.json() == {"detail": "expected a photo that can be read; '0.jpg' cannot"}


def test_a_gallery_without_photos_finds_none(work, tmp_path):
    Gallery.create(tmp_path / "gallery", work.encoder, tmp_path).save()
    with client_of(tmp_path / "gallery", work.encoder) as client:
        for query in ({}, {"explain": True}, {"where": {"price": 1}}, {"with_attributes": ["strap"]}):
            answer = client.post("/search", json={**STROKES, **query})
            assert answer.status_code == 200
            assert (answer.json()["num_photos"], answer.json()["results"]) == (0, [])


def test_a_photo_that_is_broken_has_no_attention(work, gallery, monkeypatch):
    read = []

    def photo_maps(images):
        read.append(len(images))
        return np.ones((len(images), 2, 2), np.float32)

    monkeypatch.setattr(Attention, "of", lambda encoder: Attention(photo_maps, photo_maps))
    photos = gallery.parent / "photos"
    (photos / "0.jpg").write_bytes((photos / "0.jpg").read_bytes()[:200])
    os.remove(photos / "2.jpg")
    with client_of(gallery, work.encoder) as client:
        for _ in range(2):
            answer = client.post("/search", json={**STROKES, "explain": True}).json()
            maps = {result["photo_id"]: result["attention"] for result in answer["results"]}
            assert maps == {"0.jpg": None, "2.jpg": None, "caf\ufffd 100%?#.jpg": [[0.25] * 2] * 2}
            assert answer["sketch_attention"] == [[0.25] * 2] * 2
        assert len(read) == 1 + 2  # The photo once, the sketch each time.
        Image.new("RGB", (9, 9), "red").save(photos / "0.jpg")
        answer = client.post("/search", json={**STROKES, "explain": True}).json()
        assert sum(result["attention"] is not None for result in answer["results"]) == 2


def test_whatever_keeps_a_new_gallery_from_opening_is_told(work, gallery, monkeypatch, capsys):
    with client_of(gallery, work.encoder) as client:
        served = ServedGallery(gallery, work.encoder, client.measures)
        monkeypatch.setattr(Gallery, "open", lambda *_: 1 / 0)
        served._open_anew()
        assert served.problem == "division by zero" and len(served.gallery) == 3
        assert capsys.readouterr().err == "kept the gallery as it was: division by zero\n"
        monkeypatch.undo()
        served._open_anew()
        assert served.problem is None
