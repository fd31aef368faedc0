"""Bags, chairs and shoes: attributes follow from parameters, can be seen, and are balanced."""

import dataclasses

import cv2
import numpy as np
import pytest

from tfsbir.data.synthetic import CATEGORIES
from tfsbir.data.synthetic.shapes import fitted, mask_of

CLASSES = tuple(CATEGORIES.values())


def drawn(cls, count, seed=0):
    return [cls.drawn(np.random.default_rng((seed, i))) for i in range(count)]


def attributes(thing):
    return {name for name, holds in thing.ATTRIBUTES.items() if holds(thing)}


def visible_parts(parts):
    """Index of the front-most part at each pixel, -1 for none: one full-size mask after the other."""
    front, masks = np.full((256, 256), -1), []
    for index, part in enumerate(parts):
        whole = np.zeros((256, 256), np.uint8)
        mask, left, top = mask_of(part)
        whole[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
        if part.clip is not None:
            whole = np.minimum(whole, masks[part.clip])
        masks.append(whole)
        front[whole > 127] = index
    return front


@pytest.mark.parametrize("cls", CLASSES)
def test_attributes_are_many_and_balanced(cls):
    things = drawn(cls, 1500)
    assert len(cls.ATTRIBUTES) >= 12
    for name, holds in cls.ATTRIBUTES.items():
        assert 0.1 < np.mean([holds(thing) for thing in things]) < 0.9, name
    values = np.array([[holds(thing) for holds in cls.ATTRIBUTES.values()] for thing in things], np.float64)
    similarity = np.corrcoef(values.T) - np.eye(len(cls.ATTRIBUTES))
    assert np.abs(similarity).max() < 0.95  # No attribute under two names, nor the opposite of another.


@pytest.mark.parametrize("cls", CLASSES)
def test_attributes_can_be_seen(cls):
    shown = set()
    for thing in drawn(cls, 80):
        parts = fitted(thing.parts(), 0.7)
        front = visible_parts(parts)
        names = {part.attribute for part in parts} - {None}
        assert names <= attributes(thing)
        for name in names:
            indices = [index for index, part in enumerate(parts) if part.attribute == name]
            assert np.isin(front, indices).sum() >= 25, (name, thing)
        shown |= names
        # What is shown by a part of its own is shown whenever the object has it.
        assert shown & attributes(thing) == names
    assert len(shown) >= 5


@pytest.mark.parametrize("cls", CLASSES)
def test_looks_differ_with_every_parameter_that_shows(cls):
    for thing in drawn(cls, 5):
        looks = thing.looks()
        assert looks.dtype == np.float64
        for change in ({"yaw": thing.yaw + 20}, {"faces_right": not thing.faces_right}):
            assert np.linalg.norm(dataclasses.replace(thing, **change).looks() - looks) > 0.05
    assert len({len(thing.looks()) for thing in drawn(cls, 30)}) == 1


@pytest.mark.parametrize(
    ("category", "change", "name"),
    [
        ("bag", {"handles": "chain"}, "chain strap"),
        ("bag", {"handles": "strap"}, "long strap"),
        ("bag", {"height": 1.4, "width": 1.0}, "taller than wide"),
        ("chair", {"arms": "curved"}, "has arms"),
        ("chair", {"back": "oval"}, "solid back"),
        ("chair", {"base": "rockers"}, "rests on runners"),
        ("chair", {"height": 1.0}, "tall legs"),
        ("shoe", {"kind": "ankle"}, "covers the ankle"),
        ("shoe", {"heel": 0.3}, "high heel"),
        ("shoe", {"heel_kind": "stiletto"}, "thin heel"),
        ("shoe", {"toe_point": 0.9}, "pointed toe"),
        ("shoe", {"yaw": 30.0}, "seen at an angle"),
    ],
)
def test_attributes_follow_parameters(category, change, name):
    for thing in drawn(CATEGORIES[category], 4):
        assert name in attributes(dataclasses.replace(thing, **change))


def test_heels_raise_the_shoe():
    for shoe in drawn(CATEGORIES["shoe"], 10):
        low, high = (
            dataclasses.replace(shoe, heel_kind="block", heel=heel, yaw=0.0, faces_right=False)
            for heel in (0.0, 0.36)
        )
        heights = [np.ptp(np.concatenate(thing.parts()[1].contours)[:, 1]) for thing in (low, high)]
        assert heights[1] > heights[0] + 0.2


def outline_widths(thing):
    """Widths of the parts of the outline, from straight ahead and turned by 40 degrees."""
    turned = (dataclasses.replace(thing, yaw=yaw, pitch=0.0).parts() for yaw in (0.0, 40.0))
    return np.array(
        [[np.ptp(part.contours[0][:, 0]) for part in parts if part.level == 0] for parts in turned]
    )


def test_yaw_foreshortens():
    for bag in drawn(CATEGORIES["bag"], 5):
        widths = outline_widths(bag)[:, -1]  # Of the front.
        assert widths[1] / widths[0] == pytest.approx(np.cos(np.deg2rad(40)), abs=0.03)
    for chair in drawn(CATEGORIES["chair"], 5):
        widths = outline_widths(dataclasses.replace(chair, back="oval", back_lean=0.0))[:, 0]  # Of the back.
        assert widths[1] / widths[0] == pytest.approx(np.cos(np.deg2rad(40)))
    for shoe in drawn(CATEGORIES["shoe"], 20):
        widths = outline_widths(dataclasses.replace(shoe, kind="low"))[:, 0]
        assert widths[1] < 0.97 * widths[0]


@pytest.mark.parametrize("cls", CLASSES)
def test_facing_right_mirrors_the_picture(cls):
    for thing in drawn(cls, 3):
        left, right = (fitted(thing.parts(), 0.7, is_mirrored=mirrored) for mirrored in (False, True))
        pixels = [visible_parts(parts) >= 0 for parts in (left, right)]
        # Pixel centres are at whole numbers, so that a mirror image is one pixel further.
        assert np.mean(np.roll(pixels[0][:, ::-1], 1, axis=1) != pixels[1]) < 0.002


@pytest.mark.parametrize("cls", CLASSES)
def test_objects_hang_together(cls):
    """What is seen is one piece, but for what is thinner than the picture shows."""
    for thing in drawn(cls, 60):
        seen = (visible_parts(fitted(thing.parts(), 0.8)) >= 0).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(seen)
        assert stats[1:, cv2.CC_STAT_AREA].max() > 0.97 * seen.sum(), thing


@pytest.mark.parametrize("cls", CLASSES)
def test_materials_cover_all_parts(cls):
    for thing in drawn(cls, 40):
        materials = thing.materials(np.random.default_rng(0))
        assert {part.material for part in thing.parts()} <= set(materials)
        assert all(np.all((material.color >= 0) & (material.color < 290)) for material in materials.values())
