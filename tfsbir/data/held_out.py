"""Which files of a class are held out for testing, where a data set publishes no list."""

import hashlib


def name_fraction(name):
    """Returns a number in [0, 1) that looks random but is always the same for a name.

    A choice by this number does not hang on the other files of a copy: whoever has a part of a data set
    tests on a part of what others test on, and trains on nothing of it.
    """
    digest = hashlib.sha256(name.encode("utf-8")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def held_out(names, share):
    """Chooses the names to hold out: those whose `name_fraction` is below `share`.

    So that every class is in both splits, the lowest one is always held out and the highest one never; a
    single name is not.

    Args:
        names: The names of one class.
        share: Share to hold out on average, in (0, 1).
    Returns: A set of some of the names.
    """
    ordered = sorted(names, key=name_fraction)
    count = sum(name_fraction(name) < share for name in ordered)
    return set(ordered[: min(max(count, 1), len(ordered) - 1)])
