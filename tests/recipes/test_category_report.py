"""What a report says of classes, from rankings small enough to see what is right."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from recipes.common.category_report import confusions, spread_over_classes, write_report
from tests.common_data import small_split
from tfsbir import metrics


@pytest.fixture
def split():
    """Twelve sketches and six photos of four classes; of one there is no photo, of another no sketch."""
    return dataclasses.replace(
        small_split(),
        sketch_photo=np.full(12, -1, np.int32),
        sketch_labels=np.array([0] * 5 + [1] * 5 + [2] * 2, np.int32),
        photo_labels=np.array([0, 0, 0, 1, 1, 3], np.int32),
        class_names=("ant", "bee", "cup", "dog"),
    )


def distances_of(split):
    return np.random.default_rng(0).random((12, 6), "float32")


@pytest.mark.parametrize("top", [2, 100])
def test_confusions_are_shares_of_the_nearest_photos(split, monkeypatch, top):
    monkeypatch.setattr("recipes.common.category_report.TOP", top)
    distances = distances_of(split)
    expected = np.full((4, 4), np.nan)
    for label in (0, 1):
        num = min(top, np.sum(split.photo_labels == label))
        found = [
            split.photo_labels[i]
            for sketch in np.flatnonzero(split.sketch_labels == label)
            for i in np.argsort(distances[sketch])[:num]
        ]
        expected[label] = np.bincount(found, minlength=4) / len(found)
    np.testing.assert_allclose(confusions(split, distances), expected)
    monkeypatch.setattr("recipes.common.evaluation.BLOCK_BYTES", 4 * 6 * 5)
    np.testing.assert_allclose(confusions(split, distances), expected)


def test_queries_are_of_as_many_classes_as_can_be():
    labels = np.array([0, 0, 0, 1, 1, 2])
    order = np.array([2, 1, 4, 0, 3, 5])
    assert spread_over_classes(order, labels, 3).tolist() == [2, 4, 5]
    assert spread_over_classes(order, labels, 4).tolist() == [2, 1, 4, 5]
    assert spread_over_classes(order, labels, 9).tolist() == order.tolist()


def test_the_report(split, tmp_path):
    distances = distances_of(split)
    write_report(split, distances, tmp_path / "new" / "report", (2,))
    folder = tmp_path / "new" / "report"
    classes = json.loads((folder / "classes.json").read_text())
    counts = [(one["class"], one["num_sketches"], one["num_photos"]) for one in classes]
    assert counts == [("ant", 5, 3), ("bee", 5, 2), ("cup", 2, 0)]
    relevant = split.sketch_labels[:, None] == split.photo_labels
    precision = metrics.average_precision(distances, relevant, 2, "voc")
    assert classes[1]["metrics"]["mAP@2/voc"] == pytest.approx(precision[5:10].mean())
    assert classes[2]["metrics"]["mAP@2/voc"] is None
    pairs = json.loads((folder / "confusions.json").read_text())["pairs"]
    shares = confusions(split, distances)
    assert {(pair["sketches_of"], pair["photos_of"]) for pair in pairs} == {
        (split.class_names[i], split.class_names[j])
        for i in (0, 1)
        for j in range(4)
        if i != j and shares[i, j] > 0
    }
    assert [pair["share"] for pair in pairs] == sorted((pair["share"] for pair in pairs), reverse=True)
    for name in ("classes", "confusions", "best_queries", "worst_queries"):
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.width > 500


def test_a_perfect_ranking_confuses_nothing(split, tmp_path):
    distances = (split.sketch_labels[:, None] != split.photo_labels).astype("float32")
    write_report(split, distances, tmp_path, ())
    assert json.loads((tmp_path / "confusions.json").read_text())["pairs"] == []
    assert not (tmp_path / "confusions.png").exists()
