"""The checkpoints of a run: written whole, read from the newest that is not damaged."""

import contextlib
import os
import re
import shutil

import tensorflow as tf
from absl import logging

from tfsbir.errors import InputError

_PREFIX = "ckpt"
_KEPT = 2  # So that there is one to go back to.
# A machine's trouble and not a file's: the checkpoint may be whole. Of files TensorFlow raises all sorts.
_NO_DAMAGE = (
    tf.errors.ResourceExhaustedError, tf.errors.PermissionDeniedError, tf.errors.UnavailableError,
    tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError,
)  # fmt: skip


class Checkpoints:
    """Saves and restores what a training holds in a run's `checkpoints/`, and with it the end of its log.

    Args:
        run: `RunDirectory` that has been started.
        held: Dict of what `tf.train.Checkpoint` takes, all variables of which are made.
        is_writer: Whether this process saves; of several that train together one does.
    Attributes:
        checkpoint: `tf.train.Checkpoint`.
        manager: `tf.train.CheckpointManager` that saves as `save` does; None where the process does not.
    """

    def __init__(self, run, held, is_writer=True):
        self.run = run
        self.is_writer = is_writer
        self.manager = None
        self._num_logged = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.checkpoint = tf.train.Checkpoint(**held, num_logged=self._num_logged)

    def restore(self):
        """Restores the newest checkpoint that can be read, if there is any; says so where newer ones cannot.

        Those are renamed to `damaged-ckpt-STEP`. What was logged after the checkpoint is dropped.

        Raises: `InputError` if there are checkpoints and none can be read, or the run cannot be written to.
        """
        damaged = []
        for step in saved_steps(self.run):
            path = self._path(step)
            try:
                self.checkpoint.restore(str(path)).assert_existing_objects_matched()
                break
            except (AssertionError, ValueError) as error:  # Whole, and of another model.
                raise InputError(f"{path}: expected a checkpoint of this recipe; {_line(error)}") from None
            except _NO_DAMAGE as error:
                raise InputError(f"{path}: expected a checkpoint to be read; {_line(error)}") from None
            except (tf.errors.OpError, IndexError) as error:  # The second, if it ends too early.
                damaged.append((step, _line(error)))
        else:
            if damaged:
                step, reason = damaged[-1]
                raise InputError(
                    f"{self._path(step)}: expected a checkpoint; {reason} (there is none before it; to begin "
                    "anew, name another `workdir`)"
                )
        for step, reason in damaged:
            logging.warning(
                "%s: expected a checkpoint; %s. Going on from the one before.", self._path(step), reason
            )
        try:
            if self.is_writer:
                for step, _ in damaged:
                    self._set_aside(step)
                self._manage()
            self.run.rewind_metrics(int(self._num_logged.numpy()))
        except (tf.errors.OpError, OSError) as error:
            raise InputError(
                f"{self.run.path}: expected to be written to; {_line(error)} ({self.newest_text()})"
            ) from None

    def save(self, step):
        """Saves a checkpoint after a step.

        Raises: `InputError` if it cannot be written; what was saved before is untouched.
        """
        if self.is_writer:
            self.manager.save(checkpoint_number=step)

    @contextlib.contextmanager
    def _saving(self, step):
        """The block in which TensorFlow saves: with the length of the log, and whole or not at all."""
        self.run.check_is_there()
        # New pools are logged for the step after, which is to be taken, and to log them, again.
        self._num_logged.assign(self.run.num_logged(step))
        verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.WARNING)  # TensorFlow has a line to say of each.
        try:
            yield
        except (tf.errors.OpError, OSError) as error:
            for part in self.run.checkpoints.glob(f"{_PREFIX}-{step}[._]*"):
                shutil.rmtree(part) if part.is_dir() else part.unlink()
            raise InputError(
                f"{self._path(step)}: expected a checkpoint to be written; {_line(error)} "
                f"({self.newest_text()})"
            ) from None
        finally:
            logging.set_verbosity(verbosity)

    def newest_text(self):
        """Returns what to tell somebody whose run has stopped: where the same command goes on."""
        steps = saved_steps(self.run)
        if not steps:
            return "no checkpoint was written yet"
        return f"the newest checkpoint is {self._path(steps[0])}"

    def _path(self, step):
        return self.run.checkpoints / f"{_PREFIX}-{step}"

    def _set_aside(self, step):
        for part in self.run.checkpoints.glob(f"{_PREFIX}-{step}.*"):
            part.rename(part.with_name(f"damaged-{part.name}"))

    def _manage(self):
        """Makes the manager of what is there: its own record may be damaged, too, or name what is not."""
        paths = [str(self._path(step)) for step in reversed(saved_steps(self.run))]
        if paths:
            tf.compat.v1.train.update_checkpoint_state(
                str(self.run.checkpoints), paths[-1], paths,
                all_model_checkpoint_timestamps=[os.path.getmtime(f"{path}.index") for path in paths],
                last_preserved_timestamp=0.0,
            )  # fmt: skip
        self.manager = _Manager(self._saving, self.checkpoint, self.run.checkpoints, max_to_keep=_KEPT)


class _Manager(tf.train.CheckpointManager):
    """Saves in a context of its own, whoever asks it to: the loop, or TensorFlow's preemption handler."""

    def __init__(self, saving, *given, **settings):
        super().__init__(*given, **settings)
        self._saving = saving

    def save(self, checkpoint_number, **settings):
        with self._saving(checkpoint_number):
            return super().save(checkpoint_number, **settings)


def saved_steps(run):
    """Returns the steps after which a run has checkpoints, newest first."""
    found = (re.fullmatch(rf"{_PREFIX}-(\d+)\.index", path.name) for path in run.checkpoints.glob("*.index"))
    return sorted((int(match[1]) for match in found if match), reverse=True)


def _line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
