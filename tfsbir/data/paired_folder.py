"""A user's own sketches and photos, paired by file name."""

import re
from pathlib import Path

import numpy as np

from tfsbir.data.attributes_csv import read_attributes
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_all, read_image
from tfsbir.data.images_by_stem import images_by_stem
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.split import Split
from tfsbir.errors import InputError

MAX_IN_MEMORY = 2000  # Images; as RGB they take 393 MB.


def paired_folder(root, split, read_photo=EDGES):
    """Reads sketches and photos that belong together by their names.

        ROOT/SPLIT/sketches/STEM.*, STEM-1.*, STEM_2.*     one or more sketches of a photo
        ROOT/SPLIT/photos/STEM.*                           RGB photos
        ROOT/SPLIT/edges/STEM.*                            or ready edge maps, black on white
        ROOT/SPLIT/photo_attributes.csv                    optional: binary attributes (`read_attributes`)
        ROOT/SPLIT/sketch_attributes.csv                   of photos, of sketches or of both

    A sketch whose whole stem is a photo's stem belongs to that photo; else a last `-k` or `_k` (k a number)
    is cut off. A photo without a sketch is a distractor. Hidden files and files that are not images are
    left out.

    Sketches, and photos, are held in memory up to `MAX_IN_MEMORY` of them; more stay in their files, so that
    a broken one is noticed when it is asked for.

    Args:
        root: The folder.
        split: Name of the split's folder, such as "train".
        read_photo: `PhotoReader`. For edge maps `edges/` is read where it exists, as it is; else they are
            made from `photos/`.
    Returns: A `Split` on a 256 x 256 canvas, one category, without triplets.
    Raises: `InputError` if a folder is missing or empty, a sketch has no photo, two files have one stem, a
        file cannot be read, or the two tables name other attributes.
    """
    folder = Path(root) / split
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder with sketches/ and photos/ or edges/; there is none")
    photos_dir, read_photo_file = _photo_source(folder, read_photo)
    sketch_paths = images_by_stem(folder / "sketches")
    photo_paths = images_by_stem(photos_dir)
    photo_index = {stem: index for index, stem in enumerate(photo_paths)}
    sketch_photo = [
        photo_index[_photo_stem(stem, path, photo_index, photos_dir)] for stem, path in sketch_paths.items()
    ]
    names, sketch_attributes, photo_attributes = _attributes(folder, sketch_paths, photo_paths)
    return Split(
        name="paired_folder",
        split=split,
        sketches=_images(list(sketch_paths.values()), read_image, 1, f"{split} sketches"),
        photos=_images(list(photo_paths.values()), read_photo_file, read_photo.channels, f"{split} photos"),
        sketch_ids=tuple(sketch_paths),
        photo_ids=tuple(photo_paths),
        photo_input=read_photo.photo_input,
        sketch_photo=np.array(sketch_photo, np.int32),
        attribute_names=names,
        sketch_attributes=sketch_attributes,
        photo_attributes=photo_attributes,
    )


def _photo_source(folder, read_photo):
    """Returns the folder of the photos and the function that reads one."""
    if read_photo.photo_input == "edges" and (folder / "edges").is_dir():
        return folder / "edges", read_image
    if (folder / "photos").is_dir():
        return folder / "photos", read_photo
    expected = "photos/" if read_photo.photo_input == "rgb" else "photos/ or edges/"
    raise InputError(f"{folder}: expected a folder {expected} beside sketches/; there is none")


def _attributes(folder, sketch_paths, photo_paths):
    """Returns the attributes' names and values of sketches and of photos, `None` where there is no table."""
    found = {}
    for domain, paths in (("sketch", sketch_paths), ("photo", photo_paths)):
        table = folder / f"{domain}_attributes.csv"
        if table.exists():
            found[domain] = read_attributes(table, [path.name for path in paths.values()])
    names = [names for names, _ in found.values()]
    if len(names) == 2 and names[0] != names[1]:
        raise InputError(
            f"{folder / 'photo_attributes.csv'}: expected the columns of sketch_attributes.csv, "
            f"{','.join(names[0])}; found {','.join(names[1])}"
        )
    values = (found[domain][1] if domain in found else None for domain in ("sketch", "photo"))
    return (names[0] if names else (), *values)


def _images(paths, read, channels, what):
    if len(paths) > MAX_IN_MEMORY:
        return ImageFiles(paths, read, channels=channels)
    return read_all(paths, read, what)


def _photo_stem(stem, path, photo_index, photos_dir):
    if stem in photo_index:
        return stem
    shorter = re.sub(r"[-_][0-9]+$", "", stem)
    if shorter in photo_index:
        return shorter
    names = f"{stem}.*" if shorter == stem else f"{stem}.* or {shorter}.*"
    raise InputError(f"{path}: expected its photo {photos_dir}/{names}; there is none")
