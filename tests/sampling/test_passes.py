import threading

import numpy as np
import pytest

from tfsbir.sampling.passes import Passes


def test_every_pass_is_an_order_of_its_own():
    orders = [Passes(30, (3, 1)).order(number) for number in range(4)]
    for order in orders:
        assert sorted(order) == list(range(30))
    assert len({tuple(order) for order in orders}) == 4
    assert not np.array_equal(orders[0], Passes(30, (3, 2)).order(0))
    assert not np.array_equal(orders[0], Passes(30, (4, 1)).order(0))


@pytest.mark.parametrize(
    ("first", "stop"), [(0, 3), (4, 7), (6, 7), (6, 8), (7, 14), (5, 30), (20, 21), (3, 4)]
)
def test_places_are_those_of_all_passes_end_to_end(first, stop):
    passes = Passes(7, (0,))
    ahead = passes.between(first + 50, stop + 50)  # Another pass is held.
    end_to_end = np.concatenate([Passes(7, (0,)).order(number) for number in range(12)])
    np.testing.assert_array_equal(passes.between(first, stop), end_to_end[first:stop])
    np.testing.assert_array_equal(ahead, end_to_end[first + 50 : stop + 50])


def test_threads_that_ask_for_different_passes_get_their_own():
    passes = Passes(50, (1,))
    expected = [Passes(50, (1,)).order(number) for number in range(4)]
    wrong = []

    def ask(number):
        for _ in range(300):
            if not np.array_equal(passes.order(number), expected[number]):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
