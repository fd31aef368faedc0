"""Shows what a dataset holds, and whether all of it can be read.

    tfsbir data --dataset=paired_folder --data_dir=shoes --sheet=shoes.png

Reads every image of the dataset's splits and counts sketches, photos, sketches with a photo of their own,
triplets, classes and attributes. Problems are listed on stderr (a split that cannot be read, a broken or
blank image, a photo that is in two splits), and with any of them the exit code is 1. The sheet shows a few
sketches beside their photos, or photos where there are no sketches, as a model sees them.
"""

import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
from absl import flags
from tqdm import tqdm

from tfsbir import files
from tfsbir.cli.command import check_sheet_path, parse_flags, quiet_start
from tfsbir.errors import InputError

COLUMNS = ("sketches", "photos", "pairs", "triplets", "classes", "attributes")
SHEET_PAIRS = 4

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "dataset",
    None,
    # Spelled out, since `--help` does not wait for the data sets' modules.
    "bmvc14, category_folder, chairv2, common65c, handbag, midgrain65c, paired_folder, photo_folder, "
    "qmul_v1, quickdraw, quickdraw_extended, shoev1_attributes, sketchy, synthetic or tuberlin.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "data_dir", None, "Folder of the dataset; synthetic is drawn and needs none.", flag_values=FLAGS
)
flags.DEFINE_string(
    "unseen_classes",
    None,
    "File of class names, one a line: the training split is all other classes, the test split these.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "photo_input", "edges", ["edges", "rgb"], "Photos as edge maps or in colour.", flag_values=FLAGS
)
flags.DEFINE_string("sheet", None, "PNG file to draw some sketches and photos in.", flag_values=FLAGS)
flags.DEFINE_bool("json", False, "Print one JSON document instead of text.", flag_values=FLAGS)


def main(argv):
    """Runs `tfsbir data` and returns its exit code, 1 where it found a problem."""
    parse_flags(argv, FLAGS, __doc__, required=("dataset",))
    if FLAGS.sheet is not None:
        check_sheet_path(FLAGS.sheet)
    with quiet_start():
        from tfsbir.data.datasets import DATASETS, load
        from tfsbir.data.photo_reader import PhotoReader
    if FLAGS.dataset not in DATASETS:
        raise InputError(f"`dataset` must be one of {', '.join(DATASETS)}. Received: {FLAGS.dataset}")
    names = DATASETS[FLAGS.dataset].splits
    if FLAGS.dataset == "paired_folder" and FLAGS.data_dir:
        # A user's folder may have one of the two only; without either, the first is reported as missing.
        names = [name for name in names if Path(FLAGS.data_dir, name).is_dir()] or names[:1]
    splits, problems, failures = {}, [], []
    for name in names:
        try:
            splits[name] = load(
                FLAGS.dataset, FLAGS.data_dir, name, PhotoReader(FLAGS.photo_input), FLAGS.unseen_classes
            )
        except InputError as error:
            failures.append(error)
            problems.append({"split": name, "problem": str(error)})
    if not splits and len({str(error) for error in failures}) == 1 and len(names) > 1:
        raise failures[0]  # Nothing of any split's own: a flag or the folder as a whole.
    problems += _check_images(splits)
    if FLAGS.sheet is not None and splits:
        _write_sheet(FLAGS.sheet, FLAGS.dataset, splits.values())
    counts = {name: _counts(split) for name, split in splits.items()}
    if FLAGS.json:
        result = {
            "dataset": FLAGS.dataset,
            "data_dir": FLAGS.data_dir,
            "splits": counts,
            "problems": problems,
        }
        print(json.dumps(result, indent=2))
    else:
        _print_table(counts)
        print(f"{len(problems)} problems found" if len(problems) != 1 else "1 problem found")
    for problem in problems:
        print(f"problem: {problem['split']}: {problem['problem']}", file=sys.stderr)
    return 1 if problems else 0


def _counts(split):
    return {
        "sketches": len(split.sketches),
        "photos": len(split.photos),
        "pairs": len(split.paired_sketches),
        "triplets": 0 if split.triplets is None else len(split.triplets),
        "classes": len(np.unique(np.concatenate([split.sketch_labels, split.photo_labels]))),
        "attributes": len(split.attribute_names),
    }


def _print_table(counts):
    print("split  ", *(f"{column:>10}" for column in COLUMNS))
    for name, row in counts.items():
        print(f"{name:7}", *(f"{row[column]:>10}" for column in COLUMNS))


def _check_images(splits):
    """Looks at every image; returns problems: what cannot be read, what is blank, photos of two splits."""
    problems = []
    total = sum(len(split.sketches) + len(split.photos) for split in splits.values())
    first_seen = {}  # Photos by the hash of their pixels.
    with tqdm(total=total, desc="images", unit="image", delay=2, leave=False) as progress:
        for name, split in splits.items():
            broken, blank_sketches, blank_photos, shared = [], [], [], []
            for index, sketch_id in enumerate(split.sketch_ids):
                progress.update()
                image = _image(split.sketches, index, broken)
                if image is not None and image.min() == image.max():
                    blank_sketches.append(f"sketch {sketch_id} is blank")
            for index, photo_id in enumerate(split.photo_ids):
                progress.update()
                image = _image(split.photos, index, broken)
                if image is None:
                    continue
                if image.min() == image.max():
                    blank_photos.append(f"photo {photo_id} is blank")
                    continue
                digest = hashlib.sha256(image.tobytes()).digest()
                other, other_id = first_seen.setdefault(digest, (name, photo_id))
                if other != name:
                    shared.append(f"photo {photo_id} is also in {other}, as {other_id}")
            for kind in (broken, blank_sketches, blank_photos, shared):
                if kind:
                    problems.append({"split": name, "problem": kind[0] + _and_more(len(kind) - 1)})
    return problems


def _image(images, index, broken):
    """Returns one image, or `None` where it cannot be read; the reason is appended to `broken`."""
    try:
        return images[index]
    except InputError as error:
        broken.append(str(error))
        return None


def _and_more(count):
    return f" (and {count} more)" if count else ""


def _write_sheet(path, dataset, splits):
    from tfsbir.figures import Row, Tile, contact_sheet

    rows = []
    for split in splits:
        tiles = []
        chosen = np.linspace(0, len(split.sketches) - 1, min(SHEET_PAIRS, len(split.sketches)))
        for sketch in chosen.astype(int):
            tiles.append(Tile(split.sketches[sketch], f"{split.split} {split.sketch_ids[sketch]}"))
            photo = split.sketch_photo[sketch]
            if photo < 0:  # Any photo of the class will do.
                photo = next(iter(np.flatnonzero(split.photo_labels == split.sketch_labels[sketch])), -1)
            if photo >= 0:
                tiles.append(Tile(split.photos[photo], f"{split.split} {split.photo_ids[photo]}"))
        if not len(split.sketches):
            chosen = np.linspace(0, len(split.photos) - 1, min(SHEET_PAIRS, len(split.photos)))
            for photo in chosen.astype(int):
                tiles.append(Tile(split.photos[photo], f"{split.split} {split.photo_ids[photo]}"))
        rows.append(Row(None, tiles))
    shown, header = "sketches and their photos", ["sketch", "photo"]
    if not any(len(split.photos) for split in splits):
        shown, header = "sketches", ["sketch"]
    elif not any(len(split.sketches) for split in splits):
        shown, header = "photos", ["photo"]
    sheet = contact_sheet(rows, title=f"{dataset}: {shown}", header=header * SHEET_PAIRS)
    data = io.BytesIO()
    sheet.save(data, "PNG")
    files.write_bytes(path, data.getvalue())
