"""Training a pair of encoders to rank the photos of one sketch, as papers 1 and 2 have it."""

from absl import flags

from recipes.common import augmentation, encoders, evaluation, running, training
from recipes.common.training_batches import split_batches
from tfsbir import sampling
from tfsbir.distribute import gather

FLAGS = flags.FLAGS


def define_ranking_flags(**losses):
    """Declares what ranking recipes have in common.

    Args:
        **losses: What each of the losses is, by its name for `--loss`; the first is the default.
    """
    flags.DEFINE_enum("branches", "siamese", ["siamese", "heterogeneous"], "One encoder or two.")
    explained = "; ".join(f"{name}: {what}" for name, what in losses.items())
    flags.DEFINE_enum("loss", next(iter(losses)), list(losses), f"{explained}.")
    flags.DEFINE_float(
        "margin", 0.3, "Margin of the triplet losses, in squared distance (0.3 in the released code).",
        lower_bound=1e-6,
    )  # fmt: skip
    flags.DEFINE_float(
        "annotated_share", 0.75, "Of --loss=triplet: share of annotated triplets.",
        lower_bound=0.0, upper_bound=1.0,
    )  # fmt: skip
    flags.DEFINE_enum("optimizer", "adam", ["adam", "sgd"], "AdamW, or SGD with momentum 0.9 (the papers).")
    flags.DEFINE_float("weight_decay", 5e-4, "Weight decay.", lower_bound=0.0)


def pair_sampler(train):
    """Returns who meets whom where sketches have photos of their own: pairs, or annotated triplets."""
    if FLAGS.loss == "triplet":
        return sampling.AnnotatedTriplets(train, FLAGS.batch_size, FLAGS.seed, FLAGS.annotated_share)
    return sampling.TruePairs(train, FLAGS.batch_size, FLAGS.seed)


def keras_loss(loss):
    """Returns what `train_pair` takes of a Keras loss of `(instance, embeddings)`.

    With `negative` in the batch the loss sees triplets, else all pairs of the global batch.
    """

    def of_batch(batch, embeddings):
        instances = batch["instance"]
        if "negative" not in batch:  # They are the other photos of the whole global batch.
            instances, embeddings = gather((instances, embeddings))
        return loss(instances, embeddings)

    return of_batch


def train_pair(
    run, pair, splits, strategy, optimizer, pool, sampler, loss, distance=None, distance_optimizer=None
):
    """Trains a pair of encoders, and the distance between them where it is learned.

    Args:
        run: `RunDirectory` that has been started.
        pair: `EncoderPair`, trained in place.
        splits: `(train, test, test_name)`; the second is evaluated on for the log.
        strategy: `tf.distribute.Strategy` in whose scope all models were made.
        optimizer: Keras optimizer of the encoders.
        pool: Of `worker_pool`.
        sampler: Function from a step to indices, with or without `negative`.
        loss: Function from a replica's batch and the embeddings of its sketches, photos and, where there are,
            negatives to the replica's share of the loss. `keras_loss` makes one of a Keras loss.
        distance: Layer of `tfsbir.distances`, None for `SquaredEuclidean`.
        distance_optimizer: Keras optimizer of a learned distance.
    Returns: Seconds of training.
    """
    train, test, test_name = splits
    batches = split_batches(
        train, sampler, pair.sketch.input_shape[1], augmentation.augmentation(train), pool
    )  # fmt: skip

    def replica_loss(batch):
        photos = [batch[name] for name in ("photo", "negative") if name in batch]
        value = loss(batch, tuple(pair.encode(batch["sketch"], photos, training=True)))
        if distance_optimizer is not None:
            value += sum(distance.losses) / strategy.num_replicas_in_sync  # The replicas' losses sum up.
        return value

    evaluate = evaluation.evaluator(pair, test, distance)
    models = {"sketch": pair.sketch, "photo": pair.photo}
    own_optimizers = {}
    if distance_optimizer is not None:
        models["distance"] = distance
        own_optimizers["distance"] = distance_optimizer
    return training.train(
        run, models, optimizer, strategy, batches, replica_loss,
        lambda: {f"{test_name}/{name}": value for name, value in evaluate(num_views=1)[0].items()},
        own_optimizers,
    )  # fmt: skip


def save_and_measure(run, pair, train, test, distance=None):
    """Saves a trained pair in float32, measures it and draws what it finds.

    With a zero-shot split the metrics are in every convention.

    Returns: The `EncoderPair` in float32, a dict of metrics, and `ViewDistances`, which stand for
        `(num_sketches, num_photos)`.
    """
    pair = encoders.pair_in_float32(pair)
    is_zero_shot = FLAGS.unseen_classes is not None
    ks = evaluation.KS if is_zero_shot else ()
    found, distances = evaluation.evaluator(pair, test, distance, ks=ks)(num_views=int(FLAGS.num_views))
    running.save_pair(run, pair, train, distance=distance)
    path = run.figures / "ranked_results.png"
    evaluation.draw_ranked_results(test, distances, path, by_class=is_zero_shot)
    return pair, found, distances
