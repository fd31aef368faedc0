"""A data set that the library draws itself: bags, chairs and shoes, photographed and sketched."""

import contextlib
import functools
import os
from pathlib import Path

import numpy as np
import tqdm

from tfsbir.data.attributes_csv import write_attributes
from tfsbir.data.drawings import Drawings
from tfsbir.data.edge_maps import edge_map
from tfsbir.data.images import natural_key
from tfsbir.data.record_images import encode_png
from tfsbir.data.split import CHANNELS, Split
from tfsbir.data.synthetic.bags import Bag
from tfsbir.data.synthetic.chairs import Chair
from tfsbir.data.synthetic.photo import draw_photo
from tfsbir.data.synthetic.shapes import SIZE, fitted
from tfsbir.data.synthetic.shoes import Shoe
from tfsbir.data.synthetic.sketch import draw_sketch
from tfsbir.data.worker_pool import worker_pool
from tfsbir.errors import InputError
from tfsbir.files import replacing_folder
from tfsbir.strokes.rasterize import rasterize
from tfsbir.strokes.svg import write_svg

CATEGORIES = {"bag": Bag, "chair": Chair, "shoe": Shoe}
NUM_INSTANCES = {"train": 300, "test": 100}
NUM_NEAREST = 10  # As in QMUL-Shoe V1, where people compared the ten photos likest to a sketch.
CLUTTER = 0.3
FEW = 600  # Up to so many are drawn by one process before others would have started and drawn them.
_PARAMETERS, _PHOTO, _SKETCH = range(3)  # Streams of random numbers: pictures never change the objects.
_PORTION = 25  # Instances that a process draws at a time.


def synthetic(
    split, num_instances=None, categories=("bag", "chair", "shoe"), photo_input="edges", seed=0,
    sketches_of=1, clutter=CLUTTER, num_workers=None,
):  # fmt: skip
    """Draws parametric objects, each as a photo and as a sketch by a clumsy hand.

    The same arguments give the same strokes and pixels, whatever the number of processes. Instances are
    numbered in turn through the categories; instance `i` of a split does not depend on how many there are,
    nor its first sketch on how many sketches it has, and no instance is in two splits.

    Args:
        split: "train" or "test".
        num_instances: Number of objects, each with one photo; 300 to train, 100 to test.
        categories: Names out of `CATEGORIES`; an object's label is its category's place in here.
        photo_input: "edges" for edge maps of the photos or "rgb".
        seed: Integer >= 0.
        sketches_of: Sketches of each object, > 0, each by another hand.
        clutter: How busy the photos are, in [0, 1]; see `draw_photo`.
        num_workers: Processes that draw, >= 0; 0 draws in this one. By default 0 for up to `FEW` objects,
            else one for each processor.
    Returns: A `Split` of 256 x 256 pictures, the sketches as `Drawings`. Its attributes are those of all the
        categories, -1 where an object's category has no such attribute; a sketch does not have what its hand
        forgot. Its triplets are, for every sketch, all pairs among the 10 photos of its category whose
        `looks()` are nearest to those of its own object (45 pairs); the nearer one is the closer photo.
    Raises: `InputError` for another split, `ValueError` for other impossible arguments.
    """
    categories = tuple(categories)
    num_instances = _checked(split, num_instances, categories, seed, sketches_of, clutter)
    if photo_input not in CHANNELS:
        raise ValueError(f'`photo_input` must be "edges" or "rgb". Received: {photo_input!r}')
    instances = _in_order(split, num_instances, categories)
    draw = functools.partial(
        _draw_some, split=split, categories=categories, seed=seed, sketches_of=sketches_of, clutter=clutter,
        photo_input=photo_input,
    )  # fmt: skip
    photos = np.empty((num_instances, SIZE, SIZE, CHANNELS[photo_input]), np.uint8)
    sketches, missing, done = [], [], 0
    for some_photos, drawings, some_missing in _results(draw, instances, split, num_workers):
        photos[done : done + len(some_photos)] = some_photos
        sketches.extend(map(drawings.sketch, range(len(drawings))))
        missing += some_missing
        done += len(some_photos)
    ids = tuple(_instance_id(split, instance, categories) for instance in instances)
    things = [_object(split, instance, categories, seed) for instance in instances]
    labels = np.array([categories.index(thing.category) for thing in things], np.int32)
    names = attribute_names(categories)
    attributes = np.array([_attributes(thing, names) for thing in things], np.int8)
    sketch_photo = np.repeat(np.arange(num_instances, dtype=np.int32), sketches_of)
    sketch_attributes = attributes[sketch_photo]
    for row, forgotten in zip(sketch_attributes, missing, strict=True):
        row[[names.index(name) for name in forgotten]] = 0
    return Split(
        name="synthetic",
        split=split,
        sketches=Drawings(sketches, SIZE),
        photos=photos,
        sketch_ids=tuple(name for stem in ids for name in _sketch_ids(stem, sketches_of)),
        photo_ids=ids,
        photo_input=photo_input,
        sketch_photo=sketch_photo,
        sketch_labels=labels[sketch_photo],
        photo_labels=labels,
        class_names=categories,
        triplets=_nearest_triplets(things, labels, sketches_of),
        attribute_names=names,
        sketch_attributes=sketch_attributes,
        photo_attributes=attributes,
    )


