import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA

from tfsbir.figures import domain_scatter
from tfsbir.figures.domain_scatter import _principal

SKETCH, PHOTO = (0xD9, 0x82, 0x2B), (0x1F, 0x4E, 0x79)


@pytest.fixture
def apart():
    """Two domains that lie apart along one axis, `(sketch, photo)`."""
    rng = np.random.default_rng(0)
    offset = 20.0 * np.eye(8)[3]
    return rng.normal(size=(60, 8)), rng.normal(size=(40, 8)) + offset


def places(path, color):
    """Returns the columns of the pixels that are near a colour, above the legend."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB"), np.int16)
    is_near = np.abs(pixels - color).max(axis=-1) < 60
    if np.ptp(color) > 0:
        is_near &= np.ptp(pixels, axis=-1) > 50  # The edges of letters are grey.
    return np.nonzero(is_near[:-60])[1]


def test_domains_that_are_apart_are_drawn_apart(apart, tmp_path):
    domain_scatter({"before": apart}, tmp_path / "apart.png")
    sketch, photo = places(tmp_path / "apart.png", SKETCH), places(tmp_path / "apart.png", PHOTO)
    assert len(sketch) > 100 and len(photo) > 100
    assert sketch.max() < photo.min() or photo.max() < sketch.min()
    together = apart[0], apart[1] - [0, 0, 0, 20, 0, 0, 0, 0]
    domain_scatter({"after": together}, tmp_path / "together.png")
    sketch, photo = places(tmp_path / "together.png", SKETCH), places(tmp_path / "together.png", PHOTO)
    assert abs(np.median(sketch) - np.median(photo)) < 0.2 * np.ptp(sketch)


def test_coordinates_are_the_principal_components(apart):
    points = np.concatenate(apart)
    coordinates, shares = _principal(points)
    pca = PCA(2).fit(points)
    np.testing.assert_allclose(np.abs(coordinates), np.abs(pca.transform(points)), atol=1e-6)
    np.testing.assert_allclose(shares, pca.explained_variance_ratio_, atol=1e-9)


@pytest.mark.parametrize(
    ("points", "expected"), [(np.arange(5.0)[:, None], [1, 0]), (np.ones((5, 3)), [0, 0])]
)
def test_a_single_dimension_and_a_single_place(points, expected, tmp_path):
    coordinates, shares = _principal(points)
    np.testing.assert_allclose(shares, expected)
    np.testing.assert_allclose(coordinates[:, 1], 0)
    np.testing.assert_allclose(np.ptp(coordinates[:, 0]), np.ptp(points[:, 0]))
    domain_scatter({"few": (points[:2], points[2:])}, tmp_path / "few.png")
    assert (tmp_path / "few.png").is_file()


def test_each_stage_has_a_column_and_classes_a_row(apart, tmp_path):
    labels = np.arange(60) % 3, np.arange(40) % 3
    sizes = {}
    for name, stages, own in (
        ("one", {"one": apart}, ()),
        ("three", {"$a_1": apart, "b": apart, "c": apart}, ()),
        ("classes", {"one": apart}, (*labels, ("cat", "cost $5_", "hat"))),
    ):
        domain_scatter(stages, tmp_path / f"{name}.png", *own, title="all $ of it")
        with Image.open(tmp_path / f"{name}.png") as picture:
            sizes[name] = picture.size
    assert sizes["three"][0] > 2.5 * sizes["one"][0]
    assert sizes["classes"][1] > 1.5 * sizes["one"][1]
    # The colours of the classes, as Okabe and Ito have them.
    for color in ((0xE6, 0x9F, 0x00), (0x56, 0xB4, 0xE9), (0x00, 0x9E, 0x73)):
        assert len(places(tmp_path / "classes.png", color)) > len(places(tmp_path / "one.png", color)) + 50


def test_pairs_are_joined(apart, tmp_path):
    grey = (0x99, 0x99, 0x99)
    domain_scatter({"a": apart}, tmp_path / "plain.png")
    domain_scatter({"a": apart}, tmp_path / "joined.png", pairs=np.arange(30)[:, None].repeat(2, axis=1))
    assert len(places(tmp_path / "joined.png", grey)) > len(places(tmp_path / "plain.png", grey)) + 500


POINTS = np.zeros((2, 3)), np.zeros((1, 3))


@pytest.mark.parametrize(
    ("stages", "own", "message"),
    [
        ({}, {}, r"`stages` must hold one stage or more\. Received: none"),
        (
            {"a": (np.zeros((2, 3)), np.zeros((1, 4)))},
            {},
            r"`stages` must hold .* a with \(2, 3\) and \(1, 4\)",
        ),
        ({"a": (np.zeros((0, 3)), np.zeros((1, 3)))}, {}, r"neither empty\. Received: a with \(0, 3\)"),
        (
            {"a": (np.full((2, 3), np.nan), np.zeros((1, 3)))},
            {},
            r"`stages` must be finite\. Received: a with",
        ),
        ({"a": POINTS}, {"sketch_labels": [0, 0]}, r"must be given together\. Received: 1 of 3"),
        (
            {"a": POINTS},
            {"sketch_labels": [0], "photo_labels": [0], "class_names": ("x",)},
            r"`sketch_labels` must be \(2,\), as a has\. Received shape: \(1,\)",
        ),
        (
            {"a": POINTS},
            {"sketch_labels": [0, 0], "photo_labels": [1], "class_names": ("x",)},
            r"`photo_labels` must be in 0\.\.0\. Received: 1 to 1",
        ),
        (
            {"a": POINTS},
            {"sketch_labels": [0, 0], "photo_labels": [0], "class_names": range(22)},
            r"`class_names` must be at most 21, .* Received: 22",
        ),
        ({"a": POINTS}, {"pairs": [1, 2]}, r"`pairs` must be \(num_pairs, 2\)\. Received shape: \(2,\)"),
        ({"a": POINTS}, {"pairs": [[0, 1]]}, r"`pairs` must index the 2 sketches and 1 photos of a\."),
    ],
)
def test_errors(tmp_path, stages, own, message):
    with pytest.raises(ValueError, match=message):
        domain_scatter(stages, tmp_path / "points.png", **own)
    assert not list(tmp_path.iterdir())
