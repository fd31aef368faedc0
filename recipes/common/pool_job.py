"""What the process beside a training does for a refresh of the pools. It needs no TensorFlow of its own."""

import contextlib
import os
import time

import numpy as np

from tfsbir.alignment import make_pools

NICENESS = 10  # It gets about a tenth of what training gets of a core that both want.


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
