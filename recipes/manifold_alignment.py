r"""Deep Manifold Alignment (Bui et al., ACCV 2018): pools of aligned sketches and photos.

python -m recipes.manifold_alignment --dataset=sketchy --data_dir=sketchy --more_dataset=quickdraw \
    --more_data_dir=quickdraw --photo_input=rgb --workdir=runs/manifold --backbone=squeezenet \
    --embedding_dim=256 --train_from=fire5_squeeze1x1 \
    --weights=squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5

The two branches learn the classes, each with a classifier of its own (--warmup_steps). Then, again and again,
the sketches and photos of every class are aligned and clustered, and triplets from the pools are trained on
with the magnet loss:

    --aligner=manifold|linear_transform|pca                      Sec. 3.1
    --pooler=gaussian_mixture|kmeans|mean_shift|dbscan           Sec. 3.2
    --method=manifold_alignment|triplet|contrastive|regression   the paper's, or one of Table 2's baselines:
                                                                 SS-triplet-HM, SS-contrast-HM, MS-reg-HM

--method=softmax is the warm-up alone. Runs that differ in what comes after it start from it: --weights is its
run, and --warmup_steps=0.

Kept are the classes that all data sets named have. The pairs of sketches and photos, of which the first two
aligners need some in every class, are the data sets' own.

The paper stops training to align and cluster. Here that goes on beside it, and its pools come into force
--max_staleness steps after they were asked for; training waits only if they are late. So the numbers of a
run do not hang on how fast the machine is, and a killed run ends like an undisturbed one. Only the embedding
of the training images takes training's own time. --max_staleness=0 waits each time, as the paper.

Departures. Adam with a cosine schedule over all stages, fewer steps, smaller batches. What the paper leaves
open: the loss is the sum of Eq. 9 over the sketches and over the positive and negative photos; both have the
centres in the photos' space, of manifold alignment too, of which it says that centres are warped back to "the
embedding space" (with centres of their own, --centers=own, nothing draws sketches to photos); the margins;
how long the stages are. Epochs are steps (--refresh_every). The paper of MS-reg-HM (Bui et al., Computers &
Graphics 2018) was not at hand: after the softmax of the warm-up, half of the steps have the contrastive and
half the triplet loss, both with the hardest negative of the batch; everything is trained in each stage.
"""

import contextlib

import keras
import tensorflow as tf
from absl import flags

from recipes.common import (
    augmentation,
    data,
    encoders,
    optimizers,
    ranking,
    running,
    strategies,
    training,
)
from recipes.common.domain_picture import DomainPicture
from recipes.common.evaluation import evaluator
from recipes.common.pool_refresher import PoolRefresher
from recipes.common.softmax_head import softmax_head
from recipes.common.training_batches import Batches, image_names
from tfsbir import alignment, command, losses, sampling
from tfsbir.data.batches import batches as data_batches
from tfsbir.data.worker_pool import worker_pool
from tfsbir.distribute import gather
from tfsbir.errors import InputError
from tfsbir.models import partly_shared

FLAGS = flags.FLAGS
RECIPE = "manifold_alignment"
ALIGNERS = {
    "manifold": lambda: alignment.ManifoldAlignment(correspondence_weight=FLAGS.correspondence_weight),
    "linear_transform": alignment.LinearTransform,
    "pca": alignment.PCAWarp,
}
WARPED = ("linear_transform", "pca")  # Centres always stay in the photos' space (Sec. 3.3).
NEED_PAIRS = ("manifold", "linear_transform")
POOLERS = {
    "gaussian_mixture": alignment.GaussianMixturePools,
    "kmeans": alignment.KMeansPools,
    "mean_shift": alignment.MeanShiftPools,
    "dbscan": alignment.DBSCANPools,
}
METHODS = ("manifold_alignment", "triplet", "contrastive", "regression", "softmax")
STAGED = ("manifold_alignment", "regression")  # The others begin with pairs.
# A classifier begins with nothing, its encoder does not; and it is gone before it could fit too well.
HEAD_LEARNING_RATE = 3e-3
# The last blocks at a resolution above the last, as is the paper's inception_4e.
SHARE_FROM = {
    "inception_v1": "inception_4e",
    "pooled_squeezenet": "fire8",
    "sketch_a_net": "conv4",
    "small_pooled_squeezenet": "fire8",
    "small_squeezenet": "fire8",
    "squeezenet": "fire8",
}

