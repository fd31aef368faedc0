"""The four stages of Sec. 4.4, each from the one before, on a few drawn objects."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.common_recipes import command, losses, run, run_killed_and_resumed
from tfsbir.data import synthetic_folder
from tfsbir.runs import RunDirectory
from tfsbir.strokes import VectorSketch, rasterize
from tfsbir.strokes.quickdraw import QuickDrawing, write_ndjson

SMALL = (
    "--steps=4", "--batch_size=4", "--checkpoint_every=2", "--eval_every=100", "--num_views=1",
    "--num_workers=0",
)  # fmt: skip
WORDS = ("triangle", "square", "pentagon")
STROKES = ("--removal_shares=0", "--removal_shares=0.3", "--deformation=1")


def polygon(corners, seed):
    """A polygon of so many strokes, in the frame of Quick, Draw!, by an unsteady hand."""
    random = np.random.default_rng((corners, seed))
    angles = np.linspace(0, 2 * np.pi, corners + 1) + random.uniform(0, 1)
    points = (
        127 + 110 * np.stack([np.cos(angles), np.sin(angles)], axis=1) + random.normal(0, 6, (corners + 1, 2))
    )
    strokes = [np.linspace(points[i], points[i + 1], 5).round().clip(0, 255) for i in range(corners)]
    return VectorSketch(strokes, (0, 0, 255, 255))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Triangles, squares and pentagons: drawings in `quickdraw`, sketches and photos in `categories`."""
    root = tmp_path_factory.mktemp("data")
    (root / "quickdraw").mkdir()
    for corners, word in enumerate(WORDS, 3):
        sketches = [polygon(corners, seed) for seed in range(10)]
        drawings = [QuickDrawing(sketch, word, key_id=str(i)) for i, sketch in enumerate(sketches)]
        write_ndjson(root / "quickdraw" / f"{word}.ndjson", drawings)
        for domain in ("sketch", "photo"):
            folder = root / "categories" / domain / word
            folder.mkdir(parents=True)
            for index, sketch in enumerate(sketches):
                image = rasterize(sketch, 64, line_width=2 if domain == "sketch" else 8)
                Image.fromarray(image[..., 0]).convert("RGB").save(folder / f"{index}.png")
    synthetic_folder(root / "objects", num_train=8, num_test=4, seed=0)
    return root


DATASETS = {
    1: ("category_folder", "categories"),
    2: ("quickdraw", "quickdraw"),
    3: ("category_folder", "categories"),
    4: ("paired_folder", "objects"),
}


def stage(number, data, workdir, *flags):
    name, folder = DATASETS[number]
    return command(
        "sketch_me_that_shoe", name, data / folder, workdir, f"--stage={number}", *SMALL, *flags
    )  # fmt: skip


@pytest.fixture(scope="module")
def stages(data, tmp_path_factory):
    """The work directories of the four stages, by number."""
    root = tmp_path_factory.mktemp("stages")
    sketches = ("--more_dataset=category_folder", f"--more_data_dir={data / 'categories'}")
    more = {1: (), 2: (*STROKES, *sketches), 3: ("--precision=mixed_bfloat16",), 4: ("--loss=triplet",)}
    for number, flags in more.items():
        start = (f"--weights={root / str(number - 1)}",) if number > 1 else ()
        done = run(stage(number, data, root / str(number), *start, *flags))
        assert done.returncode == 0, done.stderr
    return {number: root / str(number) for number in more}


def test_each_stage_writes_what_the_next_one_reads(stages):
    for number in (1, 2):
        written = RunDirectory(stages[number])
        assert set(written.result["metrics"]) == {"class_accuracy"}
        classifier, class_names = written.load_classifier()
        assert sorted(class_names) == sorted(WORDS)
        assert classifier.output_shape[-1] == 3
        assert written.load_encoder("sketch").output_shape == (None, 512)
        assert (written.figures / "classified.png").exists()
    third = RunDirectory(stages[3])
    # No sketch has a photo of its own there.
    assert set(third.result["metrics"]) == {"precision@1", "mAP@all"}
    assert third.config["category_pools"]["num_sketches"] > 0
    assert third.load_encoder("sketch").output_shape == (None, 256)
    assert {"acc@1", "acc@10"} <= set(RunDirectory(stages[4]).result["metrics"])


