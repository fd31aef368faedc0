"""Which metrics a split has, without a run."""

import dataclasses

import numpy as np
import pytest

from recipes.common.evaluation import draw_ranked_results, measure, num_left_out, relevance
from tests.common_data import small_split
from tests.common_files import write_image
from tfsbir import metrics
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.with_distractors import with_distractors

PAIRS = {"acc@1", "acc@10"}
CATEGORIES = {"precision@1", "mAP@all"}


def random_distances(split):
    return np.random.default_rng(0).random((len(split.sketches), len(split.photos)), "float32")


def of_one_class(split):
    return dataclasses.replace(
        split,
        class_names=("shoe",),
        sketch_labels=0 * split.sketch_labels,
        photo_labels=0 * split.photo_labels,
    )


def test_categories_are_measured_where_there_are_several():
    split = small_split()
    distances = random_distances(split)
    found = measure(distances, split)
    assert set(found) == PAIRS | CATEGORIES
    of_class = split.sketch_labels[:, None] == split.photo_labels
    assert found["precision@1"] == np.mean(metrics.precision_at_k(distances, of_class, 1, "k"))
    assert found["mAP@all"] == metrics.mean_average_precision(distances, of_class, None, "min")
    assert set(measure(distances, of_one_class(split))) == PAIRS


def test_cut_offs_bring_every_convention():
    split = small_split()
    distances = random_distances(split)
    found = measure(distances, split, ks=(2, 200))
    of_class = split.sketch_labels[:, None] == split.photo_labels
    expected = {**measure(distances, split), "mAP@all/voc": (None, "voc")}
    for k in (2, 200):
        expected |= {f"mAP@{k}/{convention}": (k, convention) for convention in metrics.CONVENTIONS}
        for name, convention in ((f"precision@{k}", "k"), (f"precision@{k}/min", "min")):
            expected[name] = np.mean(metrics.precision_at_k(distances, of_class, k, convention))
    for name, value in expected.items():
        if isinstance(value, tuple):
            expected[name] = metrics.mean_average_precision(distances, of_class, *value)
    assert found == expected
    assert measure(distances, of_one_class(split), ks=(2,)) == measure(distances, of_one_class(split))


def test_distractors_change_no_name(tmp_path):
    for number in range(3):
        write_image(tmp_path / f"{number}.jpg", 64, number)
    split = small_split(size=256, num_triplets=1)
    for plain in (split, of_one_class(split)):
        more = with_distractors(plain, tmp_path, EDGES)
        distances = random_distances(more)
        near = measure(distances, more)
        distances[:, len(plain.photos) :] = 2  # Behind all others they do no harm.
        far = measure(distances, more)
        assert set(near) == set(far) == set(measure(distances[:, : len(plain.photos)], plain))
        assert far == measure(distances[:, : len(plain.photos)], plain)
        assert near["acc@1"] <= far["acc@1"]


def test_ratings_are_measured_at_the_threshold():
    split = small_split()
    ratings = np.random.default_rng(1).integers(0, 3, (12, 6, 4), np.int8)
    ratings[0] = -1
    rated = dataclasses.replace(split, ratings=ratings)
    distances = random_distances(split)
    for threshold in (3, 6):
        relevant = metrics.rated_relevance(ratings, threshold)
        found = measure(distances, rated, threshold)
        expected = metrics.mean_average_precision(distances, relevant, None, "R")
        assert found.pop("mid_grain_mAP@all") == expected
        assert found == measure(distances, split)
        found = relevance(rated, threshold)["mid_grain_mAP@all"](slice(2, 12))
        np.testing.assert_array_equal(found, relevant[2:])
        left_out = {"mAP@all": 0, "mid_grain_mAP@all": np.sum(~relevant.any(axis=1))}
        assert num_left_out(rated, threshold) == left_out
    assert measure(distances, rated) == measure(distances, rated, metrics.RELEVANCE_THRESHOLD)
    assert "mid_grain_mAP@all" not in measure(distances, rated, 9)  # Nothing is relevant.


def test_what_people_rated_alike_is_framed(tmp_path, monkeypatch):
    ratings = np.zeros((12, 6, 4), np.int8)
    ratings[:, 2] = 2
    split = dataclasses.replace(small_split(), ratings=ratings, sketch_photo=np.full(12, -1, np.int32))
    rows = []
    monkeypatch.setattr("recipes.common.evaluation.write_sheet", lambda drawn, *_: rows.extend(drawn))
    draw_ranked_results(split, random_distances(split), tmp_path / "sheet.png", num_queries=3, num_results=6)
    assert [[tile.caption for tile in row.tiles if tile.is_match] for row in rows] == [["p2"]] * 3


def test_nan_is_not_measured():
    split = small_split()
    with pytest.raises(ValueError, match=r"`distances` must not be NaN"):
        measure(np.full((12, 6), np.nan), split)
