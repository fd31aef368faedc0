"""Stroke removal: the later and the shorter a stroke is, the sooner it goes."""

import numpy as np

# Plackett-Luce takes probabilities up to a factor, not logits. None is smaller than e^-600, and what fills up
# the rows of a batch is so much smaller that no draw takes it before a stroke.
_LOWEST_LOGIT, _FILLING = -600.0, np.exp(-700.0)


def removal_probabilities(sketch, order_weight=0.3, length_weight=0.5):
    """Computes how likely each stroke is the first to be removed.

    The paper gives the weights but no units. Here order (1 for the first stroke) and length are both
    divided by their mean over the sketch, so that a weight means the same at any scale and for any number of
    strokes, and both count: in people's drawings the last stroke is about 3 times as likely as the first,
    the shortest 4 times as likely as the longest. With lengths in px the shortest would go for certain; with
    the bare numbers 1, 2, 3, ... as order, the last of 15 equal strokes were 67 times as likely as the first.

    Args:
        sketch: A `VectorSketch`.
        order_weight: Weight of the order (alpha) in [0, 100]; default from Source, Sec. 5.1.
        length_weight: Weight of the length (beta) in [0, 100]; likewise.
    Returns: `(num_strokes,)` float64 that sums to 1; empty for a sketch without strokes.
    Raises: `ValueError` if a weight is out of its range.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Eq. 4.
    """
    _check_weights(order_weight, length_weight)
    likelihoods = np.exp(_logits(sketch, order_weight, length_weight))
    return likelihoods / likelihoods.sum()


def kept_strokes(sketches, shares, seed, order_weight=0.3, length_weight=0.5):
    """Chooses for each sketch the strokes that stay when a share of them is removed.

    Strokes are removed one after the other, each time with the probabilities of Eq. 4 among those that are
    left: a Plackett-Luce draw, one for the whole batch, so a sketch's choice also depends on its place
    and company there. The share is rounded to the nearest number of strokes, halves up, but to one stroke at
    least if it is not 0, because 10 % of a drawing of four strokes would otherwise leave it as it was; the
    last stroke always stays. Same arguments, same choice, in any thread.

    Args:
        sketches: Sequence of `VectorSketch`.
        shares: Share of the strokes to remove from each, in [0, 1).
        seed: Int >= 0, or a sequence of them.
        order_weight: As for `removal_probabilities`.
        length_weight: As for `removal_probabilities`.
    Returns: A list of `(num_strokes,)` bool arrays, True where the stroke stays.
    Raises: `ValueError` if a share or a weight is out of its range, or not every sketch has a share.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.5.
    """
    _check_weights(order_weight, length_weight)
    shares = np.asarray(shares, np.float64)
    if shares.shape != (len(sketches),):
        raise ValueError(
            f"`shares` must be one for each of {len(sketches)} sketches. Received: {shares.shape}"
        )
    if not np.all((shares >= 0) & (shares < 1)):
        raise ValueError(f"`shares` must be in [0, 1). Received: {shares}")
    counts = np.array([len(sketch.strokes) for sketch in sketches], int)
    num_removed = np.maximum(np.floor(shares * counts + 0.5).astype(int), shares > 0)
    num_removed = np.clip(num_removed, 0, np.maximum(counts - 1, 0))
    scores = np.full((len(sketches), max(counts, default=0)), _FILLING)
    for row, sketch in zip(scores, sketches, strict=True):
        logits = _logits(sketch, order_weight, length_weight)
        row[: len(logits)] = np.exp(np.maximum(logits, _LOWEST_LOGIT))
    kept = np.ones(scores.shape, bool)
    if num_removed.any():
        # Imported here, since it takes half a second, and most programs remove no strokes.
        from tensorflow_probability.substrates.numpy.distributions import PlackettLuce

        # Plackett-Luce looks at 32 bits of its seed; these depend on all of ours.
        order = PlackettLuce(scores).sample(seed=int(np.random.SeedSequence(seed).generate_state(1)[0]))
        is_removed = np.arange(scores.shape[1]) < num_removed[:, None]
        np.put_along_axis(kept, order, ~is_removed, axis=1)
    return [row[:count] for row, count in zip(kept, counts, strict=True)]


def remove_strokes(sketch, share, seed, order_weight=0.3, length_weight=0.5):
    """Removes a share of the strokes of one sketch.

    Args:
        sketch: A `VectorSketch`.
        share: Share of the strokes in [0, 1), rounded as by `kept_strokes`.
        seed: As for `kept_strokes`. A larger share with the same seed removes the same strokes and more.
        order_weight: As for `removal_probabilities`.
        length_weight: As for `removal_probabilities`.
    Returns: A `VectorSketch` of the strokes that stay, in their order.
    Raises: As `kept_strokes`.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.5.
    """
    (kept,) = kept_strokes([sketch], [share], seed, order_weight, length_weight)
    return sketch.replaced([stroke for stroke, stays in zip(sketch.strokes, kept, strict=True) if stays])


def _check_weights(order_weight, length_weight):
    for name, weight in (("order_weight", order_weight), ("length_weight", length_weight)):
        if not 0 <= weight <= 100:
            raise ValueError(f"`{name}` must be in [0, 100]. Received: {weight}")


def _logits(sketch, order_weight, length_weight):
    """The exponents of Eq. 4, the greatest of them 0."""
    orders, lengths = np.arange(1.0, len(sketch.strokes) + 1), sketch.lengths().astype(np.float64)
    if len(orders) == 0:
        return orders
    mean_length = lengths.mean()
    if mean_length > 0:  # Dots alone have no length to divide by, and none to compare.
        lengths /= mean_length
    logits = order_weight * orders / orders.mean() - length_weight * lengths
    return logits - logits.max()
