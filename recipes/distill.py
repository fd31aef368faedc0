r"""A small sketch encoder for phones and pages, which searches a large one's gallery.

python -m recipes.distill --teacher=runs/shoes --weights=runs/shoes --dataset=qmul_v1 --data_dir=shoes \
    --workdir=runs/shoes_small

The student learns to put each sketch where the teacher, the sketch encoder of a finished run, puts it: the
loss is the squared distance of their embeddings of one view. So it needs no pairs and no labels. Where the
teacher's photos are edge maps, these are drawings, too: they are put beside the sketches
(--noedge_maps leaves them out), and with --more_dataset=photo_folder so are those of any photos.

The run directory has the student and the teacher's photo encoder. Its exports are small, and it searches
galleries that were built with the teacher.

--backbone is the student: small_squeezenet for a teacher on squeezenet, small_pooled_squeezenet for one on
pooled_squeezenet. They are the same network at half the image's size, so that --weights may be the teacher.
docs/on_device.md says what they measured.
"""

import dataclasses

import keras
import numpy as np
from absl import flags
from keras import ops

from recipes.common import (
    augmentation,
    data,
    encoders,
    evaluation,
    optimizers,
    precision,
    running,
    strategies,
    training,
)
from recipes.common.training_batches import split_batches
from tfsbir import command, sampling
from tfsbir.data.join import join
from tfsbir.data.worker_pool import worker_pool
from tfsbir.errors import InputError
from tfsbir.models import EncoderPair
from tfsbir.preprocessing import center_crop
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS
RECIPE = "distill"
MEASURED = 64  # Sketches by which the length of the teacher's embeddings is told.
MAX_NORM_SPREAD = 0.01  # A unit norm in float16 or bfloat16 varies by less.

flags.DEFINE_string("teacher", None, "Finished run whose sketch encoder is learned from.", required=True)
data.define_zero_shot_flags()
data.define_holdout_flag()
encoders.define_encoder_flags(backbone="small_squeezenet")
training.define_training_flags(steps=600, batch_size=32, learning_rate=2e-4)
flags.DEFINE_bool("edge_maps", True, "Learn from the photos, too, where they are edge maps.")
flags.DEFINE_float("weight_decay", 5e-4, "Weight decay.", lower_bound=0.0)
augmentation.define_augmentation_flags(sketch_warp=1.0, photo_warp=1.0)
for module in (augmentation, data, encoders, running, training):
    flags.adopt_module_key_flags(module)


def main(_):
    strategy = strategies.make_strategy()
    pool = worker_pool(FLAGS.num_workers)
    teacher_run = RunDirectory(FLAGS.teacher)
    preprocessing = teacher_run.preprocessing()
    read_photo = dataclasses.replace(preprocessing.photo_reader, cache_dir=FLAGS.cache_dir)
    train, validation, test, test_name = load_splits(teacher_run, read_photo, pool)
    domains = drawings(train)
    teacher = encoders.load_pair(teacher_run)
    image_size = teacher.sketch.input_shape[1]
    norm = constant_norm(teacher.sketch, train.sketches)
    with strategy.scope():
        student = encoders.make_encoders(True, "edges", lambda encoder: of_norm(encoder, norm)).sketch
        check_fits(student, teacher.sketch)
        optimizer = optimizers.make_optimizer("adam", FLAGS.weight_decay)
    run = running.start_run(
        RECIPE,
        train,
        {"validation": validation, test_name: test, "`teacher`": teacher_run},
        strategy,
        read_photo,
    )
    if run.result is not None:
        running.print_json(run.result)
        return
    run.note(teacher={"path": str(teacher_run.path.absolute()), "fingerprint": teacher_run.fingerprint()})
    sampler = sampling.AllImages(train, domains, FLAGS.batch_size, FLAGS.seed)
    batches = split_batches(train, sampler, image_size, augmentation.augmentation(train), pool)

    def replica_loss(batch):
        views = ops.concatenate([batch[domain] for domain in domains])
        target = ops.stop_gradient(teacher.sketch(views, training=False))
        difference = ops.cast(student(views, training=True), "float32") - ops.cast(target, "float32")
        # A mean taken by hand is the replica's alone, where Keras would have divided it.
        error = ops.sum(ops.square(difference), axis=-1) / norm**2
        return ops.mean(error) / strategy.num_replicas_in_sync

    distance = teacher_run.load_distance()
    pair = EncoderPair(student, teacher.photo)
    evaluate = evaluation.evaluator(pair, validation, distance)
    log_name = test_name if validation is test else "validation"
    seconds = training.train(
        run, {"student": student}, optimizer, strategy, batches, replica_loss,
        lambda: {f"{log_name}/{name}": value for name, value in evaluate(num_views=1)[0].items()},
    )  # fmt: skip
    pair = EncoderPair(precision.in_float32(student), teacher.photo)
    found, distances = evaluation.evaluator(pair, test, distance)(num_views=int(FLAGS.num_views))
    own, _ = evaluation.evaluator(teacher, test, distance)(num_views=int(FLAGS.num_views))
    running.save_pair(
        run, pair, train, distance=distance if preprocessing.distance != "squared_euclidean" else None,
        attributes=preprocessing.attributes, read_photo=read_photo,
    )  # fmt: skip
    evaluation.draw_ranked_results(
        test, distances, run.figures / "ranked_results.png", by_class=FLAGS.unseen_classes is not None
    )
    found |= {f"{name}/teacher": value for name, value in own.items()}
    found["cosine/teacher"] = cosine_to_teacher(pair.sketch, teacher.sketch, test.sketches)
    running.finish_run(run, test_name, found, seconds)


