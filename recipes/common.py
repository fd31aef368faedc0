"""What every recipe shares: flags, strategy, backbones, checkpoints, evaluation, figures."""

import io
import json
import os
import re
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from absl import flags, logging
from tqdm import tqdm

from tfsbir import figures, files, metrics
from tfsbir.data.augment import Augmentation, StrokeAugmentation
from tfsbir.data.cached import cached
from tfsbir.data.datasets import DATASETS, load
from tfsbir.data.drawings import Drawings
from tfsbir.data.photo_reader import PhotoReader
from tfsbir.distances import SquaredEuclidean
from tfsbir.errors import InputError
from tfsbir.models import EncoderPair, load_encoder_weights, sketch_a_net, squeezenet_encoder, whiten_head
from tfsbir.preprocessing import center_crop
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS
IMAGE_SIZE = 225  # The papers' crop of a 256 px image; every backbone here takes it.
ENCODE_BATCH = 64
WHITENING_IMAGES = 2000  # Of each domain, at most: enough for principal components, and 400 MB.
# Flags that a resumed run may change. The data have a fingerprint; other replicas round differently, and
# all else in here leaves the numbers as they are.
MAY_DIFFER = (
    "workdir", "data_dir", "cache_dir", "num_workers", "log_every", "checkpoint_every", "strategy",
    "num_replicas",
)  # fmt: skip


def _sketch_a_net(channels, weights):
    if channels != 1:
        raise InputError("`backbone` sketch_a_net takes edge maps. Received: `photo_input` rgb")
    encoder = sketch_a_net(image_size=IMAGE_SIZE)
    if weights is not None:
        load_encoder_weights(encoder, weights)
    return encoder


def _squeezenet(channels, weights):
    if weights is None or not weights.endswith(".keras"):
        return squeezenet_encoder(IMAGE_SIZE, channels, weights=weights)
    encoder = squeezenet_encoder(IMAGE_SIZE, channels)
    load_encoder_weights(encoder, weights)
    return encoder


BACKBONES = {"sketch_a_net": _sketch_a_net, "squeezenet": _squeezenet}

flags.DEFINE_enum("dataset", None, sorted(DATASETS), "The dataset.", required=True)
flags.DEFINE_string("data_dir", None, "Folder of the dataset; `synthetic` needs none.")
flags.DEFINE_string(
    "unseen_classes", None,
    "Zero-shot: a file of class names, one a line. The test split is these, the training split all others.",
)  # fmt: skip
flags.DEFINE_string("workdir", None, "The run directory; made, or resumed.", required=True)
flags.DEFINE_string(
    "cache_dir", None,
    "Folder to keep edge maps and, of large datasets, decoded images (as TFRecords) in, for the next run.",
)  # fmt: skip
flags.DEFINE_integer(
    "num_workers", 2, "Processes that read files and draw strokes; 0 does it in the process itself.",
    lower_bound=0,
)  # fmt: skip


def define_training_flags(steps, batch_size, learning_rate, backbone):
    """Declares the flags of a recipe that trains, with its own defaults."""
    flags.DEFINE_enum("photo_input", "edges", ["edges", "rgb"], "What the photo branch sees.")
    flags.DEFINE_string(
        "edge_model", None,
        "OpenCV's model of structured forests (model.yml.gz) to make edge maps with, in place of Canny.",
    )  # fmt: skip
    flags.DEFINE_integer("steps", steps, "Training steps.", lower_bound=1)
    flags.DEFINE_integer("batch_size", batch_size, "Sketches in a batch, over all replicas.", lower_bound=1)
    flags.DEFINE_float("learning_rate", learning_rate, "Learning rate at the start.", lower_bound=0.0)
    flags.DEFINE_enum(
        "schedule", "cosine", ["cosine", "constant"], "Course of the learning rate, to 0 or not."
    )
    flags.DEFINE_integer("seed", 0, "Seed of weights, order and augmentation.", lower_bound=0)
    flags.DEFINE_enum("backbone", backbone, sorted(BACKBONES), "The network of the encoders.")
    flags.DEFINE_string(
        "weights",
        None,
        "Where the encoders start: ImageNet weights (.h5, squeezenet) or a trained .keras encoder.",
    )
    flags.DEFINE_float(
        "holdout",
        0.0,
        "Share of the training photos to leave out and evaluate on in place of the test split: how to "
        "choose hyper-parameters.",
        lower_bound=0.0,
        upper_bound=0.9,
    )
    flags.DEFINE_integer("eval_every", 100, "Steps between evaluations (one view).", lower_bound=1)
    flags.DEFINE_integer("log_every", 1, "Steps between lines of metrics.jsonl.", lower_bound=1)
    flags.DEFINE_integer("checkpoint_every", 50, "Steps between checkpoints.", lower_bound=1)
    flags.DEFINE_enum("num_views", "10", ["1", "10"], "Views that the final evaluation averages.")
    flags.DEFINE_enum("strategy", "one", ["one", "mirrored"], "One device, or all (tf.distribute).")
    flags.DEFINE_integer(
        "num_replicas", None, "With --strategy=mirrored: logical CPUs to train on, in place of the GPUs.",
        lower_bound=1,
    )  # fmt: skip


