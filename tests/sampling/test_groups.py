import numpy as np

from tfsbir.sampling.groups import Groups


def test_every_member_of_a_group_is_as_likely_and_no_other_comes():
    group_of = np.array([2, 0, 2, 4, 0, 2])  # Groups 1 and 3 are empty.
    groups = Groups(group_of, 5)
    asked = np.repeat([0, 2, 4], 3000)
    drawn = groups.draw(np.random.default_rng(0), asked)
    assert drawn.dtype == np.int32
    np.testing.assert_array_equal(group_of[drawn], asked)
    counts = np.bincount(drawn, minlength=6)
    np.testing.assert_allclose(counts, [1000, 1500, 1000, 3000, 1500, 1000], rtol=0.1)
