"""The baselines as users run them, on a few drawn objects that someone compared."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.common_processes import run_module
from tests.common_recipes import command
from tests.retrieval.tiny_run import write_tiny_run
from tfsbir.baselines import BagOfHOG, RankSVM, dense_hog
from tfsbir.data import qmul_v1, synthetic, synthetic_folder
from tfsbir.metrics import accuracy, triplet_accuracy
from tfsbir.preprocessing import center_crop
from tfsbir.runs import RunDirectory


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A folder in the form of QMUL V1: 8 pairs to train, 5 to test, and triplets."""
    root = tmp_path_factory.mktemp("data") / "shoes"
    annotation = {}
    for name, count in (("train", 8), ("test", 5)):
        split = synthetic(name, count, categories=("shoe",))
        pairs = split.sketch_photo.tolist()
        for folder, images in (("sketches", split.sketches), ("edges", split.photos)):
            (root / name / folder).mkdir(parents=True)
            for index in range(count):
                pixels = np.asarray(images[index : index + 1])[0, :, :, 0]
                Image.fromarray(pixels).save(root / name / folder / f"{name}{index}.png")
        assert pairs == list(range(count))
        annotation[name] = {
            "images": [f"{name}{index}.png" for index in range(count)],
            "sketches": [f"{name}{index}.png" for index in range(count)],
            "triplets": [[[own, other] for other in pairs if other != own] for own in pairs],
        }
    (root / "annotation").mkdir()
    (root / "annotation" / "shoes_annotation.json").write_text(json.dumps(annotation))
    return root


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A paired folder of which nobody compared the photos."""
    root = tmp_path_factory.mktemp("data") / "objects"
    synthetic_folder(root, num_train=8, num_test=5, seed=0)
    return root


def run(baseline, folder, workdir, *flags, dataset="qmul_v1"):
    given = (f"--baseline={baseline}", "--num_workers=0", *flags)
    return run_module(command("handcrafted_baselines", dataset, folder, workdir, *given))


def measured(machine, test, describe_sketches, describe_photos):
    """The metrics as the library's parts give them when put together by hand."""
    distances = machine.distances(describe_sketches(test.sketches), describe_photos(test.photos))
    return {
        "acc@1": accuracy(distances, test.sketch_photo, k=1),
        "acc@10": accuracy(distances, test.sketch_photo, k=10),
        "triplet_accuracy": triplet_accuracy(distances, test.triplets),
    }


@pytest.fixture(scope="module")
def finished(compared, tmp_path_factory):
    """The workdir of the dense HOG, and what it printed."""
    workdir = tmp_path_factory.mktemp("runs") / "dense_hog"
    done = run("dense_hog", compared, workdir)
    assert done.returncode == 0, done.stderr
    return workdir, done


def test_the_run_directory_is_as_promised(finished):
    workdir, done = finished
    found = {str(path.relative_to(workdir)) for path in workdir.rglob("*") if path.is_file()}
    assert found == {
        "config.json", "lock", "metrics.jsonl", "result.json", "model/rank_svm.npz",
        "figures/ranked_results.png",
    }  # fmt: skip
    directory = RunDirectory(workdir)
    assert json.loads(done.stdout) == directory.result
    assert set(directory.result) == {"recipe", "dataset", "split", "seed", "steps", "seconds", "metrics"}
    assert set(directory.result["metrics"]) == {"acc@1", "acc@10", "triplet_accuracy"}
    assert directory.result["steps"] >= 1
    assert directory.config["flags"]["baseline"] == "dense_hog"
    (line,) = directory.metrics()
    assert line["test/acc@1"] == directory.result["metrics"]["acc@1"]


def test_dense_hog_is_the_library_s_parts_put_together(compared, finished):
    train, test = (qmul_v1(compared, name) for name in ("train", "test"))
    machine = RankSVM().fit(dense_hog(train.sketches), dense_hog(train.photos), train.triplets)
    with np.load(finished[0] / "model" / "rank_svm.npz", allow_pickle=False) as arrays:
        assert arrays["weights"].shape == (200_704,)
        np.testing.assert_allclose(arrays["weights"], machine.weights, rtol=1e-3, atol=1e-6)
    expected = measured(machine, test, dense_hog, dense_hog)
    assert RunDirectory(finished[0]).result["metrics"] == pytest.approx(expected)
    assert expected["triplet_accuracy"] > 0.5  # Drawn shoes are easy.


def test_a_finished_run_prints_its_result_and_computes_nothing(compared, finished):
    workdir, done = finished
    before = (workdir / "model" / "rank_svm.npz").stat().st_mtime_ns
    again = run("dense_hog", compared, workdir)
    assert again.returncode == 0
    assert again.stdout == done.stdout
    assert (workdir / "model" / "rank_svm.npz").stat().st_mtime_ns == before