def make_strategy():
    """Returns the strategy that the flags ask for, and makes TensorFlow deterministic.

    Must come before anything else of TensorFlow, since logical CPUs cannot be made later.
    """
    if FLAGS.strategy == "one" and FLAGS.num_replicas not in (None, 1):
        raise InputError(f"`num_replicas` > 1 needs `strategy` mirrored. Received: {FLAGS.num_replicas}")
    if FLAGS.strategy == "mirrored" and FLAGS.num_replicas is not None:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * FLAGS.num_replicas
        )
        devices = [f"CPU:{index}" for index in range(FLAGS.num_replicas)]
        strategy = tf.distribute.MirroredStrategy(devices)
    elif FLAGS.strategy == "mirrored":
        strategy = tf.distribute.MirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    keras.utils.set_random_seed(FLAGS.seed)
    # A killed run that is resumed ends with an undisturbed run's numbers only if every op is exact.
    tf.config.experimental.enable_op_determinism()
    if FLAGS.batch_size % strategy.num_replicas_in_sync:
        raise InputError(
            f"`batch_size` must be a multiple of the {strategy.num_replicas_in_sync} replicas. "
            f"Received: {FLAGS.batch_size}"
        )
    return strategy


def define_augmentation_flags(sketch_warp, photo_warp, rotation=0.0, scale=0.0):
    """Declares the flags of `augmentation`, with a recipe's own defaults."""
    flags.DEFINE_float(
        "sketch_warp", sketch_warp, "Strength of the warp of sketches; 0 is none.", lower_bound=0.0
    )
    flags.DEFINE_float(
        "photo_warp", photo_warp, "Strength of the warp of photos; 0 is none.", lower_bound=0.0
    )
    flags.DEFINE_float("rotation", rotation, "Largest rotation in degrees, either way.", lower_bound=0.0)
    flags.DEFINE_float(
        "scale", scale, "Largest change of scale, as a share.", lower_bound=0.0, upper_bound=0.9
    )
    flags.DEFINE_bool("mirror", True, "Mirror sketch and photos together, half of the time.")
    flags.DEFINE_multi_float(
        "removal_shares", [0.0],
        "A share of the strokes to leave out, where a dataset has strokes. Give the flag several times, and "
        "one is drawn for each sketch: 0, 0.1, 0.3 and 0.5 in Sketch Me That Shoe, Sec. 4.5.",
        lower_bound=0.0, upper_bound=0.99,
    )  # fmt: skip
    flags.DEFINE_float(
        "deformation", 0.0,
        "Strength of the deformation of strokes (Sec. 4.5), of three sketches in four; 0 is none.",
        lower_bound=0.0, upper_bound=10.0,
    )  # fmt: skip


