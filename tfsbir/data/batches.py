"""From a split to batches of augmented images."""

import numpy as np
import tensorflow as tf

from tfsbir.data.augment import Augmentation, random_views
from tfsbir.data.drawings import Drawings
from tfsbir.data.joined_images import JoinedImages
from tfsbir.data.making_images import draw_deformed, make_images
from tfsbir.strokes.removal import kept_strokes

PARALLEL_BATCHES = 2  # Batches made at once, and made ahead of training.
_ROWS_IN_A_JOB = 8


def batches(split, sampler, start, stop, image_size, seed, augmentation=None, pool=None, own_rows=None):
    """Yields the training batches of the steps `start` .. `stop - 1`.

    What a step's batch holds depends on `seed` and the step alone, so a run that is resumed at step
    `start` sees what it would have seen, with workers or without. One coin is tossed per row: a sketch and
    its photos are mirrored together, for a mirrored sketch shows the mirrored object.

    Args:
        split: `Split`. Arrays are held by TensorFlow; what stands for images (`ImageFiles`, `Drawings`) is
            asked for each batch's rows. Of `JoinedImages` the parts that are `Drawings` have their strokes
            augmented, the others are left alone.
        sampler: Function of a step which returns a dict of `(batch,)` int32 arrays: `sketch` or `photo`
            or both, indices into the split, and maybe `negative`, an index of a photo too. What else it has,
            such as the `cluster` of `PooledTriplets`, is handed on.
        start, stop: The first step and the one after the last.
        image_size: Side of the views in px.
        seed: Integer.
        augmentation: `Augmentation`, by default crop and mirror alone.
        pool: Of `worker_pool`, or `None`. It must outlive the dataset.
        own_rows: `(num,)` ascending integers, the rows of each batch that are made, as they are in the whole;
            by default all. So machines that share a batch share the work, too.
    Returns: A `tf.data.Dataset` of dicts: `sketch`, `photo`, `negative`, those that the sampler has, `(batch,
        image_size, image_size, channels)` float32 in [-1, 1]; `label` and `instance` `(batch,)` int32, the
        category and the index of the photo, of sketches alone their own category and photo (-1: none); and
        what else the sampler has, `(batch,)` int32.
    Raises: `ValueError` if `own_rows` are no rows of the batch.
    """
    augmentation = Augmentation() if augmentation is None else augmentation
    names = list(sampler(start))
    rows_in_batch = len(sampler(start)[names[0]])
    own = np.arange(rows_in_batch)
    if own_rows is not None:
        own = np.asarray(own_rows)
        if np.any(np.diff(own) <= 0) or not (len(own) and own[0] >= 0 and own[-1] < rows_in_batch):
            raise ValueError(
                f"`own_rows` must be ascending, of a batch of {rows_in_batch} rows. Received: {own_rows}"
            )
    if "photo" in names:
        told_by, labels, instances = "photo", split.photo_labels, np.arange(len(split.photos))
    else:
        told_by, labels, instances = "sketch", split.sketch_labels, split.sketch_photo
    labels, instances = tf.constant(labels, tf.int32), tf.constant(instances, tf.int32)
    images_of = {"sketch": split.sketches, "photo": split.photos, "negative": split.photos}
    attributes_of = _attributes(split)
    warps = {
        "sketch": augmentation.sketch_warp,
        "photo": augmentation.photo_warp,
        "negative": augmentation.photo_warp,
    }
    # TensorFlow gathers from arrays faster than Python does.
    held = {name: tf.constant(i) for name, i in images_of.items() if name in names and _is_array(i)}

    def choose(step):
        drawn = sampler(int(step))
        return np.stack([drawn[name] for name in names])

    def draw(step):
        # Not `from_generator`, which makes the whole process give freed memory back at once (TensorFlow
        # 2.21 sets M_TRIM_THRESHOLD there): the training step then spends half its time in page faults.
        rows = tf.numpy_function(choose, [step], tf.int32, stateful=False)
        rows.set_shape([len(names), rows_in_batch])
        return {"step": step, "rows": dict(zip(names, tf.unstack(rows), strict=True))}

    def make(name, rows, step):
        if name in held:
            return tf.gather(held[name], tf.gather(rows, own))
        images, strokes = images_of[name], augmentation.strokes if name == "sketch" else None
        is_wanted = np.zeros(rows_in_batch, bool)
        is_wanted[own] = True

        def ask(rows, step):
            return _made(images, rows, is_wanted, strokes, (seed, int(step)), pool)

        made = tf.numpy_function(ask, [rows, step], tf.uint8, stateful=False)
        made.set_shape([len(own), *images.shape[1:]])
        return made

    def render(drawn):
        all_rows, step = drawn["rows"], drawn["step"]
        rows = {name: tf.gather(of_name, own) for name, of_name in all_rows.items()}
        seeds = tf.random.split([seed, step], len(images_of) + 1)
        coins = tf.gather(tf.random.stateless_uniform([rows_in_batch], seeds[-1]), own)
        is_mirrored = coins < (0.5 if augmentation.mirror else 0.0)
        batch = {
            "label": tf.gather(labels, rows[told_by]),
            "instance": tf.gather(instances, rows[told_by]),
            **{name: values for name, values in rows.items() if name not in images_of},
        }
        for index, name in enumerate(images_of):
            if name in rows:
                batch[name] = random_views(
                    make(name, all_rows[name], step), is_mirrored, image_size, seeds[index], warps[name],
                    augmentation.rotation, augmentation.scale, own, rows_in_batch,
                )  # fmt: skip
                if attributes_of:
                    batch[f"{name}_attributes"] = tf.gather(attributes_of[name], rows[name])
        return batch

    # Neither branches on a tensor; AutoGraph would take a second or two to find nothing to rewrite.
    draw, render = (tf.autograph.experimental.do_not_convert(function) for function in (draw, render))
    dataset = tf.data.Dataset.range(start, stop, output_type=tf.int32).map(draw)
    return dataset.map(render, num_parallel_calls=PARALLEL_BATCHES, deterministic=True).prefetch(
        PARALLEL_BATCHES
    )


