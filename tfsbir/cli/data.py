"""Shows what a dataset holds, and whether all of it can be read.

    tfsbir data --dataset=paired_folder --data_dir=shoes --sheet=shoes.png

Reads every image of the splits train and test and counts sketches, photos, triplets and classes. Problems
are listed on stderr (a split that cannot be read, a blank image, a photo that is in both splits), and
with any of them the exit code is 1. The sheet shows a few sketches beside their photos, as a model sees them.
"""

import io
import json
import sys
from pathlib import Path

import numpy as np
from absl import flags

from tfsbir import files
from tfsbir.cli.command import check_sheet_path, parse_flags, quiet_start
from tfsbir.errors import InputError

SPLITS = ("train", "test")
SHEET_PAIRS = 4

FLAGS = flags.FlagValues()
flags.DEFINE_string("dataset", None, "paired_folder, qmul_v1 or synthetic.", flag_values=FLAGS)
flags.DEFINE_string(
    "data_dir", None, "Folder of the dataset; synthetic is drawn and needs none.", flag_values=FLAGS
)
flags.DEFINE_string("sheet", None, "PNG file to draw some sketch-photo pairs in.", flag_values=FLAGS)
flags.DEFINE_bool("json", False, "Print one JSON document instead of text.", flag_values=FLAGS)


def main(argv):
    """Runs `tfsbir data` and returns its exit code, 1 where it found a problem."""
    parse_flags(argv, FLAGS, __doc__, required=("dataset",))
    if FLAGS.sheet is not None:
        check_sheet_path(FLAGS.sheet)
    with quiet_start():
        from tfsbir.data import DATASETS
    if FLAGS.dataset not in DATASETS:
        raise InputError(f"`--dataset` must be one of {', '.join(DATASETS)}. Received: {FLAGS.dataset}")
    if FLAGS.dataset != "synthetic":
        if not FLAGS.data_dir:
            raise InputError(f"`--data_dir` must be given for {FLAGS.dataset}. Received: nothing")
        if not Path(FLAGS.data_dir).is_dir():
            raise InputError(
                f"{FLAGS.data_dir}: expected the folder of {FLAGS.dataset}; there is no such folder"
            )

    names, splits, problems = SPLITS, {}, []
    if FLAGS.dataset == "paired_folder":
        # A user's folder may have one of the two only; without either, the first is reported as missing.
        names = [name for name in SPLITS if Path(FLAGS.data_dir, name).is_dir()] or SPLITS[:1]
    for name in names:
        try:
            splits[name] = DATASETS[FLAGS.dataset](FLAGS.data_dir, name)
        except InputError as error:
            problems.append({"split": name, "problem": str(error)})
        else:
            problems += [{"split": name, "problem": problem} for problem in _blank_images(splits[name])]
    problems += _shared_photos(splits)

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
        "triplets": 0 if split.triplets is None else len(split.triplets),
        "classes": len(np.unique(split.labels)),
    }


def _print_table(counts):
    columns = ("sketches", "photos", "triplets", "classes")
    print("split  ", *(f"{column:>9}" for column in columns))
    for name, row in counts.items():
        print(f"{name:7}", *(f"{row[column]:>9}" for column in columns))


def _blank_images(split):
    """Returns a problem for each kind of image that has one of a single colour."""
    problems = []
    for kind, images, ids in (
        ("sketch", split.sketches, split.sketch_ids),
        ("photo", split.photos, split.photo_ids),
    ):
        flat = images.reshape(len(images), -1)
        blank = [ids[index] for index in np.flatnonzero(flat.min(axis=1) == flat.max(axis=1))]
        if blank:
            problems.append(f"{kind} {blank[0]} is blank" + _and_more(len(blank) - 1))
    return problems


def _shared_photos(splits):
    """Returns a problem if a photo that is trained on is tested on as well."""
    if len(splits) < 2:
        return []
    train, test = splits["train"], splits["test"]
    known = {photo.tobytes(): train.photo_ids[index] for index, photo in enumerate(train.photos)}
    shared = [
        f"photo {test.photo_ids[index]} is also in train, as {known[photo.tobytes()]}"
        for index, photo in enumerate(test.photos)
        if photo.tobytes() in known
    ]
    return [{"split": "test", "problem": shared[0] + _and_more(len(shared) - 1)}] if shared else []


def _and_more(count):
    return f" (and {count} more)" if count else ""


def _write_sheet(path, dataset, splits):
    from tfsbir.figures import Row, Tile, contact_sheet

    rows = []
    for split in splits:
        tiles = []
        chosen = np.linspace(0, len(split.sketches) - 1, min(SHEET_PAIRS, len(split.sketches)))
        for sketch in chosen.astype(int):
            photo = split.sketch_photo[sketch]
            tiles.append(Tile(split.sketches[sketch], f"{split.split} {split.sketch_ids[sketch]}"))
            tiles.append(Tile(split.photos[photo], f"{split.split} {split.photo_ids[photo]}"))
        rows.append(Row(None, tiles))
    title = f"{dataset}: sketches and their photos"
    sheet = contact_sheet(rows, title=title, header=["sketch", "photo"] * SHEET_PAIRS)
    data = io.BytesIO()
    sheet.save(data, "PNG")
    files.write_bytes(path, data.getvalue())
