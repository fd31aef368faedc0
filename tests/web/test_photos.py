"""Thumbnails: of photos in the gallery alone, small, kept, and never of a file behind a link."""

import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import client_of, write_photos
from tfsbir.data.images import read_image
from tfsbir.retrieval import Gallery
from tfsbir.web.settings import Size


@pytest.fixture
def served(work, tmp_path):
    """A folder with a gallery of six photos of its own, and a client."""
    write_photos(tmp_path / "photos", 6)
    paths = [tmp_path / "photos" / f"{number}.jpg" for number in range(6)]
    Gallery.build(work.encoder, paths, tmp_path / "gallery", progress=False)
    with client_of(tmp_path / "gallery", work.encoder, cache_bytes=8000) as client:
        yield tmp_path, client


@pytest.mark.parametrize("size", list(Size))
def test_a_thumbnail_is_the_photo_on_a_white_square(served, size):
    folder, client = served
    answer = client.get(f"/photos/3.jpg?size={int(size)}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    found = np.asarray(Image.open(io.BytesIO(answer.content)))
    expected = read_image(folder / "photos" / "3.jpg", size, channels=3)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 6  # JPEG's loss.


def test_other_sizes_and_ids_are_refused(served):
    _, client = served
    for size in ("0", "100", "-1", "1e9", "", "256.5"):
        answer = client.get(f"/photos/3.jpg?size={size}")
        assert answer.status_code == 422 and "`size`" in answer.json()["detail"]
    for name in ("30.jpg", "../gallery/gallery.json", "photos/3.jpg", "3.jpg/", "%00", "", "/etc/passwd"):
        answer = client.get(f"/photos/{name}")
        assert answer.status_code == 404, name
        assert str(served[0]) not in answer.text  # Where the photos lie is nobody's business.


def test_a_browser_s_copy_is_confirmed(served):
    folder, client = served
    answer = client.get("/photos/3.jpg")
    again = client.get("/photos/3.jpg", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Image.open(folder / "photos" / "3.jpg").rotate(180).save(folder / "photos" / "3.jpg")
    again = client.get("/photos/3.jpg", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 200 and again.headers["ETag"] != answer.headers["ETag"]


def test_as_much_is_kept_as_was_allowed(served):
    _, client = served
    for _ in range(3):
        for number in range(6):
            assert client.get(f"/photos/{number}.jpg?size=128").status_code == 200
    value = client.measures.registry.get_sample_value
    assert value("tfsbir_thumbnails_total", {"source": "file"}) == 18  # Six do not fit, so each is made anew.
    client.get("/photos/5.jpg?size=128")
    assert value("tfsbir_thumbnails_total", {"source": "cache"}) == 1


def test_a_photo_that_is_gone_or_broken_is_not_found(served):
    folder, client = served
    (folder / "photos" / "1.jpg").unlink()
    (folder / "photos" / "2.jpg").write_bytes((folder / "photos" / "2.jpg").read_bytes()[:300])
    for number in (1, 2):
        answer = client.get(f"/photos/{number}.jpg")
        assert answer.status_code == 404
        assert answer.json() == {"detail": f"expected a photo that can be read; '{number}.jpg' cannot"}


def test_a_link_out_of_the_folder_is_not_followed(served):
    folder, client = served
    write_photos(folder / "secret", 1)
    for number, target in ((1, folder / "secret" / "0.jpg"), (2, folder / "photos" / "5.jpg")):
        (folder / "photos" / f"{number}.jpg").unlink()
        os.symlink(target, folder / "photos" / f"{number}.jpg")
    os.symlink("4.jpg", folder / "photos" / "loop.jpg")
    assert client.get("/photos/1.jpg").status_code == 404
    assert client.get("/photos/2.jpg").status_code == 200  # One that stays inside is a photo like others.
    # A folder on the way may be a link as well.
    shutil.move(folder / "photos", folder / "moved")
    os.symlink(folder / "secret", folder / "photos")
    assert (
        client.get("/photos/0.jpg").status_code == 200
    )  # The root itself: whoever serves it has put it there.
    (folder / "photos").unlink()
