r"""Doodle to Search (Dey et al., CVPR 2019): zero-shot retrieval of photos whose class was never seen.

python -m recipes.doodle_to_search --dataset=sketchy --data_dir=sketchy --unseen_classes=unseen.txt \
    --word_vectors=GoogleNews-vectors-negative300.bin --workdir=runs/zero_shot --backbone=pooled_squeezenet \
    --weights=squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5

Trains on the classes that --unseen_classes does not name, a part of which is held out to tell when training
is at its best; tests on the others. A triplet is a sketch, a photo of its class and a photo of another class,
the likelier the closer in meaning. The loss (Eq. 4) is the sum of three, of which two can be left out, as can
the attention, for the rows of Table 3:

    --noattention            the encoders attend to no place of their last feature map
    --domain_weight=0        leaves out the domain loss: a classifier tells sketches from photos, and the
                             encoders learn, through a gradient reversal, to defeat it (Eq. 2)
    --semantic_weight=0      leaves out the semantic loss: a decoder tells the word vector of the class from
                             an embedding, which the negative is to prevent (Eq. 3)

docs/doodle_to_search.md has the commands of what was measured.

Departures. Besides VGG-16 there are other backbones; SqueezeNet's embedding has unit norm, the paper's none.
Of a step of the domain factor's schedule there are many in an epoch, and the ramp's epochs are flags. Without
--optimizer=sgd, training is by AdamW with a cosine schedule. The best weights, not the last, are tested.
"""

import numpy as np
from absl import flags
from keras import ops

from recipes.common import (
    augmentation,
    data,
    encoders,
    evaluation,
    optimizers,
    ranking,
    running,
    semantics,
    strategies,
    training,
)
from recipes.common.checkpoints import saved_steps
from recipes.common.early_stopping import EarlyStopping
from recipes.common.head_warmup import warm_up_heads
from recipes.common.training_batches import split_batches
from recipes.common.view_distances import ViewDistances
from tfsbir import command, losses, models, sampling
from tfsbir.data.worker_pool import worker_pool
from tfsbir.distances import Euclidean, SquaredEuclidean
from tfsbir.layers import GradientReversal

FLAGS = flags.FLAGS
RECIPE = "doodle_to_search"
# By backbone, the layer whose map is attended to, about how large its values are, and the attention's width.
FEATURE_MAPS = {"pooled_squeezenet": ("fire9", 32.0, 256), "vgg16": ("block5_pool", 32.0, 380)}
# By backbone, the layer that ends in the embedding, and whether this is then brought to unit norm.
LAST_LAYERS = {"pooled_squeezenet": "projection", "vgg16": "embedding"}
HAS_UNIT_NORM = {"pooled_squeezenet": True, "vgg16": False}
# What stands behind the embedding, and the flag that says how much it counts.
HEAD_WEIGHTS = {"domain_classifier": "domain_weight", "semantic_decoder": "semantic_weight"}
CHOSEN_BY = "validation/mAP@all"

