"""Measuring a run on rated photos, with distractors and without, as users do it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.common_files import write_image
from tests.common_recipes import ROOT, command, run
from tests.retrieval.tiny_run import write_tiny_run
from tfsbir import metrics
from tfsbir.data import RGB, bmvc14, synthetic_folder, with_distractors
from tfsbir.distances import SquaredEuclidean
from tfsbir.preprocessing import center_crop
from tfsbir.runs import RunDirectory

NAMES = {"precision@1", "mAP@all", "mid_grain_mAP@all"}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """An untrained run, rated cats and dogs in the layout of bmvc14, and a folder of other photos."""
    root = tmp_path_factory.mktemp("work")
    RunDirectory(root / "run").start({"recipe": "tiny", "flags": {}, "dataset": {}})
    write_tiny_run(root / "run", is_siamese=False, photo_input="rgb")
    random = np.random.default_rng(0)
    for label, name in enumerate(("cat", "dog")):
        for number in range(4):
            write_image(root / "rated" / name / "photo" / f"{number}.jpg", 256, 10 * label + number)
        for number in range(2):
            write_image(root / "rated" / name / "sketch" / f"{number}.png", 256, 50 + 10 * label + number)
        rows = random.integers(0, 3, (4, 2 * 4))
        rows[0] = 2  # The first photo is relevant to both sketches,
        if name == "dog":
            rows[:, 4:] = 1  # but the second dog has none at a threshold of 5.
        text = "\n".join(",".join(map(str, row)) for row in rows.tolist())
        (root / "rated" / name / "ratings.csv").write_text(text, encoding="utf-8")
    for number in range(9):
        write_image(root / "others" / f"{number}.jpg", 256, 90 + number)
    return root


def evaluate(work, *flags, dataset="bmvc14", data_dir="rated"):
    small = ("--num_views=1", "--num_workers=0")
    return run(command("evaluate", dataset, work / data_dir, work / "run", *small, *flags))


def expected(work, split, threshold):
    """Returns the metrics by the functions of `tfsbir.metrics`."""
    directory = RunDirectory(work / "run")
    sketch, photo = (
        np.asarray(directory.load_encoder(domain)(center_crop(images, 64)))
        for domain, images in (("sketch", split.sketches[:]), ("photo", split.photos[:]))
    )
    distances = np.asarray(SquaredEuclidean().pairwise(sketch, photo))
    of_class = split.sketch_labels[:, None] == split.photo_labels
    rated = metrics.rated_relevance(split.ratings, threshold)
    return {
        "precision@1": np.mean(metrics.precision_at_k(distances, of_class, 1, "k")),
        "mAP@all": metrics.mean_average_precision(distances, of_class, None, "found"),
        "mid_grain_mAP@all": metrics.mean_average_precision(distances, rated, None, "found"),
    }


def test_rated_photos(work):
    done = evaluate(work)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["metrics"]) == NAMES
    assert found["metrics"] == pytest.approx(expected(work, bmvc14(work / "rated", "test", RGB), 5))
    assert (found["num_sketches"], found["num_photos"], found["num_distractors"]) == (4, 8, 0)
    assert found["relevance_threshold"] == 5
    assert found["num_left_out"] == {"mAP@all": 0, "mid_grain_mAP@all": 1}


def test_distractors_are_in_the_gallery_and_the_metrics_keep_their_names(work):
    done = evaluate(
        work, f"--distractors_dir={work / 'others'}", "--max_distractors=7", "--relevance_threshold=4",
        f"--sheet={work / 'sheet.png'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    split = with_distractors(bmvc14(work / "rated", "test", RGB), work / "others", RGB, 7)
    assert set(found["metrics"]) == NAMES
    assert found["metrics"] == pytest.approx(expected(work, split, 4))
    assert (found["num_sketches"], found["num_photos"], found["num_distractors"]) == (4, 15, 7)
    assert found["relevance_threshold"] == 4
    assert found["num_left_out"] == {"mAP@all": 0, "mid_grain_mAP@all": 0}
    with Image.open(work / "sheet.png") as sheet:
        assert sheet.width > 1000


# One process for all, since TensorFlow takes seconds to load; a flag keeps its value unless it is unparsed.
CHECK = """
import sys
from recipes import evaluate
for arguments in sys.argv[1:]:
    evaluate.FLAGS.unparse_flags()
    for name in ("max_distractors", "relevance_threshold"):
        evaluate.FLAGS[name].unparse()
    evaluate.FLAGS(["recipe", "--workdir=run", "--num_workers=0", *arguments.split()])
    try:
        evaluate.main(None)
    except evaluate.InputError as error:
        print(error)
"""


def test_bad_flags_are_told(work):
    synthetic_folder(work / "pairs", num_train=2, num_test=2, seed=0)
    bad = {
        "--dataset=bmvc14 --data_dir=rated --max_distractors=3": (
            "`max_distractors` goes with `distractors_dir`. Received: 3"
        ),
        "--dataset=bmvc14 --data_dir=rated --relevance_threshold=9": (
            "`relevance_threshold` must leave a relevant photo for some sketch. Received: 9, by which"
        ),
        "--dataset=paired_folder --data_dir=pairs --relevance_threshold=4": (
            "`relevance_threshold` goes with a dataset that has ratings. Received: 4 with paired_folder"
        ),
        "--dataset=photo_folder --data_dir=others": (
            "`dataset` must have photos, and sketches with a photo of their own or of several classes, in "
            "test. Received: photo_folder, which has not"
        ),
        "--dataset=bmvc14 --data_dir=rated --classes=list.txt": (
            "`classes` goes with `more_dataset`. Received: list.txt without it"
        ),
    }
    done = subprocess.run(
        [sys.executable, "-c", CHECK, *bad], cwd=work, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    printed = done.stdout.splitlines()
    assert len(printed) == len(bad), done.stderr
    for line, message in zip(printed, bad.values(), strict=True):
        assert line.startswith(message)
