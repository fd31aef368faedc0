"""Common65c: classes that Quick, Draw!, ImageNet and Sketchy share, put together from copies of the three."""

import re
from pathlib import Path

import numpy as np
import tqdm

from tfsbir.data.class_files import flatten, images_by_id, log_few
from tfsbir.data.class_lists import class_folders, read_class_list
from tfsbir.data.drawings import Drawings
from tfsbir.data.held_out import name_fraction
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.quickdraw import MARGIN, WORDS, drawing_files, read_drawings
from tfsbir.data.sketchy import RENDERING, drawn_from
from tfsbir.data.split import Split
from tfsbir.data.text_lines import read_lines
from tfsbir.errors import InputError

COARSE_SKETCHES = 1_000  # Of each class, as are the following.
COARSE_PHOTOS = 1_000
FINE_PHOTOS = 24
SKETCHES_PER_FINE_PHOTO = 3

CLASSES = "classes.txt"
QUERIES = "queries.txt"


def common65c(root, split, read_photo=EDGES):
    """Reads the coarse part ("train") or the fine part ("fine") of Common65c.

        ROOT/quickdraw/WORD.ndjson                               Quick, Draw!, simplified or raw, or .bin
        ROOT/imagenet/WNID/*.JPEG                                ImageNet by WordNet id
        ROOT/sketchy/{photo,sketch}/tx_000000000000/CLASS/*      Sketchy in its own layout
        ROOT/classes.txt                                         classes to keep, one a line; may be left out
        ROOT/queries.txt                                         see `midgrain65c`; may be left out

    "train" has labels only, 1,000 drawings and 1,000 ImageNet photos a class; "fine" has pairs, 24 Sketchy
    photos a class with 3 sketches each. Both have the same classes in the same order, so that what is
    learned from one is aligned by the other.

    The paper's list of 65 classes was not published. A class is common where Sketchy and Quick, Draw! have
    it by name (`class_key`; and crocodilian, motorcycle by theirs) and there are ImageNet folders for it: the
    WordNet ids of the class's own Sketchy photos, or a folder that is called like the class, where one can
    gather what lies under it (of the 1,000 classes of ILSVRC, airliner for airplane). `classes.txt` narrows
    them. Nor was it published which files were drawn: here they are the first 1,000 drawings of a file
    (without those in `queries.txt`), and of photos and sketches those of lowest `name_fraction`. Classes
    with too few are kept and logged as a warning.

    Args:
        root: The folder.
        split: "train" or "fine".
        read_photo: `PhotoReader`, how photos become images.
    Returns: A `Split`, of "train" with `Drawings`, of "fine" with `sketch_photo`. By the paper 65,000
        sketches and 65,000 photos to train, 4,680 sketches and 1,560 photos in the fine part.
    Raises: `InputError` if a folder is missing, no class is common, `classes.txt` has one that is not, or a
        drawing cannot be read.
    Source: Bui et al., "Deep Manifold Alignment for Mid-Grain Sketch Based Image Retrieval", ACCV 2018, Sec.
        4.1 and Table 1.
    """
    root = Path(root)
    if split not in ("train", "fine"):
        raise InputError(f"`split` must be train or fine, those of common65c. Received: {split}")
    sketch_folders = class_folders(root / "sketchy" / "sketch" / RENDERING)
    photo_folders = class_folders(root / "sketchy" / "photo" / RENDERING)
    words, imagenet_folders = _common_classes(root, sketch_folders, photo_folders)
    if split == "train":
        queries = query_ids(root, words) if (root / QUERIES).is_file() else frozenset()
        bar = tqdm.tqdm(words.items(), "classes", delay=2, leave=False)
        sketches = {key: read_drawings(path, key, COARSE_SKETCHES, queries) for key, path in bar}
        photos = {key: _coarse_photos(imagenet_folders[key], key) for key in words}
        own_photo = {}
        log_few("common65c", "drawings", sketches, COARSE_SKETCHES)
        log_few("common65c", "ImageNet photos", photos, COARSE_PHOTOS)
    else:
        sketches, photos, own_photo = _fine(words, sketch_folders, photo_folders)
        log_few("common65c", f"photos with {SKETCHES_PER_FINE_PHOTO} sketches", photos, FINE_PHOTOS)
    drawn, sketch_ids, sketch_labels = flatten(sketches)
    photo_paths, photo_ids, photo_labels = flatten(photos)
    photo_index = {photo_id: index for index, photo_id in enumerate(photo_ids)}
    return Split(
        name="common65c",
        split=split,
        sketches=Drawings(drawn, margin=MARGIN) if split == "train" else ImageFiles(drawn, read_image),
        photos=ImageFiles(photo_paths, read_photo, channels=read_photo.channels),
        sketch_ids=sketch_ids,
        photo_ids=photo_ids,
        photo_input=read_photo.photo_input,
        sketch_photo=np.array([photo_index.get(own_photo.get(i), -1) for i in sketch_ids], np.int32),
        sketch_labels=sketch_labels,
        photo_labels=photo_labels,
        class_names=tuple(words),
    )


