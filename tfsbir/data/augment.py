"""Random views of a batch of images: crop, mirror and a smooth warp in one resampling."""

import tensorflow as tf

# At `warp` 1: standard deviations of the rotation in radians, of the logarithms of scale and aspect,
# and of the displacement in px of each point of the coarse grid that bends the image.
ROTATION, LOG_SCALE, LOG_ASPECT, DISPLACEMENT = 0.06, 0.06, 0.06, 5.0
GRID = 5


def random_views(images, is_mirrored, image_size, warp, seed):
    """Draws one random view of each image.

    A view is a random crop, mirrored where `is_mirrored` says so, and, where `warp` > 0, turned, scaled
    and bent by a smooth random field. All of it is one bilinear resampling, so that thin lines are
    blurred once at most; with `warp` 0 it is the plain integer crop and the pixels are unchanged.

    Args:
        images: `(batch, height, width, channels)` uint8.
        is_mirrored: `(batch,)` bool. It is an argument since sketch and photo are mirrored together.
        image_size: Side of the view in px, at most the height and the width of the images.
        warp: Strength of the warp >= 0, for all images or `(batch,)`; 1 is drawing-like, 0 is none.
        seed: `(2,)` int, for stateless random numbers: the same seed gives the same views.
    Returns: `(batch, image_size, image_size, channels)` float32 in [-1, 1].
    """
    images = tf.convert_to_tensor(images)
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    seeds = tf.unstack(tf.random.split(seed, 6))
    warp = tf.broadcast_to(tf.cast(warp, tf.float32), [batch])[:, None, None]

    def offset(seed, room):
        drawn = tf.random.stateless_uniform([batch, 1, 1], seed, 0, room + 1, tf.int32)
        return tf.cast(drawn, tf.float32) + (image_size - 1) / 2

    def normal(seed, deviation):
        return tf.random.stateless_normal([batch, 1, 1], seed) * deviation * warp

    steps = tf.range(image_size, dtype=tf.float32) - (image_size - 1) / 2
    y, x = steps[None, :, None], steps[None, None, :]
    x = tf.where(is_mirrored[:, None, None], -x, x)
    angle, scale = normal(seeds[0], ROTATION), tf.exp(normal(seeds[1], LOG_SCALE))
    aspect = tf.exp(normal(seeds[2], LOG_ASPECT))
    source_x = (x * tf.cos(angle) - y * tf.sin(angle)) * scale * aspect + offset(seeds[3], width - image_size)
    source_y = (x * tf.sin(angle) + y * tf.cos(angle)) * scale / aspect + offset(
        seeds[4], height - image_size
    )
    bend = tf.random.stateless_normal([batch, GRID, GRID, 2], seeds[5]) * DISPLACEMENT * warp[..., None]
    bend = tf.image.resize(bend, [image_size, image_size], "bicubic")
    return _sample(images, source_x + bend[..., 0], source_y + bend[..., 1]) / 127.5 - 1.0


def _sample(images, x, y):
    """Reads uint8 `images` at float places; outside is the nearest border pixel."""
    batch, height, width, channels = tf.shape(images)[0], images.shape[1], images.shape[2], images.shape[3]
    x, y = tf.clip_by_value(x, 0.0, width - 1.0), tf.clip_by_value(y, 0.0, height - 1.0)
    left = tf.minimum(tf.cast(x, tf.int32), width - 2)
    top = tf.minimum(tf.cast(y, tf.int32), height - 2)
    right_share = (x - tf.cast(left, tf.float32))[..., None]
    bottom_share = (y - tf.cast(top, tf.float32))[..., None]
    pixels = tf.reshape(images, [batch, height * width, channels])
    place = tf.reshape(top * width + left, [batch, -1])
    shape = [batch, x.shape[1], x.shape[2], channels]

    def read(shift):
        return tf.cast(tf.reshape(tf.gather(pixels, place + shift, batch_dims=1), shape), tf.float32)

    above = read(0) * (1 - right_share) + read(1) * right_share
    below = read(width) * (1 - right_share) + read(width + 1) * right_share
    return above * (1 - bottom_share) + below * bottom_share
