import json

import numpy as np
import pytest
from PIL import Image

from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing, center_crop, is_blank, to_canvas


def test_the_centre_of_the_canvas_is_scaled_to_minus_one_and_one():
    images = np.zeros((1, 256, 256, 1), np.uint8)
    images[:, 15:240, 15:240] = 255
    np.testing.assert_array_equal(Preprocessing(225, 8).center(images), np.ones((1, 225, 225, 1), np.float32))
    assert Preprocessing(227, 8).center(images)[0, 0, 0, 0] == -1


def test_files_become_the_encoder_s_inputs(tmp_path):
    photo = np.full((300, 400, 3), 255, np.uint8)
    photo[100:200, 150:250] = (200, 30, 30)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    edges = Preprocessing(225, 8).read_photo(tmp_path / "photo.png")
    assert edges.shape == (225, 225, 1)
    assert edges.max() == 1
    assert 0.001 < (edges < 0).mean() < 0.1  # Thin dark lines on white.
    rgb = Preprocessing(225, 8, photo_input="rgb").read_photo(tmp_path / "photo.png")
    assert rgb.shape == (225, 225, 3)
    np.testing.assert_allclose(rgb[112, 112], np.array([200, 30, 30]) / 127.5 - 1, atol=0.02)
    assert Preprocessing(225, 8).read_sketch(tmp_path / "photo.png").shape == (225, 225, 1)


def test_it_is_written_and_read(tmp_path):
    preprocessing = Preprocessing(97, 8, photo_input="rgb")
    (tmp_path / "preprocessing.json").write_text(json.dumps(preprocessing.to_json()))
    assert Preprocessing.from_json(tmp_path / "preprocessing.json") == preprocessing
    assert preprocessing.to_json()["photo_shape"] == [97, 97, 3]


@pytest.mark.parametrize("text", ["{", "[]", '{"image_size": 999, "embedding_dim": 8}', '{"image_size": 9}'])
def test_a_file_of_another_kind_is_named(tmp_path, text):
    (tmp_path / "preprocessing.json").write_text(text)
    with pytest.raises(InputError, match=r"preprocessing\.json: expected the preprocessing of an encoder"):
        Preprocessing.from_json(tmp_path / "preprocessing.json")


def test_arguments_out_of_range_are_named():
    with pytest.raises(ValueError, match=r"`image_size` must be in 1\.\.256"):
        Preprocessing(257, 8)
    with pytest.raises(ValueError, match="`photo_input` must be one of"):
        Preprocessing(225, 8, photo_input="sepia")


@pytest.mark.parametrize("size", [8, 7, 3])
def test_a_canvas_holds_exactly_the_images_that_are_cut_from_it(size):
    values = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
    images = center_crop(values, size)
    canvases = to_canvas(images, 8)
    assert canvases.dtype == np.uint8
    np.testing.assert_array_equal(center_crop(canvases, size), images)
    if size == 8:
        np.testing.assert_array_equal(canvases, values)
    else:
        assert np.all(canvases[:, -1] == 255)  # The margin is paper.


def test_values_between_are_rounded_and_others_cut_off():
    image = np.float32([-1.5, -1.0, 0.001, 1.0, 2.0]).reshape(1, 1, 5, 1)
    found = to_canvas(image[:, :, :1].repeat(1, 1), 1), to_canvas(image.reshape(5, 1, 1, 1), 1)
    assert found[0].item() == 0
    assert found[1].ravel().tolist() == [0, 0, 128, 255, 255]


def test_blank_is_what_shows_nothing():
    paper = np.ones((64, 64, 1), np.float32)
    noise = np.random.default_rng(0).uniform(0.9, 1.0, paper.shape)
    assert is_blank(paper) and is_blank(-paper) and is_blank(noise)
    paper[30, 10:50] = 0.7
    assert not is_blank(paper)
