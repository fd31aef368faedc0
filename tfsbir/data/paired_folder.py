"""A user's own sketches and photos, paired by file name."""

import functools
import re
from pathlib import Path

import numpy as np

from tfsbir.data.images import list_images, natural_key, read_all, read_image, read_photo_edges
from tfsbir.data.paired_split import PairedSplit
from tfsbir.errors import InputError


def paired_folder(root, split, photo_input="edges"):
    """Reads sketches and photos that belong together by their names.

        ROOT/SPLIT/sketches/STEM.*, STEM-1.*, STEM_2.*     one or more sketches of a photo
        ROOT/SPLIT/photos/STEM.*                           RGB photos
        ROOT/SPLIT/edges/STEM.*                            or ready edge maps, black on white

    A sketch whose whole stem is a photo's stem belongs to that photo; else a last `-k` or `_k` (k a number)
    is cut off. A photo without a sketch is a distractor. Hidden files and files that are not images are
    left out.

    Args:
        root: The folder.
        split: Name of the split's folder, such as "train".
        photo_input: "edges": edge maps, read from `edges/` where it exists, else made from `photos/`.
            "rgb": `photos/` in colour.
    Returns: A `PairedSplit` on a 256 x 256 canvas, one category, without triplets.
    Raises: `InputError` if a folder is missing or empty, a sketch has no photo, two files have one stem, or
        a file cannot be read.
    """
    if photo_input not in ("edges", "rgb"):
        raise ValueError(f'`photo_input` must be "edges" or "rgb". Received: {photo_input!r}')
    folder = Path(root) / split
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder with sketches/ and photos/ or edges/; there is none")
    photos_dir, read_photo = _photo_source(folder, photo_input)
    sketch_paths = _by_stem(folder / "sketches")
    photo_paths = _by_stem(photos_dir)
    photo_index = {stem: index for index, stem in enumerate(photo_paths)}
    sketch_photo = [
        photo_index[_photo_stem(stem, path, photo_index, photos_dir)] for stem, path in sketch_paths.items()
    ]
    return PairedSplit(
        name="paired_folder",
        split=split,
        sketches=read_all(list(sketch_paths.values()), read_image, f"{split} sketches"),
        photos=read_all(list(photo_paths.values()), read_photo, f"{split} photos"),
        sketch_photo=np.array(sketch_photo, np.int32),
        sketch_ids=tuple(sketch_paths),
        photo_ids=tuple(photo_paths),
        labels=np.zeros(len(photo_paths), np.int32),
        triplets=None,
        photo_input=photo_input,
    )


def _photo_source(folder, photo_input):
    """Returns the folder of the photos and the function that reads one."""
    if photo_input == "edges" and (folder / "edges").is_dir():
        return folder / "edges", read_image
    if (folder / "photos").is_dir():
        is_rgb = photo_input == "rgb"
        return folder / "photos", functools.partial(read_image, channels=3) if is_rgb else read_photo_edges
    expected = "photos/" if photo_input == "rgb" else "photos/ or edges/"
    raise InputError(f"{folder}: expected a folder {expected} beside sketches/; there is none")


def _by_stem(folder):
    """Returns the images of a folder as a dict from stem to path, in natural order of the stems."""
    paths = {}
    for path in list_images(folder):
        if path.stem in paths:
            raise InputError(
                f"{path}: expected one file for each stem; found {paths[path.stem].name} as well"
            )
        paths[path.stem] = path
    return {stem: paths[stem] for stem in sorted(paths, key=natural_key)}


def _photo_stem(stem, path, photo_index, photos_dir):
    if stem in photo_index:
        return stem
    shorter = re.sub(r"[-_][0-9]+$", "", stem)
    if shorter in photo_index:
        return shorter
    names = f"{stem}.*" if shorter == stem else f"{stem}.* or {shorter}.*"
    raise InputError(f"{path}: expected its photo {photos_dir}/{names}; there is none")