def augmentation(split):
    """Returns the `Augmentation` that the flags ask for."""
    is_bent = FLAGS.deformation > 0 or any(FLAGS.removal_shares)
    if is_bent and not isinstance(split.sketches, Drawings):
        raise InputError(
            f"`deformation` and `removal_shares` need sketches as strokes; those of {FLAGS.dataset} are "
            f"pixels. Received: {FLAGS.deformation}, {FLAGS.removal_shares}"
        )
    strokes = (
        StrokeAugmentation(tuple(FLAGS.removal_shares), deformation=FLAGS.deformation) if is_bent else None
    )
    return Augmentation(
        FLAGS.mirror, FLAGS.rotation, FLAGS.scale, FLAGS.sketch_warp, FLAGS.photo_warp, strokes
    )


def photo_reader():
    """Returns the `PhotoReader` that the flags ask for."""
    if FLAGS.edge_model is not None and FLAGS.photo_input == "rgb":
        raise InputError(f"`edge_model` goes with `photo_input` edges. Received: {FLAGS.edge_model} with rgb")
    # Whoever opens the run later may stand in another folder.
    edge_model = FLAGS.edge_model and os.path.abspath(FLAGS.edge_model)
    return PhotoReader(FLAGS.photo_input, edge_model, FLAGS.cache_dir)


def load_split(name, read_photo, pool=None):
    """Returns the split `name` of the dataset that the flags name."""
    split = load(FLAGS.dataset, FLAGS.data_dir, name, read_photo, FLAGS.unseen_classes)
    return split if FLAGS.cache_dir is None else cached(split, FLAGS.cache_dir, pool)


def load_splits(pool=None):
    """Returns the split to train on, the one to evaluate on, and that one's name."""
    for name in ("train",) if FLAGS.holdout else ("train", "test"):
        if name not in DATASETS[FLAGS.dataset].splits:
            raise InputError(
                f"`dataset` must have a split to {name}. Received: {FLAGS.dataset}, which has none"
            )
    train = load_split("train", photo_reader(), pool)
    num_drawn = len(np.unique(train.sketch_photo[train.paired_sketches]))
    if num_drawn < 2:
        raise InputError(
            f"{FLAGS.data_dir}: expected 2 training photos with a sketch or more; found {num_drawn}"
        )
    if FLAGS.holdout:
        train, test = train.holdout(FLAGS.holdout, seed=0)
        num_drawn = len(np.unique(train.sketch_photo[train.paired_sketches]))
    else:
        test = load_split("test", photo_reader(), pool)
    if FLAGS.batch_size > num_drawn:
        raise InputError(
            f"`batch_size` must be at most {num_drawn}, the training photos that have a sketch. "
            f"Received: {FLAGS.batch_size}"
        )
    return train, test, "holdout" if FLAGS.holdout else "test"


def start_run(recipe, train):
    """Opens the run directory with the config of this command and this data."""
    flag_names = sorted({flag.name for flag in FLAGS.get_key_flags_for_module(sys.argv[0])})
    run = RunDirectory(FLAGS.workdir)
    config = {
        "recipe": recipe,
        "flags": {name: FLAGS[name].value for name in flag_names},
        "given_flags": {name: FLAGS[name].value for name in flag_names if FLAGS[name].present},
        "dataset": {
            "name": FLAGS.dataset,
            "data_dir": FLAGS.data_dir and os.path.abspath(FLAGS.data_dir),
            "photo_input": train.photo_input,
            "edge_model": photo_reader().edge_model,
            "unseen_classes": FLAGS.unseen_classes and os.path.abspath(FLAGS.unseen_classes),
            "fingerprint": train.fingerprint,
        },
    }
    run.start(config, may_differ=MAY_DIFFER)
    return run


def make_encoders(is_siamese, photo_input):
    """Returns the `EncoderPair` that the flags ask for."""
    build = BACKBONES[FLAGS.backbone]
    photo_channels = 1 if photo_input == "edges" else 3
    if is_siamese and photo_channels == 3:
        raise InputError("`branches` must be heterogeneous where photos are RGB. Received: siamese")
    sketch = build(1, FLAGS.weights)
    return EncoderPair(sketch, sketch if is_siamese else build(photo_channels, FLAGS.weights))


