"""The twelve sketches that "Sketch Me That Shoe" makes of one."""

import numpy as np

from tfsbir.strokes.deformation import deform
from tfsbir.strokes.removal import remove_strokes

SHARES = (0.1, 0.3, 0.5)
DEFORMATIONS = 3  # Of each of the sketches with strokes removed.


def twelvefold(sketch, seed, strength=1.0):
    """Makes three sketches by stroke removal, and nine by deformation of these three.

    Args:
        sketch: A `VectorSketch`.
        seed: Int >= 0, or a sequence of them; the same seed makes the same sketches.
        strength: Of the deformations, in [0, 10], as for `deform`.
    Returns: A tuple of 12 `VectorSketch`: 10, 30 and 50 % of the strokes removed (rounded as by
        `kept_strokes`), then three deformations of the first of these, three of the second, three of the
        third.
    Raises: `ValueError` if `strength` is out of its range.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 4.5, Fig. 5.
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(len(SHARES) * (1 + DEFORMATIONS)))
    thinned = [remove_strokes(sketch, share, next(seeds)) for share in SHARES]
    bent = [deform(base, next(seeds), strength) for base in thinned for _ in range(DEFORMATIONS)]
    return (*thinned, *bent)
