import numpy as np
import pytest

from export.line_width import line_width
from tfsbir.strokes import VectorSketch, rasterize


@pytest.mark.parametrize("width", [0.5, 1, 2, 3, 4, 6])
def test_the_width_of_drawn_lines_is_found(width):
    rng = np.random.default_rng(0)
    sketches = [
        VectorSketch([rng.uniform(0, 256, (2, 2)) for _ in range(4)], (0, 0, 256, 256)) for _ in range(12)
    ]
    found = line_width(np.stack([rasterize(sketch, 256, width) for sketch in sketches]))
    assert found == pytest.approx(width, rel=0.1)


def test_blank_paper_counts_for_nothing():
    sketches = np.full((3, 64, 64, 1), 255, np.uint8)
    assert line_width(sketches) is None
    sketches[0, 20:22, :] = 0
    assert line_width(sketches) == pytest.approx(2, rel=0.1)
