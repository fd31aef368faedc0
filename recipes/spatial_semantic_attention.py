r"""Deep Spatial-Semantic Attention (Song et al., ICCV 2017): attention, coarse-fine fusion and HOLEF.

python -m recipes.spatial_semantic_attention --dataset=qmul_v1 --data_dir=shoes --workdir=runs/attention \
    --backbone=squeezenet --weights=squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5

What the paper adds to Sketch Me That Shoe can be left out part by part, as in its Tables 2 to 5:

    --attention=shortcut|plain|none   attends to a feature map, with or without the map itself (Sec. 3.2)
    --nofusion                        leaves out the attended map before the embedding (Sec. 3.3)
    --distance=holef|...              what compares a sketch with a photo (Sec. 3.4 and Table 5)

The last stage of training is here; for the stages before it name a run of sketch_me_that_shoe with --weights.
docs/spatial_semantic_attention.md has the commands of the paper's tables and what they measured.

Departures. As in sketch_me_that_shoe, Eq. 7 over every pair of a batch is the default
(--loss=batch_triplet), with AdamW and a cosine schedule; --loss=triplet draws annotated triplets. The
weights of a learned distance have an optimizer of their own, SGD with momentum as in the paper: a step of
Adam would move each of HOLEF's many weights equally far, however small its gradient. On Sketch-a-Net the
scorer of the attention sees the feature map divided by 128, on SqueezeNet, whose map is fire9, by 32; else
attention would start at one place.
"""

from absl import flags

from recipes.common import (
    attention_figures,
    augmentation,
    data,
    encoders,
    optimizers,
    ranking,
    running,
    strategies,
    training,
)
from tfsbir import command, losses
from tfsbir.data.worker_pool import worker_pool
from tfsbir.distances import DISTANCES, make_distance
from tfsbir.models import ATTENTIONS, attended_encoder

FLAGS = flags.FLAGS
RECIPE = "spatial_semantic_attention"
# By backbone, the layer whose map is attended to, and about how large its values are.
FEATURE_MAPS = {"sketch_a_net": ("pool5", 128.0), "squeezenet": ("fire9", 32.0)}

data.define_training_data_flags()
encoders.define_encoder_flags(backbone="sketch_a_net", backbones=FEATURE_MAPS)
training.define_training_flags(steps=200, batch_size=32, learning_rate=2e-4)
ranking.define_ranking_flags(
    batch_triplet="Eq. 4 over all pairs of a batch", triplet="Eq. 4 over annotated triplets"
)
flags.DEFINE_enum(
    "attention", "shortcut", list(ATTENTIONS), "Attention with shortcut (Eq. 3), without (Eq. 2), or none."
)
flags.DEFINE_bool("fusion", True, "Coarse-fine fusion (Sec. 3.3).")
flags.DEFINE_enum(
    "distance", "holef", list(DISTANCES), "What the triplet loss and the ranking compare by (Table 5)."
)
flags.DEFINE_float(
    "regularization_weight", 5e-4, "Of HOLEF: weight of both regularizers (lambda of Eq. 7).", lower_bound=0.0
)
flags.DEFINE_float(
    "distance_learning_rate", 1e-3, "Learning rate of a learned distance, at the start.", lower_bound=0.0
)
augmentation.define_augmentation_flags(sketch_warp=1.0, photo_warp=0.3)
for module in (augmentation, data, encoders, ranking, running, training):
    flags.adopt_module_key_flags(module)


def main(_):
    strategy = strategies.make_strategy()
    pool = worker_pool(FLAGS.num_workers)
    splits = train, test, test_name = data.load_pairs(pool)
    with strategy.scope():
        pair = encoders.make_encoders(FLAGS.branches == "siamese", train.photo_input, extend)
        optimizer = optimizers.make_optimizer(FLAGS.optimizer, FLAGS.weight_decay)
        distance, distance_optimizer = make_learned_distance(pair.sketch.output_shape[-1])
    run = running.start_run(RECIPE, train, {test_name: test}, strategy)
    if run.result is not None:
        running.print_json(run.result)
        return
    encoders.start_encoders(run, pair, train)
    loss = {"batch_triplet": losses.BatchTripletRanking, "triplet": losses.TripletRanking}[FLAGS.loss]
    seconds = ranking.train_pair(
        run, pair, splits, strategy, optimizer, pool, ranking.pair_sampler(train),
        ranking.keras_loss(loss(FLAGS.margin, distance)), distance, distance_optimizer,
    )  # fmt: skip
    pair, found, _ = ranking.save_and_measure(run, pair, train, test, distance)
    if FLAGS.attention != "none":
        attention_figures.draw_attention_pairs(pair, test, FLAGS.backbone, run.figures / "attention.png")
    running.finish_run(run, test_name, found, seconds)


def extend(encoder):
    """Returns a backbone's encoder with the attention and the fusion that the flags ask for."""
    after, feature_scale = FEATURE_MAPS[FLAGS.backbone]
    return attended_encoder(encoder, after, FLAGS.attention, FLAGS.fusion, feature_scale)


def make_learned_distance(dim):
    """Returns the distance that the flags ask for, and its optimizer or None where nothing is learned."""
    if FLAGS.distance == "squared_euclidean":
        return make_distance(FLAGS.distance, dim), None
    own = {"regularization_weight": FLAGS.regularization_weight} if FLAGS.distance == "holef" else {}
    # No weight decay: it draws to 0, not to the identity.
    optimizer = optimizers.make_optimizer("sgd", None, FLAGS.distance_learning_rate)
    return make_distance(FLAGS.distance, dim, **own), optimizer


if __name__ == "__main__":
    command.run(main)
