"""Small files in the forms of the published data sets."""

import json

import numpy as np
from PIL import Image


def write_image(path, size=8, seed=0):
    """Writes a small random image; of one channel as a PNG, of three as a JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size, size) if path.suffix == ".png" else (size, size, 3)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)).save(path)


def write_ndjson(path, key_ids, word=None):
    """Writes a file of Quick, Draw! drawings, of which the n-th ends at x = n (of 256, again from 0)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({
            "word": word or path.stem,
            "countrycode": "DE",
            "timestamp": "2017-03-01 20:41:36.70725 UTC",
            "recognized": number % 10 > 0,
            "key_id": str(key_id),
            "drawing": [[[0, number % 256], [0, 255]], [[9, 99], [9, 9]]],
        })
        for number, key_id in enumerate(key_ids)
    ]  # fmt: skip
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