def test_other_flags_need_another_workdir(compared, finished):
    done = run("dense_hog", compared, finished[0], "--C=3")
    assert done.returncode == 1
    assert "error: `C` must be 10.0, as when" in done.stderr


def test_bag_of_hog_keeps_its_words(compared, tmp_path):
    done = run("bag_of_hog", compared, tmp_path / "run", "--seed=3", "--C=2", "--prior=1")
    assert done.returncode == 0, done.stderr
    train, test = (qmul_v1(compared, name) for name in ("train", "test"))
    with np.load(tmp_path / "run" / "model" / "rank_svm.npz", allow_pickle=False) as arrays:
        words, weights = arrays["words"], arrays["weights"]
    bag = BagOfHOG(seed=3).fit(train.sketches, train.photos)
    np.testing.assert_allclose(words, bag.words, atol=1e-5)
    machine = RankSVM(C=2, prior=1).fit(
        bag.transform(train.sketches), bag.transform(train.photos), train.triplets
    )
    np.testing.assert_allclose(weights, machine.weights, rtol=1e-3, atol=1e-3)
    assert RunDirectory(tmp_path / "run").result["metrics"] == pytest.approx(
        measured(machine, test, bag.transform, bag.transform)
    )


@pytest.mark.parametrize(("baseline", "is_siamese"), [("isn", True), ("3ds", False)])
def test_a_network_s_features_come_from_its_run(compared, tmp_path, baseline, is_siamese):
    network = write_tiny_run(tmp_path / "network", is_siamese=is_siamese)
    done = run(baseline, compared, tmp_path / "run", f"--weights={tmp_path / 'network'}")
    assert done.returncode == 0, done.stderr
    train, test = (qmul_v1(compared, name) for name in ("train", "test"))

    def describe(domain):
        encoder = network.load_encoder(domain)
        return lambda images: np.asarray(encoder(center_crop(images, 64)))

    sketch, photo = describe("sketch"), describe("photo")
    machine = RankSVM().fit(sketch(train.sketches), photo(train.photos), train.triplets)
    result = RunDirectory(tmp_path / "run").result
    assert result["metrics"] == pytest.approx(measured(machine, test, sketch, photo))
    with np.load(tmp_path / "run" / "model" / "rank_svm.npz", allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["weights"], machine.weights, rtol=1e-2, atol=1e-2)


def test_where_nobody_compared_true_matches_are_set_against_others(pairs, tmp_path):
    done = run("bag_of_hog", pairs, tmp_path / "run", "--true_matches=2", dataset="paired_folder")
    assert done.returncode == 0, done.stderr
    assert "Nobody compared the photos of paired_folder" in done.stderr
    assert set(RunDirectory(tmp_path / "run").result["metrics"]) == {"acc@1", "acc@10"}


def test_a_holdout_is_of_the_training_photos(compared, tmp_path):
    done = run("bag_of_hog", compared, tmp_path / "run", "--holdout=0.25")
    assert done.returncode == 0, done.stderr
    result = RunDirectory(tmp_path / "run").result
    assert result["split"] == "holdout"
    assert result["metrics"]["acc@1"] in (0, 0.5, 1)  # Two of eight photos are held out.


@pytest.mark.parametrize(
    ("baseline", "flags", "message"),
    [
        ("isn", (), "`weights` must name a run for `baseline` isn and 3ds, and for no other. Received: None"),
        ("dense_hog", ("--weights=x",), "for no other. Received: x with dense_hog"),
        ("isn", ("--weights=nowhere",), "nowhere/model/preprocessing.json"),
        ("dense_hog", ("--data_dir=nowhere",), "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(compared, tmp_path, baseline, flags, message):
    done = run(baseline, compared, tmp_path / "run", *flags)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("baseline", "network", "message"),
    [
        ("isn", {"is_siamese": False}, "expected a run of one encoder for `baseline` isn; found two"),
        (
            "3ds",
            {"is_siamese": False, "photo_input": "rgb"},
            "expected a run whose photos are edges; found rgb",
        ),
    ],
)
def test_a_run_that_does_not_fit_is_named(compared, tmp_path, baseline, network, message):
    write_tiny_run(tmp_path / "network", **network)
    done = run(baseline, compared, tmp_path / "run", f"--weights={tmp_path / 'network'}")
    assert done.returncode == 1
    assert f"error: {tmp_path / 'network'}: {message}" in done.stderr
    assert not (tmp_path / "run").exists()


def test_two_photos_are_too_few_to_hold_one_out(tmp_path):
    synthetic_folder(tmp_path / "two", num_train=2, num_test=1, seed=0)
    done = run("bag_of_hog", tmp_path / "two", tmp_path / "run", "--holdout=0.5", dataset="paired_folder")
    assert done.returncode == 1
    assert "expected 3 training photos with a sketch or more; found 2" in done.stderr
