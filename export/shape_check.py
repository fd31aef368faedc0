"""A check of what a server feeds to a graph."""

import tensorflow as tf


def checked_shape(name, tensor, wanted):
    """Returns `tensor`, which exists only where it has the shape that its signature states.

    TensorFlow Serving feeds what it was sent, without a look at the signature's shape. What follows may take
    another shape, and be wrong in silence.

    Args:
        name: Str, the name of the input.
        tensor: The input.
        wanted: Its shape, a tuple; None where any number will do.
    Returns: The same values.
    Raises: `tf.errors.InvalidArgumentError`, when the graph runs, naming the input, for another shape.
    """
    # Of the shape that the signature states, TensorFlow would take the check for passed and leave it out.
    shape = tf.shape(tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=None))
    padded = tf.pad(shape, [[0, len(wanted)]])  # So that every place can be looked at.
    is_right = tf.equal(tf.size(shape), len(wanted))
    for place, size in enumerate(wanted):
        if size is not None:
            is_right &= tf.equal(padded[place], size)
    text = ", ".join("num" if size is None else str(size) for size in wanted)
    received = tf.strings.reduce_join(tf.as_string(shape), separator=", ")
    message = tf.strings.join([f"`{name}` must have the shape ({text}). Received: (", received, ")"])
    with tf.control_dependencies([tf.debugging.Assert(is_right, [message])]):
        return tf.identity(tensor)
