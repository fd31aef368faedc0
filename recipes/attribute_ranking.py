r"""Deep multi-task attribute-driven ranking (Song et al., BMVC 2016): attributes teach, sample and rank.

python -m recipes.attribute_ranking --dataset=shoev1_attributes --data_dir=shoev1_attributes \
    --workdir=runs/attributes --backbone=squeezenet \
    --weights=squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5

Eq. 1 is a triplet loss on the embedding, lambda_a times a triplet loss on the predicted attributes and
the cross-entropies of the attributes of the sketch, its photo and the negative:

    --lambda_a --lambda_s --lambda_p --lambda_n    their weights; the last term is --weight_decay
    --sampling=attributes|random                   negatives that share attributes come more often
    --loss=batch_triplet|triplet                   over all pairs of a batch, or drawn triplets
    --attribute_distance_weight=W                  photos are ranked by the embeddings' distance plus W times
                                                   that of predicted attributes; a number, or the directory
                                                   of a run with --holdout, for the W that is best there

Nobody has to annotate triplets. What photos and sketches have may be unknown for some of them; it comes with
the data set or from tables (--photo_attributes, --sketch_attributes). docs/attribute_ranking.md has the
commands of what was measured.

Departures. Only the paper's two-page abstract is at hand, with Eq. 1 and the idea. The weights, the
sampling's temperature and the rest of the defaults are ours, and were chosen on held-out training photos. As
in the other recipes, every pair of a batch counts by default (--loss=batch_triplet): all other photos are
negatives, and one weighs the more, the more often it would be drawn.
"""

import math

from absl import flags
from keras import ops

from recipes.common import (
    attribute_evaluation,
    attributes,
    augmentation,
    data,
    encoders,
    evaluation,
    optimizers,
    ranking,
    running,
    strategies,
    training,
)
from tfsbir import command, losses, sampling
from tfsbir.data import attribute_shares
from tfsbir.data.worker_pool import worker_pool
from tfsbir.distribute import gather
from tfsbir.models import attribute_encoder

FLAGS = flags.FLAGS
RECIPE = "attribute_ranking"
# By backbone, the layer that attributes are predicted from, and about how large its values are. Of
# SqueezeNet it is what the embedding is reduced from: that found more held-out shoes than a head on the
# embedding, which so is free to keep what attributes do not tell.
ATTRIBUTE_FEATURES = {"sketch_a_net": ("embedding", 1 / 16), "squeezenet": ("both_scales", 1 / 48)}

data.define_training_data_flags()
attributes.define_attribute_flags()
encoders.define_encoder_flags(backbone="sketch_a_net", backbones=ATTRIBUTE_FEATURES)
training.define_training_flags(steps=200, batch_size=32, learning_rate=2e-4)
ranking.define_ranking_flags(
    batch_triplet="Eq. 1 over all pairs of a batch", triplet="Eq. 1 over drawn triplets"
)
attribute_evaluation.define_weight_flag(3)
for letter, default, what in (
    ("a", 0.1, "the triplet loss on predicted attributes"),
    ("s", 0.1, "the sketch's attribute cross-entropy"),
    ("p", 0.1, "the photo's attribute cross-entropy"),
    ("n", 0.1, "the negative's attribute cross-entropy"),
):
    flags.DEFINE_float(f"lambda_{letter}", default, f"Of Eq. 1: weight of {what}.", lower_bound=0.0)
flags.DEFINE_float(
    "attribute_margin", 0.3, "Margin of the triplet loss on predicted attributes, in squared distance.",
    lower_bound=1e-6,
)  # fmt: skip
flags.DEFINE_float(
    "softness", 4.0,
    "Photos are ranked by probabilities of attributes whose logits are divided by this: 1 for those that are "
    "learned and shown.",
    lower_bound=1.0,
)  # fmt: skip
flags.DEFINE_enum(
    "sampling", "attributes", ["attributes", "random"],
    "Negatives: the fewer attributes a photo differs in, the more often; or any other photo alike.",
)  # fmt: skip
flags.DEFINE_float(
    "temperature", 8.0,
    "Of --sampling=attributes: a photo that differs in one attribute more comes exp(1 / temperature) times "
    "less often.",
    lower_bound=1e-3,
)  # fmt: skip
augmentation.define_augmentation_flags(sketch_warp=1.0, photo_warp=0.3)
for module in (attribute_evaluation, attributes, augmentation, data, encoders, ranking, running, training):
    flags.adopt_module_key_flags(module)


