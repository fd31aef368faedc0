"""Random numbers that are each replica's own, and the same however many replicas there are.

Keras gives all replicas of a `tf.distribute.Strategy` the same numbers: their dropout would leave out the
same places, and a batch cut into two would have half as many different ones. Here the numbers of the global
batch are drawn on every replica, from one seed, and each takes the rows that it has of it.
"""

import keras


def normal(shape, seed):
    """Draws from the standard normal distribution for a replica's rows of the global batch.

    Args:
        shape: `(batch, ...)`, what `ops.shape` gives of a tensor of this replica.
        seed: `keras.random.SeedGenerator`.
    Returns: A float32 tensor of that shape.
    """
    return _own_rows(keras.random.normal, shape, seed)


def uniform(shape, seed):
    """Draws from [0, 1) as `normal` does from its distribution."""
    return _own_rows(keras.random.uniform, shape, seed)


def _own_rows(draw, shape, seed):
    replica, num_replicas = _replica()
    if num_replicas == 1:
        return draw(shape, dtype="float32", seed=seed)
    num_rows = shape[0]
    drawn = draw((num_replicas * num_rows, *shape[1:]), dtype="float32", seed=seed)
    return drawn[replica * num_rows : (replica + 1) * num_rows]


def _replica():
    """Returns which of how many replicas this is; only TensorFlow's strategies have more than one."""
    if keras.config.backend() != "tensorflow":
        return 0, 1
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None:  # A model is being made, in the strategy's scope.
        return 0, 1
    return context.replica_id_in_sync_group, context.num_replicas_in_sync