data.define_photo_flags()
data.define_zero_shot_flags()
semantics.define_semantics_flag()
encoders.define_encoder_flags(backbone="vgg16", backbones=FEATURE_MAPS)
training.define_training_flags(steps=5000, batch_size=20, learning_rate=1e-4)
flags.DEFINE_enum("optimizer", "adam", ["adam", "sgd"], "AdamW, or SGD with momentum 0.9 (Sec. 5.1).")
flags.DEFINE_float(
    "head_learning_rate", None,
    "Learning rate of classifier and decoder, which begin with nothing; by default that of the encoders.",
    lower_bound=0.0,
)  # fmt: skip
flags.DEFINE_float(
    "projection_learning_rate", None,
    "Learning rate of the encoders' last layer; by default that of the others.", lower_bound=0.0,
)  # fmt: skip
flags.DEFINE_integer(
    "head_steps", 0,
    "Steps in which classifier and decoder learn, at a constant rate, from the embeddings where the encoders "
    "start, before these are trained.", lower_bound=0,
)  # fmt: skip
flags.DEFINE_float("weight_decay", 5e-4, "Weight decay.", lower_bound=0.0)
flags.DEFINE_float("margin", 1.0, "Margin of the triplet loss, in distance (mu of Eq. 1).", lower_bound=1e-6)
flags.DEFINE_bool("attention", True, "Attention on the last feature map (Sec. 4.2).")
flags.DEFINE_float("domain_weight", 1.0, "Weight of the domain loss (alpha_2 of Eq. 4).", lower_bound=0.0)
flags.DEFINE_float("semantic_weight", 1.0, "Weight of the semantic loss (alpha_3 of Eq. 4).", lower_bound=0.0)
flags.DEFINE_float(
    "domain_delay", 5.0, "Epochs in which the encoders do not yet defeat the domain classifier (Sec. 4.3).",
    lower_bound=0.0,
)  # fmt: skip
flags.DEFINE_float(
    "domain_ramp",
    20.0,
    "Epochs after them in which the reversal's factor grows (Sec. 4.3).",
    lower_bound=1e-6,
)
flags.DEFINE_float(
    "max_domain_factor", 1.0,
    "Factor that it grows to (Sec. 4.3). With 0 the classifier learns, and the encoders take no notice.",
    lower_bound=0.0,
)  # fmt: skip
flags.DEFINE_float(
    "semantic_reversal", 0.5, "Factor of the negative's reversal (lambda_s, Sec. 4.3).", lower_bound=0.0
)
flags.DEFINE_float(
    "temperature", 0.1,
    "A class is the negative with a probability proportional to exp(-d / temperature), d being the squared "
    "distance of unit word vectors.", lower_bound=1e-3,
)  # fmt: skip
flags.DEFINE_integer(
    "patience", 20, "Evaluations (--eval_every) without a better mAP@all on the held-out seen classes after "
    "which training ends.", lower_bound=1,
)  # fmt: skip
augmentation.define_augmentation_flags(sketch_warp=0.0, photo_warp=0.0, rotation=10.0, scale=0.1)
for module in (augmentation, data, encoders, running, semantics, training):
    flags.adopt_module_key_flags(module)


def main(_):
    strategy = strategies.make_strategy()
    pool = worker_pool(FLAGS.num_workers)
    train, validation, test = data.load_zero_shot(pool)
    augment = augmentation.augmentation(train)
    word_vectors = semantics.class_semantics(train)
    sampler = sampling.SemanticTriplets(train, word_vectors, FLAGS.batch_size, FLAGS.seed, FLAGS.temperature)
    with strategy.scope():
        pair = encoders.make_encoders(train.photo_input == "edges", train.photo_input, extend)
        dim = pair.sketch.output_shape[-1]
        scale = dim**0.5 if HAS_UNIT_NORM[FLAGS.backbone] else 1.0
        heads = {
            "domain_classifier": models.domain_classifier(dim, scale=scale),
            "semantic_decoder": models.semantic_decoder(dim, word_vectors.shape[1], scale=scale),
        }
        reversals = {"domain": GradientReversal(0.0), "negative": GradientReversal(FLAGS.semantic_reversal)}
        optimizer = optimizers.make_optimizer(FLAGS.optimizer, FLAGS.weight_decay)
        last_layers = {
            f"{domain}_projection": encoder.get_layer(LAST_LAYERS[FLAGS.backbone])
            for domain, encoder in {"sketch": pair.sketch, "photo": pair.photo}.items()
            if domain == "sketch" or not pair.is_siamese
        }
        rates = {
            **dict.fromkeys(heads, FLAGS.head_learning_rate),
            **dict.fromkeys(last_layers, FLAGS.projection_learning_rate),
        }
        own_optimizers = {
            name: optimizers.make_optimizer(FLAGS.optimizer, FLAGS.weight_decay, rate)
            for name, rate in rates.items()
        }
    run = running.start_run(
        RECIPE, train, {"validation": validation, "test": test, "`word_vectors`": word_vectors}, strategy
    )
    if run.result is not None:
        running.print_json(run.result)
        return
    encoders.start_encoders(run, pair, train)
    branches = {"sketch": pair.sketch, "photo": pair.photo}
    stopping = EarlyStopping(run, branches, CHOSEN_BY, FLAGS.patience)
    head_loss = weighted_head_loss(heads, reversals, word_vectors)
    asked = [heads[name] for name, weight in HEAD_WEIGHTS.items() if FLAGS[weight].value]
    if FLAGS.head_steps and asked and not saved_steps(run):
        rate = FLAGS.learning_rate if FLAGS.head_learning_rate is None else FLAGS.head_learning_rate
        warm_up_heads(asked, pair, train, sampler, head_loss, FLAGS.head_steps, rate, strategy)

    def before_step(step):
        epoch = step * FLAGS.batch_size / len(train.sketches)
        reversals["domain"].factor.assign(domain_factor(epoch))

    batches = split_batches(train, sampler, pair.sketch.input_shape[1], augment, pool)
    seconds = training.train(
        run, {**branches, **heads, **last_layers}, optimizer, strategy, batches,
        triplet_loss(pair, head_loss),
        evaluator(pair, heads["domain_classifier"], validation),
        own_optimizers, before_step, stopping,
    )  # fmt: skip
    stopping.restore_best()
    run.note(best_step=stopping.best_step, validation_classes=list(validation.class_names))
    pair, found, _ = ranking.save_and_measure(run, pair, train, test)
    running.finish_run(run, "test", {**found, "mAP@all/validation": stopping.best}, seconds)


