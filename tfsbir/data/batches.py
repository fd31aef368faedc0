"""From a split held in memory to batches of augmented images."""

import numpy as np
import tensorflow as tf

from tfsbir.data.augment import random_views


def batches(split, sampler, start, stop, image_size, seed, sketch_warp=0.0, photo_warp=0.0, mirror=True):
    """Yields the training batches of the steps `start` .. `stop - 1`.

    What a step's batch holds depends on `seed` and the step alone, so a run that is resumed at step
    `start` sees what it would have seen. One coin is tossed per row: a sketch and its photos are
    mirrored together, for a mirrored sketch shows the mirrored object.

    Args:
        split: `PairedSplit`.
        sampler: Function of a step which returns a dict of `(batch,)` int32 arrays: `sketch` and
            `photo`, indices into the split, and maybe `negative`, an index of a photo too.
        start, stop: The first step and the one after the last.
        image_size: Side of the views in px.
        seed: Integer.
        sketch_warp, photo_warp: Strength of the smooth warp of sketches and of photos.
        mirror: Whether rows may be mirrored; False where the viewpoint matters.
    Returns: A `tf.data.Dataset` of dicts: `sketch`, `photo` (and `negative`) `(batch, image_size,
        image_size, channels)` float32 in [-1, 1]; `label` and `instance` `(batch,)` int32, the category
        and the index of the photo.
    """
    names = list(sampler(start))
    rows_in_batch = len(sampler(start)[names[0]])
    sketches, photos, labels = (tf.constant(array) for array in (split.sketches, split.photos, split.labels))
    sources = {
        "sketch": (sketches, sketch_warp),
        "photo": (photos, photo_warp),
        "negative": (photos, photo_warp),
    }

    def choose(step):
        drawn = sampler(int(step))
        return np.stack([drawn[name] for name in names])

    def draw(step):
        # Not `from_generator`, which makes the whole process give freed memory back at once (TensorFlow
        # 2.21 sets M_TRIM_THRESHOLD there): the training step then spends half its time in page faults.
        rows = tf.numpy_function(choose, [step], tf.int32, stateful=False)
        rows.set_shape([len(names), rows_in_batch])
        return {"step": step, "rows": dict(zip(names, tf.unstack(rows), strict=True))}

    def render(drawn):
        rows = drawn["rows"]
        seeds = tf.random.split([seed, drawn["step"]], len(sources) + 1)
        is_mirrored = tf.random.stateless_uniform(tf.shape(rows["photo"]), seeds[-1]) < (
            0.5 if mirror else 0.0
        )
        batch = {"label": tf.gather(labels, rows["photo"]), "instance": rows["photo"]}
        for index, (name, (images, warp)) in enumerate(sources.items()):
            if name in rows:
                images = tf.gather(images, rows[name])
                batch[name] = random_views(images, is_mirrored, image_size, warp, seeds[index])
        return batch

    dataset = tf.data.Dataset.range(start, stop, output_type=tf.int32).map(draw)
    return dataset.map(render, num_parallel_calls=2, deterministic=True).prefetch(2)
