"""QMUL-ChairV2 and QMUL-ShoeV2: RGB photos and the strokes of their sketches."""

from pathlib import Path

import numpy as np

from tfsbir.data.drawings import Drawings
from tfsbir.data.images import natural_key, read_all
from tfsbir.data.images_by_stem import images_by_stem
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.split import Split
from tfsbir.errors import InputError
from tfsbir.strokes.coordinates import read_coordinates


def chairv2(root, split, read_photo=EDGES):
    """Reads one split of QMUL-ChairV2, or of QMUL-ShoeV2, which has the same form.

        ROOT/photo/ID.png            RGB photos
        ROOT/ChairV2_Coordinate      or ShoeV2_Coordinate: strokes of the sketches "/SPLIT/ID_k"

    The sketches stay strokes, drawn on 256 x 256 px when they are asked for. The photos of a split are those
    of its sketches; a photo without a sketch is in neither.

    Args:
        root: The folder.
        split: "train" or "test".
        read_photo: `PhotoReader`, how photos become images.
    Returns: A `Split` whose name is "chairv2" or "shoev2", after the file, and whose sketches are `Drawings`
        with ids "ID_k". ChairV2 has 952 sketches of 300 photos to train, 323 of 100 to test.
    Raises: `InputError` if the folder or the file is missing, the file is malformed or has no sketch of the
        split, a sketch has no photo, or a photo cannot be read.
    Source: Yu et al., "Fine-Grained Instance-Level Sketch-Based Image Retrieval", IJCV 2021.
    """
    root = Path(root)
    if split not in ("train", "test"):
        raise InputError(f"`split` must be train or test. Received: {split}")
    if not (root / "photo").is_dir():
        raise InputError(f"{root}: expected photo/ID.png and ChairV2_Coordinate; there is no folder photo/")
    found = sorted(path for path in root.glob("*_Coordinate") if path.name[0] != ".")
    if len(found) != 1:
        raise InputError(
            f"{root}: expected one file ChairV2_Coordinate (or ShoeV2_Coordinate) beside photo/; "
            f"found {', '.join(path.name for path in found) or 'none'}"
        )
    (coordinates,) = found
    prefix = f"/{split}/"
    drawn = {
        name.removeprefix(prefix): sketch
        for name, sketch in read_coordinates(coordinates).items()
        if name.startswith(prefix)
    }
    if not drawn:
        raise InputError(f"{coordinates}: expected sketches named {prefix}ID_k; found none")
    sketch_ids = sorted(drawn, key=natural_key)
    # An id may have underscores, and what follows the last one need not be a number.
    photo_of = [sketch_id.rpartition("_")[0] for sketch_id in sketch_ids]
    photo_ids = sorted(set(photo_of), key=natural_key)
    paths = images_by_stem(root / "photo")
    for sketch_id, photo_id in zip(sketch_ids, photo_of, strict=True):
        if photo_id not in paths:
            raise InputError(
                f"{coordinates}: expected the photo {root / 'photo' / photo_id}.png of {prefix}{sketch_id}; "
                "there is none"
            )
    place = {photo_id: index for index, photo_id in enumerate(photo_ids)}
    return Split(
        name=coordinates.name.removesuffix("_Coordinate").lower(),
        split=split,
        sketches=Drawings(drawn[sketch_id] for sketch_id in sketch_ids),
        photos=read_all([paths[photo_id] for photo_id in photo_ids], read_photo, f"{split} photos"),
        sketch_ids=tuple(sketch_ids),
        photo_ids=tuple(photo_ids),
        photo_input=read_photo.photo_input,
        sketch_photo=np.array([place[photo_id] for photo_id in photo_of], np.int32),
    )
