"""The recipe of aligned pools as users run it, on a few images of classes that two data sets share."""

import json

import numpy as np
import pytest

from tests.common_files import write_image, write_ndjson
from tests.common_processes import run_script
from tests.common_recipes import command, losses, run, run_killed_and_resumed
from tfsbir.alignment import Pools
from tfsbir.runs import RunDirectory

SHARED = ("bee", "cat", "dog")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Twelve photos with a sketch each of four classes, and drawings of four; three are the same."""
    root = tmp_path_factory.mktemp("data")
    test = []
    for label, name in enumerate(("ant", *SHARED)):
        for number in range(12):
            stem, seed = f"n{label}_{number}", 100 * label + number
            write_image(root / "sketchy/photo/tx_000000000000" / name / f"{stem}.jpg", 64, seed)
            write_image(root / "sketchy/sketch/tx_000000000000" / name / f"{stem}-1.png", 64, seed)
        test += [f"{name}/n{label}_{number}.jpg" for number in range(2)]
    (root / "sketchy/info").mkdir()
    (root / "sketchy/info/testset.txt").write_text("\n".join(test), encoding="utf-8")
    for label, name in enumerate((*SHARED, "eel")):
        write_ndjson(root / f"quickdraw/{name}.ndjson", range(10**15 * label, 10**15 * label + 12))
    return root


def training(folders, workdir, *flags):
    small = "--photo_input=rgb --backbone=squeezenet --embedding_dim=16 --train_from=fire9_squeeze1x1"
    small += " --pooler=kmeans"  # The mixture's process loads TensorFlow for seconds.
    small += " --batch_size=4 --steps=8 --warmup_steps=2 --refresh_every=3 --max_staleness=2 --num_views=1"
    small += " --checkpoint_every=6 --num_workers=0"
    return command(
        "manifold_alignment", "sketchy", folders / "sketchy", workdir, "--more_dataset=quickdraw",
        f"--more_data_dir={folders / 'quickdraw'}", *small.split(), *flags,
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(folders, tmp_path_factory):
    """The workdir of an undisturbed run."""
    workdir = tmp_path_factory.mktemp("runs") / "finished"
    done = run(training(folders, workdir))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == RunDirectory(workdir).result
    return workdir


def refreshes(workdir):
    return [line for line in RunDirectory(workdir).metrics() if "refresh/staleness" in line]


def test_the_run_directory_holds_the_pools_and_what_they_cost(finished):
    directory = RunDirectory(finished)
    assert directory.config["flags"]["aligner"] == "manifold"
    assert not directory.is_siamese
    assert {"acc@1", "precision@1", "mAP@all"} <= set(directory.result["metrics"])
    assert len(losses(finished)) == 8
    # After 2 steps waited for; asked for after 5 and in force after 7, so that step 8 is the first.
    lines = refreshes(finished)
    assert [(line["step"], line["refresh/staleness"]) for line in lines] == [(3, 0), (8, 2)]
    assert sorted(path.name for path in finished.glob("*.npz")) == [
        "before.npz", "pools-2.npz", "pools-7.npz",
    ]  # fmt: skip
    for line, step in zip(lines, (2, 7), strict=True):
        pools = Pools.load(finished / f"pools-{step}.npz")
        assert set(pools.cluster_labels) == {0, 1, 2}  # Neither ants nor eels.
        assert pools.num_clusters == line["refresh/num_clusters"]
        assert pools.photo_memberships.shape == (30, pools.num_clusters)
        assert len(pools.sketch_memberships) > 30  # The drawings are pooled too.
        np.testing.assert_array_equal(pools.sketch_centers, pools.photo_centers)
        assert all(line[f"refresh/{name}"] >= 0 for name in ("encode_seconds", "seconds", "wait_seconds"))
    assert not np.array_equal(pools.photo_centers[:3], Pools.load(finished / "pools-2.npz").photo_centers[:3])
    for name in ("loss_curve.png", "ranked_results.png", "domains.png"):
        assert (directory.figures / name).is_file()


def test_a_run_killed_beside_a_refresh_ends_like_an_undisturbed_one(folders, finished, tmp_path):
    workdir = tmp_path / "killed"
    run_killed_and_resumed(training(folders, workdir), workdir)
    np.testing.assert_allclose(losses(workdir), losses(finished), rtol=1e-5)
    assert RunDirectory(workdir).result["metrics"] == pytest.approx(RunDirectory(finished).result["metrics"])
    assert [line["step"] for line in refreshes(workdir)] == [3, 8]
    one, other = (Pools.load(path / "pools-7.npz") for path in (workdir, finished))
    np.testing.assert_allclose(one.sketch_memberships, other.sketch_memberships, atol=1e-4)
    assert not list(workdir.glob("embeddings-*.npz"))


def test_two_replicas_give_the_loss_curve_of_one(folders, finished, tmp_path):
    done = run(training(folders, tmp_path / "two", "--strategy=mirrored", "--num_replicas=2"))
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(losses(tmp_path / "two")[:4], losses(finished)[:4], rtol=2e-3)


def test_a_warmup_alone_is_where_another_run_starts(folders, tmp_path):
    done = run(training(folders, tmp_path / "warmup", "--method=softmax", "--warmup_steps=200", "--steps=2"))
    assert done.returncode == 0, done.stderr
    warmup = RunDirectory(tmp_path / "warmup")
    assert len(losses(warmup.path)) == 2
    assert (warmup.figures / "domains.png").is_file()
    flags = (f"--weights={warmup.path}", "--warmup_steps=0", "--steps=1", "--centers=own")
    done = run(training(folders, tmp_path / "run", *flags, "--learning_rate=0"))
    assert done.returncode == 0, done.stderr
    directory = RunDirectory(tmp_path / "run")
    assert [line["step"] for line in refreshes(directory.path)] == [1]
    pools = Pools.load(directory.path / "pools-0.npz")
    assert not np.allclose(pools.sketch_centers, pools.photo_centers, atol=1e-3)
    for domain in ("sketch", "photo"):
        before, after = (one.load_encoder(domain).get_weights() for one in (warmup, directory))
        for one, other in zip(before, after, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-6)


def test_multi_stage_regression_shares_what_is_behind_a_block(folders, tmp_path):
    classes = tmp_path / "classes.txt"
    classes.write_text("dog\nbee\n", encoding="utf-8")
    flags = ("--method=regression", "--warmup_steps=1", "--steps=3", "--batch_size=2", f"--classes={classes}")
    done = run(training(folders, tmp_path / "run", *flags))
    assert done.returncode == 0, done.stderr
    directory = RunDirectory(tmp_path / "run")
    assert len(losses(directory.path)) == 3
    assert not list(directory.path.glob("pools-*.npz"))
    sketch, photo = directory.load_encoder("sketch"), directory.load_encoder("photo")
    for name, is_shared in (("fire6_squeeze1x1", False), ("fire8_expand3x3", True), ("fire9_reduced", True)):
        same = all(
            np.array_equal(one, other)
            for one, other in zip(
                sketch.get_layer(name).get_weights(), photo.get_layer(name).get_weights(), strict=True
            )
        )
        assert same == is_shared


def test_inception_on_sketches_of_pixels_alone(folders, tmp_path):
    arguments = command(
        "manifold_alignment", "sketchy", folders / "sketchy", tmp_path / "run", "--photo_input=rgb",
        "--method=triplet", "--steps=1", "--batch_size=2", "--num_views=1", "--num_workers=0",
        "--train_from=fc",
    )  # fmt: skip
    done = run(arguments)
    assert done.returncode == 0, done.stderr
    directory = RunDirectory(tmp_path / "run")
    assert directory.preprocessing().image_size == 224
    assert directory.load_encoder("photo").output_shape == (None, 256)
    assert (directory.figures / "domains.png").is_file()


# One process for all; a flag keeps its value from one command to the next.
CHECK = """
import sys
from recipes import manifold_alignment
for arguments in sys.argv[1:]:
    manifold_alignment.FLAGS.unparse_flags()
    manifold_alignment.FLAGS(["recipe", "--dataset=sketchy", "--workdir=w", *arguments.split()])
    try:
        manifold_alignment.check_flags()
    except manifold_alignment.InputError as error:
        print(error)
"""


def test_flags_that_do_not_fit_are_refused():
    done = run_script(
        CHECK,
        "--steps=20 --warmup_steps=20",
        "--warmup_steps=5 --refresh_every=10 --max_staleness=11",
        "--max_staleness=5 --method=triplet --share_from=conv4",
    )
    assert done.stdout.splitlines() == [
        "`warmup_steps` must be below 20 (`steps`), of which they are a part. Received: 20",
        "`max_staleness` must be at most 10 (`refresh_every`). Received: 11",
        "`share_from` goes with `method` regression. Received: triplet",
    ]


def test_an_aligner_that_learns_from_pairs_needs_some(folders, tmp_path):
    for domain, suffix in (("sketch", "png"), ("photo", "jpg")):
        for name in SHARED:
            for number in range(4):
                write_image(tmp_path / "objects" / domain / name / f"{number}.{suffix}", 64, number)
    done = run(
        training(folders, tmp_path / "run", "--dataset=category_folder", f"--data_dir={tmp_path / 'objects'}")
    )
    assert done.returncode == 1
    assert (
        "error: `aligner` manifold needs a sketch with a photo of its own in every class. "
        "Received: none in bee, cat, dog"
    ) in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
