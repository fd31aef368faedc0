"""The zero-shot recipe as users run it, on a few images of some classes."""

import json
import types

import numpy as np
import pytest

from recipes.common import data
from tests.common_files import write_image
from tests.common_processes import ROOT
from tests.common_recipes import command, losses, run, run_killed_and_resumed
from tests.common_tables import run_each
from tfsbir.data.held_out import held_out
from tfsbir.data.photo_reader import RGB
from tfsbir.runs import RunDirectory

SEEN = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu")
UNSEEN = ("hen", "owl")
SMALL = (
    "--photo_input=rgb", "--backbone=pooled_squeezenet", "--embedding_dim=16",
    "--train_from=fire9_squeeze1x1", "--steps=4", "--batch_size=4", "--eval_every=2", "--checkpoint_every=2",
    "--num_views=1", "--num_workers=0", "--validation_share=0.45", "--domain_delay=0", "--domain_ramp=1",
    "--head_steps=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three sketches and photos of each class; the list of unseen classes; word vectors of all."""
    root = tmp_path_factory.mktemp("data")
    for label, name in enumerate((*SEEN, *UNSEEN)):
        for number in range(3):
            seed = 10 * label + number
            write_image(root / "animals/sketch" / name / f"{number}.png", 64, seed)
            write_image(root / "animals/photo" / name / f"{number}.jpg", 64, seed)
    (root / "unseen.txt").write_text("\n".join(UNSEEN), encoding="utf-8")
    vectors = np.random.default_rng(0).normal(size=(9, 5)).astype("float32")
    np.savez(root / "words.npz", names=np.array([*SEEN, *UNSEEN]), vectors=vectors)
    return root


def training(folder, workdir, *flags):
    lists = (f"--unseen_classes={folder / 'unseen.txt'}", f"--word_vectors={folder / 'words.npz'}")
    return command("doodle_to_search", "category_folder", folder / "animals", workdir, *lists, *SMALL, *flags)


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """The workdir of an undisturbed run of the full model."""
    workdir = tmp_path_factory.mktemp("runs") / "finished"
    done = run(training(folder, workdir))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == RunDirectory(workdir).result
    return workdir


def test_the_best_on_held_out_seen_classes_is_tested_on_unseen_ones(finished):
    directory = RunDirectory(finished)
    held = held_out(SEEN, 0.45)
    assert held == {"ant", "bee", "eel"}
    assert set(directory.config["validation_classes"]) == held
    assert not directory.is_siamese
    observed = {
        line["step"]: line["validation/mAP@all"]
        for line in directory.metrics()
        if "validation/mAP@all" in line
    }
    assert list(observed) == [2, 4]
    best_step = directory.config["best_step"]
    metrics = directory.result["metrics"]
    assert metrics["mAP@all/validation"] == max(observed.values()) == observed[best_step]
    assert f"best-{best_step}.npz" in {path.name for path in finished.glob("best-*.npz")}
    with np.load(finished / f"best-{best_step}.npz") as best:
        for domain in ("sketch", "photo"):
            weights = directory.load_encoder(domain).get_weights()
            for index, weight in enumerate(weights):
                np.testing.assert_array_equal(weight, best[f"{domain}/{index}"])
    assert {"precision@1", "mAP@all", "mAP@200/found", "mAP@200/voc", "precision@200"} <= set(metrics)
    name = "validation/domain_accuracy"
    accuracies = [line[name] for line in directory.metrics() if name in line]
    assert len(accuracies) == 2 and all(0 <= accuracy <= 1 for accuracy in accuracies)
    assert (directory.figures / "ranked_results.png").exists()


def test_a_killed_run_ends_like_an_undisturbed_one(folder, finished, tmp_path):
    workdir = tmp_path / "killed"
    run_killed_and_resumed(training(folder, workdir), workdir)
    np.testing.assert_allclose(losses(workdir), losses(finished), atol=1e-6)
    assert RunDirectory(workdir).config["best_step"] == RunDirectory(finished).config["best_step"]
    weights = [RunDirectory(path).load_encoder("sketch").get_weights() for path in (workdir, finished)]
    for resumed, undisturbed in zip(*weights, strict=True):
        np.testing.assert_allclose(resumed, undisturbed, atol=1e-6)


def test_two_replicas_train_what_one_does_without_any_of_the_parts(folder, tmp_path):
    base = (
        "--noattention --domain_weight=0 --semantic_weight=0 --optimizer=sgd --learning_rate=1e-3 --steps=2"
    )
    for name, strategy in (("one", ()), ("two", ("--strategy=mirrored", "--num_replicas=2"))):
        done = run(training(folder, tmp_path / name, *base.split(), *strategy))
        assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(losses(tmp_path / "one"), losses(tmp_path / "two"), rtol=1e-3)
    layers = [layer.name for layer in RunDirectory(tmp_path / "one").load_encoder("photo").layers]
    assert "attention" not in layers


def test_the_last_layer_has_a_rate_of_its_own(folder, tmp_path):
    still = ("--learning_rate=0", "--head_learning_rate=0", "--weight_decay=0", "--steps=2")
    for name, rate in (("still", 0), ("moved", 0.01)):
        done = run(training(folder, tmp_path / name, *still, f"--projection_learning_rate={rate}"))
        assert done.returncode == 0, done.stderr
    for domain in ("sketch", "photo"):
        before, after = (RunDirectory(tmp_path / name).load_encoder(domain) for name in ("still", "moved"))
        for layer in before.layers:
            pairs = zip(layer.get_weights(), after.get_layer(layer.name).get_weights(), strict=True)
            is_kept = [np.array_equal(*pair) for pair in pairs]
            assert not any(is_kept) if layer.name == "projection" else all(is_kept), layer.name


def test_training_ends_when_it_gets_no_better(folder, tmp_path):
    # Nothing is learned, so that the first evaluation stays the best.
    still = "--learning_rate=0 --head_learning_rate=0 --weight_decay=0 --steps=20 --eval_every=1 --patience=2"
    done = run(training(folder, tmp_path / "run", *still.split()))
    assert done.returncode == 0, done.stderr
    assert len(losses(tmp_path / "run")) == 3
    assert RunDirectory(tmp_path / "run").config["best_step"] == 1


def test_errors_say_what_is_wrong(folder, tmp_path):
    np.savez(tmp_path / "few.npz", names=np.array(["cat", "dog"]), vectors=np.ones((2, 3), np.float32))
    whole = training(folder, tmp_path / "run")[3:]  # Without `python -m recipes.doodle_to_search`.
    cases = {
        (*(flag for flag in whole if not flag.startswith("--unseen")),): (
            "`unseen_classes` must name a file of the classes to test on, which are not trained on. "
            "Received: nothing\n"
        ),
        (*whole, "--validation_share=0"): (
            "`validation_share` must leave 2 of the 7 seen classes or more on either side. "
            "Received: 0.0, which holds out 1\n"
        ),
        (*whole, f"--word_vectors={tmp_path / 'few.npz'}"): (
            f"{tmp_path / 'few.npz'}: expected a vector of the class fox, as one word or of each of its "
            "words; found none of fox (and nothing near fox)\n"
        ),
    }
    assert run_each("recipes.doodle_to_search", ROOT, list(cases)) == list(cases.values())
    assert not (tmp_path / "run").exists()


def test_a_second_data_set_is_trained_on_where_its_classes_are(folder, tmp_path, monkeypatch):
    drawing = {"key_id": "1", "word": "", "drawing": [[[0, 255], [0, 255]]]}
    (tmp_path / "quickdraw").mkdir()
    for name in (*SEEN, *UNSEEN, "zebra"):
        lines = [json.dumps({**drawing, "word": name, "key_id": str(number)}) for number in range(10)]
        (tmp_path / "quickdraw" / f"{name}.ndjson").write_text("\n".join(lines), encoding="utf-8")
    more = ("--more_dataset=quickdraw", f"--more_data_dir={tmp_path / 'quickdraw'}", "--steps=2")
    done = run(training(folder, tmp_path / "run", *more))
    assert done.returncode == 0, done.stderr
    assert RunDirectory(tmp_path / "run").result["metrics"]["mAP@all"] > 0
    values = types.SimpleNamespace(
        dataset="category_folder",
        data_dir=folder / "animals",
        unseen_classes=folder / "unseen.txt",
        validation_share=0.45,
        more_dataset="quickdraw",
        more_data_dir=tmp_path / "quickdraw",
        cache_dir=None,
    )
    monkeypatch.setattr(data, "FLAGS", values)
    train, validation, test = data.load_zero_shot(read_photo=RGB)
    assert set(train.class_names) == set(SEEN) - held_out(SEEN, 0.45)
    added = [name for name in train.sketch_ids if name.startswith("quickdraw/")]
    assert {name.split("/")[1] for name in added} == set(train.class_names)
    for other in (validation, test):
        assert not any("quickdraw" in name for name in other.sketch_ids)
