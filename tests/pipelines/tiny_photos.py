"""A folder of small photos, some of which cannot be read, and what must be said of them."""

import numpy as np
from PIL import Image

from tests.common_files import write_image
from tfsbir.data import images

NAMES = ["2.png", "10.png", "chairs/1.jpg", "chairs/Größe 3.png", "shoes/a'b\"c.png", "shoes/4.png"]
REASONS = {"text.jpg": "something else", "empty.png": "empty", "large.png": "million pixels"}


def write_photos(folder):
    """Writes six photos, three that cannot be read, and three files that are none; returns the folder."""
    for seed, name in enumerate(NAMES):
        write_image(folder / name, 40 + seed, seed)
    (folder / "text.jpg").write_text("no image")
    (folder / "empty.png").touch()
    side = 1 + int(np.sqrt(images.MAX_PIXELS))
    Image.new("1", (side, side)).save(folder / "large.png")
    write_image(folder / ".hidden.png")
    write_image(folder / ".trash" / "5.png")
    (folder / "notes.md").write_text("no photo")
    return folder