def test_a_stage_of_mixed_precision_leaves_a_model_in_float32(stages):
    trained = RunDirectory(stages[3]).load_encoder("sketch")
    assert {layer.dtype_policy.name for layer in trained.layers} == {"float32"}


def test_the_third_stage_draws_from_the_surest_sketches_alone(stages):
    with np.load(stages[3] / "features.npz") as found:
        assert 0 < len(found["representative"]) < len(found["sketch"])
        np.testing.assert_allclose(np.linalg.norm(found["photo"], axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("number", [2, 3])
def test_a_killed_stage_ends_like_an_undisturbed_one(data, stages, tmp_path, number):
    given = RunDirectory(stages[number]).config["given_flags"]
    more = {2: STROKES, 3: ("--precision=mixed_bfloat16",)}[number]
    more += tuple(f"--{name}={given[name]}" for name in ("more_dataset", "more_data_dir") if name in given)
    arguments = stage(number, data, tmp_path / "killed", f"--weights={stages[number - 1]}", *more)
    resumed = run_killed_and_resumed(arguments, tmp_path / "killed")
    np.testing.assert_allclose(losses(tmp_path / "killed"), losses(stages[number]), atol=1e-6)
    assert json.loads(resumed.stdout)["metrics"] == pytest.approx(
        RunDirectory(stages[number]).result["metrics"]
    )


@pytest.mark.parametrize("loss", ["contrastive", "info_nce"])
def test_two_branches_start_from_one_encoder_and_part(data, stages, tmp_path, loss):
    done = run(
        stage(
            4, data, tmp_path / "two", f"--weights={stages[3]}", "--branches=heterogeneous", f"--loss={loss}"
        )
    )
    assert done.returncode == 0, done.stderr
    two = RunDirectory(tmp_path / "two")
    weights = [two.load_encoder(domain).get_layer("fc7").get_weights()[0] for domain in ("sketch", "photo")]
    start = RunDirectory(stages[3]).load_encoder("sketch").get_layer("fc7").get_weights()[0]
    assert 0 < np.abs(weights[0] - weights[1]).max() < 0.1
    assert 0 < np.abs(weights[0] - start).max() < 0.1


def test_what_leads_to_the_first_trained_layer_stays_as_it_was(data, stages, tmp_path):
    done = run(stage(4, data, tmp_path / "frozen", f"--weights={stages[3]}", "--train_from=fc6", "--steps=2"))
    assert done.returncode == 0, done.stderr
    before, after = (RunDirectory(path).load_encoder("sketch") for path in (stages[3], tmp_path / "frozen"))
    for name, is_same in (("conv1", True), ("conv5", True), ("fc6", False), ("fc7", False)):
        pair = [model.get_layer(name).get_weights()[0] for model in (before, after)]
        assert np.array_equal(*pair) == is_same
    assert len(after.trainable_variables) == len(before.trainable_variables)


@pytest.mark.parametrize(
    ("number", "flags", "message"),
    [
        (3, (), "`representative_share` below 1 needs the classifier of a run as `weights`"),
        (1, ("--loss=triplet",), "`loss` belongs to stage 4. Received: triplet with `stage` 1"),
        (2, ("--backbone=squeezenet",), "`backbone` must be sketch_a_net to learn to classify"),
        (2, ("--weights=nowhere.keras",), "nowhere.keras: expected a trained encoder"),
        (2, ("--weights=weights.h5",), "`weights` must be a run or a .keras encoder"),
    ],
)
def test_bad_input_is_one_line(data, tmp_path, number, flags, message):
    done = run(stage(number, data, tmp_path / "run", *flags))
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert message in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_set_of_one_category_cannot_be_classified(data, tmp_path):
    flags = ("--dataset=paired_folder", f"--data_dir={data / 'objects'}")
    done = run(stage(1, data, tmp_path / "run", *flags))
    assert done.returncode == 1
    assert "`dataset` must have photos of 2 classes to learn" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_classifier_must_know_every_class(data, stages, tmp_path):
    shutil.copytree(data / "categories", tmp_path / "categories")
    for domain in ("sketch", "photo"):
        (tmp_path / "categories" / domain / "square").rename(tmp_path / "categories" / domain / "spoon")
    flags = (f"--data_dir={tmp_path / 'categories'}", f"--weights={stages[2]}")
    done = run(stage(3, data, tmp_path / "run", *flags))
    assert done.returncode == 1
    assert "which did not learn spoon" in done.stderr.strip().splitlines()[-1]