data.define_training_data_flags()
data.define_classes_flag()
encoders.define_encoder_flags(backbone="inception_v1")
training.define_training_flags(steps=1000, batch_size=32, learning_rate=2e-4)
flags.DEFINE_enum("method", "manifold_alignment", METHODS, "What is trained (Sec. 4.3).")
flags.DEFINE_enum("aligner", "manifold", list(ALIGNERS), "What aligns the domains of a class (Sec. 3.1).")
flags.DEFINE_enum("pooler", "gaussian_mixture", list(POOLERS), "What clusters a class (Sec. 3.2).")
flags.DEFINE_float(
    "correspondence_weight", 2.0, "Of --aligner=manifold: alpha of Eq. 8.", lower_bound=1e-6
)  # fmt: skip
flags.DEFINE_integer(
    "warmup_steps", 200, "Of manifold_alignment and regression: steps, out of --steps, of softmax alone.",
    lower_bound=0,
)  # fmt: skip
flags.DEFINE_integer("refresh_every", 100, "Steps between refreshes of the pools.", lower_bound=1)
flags.DEFINE_integer(
    "max_staleness", 50,
    "Steps from the weights that pools are made of until the pools are in force, at most --refresh_every. "
    "They are made beside training in the meantime. 0: training waits for each refresh (the paper).",
    lower_bound=0,
)  # fmt: skip
flags.DEFINE_enum(
    "centers", "photo", ["photo", "own"],
    "The space whose centres the sketches are drawn to: the photos', or, with --aligner=manifold, their own.",
)  # fmt: skip
flags.DEFINE_float("magnet_margin", 1.0, "Margin of the magnet loss (beta of Eq. 9), in nats.")
flags.DEFINE_float(
    "margin", 0.3, "Margin of the triplet loss, in squared distance.", lower_bound=1e-6
)  # fmt: skip
flags.DEFINE_float(
    "contrastive_margin", 1.0, "Distance that the contrastive loss asks of other classes.", lower_bound=1e-6
)
flags.DEFINE_string(
    "share_from", None,
    "Of --method=regression: layer or block from which on both branches are one; by default inception_4e "
    "(the paper), fire8 of SqueezeNet and conv4 of sketch_a_net.",
)  # fmt: skip
flags.DEFINE_float("weight_decay", 5e-4, "Weight decay.", lower_bound=0.0)
augmentation.define_augmentation_flags(
    sketch_warp=0.0, photo_warp=0.0, rotation=5.0, scale=0.1, mirror=False,
    removal_shares=[share / 100 for share in range(11)],
)  # fmt: skip
for module in (augmentation, data, encoders, running, training):
    flags.adopt_module_key_flags(module)


def main(_):
    check_flags()
    strategy = strategies.make_strategy()
    pool = worker_pool(FLAGS.num_workers)
    train, test, test_name = data.load_shared_categories(pool)
    augment = augmentation.augmentation(train)
    check_pairs(train)
    with strategy.scope():
        pair = encoders.make_encoders(False, train.photo_input)
        if FLAGS.method == "regression":
            share(pair)  # What cannot be shared is refused before there is a run directory.
    run = running.start_run(RECIPE, train, {test_name: test}, strategy)
    if run.result is not None:
        running.print_json(run.result)
        return
    encoders.start_encoders(run, pair, train)
    warmup_steps = {"softmax": FLAGS.steps, **dict.fromkeys(STAGED, FLAGS.warmup_steps)}.get(FLAGS.method, 0)
    with strategy.scope():
        if FLAGS.method == "regression":
            pair = share(pair)  # Only now, since each branch's start has been fitted to its own images.
        optimizer = optimizers.make_optimizer("adam", FLAGS.weight_decay)
        heads, head_optimizers = {}, {}
        for name in ("sketch_head", "photo_head") if warmup_steps else ():
            heads[name] = softmax_head(pair.sketch.output_shape[-1], len(train.class_names), name)
            head_optimizers[name] = optimizers.make_optimizer("adam", FLAGS.weight_decay, HEAD_LEARNING_RATE)
    sampler = sampling.CategoryGroups(train, FLAGS.batch_size, FLAGS.seed, group_size=1)
    picture = DomainPicture(run, train)
    refresher = None
    if FLAGS.method == "manifold_alignment":
        refresher = PoolRefresher(
            run, pair, train, ALIGNERS[FLAGS.aligner](), POOLERS[FLAGS.pooler](),
            FLAGS.aligner in WARPED or FLAGS.centers == "photo",
            FLAGS.batch_size, FLAGS.seed, warmup_steps, FLAGS.steps, FLAGS.refresh_every,
            FLAGS.max_staleness, strategy,
        )  # fmt: skip

    def before_step(step):
        if step == (0 if FLAGS.method == "softmax" else warmup_steps):
            picture.keep_before(pair)
        if refresher is not None:
            refresher.ask(step)

    def make_batches(start, own_rows):
        nonlocal sampler
        stop = FLAGS.steps
        if refresher is not None and start < warmup_steps:
            stop = warmup_steps
        elif refresher is not None:
            sampler, stop = refresher.in_force(start)
        return data_batches(
            train, sampler, start, stop, pair.sketch.input_shape[1], FLAGS.seed, augment, pool, own_rows
        )  # fmt: skip

    batches = Batches(make_batches, lambda step: image_names(train, sampler, step))

    stages = {"softmax": softmax_loss(pair, heads), "magnet": magnet_loss(pair, refresher)}
    stages |= {
        "triplet": hardest_loss(pair, losses.BatchTripletRanking(FLAGS.margin, only_hardest=True)),
        "contrastive": hardest_loss(
            pair, losses.BatchContrastive(FLAGS.contrastive_margin, only_hardest=True)
        ),
    }
    evaluate = evaluator(pair, test)
    with contextlib.nullcontext() if refresher is None else contextlib.closing(refresher):
        seconds = training.train(
            run, {"sketch": pair.sketch, "photo": pair.photo, **heads}, optimizer, strategy, batches,
            {first: stages[name] for first, name in stage_plan(warmup_steps).items()},
            lambda: {f"{test_name}/{name}": value for name, value in evaluate(num_views=1)[0].items()},
            head_optimizers, before_step,
        )  # fmt: skip
    pair, found, _ = ranking.save_and_measure(run, pair, train, test)
    picture.draw(pair)
    running.finish_run(run, test_name, found, seconds)
    if refresher is not None:
        refresher.remove_embeddings(is_finished=True)


