r"""A Zero-Shot Framework for Sketch Based Image Retrieval (Yelamarthi et al., ECCV 2018): CVAE.

python -m recipes.zero_shot_cvae --dataset=sketchy --data_dir=sketchy --unseen_classes=unseen.txt \
    --weights=squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5 --workdir=runs/cvae

Doodle to Search (Dey et al., CVPR 2019, Table 2) compares with it. A network that is not trained gives the
features of all images; of these a conditional variational autoencoder learns what photos' features belong to
a sketch's. For a sketch of an unseen class it generates many, which are clustered; photos are ranked by the
cosine distance to the nearest centre. Trained on are the classes that --unseen_classes does not name, but for
a part of them that tells when training is at its best (--validation_share); tested on are the others.

The result has the metrics of three rankings, of the unseen classes and (validation/...) of the held-out seen:

    mAP@all, ...               by the nearest centre
    one_vector/mAP@all, ...    by what the latent vector 0 gives: one vector a sketch
    frozen/mAP@all, ...        by the features themselves, each domain centred on its training images

model/ holds the encoders of one_vector, which search, export and recipes.evaluate take; a sketch's centres
they cannot take. The autoencoder itself is model/cvae.keras. docs/zero_shot_cvae.md has what was measured.

Departures. The paper was not at hand. Its features are the 4,096 of a VGG-16; ours are SqueezeNet's, 512
values, so the networks are smaller, too. Features are centred on the training images of their domain, and
scaled to unit variance on average. Whom a sketch meets (--pairs), the weights of the losses, which are of
half squares (losses.EvidenceBound), and the dropout were chosen on held-out seen classes. All sketches are
given the same latent vectors. AdamW with a cosine schedule; the best weights are tested, not the last.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl import flags
from keras import ops

from recipes.common import (
    data,
    evaluation,
    frozen_features,
    optimizers,
    precision,
    running,
    strategies,
    training,
)
from recipes.common.early_stopping import EarlyStopping
from recipes.common.frozen_features import Standard, feature_batches, feature_network, split_features
from recipes.common.generated_centers import center_distances, generated_centers, unit_norm
from recipes.common.training_batches import Batches, image_names
from tfsbir import command, figures, losses, metrics, sampling
from tfsbir.data.worker_pool import worker_pool
from tfsbir.errors import InputError
from tfsbir.models import ConditionalVAE, EncoderPair

FLAGS = flags.FLAGS
RECIPE = "zero_shot_cvae"
CHOSEN_BY = "validation/one_vector/mAP@all"

data.define_photo_flags(photo_input="rgb")
data.define_zero_shot_flags()
frozen_features.define_frozen_flags(backbone="pooled_squeezenet")
training.define_training_flags(steps=500, batch_size=128, learning_rate=1e-3, has_views=False)
flags.DEFINE_enum(
    "pairs", "class", ["class", "own"],
    "Whom a sketch meets in training: any photo of its class, or the one that it was drawn from.",
)  # fmt: skip
flags.DEFINE_integer(
    "latent_dim", 128, "Length of the latent vector (the paper: 1024, with features of 4096).", lower_bound=1
)
flags.DEFINE_integer("hidden_dim", 1024, "Width of the networks' hidden layers.", lower_bound=1)
flags.DEFINE_float("dropout", 0.5, "Share of the hidden values to drop.", lower_bound=0.0, upper_bound=0.9)
flags.DEFINE_float("kl_weight", 4.0, "Weight of the divergence from the prior.", lower_bound=0.0)
flags.DEFINE_float(
    "sketch_weight", 1.0, "Weight of the sketch's reconstruction from what is generated (lambda).",
    lower_bound=0.0,
)  # fmt: skip
flags.DEFINE_integer("num_generated", 200, "Features that are generated for a sketch.", lower_bound=1)
flags.DEFINE_integer("num_centers", 5, "Centres that they are clustered to.", lower_bound=1)
flags.DEFINE_float("weight_decay", 5e-4, "Weight decay.", lower_bound=0.0)
flags.DEFINE_integer(
    "patience", 10, "Evaluations (--eval_every) without a better mAP@all of one_vector on the held-out seen "
    "classes after which training ends.", lower_bound=1,
)  # fmt: skip
for module in (data, frozen_features, running, training):
    flags.adopt_module_key_flags(module)


def main(_):
    if FLAGS.num_centers > FLAGS.num_generated:
        raise InputError(
            f"`num_centers` must be at most {FLAGS.num_generated} (`num_generated`). "
            f"Received: {FLAGS.num_centers}"
        )
    strategy = strategies.make_strategy()
    train, validation, test = data.load_zero_shot(worker_pool(FLAGS.num_workers))
    sampler = make_sampler(train)
    networks = {"sketch": feature_network(1), "photo": feature_network(train.photos.shape[-1])}
    run = running.start_run(
        RECIPE,
        train,
        {"validation": validation, "test": test, "`weights`": Path(FLAGS.weights).read_bytes()},
        strategy,
    )
    if run.result is not None:
        running.print_json(run.result)
        return
    features = split_features(run, networks, {"train": train, "validation": validation, "test": test})
    standards = {domain: Standard.of(values) for domain, values in features["train"].items()}
    features = {
        name: {domain: standards[domain](values) for domain, values in of_split.items()}
        for name, of_split in features.items()
    }
    photo_dim, sketch_dim = (features["train"][domain].shape[1] for domain in ("photo", "sketch"))
    precision.use_precision()
    with strategy.scope():
        autoencoder = ConditionalVAE(
            photo_dim, sketch_dim, FLAGS.latent_dim, FLAGS.hidden_dim, FLAGS.dropout, FLAGS.seed
        )
        optimizer = optimizers.make_optimizer("adam", FLAGS.weight_decay)
    bound = losses.EvidenceBound(FLAGS.kl_weight, FLAGS.sketch_weight)
    generate = generator(autoencoder)

    def replica_loss(batch):
        photo, sketch = batch["photo"], batch["sketch"]
        return bound((photo, sketch), autoencoder((photo, sketch), training=True))

    def evaluate():
        of_validation = features["validation"]
        generated = one_vector(generate, of_validation["sketch"])
        return {CHOSEN_BY: measure_vectors(generated, validation, of_validation["photo"])["mAP@all"]}

    batches = Batches(
        lambda start, own_rows: feature_batches(features["train"], sampler, start, FLAGS.steps, own_rows),
        lambda step: image_names(train, sampler, step),
    )
    stopping = EarlyStopping(run, {"autoencoder": autoencoder}, CHOSEN_BY, FLAGS.patience)
    seconds = training.train(
        run, {"autoencoder": autoencoder}, optimizer, strategy,
        batches, replica_loss, evaluate,
        stopping=stopping,
    )  # fmt: skip
    stopping.restore_best()
    autoencoder = in_float32(autoencoder)
    generate = generator(autoencoder)
    pair = image_encoders(networks, standards, autoencoder)
    running.save_pair(run, pair, train)
    autoencoder.save(run.model / "cvae.keras")
    run.note(best_step=stopping.best_step, validation_classes=list(validation.class_names))
    found, distances = measure(generate, test, features["test"])
    of_validation, _ = measure(generate, validation, features["validation"])
    of_validation = {f"validation/{name}": value for name, value in of_validation.items()}
    figures.loss_curve(run.metrics(), run.figures / "loss_curve.png")
    evaluation.draw_ranked_results(test, distances, run.figures / "ranked_results.png", by_class=True)
    run.log_metrics(
        FLAGS.steps, {**{f"test/{name}": value for name, value in found.items()}, **of_validation}
    )
    result = {
        "recipe": RECIPE,
        "dataset": FLAGS.dataset,
        "split": "test",
        "seed": FLAGS.seed,
        "steps": stopping.best_step,
        "seconds": round(seconds, 1),
        "metrics": found | of_validation,
    }
    run.write_result(result)
    running.print_json(result)


def make_sampler(train):
    """Returns whom a sketch meets in each step."""
    if FLAGS.pairs == "class":
        return sampling.CategoryGroups(train, FLAGS.batch_size, FLAGS.seed, group_size=1)
    num_drawn = len(np.unique(train.sketch_photo[train.paired_sketches]))
    if FLAGS.batch_size > num_drawn:
        raise InputError(
            f"`batch_size` must be at most {num_drawn}, the training photos that have a sketch, with `pairs` "
            f"own. Received: {FLAGS.batch_size}"
        )
    return sampling.TruePairs(train, FLAGS.batch_size, FLAGS.seed)


def in_float32(autoencoder):
    """Returns the autoencoder as it is saved and measured at the end."""
    if FLAGS.precision == "float32":
        return autoencoder
    keras.config.set_dtype_policy("float32")
    copy = ConditionalVAE.from_config({**autoencoder.get_config(), "dtype": "float32"})
    copy.build(None)
    copy.set_weights(autoencoder.get_weights())
    return copy


def generator(autoencoder):
    """Returns a function from latent vectors and sketches' features to photos' features, of arrays."""
    compiled = tf.function(
        autoencoder.generate,
        input_signature=[
            tf.TensorSpec([None, autoencoder.latent_dim]), tf.TensorSpec([None, autoencoder.sketch_dim])
        ],
    )  # fmt: skip
    return lambda latent, sketch: compiled(latent, sketch).numpy()


def image_encoders(networks, standards, autoencoder):
    """Returns the `EncoderPair` of one_vector: from images to features of photos, of unit norm."""
    sketch, photo = (standards[domain].layer()(networks[domain].output) for domain in ("sketch", "photo"))
    # The latent vector stands before the sketch's features; it is 0.
    generated = autoencoder.decoder(ops.pad(sketch, [[0, 0], [autoencoder.latent_dim, 0]]))
    unit = keras.layers.UnitNormalization(name="embedding")
    return EncoderPair(
        keras.Model(networks["sketch"].input, unit(generated), name="sketch_encoder"),
        keras.Model(networks["photo"].input, unit(photo), name="photo_encoder"),
    )


def measure(generate, split, features):
    """Returns the metrics of a split's three rankings, a dict, and the distances to the nearest centres."""
    rng = np.random.default_rng(FLAGS.seed)
    latents = rng.normal(size=(FLAGS.num_generated, FLAGS.latent_dim)).astype(np.float32)
    centers = generated_centers(generate, features["sketch"], latents, FLAGS.num_centers, FLAGS.seed)
    distances = center_distances(centers, features["photo"])
    found = metrics.retrieval_metrics(
        lambda start, stop: distances[start:stop],
        lambda start, stop: split.sketch_labels[start:stop, None] == split.photo_labels,
        len(distances),
    ).means()
    for ranking, sketch in (
        ("one_vector", one_vector(generate, features["sketch"])), ("frozen", features["sketch"])
    ):  # fmt: skip
        of_ranking = measure_vectors(sketch, split, features["photo"])
        found |= {f"{ranking}/{name}": value for name, value in of_ranking.items()}
    return found, distances


def one_vector(generate, sketch):
    """Returns what the latent vector 0 gives for each sketch's features."""
    return generate(np.zeros((len(sketch), FLAGS.latent_dim), np.float32), sketch)


def measure_vectors(sketch, split, photo):
    """Returns the metrics of ranking photos by the cosine of their features to a vector of each sketch."""
    return metrics.category_metrics(
        unit_norm(sketch), unit_norm(photo), split.sketch_labels, split.photo_labels
    ).means()


if __name__ == "__main__":
    command.run(main)
