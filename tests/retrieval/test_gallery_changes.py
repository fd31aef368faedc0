"""Galleries that photos are added to, renewed in and removed from: what is encoded, kept, found and saved."""

import json
import os
import re

import numpy as np
import pytest

from tests.retrieval.drawn_encoder import drawn_encoder, unit_vectors
from tests.retrieval.test_gallery import brute_force
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery, Photo
from tfsbir.retrieval.encoded_photos import EncodedPhoto

VECTORS = unit_vectors(60, 8)


@pytest.fixture
def photos(tmp_path):
    """A folder of photos, `NUMBER.png`, which the drawn encoder knows by their names."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.png").write_text(str(number))
    return folder


class Counted:
    """A drawn encoder that counts the photos it encodes."""

    def __init__(self, **arguments):
        self.num_encoded = 0
        self.encoder = drawn_encoder(VECTORS, **arguments)
        encode = self.encoder.encode_photos
        self.encoder.encode_photos = lambda images: self._count(images) or encode(images)

    def _count(self, images):
        self.num_encoded += len(images)


def paths(folder, numbers):
    return [folder / f"{number}.png" for number in numbers]


def sync(path, counted, photos, numbers, **arguments):
    """Makes the gallery at `path` one of these photos; returns the opened gallery and the changes."""
    gallery, _ = Gallery.open_or_create(path, counted.encoder, photos, **arguments)
    changes = gallery.sync(paths(photos, numbers), batch_size=4)
    gallery.save()
    return Gallery.open(path, counted.encoder), changes


def check_found(gallery, numbers):
    """Checks that a search finds exactly these photos, and each by its own embedding."""
    assert gallery.photo_ids == tuple(f"{number}.png" for number in numbers)
    expected_distances, expected = brute_force(VECTORS, VECTORS[list(numbers)], len(numbers))
    distances, gallery_ids = gallery.search(VECTORS, len(numbers), **_all_in_view(gallery))
    np.testing.assert_array_equal(gallery_ids, expected)
    np.testing.assert_allclose(distances, expected_distances, atol=1e-6)


def _all_in_view(gallery):
    return {"ef_search": 1000} if gallery.index_kind == "hnsw" else {}


@pytest.mark.parametrize("index", ["flat", "hnsw"])
def test_only_what_is_new_or_has_changed_is_encoded(tmp_path, photos, index):
    path, counted = tmp_path / "gallery", Counted()
    gallery, changes = sync(path, counted, photos, range(10), index=index)
    assert (changes.num_added, changes.num_unchanged, counted.num_encoded) == (10, 0, 10)
    gallery, changes = sync(path, counted, photos, range(10), index=index)
    assert (changes.num_added, changes.num_unchanged, counted.num_encoded) == (0, 10, 10)
    # Some go, some come, and the order is another one.
    numbers = [12, 3, 4, 19, 5, 9, 0]
    gallery, changes = sync(path, counted, photos, numbers, index=index)
    assert (changes.num_added, changes.num_removed, changes.num_unchanged) == (2, 5, 5)
    assert counted.num_encoded == 12
    check_found(gallery, numbers)
    # What has another content is encoded anew; what was only touched is not.
    (photos / "3.png").write_text("another content")
    os.utime(photos / "4.png", (1, 1))
    gallery, changes = sync(path, counted, photos, numbers, index=index)
    assert (changes.num_replaced, changes.num_unchanged, counted.num_encoded) == (1, 6, 13)
    check_found(gallery, numbers)
    sync(path, counted, photos, numbers, index=index)
    assert counted.num_encoded == 13


def test_a_gallery_brought_up_to_date_is_the_one_built_at_once(tmp_path, photos):
    counted = Counted()
    for numbers in (range(5), range(3, 20), [7, 8, 2, 19]):
        sync(tmp_path / "changed", counted, photos, numbers)
    sync(tmp_path / "built", counted, photos, [7, 8, 2, 19])
    # A file's name tells its content.
    names = [sorted(file.name for file in (tmp_path / one).iterdir()) for one in ("changed", "built")]
    assert names[0] == names[1]


def test_an_index_of_another_kind_encodes_nothing(tmp_path, photos):
    counted = Counted()
    for index in ("flat", "hnsw", "flat"):
        gallery, _ = sync(tmp_path / "gallery", counted, photos, range(20), index=index)
        assert gallery.index_kind == index
        check_found(gallery, range(20))
    assert counted.num_encoded == 20


def test_a_graph_is_kept_until_much_of_it_is_dead(tmp_path, photos):
    counted, path = Counted(), tmp_path / "gallery"
    gallery, _ = sync(path, counted, photos, range(20), index="hnsw")
    sizes = []
    for numbers in (range(18), range(2, 20), range(4, 20), range(10, 20)):
        gallery, _ = sync(path, counted, photos, numbers, index="hnsw")
        check_found(gallery, numbers)
        sizes.append(gallery._store._index.index.ntotal)
    assert sizes == [20, 22, 16, 10]  # Built anew at 16 of 22 and at 10 of 16.


@pytest.mark.parametrize("index", ["flat", "hnsw"])
def test_add_update_and_remove(tmp_path, photos, index):
    counted = Counted()
    gallery = Gallery.create(tmp_path / "gallery", counted.encoder, photos, index)
    assert len(gallery) == 0 and gallery.find(VECTORS[0]) == []
    gallery.add(paths(photos, [5, 3]))
    gallery.add(paths(photos, [3, 8]))
    check_found(gallery, [5, 3, 8])
    assert not (tmp_path / "gallery" / "gallery.json").exists()  # Before it is saved.
    gallery.save()
    gallery.remove(["3.png"])
    check_found(gallery, [5, 8])
    check_found(Gallery.open(tmp_path / "gallery"), [5, 3, 8])
    with pytest.raises(KeyError, match=r"absent\.png"):
        gallery.remove(["5.png", "absent.png"])
    check_found(gallery, [5, 8])
    (photos / "5.png").unlink()
    (photos / "8.png").write_text("changed")
    changes = gallery.update()
    assert (changes.num_replaced, changes.num_removed, len(changes.skipped)) == (1, 1, 1)
    check_found(gallery, [8])
    gallery.remove(["8.png"])
    gallery.save()
    assert len(Gallery.open(tmp_path / "gallery")) == 0


def test_metadata_come_stay_change_and_choose(tmp_path, photos):
    counted, path = Counted(), tmp_path / "gallery"
    gallery = Gallery.create(path, counted.encoder, photos)
    brands = ["acme", "ajax", None, "acme"]
    gallery.add([
        Photo(f"{number}.png", photos / f"{number}.png", {"brand": brand, "price": 10 * number})
        for number, brand in enumerate(brands)
    ])  # fmt: skip
    gallery.add(paths(photos, [4]))
    gallery.save()
    gallery = Gallery.open(path, counted.encoder)
    assert gallery.photo("1.png") == Photo("1.png", photos / "1.png", {"brand": "ajax", "price": 10})
    assert gallery.photo("4.png").metadata == {}
    for where, numbers in (
        ({"brand": "acme"}, [0, 3]),
        ({"brand": ["ajax", None]}, [1, 2]),
        ({"price": {"min": 10, "max": 20}}, [1, 2]),
        ({"price": {"max": 20}, "brand": "acme"}, [0]),
        ({"colour": "red"}, []),
        ({}, [0, 1, 2, 3, 4]),
    ):
        found = gallery.find(VECTORS[0], where=where)
        assert sorted(match.photo.photo_id for match in found) == [f"{number}.png" for number in numbers]
    # A photo given without metadata keeps them; other ones are taken without encoding.
    gallery.add(paths(photos, [0]))
    gallery.add([Photo("1.png", photos / "1.png", {"brand": "new"})])
    assert counted.num_encoded == 5
    gallery.save()
    gallery = Gallery.open(path)
    assert gallery.photo("0.png").metadata == {"brand": "acme", "price": 0}
    assert gallery.photo("1.png").metadata == {"brand": "new"}


def test_photos_may_lie_elsewhere_under_names_of_their_own(tmp_path, photos):
    gallery = Gallery.create(tmp_path / "gallery", drawn_encoder(VECTORS), tmp_path / "empty")
    gallery.add([Photo("shoe 7", photos / "7.png"), Photo("shoe 8", photos / "8.png")])
    gallery.save()
    (match,) = Gallery.open(tmp_path / "gallery").find(VECTORS[8], k=1)
    assert (match.photo.photo_id, match.photo.path) == ("shoe 8", photos / "8.png")
    assert match.distance == 0 and match.attributes == {}
    with pytest.raises(ValueError, match="`root` must hold every photo"):
        gallery.add(paths(photos, [1]))


def test_what_does_not_fit_is_made_anew_and_why_is_said(tmp_path, photos):
    counted, path = Counted(), tmp_path / "gallery"
    sync(path, counted, photos, range(3))
    other = drawn_encoder(VECTORS, fingerprint="other")
    (tmp_path / "elsewhere").mkdir()
    for encoder, root, message in (
        (other, photos, "expected the encoder that made this gallery, with the fingerprint made; found"),
        (counted.encoder, tmp_path / "elsewhere", f"its photos are in {photos}"),
    ):
        gallery, reason = Gallery.open_or_create(path, encoder, root)
        assert len(gallery) == 0 and message in reason
    assert Gallery.open_or_create(path, counted.encoder, photos)[1] is None
    assert Gallery.open_or_create(tmp_path / "new", other, photos)[1] is None
    (next(path.glob("vectors-*"))).write_bytes(b"damaged")
    gallery, reason = Gallery.open_or_create(path, counted.encoder, photos)
    assert len(gallery) == 0 and "expected the file that the gallery was saved with" in reason


def test_a_distilled_encoder_searches_but_does_not_add(tmp_path, photos):
    sync(tmp_path / "gallery", Counted(), photos, range(3))
    student = drawn_encoder(VECTORS, fingerprint="student")
    student.teacher = "made"
    gallery = Gallery.open(tmp_path / "gallery", student)
    assert len(gallery.find(VECTORS[0])) == 3
    with pytest.raises(InputError, match=r"expected the very encoder that made this gallery, .* made; found"):
        gallery.add(paths(photos, [5]))
    with pytest.raises(ValueError, match=r"`encoder` must be given to `Gallery\.open`"):
        Gallery.open(tmp_path / "gallery").add(paths(photos, [5]))


def test_two_writers_at_once_are_refused(tmp_path, photos):
    path, refused = tmp_path / "gallery", []

    def meanwhile():
        with pytest.raises(InputError, match="expected a gallery that no other process is writing to") as one:
            Gallery.create(path, drawn_encoder(VECTORS), photos).add(paths(photos, [1]))
        refused.append(one)

    Gallery.create(path, drawn_encoder(VECTORS, before_batch=meanwhile), photos).add(paths(photos, [0]))
    assert len(refused) == 1


def test_what_another_process_has_saved_is_not_overwritten(tmp_path, photos):
    path, counted = tmp_path / "gallery", Counted()
    sync(path, counted, photos, range(3))
    gallery = Gallery.open(path, counted.encoder)
    gallery.add(paths(photos, [5]))
    sync(path, counted, photos, range(8))
    with pytest.raises(InputError, match="no other process has changed since it was opened; found another"):
        gallery.save()
    check_found(Gallery.open(path), range(8))


def test_a_photo_at_an_address_keeps_it(tmp_path, photos):
    address = "gs://bucket/photos//7.png"
    encoded = EncodedPhoto("7.png", address, 10, None, "0" * 64)
    gallery = Gallery.create(tmp_path / "gallery", drawn_encoder(VECTORS), "gs://bucket/photos")
    gallery.sync_encoded([([encoded], VECTORS[7:8])])
    gallery.save()
    gallery, reason = Gallery.open_or_create(
        tmp_path / "gallery", drawn_encoder(VECTORS), "gs://bucket/photos"
    )
    assert reason is None
    assert gallery.photo("7.png").path == address
    # What cannot be read from here stays as it was, and what is new there is not encoded here.
    assert gallery.update().num_unchanged == 1
    changes = gallery.add([Photo("8.png", "gs://bucket/photos/8.png")])
    assert [reason for _, reason in changes.skipped] == [
        "gs://bucket/photos/8.png: expected a file of this machine; found an address, for "
        "`tfsbir.pipelines.encode_photos`"
    ]
    assert gallery.photo_ids == ("7.png",)


def test_a_reader_that_a_save_overtakes_reads_again(tmp_path, photos, monkeypatch):
    path, counted = tmp_path / "gallery", Counted()
    sync(path, counted, photos, range(3))
    load, overtaken = Gallery._open.__func__, []

    def overtake(cls, path, record, encoder):
        if not overtaken:
            overtaken.append(True)
            sync(path, counted, photos, range(6))
        return load(cls, path, record, encoder)

    monkeypatch.setattr(Gallery, "_open", classmethod(overtake))
    check_found(Gallery.open(path), range(6))


def test_damage_of_every_file_is_named(tmp_path, photos):
    path, counted = tmp_path / "gallery", Counted()
    for numbers in (range(20), range(2, 20)):
        sync(path, counted, photos, numbers, index="hnsw")
    roles = [file.name.split("-")[0] for file in sorted(path.glob("*-*"))]
    assert roles == ["index", "photos", "places", "vectors"]
    for file in sorted(path.glob("*-*")):
        data = file.read_bytes()
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(
            InputError, match=rf"{file.name}: expected the file that .* SHA-256 [0-9a-f]{{64}}"
        ):
            Gallery.open(path)
        file.write_bytes(data)
    record = json.loads((path / "gallery.json").read_text())
    record["files"]["photos"]["name"] = "../../secret.json"
    (path / "gallery.json").write_text(json.dumps(record))
    message = "expected the name of a gallery's file; found '../../secret.json'"
    with pytest.raises(InputError, match=re.escape(message)):
        Gallery.open(path)
