"""One training step: the losses of a batch, and the update of the weights."""

import tensorflow as tf
from absl import flags

FLAGS = flags.FLAGS


class TrainStep:
    """Takes a step: a batch in one part or several, then one update.

    The batch of a step comes in `--accumulate` parts. Their gradients are averaged, so what a step keeps in
    memory is a part's; a loss that compares within a batch compares within a part. All gradients together are
    shortened to `--clip_norm`. With `--jit` XLA compiles all of it.

    Args:
        strategy: `tf.distribute.Strategy`.
        optimizers: List of Keras optimizers, built in its scope. All but the first rest where the loss asks
            for nothing that they train.
        variables: List of what each of them trains, a list.
        replica_loss: Function from a replica's batch to its share of the loss, a scalar.
        loss_scale: `LossScale` where gradients are float16, else None.
    """

    def __init__(self, strategy, optimizers, variables, replica_loss, loss_scale=None):
        self.strategy = strategy
        self.optimizers = optimizers
        self.variables = variables
        self.replica_loss = replica_loss
        self.loss_scale = loss_scale
        self._is_whole = FLAGS.accumulate == 1 and loss_scale is None
        if self._is_whole:
            self._take_whole = self._on_replicas(self._whole)
            return
        self._asked = None
        with strategy.scope():
            self._sums = tf.nest.map_structure(_replica_sum, variables)
        self._add_part = self._on_replicas(self._part)
        self._average = self._on_replicas(self._mean)
        self._apply_mean = self._on_replicas(self._update_by_mean)
        self._forget = self._on_replicas(self._set_back)

    def __call__(self, parts):
        """Takes a step on a list of distributed batches.

        Returns: The loss and the L2 norm of all gradients together, floats. If either is not finite, neither
            are the weights. The norm is None if gradients of float16 overflowed and the step was left out.
        """
        if self._is_whole:
            loss, square = self._take_whole(*parts)
            return float(loss), float(square) ** 0.5
        loss = sum(float(self._add_part(part)[0]) for part in parts) / len(parts)
        norm = float(self._average()[0]) ** 0.5
        if self.loss_scale is not None and not self.loss_scale.observe(norm):
            self._forget()
            return loss, None
        is_short = FLAGS.clip_norm is None or norm <= FLAGS.clip_norm
        self._apply_mean(tf.constant(1.0 if is_short else FLAGS.clip_norm / norm))
        return loss, norm

    def _whole(self, batch):
        loss, gradients = self._backward(batch)
        if FLAGS.clip_norm is None:
            square = _sum_of_squares(gradients)
        else:
            gradients, square = self._summed(gradients)
            factor = tf.minimum(1.0, FLAGS.clip_norm / tf.sqrt(square * self.strategy.num_replicas_in_sync))
            gradients = _each(lambda gradient: gradient * factor, gradients)
        self._update(gradients)
        return loss, square

    def _part(self, batch):
        loss, gradients = self._backward(batch)
        self._asked = [[gradient is not None for gradient in of_one] for of_one in gradients]
        for value, gradient in zip(tf.nest.flatten(self._sums), tf.nest.flatten(gradients), strict=True):
            if gradient is not None:
                value.assign_add(gradient)
        return (loss,)

    def _mean(self):
        scale = 1.0 if self.loss_scale is None else self.loss_scale.value
        mean, square = self._summed(
            tf.nest.map_structure(lambda value: value / (scale * FLAGS.accumulate), self._sums)
        )
        for value, gradient in zip(tf.nest.flatten(self._sums), tf.nest.flatten(mean), strict=True):
            value.assign(gradient)
        return (square,)

    def _update_by_mean(self, factor):
        self._update(
            [
                [value * factor if is_asked else None for value, is_asked in zip(*of_one, strict=True)]
                for of_one in zip(self._sums, self._asked, strict=True)
            ]
        )
        return self._set_back()

    def _set_back(self):
        for value in tf.nest.flatten(self._sums):
            value.assign(tf.zeros_like(value))
        return ()

    def _backward(self, batch):
        with tf.GradientTape() as tape:
            loss = self.replica_loss(batch)
            scaled = loss if self.loss_scale is None else loss * self.loss_scale.value
        return loss, tape.gradient(scaled, self.variables)

    def _summed(self, gradients):
        """Returns each replica's part of the sum of the gradients over the replicas, and of its square."""
        num_replicas = self.strategy.num_replicas_in_sync
        if num_replicas > 1:
            context = tf.distribute.get_replica_context()
            given = [gradient for gradient in tf.nest.flatten(gradients) if gradient is not None]
            summed = iter(context.all_reduce("SUM", given))
            gradients = _each(lambda _: next(summed) / num_replicas, gradients)
        return gradients, _sum_of_squares(gradients) * num_replicas

    def _update(self, gradients):
        for number, (optimizer, of_one, trained) in enumerate(
            zip(self.optimizers, gradients, self.variables, strict=True)
        ):
            if number == 0 or any(gradient is not None for gradient in of_one):
                optimizer.apply(of_one, trained)  # Sums over the replicas.

    def _on_replicas(self, function):
        """Compiles a function on the replicas whose results, a tuple of scalars, are summed."""

        # It branches on no tensor, and is traced sooner without AutoGraph.
        @tf.function(autograph=False, jit_compile=FLAGS.jit or None)
        def on_all(*arguments):
            results = self.strategy.run(function, args=arguments)
            return [self.strategy.reduce("SUM", result, axis=None) for result in results]

        return on_all


def _replica_sum(variable):
    """Makes a variable in which each replica adds up gradients of its own."""
    return tf.Variable(
        tf.zeros(variable.shape), trainable=False, synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
    )  # fmt: skip


def _each(function, gradients):
    """Applies a function to the gradients that are there."""
    return tf.nest.map_structure(
        lambda gradient: None if gradient is None else function(gradient), gradients
    )  # fmt: skip


def _sum_of_squares(gradients):
    given = [gradient for gradient in tf.nest.flatten(gradients) if gradient is not None]
    return tf.add_n([tf.reduce_sum(tf.square(gradient)) for gradient in given])
