"""The checkpoints of a run: written whole, read from the newest that is not damaged."""

import os
import re
import shutil

import tensorflow as tf
from absl import logging

from tfsbir.errors import InputError

_PREFIX = "ckpt"
_KEPT = 2  # So that there is one to go back to.


class Checkpoints:
    """Saves and restores what a training holds in a run's `checkpoints/`.

    Args:
        run: `RunDirectory` that has been started.
        checkpoint: `tf.train.Checkpoint`, all variables of which are made.
        is_writer: Whether this process saves; of several that train together one does.
    """

    def __init__(self, run, checkpoint, is_writer=True):
        self.run = run
        self.checkpoint = checkpoint
        self.is_writer = is_writer
        self.manager = None

    def restore(self):
        """Restores the newest checkpoint that can be read, if there is any; says so where newer ones cannot.

        Those are renamed to `damaged-ckpt-STEP`.

        Raises: `InputError` if there are checkpoints and none can be read.
        """
        steps = saved_steps(self.run)
        for number, step in enumerate(steps):
            path = self._path(step)
            try:
                self.checkpoint.restore(str(path)).assert_existing_objects_matched()
                break
            except (AssertionError, ValueError) as error:  # Whole, and of another model.
                raise InputError(f"{path}: expected a checkpoint of this recipe; {_line(error)}") from None
            except (tf.errors.OpError, IndexError) as error:  # The second, if it ends too early.
                if number + 1 == len(steps):
                    raise InputError(
                        f"{path}: expected a checkpoint; {_line(error)} (there is none before it; to begin "
                        "anew, name another `workdir`)"
                    ) from None
                logging.warning(
                    "%s: expected a checkpoint; %s. Going on from the one before.", path, _line(error)
                )
                self._set_aside(step)
        self._manage()

    def save(self, step):
        """Saves a checkpoint after a step.

        Raises: `InputError` if it cannot be written; what was saved before is untouched.
        """
        if not self.is_writer:
            return
        self.run.check_is_there()
        verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.WARNING)  # TensorFlow has a line to say of each.
        try:
            self.manager.save(checkpoint_number=step)
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
        if self.is_writer:
            for part in self.run.checkpoints.glob(f"{_PREFIX}-{step}.*"):
                part.rename(part.with_name(f"damaged-{part.name}"))

    def _manage(self):
        """Makes the manager of what is there: its own record may be damaged, too, or name what is not."""
        if not self.is_writer:
            return
        paths = [str(self._path(step)) for step in reversed(saved_steps(self.run))]
        if paths:
            tf.compat.v1.train.update_checkpoint_state(
                str(self.run.checkpoints), paths[-1], paths,
                all_model_checkpoint_timestamps=[os.path.getmtime(f"{path}.index") for path in paths],
                last_preserved_timestamp=0.0,
            )  # fmt: skip
        self.manager = tf.train.CheckpointManager(self.checkpoint, self.run.checkpoints, max_to_keep=_KEPT)


def saved_steps(run):
    """Returns the steps after which a run has checkpoints, newest first."""
    found = (re.fullmatch(rf"{_PREFIX}-(\d+)\.index", path.name) for path in run.checkpoints.glob("*.index"))
    return sorted((int(match[1]) for match in found if match), reverse=True)


def _line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