def check_flags():
    """Checks what can be known without data."""
    if FLAGS.method in STAGED and FLAGS.warmup_steps >= FLAGS.steps:
        raise InputError(
            f"`warmup_steps` must be below {FLAGS.steps} (`steps`), of which they are a part. "
            f"Received: {FLAGS.warmup_steps}"
        )
    if FLAGS.max_staleness > FLAGS.refresh_every:
        raise InputError(
            f"`max_staleness` must be at most {FLAGS.refresh_every} (`refresh_every`). "
            f"Received: {FLAGS.max_staleness}"
        )
    if FLAGS.share_from is not None and FLAGS.method != "regression":
        raise InputError(f"`share_from` goes with `method` regression. Received: {FLAGS.method}")


def check_pairs(train):
    """Checks that the aligner has the pairs it learns from, in every class."""
    if FLAGS.method != "manifold_alignment" or FLAGS.aligner not in NEED_PAIRS:
        return
    having = set(train.sketch_labels[train.paired_sketches])
    lacking = [name for label, name in enumerate(train.class_names) if label not in having]
    if lacking:
        raise InputError(
            f"`aligner` {FLAGS.aligner} needs a sketch with a photo of its own in every class. Received: "
            f"none in {', '.join(lacking[:5])}{' and others' if len(lacking) > 5 else ''}"
        )


def stage_plan(warmup_steps):
    """Returns the names of the losses by the number of steps after which each takes over."""
    if FLAGS.method == "manifold_alignment":
        return {0: "softmax", warmup_steps: "magnet"}  # Without a warm-up, the second alone.
    if FLAGS.method == "regression":
        return {0: "softmax", warmup_steps: "contrastive", (warmup_steps + FLAGS.steps) // 2: "triplet"}
    return {0: FLAGS.method}


def share(pair):
    """Returns the pair with one network from the layer on that the flags name."""
    try:
        return partly_shared(pair.sketch, pair.photo, FLAGS.share_from or SHARE_FROM[FLAGS.backbone])
    except ValueError as error:
        raise InputError(f"`share_from`: {error}") from None


def softmax_loss(pair, heads):
    """Returns the loss of the warm-up: each branch tells the classes apart."""
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def replica_loss(batch):
        embeddings = tuple(pair.encode(batch["sketch"], [batch["photo"]], training=True))
        label, embeddings = gather((batch["label"], embeddings))
        return sum(
            cross_entropy(label, head(embedding, training=True))
            for head, embedding in zip(heads.values(), embeddings, strict=True)
        )

    return replica_loss


def magnet_loss(pair, refresher):
    """Returns Eq. 9, of the sketches and of the photos, with the centres of the pools in force."""
    magnet = losses.MagnetLoss(FLAGS.magnet_margin)

    def replica_loss(batch):
        embeddings = tuple(pair.encode(batch["sketch"], [batch["photo"], batch["negative"]], training=True))
        # The variance is of all samples of the global batch.
        (cluster, negative_cluster), (sketch, photo, negative) = gather(
            ((batch["cluster"], batch["negative_cluster"]), embeddings)
        )
        labels = tf.convert_to_tensor(refresher.cluster_labels)
        of_sketches = magnet((cluster, labels), (sketch, tf.convert_to_tensor(refresher.sketch_centers)))
        of_photos = magnet(
            (tf.concat([cluster, negative_cluster], 0), labels),
            (tf.concat([photo, negative], 0), tf.convert_to_tensor(refresher.photo_centers)),
        )
        return of_sketches + of_photos

    return replica_loss


def hardest_loss(pair, loss):
    """Returns a loss on pairs of one class, whose negatives are the batch's photos of other classes."""

    def replica_loss(batch):
        embeddings = tuple(pair.encode(batch["sketch"], [batch["photo"]], training=True))
        return loss(*gather((batch["label"], embeddings)))

    return replica_loss


if __name__ == "__main__":
    command.run(main)
