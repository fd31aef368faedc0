import dataclasses

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from recipes.common.head_warmup import warm_up_heads
from tests.common_data import small_split
from tfsbir.models import EncoderPair


def encoder(size):
    keras.utils.set_random_seed(0)
    image = keras.Input((size, size, 1))
    return keras.Model(image, keras.layers.Dense(4)(keras.layers.Flatten()(image)))


def linear_head():
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])


def test_heads_learn_what_can_be_told_from_embeddings_that_stay():
    split = small_split(num_photos=6, size=16)
    # Photos of the one class are dark, those of the other bright, and which is which can be told.
    photos = np.where(split.photo_labels[:, None, None, None] == 0, 40, 200) + np.zeros((6, 16, 16, 1))
    split = dataclasses.replace(split, photos=photos.astype(np.uint8))
    pair = EncoderPair(encoder(16), encoder(16))
    before = [weight.copy() for weight in pair.photo.get_weights()]
    asked = []

    def sampler(step):
        asked.append(step)
        drawn = np.random.default_rng(step).integers(12, size=4)
        photo = split.sketch_photo[drawn]
        return {"sketch": drawn.astype(np.int32), "photo": photo, "negative": photo}

    def loss_of(head):
        def head_loss(label, embeddings):
            target = ops.cast(label, "float32")[:, None]
            return ops.mean(ops.square(head(embeddings[1]) - target))

        return head_loss

    head, strategy = linear_head(), tf.distribute.get_strategy()
    warm_up_heads([head], pair, split, sampler, loss_of(head), 300, 0.03, strategy)
    assert asked == list(range(300))
    embeddings = pair.photo(split.photos.astype("float32") / 127.5 - 1.0)
    np.testing.assert_allclose(head(embeddings)[:, 0], split.photo_labels, atol=0.05)
    for weight, old in zip(pair.photo.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    again = linear_head()
    warm_up_heads([again], pair, split, sampler, loss_of(again), 300, 0.03, strategy)
    np.testing.assert_array_equal(again.get_weights()[0], head.get_weights()[0])
