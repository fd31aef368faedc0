"""Ranking by embedding and by predicted attributes, and how well attributes are predicted."""

import json
import math

import numpy as np
from absl import flags

from recipes.common import evaluation
from tfsbir import figures, files, metrics
from tfsbir.distances import SquaredEuclidean, WeightedEuclidean
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS
WEIGHTS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # Those that a held-out part chooses from.
CHOSEN = "attribute_distance_weight.json"
MIN_SHARE = 0.05  # Of either value, for an attribute to count in a mean.


def define_weight_flag(default):
    """Declares the flag of `attribute_distance_weight`, with a recipe's own default."""
    flags.DEFINE_string(
        "attribute_distance_weight", str(default),
        "Weight of the squared distance of predicted, softened attributes beside that of embeddings, when "
        "photos are ranked: a number >= 0, or the directory of a run with --holdout, for the one that is "
        "best there.",
    )  # fmt: skip


def attribute_distance_weight():
    """Returns the weight that the flag gives or names the run of."""
    given = FLAGS.attribute_distance_weight
    try:
        weight = float(given)
    except ValueError:
        return _chosen_weight(RunDirectory(given))
    if not 0 <= weight < math.inf:
        raise InputError(f"`attribute_distance_weight` must be >= 0 and finite. Received: {given}")
    return weight


def _chosen_weight(run):
    path = run.path / CHOSEN
    if not path.exists():
        raise InputError(
            f"{path}: expected the weight that a run with --holdout chose; there is no such file "
            "(`attribute_distance_weight` must be a number or the directory of such a run)"
        )
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["best"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: expected the weight that a run with --holdout chose; {error!r}") from None


def mixed_distance(dim, num_attributes, weight):
    """Returns the distance of embeddings plus `weight` times that of the softened probabilities behind them.

    What comes last, the probabilities themselves, is there to explain and counts nothing.
    """
    weights = np.concatenate([np.ones(dim), np.full(num_attributes, weight), np.zeros(num_attributes)])
    distance = WeightedEuclidean(len(weights))
    distance.scale.assign(np.sqrt(weights).astype(np.float32))
    return distance


def measure_parts(run, pair, split, num_attributes, weight, may_choose):
    """Measures what embedding and predicted attributes find, together and each alone.

    Also measures how well attributes are predicted. All images are encoded once: the distance that a run
    ranks by (`mixed_distance`) is the weighted sum of the two.

    Writes into the run `attributes.json`, every attribute's average precision, and draws it; and, if it may
    choose, `attribute_distance_weight.json`: the mean reciprocal rank with each of `WEIGHTS`, and the best.

    Args:
        run: `RunDirectory`.
        pair: `EncoderPair` of encoders with attributes.
        split: `Split` to measure on, its attributes known or not.
        num_attributes: Number of attributes that the encoders predict.
        weight: Of the distance of attributes, beside that of embeddings.
        may_choose: Whether the split is held out from training to choose by.
    Returns: Dict of metrics, the parts' own with names that end in /embedding, /attributes, /sketch and
        /photo; and the distances `(num_sketches, num_photos)` of both together.
    """
    dim = pair.sketch.output_shape[-1] - 2 * num_attributes
    squared = SquaredEuclidean()

    def parts(sketch, photo):
        return np.stack([
            squared.pairwise(sketch[:, :dim], photo[:, :dim]),
            squared.pairwise(sketch[:, dim:-num_attributes], photo[:, dim:-num_attributes]),
        ])  # fmt: skip

    embedding, attributes = evaluation.split_distances(pair, split, parts, int(FLAGS.num_views))
    mixed = embedding + weight * attributes
    found = evaluation.measure(mixed, split)
    for name, distances in (("embedding", embedding), ("attributes", attributes)):
        measured = evaluation.measure(distances, split)
        found |= {f"{metric}/{name}": value for metric, value in measured.items()}
    if may_choose:
        _choose_weight(run, split, embedding, attributes)
    return found | _measure_predictions(run, pair, split, num_attributes), mixed


def _choose_weight(run, split, embedding, attributes):
    paired = split.paired_sketches
    reciprocal = {}
    for weight in WEIGHTS:
        mixed = (embedding + weight * attributes)[paired]
        reciprocal[weight] = float(np.mean(1 / metrics.ranks(mixed, split.sketch_photo[paired])))
    best = max(reciprocal, key=reciprocal.get)  # The smallest of those that are equally good.
    files.write_json(
        run.path / CHOSEN,
        {"best": best, "mean_reciprocal_rank": {str(weight): value for weight, value in reciprocal.items()}},
    )


def _measure_predictions(run, pair, split, num_attributes):
    """Measures the probabilities of the centre view, of sketches and of photos, where the truth is known."""
    measured, found = {}, {}
    for domain, encoder, images, known in (
        ("sketch", pair.sketch, split.sketches, split.sketch_attributes),
        ("photo", pair.photo, split.photos, split.photo_attributes),
    ):
        if known is None:
            continue
        probabilities = evaluation.encode_images(encoder, images)[:, -num_attributes:]
        precision = metrics.attribute_average_precision(probabilities, known, MIN_SHARE)
        if np.all(np.isnan(precision["average_precision"])):
            continue
        measured[domain] = precision
        found[f"attribute_mAP/{domain}"] = float(np.nanmean(precision["average_precision"]))
        found[f"attribute_frequency/{domain}"] = float(np.nanmean(precision["frequency"]))
        figures.attribute_bars(
            split.attribute_names,
            precision["average_precision"],
            precision["frequency"],
            run.figures / f"attributes_{domain}.png",
        )
    files.write_json(
        run.path / "attributes.json",
        {
            domain: {
                name: None if math.isnan(one) else {"average_precision": one, "frequency": frequency}
                for name, one, frequency in zip(
                    split.attribute_names,
                    precision["average_precision"].tolist(),
                    precision["frequency"].tolist(),
                    strict=True,
                )
            }
            for domain, precision in measured.items()
        },
    )
    return found
