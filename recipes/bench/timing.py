"""Times of functions."""

import statistics
import time

import numpy as np


def timed(function, rounds):
    """Returns the median seconds of a function, after one warm call."""
    function()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def side_by_side(ours, peer, rounds):
    """Returns the seconds of two functions that take turns, two `(rounds,)` arrays; see `turns`."""
    return turns([ours, peer], rounds)


def turns(functions, rounds):
    """Times functions that take turns, after one warm call of each: `(functions, rounds)` seconds."""
    for function in functions:
        function()
    seconds = [[] for _ in functions]
    for _ in range(rounds):
        for function, taken in zip(functions, seconds, strict=True):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return np.array(seconds)
