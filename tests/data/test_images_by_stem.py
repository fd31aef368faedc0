"""Images by their stems."""

import pytest

from tfsbir.data.images_by_stem import images_by_stem
from tfsbir.errors import InputError


def test_natural_order_of_the_stems(tmp_path):
    for name in ("10.png", "9.jpg", "shoe-2.png", "shoe-10.png", ".9.png", "notes.txt"):
        (tmp_path / name).touch()
    paths = images_by_stem(tmp_path)
    assert list(paths) == ["9", "10", "shoe-2", "shoe-10"]
    assert paths["9"] == tmp_path / "9.jpg"


def test_two_images_of_one_stem(tmp_path):
    for name in ("9.png", "9.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"9\.png: expected one file for each stem; found 9\.jpg as well"):
        images_by_stem(tmp_path)


def test_no_image(tmp_path):
    with pytest.raises(InputError, match=r"expected at least one image .*; found none"):
        images_by_stem(tmp_path)
