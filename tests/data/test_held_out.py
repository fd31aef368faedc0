"""Holding out by name."""

import hashlib

import numpy as np
import pytest

from tfsbir.data.held_out import held_out, name_fraction


def test_fraction_is_that_of_the_hash():
    digits = hashlib.sha256(b"cat/n02121620_1.jpg").hexdigest()
    assert name_fraction("cat/n02121620_1.jpg") == pytest.approx(int(digits, 16) / 16**64, abs=1e-14)


def test_fractions_are_even():
    fractions = np.array([name_fraction(f"cat/{i}") for i in range(20_000)])
    counts = np.histogram(fractions, 10, (0, 1))[0]
    assert np.all(np.abs(counts - 2_000) < 200)  # Some five standard deviations.


def test_share_is_held_out_and_stays_when_names_are_added():
    names = [f"cat/{i}" for i in range(1_000)]
    held = held_out(names, 0.25)
    assert held == {name for name in names if name_fraction(name) < 0.25}
    assert 200 < len(held) < 300
    assert held_out(names[::3], 0.25) == held & set(names[::3])


def test_every_class_is_on_both_sides():
    names = ["cat/1", "cat/2", "cat/3"]
    lowest, highest = min(names, key=name_fraction), max(names, key=name_fraction)
    assert held_out(names, 1e-9) == {lowest}
    assert held_out(names, 1 - 1e-9) == set(names) - {highest}
    assert held_out(["cat/1"], 0.5) == held_out([], 0.5) == set()
