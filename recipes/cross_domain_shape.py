r"""Sketch-based 3D Shape Retrieval (Wang, Kang & Li, CVPR 2015), on photos: categories, two branches.

python -m recipes.cross_domain_shape --dataset=sketchy --data_dir=sketchy --workdir=runs/3ds

The sketch branch and the photo branch have one form and weights of their own; both learn from pairs of one
category and of two, within each domain and across (losses.CrossDomainContrastive). "Sketch Me That Shoe" (Yu
et al., CVPR 2016, Table 1) takes this network, pre-trained on categories, as its baseline "3DS Deep": what it
embeds goes into a ranking SVM, since two branches cannot learn from triplets. `recipes.evaluate` measures a
run on another data set.

Departures. Photos, or their edge maps, stand in for the two rendered views of a 3D model. Training compares
by L1 distance, as the paper does; what is measured here, and what search uses, ranks by squared Euclidean
distance, the library's one distance. A batch is a few groups of one category, and all its pairs count: 3 of
31 are of one category; classes come apart sooner so than by pairs drawn one by one. Adam with a cosine
schedule, the augmentation and the number of steps are ours too; the paper was not at hand.
"""

from absl import flags

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
from tfsbir import command, losses, sampling
from tfsbir.data.worker_pool import worker_pool
from tfsbir.distribute import gather
from tfsbir.errors import InputError
from tfsbir.models import EncoderPair, cross_domain_net

FLAGS = flags.FLAGS
RECIPE = "cross_domain_shape"

data.define_training_data_flags()
training.define_training_flags(steps=1000, batch_size=32, learning_rate=2e-4)
flags.DEFINE_integer("group_size", 4, "Sketches of one category in a batch, and photos.", lower_bound=2)
flags.DEFINE_float("positive_scale", 0.2, "C_p: what is of one category costs D^2 / C_p.", lower_bound=1e-6)
flags.DEFINE_float("negative_scale", 10.0, "C_n: what is not costs C_n exp(-2.77 D / C_n).", lower_bound=1e-6)
flags.DEFINE_float("weight_decay", 5e-4, "Weight decay.", lower_bound=0.0)
augmentation.define_augmentation_flags(sketch_warp=1.0, photo_warp=0.3)
for module in (augmentation, data, running, training):
    flags.adopt_module_key_flags(module)


def main(_):
    strategy = strategies.make_strategy()
    if FLAGS.batch_size % FLAGS.group_size:
        raise InputError(
            f"`batch_size` must be a multiple of {FLAGS.group_size} (`group_size`). "
            f"Received: {FLAGS.batch_size}"
        )
    pool = worker_pool(FLAGS.num_workers)
    train, test, test_name = data.load_categories(pool)
    augment = augmentation.augmentation(train)
    num_classes = len(set(train.sketch_labels) & set(train.photo_labels))
    if num_classes < 2:
        raise InputError(
            "`dataset` must have sketches and photos of 2 classes or more to train on. "
            f"Received: {FLAGS.dataset}, with {num_classes}"
        )
    sampler = sampling.CategoryGroups(train, FLAGS.batch_size, FLAGS.seed, FLAGS.group_size)
    precision.use_precision()
    with strategy.scope():
        pair = EncoderPair(
            cross_domain_net(name="sketch_net"),
            cross_domain_net(channels=train.photos.shape[-1], name="photo_net"),
        )
        optimizer = optimizers.make_optimizer("adam", FLAGS.weight_decay)
    run = running.start_run(RECIPE, train, {test_name: test}, strategy)
    if run.result is not None:
        running.print_json(run.result)
        return
    contrastive = losses.CrossDomainContrastive(FLAGS.positive_scale, FLAGS.negative_scale)

    batches = split_batches(train, sampler, pair.sketch.input_shape[1], augment, pool)

    def replica_loss(batch):
        embeddings = tuple(pair.encode(batch["sketch"], [batch["photo"]], training=True))
        # A row's pairs are with the rows of the whole global batch.
        return contrastive(*gather((batch["label"], embeddings)))

    evaluate = evaluation.evaluator(pair, test)
    seconds = training.train(
        run, {"sketch": pair.sketch, "photo": pair.photo}, optimizer, strategy, batches, replica_loss,
        lambda: {f"{test_name}/{name}": value for name, value in evaluate(num_views=1)[0].items()},
    )  # fmt: skip
    pair = encoders.pair_in_float32(pair)
    found, distances = evaluation.evaluator(pair, test)(num_views=int(FLAGS.num_views))
    running.save_pair(run, pair, train)
    evaluation.draw_ranked_results(test, distances, run.figures / "ranked_results.png")
    running.finish_run(run, test_name, found, seconds)


if __name__ == "__main__":
    command.run(main)
