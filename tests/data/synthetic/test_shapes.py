"""Curves, outlines, the camera, and how parts come into a picture."""

import numpy as np
import pytest

from tfsbir.data.synthetic.shapes import (
    DETAIL,
    MARGIN,
    Part,
    box,
    box_corner,
    camera,
    curve,
    detail,
    fitted,
    hull,
    mask_of,
    ribbon,
    superellipse,
)

TRIANGLE = np.array([(0.0, 0), (2, 0), (2, 1)])


def test_curves_and_outlines():
    bend = curve([(0, 0), (1, 2), (3, 1)], samples=5)
    np.testing.assert_allclose(bend[[0, 5, 10]], [(0, 0), (1, 2), (3, 1)])
    np.testing.assert_allclose(curve([(0, 0), (4, 2)], samples=4)[:, 1], [0, 0.5, 1, 1.5, 2])
    band = ribbon([(0, 0), (1, 0), (2, 0)], 0.4, 0.2)
    np.testing.assert_allclose(band[[0, 2, 3, 5], 1], [0.2, 0.1, -0.1, -0.2])
    np.testing.assert_allclose(ribbon([(0, 0), (0, 3)], 2.0), [(-1, 0), (-1, 3), (1, 3), (1, 0)])
    np.testing.assert_allclose(np.hypot(*superellipse((0, 0), 2, 2, 2.0).T), 2)
    boxy = np.abs(superellipse((0, 0), 1, 1, 20.0, samples=64))
    assert np.mean(boxy.max(axis=1) > 0.9) > 0.9
    assert len(hull([(0, 0), (4, 0), (1, 1), (4, 4), (0, 4), (2, 3)])) == 4
    np.testing.assert_array_equal(box(1, 2, 3, 5), [(1, 2), (3, 2), (3, 5), (1, 5)])


def test_camera_agrees_with_rotation_matrices():
    yaw, pitch = np.deg2rad(30), np.deg2rad(20)
    turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    places = np.random.default_rng(0).normal(size=(9, 3))
    np.testing.assert_allclose(camera(30, 20)(*places.T), (places @ (tilt @ turn).T)[:, :2], atol=1e-12)


def test_camera_directions():
    at = camera(30, 10)
    assert at(1.0, 0, 0)[0] == pytest.approx(np.cos(np.deg2rad(30)))  # Foreshortened.
    assert at(0, 0, 1.0)[0] < 0  # What is behind moves towards the end that came nearer,
    assert at(0, 0, 1.0)[1] > 0  # and up.
    np.testing.assert_array_equal(at(np.arange(3), 0, 1.0).shape, (3, 2))


def test_fitted_fills_the_picture():
    (moved,) = fitted([Part((TRIANGLE,), "wood", spine=TRIANGLE[:2], line_width=0.1)], fill=0.5)
    np.testing.assert_allclose(moved.contours[0], [(64, 160), (192, 160), (192, 96)])  # y turns over.
    np.testing.assert_allclose(moved.spine, [(64, 160), (192, 160)])
    assert moved.line_width == pytest.approx(6.4)
    (mirrored,) = fitted([Part((TRIANGLE,), "wood")], fill=0.5, is_mirrored=True)
    np.testing.assert_allclose(mirrored.contours[0], [(192, 160), (64, 160), (64, 96)])


def test_fitted_shifts_as_far_as_there_is_room():
    (moved,) = fitted([Part((TRIANGLE,), "wood")], fill=0.5, shift=(10, -20))
    np.testing.assert_allclose(moved.contours[0][0], (74, 140))
    (moved,) = fitted([Part((TRIANGLE,), "wood")], fill=0.9, shift=(100, 5))
    assert moved.contours[0][:, 0].max() == pytest.approx(256 - MARGIN)
    np.testing.assert_allclose(box_corner(np.array([256.0, 100.0]), (9, 9)), (0, 87))


def test_fitted_ignores_what_is_clipped_away():
    whole = Part((TRIANGLE,), "wood")
    sewn = detail(100 * TRIANGLE, "wood", "has a patch", clip=0)
    assert sewn.level == DETAIL
    np.testing.assert_allclose(fitted([whole, sewn], 0.5)[0].contours[0], fitted([whole], 0.5)[0].contours[0])


def test_masks():
    mask, left, top = mask_of(Part((box(10.0, 20, 30, 50), box(15.0, 25, 25, 45)), "wood"))
    whole = np.zeros((256, 256), np.uint8)
    whole[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    assert whole[22, 20] == whole[35, 12] == 255
    assert whole[35, 20] == whole[35, 40] == whole[10, 20] == 0  # A hole, and outside.
    mask, _, top = mask_of(detail(np.array([(5.0, 40), (60, 40)]), "wood", "has a line", line_width=4))
    assert top + np.flatnonzero(mask[:, 30] > 127).mean() == pytest.approx(40, abs=0.5)
    assert 3 <= np.sum(mask[:, 30] > 127) <= 5


def test_masks_beyond_the_picture():
    mask, left, top = mask_of(Part((box(-50.0, -50, 20, 20),), "wood"))
    assert (left, top) == (0, 0)
    assert mask[:20, :20].min() == 255
    mask, _, _ = mask_of(Part((box(300.0, 10, 320, 20),), "wood"))
    assert mask.size == 0
