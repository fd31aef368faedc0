import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfsbir.data.augment import Augmentation, StrokeAugmentation, random_views


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
    views = random_views(batch, tf.fill([4], is_mirrored), 29, [1, 2]).numpy()
    for image, view in zip(batch, views, strict=True):
        view = view[:, ::-1] if is_mirrored else view
        assert any(np.abs(view - crop).max() < 1e-5 for crop in crops(image, 29).values())


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_plain_crop_is_what_sampling_would_read(is_mirrored):
    batch, mirrored = images(channels=3), tf.fill([4], is_mirrored)
    sampled = random_views(batch, mirrored, 29, [1, 2], warp=tf.zeros([4]))  # A tensor is not looked into.
    np.testing.assert_array_equal(random_views(batch, mirrored, 29, [1, 2]), sampled)


def test_every_crop_comes():
    image = np.repeat(images(1, size=8), 400, axis=0)
    views = random_views(image, tf.zeros([400], tf.bool), 6, [3, 4]).numpy()
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
    view = (random_views(stack, tf.constant([False]), 56, [5, 6], warp=1.0).numpy()[0] + 1) * 127.5
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
        views = (random_views(stack, tf.zeros([16], tf.bool), size, [1, 1], strength).numpy() + 1) * 127.5
        inner = views[:, 24:-24, 24:-24, 0] - ramp[24:-24, 24:-24]
        moved.append(np.abs(inner).mean())
        assert np.diff(inner, axis=2).min() > -1  # No fold: neighbours stay in order.
    assert moved[0] < 1e-3 < moved[1] < moved[2]


def test_strengths_may_differ_in_a_batch():
    views = random_views(
        np.repeat(images(1), 2, axis=0), tf.zeros([2], tf.bool), 32, [1, 2], [0.0, 1.0]
    ).numpy()
    np.testing.assert_allclose(views[0], images(1)[0] / 127.5 - 1, atol=1e-5)
    assert np.abs(views[1] - views[0]).max() > 0.1


def test_a_seed_gives_its_views_eagerly_and_in_a_dataset():
    batch, mirrored = images(), tf.constant([True, False, True, False])
    eager = random_views(batch, mirrored, 24, [7, 8], 1.0).numpy()
    mapped = tf.data.Dataset.from_tensors(batch).map(lambda b: random_views(b, mirrored, 24, [7, 8], 1.0))
    np.testing.assert_allclose(next(iter(mapped)).numpy(), eager, atol=1e-5)
    assert np.abs(random_views(batch, mirrored, 24, [7, 9], 1.0).numpy() - eager).max() > 0.1


def places_read(size, view_size, count, **options):
    """Where the views' pixels come from: `(count, view_size, view_size, 2)` x, y."""
    ramp = np.tile(np.arange(size, dtype=np.uint8), (size, 1))
    stack = np.repeat(np.stack([ramp, ramp.T, ramp], axis=-1)[None], count, axis=0)
    views = random_views(stack, tf.zeros([count], tf.bool), view_size, [9, 1], **options).numpy()
    return (views[..., :2] + 1) * 127.5


def test_rotation_and_scale_are_those_of_a_similarity():
    # No view of 80 px reaches the border of 200 px here, where the nearest pixel would be read.
    x, y = np.moveaxis(places_read(200, 80, 300, rotation=20.0, scale=0.25), -1, 0)
    across, down = ((v[:, 40, 70] - v[:, 40, 10]) / 60 for v in (x, y))
    factors, angles = 1 / np.hypot(across, down), np.degrees(np.arctan2(down, across))
    assert 0.75 - 1e-3 <= factors.min() < 0.77
    assert 1.23 < factors.max() <= 1.25 + 1e-3
    assert -20.01 <= angles.min() < -19
    assert 19 < angles.max() <= 20.01
    # Uniform: the quarters of either range are equally full.
    for values, limits in ((factors, (0.75, 1.25)), (angles, (-20, 20))):
        assert np.histogram(values, bins=4, range=limits)[0].min() > 50
    np.testing.assert_allclose(x[:, 70, 40] - x[:, 10, 40], -60 * down, atol=0.02)
    np.testing.assert_allclose(y[:, 70, 40] - y[:, 10, 40], 60 * across, atol=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotation": 181}, r"`rotation` must be in \[0, 180\]. Received: 181"),
        ({"sketch_warp": -1}, r"`sketch_warp` must be in \[0, inf\]. Received: -1"),
        ({"photo_warp": float("nan")}, r"`photo_warp` must be in \[0, inf\]. Received: nan"),
        ({"scale": 1}, r"`scale` must be in \[0, 1\). Received: 1"),
    ],
)
def test_impossible_augmentation(options, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"removal_shares": ()}, r"`removal_shares` must be in \[0, 1\). Received: \(\)"),
        ({"removal_shares": (0.1, 1.0)}, r"`removal_shares` must be in \[0, 1\). Received: \(0.1, 1.0\)"),
        ({"deformation_share": 1.1}, r"`deformation_share` must be in \[0, 1\]. Received: 1.1"),
        ({"deformation": -0.1}, r"`deformation` must be in \[0, 10\]. Received: -0.1"),
    ],
)
def test_impossible_stroke_augmentation(options, message):
    with pytest.raises(ValueError, match=message):
        StrokeAugmentation(**options)
