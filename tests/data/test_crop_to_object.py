"""Coarse alignment: where the object comes to lie, for photos and drawings alike."""

import cv2
import numpy as np
import pytest

from tfsbir.data.crop_to_object import crop_to_object
from tfsbir.data.edge_maps import edge_map
from tfsbir.data.images import list_images, read_image
from tfsbir.data.paper import remove_frame


def photo_of_box(top, bottom, left, right, shape=(256, 256), channels=3, paper=240, ink=40):
    image = np.full((*shape, channels), paper, np.uint8)
    image[top:bottom, left:right] = ink
    return image


def extent(image):
    """First and last row and column of what is dark."""
    rows, columns = np.nonzero(image[..., 0] < 128)
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("top", "left"), [(20, 30), (100, 120), (60, 10)])
def test_box_comes_to_the_middle(top, left, channels):
    """100 px wide and 50 high: with 10 % of 100 at both sides, 120 px become 256."""
    cropped = crop_to_object(photo_of_box(top, top + 50, left, left + 100, channels=channels), margin=0.1)
    assert (cropped.shape, cropped.dtype) == ((256, 256, channels), np.uint8)
    scale = 256 / 120
    expected = [128 - 25 * scale, 128 + 25 * scale, 128 - 50 * scale, 128 + 50 * scale]
    # The lines of its rim reach some 2 px beyond it.
    assert extent(cropped) == pytest.approx(expected, abs=3 * scale)


def test_outline_and_filled_shape_meet():
    """A drawing and a photo of the same thing, of other size and at another place, become alike."""
    photo = np.full((300, 400, 3), 245, np.uint8)
    cv2.ellipse(photo, (120, 170), (90, 50), 20, 0, 360, (30, 60, 120), -1, cv2.LINE_AA)
    sketch = np.full((256, 256), 255, np.uint8)
    cv2.ellipse(sketch, (170, 90), (45, 25), 20, 0, 360, 0, 2, cv2.LINE_AA)
    # The sketch's lines have width, of which half is outside.
    boxes = [extent(crop_to_object(image)) for image in (photo, sketch[..., None])]
    np.testing.assert_allclose(boxes[0], boxes[1], atol=9)
    inverted = crop_to_object(255 - sketch[..., None])
    np.testing.assert_array_equal(inverted, 255 - crop_to_object(sketch[..., None]))


def test_proportions_stay():
    photo = np.full((200, 400, 3), 245, np.uint8)
    cv2.circle(photo, (300, 90), 60, (30, 60, 120), -1, cv2.LINE_AA)
    top, bottom, left, right = extent(crop_to_object(photo, size=200))
    assert bottom - top == pytest.approx(right - left, abs=2)
    assert bottom - top == pytest.approx(200 / 1.1, abs=5)


def test_beyond_the_image_is_its_background():
    cropped = crop_to_object(photo_of_box(0, 90, 0, 60, paper=200), margin=0.2)
    assert set(np.unique(cropped[:20])) == {200}
    assert extent(cropped)[0] == pytest.approx(256 * 0.2 / 1.4, abs=4)


def test_specks_are_passed_over():
    image = photo_of_box(100, 160, 100, 160)
    clean = crop_to_object(image)
    image[5, 250] = image[240, 10] = 0
    np.testing.assert_allclose(extent(crop_to_object(image, specks=0.05)), extent(clean), atol=6)
    assert extent(crop_to_object(image, specks=0.0)) != extent(clean)


@pytest.mark.parametrize("margin", [0.0, 0.05, 0.5])
def test_what_fills_the_image_gets_no_frame(margin):
    image = np.full((128, 128, 1), 255, np.uint8)
    image[::8] = 0
    image[:, ::8] = 0
    np.testing.assert_allclose(crop_to_object(image, size=128, margin=margin, specks=0.0), image, atol=0)


@pytest.mark.parametrize("shape", [(1, 1, 3), (64, 64, 1), (30, 90, 3)])
def test_image_without_edges_is_kept_whole(shape):
    cropped = crop_to_object(np.full(shape, 77, np.uint8), size=48)
    assert cropped.shape == (48, 48, shape[2])
    assert np.all(cropped == 77)


@pytest.mark.parametrize(
    ("image", "options", "error", "message"),
    [
        (np.zeros((4, 4, 1), np.float32), {}, TypeError, r"must be uint8\. Received: float32"),
        (np.zeros((4, 4), np.uint8), {}, ValueError, r"`image` must be .* Received: \(4, 4\)"),
        (np.zeros((4, 4, 2), np.uint8), {}, ValueError, r"must be .* Received: \(4, 4, 2\)"),
        (np.zeros((4, 4, 1), np.uint8), {"size": 0}, ValueError, r"Received: 0, 0\.05, 0\.005"),
        (np.zeros((4, 4, 1), np.uint8), {"margin": -1}, ValueError, r"Received: 256, -1, 0\.005"),
        (np.zeros((4, 4, 1), np.uint8), {"specks": 0.5}, ValueError, r"Received: 256, 0\.05, 0\.5"),
    ],
)
def test_errors(image, options, error, message):
    with pytest.raises(error, match=message):
        crop_to_object(image, **options)


def test_photos_meet_their_published_edge_maps(shared_data):
    """The photos of `shoev1_attributes` are those of QMUL's edge maps, placed otherwise in their frames."""
    photos = list_images(shared_data / "shoev1_attributes" / "photo")[:24]
    maps = list_images(shared_data / "qmul_v1" / "shoes" / "train" / "edges")[:24]

    def blurred(edges):
        pixels = cv2.GaussianBlur(255 - edges[..., 0], (0, 0), 4).ravel() / 255.0
        return pixels / np.linalg.norm(pixels)

    similarities = []
    for photo_path, map_path in zip(photos, maps, strict=True):
        photo, published = read_image(photo_path, channels=3), remove_frame(read_image(map_path), 2)
        before = blurred(edge_map(photo)) @ blurred(published)
        after = blurred(edge_map(crop_to_object(photo))) @ blurred(crop_to_object(published))
        similarities.append((before, after))
    before, after = np.mean(similarities, axis=0)
    assert after > before + 0.15
