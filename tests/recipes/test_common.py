"""What recipes share, where a whole run would not show it."""

import numpy as np
import pytest

from recipes.common import _spread


@pytest.mark.parametrize(("num_images", "count"), [(5, 8), (8, 8), (9000, 2000)])
def test_a_sample_reaches_over_the_whole_set(num_images, count):
    sample = _spread(np.arange(num_images), count)
    assert len(sample) == min(num_images, count)
    assert (sample[0], sample[-1]) == (0, num_images - 1)
    assert np.all(np.diff(sample) >= 1)
    assert np.diff(sample).max() <= np.ceil(num_images / count)
