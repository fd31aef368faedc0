import keras
import numpy as np
import pytest
import tensorflow as tf

from export.sent_files import FORMS, NUM_FILES, sent_files
from export.server_parity import compare_files, compare_pairwise
from tfsbir.distances import HOLEF, SquaredEuclidean
from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing

PREPROCESSING = Preprocessing(image_size=225, embedding_dim=81, photo_input="rgb")


def pictures(channels, num=3):
    images = np.ones((num, 225, 225, channels), np.float32)
    for index, image in enumerate(images):
        image[40 + 9 * index : 170, 60:70] = -1
        image[100:104, 20:200] = np.linspace(-1, 0.5, channels)
    return images


def encoder(channels):
    image = keras.Input((225, 225, channels))
    x = keras.layers.AveragePooling2D(25)(image)
    return keras.Model(image, keras.layers.Flatten()(keras.layers.Conv2D(1, 1)(x)))


def served(model, domain, path, change=lambda image: image):
    """What a server embeds, read by Pillow here; the graph has tests of its own."""

    def embed(image_bytes):
        path.write_bytes(image_bytes.numpy()[0])
        return {"embedding": model(change(getattr(PREPROCESSING, f"read_{domain}")(path)[None]))}

    return embed


@pytest.mark.parametrize(("domain", "channels"), [("sketch", 1), ("photo", 3)])
def test_files_of_every_form_are_compared(domain, channels, tmp_path):
    model = encoder(channels)
    images = np.concatenate([np.ones((1, 225, 225, channels), np.float32), pictures(channels)])
    parity = compare_files(
        model, served(model, domain, tmp_path / "file"), domain, images, PREPROCESSING, 0.999
    )
    assert parity["num_images"] == len(FORMS)
    assert parity["forms"] == sorted(FORMS)
    assert parity["min_cosine"] == pytest.approx(1)
    assert parity["tolerance"]["min_cosine"] == 0.999
    for change in (lambda image: image[:, ::-1], lambda image: -image, lambda image: image * np.nan):
        with pytest.raises(InputError, match=rf"`min_cosine` >= 0\.999 .* on 8 {domain} files"):
            compare_files(
                model, served(model, domain, tmp_path / "file", change), domain, images, PREPROCESSING, 0.999
            )


def test_white_images_alone_cannot_be_compared():
    images = np.ones((2, 225, 225, 1), np.float32)
    with pytest.raises(InputError, match="expected a training sketch that is not white; found 2 white ones"):
        compare_files(None, None, "sketch", images, PREPROCESSING, 0.999)


def test_each_image_is_sent_once_up_to_a_number():
    assert len(sent_files(pictures(1, 3))) == len(FORMS)
    assert len(sent_files(pictures(1, 11))) == 11
    assert len(sent_files(pictures(1, 30))) == NUM_FILES


@pytest.mark.parametrize("distance", [SquaredEuclidean(), HOLEF(5)], ids=["squared_euclidean", "holef"])
def test_distances_are_compared(distance):
    rng = np.random.default_rng(0)
    embeddings = {
        domain: rng.normal(size=(num, 5)).astype(np.float32) for domain, num in (("sketch", 3), ("photo", 4))
    }

    def pairwise(sketch, photo, factor=1.0):
        return {"distance": factor * distance.pairwise(sketch, photo)}

    parity = compare_pairwise(embeddings, distance, pairwise, 1e-3)
    assert (parity["num_distances"], parity["max_distance_error"]) == (12, 0.0)
    for wrong in (
        lambda sketch, photo: pairwise(sketch, photo, 1.01),
        lambda sketch, photo: pairwise(sketch, photo, np.nan),
        lambda sketch, photo: {"distance": tf.reverse(pairwise(sketch, photo)["distance"], [0])},
    ):
        with pytest.raises(InputError, match="the signature `distance` must have `max_distance_error` <= 0"):
            compare_pairwise(embeddings, distance, wrong, 1e-3)


def test_equal_embeddings_have_distance_0_and_no_error():
    embeddings = dict.fromkeys(("sketch", "photo"), np.ones((2, 5), np.float32))
    distance = SquaredEuclidean()

    def pairwise(sketch, photo):
        return {"distance": distance.pairwise(sketch, photo)}

    assert compare_pairwise(embeddings, distance, pairwise, 1e-3)["max_distance_error"] == 0.0
