"""What a training step trains on."""

import dataclasses
import re
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import flags

from tfsbir.data.batches import batches
from tfsbir.errors import InputError

FLAGS = flags.FLAGS


@dataclasses.dataclass(frozen=True)
class Batches:
    """The batches of a training.

    Args:
        make: Function from a first step and the rows of a batch that are wanted, `(num,)` ascending or None
            for all, to a `tf.data.Dataset` of these rows of the batches from there. Where it ends before the
            last step it is asked again, once all steps before are done: so what it hands out next may hang on
            what happened before.
        names: Function from a step to the ids of the images in its batch, a dict of lists by "sketch",
            "photo" and "negative".
    """

    make: Callable
    names: Callable

    def distributed(self, strategy, step):
        """Yields what each replica gets, from a step on, a part of `--accumulate` after the other.

        Of several machines each makes the rows of its own replicas, and has a share of every part.
        """
        num_rows = FLAGS.batch_size // (strategy.num_replicas_in_sync * FLAGS.accumulate)

        def of_worker(context):
            dataset = self.make(step, rows_of_worker(context.input_pipeline_id, context.num_input_pipelines))
            return dataset if num_rows == FLAGS.batch_size else dataset.rebatch(num_rows, drop_remainder=True)

        while True:
            num_parts = 0
            for batch in strategy.distribute_datasets_from_function(of_worker):
                num_parts += 1
                yield batch
            step += num_parts // FLAGS.accumulate


def rows_of_worker(worker, num_workers):
    """Returns the rows of a batch that are a worker's, its share of every part; None for all."""
    if num_workers == 1:
        return None
    rows = np.arange(FLAGS.batch_size).reshape(FLAGS.accumulate, num_workers, -1)
    return rows[:, worker].reshape(-1)


def split_batches(split, sampler, image_size, augmentation, pool):
    """Returns the `Batches` of a split.

    Args:
        split: `Split`.
        sampler: Function from a step to indices into the split.
        image_size: Side of the views in px.
        augmentation: `Augmentation`.
        pool: Of `worker_pool`.
    """

    def make(start, own_rows):
        return batches(
            split, sampler, start, FLAGS.steps, image_size, FLAGS.seed, augmentation, pool, own_rows
        )

    return Batches(make, lambda step: image_names(split, sampler, step))


def image_names(split, sampler, step):
    """Returns the ids of the images that a sampler draws for the batch of a step (from 1), as `Batches`."""
    ids = {"sketch": split.sketch_ids, "photo": split.photo_ids, "negative": split.photo_ids}
    drawn = sampler(step - 1)
    return {name: [ids[name][row] for row in drawn[name]] for name in ids if name in drawn}


def next_batch(drawn):
    """Returns the next batch; what `InputError` a broken file raised on its way comes as one again.

    TensorFlow hands on an exception of Python's only as the text of an error of its own.
    """
    try:
        return next(drawn)
    except tf.errors.OpError as error:
        found = re.search(r"InputError: (.*)", error.message)
        if found is None:
            raise
        raise InputError(found[1]) from None
