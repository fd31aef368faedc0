"""Stopping a training that gets no better, and going back to where it was best."""

import io

import numpy as np
import tensorflow as tf

from tfsbir import files


class EarlyStopping:
    """Keeps the weights with the highest value of a metric, and says when to wait no longer for better ones.

    Its state is in the training's checkpoints, and the best weights are a file in the run directory,
    `best-STEP.npz`: a run that was killed goes on as if it had not been.

    Args:
        run: `RunDirectory` that has been started.
        models: Dict from a name to a `keras.Model` whose weights are kept.
        metric: Name of the metric, higher is better, among those that are observed.
        patience: Integer >= 1, observations in a row without a better value after which training ends.
    Attributes:
        state: Dict of `tf.Variable`s for the checkpoint.
    """

    def __init__(self, run, models, metric, patience):
        self.run = run
        self.models = models
        self.metric = metric
        self.patience = patience
        self._saved_best_step = None
        self.state = {
            "best": tf.Variable(-np.inf, dtype=tf.float64, trainable=False),
            "best_step": tf.Variable(0, dtype=tf.int64, trainable=False),
            "num_worse": tf.Variable(0, dtype=tf.int64, trainable=False),
        }

    @property
    def best(self):
        """The highest value so far, a float; -inf before the first."""
        return float(self.state["best"].numpy())

    @property
    def best_step(self):
        """The step it was observed after, an int."""
        return int(self.state["best_step"].numpy())

    @property
    def is_due(self):
        """Whether training ends."""
        return int(self.state["num_worse"].numpy()) >= self.patience

    def observe(self, step, found):
        """Takes notice of the metrics (a dict) after a step; of the first of two equal values."""
        if self._saved_best_step is None:  # Nothing was observed since a checkpoint was restored, if one was.
            self._saved_best_step = self.best_step
        value = found[self.metric]
        if not value > self.best:
            self.state["num_worse"].assign_add(1)
            return
        weights = {
            f"{name}/{index}": weight
            for name, model in self.models.items()
            for index, weight in enumerate(model.get_weights())
        }
        stored = io.BytesIO()
        np.savez(stored, **weights)
        files.write_bytes(self._path(step), stored.getvalue())
        self.state["best"].assign(value)
        self.state["best_step"].assign(step)
        self.state["num_worse"].assign(0)

    def forget_others(self):
        """Removes weights that no checkpoint counts as the best; to be called when one was written.

        Those of the checkpoint before stay, to which a training goes back if the newest is damaged.
        """
        kept = {self.best_step, self._saved_best_step}
        for path in self.run.path.glob("best-*.npz"):
            if path not in map(self._path, kept):
                path.unlink()
        self._saved_best_step = self.best_step

    def restore_best(self):
        """Gives the models their best weights."""
        with np.load(self._path(self.best_step), allow_pickle=False) as stored:
            for name, model in self.models.items():
                model.set_weights([stored[f"{name}/{index}"] for index in range(len(model.weights))])

    def _path(self, step):
        return self.run.path / f"best-{step}.npz"
