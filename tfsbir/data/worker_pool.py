"""Processes that read and draw."""

import signal

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
    if not num_workers:
        return None
    # What is asked of all processes of a program, as a scheduler does, is for the program to answer.
    return ProcessPoolExecutor(
        num_workers, initializer=signal.signal, initargs=(signal.SIGTERM, signal.SIG_IGN)
    )
