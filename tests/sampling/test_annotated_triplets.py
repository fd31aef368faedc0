import dataclasses

import numpy as np
import pytest

from tests.common_data import small_split
from tfsbir.sampling import AnnotatedTriplets


def rows(sampler, steps):
    drawn = [sampler(step) for step in range(steps)]
    return np.concatenate([np.stack([d["sketch"], d["photo"], d["negative"]], axis=1) for d in drawn])


def test_annotated_rows_are_those_of_the_annotation():
    split = small_split(num_photos=6, num_triplets=5)
    known = {tuple(row) for row in split.triplets.tolist()}
    drawn = rows(AnnotatedTriplets(split, 4, seed=0, annotated_share=1.0), 200)
    assert {tuple(row) for row in drawn.tolist()} == known


def test_the_share_of_annotated_rows_is_the_one_asked_for():
    split = small_split(num_photos=30, sketches_of=1, num_triplets=4)
    known = {tuple(row) for row in split.triplets.tolist()}
    drawn = rows(AnnotatedTriplets(split, 30, seed=0, annotated_share=0.75), 100)
    share = np.mean([tuple(row) in known for row in drawn.tolist()])
    assert abs(share - 0.75) < 0.03  # 3,000 rows: five standard deviations.


def test_other_rows_set_the_true_match_against_a_photo_nobody_compared():
    split = small_split(num_photos=12, sketches_of=1, num_triplets=3)
    for sketch, positive, negative in rows(
        AnnotatedTriplets(split, 12, seed=0, annotated_share=0.0), 50
    ).tolist():
        compared = split.triplets[split.triplets[:, 0] == sketch, 1:]
        assert positive == split.sketch_photo[sketch]
        assert negative != positive
        assert negative not in compared


@pytest.mark.parametrize("annotated_share", [0.0, 0.75, 1.0])
def test_a_split_without_annotation_gives_true_match_triplets(annotated_share):
    """Every sketch meets its own photo and, equally often, each of the others."""
    split = small_split(num_photos=5, sketches_of=2, num_distractors=1)
    drawn = rows(AnnotatedTriplets(split, 5, seed=0, annotated_share=annotated_share), 2000)
    np.testing.assert_array_equal(split.sketch_photo[drawn[:, 0]], drawn[:, 1])
    for photo in range(5):
        counts = np.bincount(drawn[drawn[:, 1] == photo, 2], minlength=6)
        assert counts[photo] == 0
        assert (np.abs(np.delete(counts, photo) - 400) < 5 * 20).all()  # Five standard deviations.


def test_a_sketch_that_nobody_annotated_gives_true_match_triplets():
    split = small_split(num_photos=5, sketches_of=1, num_triplets=2)
    split = dataclasses.replace(split, triplets=split.triplets[split.triplets[:, 0] > 0])
    drawn = rows(AnnotatedTriplets(split, 5, seed=0, annotated_share=1.0), 200)
    assert set(map(tuple, drawn[drawn[:, 0] == 0].tolist())) == {(0, 0, photo) for photo in range(1, 5)}


def test_where_everything_was_compared_any_other_photo_serves():
    split = small_split(num_photos=2, sketches_of=1, num_triplets=4)
    drawn = rows(AnnotatedTriplets(split, 2, seed=0, annotated_share=0.0), 5)
    assert (drawn[:, 1] != drawn[:, 2]).all()


def test_a_step_depends_on_the_seed_and_the_step_alone():
    split = small_split(num_triplets=4)
    first, second = AnnotatedTriplets(split, 3, seed=3), AnnotatedTriplets(split, 3, seed=3)
    second(5)
    np.testing.assert_array_equal(first(2)["negative"], second(2)["negative"])


def test_arguments_out_of_range_are_named():
    with pytest.raises(ValueError, match=r"`annotated_share` must be in \[0, 1\]. Received: 1.5"):
        AnnotatedTriplets(small_split(), 2, seed=0, annotated_share=1.5)
    with pytest.raises(ValueError, match=r"`split` must hold at least 2 photos\. Received: 1"):
        AnnotatedTriplets(small_split(num_photos=1), 1, seed=0)
