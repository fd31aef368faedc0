"""Measuring a run on rated photos, with distractors and without, as users do it."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.common_files import write_image
from tests.common_processes import run_script
from tests.common_recipes import command, run
from tests.retrieval.tiny_run import write_tiny_run
from tfsbir import metrics
from tfsbir.data import RGB, bmvc14, category_folder, synthetic_folder, with_distractors
from tfsbir.data.held_out import name_fraction
from tfsbir.distances import Hamming, SquaredEuclidean
from tfsbir.preprocessing import center_crop
from tfsbir.retrieval import ITQ
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
        "--k=3", f"--sheet={work / 'sheet.png'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    split = with_distractors(bmvc14(work / "rated", "test", RGB), work / "others", RGB, 7)
    of_top = {f"mAP@3/{convention}" for convention in metrics.CONVENTIONS}
    assert set(found["metrics"]) == NAMES | of_top | {"mAP@all/voc", "precision@3", "precision@3/min"}
    assert {name: found["metrics"][name] for name in NAMES} == pytest.approx(expected(work, split, 4))
    assert (found["num_sketches"], found["num_photos"], found["num_distractors"]) == (4, 15, 7)
    assert (found["num_seen_photos"], found["codes"]) == (0, None)
    assert found["relevance_threshold"] == 4
    assert found["num_left_out"] == {"mAP@all": 0, "mid_grain_mAP@all": 0}
    with Image.open(work / "sheet.png") as sheet:
        assert sheet.width > 1000


@pytest.fixture(scope="module")
def zero_shot(work):
    """Two unseen and two seen classes, and what a run's encoders give for all of their images."""
    for label, name in enumerate(("ant", "bee", "cup", "dog")):
        for number in range(5):
            for domain in ("sketch", "photo"):
                seed = 100 * label + number + 50 * (domain == "photo")
                write_image(work / "classes" / domain / name / f"{number}.png", 256, seed)
    (work / "unseen.txt").write_text("bee\ndog\n", encoding="utf-8")
    splits = [
        category_folder(work / "classes", split, RGB, work / "unseen.txt") for split in ("test", "train")
    ]
    directory = RunDirectory(work / "run")
    return splits, [
        [
            np.asarray(directory.load_encoder(domain)(center_crop(images[:], 64)))
            for domain, images in (("sketch", split.sketches), ("photo", split.photos))
        ]
        for split in splits
    ]


def test_the_generalized_setting_codes_and_a_report(work, zero_shot):
    (test, train), ((sketch, photo), seen) = zero_shot
    done = evaluate(
        work, f"--unseen_classes={work / 'unseen.txt'}", "--generalized", "--codes=8",
        f"--report={work / 'report'}", dataset="category_folder", data_dir="classes",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["num_sketches"], found["num_photos"], found["num_seen_photos"]) == (10, 20, 10)
    assert found["num_left_out"] == {"mAP@all": 0}

    gallery = np.concatenate([photo, seen[1]])
    labels = np.concatenate([test.photo_labels, train.photo_labels + 2])
    expected = metrics.category_metrics(sketch, gallery, test.sketch_labels, labels, (100, 200))
    assert set(found["metrics"]) == {"precision@1", *expected.per_query}
    for name, value in expected.means().items():
        assert found["metrics"][name] == pytest.approx(value)

    # The codes are fitted on the training images, and photos with the same code stand in the order of a hash.
    itq = ITQ(8).fit(np.concatenate(seen))
    order = sorted(range(20), key=lambda i: name_fraction((*test.photo_ids, *train.photo_ids)[i]))
    expected = metrics.category_metrics(
        itq.transform(sketch), itq.transform(gallery[order]), test.sketch_labels, labels[order], (100, 200),
        Hamming(),
    ).means()  # fmt: skip
    assert (found["codes"]["num_bits"], found["codes"]["num_training_images"]) == (8, 20)
    for name, value in expected.items():
        assert found["codes"]["metrics"][name] == pytest.approx(value)

    names = {f"{one}.{kind}" for one in ("classes", "confusions") for kind in ("json", "png")}
    assert {path.name for path in (work / "report").iterdir()} == names | {
        "best_queries.png", "worst_queries.png",
    }  # fmt: skip
    classes = json.loads((work / "report" / "classes.json").read_text())
    assert [one["class"] for one in classes] == ["bee", "dog"]
    assert np.mean([one["metrics"]["mAP@200/voc"] for one in classes]) == pytest.approx(
        found["metrics"]["mAP@200/voc"]
    )


# One process for all, since TensorFlow takes seconds to load; a flag keeps its value unless it is unparsed.
CHECK = """
import sys
from recipes import evaluate
for arguments in sys.argv[1:]:
    evaluate.FLAGS.unparse_flags()
    for name in ("max_distractors", "relevance_threshold", "generalized", "codes", "report"):
        evaluate.FLAGS[name].unparse()
    evaluate.FLAGS(["recipe", "--workdir=run", "--num_workers=0", *arguments.split()])
    try:
        evaluate.main(None)
    except evaluate.InputError as error:
        print(error)
"""


def test_bad_flags_are_told(work, zero_shot):
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
        "--dataset=category_folder --data_dir=classes --generalized": (
            "`generalized` goes with `unseen_classes` and the split test. Received: None and test"
        ),
        "--dataset=bmvc14 --data_dir=rated --codes=8": (
            "`codes` goes with one dataset that has a split to train, which they are fitted on. "
            "Received: bmvc14"
        ),
        "--dataset=category_folder --data_dir=classes --codes=12": (
            "`codes` must be a multiple of 8, and at most 8, the length of an embedding. Received: 12"
        ),
        "--dataset=paired_folder --data_dir=pairs --report=report": (
            "`report` goes with a dataset of several classes that have sketches and photos. "
            "Received: paired_folder"
        ),
        "--dataset=photo_folder --data_dir=others": (
            "`dataset` must have photos, and sketches with a photo of their own or of several classes, in "
            "test. Received: photo_folder, which has not"
        ),
        "--dataset=bmvc14 --data_dir=rated --classes=list.txt": (
            "`classes` goes with `more_dataset`. Received: list.txt without it"
        ),
    }
    done = run_script(CHECK, *bad, cwd=work)
    printed = done.stdout.splitlines()
    assert len(printed) == len(bad), done.stderr
    for line, message in zip(printed, bad.values(), strict=True):
        assert line.startswith(message)
