"""Stroke removal: the draw against exact probabilities, and what it means on real drawings."""

import itertools
import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.stats

from tfsbir.strokes import VectorSketch
from tfsbir.strokes.removal import kept_strokes, removal_probabilities, remove_strokes

FRAME = (0, 0, 100, 100)
LINES = ([(0, 0), (90, 0)], [(0, 10), (30, 50)], [(5, 5), (5, 9), (9, 9)], [(50, 50)], [(60, 60), (60, 90)])
NUM_DRAWS = 20_000


def line(length, y=0.0):
    return [(0, y), (length, y)]


def exact_probabilities(strokes, alpha=0.3, beta=0.5):
    """Eq. 4 one stroke after the other, order and length in units of their means."""
    lengths = [sum(math.dist(a, b) for a, b in itertools.pairwise(stroke)) for stroke in strokes]
    mean_length, mean_order = sum(lengths) / len(lengths), (len(lengths) + 1) / 2
    exponentials = [
        math.exp(alpha * order / mean_order - beta * length / mean_length)
        for order, length in enumerate(lengths, start=1)
    ]
    return [exponential / sum(exponentials) for exponential in exponentials]


def exact_sets(probabilities, size):
    """Probability of every set of strokes that goes, summed over all orders in which it may go."""
    sets = dict.fromkeys(itertools.combinations(range(len(probabilities)), size), 0.0)
    for order in itertools.permutations(range(len(probabilities)), size):
        product, left = 1.0, 1.0
        for stroke in order:
            product *= probabilities[stroke] / left
            left -= probabilities[stroke]
        sets[tuple(sorted(order))] += product
    return sets


def p_value(kept, probabilities, size):
    """Chi-square test of which sets of `size` strokes went."""
    expected = exact_sets(probabilities, size)
    counts = dict.fromkeys(expected, 0)
    for row in kept:
        counts[tuple(np.flatnonzero(~row).tolist())] += 1
    frequencies = [len(kept) * probability for probability in expected.values()]
    return scipy.stats.chisquare(list(counts.values()), frequencies).pvalue


def test_probabilities_are_equation_4():
    for weights in ((0.3, 0.5), (0.0, 2.0), (3.0, 0.0)):
        probabilities = removal_probabilities(VectorSketch(LINES, FRAME), *weights)
        np.testing.assert_allclose(probabilities, exact_probabilities(LINES, *weights), rtol=1e-6)


def test_the_later_and_the_shorter_the_likelier():
    later = removal_probabilities(VectorSketch([line(20, y) for y in range(8)], FRAME))
    assert np.all(np.diff(later) > 0)
    longer_first = VectorSketch([line(length) for length in (50, 20, 10, 5, 1)], FRAME)
    shorter = removal_probabilities(longer_first, order_weight=0.0)
    assert np.all(np.diff(shorter) > 0)
    np.testing.assert_allclose(removal_probabilities(longer_first, 0.0, 0.0), 0.2)


@pytest.mark.parametrize("scale", [1e-4, 0.1, 1000.0])
def test_the_scale_of_the_drawing_does_not_matter(scale):
    scaled = VectorSketch([scale * np.array(stroke) for stroke in LINES], FRAME)
    np.testing.assert_allclose(removal_probabilities(scaled), exact_probabilities(LINES), rtol=1e-5)


@pytest.mark.parametrize(("share", "size"), [(0.2, 1), (0.4, 2), (0.6, 3)])
def test_draws_have_the_exact_distribution(share, size):
    sketch = VectorSketch(LINES, FRAME)
    kept = kept_strokes([sketch] * NUM_DRAWS, [share] * NUM_DRAWS, seed=1)
    exact = exact_probabilities(LINES)
    assert p_value(kept, exact, size) > 0.001
    # The test would notice: other weights, no weights, the order reversed.
    for wrong in (exact_probabilities(LINES, alpha=0.1), exact_probabilities(LINES, beta=0.4), [0.2] * 5):
        assert p_value(kept, wrong, size) < 1e-6
    assert p_value(kept, exact[::-1], size) < 1e-6


def test_longer_sketches_in_the_batch_change_no_probability():
    few, many = VectorSketch(LINES, FRAME), VectorSketch([line(5, y) for y in range(40)], FRAME)
    kept = kept_strokes([many, *[few] * NUM_DRAWS], [0.1, *[0.4] * NUM_DRAWS], seed=3)
    assert len(kept[0]) == 40 and np.count_nonzero(kept[0]) == 36
    assert p_value(kept[1:], exact_probabilities(LINES), 2) > 0.001


@pytest.mark.parametrize(
    ("num_strokes", "expected"),
    [(0, (0, 0, 0, 0)), (1, (0, 0, 0, 0)), (2, (0, 1, 1, 1)), (3, (0, 1, 1, 2)), (5, (0, 1, 2, 3)),
     (10, (0, 1, 3, 5)), (15, (0, 2, 5, 8)), (100, (0, 10, 30, 50))],
)  # fmt: skip
def test_the_share_is_rounded(num_strokes, expected):
    sketch = VectorSketch([line(5, y) for y in range(num_strokes)], FRAME)
    kept = kept_strokes([sketch] * 4, (0.0, 0.1, 0.3, 0.5), seed=0)
    assert tuple(np.count_nonzero(~row) for row in kept) == expected
    (almost_all,) = kept_strokes([sketch], [0.999], seed=0)
    assert np.count_nonzero(almost_all) == min(num_strokes, 1)


