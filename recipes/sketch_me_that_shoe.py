r"""Sketch Me That Shoe (Yu et al., CVPR 2016): fine-grained retrieval by triplet ranking.

python -m recipes.sketch_me_that_shoe --dataset=qmul_v1 --data_dir=shoes --workdir=runs/shoes \
    --backbone=squeezenet --weights=squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5

Measured numbers and the commands that made them stand in README.md.

Departures. The paper trains for 20,000 steps and more on a GPU after three stages of pre-training;
the defaults here are the last stage alone, made for ten minutes on two CPU cores: Adam with a cosine
schedule in place of SGD, and Eq. 2 over every pair of a batch (--loss=batch_triplet), each sketch with
its true match against all other photos. --loss=triplet draws the paper's annotated triplets, with
--optimizer=sgd --learning_rate=1e-3 --schedule=constant --steps=20000 --batch_size=128 --sketch_warp=0
--photo_warp=0 its other settings (biases learn at the common rate, not at twice it).
--loss=info_nce is not the paper's.
"""

from absl import flags

from recipes.common import augmentation, data, encoders, evaluation, running, training
from tfsbir import command, losses, sampling
from tfsbir.data.batches import batches
from tfsbir.data.worker_pool import worker_pool
from tfsbir.distribute import gather
from tfsbir.preprocessing import Preprocessing

FLAGS = flags.FLAGS
RECIPE = "sketch_me_that_shoe"

data.define_training_data_flags()
encoders.define_encoder_flags(backbone="sketch_a_net")
training.define_training_flags(steps=200, batch_size=32, learning_rate=2e-4)
flags.DEFINE_enum("branches", "siamese", ["siamese", "heterogeneous"], "One encoder or two (Sec. 4.3).")
flags.DEFINE_enum(
    "loss", "batch_triplet", ["batch_triplet", "triplet", "info_nce"],
    "Eq. 2 over all pairs of a batch, Eq. 2 over annotated triplets (Sec. 3.2), or a softmax over the batch.",
)  # fmt: skip
flags.DEFINE_float(
    "margin", 0.3, "Margin (gamma of Eq. 2; 2 in the paper, 0.3 in its code).", lower_bound=1e-6
)
flags.DEFINE_float("temperature", 0.07, "Temperature of --loss=info_nce.", lower_bound=1e-4)
flags.DEFINE_float("annotated_share", 0.75, "Share of annotated triplets.", lower_bound=0.0, upper_bound=1.0)
flags.DEFINE_enum("optimizer", "adam", ["adam", "sgd"], "AdamW, or SGD with momentum 0.9 (the paper).")
flags.DEFINE_float("weight_decay", 5e-4, "Weight decay (R of Eq. 3).", lower_bound=0.0)
augmentation.define_augmentation_flags(sketch_warp=1.0, photo_warp=0.3)
for module in (augmentation, data, encoders, running, training):
    flags.adopt_module_key_flags(module)


def main(_):
    strategy = training.make_strategy()
    pool = worker_pool(FLAGS.num_workers)
    train, test, test_name = data.load_splits(pool)
    augment = augmentation.augmentation(train)
    with strategy.scope():
        pair = encoders.make_encoders(FLAGS.branches == "siamese", train.photo_input)
        optimizer = training.make_optimizer(FLAGS.optimizer, FLAGS.weight_decay)
    if FLAGS.loss == "triplet":
        sampler = sampling.AnnotatedTriplets(train, FLAGS.batch_size, FLAGS.seed, FLAGS.annotated_share)
    else:
        sampler = sampling.TruePairs(train, FLAGS.batch_size, FLAGS.seed)
    run = running.start_run(RECIPE, train)
    if run.result is not None:
        running.print_json(run.result)
        return
    encoders.start_encoders(run, pair, train)
    evaluate = evaluation.evaluator(pair, test)
    loss = {
        "batch_triplet": losses.BatchTripletRanking(FLAGS.margin),
        "triplet": losses.TripletRanking(FLAGS.margin),
        "info_nce": losses.InfoNCE(FLAGS.temperature),
    }[FLAGS.loss]

    def make_batches(start):
        return batches(
            train, sampler, start, FLAGS.steps, pair.sketch.input_shape[1], FLAGS.seed,
            augment, pool,
        )  # fmt: skip

    def replica_loss(batch):
        photos = [batch[name] for name in ("photo", "negative") if name in batch]
        embeddings = tuple(pair.encode(batch["sketch"], photos, training=True))
        instances = batch["instance"]
        if FLAGS.loss != "triplet":  # The others' negatives are the photos of the whole global batch.
            instances, embeddings = gather((instances, embeddings))
        return loss(instances, embeddings)

    seconds = training.train(
        run, pair, optimizer, strategy, make_batches, replica_loss,
        lambda: {f"{test_name}/{name}": value for name, value in evaluate(num_views=1)[0].items()},
    )  # fmt: skip
    found, distances = evaluate(num_views=int(FLAGS.num_views))
    preprocessing = Preprocessing(
        pair.sketch.input_shape[1],
        pair.sketch.output_shape[-1],
        train.photo_input,
        edge_model=data.photo_reader().edge_model,
        edge_detector=data.photo_reader().edge_detector,
    )
    running.finish_run(run, pair, preprocessing, test, test_name, found, distances, seconds)


if __name__ == "__main__":
    command.run(main)
