"""Random views of a batch of images: crop, mirror, rotation, scale and a smooth warp in one resampling."""

import dataclasses
import math

import numpy as np
import tensorflow as tf

# At `warp` 1: standard deviations of the rotation in radians, of the logarithms of scale and aspect,
# and of the displacement in px of each point of the coarse grid that bends the image.
ROTATION, LOG_SCALE, LOG_ASPECT, DISPLACEMENT = 0.06, 0.06, 0.06, 5.0
GRID = 5


@dataclasses.dataclass(frozen=True)
class StrokeAugmentation:
    """What may happen to the strokes of a vector sketch before it is drawn.

    The defaults draw, for every sketch anew, about what paper 1's twelve-fold set holds: a quarter keeps all
    its strokes and the others lose 10, 30 or 50 %; three quarters are bent.

    Args:
        removal_shares: Shares of the strokes to remove, each in [0, 1); one is drawn for each sketch.
        deformation_share: Share of the sketches that are deformed, in [0, 1].
        deformation: Strength of the deformation in [0, 10]; 1 is `tfsbir.strokes.deform`'s default.
    Raises: `ValueError` for other values.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.5. With `removal_shares` 0, 0.01 .. 0.1
        and no deformation it is that of Bui et al., "Deep Manifold Alignment for Mid-Grain Sketch based Image
        Retrieval", 2018, Sec. 3.4.
    """

    removal_shares: tuple = (0.0, 0.1, 0.3, 0.5)
    deformation_share: float = 0.75
    deformation: float = 1.0

    def __post_init__(self):
        if not self.removal_shares or not all(0 <= share < 1 for share in self.removal_shares):
            raise ValueError(f"`removal_shares` must be in [0, 1). Received: {self.removal_shares}")
        if not 0 <= self.deformation_share <= 1:
            raise ValueError(f"`deformation_share` must be in [0, 1]. Received: {self.deformation_share}")
        if not 0 <= self.deformation <= 10:
            raise ValueError(f"`deformation` must be in [0, 10]. Received: {self.deformation}")


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What may happen to the images of a training batch, beside the random crop.

    Args:
        mirror: Whether a sketch and its photos may be mirrored, together, half of the time; False where the
            viewpoint matters.
        rotation: Images are turned by up to this many degrees either way.
        scale: Images are scaled by a factor in 1 - `scale` .. 1 + `scale`, in [0, 1).
        sketch_warp: Strength of the smooth warp of sketches >= 0; 1 is drawing-like.
        photo_warp: The same for photos.
        strokes: `StrokeAugmentation` of the sketches that are `Drawings`, or `None` for none.
    Raises: `ValueError` for other values.
    Source: Crop and mirror: Yu et al., CVPR 2016, Sec. 5.1. Crop to 224, `rotation` 5, `scale` 0.1, no
        mirror: Bui et al., 2018, Sec. 3.4.
    """

    mirror: bool = True
    rotation: float = 0.0
    scale: float = 0.0
    sketch_warp: float = 0.0
    photo_warp: float = 0.0
    strokes: StrokeAugmentation | None = None

    def __post_init__(self):
        for name, limit in (("rotation", 180), ("sketch_warp", math.inf), ("photo_warp", math.inf)):
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"`{name}` must be in [0, {limit}]. Received: {getattr(self, name)}")
        if not 0 <= self.scale < 1:
            raise ValueError(f"`scale` must be in [0, 1). Received: {self.scale}")


def random_views(
    images, is_mirrored, image_size, seed, warp=0.0, rotation=0.0, scale=0.0, rows=None, num_rows=None
):
    """Draws one random view of each image.

    A view is a random crop, mirrored where `is_mirrored` says so, turned and scaled at random and, where
    `warp` > 0, bent by a smooth random field. All of it is one bilinear resampling, so that thin lines are
    blurred once at most; with `warp`, `rotation` and `scale` 0 it is the plain integer crop and the pixels
    are unchanged.

    Args:
        images: `(batch, height, width, channels)` uint8.
        is_mirrored: `(batch,)` bool. It is an argument since sketch and photo are mirrored together.
        image_size: Side of the view in px, at most the height and the width of the images.
        seed: `(2,)` int, for stateless random numbers: the same seed gives the same views.
        warp: Strength of the warp >= 0, for all images or `(batch,)`; 1 is drawing-like, 0 is none.
        rotation: The largest rotation in degrees, either way.
        scale: The factor of the image's size is in 1 - `scale` .. 1 + `scale`.
        rows, num_rows: Of images of a larger batch: `(batch,)` their rows there, and how large that batch is.
            Their views are those that they have there. By default the images are a batch of their own.
    Returns: `(batch, image_size, image_size, channels)` float32 in [-1, 1].
    """
    images = tf.convert_to_tensor(images)
    batch, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    seeds = tf.unstack(tf.random.split(seed, 8))

    def draw(distribution, shape, *arguments):
        if rows is None:
            return distribution([batch, *shape], *arguments)
        return tf.gather(distribution([num_rows, *shape], *arguments), rows)

    def corner(seed, room):
        return draw(tf.random.stateless_uniform, [1, 1], seed, 0, room + 1, tf.int32)

    left, top = corner(seeds[3], width - image_size), corner(seeds[4], height - image_size)
    if not (tf.is_tensor(warp) or np.any(warp) or rotation or scale):
        return _crop(images, left[:, 0], top[:, 0], is_mirrored, image_size) / 127.5 - 1.0
    warp = tf.broadcast_to(tf.cast(warp, tf.float32), [batch])[:, None, None]

    def middle(corner):
        return tf.cast(corner, tf.float32) + (image_size - 1) / 2

    def normal(seed, deviation):
        return draw(tf.random.stateless_normal, [1, 1], seed) * deviation * warp

    def uniform(seed, limit):
        return draw(tf.random.stateless_uniform, [1, 1], seed, -1.0, 1.0) * limit

    steps = tf.range(image_size, dtype=tf.float32) - (image_size - 1) / 2
    y, x = steps[None, :, None], steps[None, None, :]
    x = tf.where(is_mirrored[:, None, None], -x, x)
    angle = normal(seeds[0], ROTATION) + uniform(seeds[6], math.radians(rotation))
    # From the view's pixels to the image's: an image twice as large is read in half the steps.
    step = tf.exp(normal(seeds[1], LOG_SCALE)) / (1.0 + uniform(seeds[7], scale))
    aspect = tf.exp(normal(seeds[2], LOG_ASPECT))
    source_x = (x * tf.cos(angle) - y * tf.sin(angle)) * step * aspect + middle(left)
    source_y = (x * tf.sin(angle) + y * tf.cos(angle)) * step / aspect + middle(top)
    bend = draw(tf.random.stateless_normal, [GRID, GRID, 2], seeds[5]) * DISPLACEMENT * warp[..., None]
    bend = tf.image.resize(bend, [image_size, image_size], "bicubic")
    return _sample(images, source_x + bend[..., 0], source_y + bend[..., 1]) / 127.5 - 1.0


def _crop(images, left, top, is_mirrored, image_size):
    """Cuts windows out of uint8 `images`, as float32; a fifth of the time of sampling them."""
    steps = tf.range(image_size)[None]
    columns = left + tf.where(is_mirrored[:, None], image_size - 1 - steps, steps)
    rows = tf.gather(images, top + steps, axis=1, batch_dims=1)
    return tf.cast(tf.gather(rows, columns, axis=2, batch_dims=1), tf.float32)


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
