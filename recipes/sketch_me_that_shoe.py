r"""Sketch Me That Shoe (Yu et al., CVPR 2016): fine-grained retrieval by triplet ranking.

python -m recipes.sketch_me_that_shoe --dataset=qmul_v1 --data_dir=shoes --workdir=runs/shoes \
    --backbone=squeezenet --weights=squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5

The four stages of Sec. 4.4, each a run of its own that starts from the one before:

    --stage=1 --dataset=sketchy ...  --workdir=runs/1                     learns to classify photos' edge maps
    --stage=2 --dataset=quickdraw ... --workdir=runs/2 --weights=runs/1   learns to classify sketches
    --stage=3 --dataset=sketchy ... --workdir=runs/3 --weights=runs/2     ranks photos by category
    --stage=4 --dataset=qmul_v1 ... --workdir=runs/4 --weights=runs/3     ranks photos of one category

docs/sketch_me_that_shoe.md has the commands of the paper's tables and what they measured.

Departures. The paper trains for days on GPUs; the defaults here are the last stage alone, made for ten
minutes on two CPU cores: Adam with a cosine schedule in place of SGD, and Eq. 2 over every pair of a batch
(--loss=batch_triplet), each sketch with its true match against all other photos. --loss=triplet draws the
paper's annotated triplets, with --optimizer=sgd --learning_rate=1e-3 --schedule=constant --steps=20000
--batch_size=128 --sketch_warp=0 --photo_warp=0 its other settings (biases learn at the common rate, not at
twice it). --loss=info_nce is not the paper's.
"""

import keras
import numpy as np
from absl import flags

from recipes.common import (
    augmentation,
    category_pools,
    data,
    encoders,
    evaluation,
    optimizers,
    precision,
    ranking,
    running,
    strategies,
    training,
)
from recipes.common.training_batches import split_batches
from tfsbir import command, losses, sampling
from tfsbir.data.worker_pool import worker_pool
from tfsbir.errors import InputError
from tfsbir.models import EncoderPair, sketch_a_net_features

FLAGS = flags.FLAGS
RECIPE = "sketch_me_that_shoe"
CLASSIFIED = {1: "photo", 2: "sketch"}  # What the stages that classify look at.

data.define_training_data_flags()
encoders.define_encoder_flags(backbone="sketch_a_net")
training.define_training_flags(steps=200, batch_size=32, learning_rate=2e-4)
flags.DEFINE_integer("stage", 4, "Stage of Sec. 4.4.", lower_bound=1, upper_bound=4)
flags.DEFINE_float(
    "dropout", 0.5, "Of stages 1 and 2: dropout of the classifier.", lower_bound=0.0, upper_bound=0.9
)
ranking.define_ranking_flags(
    batch_triplet="Eq. 2 over all pairs of a batch",
    triplet="Eq. 2 over annotated triplets (Sec. 3.2)",
    contrastive="verification of pairs (Sec. 5.3)",
    info_nce="a softmax over the batch",
)
flags.DEFINE_float(
    "contrastive_margin", 1.0, "Distance that --loss=contrastive asks of other pairs.", lower_bound=1e-6
)
flags.DEFINE_float("temperature", 0.07, "Temperature of --loss=info_nce.", lower_bound=1e-4)
flags.DEFINE_float(
    "representative_share", 0.6,
    "Of stage 3: share of each class's sketches to train on, those that the classifier of --weights (a run "
    "of stage 2) is surest of.",
    lower_bound=0.01, upper_bound=1.0,
)  # fmt: skip
augmentation.define_augmentation_flags(sketch_warp=1.0, photo_warp=0.3)
for module in (augmentation, data, encoders, ranking, running, training):
    flags.adopt_module_key_flags(module)


def main(_):
    if FLAGS.stage != 4 and FLAGS["loss"].present:
        raise InputError(f"`loss` belongs to stage 4. Received: {FLAGS.loss} with `stage` {FLAGS.stage}")
    strategy = strategies.make_strategy()
    pool = worker_pool(FLAGS.num_workers)
    if FLAGS.stage in CLASSIFIED:
        classify(strategy, pool, CLASSIFIED[FLAGS.stage])
    else:
        rank(strategy, pool)


def classify(strategy, pool, domain):
    """Stages 1 and 2: one network learns the classes of photos, or of sketches."""
    train, test, test_name = data.load_categories(pool)
    images, labels = evaluation.images_and_labels(train, domain)
    if len(np.unique(labels)) < 2:
        raise InputError(
            f"`dataset` must have {domain}s of 2 classes to learn. Received: {FLAGS.dataset}, "
            f"with {len(images)} {domain}s of {len(np.unique(labels))}"
        )
    augment = augmentation.augmentation(train)
    with strategy.scope():
        classifier = encoders.make_classifier(len(train.class_names), FLAGS.dropout)
        optimizer = optimizers.make_optimizer(FLAGS.optimizer, FLAGS.weight_decay)
    sampler = sampling.ClassExamples(labels, FLAGS.batch_size, FLAGS.seed, domain)
    run = running.start_run(RECIPE, train, {test_name: test}, strategy)
    if run.result is not None:
        running.print_json(run.result)
        return
    batches = split_batches(train, sampler, classifier.input_shape[1], augment, pool)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def replica_loss(batch):
        return cross_entropy(batch["label"], classifier(batch[domain], training=True))

    evaluate = evaluation.classifier_evaluator(classifier, test, domain)
    seconds = training.train(
        run, {"classifier": classifier}, optimizer, strategy, batches, replica_loss,
        lambda: {f"{test_name}/{name}": value for name, value in evaluate()[0].items()},
    )  # fmt: skip
    classifier = precision.in_float32(classifier)
    found, logits = evaluation.classifier_evaluator(classifier, test, domain)()
    features = sketch_a_net_features(classifier)
    running.save_pair(run, EncoderPair(features, features), train, classifier)
    evaluation.draw_classified(test, domain, logits, run.figures / "classified.png")
    running.finish_run(run, test_name, found, seconds)


def rank(strategy, pool):
    """Stages 3 and 4: a pair of encoders learns which photo is closer, by category or by instance."""
    splits = train, test, test_name = (data.load_categories if FLAGS.stage == 3 else data.load_pairs)(pool)
    with strategy.scope():
        pair = encoders.make_encoders(FLAGS.branches == "siamese", train.photo_input)
        optimizer = optimizers.make_optimizer(FLAGS.optimizer, FLAGS.weight_decay)
    run = running.start_run(RECIPE, train, {test_name: test}, strategy)
    if run.result is not None:
        running.print_json(run.result)
        return
    encoders.start_encoders(run, pair, train)
    if FLAGS.stage == 3:
        sampler = category_pools.category_triplets(run, pair, train, FLAGS.representative_share)
        loss = losses.TripletRanking(FLAGS.margin)
    else:
        sampler = ranking.pair_sampler(train)
        loss = {
            "batch_triplet": losses.BatchTripletRanking(FLAGS.margin),
            "triplet": losses.TripletRanking(FLAGS.margin),
            "contrastive": losses.BatchContrastive(FLAGS.contrastive_margin),
            "info_nce": losses.InfoNCE(FLAGS.temperature),
        }[FLAGS.loss]
    seconds = ranking.train_pair(
        run, pair, splits, strategy, optimizer, pool, sampler, ranking.keras_loss(loss)
    )  # fmt: skip
    _, found, _ = ranking.save_and_measure(run, pair, train, test)
    running.finish_run(run, test_name, found, seconds)


if __name__ == "__main__":
    command.run(main)