def test_strokes_that_stay_are_untouched():
    sketch = VectorSketch(LINES, FRAME)
    (kept,) = kept_strokes([sketch], [0.4], seed=5)
    left = remove_strokes(sketch, 0.4, seed=5)
    assert left.frame == sketch.frame
    assert len(left.strokes) == 3
    for stroke, index in zip(left.strokes, np.flatnonzero(kept), strict=True):
        np.testing.assert_array_equal(stroke, sketch.strokes[index])


def test_a_larger_share_removes_the_same_strokes_and_more():
    sketch = VectorSketch([line(5 + y, y) for y in range(20)], FRAME)
    for seed in range(20):
        kept = [{stroke.tobytes() for stroke in remove_strokes(sketch, share, seed).strokes}
                for share in (0.1, 0.3, 0.5)]  # fmt: skip
        assert kept[0] > kept[1] > kept[2]


def test_a_choice_is_a_function_of_the_seed():
    sketches = [VectorSketch([line(5 + y, y) for y in range(20)], FRAME)] * 3
    shares = [0.3, 0.5, 0.1]

    def choose(seed):
        return np.array(kept_strokes(sketches, shares, seed))

    state = np.random.get_state()[1].copy()
    alone = [choose(seed) for seed in range(40)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(choose, range(40)))
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(choose(np.int64(7)), alone[7])
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    assert len({choice.tobytes() for choice in alone}) == 40
    assert len({row.tobytes() for row in alone[0][:, None]}) == 3  # Sketches differ from each other, too.
    for seed in (2**32, 2**63, (0, 1)):
        assert not np.array_equal(choose(seed), alone[0])


def test_extreme_sketches():
    assert removal_probabilities(VectorSketch([], FRAME)).shape == (0,)
    assert removal_probabilities(VectorSketch([[(1, 1)]], FRAME)).tolist() == [1.0]
    dots = removal_probabilities(VectorSketch([[(1, 1)]] * 3, FRAME))
    np.testing.assert_allclose(dots, exact_probabilities([line(1)] * 3))
    assert kept_strokes([], [], seed=0) == []
    # The one long stroke outweighs thousands of dots beyond what floats hold.
    huge = VectorSketch([*[[(0, 0)]] * 9_999, line(1e6)], FRAME)
    probabilities = removal_probabilities(huge, 0.0, 100.0)
    np.testing.assert_allclose(probabilities[:-1], 1 / 9_999)
    assert probabilities[-1] == 0
    (kept,) = kept_strokes([huge], [0.99], seed=0, order_weight=0.0, length_weight=100.0)
    assert kept[-1] and np.count_nonzero(kept) == 100


def test_real_drawings_keep_their_outlines(shared_data):
    """Both factors count on what people drew, and half of the strokes hold more than half of the ink."""
    sketches = []
    for word in ("cat", "bicycle", "chair", "face"):
        lines = (shared_data / "quickdraw" / f"{word}.ndjson").read_text(encoding="utf-8").splitlines()
        drawings = [json.loads(text)["drawing"] for text in lines]
        sketches += [VectorSketch([np.array(stroke).T for stroke in drawing], FRAME) for drawing in drawings]
    sketches = [sketch for sketch in sketches if len(sketch.strokes) >= 4]
    probabilities = [removal_probabilities(sketch) for sketch in sketches]
    lengths = [sketch.lengths() for sketch in sketches]
    late = [np.log(row[-1] / row[0]) for row in probabilities]
    short = [
        np.log(row[np.argmin(own)] / row[np.argmax(own)])
        for row, own in zip(probabilities, lengths, strict=True)
    ]
    assert 2 < np.exp(np.mean(late)) < 8
    assert 2 < np.exp(np.mean(short)) < 8

    def ink_left(**weights):
        kept = kept_strokes(sketches, [0.5] * len(sketches), seed=0, **weights)
        return np.mean([own[row].sum() / own.sum() for own, row in zip(lengths, kept, strict=True)])

    assert ink_left() > ink_left(order_weight=0.0, length_weight=0.0) + 0.08


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_impossible_share(share):
    with pytest.raises(ValueError, match=r"`shares` must be in \[0, 1\)\. Received: \["):
        kept_strokes([VectorSketch(LINES, FRAME)], [share], seed=0)


def test_not_every_sketch_has_a_share():
    with pytest.raises(ValueError, match=r"`shares` must be one for each of 2 sketches\. Received: \(1,\)"):
        kept_strokes([VectorSketch(LINES, FRAME)] * 2, [0.1], seed=0)


@pytest.mark.parametrize("name", ["order_weight", "length_weight"])
@pytest.mark.parametrize("weight", [-0.1, 101, float("nan")])
def test_impossible_weight(name, weight):
    message = rf"`{name}` must be in \[0, 100\]\. Received: {weight}"
    with pytest.raises(ValueError, match=message):
        removal_probabilities(VectorSketch(LINES, FRAME), **{name: weight})
    with pytest.raises(ValueError, match=message):
        remove_strokes(VectorSketch(LINES, FRAME), 0.5, seed=0, **{name: weight})


def test_a_seed_is_whole():
    with pytest.raises(TypeError, match="expects int or sequence of ints"):
        remove_strokes(VectorSketch(LINES, FRAME), 0.5, seed=0.5)
