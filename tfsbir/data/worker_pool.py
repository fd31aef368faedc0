"""Processes that read and draw."""

from loky import ProcessPoolExecutor


def worker_pool(num_workers):
    """Makes processes that read files and draw strokes for `batches`, `cached` and `synthetic`.

    They hold no TensorFlow, start when the first work comes and end with the program, or with a `with` block.
    Drawing strokes is mostly Python, of which a process runs one line at a time: threads would not help.

    Args:
        num_workers: Number of processes; 0 gives `None`, to do the work in this process.
    Returns: A `concurrent.futures.Executor`, or `None`.
    Raises: `ValueError` if `num_workers` < 0.
    """
    if num_workers < 0:
        raise ValueError(f"`num_workers` must be >= 0. Received: {num_workers}")
    # Not the standard library's pool: forking a process in which TensorFlow's threads run may leave a lock
    # held for ever, and spawning anew would import the program, and with it TensorFlow, into every worker.
    return ProcessPoolExecutor(num_workers) if num_workers else None
