"""A data set that the library draws itself: shoes and chairs, photographed and sketched."""

from pathlib import Path

import numpy as np
import tqdm
from PIL import Image

from tfsbir.data.edge_maps import edge_map
from tfsbir.data.images import natural_key
from tfsbir.data.paired_split import PairedSplit
from tfsbir.data.synthetic_chairs import chair
from tfsbir.data.synthetic_drawing import SIZE, draw_photo, draw_sketch
from tfsbir.data.synthetic_shapes import fitted
from tfsbir.data.synthetic_shoes import shoe
from tfsbir.errors import InputError
from tfsbir.files import replacing_folder

BUILDERS = {"chair": chair, "shoe": shoe}
NUM_INSTANCES = {"train": 300, "test": 100}
NUM_NEAREST = 10  # As in QMUL-Shoe V1, where people compared the ten photos likest to a sketch.
_PARAMETERS, _PICTURES = 0, 1  # Streams of random numbers, so that pictures never change the objects.


def synthetic(split, num_instances=None, categories=("chair", "shoe"), photo_input="edges", seed=0):
    """Draws parametric objects, each as a photo and as a sketch by a clumsy hand.

    The same arguments give the same pixels. Instances are numbered in turn through the categories; instance
    `i` of a split does not depend on how many there are, and no instance is in two splits.

    Args:
        split: "train" or "test".
        num_instances: Number of objects, each with one photo and one sketch; 300 to train, 100 to test.
        categories: Names out of `BUILDERS`; an object's label is its category's place in here.
        photo_input: "edges" for edge maps of the photos or "rgb".
        seed: Integer >= 0.
    Returns: A `PairedSplit` of 256 x 256 pictures. Its triplets are, for every sketch, all pairs among the
        10 photos of its category whose parameters are nearest to its own object's (45 pairs); the one
        nearer in the parameters is the closer photo.
    Raises: `InputError` for another split, `ValueError` for other impossible arguments.
    """
    num_instances = _check(split, num_instances, categories, seed)
    if photo_input not in ("edges", "rgb"):
        raise ValueError(f'`photo_input` must be "edges" or "rgb". Received: {photo_input!r}')
    ids = [_instance_id(split, i, categories) for i in range(num_instances)]
    order = sorted(range(num_instances), key=lambda i: natural_key(ids[i]))
    photos = np.empty((num_instances, SIZE, SIZE, 1 if photo_input == "edges" else 3), np.uint8)
    sketches = np.empty((num_instances, SIZE, SIZE, 1), np.uint8)
    looks = []
    for row, instance in enumerate(_progress(order, split)):
        photo, sketches[row], instance_looks = _draw(split, instance, categories, seed)
        photos[row] = edge_map(photo) if photo_input == "edges" else photo
        looks.append(instance_looks)
    labels = np.array([instance % len(categories) for instance in order], np.int32)
    return PairedSplit(
        name="synthetic",
        split=split,
        sketches=sketches,
        photos=photos,
        sketch_photo=np.arange(num_instances, dtype=np.int32),
        sketch_ids=tuple(ids[i] for i in order),
        photo_ids=tuple(ids[i] for i in order),
        labels=labels,
        triplets=_nearest_triplets(looks, labels),
        photo_input=photo_input,
    )


def synthetic_folder(root, num_train=300, num_test=100, seed=0):
    """Writes the objects of `synthetic` as files for `paired_folder`.

        ROOT/train/sketches/ID.png, ROOT/train/photos/ID.png       grey and RGB, 256 x 256; likewise ROOT/test

    The folder appears only once all files are written.

    Args:
        root: The folder to write; new or empty.
        num_train, num_test: Number of objects in each split, > 0.
        seed: Integer >= 0.
    Raises: `InputError` if `root` is a file or holds something; `ValueError` for other impossible
        arguments.
    """
    root, categories = Path(root), tuple(BUILDERS)
    if root.exists() and not (root.is_dir() and not any(root.iterdir())):
        raise InputError(f"{root}: expected a new or empty folder; there is something already")
    counts = {"train": num_train, "test": num_test}
    for split, count in counts.items():
        _check(split, count, categories, seed)
    with replacing_folder(root) as aside:
        for split, count in counts.items():
            for kind in ("photos", "sketches"):
                (aside / split / kind).mkdir(parents=True)
            for instance in _progress(range(count), split):
                photo, sketch, _ = _draw(split, instance, categories, seed)
                name = f"{_instance_id(split, instance, categories)}.png"
                Image.fromarray(photo).save(aside / split / "photos" / name)
                Image.fromarray(sketch[..., 0]).save(aside / split / "sketches" / name)


def _check(split, num_instances, categories, seed):
    """Returns the number of instances after all that `synthetic` and `synthetic_folder` share is checked."""
    if split not in NUM_INSTANCES:
        raise InputError(f'synthetic: expected the split "train" or "test"; found {split!r}')
    if num_instances is None:
        num_instances = NUM_INSTANCES[split]
    if num_instances < 1:
        raise ValueError(f"`num_instances` must be > 0. Received: {num_instances}")
    if not categories or len(set(categories)) != len(categories) or set(categories) - set(BUILDERS):
        raise ValueError(
            f"`categories` must be different names out of {tuple(BUILDERS)}. Received: {categories}"
        )
    if seed < 0:
        raise ValueError(f"`seed` must be >= 0. Received: {seed}")
    return num_instances


def _instance_id(split, instance, categories):
    # It ends in a letter: `paired_folder` would read a last `-4` or `_4` as "the fourth sketch of".
    return f"{split}-{instance // len(categories)}-{categories[instance % len(categories)]}"


def _draw(split, instance, categories, seed):
    """Returns one object's photo, sketch and looks."""
    key = (seed, tuple(NUM_INSTANCES).index(split), instance)
    thing = BUILDERS[categories[instance % len(categories)]](np.random.default_rng((*key, _PARAMETERS)))
    random = np.random.default_rng((*key, _PICTURES))
    parts, scale = fitted(thing.parts, SIZE, margin=random.uniform(18, 30), shift=random.uniform(-5, 5, 2))
    return draw_photo(parts, scale, random), draw_sketch(parts, random), thing.looks


def _nearest_triplets(looks, labels):
    """Returns `(num_triplets, 3)` int32 rows of sketch, closer photo, farther photo; or `None`."""
    rows = []
    for sketch, label in enumerate(labels):
        photos = np.flatnonzero(labels == label)
        distances = np.linalg.norm([looks[photo] - looks[sketch] for photo in photos], axis=1)
        nearest = photos[np.argsort(distances, kind="stable")[:NUM_NEAREST]]
        closer, farther = np.triu_indices(len(nearest), k=1)
        rows.append(np.stack([np.full(len(closer), sketch), nearest[closer], nearest[farther]], axis=1))
    triplets = np.concatenate(rows).astype(np.int32)
    return triplets if len(triplets) else None


def _progress(instances, split):
    return tqdm.tqdm(instances, desc=f"{split} objects", unit="object", delay=2, leave=False)