def synthetic_objects(split, num_instances=None, categories=("bag", "chair", "shoe"), seed=0):
    """Returns the parameters of the objects of `synthetic`, such as their viewpoint, without drawing them.

    Args:
        split, num_instances, categories, seed: As for `synthetic`.
    Returns: List of `Bag`, `Chair` and `Shoe`, in the order of the split's photos.
    Raises: As `synthetic`.
    """
    categories = tuple(categories)
    num_instances = _checked(split, num_instances, categories, seed)
    return [_object(split, i, categories, seed) for i in _in_order(split, num_instances, categories)]


def attribute_names(categories=("bag", "chair", "shoe")):
    """Returns the names of the attributes of some categories, each once, as a tuple."""
    return tuple(dict.fromkeys(name for category in categories for name in CATEGORIES[category].ATTRIBUTES))


def synthetic_folder(root, num_train=300, num_test=100, seed=0, num_workers=None):
    """Writes the objects of `synthetic` as files for `paired_folder`.

        ROOT/train/photos/ID.png, ROOT/train/sketches/ID.png       RGB and grey, 256 x 256; likewise ROOT/test
        ROOT/train/strokes/ID.svg                                  the sketches' strokes in drawing order
        ROOT/train/photo_attributes.csv                            file,NAME,NAME with 1, 0, or nothing where
                                                                   the attribute does not apply

    The folder appears only once all files are written.

    Args:
        root: The folder to write; new or empty.
        num_train, num_test: Number of objects in each split, > 0.
        seed: Integer >= 0.
        num_workers: As for `synthetic`.
    Raises: `InputError` if `root` is a file or holds something; `ValueError` for other impossible
        arguments.
    """
    root, categories = Path(root), tuple(CATEGORIES)
    if root.exists() and not (root.is_dir() and not any(root.iterdir())):
        raise InputError(f"{root}: expected a new or empty folder; there is something already")
    counts = {"train": num_train, "test": num_test}
    for split, count in counts.items():
        _checked(split, count, categories, seed)
    with replacing_folder(root) as aside:
        for split, count in counts.items():
            for kind in ("photos", "sketches", "strokes"):
                (aside / split / kind).mkdir(parents=True)
            instances = _in_order(split, count, categories)
            write = functools.partial(
                _write_some, folder=aside / split, split=split, categories=categories, seed=seed
            )
            for _ in _results(write, instances, split, num_workers):
                pass  # The files are the result.
            _write_attributes(aside / split / "photo_attributes.csv", split, instances, categories, seed)


def _checked(split, num_instances, categories, seed, sketches_of=1, clutter=0.0):
    """Returns the number of instances, once the arguments are found to be possible."""
    if split not in NUM_INSTANCES:
        raise InputError(f'synthetic: expected the split "train" or "test"; found {split!r}')
    if num_instances is None:
        num_instances = NUM_INSTANCES[split]
    for name, value, least in (
        ("num_instances", num_instances, 1),
        ("sketches_of", sketches_of, 1),
        ("seed", seed, 0),
    ):
        if value < least:
            raise ValueError(f"`{name}` must be >= {least}. Received: {value}")
    if not categories or len(set(categories)) != len(categories) or set(categories) - set(CATEGORIES):
        raise ValueError(
            f"`categories` must be different names out of {tuple(CATEGORIES)}. Received: {categories}"
        )
    if not 0 <= clutter <= 1:
        raise ValueError(f"`clutter` must be in [0, 1]. Received: {clutter}")
    return num_instances


def _instance_id(split, instance, categories):
    # It ends in a letter: `paired_folder` would read a last `-4` or `_4` as "the fourth sketch of".
    return f"{split}-{instance // len(categories)}-{categories[instance % len(categories)]}"


def _sketch_ids(stem, sketches_of):
    return [stem] if sketches_of == 1 else [f"{stem}-{number}" for number in range(1, sketches_of + 1)]


def _in_order(split, num_instances, categories):
    """Returns the instances in the natural order of their ids."""
    return sorted(range(num_instances), key=lambda i: natural_key(_instance_id(split, i, categories)))