def start_encoders(run, pair, train):
    """Fits what a backbone takes from the training images before its first step, if anything."""
    is_trained = FLAGS.weights is not None and FLAGS.weights.endswith(".keras")
    if FLAGS.backbone != "squeezenet" or is_trained or tf.train.latest_checkpoint(run.checkpoints):
        return
    image_size = pair.sketch.input_shape[1]
    sketches, photos = (
        center_crop(_spread(images, WHITENING_IMAGES), image_size)
        for images in (train.sketches, train.photos)
    )
    logging.info("Whitening the embedding on %d training images.", len(sketches) + len(photos))
    if pair.is_siamese:
        whiten_head(pair.sketch, np.concatenate([sketches, photos]))
    else:
        whiten_head(pair.sketch, sketches)
        whiten_head(pair.photo, photos)


def _spread(images, count):
    """Returns up to `count` images, evenly spread: a large set stands class by class."""
    return images[np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).astype(int))]


def make_optimizer(name, weight_decay):
    """Returns the optimizer `name` ("adam" or "sgd") with the schedule of the flags."""
    rate = FLAGS.learning_rate
    if FLAGS.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, FLAGS.steps)
    if name == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=weight_decay)
    return keras.optimizers.AdamW(rate, weight_decay=weight_decay)


def train(run, pair, optimizer, strategy, make_batches, replica_loss, evaluate):
    """Runs the loop: steps, log, evaluations, checkpoints; resumes where the newest checkpoint is.

    Args:
        run: `RunDirectory`.
        pair: `EncoderPair`; its variables are what is trained.
        optimizer: Keras optimizer, made in the strategy's scope.
        strategy: `tf.distribute.Strategy`.
        make_batches: Function from a first step to a `tf.data.Dataset` of the global batches from there.
        replica_loss: Function from a replica's batch to its share of the loss, a scalar. A loss reduced
            by Keras is divided by the number of replicas already, so the shares sum up.
        evaluate: Function without arguments which returns a dict of metrics, for the log.
    Returns: Seconds of training, evaluations included, over all the times the run was resumed.
    Raises: `InputError` if the loss is not finite.
    """
    variables = pair.trainable_variables
    with strategy.scope():
        optimizer.build(variables)
    seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
    checkpoint = tf.train.Checkpoint(
        sketch=pair.sketch, photo=pair.photo, optimizer=optimizer, seconds=seconds
    )
    manager = tf.train.CheckpointManager(checkpoint, run.checkpoints, max_to_keep=2)
    checkpoint.restore(manager.latest_checkpoint)
    start = int(optimizer.iterations.numpy())
    run.rewind_metrics(start)
    if start:
        logging.info("Resuming %s after step %d.", run.path, start)

    def replica_step(batch):
        with tf.GradientTape() as tape:
            loss = replica_loss(batch)
        optimizer.apply(tape.gradient(loss, variables), variables)  # Sums over the replicas.
        return loss

    @tf.function
    def train_step(batch):
        return strategy.reduce("SUM", strategy.run(replica_step, args=(batch,)), axis=None)

    batches = iter(strategy.experimental_distribute_dataset(make_batches(start)))
    begun, before = time.monotonic(), float(seconds.numpy())
    progress = tqdm(
        total=FLAGS.steps, initial=start, unit="step", desc="train", file=sys.stderr, dynamic_ncols=True
    )
    for step in range(start + 1, FLAGS.steps + 1):
        try:
            batch = next_batch(batches)
        except InputError:
            progress.close()  # The error gets a line of its own.
            raise
        loss = float(train_step(batch))
        if not np.isfinite(loss):
            progress.close()
            newest = manager.latest_checkpoint or "none"
            raise InputError(
                f"loss must be finite; try a smaller `learning_rate`. Received: {loss} at step {step} "
                f"(newest checkpoint: {newest})"
            )
        progress.update()
        progress.set_postfix(loss=f"{loss:.4f}")
        is_last = step == FLAGS.steps
        if step % FLAGS.log_every == 0 or is_last:
            run.log_metrics(step, {"train/loss": loss})
        if step % FLAGS.eval_every == 0 and not is_last:
            run.log_metrics(step, evaluate())
        if step % FLAGS.checkpoint_every == 0 or is_last:
            seconds.assign(before + time.monotonic() - begun)
            manager.save(checkpoint_number=step)
    progress.close()
    return float(seconds.numpy())


