"""A paired split small enough to check by hand."""

import numpy as np

from tfsbir.data.split import Split


def small_split(num_photos=6, sketches_of=2, num_triplets=0, size=16, num_distractors=0, seed=0):
    """Returns a split of random images whose first `num_photos` photos have `sketches_of` sketches each."""
    rng = np.random.default_rng(seed)
    num_sketches, total = num_photos * sketches_of, num_photos + num_distractors
    triplets = None
    if num_triplets:
        sketch = np.arange(num_sketches).repeat(num_triplets)
        closer = rng.integers(total, size=len(sketch))
        farther = (closer + 1 + rng.integers(total - 1, size=len(sketch))) % total
        triplets = np.stack([sketch, closer, farther], axis=1).astype(np.int32)
    return Split(
        name="small",
        split="train",
        sketches=rng.integers(0, 256, (num_sketches, size, size, 1), dtype=np.uint8),
        photos=rng.integers(0, 256, (total, size, size, 1), dtype=np.uint8),
        sketch_photo=np.arange(num_sketches, dtype=np.int32) // sketches_of,
        sketch_ids=tuple(f"s{i}" for i in range(num_sketches)),
        photo_ids=tuple(f"p{i}" for i in range(total)),
        sketch_labels=np.arange(num_sketches, dtype=np.int32) // sketches_of % 2,
        photo_labels=np.arange(total, dtype=np.int32) % 2,
        class_names=("even", "odd"),
        triplets=triplets,
        photo_input="edges",
    )
