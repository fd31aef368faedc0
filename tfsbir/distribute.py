"""What the replicas of a training step say to each other."""

import tensorflow as tf

SENT = (tf.float16, tf.float32, tf.float64, tf.int32, tf.int64)


def gather(tensors):
    """Gathers tensors from all replicas, so that each replica sees the negatives of all.

    Gradients pass: each replica's tensor gets the sum of what all replicas' losses ask of it. With a
    loss that is divided by the replica count, as Keras' mean-reduced losses are, and an optimizer that sums
    over replicas, the step equals that of one replica with the whole batch. With one replica it returns
    `tensors` unchanged.

    Args:
        tensors: Nest of tensors, each `(batch, ...)`.
    Returns: The same nest with `(global_batch, ...)`, in the order of the replicas; the same on each of them.
    Raises: `RuntimeError` if there are several replicas and it is called outside `strategy.run`.
    """
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return tensors
    context = tf.distribute.get_replica_context()
    if context is None:
        raise RuntimeError("`gather` must be called inside `strategy.run`. Received: a cross-replica context")

    def gather_one(tensor):
        # Between machines there are no other types, and an input of the step has no device, which the
        # collective asks for (TensorFlow 2.21).
        sent = tf.identity(tensor)
        if tensor.dtype not in SENT:
            sent = tf.cast(tensor, tf.float32 if tensor.dtype.is_floating else tf.int32)
        # The collective forgets the static shape, which layers and losses check.
        return tf.cast(
            tf.ensure_shape(context.all_gather(sent, axis=0), [None, *tensor.shape[1:]]), tensor.dtype
        )

    # One by one: TensorFlow 2.21 packs a nest into one tensor and fails where its dtypes differ.
    return tf.nest.map_structure(gather_one, tensors)