def extend(encoder):
    """Returns a backbone's encoder with attention, if the flags ask for it."""
    if not FLAGS.attention:
        return encoder
    after, feature_scale, hidden_channels = FEATURE_MAPS[FLAGS.backbone]
    return models.attended_encoder(
        encoder, after, fusion=False, feature_scale=feature_scale, hidden_channels=hidden_channels
    )


def domain_factor(epoch):
    """Returns the factor of the domain's gradient reversal after some epochs (Sec. 4.3)."""
    return (
        float(np.clip((epoch - FLAGS.domain_delay) / FLAGS.domain_ramp, 0.0, 1.0)) * FLAGS.max_domain_factor
    )


def triplet_loss(pair, head_loss):
    """Returns Eq. 4.

    Args:
        pair: `EncoderPair`.
        head_loss: What `weighted_head_loss` returns.
    """
    ranking_loss = losses.TripletRanking(FLAGS.margin, Euclidean())

    def replica_loss(batch):
        embeddings = pair.encode(batch["sketch"], [batch["photo"], batch["negative"]], training=True)
        return ranking_loss(batch["label"], embeddings) + head_loss(batch["label"], embeddings)

    return replica_loss


def weighted_head_loss(heads, reversals, word_vectors):
    """Returns a function from labels and the embeddings of triplets to what Eq. 4 has beside the ranking.

    Args:
        heads: Dict of the models `domain_classifier` and `semantic_decoder`.
        reversals: Dict of the `GradientReversal`s before them: `domain`, and of the `negative` alone.
        word_vectors: `(num_classes, semantic_dim)` float32 by label.
    """
    domain_loss, semantic_loss = losses.DomainConfusion(), losses.SemanticReconstruction()
    classify, decode = heads["domain_classifier"], heads["semantic_decoder"]

    def head_loss(label, embeddings):
        value = 0.0
        if FLAGS.domain_weight:
            logits = tuple(
                classify(reversals["domain"](embedding), training=True) for embedding in embeddings
            )
            value += FLAGS.domain_weight * domain_loss(label, logits)
        if FLAGS.semantic_weight:
            sketch, photo, negative = embeddings
            decoded = tuple(
                decode(embedding, training=True)
                for embedding in (sketch, photo, reversals["negative"](negative))
            )
            value += FLAGS.semantic_weight * semantic_loss(ops.take(word_vectors, label, axis=0), decoded)
        return value

    return head_loss


def evaluator(pair, classifier, validation):
    """Returns a function which measures an `EncoderPair` on the held-out seen classes, one view an image.

    It returns `evaluation.measure`'s dict, and `domain_accuracy`: the mean share of sketches and of photos
    that the domain classifier takes for what they are. All names begin with "validation/".
    """
    encode_sketches = evaluation.images_encoder(pair.sketch)
    encode_photos = evaluation.images_encoder(pair.photo)
    distance = SquaredEuclidean()

    def evaluate():
        sketch, photo = encode_sketches(validation.sketches), encode_photos(validation.photos)
        distances = ViewDistances([sketch], [photo], distance.pairwise)  # Only a part at a time.
        found = evaluation.measure(distances, validation)
        is_photo = [ops.convert_to_numpy(classifier(domain)) > 0 for domain in (sketch, photo)]
        found["domain_accuracy"] = float(np.mean([np.mean(~is_photo[0]), np.mean(is_photo[1])]))
        return {f"validation/{name}": value for name, value in found.items()}

    return evaluate


if __name__ == "__main__":
    command.run(main)
