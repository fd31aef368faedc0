"""The file of a gallery's attributes: damaged, of another shape, with other values, or gone."""

import hashlib
import io
import json
import re

import numpy as np
import pytest

from tests.retrieval.test_gallery_attributes import attributed, build
from tfsbir.errors import InputError
from tfsbir.retrieval import Gallery


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


GOOD = npy(np.full((4, 3), 0.5, np.float16))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", ".*EOF"),
        (b"no array at all", ".*magic string"),
        (GOOD[:-2], "."),
        (GOOD.replace(b"(4, 3), ", b"(4, 3, "), "."),
        (npy(np.full((4, 2), 0.5, np.float16)), r"found float16 of the shape \(4, 2\)"),
        (npy(np.full((4, 3), 0.5)), r"found float64 of the shape \(4, 3\)"),
        (npy(np.full((4, 3), None)), r"found object of the shape \(4, 3\)"),
        # A header that promises petabytes is refused before room is made for them.
        (
            GOOD.replace(b"(4, 3), }" + 9 * b" ", b"(4444444444, 3), }"),
            r"found float16 of the shape \(444444",
        ),
        (GOOD.replace(b"NUMPY\x01", b"NUMPY\x02"), r"found version \(2, 0\) of the format"),
    ],
)
def test_a_damaged_attribute_file_is_named(tmp_path, data, message):
    assert data != GOOD
    path = tmp_path / "gallery"
    build(attributed(4), path)
    file = attributes_file(path)
    file.write_bytes(data)
    with pytest.raises(InputError, match=f"{file.name}: expected the file .* saved with, SHA-256"):
        Gallery.open(path)
    # Someone who writes such a file can write its SHA-256 too.
    accept(path)
    expected = f"{file.name}: expected float16 probabilities of the shape (4, 3); "
    with pytest.raises(InputError, match=re.escape(expected) + message):
        Gallery.open(path)


def attributes_file(path):
    (file,) = path.glob("attributes-*.npy")
    return file


def accept(path):
    """Writes the attribute file's present SHA-256 into the record."""
    record = json.loads((path / "gallery.json").read_text())
    digest = hashlib.sha256(attributes_file(path).read_bytes()).hexdigest()
    record["files"]["attributes"]["sha256"] = digest
    (path / "gallery.json").write_text(json.dumps(record))


@pytest.mark.parametrize("value", [-0.001, 1.001, np.nan, np.inf])
def test_an_attribute_file_of_other_values_is_refused(tmp_path, value):
    probabilities = np.full((4, 3), 0.5, np.float16)
    probabilities[3, 1] = value
    path = tmp_path / "gallery"
    build(attributed(4), path)
    attributes_file(path).write_bytes(npy(probabilities))
    accept(path)
    message = ": expected float16 probabilities of the shape (4, 3) in [0, 1]; found others"
    message = attributes_file(path).name + message
    with pytest.raises(InputError, match=re.escape(message)):
        Gallery.open(path)


def test_a_missing_attribute_file_and_an_old_gallery_are_named(tmp_path):
    path = tmp_path / "gallery"
    build(attributed(4), path)
    attributes_file(path).unlink()
    with pytest.raises(InputError, match=r"attributes-.*\.npy: expected a file of a gallery; there is no"):
        Gallery.open(path)
    record = json.loads((path / "gallery.json").read_text())
    del record["preprocessing"]["attributes"]
    (path / "gallery.json").write_text(json.dumps({**record, "format_version": 2}))
    message = r"gallery.json: expected format version 4; found 2 \(build the gallery again with this version"
    with pytest.raises(InputError, match=message):
        Gallery.open(path)
