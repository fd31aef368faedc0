"""What SIGTERM to one of several workers does to all of them."""

import signal
import sys
import tempfile

import tensorflow as tf
from absl import logging

from recipes.common import strategies, termination


class Preemption:
    """Ends all workers after the same step when one is asked to end (`PreemptionCheckpointHandler`).

    The first saves a checkpoint, and all end the program with exit code 0. With one worker it does nothing:
    `termination` does it there, and everywhere before and after.

    Args:
        strategy: `tf.distribute.Strategy`.
        checkpoints: `Checkpoints` that have been restored.
    """

    def __init__(self, strategy, checkpoints):
        self._handler = None
        self._is_asked = False
        if strategies.num_workers(strategy) == 1:
            return
        if checkpoints.is_writer:
            manager = checkpoints.manager
        else:  # It takes part in the saving, and what it writes is not kept.
            self._folder = tempfile.TemporaryDirectory(prefix="tfsbir-worker-")
            manager = tf.train.CheckpointManager(checkpoints.checkpoint, self._folder.name, max_to_keep=1)

        def end():
            logging.info("Asked to end; %s.", checkpoints.newest_text())
            sys.exit(0)

        self._handler = tf.distribute.experimental.PreemptionCheckpointHandler(
            strategy.cluster_resolver, manager,
            termination_config=tf.distribute.experimental.TerminationConfig(exit_fn=end),
        )  # fmt: skip

        # TensorFlow asks for a step to save after; there is none after the last one.
        handle = signal.getsignal(signal.SIGTERM)

        def ask(number, frame):
            self._is_asked = True
            handle(number, frame)

        signal.signal(signal.SIGTERM, ask)

    def end_if_asked(self):
        """Ends the program if this worker was asked to in the last step; all is saved then."""
        if self._is_asked:
            raise termination.Terminated

    def close(self):
        """Leaves SIGTERM to `termination` again."""
        if self._handler is not None:
            termination.watch()

    def save_if_asked(self, step):
        """Ends the program if a worker was asked to; all workers call it after the same steps."""
        if self._handler is not None:
            self._handler.save_checkpoint_if_preempted(checkpoint_number=step)
