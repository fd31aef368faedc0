"""Edge maps: where the lines are, how wide, and that they look like the published ones."""

import cv2
import numpy as np
import pytest
from skimage.feature import canny

from tfsbir.data.edge_maps import edge_map
from tfsbir.data.images import list_images, read_photo_edges
from tfsbir.data.qmul_v1 import qmul_v1


def disc(inside, outside, radius=70.0):
    """A soft-rimmed disc in the middle of 256 x 256 pixels, and every pixel's distance to its rim."""
    y, x = np.mgrid[0:256, 0:256] - 127.5
    from_rim = np.hypot(x, y) - radius
    share = np.clip(0.5 - from_rim, 0, 1)[..., None]
    photo = share * np.array(inside, float) + (1 - share) * np.array(outside, float)
    return np.round(photo).astype(np.uint8), np.abs(from_rim)


def ink(edges):
    return (255.0 - edges[..., 0]) / 255.0


def test_polarity_place_and_thickness():
    photo, from_rim = disc((60, 80, 90), (240, 240, 240))
    edges = edge_map(photo)
    assert edges.shape == (256, 256, 1)
    assert edges.dtype == np.uint8
    assert np.median(edges) == 255
    assert edges.min() < 120
    assert np.all(from_rim[ink(edges) > 0.2] < 2)
    # Everywhere along the rim, and about as much ink as a line of one pixel.
    y, x = np.nonzero(ink(edges) > 0.2)
    assert len(np.unique(np.round(np.degrees(np.arctan2(y - 127.5, x - 127.5)) / 5))) >= 72
    assert 0.9 < ink(edges).sum() / (2 * np.pi * 70) < 1.4


def test_agrees_with_another_canny():
    random = np.random.default_rng(0)
    photo = np.full((256, 256), 250, np.uint8)
    for _ in range(12):
        center, radius = random.integers(40, 216, 2), int(random.integers(10, 40))
        cv2.circle(photo, tuple(map(int, center)), radius, int(random.integers(20, 180)), -1, cv2.LINE_AA)
    ours = ink(edge_map(photo)) > 0.4
    theirs = canny(photo / 255.0, sigma=1.8, low_threshold=0.05, high_threshold=0.1)
    to_theirs = cv2.distanceTransform((~theirs).astype(np.uint8), cv2.DIST_L2, 5)
    to_ours = cv2.distanceTransform((~ours).astype(np.uint8), cv2.DIST_L2, 5)
    assert np.mean(to_theirs[ours] <= 2) > 0.98
    assert np.mean(to_ours[theirs] <= 2) > 0.9


def test_colour_alone_makes_an_edge():
    photo, _ = disc((200, 60, 60), (60, 131, 60))  # Nearly equal in grey.
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    assert np.ptp(grey.astype(int)) < 4
    assert ink(edge_map(photo)).sum() > 400
    assert ink(edge_map(grey)).sum() == 0


def test_follows_contrast():
    strong, _ = disc((20, 20, 20), (240, 240, 240))
    weak, _ = disc((175, 175, 175), (230, 230, 230))
    np.testing.assert_allclose(ink(edge_map(weak)).sum(), ink(edge_map(strong)).sum(), rtol=0.1)


def test_plain_and_noisy_photos_stay_empty():
    assert np.all(edge_map(np.full((64, 64, 3), 180, np.uint8)) == 255)
    noise = np.random.default_rng(0).normal(180, 4, (128, 128, 3))
    assert np.all(edge_map(noise.astype(np.uint8)) == 255)


def test_no_line_along_the_border():
    ramp = np.tile(np.linspace(0, 255, 128), (128, 1)).astype(np.uint8)
    assert np.all(edge_map(ramp) == 255)
    halves = np.full((128, 128), 250, np.uint8)
    halves[:, :64] = 30
    edges = ink(edge_map(halves))
    assert edges[:, :60].sum() == edges[:, 68:].sum() == 0
    assert np.all(edges[2:-2, 60:68].sum(axis=1) > 0.5)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (3, 1), (2, 2, 1)])
def test_tiny_photos(shape):
    assert edge_map(np.zeros(shape, np.uint8)).shape == (*shape[:2], 1)


def test_one_channel_is_grey():
    photo = disc((60,), (240,))[0]
    np.testing.assert_array_equal(edge_map(photo), edge_map(photo[..., 0]))


@pytest.mark.parametrize(
    ("photo", "options", "error", "message"),
    [
        (np.zeros((4, 4), np.float32), {}, TypeError, "`photo` must be uint8. Received: float32"),
        (np.zeros((4, 4, 2), np.uint8), {}, ValueError, r"`photo` must be .* Received: \(4, 4, 2\)"),
        (np.zeros((0, 4), np.uint8), {}, ValueError, r"`photo` must be .* Received: \(0, 4\)"),
        (np.zeros((4, 4), np.uint8), {"sigma": 0}, ValueError, "`sigma` must be > 0. Received: 0"),
        (np.zeros((4, 4), np.uint8), {"low": 0.5}, ValueError, "`low` and `high` must be .* 0.5, 0.4"),
        (np.zeros((4, 4), np.uint8), {"high": 1.1}, ValueError, "`low` and `high` must be .* 0.2, 1.1"),
    ],
)
def test_errors(photo, options, error, message):
    with pytest.raises(error, match=message):
        edge_map(photo, **options)


def width_and_share(edges):
    """Mean width in px of visible lines, and the share of the shoe's box that is ink."""
    widths, shares = [], []
    for image in edges:
        is_line = image[..., 0] < 200
        rows, columns = np.nonzero(is_line)
        box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        # A line's area over its length, which is half its outline.
        contours, _ = cv2.findContours(is_line.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        widths.append(2 * is_line.sum() / sum(cv2.arcLength(contour, True) for contour in contours))
        shares.append(ink(image).sum() / box * np.sqrt(box))  # Lines grow with the side, not the area.
    return np.mean(widths), np.mean(shares)


def test_looks_like_the_published_edge_maps(shared_data):
    """The photos of `shoev1_attributes` are those of the edge maps, placed a little differently."""
    published = qmul_v1(shared_data / "qmul_v1" / "shoes", "train").photos[:60]
    paths = list_images(shared_data / "shoev1_attributes" / "photo")[:60]
    width, share = width_and_share([read_photo_edges(path) for path in paths])
    published_width, published_share = width_and_share(published)
    assert width == pytest.approx(published_width, rel=0.15)
    assert share == pytest.approx(published_share, rel=0.3)
