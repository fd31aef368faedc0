import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfsbir.data.augment import random_views


def images(count=4, size=32, channels=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, channels), dtype=np.uint8)


def crops(image, size):
    room = len(image) - size
    return {
        (y, x): image[y : y + size, x : x + size] / 127.5 - 1
        for y in range(room + 1)
        for x in range(room + 1)
    }


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_without_a_warp_a_view_is_a_plain_crop(is_mirrored):
    batch = images(channels=3)
    views = random_views(batch, tf.fill([4], is_mirrored), 29, 0.0, [1, 2]).numpy()
    for image, view in zip(batch, views, strict=True):
        view = view[:, ::-1] if is_mirrored else view
        assert any(np.abs(view - crop).max() < 1e-5 for crop in crops(image, 29).values())


def test_every_crop_comes():
    image = np.repeat(images(1, size=8), 400, axis=0)
    views = random_views(image, tf.zeros([400], tf.bool), 6, 0.0, [3, 4]).numpy()
    places = crops(image[0], 6)
    drawn = {
        next(place for place, crop in places.items() if np.abs(view - crop).max() < 1e-5) for view in views
    }
    assert drawn == set(places)


def test_a_warped_view_is_what_opencv_reads_at_the_same_places():
    # The places are read off two ramps, whose bilinear samples are their own coordinates.
    size = 64
    ramp = np.tile(np.arange(size, dtype=np.uint8)[:, None], (1, size))
    drawing = cv2.GaussianBlur(images(1, size)[0, :, :, 0], (0, 0), 2)
    stack = np.stack([ramp.T, ramp, drawing], axis=-1)[None]
    view = (random_views(stack, tf.constant([False]), 56, 1.0, [5, 6]).numpy()[0] + 1) * 127.5
    x, y = view[..., 0].astype(np.float32), view[..., 1].astype(np.float32)
    assert np.abs(np.diff(x, axis=1) - 1).max() > 0.01  # It does warp.
    expected = cv2.remap(drawing.astype(np.float32), x, y, cv2.INTER_LINEAR)
    np.testing.assert_allclose(view[..., 2], expected, atol=1.0)


def test_the_warp_is_smooth_and_its_size_follows_its_strength():
    size = 225
    ramp = np.tile(np.arange(size, dtype=np.uint8), (size, 1))
    stack = np.repeat(ramp[None, :, :, None], 16, axis=0)
    moved = []
    for strength in (0.0, 0.5, 1.0):
        views = (random_views(stack, tf.zeros([16], tf.bool), size, strength, [1, 1]).numpy() + 1) * 127.5
        inner = views[:, 24:-24, 24:-24, 0] - ramp[24:-24, 24:-24]
        moved.append(np.abs(inner).mean())
        assert np.diff(inner, axis=2).min() > -1  # No fold: neighbours stay in order.
    assert moved[0] < 1e-3 < moved[1] < moved[2]


def test_strengths_may_differ_in_a_batch():
    views = random_views(
        np.repeat(images(1), 2, axis=0), tf.zeros([2], tf.bool), 32, [0.0, 1.0], [1, 2]
    ).numpy()
    np.testing.assert_allclose(views[0], images(1)[0] / 127.5 - 1, atol=1e-5)
    assert np.abs(views[1] - views[0]).max() > 0.1


def test_a_seed_gives_its_views_eagerly_and_in_a_dataset():
    batch, mirrored = images(), tf.constant([True, False, True, False])
    eager = random_views(batch, mirrored, 24, 1.0, [7, 8]).numpy()
    mapped = tf.data.Dataset.from_tensors(batch).map(lambda b: random_views(b, mirrored, 24, 1.0, [7, 8]))
    np.testing.assert_allclose(next(iter(mapped)).numpy(), eager, atol=1e-5)
    assert np.abs(random_views(batch, mirrored, 24, 1.0, [7, 9]).numpy() - eager).max() > 0.1
