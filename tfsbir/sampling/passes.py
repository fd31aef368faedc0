"""Random orders, one after the other."""

import numpy as np


class Passes:
    """Random orders of the numbers below `count`, pass after pass, of which any can be asked for at any time.

    The order that was asked for last is held, so that a step costs as much as its batch and not as much as a
    pass.

    Args:
        count: Integer >= 1.
        entropy: Tuple of integers >= 0 that the orders depend on, such as a seed and the number of a stream.
    """

    def __init__(self, count, entropy):
        self.count = count
        self.entropy = entropy
        self._held = None, None

    def order(self, number):
        """Returns the order of a pass, an integer >= 0: a `(count,)` integer array, not to be changed."""
        # Read once and replaced as a whole: another thread may ask for another pass.
        held, order = self._held
        if held != number:
            order = np.random.default_rng((*self.entropy, number)).permutation(self.count)
            self._held = number, order
        return order

    def between(self, first, stop):
        """Returns places `first` to `stop` of all passes laid end to end: `(stop - first,)` integers."""
        numbers = range(first // self.count, (stop - 1) // self.count + 1)
        parts = [
            self.order(number)[max(first - number * self.count, 0) : stop - number * self.count]
            for number in numbers
        ]
        return np.concatenate(parts)
