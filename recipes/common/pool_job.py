"""What the process beside a training does for a refresh of the pools. It needs no TensorFlow of its own."""

import contextlib
import os
import time

import numpy as np

from tfsbir.alignment import make_pools

# It gets a thirtieth of what training gets of a core that both want; with 10 it would get a tenth. On two
# cores, both of which training wants, a step beside it took a median of 1.20 times as long as one alone with
# 10 and 1.04 times with 15, while pools of eight classes took 15 to 17 s and 20 to 27 s. 19 was no better.
NICENESS = 15


def write_pools(
    embeddings_path, pools_path, aligner, pooler, sketch_labels, photo_labels, pairs, share_centers
):
    """Aligns and pools embeddings in a file (`sketch`, `photo`); writes the `Pools`, returns the seconds."""
    begun = time.monotonic()
    with np.load(embeddings_path, allow_pickle=False) as embeddings:
        pools = make_pools(
            embeddings["sketch"], embeddings["photo"], sketch_labels, photo_labels, aligner, pooler, pairs,
            share_centers,
        )  # fmt: skip
    pools.save(pools_path)
    return time.monotonic() - begun


def get_ready(pooler):
    """Steps back behind the training, and imports what the pooler needs before the first refresh waits."""
    if hasattr(os, "setpriority"):  # Not on Windows.
        with contextlib.suppress(PermissionError):  # A process that is already nicer stays so.
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    pooler.fit(np.eye(2))
