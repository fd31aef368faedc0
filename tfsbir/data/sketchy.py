"""The Sketchy database and Sketchy-Extended: sketches of 12,500 photos in 125 classes."""

import re
from pathlib import Path

import numpy as np
from absl import logging

from tfsbir.data.class_files import check_same_classes, classes_of_split, flatten, images_by_id
from tfsbir.data.class_lists import class_folders, class_key
from tfsbir.data.held_out import held_out
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image
from tfsbir.data.photo_reader import EDGES
from tfsbir.data.split import Split
from tfsbir.data.text_lines import read_lines
from tfsbir.errors import InputError

RENDERING = "tx_000000000000"  # Of the published renderings the one in which sketch and photo lie alike.
EXTENDED = "EXTEND_image_sketchy"
TEST_LIST = "info/testset.txt"
TEST_SHARE = 0.1  # As published: 10 of a class's 100 photos.


def sketchy(root, split, read_photo=EDGES, unseen_classes=None):
    """Reads one split of Sketchy, or of a part of it in the same layout.

        ROOT/photo/tx_000000000000/CLASS/n0123_45.jpg        256 x 256, in colour
        ROOT/sketch/tx_000000000000/CLASS/n0123_45-2.png     drawn from that photo
        ROOT/EXTEND_image_sketchy/CLASS/*.jpg                photos of Sketchy-Extended, zero-shot only
        ROOT/info/testset.txt                                CLASS/n0123_45.jpg of each test photo

    Without a list of classes both splits have all of them and are divided by photo, a sketch going with its
    own. The test photos are those of `info/testset.txt`; names which a part of the set lacks are passed
    over. Without that file a tenth is held out by name (`held_out`), in every class of the photos with
    sketches and of those without alike; numbers on that split compare with nobody else's.

    With a list of classes, and where its folder exists, the photos are those of Sketchy-Extended, which
    holds Sketchy's own under their names. A sketch whose photo is not there has none (-1).

    Args:
        root: The folder, such as the `256x256` of the published archive.
        split: "train" or "test".
        read_photo: `PhotoReader`, how photos become images.
        unseen_classes: Path of a list of classes for zero-shot retrieval: "test" has these, "train" all
            others. Published are 21 (Yelamarthi et al., ECCV 2018) and 25 (Liu et al., ICCV 2019).
    Returns: A `Split` whose images are read when they are asked for. In all 125 classes, 12,500 photos
        (73,002 with the 60,502 of Sketchy-Extended) and 75,471 sketches by the paper, 75,481 in the
        archive; 11,250 photos to train and 1,250 to test by the published list.
    Raises: `InputError` if a folder is missing or empty, the two sides differ in their classes, a sketch has
        no photo (but in Sketchy-Extended), a list does not fit, or the split has no sketch.
    Source: Sangkloy et al., "The Sketchy Database", SIGGRAPH 2016; extended by Liu et al., "Deep Sketch
        Hashing", CVPR 2017.
    """
    root = Path(root)
    is_extended = unseen_classes is not None and (root / EXTENDED).is_dir()
    sketch_folders = class_folders(root / "sketch" / RENDERING)
    photo_folders = class_folders(root / EXTENDED if is_extended else root / "photo" / RENDERING)
    check_same_classes(sketch_folders, photo_folders)
    classes = classes_of_split(sketch_folders, split, unseen_classes)
    sketches = {key: images_by_id(sketch_folders[key], key) for key in classes}
    photos = {key: images_by_id(photo_folders[key], key) for key in classes}
    own_photo = {
        sketch_id: f"{key}/{drawn_from(path)}" for key in classes for sketch_id, path in sketches[key].items()
    }
    if not is_extended:
        _check_photos(sketches, photos, own_photo, photo_folders)
    if unseen_classes is None:
        test = _test_photos(root, photos, set(own_photo.values()))
        for key in classes:
            sketches[key] = {
                i: path for i, path in sketches[key].items() if (own_photo[i] in test) == (split == "test")
            }
            photos[key] = {
                i: path for i, path in photos[key].items() if (_name(i) in test) == (split == "test")
            }
    sketch_paths, sketch_ids, sketch_labels = flatten(sketches)
    photo_paths, photo_ids, photo_labels = flatten(photos)
    if not sketch_ids:
        raise InputError(f"{root}: expected sketches in the split {split}; found none")
    photo_index = {_name(photo_id): index for index, photo_id in enumerate(photo_ids)}
    return Split(
        name="sketchy",
        split=split,
        sketches=ImageFiles(sketch_paths, read_image),
        photos=ImageFiles(photo_paths, read_photo, channels=read_photo.channels),
        sketch_ids=sketch_ids,
        photo_ids=photo_ids,
        photo_input=read_photo.photo_input,
        sketch_photo=np.array([photo_index.get(own_photo[i], -1) for i in sketch_ids], np.int32),
        sketch_labels=sketch_labels,
        photo_labels=photo_labels,
        class_names=classes,
    )


def drawn_from(path):
    """Returns the stem of the photo that a sketch of Sketchy was drawn from.

    Raises: `InputError` if the file's name is not `PHOTO-NUMBER`.
    """
    match = re.fullmatch(r"(.+)-[0-9]+", path.stem)
    if match is None:
        raise InputError(f"{path}: expected a name like n0123_45-2.png, PHOTO-NUMBER; found {path.name}")
    return match[1]


def _name(photo_id):
    return photo_id.rsplit(".", 1)[0]


def _check_photos(sketches, photos, own_photo, photo_folders):
    for key in sketches:
        names = {_name(photo_id) for photo_id in photos[key]}
        if len(names) < len(photos[key]):
            raise InputError(f"{photo_folders[key]}: expected photos of different names; found one twice")
        for sketch_id, path in sketches[key].items():
            if own_photo[sketch_id] not in names:
                photo = photo_folders[key] / f"{drawn_from(path)}.jpg"
                raise InputError(f"{path}: expected its photo {photo}; there is none")


def _test_photos(root, photos, sketched):
    """Returns the names (`CLASS/STEM`) of the photos to test on."""
    names = {key: {_name(photo_id) for photo_id in photos[key]} for key in photos}
    path = root / TEST_LIST
    if not path.is_file():
        test = set()
        for key in names:
            for part in (names[key] & sketched, names[key] - sketched):
                test |= held_out(part, TEST_SHARE)
        return test
    listed = set()
    for number, line in read_lines(path, "photo"):
        match = re.fullmatch(r"([^/]*[^\W_][^/]*)/([^/]+)\.\w+", line)
        if match is None:
            raise InputError(f"{path}, line {number}: expected CLASS/PHOTO.jpg; found {line[:60]!r}")
        listed.add(f"{class_key(match[1])}/{match[2]}")
    test = listed & set().union(*names.values())
    if not test:
        raise InputError(f"{path}: expected photos of {root / 'photo' / RENDERING}; found none of them")
    if len(test) < len(listed):
        logging.warning("%s: %d of %d photos are not there", path, len(listed) - len(test), len(listed))
    return test
