"""QMUL-Handbag: sketches and photos of handbags, without triplets of people."""

from pathlib import Path

import numpy as np

from tfsbir.data.images import read_all, read_image
from tfsbir.data.images_by_stem import images_by_stem
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.qmul_v1 import read_edges
from tfsbir.data.split import Split
from tfsbir.errors import InputError


def handbag(root, split, read_photo=EDGES):
    """Reads one split of QMUL-Handbag, laid out as QMUL-Shoe V1.

        ROOT/SPLIT/sketches/ID.png      black on white
        ROOT/SPLIT/edges/ID.png         ready edge maps, black on white
        ROOT/SPLIT/photos/ID.*          or RGB photos

    The outermost 2 px of ready edge maps are whitened, as `qmul_v1` does. A photo without a sketch is a
    distractor. Nobody was asked which photos are closer: the true match is, than any other.

    Args:
        root: The folder.
        split: "train" or "test".
        read_photo: `PhotoReader`. For edge maps `edges/` is read where it exists; else they are made from
            `photos/`.
    Returns: A `Split` with one sketch a photo and without triplets. Published: 400 and 168 pairs.
    Raises: `InputError` if a folder is missing or empty, a sketch has no photo, two files have one stem, or a
        file cannot be read.
    Source: Song et al., "Deep Spatial-Semantic Attention for Fine-Grained Sketch-Based Image Retrieval", ICCV
        2017, Sec. 4.1.
    """
    folder = Path(root) / split
    photos_dir, read_photo_file = folder / "photos", read_photo
    if read_photo.photo_input == "edges" and (folder / "edges").is_dir():
        photos_dir, read_photo_file = folder / "edges", read_edges
    for part in (folder / "sketches", photos_dir):
        if not part.is_dir():
            photos = "photos/ID.jpg" if read_photo.photo_input == "rgb" else "edges/ID.png or photos/ID.jpg"
            raise InputError(
                f"{folder}: expected sketches/ID.png with {photos}; there is no folder {part.name}/"
            )
    sketch_paths, photo_paths = images_by_stem(folder / "sketches"), images_by_stem(photos_dir)
    for stem, path in sketch_paths.items():
        if stem not in photo_paths:
            raise InputError(f"{path}: expected its photo {photos_dir / stem}.*; there is none")
    photo_ids = tuple(photo_paths)
    return Split(
        name="handbag",
        split=split,
        sketches=read_all(list(sketch_paths.values()), read_image, f"{split} sketches"),
        photos=read_all(list(photo_paths.values()), read_photo_file, f"{split} photos"),
        sketch_ids=tuple(sketch_paths),
        photo_ids=photo_ids,
        photo_input=read_photo.photo_input,
        sketch_photo=np.array([photo_ids.index(stem) for stem in sketch_paths], np.int32),
    )