def next_batch(batches):
    """Returns the next batch; what `InputError` a broken file raised on its way comes as one again.

    TensorFlow hands on an exception of Python's only as the text of an error of its own.
    """
    try:
        return next(batches)
    except tf.errors.OpError as error:
        found = re.search(r"InputError: (.*)", error.message)
        if found is None:
            raise
        raise InputError(found[1]) from None


def encode_function(encoder, progress=None):
    """Returns a function from float32 images in [-1, 1] to embeddings, as NumPy arrays, in batches."""
    height, width, channels = encoder.input_shape[1:]
    signature = [tf.TensorSpec([None, height, width, channels], tf.float32)]
    encode_batch = tf.function(lambda images: encoder(images, training=False), input_signature=signature)

    def encode(images):
        parts = []
        for start in range(0, len(images), ENCODE_BATCH):
            parts.append(encode_batch(images[start : start + ENCODE_BATCH]).numpy())
            if progress is not None:
                progress.update(len(parts[-1]))
        return np.concatenate(parts)

    return encode


def evaluator(pair, split):
    """Returns a function of `num_views` which measures `pair` on `split`.

    It returns `(metrics, distances)`: a dict with acc@1, acc@10 and, where people annotated the split,
    triplet_accuracy; and `(num_sketches, num_photos)` float32.
    """
    distance = SquaredEuclidean()

    def evaluate(num_views):
        total = num_views * (len(split.sketches) + len(split.photos))
        with tqdm(
            total=total, unit="image", desc="evaluate", file=sys.stderr, leave=False, delay=2
        ) as progress:
            distances = metrics.multi_view_distances(
                encode_function(pair.sketch, progress),
                encode_function(pair.photo, progress),
                split.sketches,
                split.photos,
                pair.sketch.input_shape[1],
                distance.pairwise,
                num_views,
            )
        # A sketch without a photo of its own has no true match to find.
        paired = split.paired_sketches
        found = {
            f"acc@{k}": metrics.accuracy(distances[paired], split.sketch_photo[paired], k=k) for k in (1, 10)
        }
        if split.triplets is not None and len(split.triplets):
            found["triplet_accuracy"] = metrics.triplet_accuracy(distances, split.triplets)
        return found, distances

    return evaluate


def draw_ranked_results(split, distances, path, num_queries=8, num_results=10):
    """Draws, as a PNG, what some queries found; they are spread evenly over the split, not chosen."""
    queries = np.unique(np.linspace(0, len(split.sketches) - 1, num_queries).astype(int))
    rows = []
    for query in queries:
        ranked = np.argsort(distances[query], kind="stable")[:num_results]
        true_photo = split.sketch_photo[query]
        tiles = [figures.Tile(split.photos[i], split.photo_ids[i], i == true_photo) for i in ranked]
        rows.append(figures.Row(split.sketches[query], tiles, split.sketch_ids[query]))
    sheet = figures.contact_sheet(
        rows, title=f"{split.name}, {split.split}: sketches and their nearest photos"
    )
    png = io.BytesIO()
    sheet.save(png, format="PNG")
    files.write_bytes(path, png.getvalue())


def finish_run(run, pair, preprocessing, split, split_name, found, distances, seconds):
    """Writes the encoders, the figures and, last, the result of a run that has trained; prints it."""
    run.save_encoders(pair.sketch, pair.photo, preprocessing)
    if pair.is_siamese:
        run.note(model="photo_encoder.keras is sketch_encoder.keras: the branches are siamese")
    run.log_metrics(FLAGS.steps, {f"{split_name}/{name}": value for name, value in found.items()})
    figures.loss_curve(run.metrics(), run.figures / "loss_curve.png")
    draw_ranked_results(split, distances, run.figures / "ranked_results.png")
    result = {
        "recipe": run.config["recipe"],
        "dataset": FLAGS.dataset,
        "split": split_name,
        "seed": FLAGS.seed,
        "steps": FLAGS.steps,
        "seconds": round(seconds, 1),
        "metrics": found,
    }
    run.write_result(result)
    print_json(result)


def print_json(value):
    """Prints `value` as one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
    sys.stdout.flush()