def main(_):
    strategy = strategies.make_strategy()
    pool = worker_pool(FLAGS.num_workers)
    train, test, test_name = data.load_pairs(pool)
    train, test = attributes.apply_to_both(train, test)
    weight = attribute_evaluation.attribute_distance_weight()
    num_attributes = len(train.attribute_names)
    with strategy.scope():
        pair = encoders.make_encoders(
            FLAGS.branches == "siamese",
            train.photo_input,
            lambda encoder: attribute_encoder(
                encoder, num_attributes, *ATTRIBUTE_FEATURES[FLAGS.backbone], FLAGS.softness
            ),
        )
        optimizer = optimizers.make_optimizer(FLAGS.optimizer, FLAGS.weight_decay)
        dim = pair.sketch.output_shape[-1] - 2 * num_attributes
        distance = attribute_evaluation.mixed_distance(dim, num_attributes, weight)
    run = running.start_run(RECIPE, train, {test_name: test}, strategy)
    if run.result is not None:
        running.print_json(run.result)
        return
    encoders.start_encoders(run, pair, train)
    temperature = FLAGS.temperature if FLAGS.sampling == "attributes" else math.inf
    if FLAGS.loss == "triplet":
        sampler = sampling.AttributeTriplets(train, FLAGS.batch_size, FLAGS.seed, temperature)
        loss = drawn_triplets_loss(train, dim)
    else:
        sampler = sampling.TruePairs(train, FLAGS.batch_size, FLAGS.seed)
        loss = all_pairs_loss(train, dim, temperature)
    seconds = ranking.train_pair(
        run, pair, (train, test, test_name), strategy, optimizer, pool, sampler, loss, distance
    )  # fmt: skip
    pair = encoders.pair_in_float32(pair)
    found, distances = attribute_evaluation.measure_parts(
        run, pair, test, num_attributes, weight, may_choose=FLAGS.holdout > 0
    )
    running.save_pair(run, pair, train, distance=distance, attributes=train.attribute_names)
    evaluation.draw_ranked_results(test, distances, run.figures / "ranked_results.png")
    running.finish_run(run, test_name, found, seconds)


def drawn_triplets_loss(train, dim):
    """Returns Eq. 1 without its last term over the triplets of a batch.

    Args:
        train: `Split` with attributes; their shares balance the cross-entropies.
        dim: Length of the embedding, which stands before what is predicted.
    Returns: Function of a batch and the encoders' outputs on it, as `ranking.train_pair` takes it.
    """
    on_embedding = losses.TripletRanking(FLAGS.margin)
    on_attributes = losses.TripletRanking(FLAGS.attribute_margin)
    weights = {"sketch": FLAGS.lambda_s, "photo": FLAGS.lambda_p, "negative": FLAGS.lambda_n}
    predicting = prediction_loss(train, weights)

    def of_batch(batch, outputs):
        embeddings, probabilities = parts(outputs, dim)
        value = on_embedding(batch["instance"], embeddings) + predicting(batch, probabilities)
        if FLAGS.lambda_a:
            # Photos that are known to differ in nothing are not to be told apart by attributes.
            differs = attributes.known_to_differ(batch["photo_attributes"], batch["negative_attributes"])
            value += FLAGS.lambda_a * on_attributes(batch["instance"], probabilities, sample_weight=differs)
        return value

    return of_batch


def all_pairs_loss(train, dim, temperature):
    """Returns Eq. 1 without its last term over all pairs of the global batch.

    What `sampling.AttributeTriplets` draws more often, weighs more. Each photo is a positive and a negative,
    so its cross-entropy counts as both.

    Args:
        train: As for `drawn_triplets_loss`.
        dim: As there.
        temperature: As for `sampling.AttributeTriplets`.
    """
    on_embedding = losses.BatchTripletRanking(FLAGS.margin)
    on_attributes = losses.BatchTripletRanking(FLAGS.attribute_margin)
    predicting = prediction_loss(train, {"sketch": FLAGS.lambda_s, "photo": FLAGS.lambda_p + FLAGS.lambda_n})

    def of_batch(batch, outputs):
        embeddings, probabilities = parts(outputs, dim)
        value = predicting(batch, probabilities)
        instance, labels, embeddings, probabilities = gather(
            (batch["instance"], batch["photo_attributes"], embeddings, probabilities)
        )
        weights = ops.exp(-attributes.num_differing(labels, labels) / temperature)
        value += on_embedding((instance, weights), embeddings)
        if FLAGS.lambda_a:
            # As above.
            differs = attributes.known_to_differ(labels[:, None], labels[None])
            value += FLAGS.lambda_a * on_attributes((instance, weights * differs), probabilities)
        return value

    return of_batch


def prediction_loss(train, weights):
    """Returns the weighted sum of the cross-entropies of predicted attributes.

    Args:
        train: As for `drawn_triplets_loss`.
        weights: Dict of floats by what a batch holds ("sketch", "photo", "negative"), in the order of the
            encoders' outputs.
    """
    of_sketch, of_photo = (
        losses.AttributeCrossEntropy(None if known is None else attribute_shares(known))
        for known in (train.sketch_attributes, train.photo_attributes)
    )

    def of_batch(batch, probabilities):
        return sum(
            weight * (of_sketch if name == "sketch" else of_photo)(batch[f"{name}_attributes"], predicted)
            for (name, weight), predicted in zip(weights.items(), probabilities, strict=True)
            if weight
        )

    return of_batch


def parts(outputs, dim):
    """Returns the embeddings, and the probabilities that come last, two tuples."""
    num_attributes = (outputs[0].shape[-1] - dim) // 2
    return (
        tuple(output[:, :dim] for output in outputs),
        tuple(output[:, -num_attributes:] for output in outputs),
    )


if __name__ == "__main__":
    command.run(main)