def _results(work, instances, split, num_workers):
    """Yields what `work` returns for each portion of the instances, in order, maybe from other processes."""
    if num_workers is None:
        num_workers = 0 if len(instances) <= FEW else os.cpu_count()
    starts = range(0, len(instances), _PORTION)
    portions = [instances[start : start + _PORTION] for start in starts]
    pool = worker_pool(num_workers)
    with (
        pool or contextlib.nullcontext(),
        tqdm.tqdm(
            total=len(instances), desc=f"{split} objects", unit="object", delay=2, leave=False
        ) as progress,
    ):
        for portion, result in zip(portions, (pool.map if pool else map)(work, portions), strict=True):
            yield result
            progress.update(len(portion))


def _random(split, instance, seed, stream):
    return np.random.default_rng((seed, tuple(NUM_INSTANCES).index(split), instance, stream))


def _object(split, instance, categories, seed):
    return CATEGORIES[categories[instance % len(categories)]].drawn(
        _random(split, instance, seed, _PARAMETERS)
    )


def _draw(split, instance, categories, seed, sketches_of, clutter):
    """Returns one object's photo, its sketches and for each of these the set of attributes it lacks."""
    thing = _object(split, instance, categories, seed)
    parts = thing.parts()
    random = _random(split, instance, seed, _PHOTO)
    placed = fitted(parts, random.uniform(0.66, 0.83), random.uniform(-32, 32, 2), thing.faces_right)
    photo = draw_photo(placed, thing.materials(random), random, clutter)
    # Hands do not draw the larger what the photo shows larger.
    placed = fitted(parts, 0.9, is_mirrored=thing.faces_right)
    hands = (_random(split, instance, seed, _SKETCH + hand) for hand in range(sketches_of))
    sketches, missing = zip(*(draw_sketch(placed, hand) for hand in hands), strict=True)
    return photo, sketches, missing


def _draw_some(instances, split, categories, seed, sketches_of, clutter, photo_input):
    """Draws some instances; returns their photos, `Drawings`, and a list of what each sketch lacks."""
    photos, sketches, missing = [], [], []
    for instance in instances:
        photo, hands, lacks = _draw(split, instance, categories, seed, sketches_of, clutter)
        photos.append(edge_map(photo) if photo_input == "edges" else photo)
        sketches += hands
        missing += lacks
    return np.stack(photos), Drawings(sketches, SIZE), missing


def _write_some(instances, folder, split, categories, seed):
    for instance in instances:
        photo, (sketch,), _ = _draw(split, instance, categories, seed, 1, CLUTTER)
        name = _instance_id(split, instance, categories)
        (folder / "photos" / f"{name}.png").write_bytes(encode_png(photo))
        (folder / "sketches" / f"{name}.png").write_bytes(encode_png(rasterize(sketch, SIZE)))
        write_svg(folder / "strokes" / f"{name}.svg", sketch)


def _attributes(thing, names):
    """Returns for each name 1 or 0, or -1 where the category has no such attribute."""
    return [int(thing.ATTRIBUTES[name](thing)) if name in thing.ATTRIBUTES else -1 for name in names]


def _write_attributes(path, split, instances, categories, seed):
    names = attribute_names(categories)
    files = [f"{_instance_id(split, instance, categories)}.png" for instance in instances]
    values = [_attributes(_object(split, instance, categories, seed), names) for instance in instances]
    write_attributes(path, files, names, values)


def _nearest_triplets(things, labels, sketches_of):
    """Returns `(num_triplets, 3)` int32 rows of sketch, closer photo, farther photo; or `None`."""
    rows = [np.empty((0, 3), np.int32)]
    for label in np.unique(labels):
        photos = np.flatnonzero(labels == label)
        looks = np.stack([things[photo].looks() for photo in photos])
        closer, farther = np.triu_indices(min(NUM_NEAREST, len(photos)), k=1)
        for start in range(0, len(photos), 256):
            some = photos[start : start + 256]
            nearest = photos[_nearest(looks[start : start + 256], looks)]
            pairs = np.stack([nearest[:, closer], nearest[:, farther]], axis=2)
            for sketch in range(sketches_of):
                sketches = np.broadcast_to(some[:, None, None] * sketches_of + sketch, (*pairs.shape[:2], 1))
                rows.append(np.concatenate([sketches, pairs], axis=2).reshape(-1, 3))
    triplets = np.concatenate(rows).astype(np.int32)
    if not len(triplets):
        return None
    return triplets[np.argsort(triplets[:, 0], kind="stable")]


def _nearest(queries, looks):
    """Returns the indices of the `NUM_NEAREST` looks that are nearest to each query, the nearest first."""
    num = min(NUM_NEAREST, len(looks))
    # Up to a constant of the query the squared distance; its rounding is made good by the sorting below.
    rough = np.sum(looks**2, axis=1) - 2 * queries @ looks.T
    nearest = np.argpartition(rough, num - 1, axis=1)[:, :num]
    distances = np.linalg.norm(looks[nearest] - queries[:, None], axis=2)
    return np.take_along_axis(nearest, np.argsort(distances, axis=1, kind="stable"), axis=1)
