"""Median times of functions."""

import statistics
import time


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
    """Returns the median seconds of two functions that take turns, after one warm call of each."""
    seconds = {ours: [], peer: []}
    ours()
    peer()
    for _ in range(rounds):
        for function, taken in seconds.items():
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return statistics.median(seconds[ours]), statistics.median(seconds[peer])
