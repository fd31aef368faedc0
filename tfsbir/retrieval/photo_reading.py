"""Photos from their files, a few ahead of whoever encodes them."""

import collections
import concurrent.futures
import itertools
import os
import sys

import tqdm

from tfsbir.errors import InputError


def decode_ahead(read, photos, ahead):
    """Yields `(photo, read(photo) or None, InputError or None)` in order, keeping `ahead` reads under way."""
    executor = concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1), "decode")
    try:
        waiting = collections.deque()
        for photo in photos:
            waiting.append((photo, executor.submit(read, photo)))
            if len(waiting) > ahead:
                yield _decoded(*waiting.popleft())
        while waiting:
            yield _decoded(*waiting.popleft())
    finally:
        executor.shutdown(cancel_futures=True)


def _decoded(photo, reading):
    try:
        return photo, reading.result(), None
    except InputError as error:
        return photo, None, error


def in_batches(values, size):
    """Yields lists of `size` values, the last one shorter."""
    values = iter(values)
    while batch := list(itertools.islice(values, size)):
        yield batch


def progress_bar(total, is_shown):
    """Returns a bar on stderr of images per second and the time left."""
    return tqdm.tqdm(
        total=total,
        desc="Encoding ",
        disable=not is_shown,
        # A log file gets a line now and then, a terminal a bar that moves.
        mininterval=0.1 if sys.stderr.isatty() else 5.0,
        bar_format="{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {rate_noinv_fmt}, {remaining} left",
        unit=" images",
    )