def query_ids(root, words):
    """Reads the `key_id`s of `queries.txt` as ids `CLASS/KEY_ID` of every class that they could be of."""
    path = Path(root) / QUERIES
    ids = set()
    for number, line in read_lines(path, "key_id"):
        if re.fullmatch("[0-9]{1,20}", line) is None:
            raise InputError(f"{path}, line {number}: expected a key_id, only digits; found {line[:60]!r}")
        ids.update(f"{key}/{line}" for key in words)
    return ids


def _common_classes(root, sketch_folders, photo_folders):
    """Returns the common classes as two dicts: to Quick, Draw! files and to lists of ImageNet folders."""
    files = drawing_files(root / "quickdraw")
    if not (root / "imagenet").is_dir():
        raise InputError(
            f"{root / 'imagenet'}: expected a folder with ImageNet photos, WNID/*; there is none"
        )
    folder_of = {path.name: path for path in (root / "imagenet").iterdir() if path.is_dir()}
    words, imagenet_folders = {}, {}
    for key in sketch_folders.keys() & photo_folders.keys():
        wnids = {path.name.split("_")[0] for path in images_by_id(photo_folders[key], key).values()}
        names = sorted(wnids | {key, photo_folders[key].name})
        word, found = files.get(WORDS.get(key, key)), [folder_of[name] for name in names if name in folder_of]
        if word and found:
            words[key], imagenet_folders[key] = word, found
    if not words:
        raise InputError(
            f"{root}: expected a class that quickdraw/, imagenet/ and sketchy/ have in common; found none"
        )
    chosen = sorted(words)
    if (root / CLASSES).is_file():
        chosen = sorted(read_class_list(root / CLASSES))
        for key in chosen:
            if key not in words:
                raise InputError(
                    f"{root / CLASSES}: expected classes that quickdraw/, imagenet/ and sketchy/ have in "
                    f"common; found {key}"
                )
    return {key: words[key] for key in chosen}, {key: imagenet_folders[key] for key in chosen}


def _coarse_photos(folders, key):
    found = {photo_id: path for folder in folders for photo_id, path in images_by_id(folder, key).items()}
    return {photo_id: found[photo_id] for photo_id in sorted(found, key=name_fraction)[:COARSE_PHOTOS]}


def _fine(classes, sketch_folders, photo_folders):
    """Returns the chosen sketches and photos by class, and the id of each sketch's own photo."""
    sketches, photos, own_photo = {}, {}, {}
    for key in classes:
        sketches_of = {}
        for sketch_id, path in images_by_id(sketch_folders[key], key).items():
            sketches_of.setdefault(drawn_from(path), {})[sketch_id] = path
        enough = {
            photo_id: path
            for photo_id, path in images_by_id(photo_folders[key], key).items()
            if len(sketches_of.get(path.stem, ())) >= SKETCHES_PER_FINE_PHOTO
        }
        photos[key] = {i: enough[i] for i in sorted(enough, key=name_fraction)[:FINE_PHOTOS]}
        sketches[key] = {}
        for photo_id, photo in photos[key].items():
            drawn = sketches_of[photo.stem]
            for sketch_id in sorted(drawn, key=name_fraction)[:SKETCHES_PER_FINE_PHOTO]:
                sketches[key][sketch_id], own_photo[sketch_id] = drawn[sketch_id], photo_id
    return sketches, photos, own_photo