def _is_array(images):
    return isinstance(images, np.ndarray)


def _attributes(split):
    """Returns the attributes by an image's name in a batch, -1 in a domain without; {} if there are none."""
    if not split.attribute_names:
        return {}
    shown = []
    for images, values in (
        (split.sketches, split.sketch_attributes),
        (split.photos, split.photo_attributes),
    ):
        unknown = np.full((len(images), len(split.attribute_names)), -1, np.int8)
        shown.append(tf.constant(unknown if values is None else values, tf.int8))
    sketch, photo = shown
    return {"sketch": sketch, "photo": photo, "negative": photo}


def _made(images, rows, is_wanted, strokes, seed, pool):
    """Makes those of some images that are wanted; with `strokes`, `Drawings` with other strokes.

    Returns: A uint8 array. What is drawn at random does not hang on what else is wanted.
    """
    if _is_array(images):
        return images[rows[is_wanted]]
    if isinstance(images, JoinedImages):
        made = np.empty((len(rows), *images.shape[1:]), np.uint8)
        for number, part, rows_of_part, places in images.by_part(rows):
            of_part = is_wanted[rows_of_part]
            if of_part.any():
                made[rows_of_part[of_part]] = _made(part, places, of_part, strokes, (*seed, number), pool)
        return made[is_wanted]
    if strokes is not None and isinstance(images, Drawings):
        return _augmented(images, rows, is_wanted, strokes, seed, pool)
    return _in_parts(make_images, images, rows[is_wanted], pool)


def _augmented(drawings, rows, is_wanted, strokes, seed, pool):
    """Draws sketches with strokes left out and bent; `(num_wanted, size, size, 1)` uint8."""
    random = np.random.default_rng(seed)
    sketches = [drawings.sketch(row) for row in rows]
    shares = random.choice(strokes.removal_shares, len(rows))
    kept = kept_strokes(sketches, shares, int(random.integers(2**31)))
    strengths = np.where(random.random(len(rows)) < strokes.deformation_share, strokes.deformation, 0.0)
    seeds = random.integers(2**31, size=len(rows))
    wanted = np.flatnonzero(is_wanted)
    thinned = [
        sketches[row].replaced(
            [stroke for stroke, stays in zip(sketches[row].strokes, kept[row], strict=True) if stays]
        )
        for row in wanted
    ]
    jobs = [
        (drawings.with_sketches(thinned[part]), seeds[wanted[part]], strengths[wanted[part]])
        for part in _parts(len(wanted))
    ]
    run = map if pool is None else pool.map
    return np.concatenate(list(run(draw_deformed, *zip(*jobs, strict=True))))


def _in_parts(make, images, rows, pool):
    if pool is None:
        return make(images.take(rows))
    return np.concatenate(list(pool.map(make, [images.take(rows[part]) for part in _parts(len(rows))])))


def _parts(count):
    return [slice(start, start + _ROWS_IN_A_JOB) for start in range(0, count, _ROWS_IN_A_JOB)]
