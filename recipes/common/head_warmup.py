"""Teaching what stands behind the encoders before these move."""

import sys

import keras
import tensorflow as tf
from tqdm import tqdm

from recipes.common import evaluation


def warm_up_heads(heads, pair, train, sampler, head_loss, steps, learning_rate, strategy):
    """Trains heads on the embeddings that encoders have before their own training, one view an image.

    A head that begins with nothing tells the encoders nothing at first. Here it has learned what it can from
    the embeddings where they start.

    Args:
        heads: `keras.Model`s; changed in place.
        pair: `EncoderPair`, which stays as it is.
        train: `Split` to embed.
        sampler: Function from a step to a dict of indices into `train`: `sketch`, `photo`, `negative`.
        head_loss: Function from `(batch,)` labels of the sketches and three `(batch, dim)` float32
            embeddings, of sketch, photo and negative, to a scalar, the loss.
        steps: Integer >= 1; the images are embedded once for all of them.
        learning_rate: Float >= 0, of Adam, constant.
        strategy: `tf.distribute.Strategy` in whose scope the heads were made, whose replicas share a batch.
    """
    sketches = evaluation.images_encoder(pair.sketch)(train.sketches)
    photos = evaluation.images_encoder(pair.photo)(train.photos)
    labels = tf.convert_to_tensor(train.sketch_labels)
    variables = [variable for head in heads for variable in head.trainable_variables]
    with strategy.scope():
        optimizer = keras.optimizers.Adam(learning_rate)
        optimizer.build(variables)

    def replica_step(index):
        context = tf.distribute.get_replica_context()
        num_rows = index["sketch"].shape[0] // context.num_replicas_in_sync
        first = context.replica_id_in_sync_group * num_rows
        index = {name: rows[first : first + num_rows] for name, rows in index.items()}
        embeddings = [
            tf.gather(sketches, index["sketch"]),
            tf.gather(photos, index["photo"]),
            tf.gather(photos, index["negative"]),
        ]
        with tf.GradientTape() as tape:
            loss = head_loss(tf.gather(labels, index["sketch"]), embeddings)
        optimizer.apply(tape.gradient(loss, variables), variables)

    @tf.function(autograph=False)
    def step(index):
        strategy.run(replica_step, args=(index,))

    for number in tqdm(range(steps), unit="step", desc="heads", file=sys.stderr, leave=False, delay=2):
        step({name: tf.convert_to_tensor(indices) for name, indices in sampler(number).items()})
