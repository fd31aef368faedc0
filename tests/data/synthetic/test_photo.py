"""The camera: light, textures and backdrops, and that edge maps of the photos are usable."""

import cv2
import numpy as np
import pytest

from tfsbir.data.edge_maps import edge_map
from tfsbir.data.synthetic import CATEGORIES
from tfsbir.data.synthetic.photo import TEXTURES, draw_photo
from tfsbir.data.synthetic.shapes import Material, Part, box, detail, fitted

SQUARE = Part((box(60.0, 60, 200, 200),), "paint")


def paint(grey, texture="plain"):
    return Material(np.full(3, float(grey)), texture)


def object_photo(cls, seed, clutter):
    random = np.random.default_rng((seed, 4))
    thing = cls.drawn(random)
    parts = fitted(thing.parts(), 0.72, is_mirrored=thing.faces_right)
    return parts, draw_photo(parts, thing.materials(random), random, clutter)


def test_parts_are_painted_where_they_are():
    photo = draw_photo([SQUARE], {"paint": paint(80)}, np.random.default_rng(0), clutter=0.0)
    assert (photo.shape, photo.dtype) == ((256, 256, 3), np.uint8)
    assert photo[[5, 5, 250, 250], [5, 250, 5, 250]].min() > 225
    assert 60 < photo[61:199, 61:199].min() <= photo[61:199, 61:199].max() < 110
    assert photo[130, 80].mean() > photo[130, 62].mean() + 4  # Darker towards the rim.


def test_shadow_below():
    photo = draw_photo([SQUARE], {"paint": paint(80)}, np.random.default_rng(0), clutter=0.0).astype(int)
    assert np.all(photo[203, 100:160] < photo[100, 20] - 8)


def test_later_parts_hide_earlier_ones():
    front = Part((box(100.0, 100, 160, 160),), "light")
    materials = {"paint": paint(40), "light": paint(220)}
    assert draw_photo([SQUARE, front], materials, np.random.default_rng(0))[130, 130].mean() > 180
    assert draw_photo([front, SQUARE], materials, np.random.default_rng(0))[130, 130].mean() < 60


def test_clipped_part_stays_on_its_parent():
    band = detail(box(0.0, 100, 256, 130), "light", "has a band", clip=0)
    aside = detail(box(5.0, 5, 20, 20), "light", "has a patch", clip=0)
    materials = {"paint": paint(40), "light": paint(200)}
    photo = draw_photo([SQUARE, band, aside], materials, np.random.default_rng(0), clutter=0.0)
    assert photo[115, 30].min() > 225
    assert 140 < photo[115, 130].mean() < 225
    assert photo[80, 130].mean() < 60
    assert photo[12, 12].min() > 225


@pytest.mark.parametrize("texture", TEXTURES)
def test_textures(texture):
    """A texture changes brightness within its part, around the same mean."""
    photos = [
        draw_photo([SQUARE], {"paint": paint(120, name)}, np.random.default_rng(7), clutter=0.0)[
            70:190, 70:190, 0
        ].astype(float)
        for name in ("plain", texture)
    ]
    assert photos[1].mean() == pytest.approx(photos[0].mean(), rel=0.1)
    roughness = [
        np.abs(np.diff(photo, axis=1)).mean() + np.abs(np.diff(photo, axis=0)).mean() for photo in photos
    ]
    assert (roughness[1] > 1.3 * roughness[0]) == (texture != "plain")


def test_textures_differ():
    photos = [
        draw_photo([SQUARE], {"paint": paint(120, name)}, np.random.default_rng(7)).tobytes()
        for name in TEXTURES
    ]
    assert len(set(photos)) == len(TEXTURES)


def test_clutter():
    corners = {}
    for clutter in (0.0, 1.0):
        photos = [object_photo(CATEGORIES["bag"], seed, clutter)[1] for seed in range(30)]
        corners[clutter] = np.array([photo[:8, :8].mean() for photo in photos])
    assert corners[0.0].min() > 235
    assert corners[1.0].max() < 248
    assert np.ptp(corners[1.0]) > 25  # Backdrops vary.
    # At 1 many have the edge of a table behind the object, at both sides.
    rims = np.array([[photo[:, :8].mean(axis=(1, 2)), photo[:, -8:].mean(axis=(1, 2))] for photo in photos])
    has_edge = np.any(np.all(np.diff(rims, axis=2) < -8, axis=1), axis=1)
    assert 8 < has_edge.sum() < 26


@pytest.mark.parametrize("cls", CATEGORIES.values())
def test_edge_maps_show_the_object_and_little_else(cls):
    silhouette_found, ink_beside = [], []
    for seed in range(40):
        parts, photo = object_photo(cls, seed, clutter=0.3)
        edges = edge_map(photo)[..., 0] < 128
        silhouette = np.zeros((256, 256), np.uint8)
        for part in parts:
            if part.clip is None and not part.line_width:
                contours = [np.rint(contour).astype(np.int32) for contour in part.contours]
                cv2.fillPoly(silhouette, contours, 255)
        outline = cv2.morphologyEx(silhouette, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        near = cv2.dilate(edges.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        silhouette_found.append(near[outline].mean())
        beyond = cv2.dilate(silhouette, np.ones((13, 13), np.uint8)) == 0
        ink_beside.append(edges[beyond].sum() / edges.sum())
    assert np.mean(silhouette_found) > 0.88
    assert np.mean(np.greater(silhouette_found, 0.7)) > 0.9
    assert np.mean(np.less(ink_beside, 0.05)) > 0.85