def load_splits(teacher, read_photo, pool):
    """Returns the splits to learn from, to log metrics of and to test on, and the last one's name."""
    if FLAGS.unseen_classes is not None:
        if FLAGS.holdout:
            raise InputError(
                "`holdout` does not go with `unseen_classes`, which hold out classes. "
                f"Received: {FLAGS.holdout}"
            )
        return (*data.load_zero_shot(pool, read_photo), "test")
    taught = teacher.config
    if FLAGS.holdout and (taught["dataset"]["name"], taught["flags"].get("holdout")) != (
        FLAGS.dataset,
        FLAGS.holdout,
    ):
        raise InputError(
            "`holdout` must be the teacher's, who else has learned what is held out. Received: "
            f"{FLAGS.holdout} of {FLAGS.dataset}, and a teacher with {taught['flags'].get('holdout')} of "
            f"{taught['dataset']['name']}"
        )
    train = data.load_split("train", read_photo, pool)
    if FLAGS.holdout:
        train, test = train.holdout(FLAGS.holdout, seed=0)
    else:
        test = data.load_split("test", read_photo, pool)
    if FLAGS.more_dataset is not None:
        train = join([train, data.more_split("train", pool, read_photo)])
    return train, test, test, "holdout" if FLAGS.holdout else "test"


def drawings(train):
    """Returns the domains whose images are drawings to learn from, a tuple of "sketch" and "photo"."""
    has_edge_maps = FLAGS.edge_maps and train.photo_input == "edges" and len(train.photos)
    return ("sketch", "photo") if has_edge_maps else ("sketch",)


def constant_norm(encoder, sketches):
    """Returns the length of an encoder's embeddings of some `sketches`, uint8 `(num, height, width, 1)`.

    Raises: `InputError` where they differ in it.
    """
    images = center_crop(sketches[np.arange(min(MEASURED, len(sketches)))], encoder.input_shape[1])
    norms = np.linalg.norm(evaluation.encode_function(encoder)(images), axis=-1)
    if not np.ptp(norms) <= MAX_NORM_SPREAD * norms.mean():
        raise InputError(
            f"`teacher` must have embeddings of one length. Received: lengths from {norms.min():.4g} to "
            f"{norms.max():.4g}"
        )
    return float(norms.mean())


def of_norm(encoder, norm):
    """Returns an encoder whose embeddings of unit norm are made as long as the teacher's."""
    if abs(norm - 1) <= MAX_NORM_SPREAD:
        return encoder
    embedding = keras.layers.Rescaling(norm, name="length")(encoder.output)
    return keras.Model(encoder.input, embedding, name=encoder.name)


def check_fits(student, teacher):
    """Raises `InputError` unless the student takes the teacher's images and has embeddings as long."""
    if student.input_shape != teacher.input_shape:
        raise InputError(
            f"`backbone` must take images of {teacher.input_shape[1:]}, as the teacher does. "
            f"Received: {FLAGS.backbone}, which takes {student.input_shape[1:]}"
        )
    if student.output_shape != teacher.output_shape:
        raise InputError(
            f"`embedding_dim` must be the teacher's, {teacher.output_shape[-1]}. "
            f"Received: {FLAGS.embedding_dim}, with which {FLAGS.backbone} has {student.output_shape[-1]}"
        )


def cosine_to_teacher(student, teacher, sketches):
    """Returns the mean cosine of the embeddings that student and teacher give to the same sketches."""
    images = center_crop(sketches[np.arange(len(sketches))], teacher.input_shape[1])
    unit = []
    for encoder in (student, teacher):
        embedding = evaluation.encode_function(encoder)(images)
        unit.append(embedding / np.linalg.norm(embedding, axis=-1, keepdims=True))
    return float(np.mean(np.sum(unit[0] * unit[1], axis=-1)))


if __name__ == "__main__":
    command.run(main)
