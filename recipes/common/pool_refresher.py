"""Pools that are kept up to date beside a training."""

import io
import time

import numpy as np
import tensorflow as tf

from recipes.common import pool_job
from recipes.common.checkpoints import saved_steps
from recipes.common.evaluation import ENCODE_BATCH, encode_function
from recipes.common.running import share
from recipes.common.strategies import is_chief
from tfsbir import files
from tfsbir.alignment import Pools
from tfsbir.data.worker_pool import worker_pool
from tfsbir.preprocessing import center_crop
from tfsbir.sampling import PooledTriplets


class PoolRefresher:
    """Renews the pools of a sampler every so many steps, while the training goes on.

    After `first_step` steps, and then after every `refresh_every`, all training images are embedded with the
    weights of that moment, between two steps. A process of its own aligns and pools the embeddings on one
    core. Its pools are in force `max_staleness` steps later, never earlier, and training waits for them
    there if they are not ready. So which pools a step draws from hangs on the step alone, and not on how
    fast a machine is: a run gives the same numbers wherever it waits. With a `max_staleness` of 0, and for
    the first pools, training waits from beginning to end. A refresh that no step would see is not made.

    Tell it of each step with `ask`. Ask for the sampler with `in_force`, when training begins and at each
    step which that returns; the steps in between draw from one generation of pools, and have the centres of
    the tensors below.

    Of several machines the first embeds and pools; the others take its pools.

    It writes to the run directory `pools-STEP.npz`, the pools in force after STEP steps, and as long as a
    resumed run might need them `embeddings-STEP.npz`, the embeddings after STEP steps. It logs, at the first
    step with new pools, the seconds of embedding (`refresh/encode_seconds`), of align and pool
    (`refresh/seconds`) and of waiting for it (`refresh/wait_seconds`), the steps since the weights were those
    (`refresh/staleness`) and `refresh/num_clusters`.

    Args:
        run: `RunDirectory` that has been started.
        pair: `EncoderPair` in training.
        train: `Split` with labels; its own pairs are the aligner's.
        aligner: As for `make_pools`.
        pooler: As for `make_pools`.
        share_centers: As for `make_pools`.
        batch_size: Triplets in a batch.
        seed: Integer >= 0, of the sampler.
        first_step: Steps that are done when the first pools are made.
        last_step: Steps after which training ends.
        refresh_every: Steps between two refreshes, > 0.
        max_staleness: Steps, in 0 .. `refresh_every`.
        strategy: `tf.distribute.Strategy` in whose scope the tensors are made.
    Attributes:
        sketch_centers, photo_centers: `tf.Variable` `(num_clusters, dim)` float32 of the pools in force. The
            number of rows is open, so that other pools compile no step anew.
        cluster_labels: `tf.Variable` `(num_clusters,)` int64, likewise.
    """

    def __init__(
        self, run, pair, train, aligner, pooler, share_centers, batch_size, seed, first_step, last_step,
        refresh_every, max_staleness, strategy,
    ):  # fmt: skip
        self.run = run
        self.train = train
        self.batch_size = batch_size
        self.seed = seed
        self.first_step = first_step
        self.last_step = last_step
        self.refreshes = refresh_steps(first_step, last_step, refresh_every, max_staleness)
        self._sampler = None
        dim = pair.sketch.output_shape[-1]
        with strategy.scope():
            self.sketch_centers, self.photo_centers = (
                tf.Variable(tf.zeros((1, dim)), trainable=False, shape=(None, dim)) for _ in range(2)
            )
            # Not int32, which has no variables on a GPU.
            self.cluster_labels = tf.Variable(tf.zeros(1, tf.int64), trainable=False, shape=(None,))
        self._image_size = pair.sketch.input_shape[1]
        self._encode_sketch, self._encode_photo = encode_function(pair.sketch), encode_function(pair.photo)
        paired = train.paired_sketches
        pairs = np.stack([paired, train.sketch_photo[paired]], axis=1)
        self._job = (aligner, pooler, train.sketch_labels, train.photo_labels, pairs, share_centers)
        self._strategy = strategy
        self._is_chief = is_chief(strategy)
        self._process = worker_pool(1)
        self._process.submit(pool_job.get_ready, pooler)
        self._pending = {}  # By the step from which the pools are in force.

    def close(self):
        """Ends the process, whatever it is at."""
        self._process.shutdown(kill_workers=True)

    def ask(self, step):
        """Asks for new pools of the weights after a step, if it is time for it."""
        for made_at, in_force in self.refreshes:
            if made_at == step:
                self.remove_embeddings()
                if self._is_chief:
                    self._write_embeddings(made_at)
                    self._submit(made_at, in_force)

    def in_force(self, step):
        """Brings the pools to those of a step.

        Returns: `PooledTriplets`, and the step from which on other pools are in force, or training ends.
        """
        if self._sampler is None and step > self.first_step:
            self._resume(step)
        for made_at, in_force in self.refreshes:
            if in_force == step:
                self._take_over(made_at, in_force)
        coming = [in_force for _, in_force in self.refreshes if in_force > step]
        return self._sampler, min(coming, default=self.last_step)

    def remove_embeddings(self, is_finished=False):
        """Removes the embeddings that no checkpoint needs; of a finished run all.

        A checkpoint needs those whose pools were not in force before it.
        """
        oldest = min(saved_steps(self.run), default=0)
        for made_at, in_force in self.refreshes:
            if in_force < oldest or is_finished:
                self._embeddings_path(made_at).unlink(missing_ok=True)

    def _resume(self, step):
        """Loads the pools in force before a step, and asks again for those that a killed run waited for."""
        in_force = max(in_force for _, in_force in self.refreshes if in_force < step)
        self._use(Pools.load(self._pools_path(in_force)), in_force)
        for made_at, in_force in self.refreshes:
            if made_at < step <= in_force and self._is_chief:
                self._submit(made_at, in_force)

    def _write_embeddings(self, made_at):
        begun = time.monotonic()
        embeddings = {
            "sketch": self._embed(self._encode_sketch, self.train.sketches),
            "photo": self._embed(self._encode_photo, self.train.photos),
        }
        stored = io.BytesIO()
        np.savez(stored, **embeddings, seconds=time.monotonic() - begun)
        files.write_bytes(self._embeddings_path(made_at), stored.getvalue())

    def _embed(self, encode, images):
        parts = [
            encode(center_crop(images[start : start + ENCODE_BATCH], self._image_size))
            for start in range(0, len(images), ENCODE_BATCH)
        ]
        return np.concatenate(parts).astype(np.float32)  # NumPy's files know no bfloat16.

    def _submit(self, made_at, in_force):
        paths = self._embeddings_path(made_at), self._pools_path(in_force)
        self._pending[in_force] = self._process.submit(pool_job.write_pools, *paths, *self._job)

    def _take_over(self, made_at, in_force):
        begun = time.monotonic()
        seconds = self._pending.pop(in_force).result() if self._is_chief else None
        waited = time.monotonic() - begun
        share(self.run, self._pools_path(in_force).name, self._strategy)
        pools = Pools.load(self._pools_path(in_force))
        self._use(pools, in_force)
        if self._is_chief:
            self._log(made_at, in_force, seconds, waited, pools.num_clusters)

    def _log(self, made_at, in_force, seconds, waited, num_clusters):
        with np.load(self._embeddings_path(made_at), allow_pickle=False) as embeddings:
            encode_seconds = embeddings["seconds"]
        found = {
            "encode_seconds": encode_seconds,
            "seconds": seconds,
            "wait_seconds": waited,
            "staleness": in_force - made_at,
            "num_clusters": num_clusters,
        }
        # The line belongs to the step to come: a run resumed at this one takes over, and logs, again.
        self.run.log_metrics(in_force + 1, {f"refresh/{name}": value for name, value in found.items()})

    def _use(self, pools, in_force):
        if self._sampler is None:
            self._sampler = PooledTriplets(self.train, pools, self.batch_size, self.seed)
        else:
            self._sampler.swap(pools, in_force)
        self.sketch_centers.assign(pools.sketch_centers)
        self.photo_centers.assign(pools.photo_centers)
        self.cluster_labels.assign(pools.cluster_labels.astype(np.int64))

    def _embeddings_path(self, made_at):
        return self.run.path / f"embeddings-{made_at}.npz"

    def _pools_path(self, in_force):
        return self.run.path / f"pools-{in_force}.npz"


def refresh_steps(first_step, last_step, refresh_every, max_staleness):
    """Returns, for each refresh, the steps after which it is made and after which it is in force.

    Args:
        first_step: Steps after which the first pools are made and in force.
        last_step: Steps after which training ends; pools in force from there on are not made.
        refresh_every: Steps between two refreshes, > 0.
        max_staleness: Steps from the one to the other, in 0 .. `refresh_every`.
    Raises: `ValueError` if `max_staleness` is out of range.
    """
    if not 0 <= max_staleness <= refresh_every:
        raise ValueError(
            f"`max_staleness` must be in 0..{refresh_every} (`refresh_every`). Received: {max_staleness}"
        )
    later = range(first_step + refresh_every, last_step - max_staleness, refresh_every)
    return [(first_step, first_step), *((made_at, made_at + max_staleness) for made_at in later)]
