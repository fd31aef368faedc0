"""The recipe of small encoders as users run it, on a few drawn objects."""

import json

import keras
import numpy as np
import pytest

from tests.common_recipes import SMALL, command, losses, run, run_killed_and_resumed
from tfsbir.cli import search as search_command
from tfsbir.errors import InputError
from tfsbir.preprocessing import Preprocessing
from tfsbir.retrieval import Gallery, open_encoder
from tfsbir.runs import RunDirectory


@pytest.fixture(scope="module")
def teacher(folder, tmp_path_factory):
    """A finished run on squeezenet with a short embedding."""
    workdir = tmp_path_factory.mktemp("runs") / "teacher"
    flags = ("--backbone=squeezenet", "--embedding_dim=16", *SMALL, "--steps=2", "--num_workers=0")
    done = run(command("sketch_me_that_shoe", "paired_folder", folder, workdir, *flags))
    assert done.returncode == 0, done.stderr
    return workdir


def distilling(folder, workdir, teacher, *flags, starts_there=True):
    own = (f"--teacher={teacher}", "--embedding_dim=16", "--num_workers=0")
    if starts_there:
        own += (f"--weights={teacher}",)
    return command("distill", "paired_folder", folder, workdir, *own, *SMALL, *flags)


@pytest.fixture(scope="module")
def finished(folder, teacher, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("runs") / "student"
    done = run(
        distilling(
            folder,
            workdir,
            teacher,
            "--schedule=constant",
            "--learning_rate=3e-5",
            "--sketch_warp=0",
            "--photo_warp=0",
        )
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == RunDirectory(workdir).result
    return workdir


def test_the_run_has_the_student_and_the_teachers_photo_encoder(finished, teacher):
    student, taught = RunDirectory(finished), RunDirectory(teacher)
    assert not student.is_siamese
    for weight, expected in zip(
        student.load_encoder("photo").get_weights(), taught.load_encoder("photo").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(weight, expected)
    assert student.load_encoder("sketch").get_layer("to_half_size").output.shape == (None, 112, 112, 1)
    assert student.config["teacher"]["fingerprint"] == taught.fingerprint()
    assert student.fingerprint() != taught.fingerprint()
    assert (student.figures / "ranked_results.png").exists()


def test_the_result_tells_how_far_the_student_is_from_the_teacher(finished, teacher, folder):
    found = RunDirectory(finished).result["metrics"]
    taught = RunDirectory(teacher)
    assert found["acc@1/teacher"] == pytest.approx(taught.result["metrics"]["acc@1"])
    encoders = [directory.load_encoder("sketch") for directory in (RunDirectory(finished), taught)]
    preprocessing = taught.preprocessing()
    paths = sorted((folder / "test" / "sketches").glob("*.png"))
    images = np.stack([preprocessing.read_sketch(path) for path in paths])
    student, teachers = (keras.ops.convert_to_numpy(encoder(images)) for encoder in encoders)
    assert found["cosine/teacher"] == pytest.approx(float(np.mean(np.sum(student * teachers, 1))), abs=1e-5)


def test_the_loss_is_the_squared_distance_to_the_teacher_and_falls(finished):
    curve = losses(finished)
    assert len(curve) == 4
    assert 0 < curve[-1] < curve[0] < 4  # Of unit vectors.


def test_two_replicas_learn_what_one_does(folder, teacher, tmp_path):
    flags = ("--steps=2", "--learning_rate=1e-5", "--schedule=constant")
    for name, strategy in (("one", ()), ("two", ("--strategy=mirrored", "--num_replicas=2"))):
        done = run(distilling(folder, tmp_path / name, teacher, *flags, *strategy))
        assert done.returncode == 0, done.stderr
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    np.testing.assert_allclose(two, one, atol=1e-5)


def test_a_killed_run_ends_like_an_undisturbed_one(folder, teacher, tmp_path):
    flags = ("--noedge_maps", "--steps=3")
    undisturbed = run(distilling(folder, tmp_path / "whole", teacher, *flags))
    assert undisturbed.returncode == 0, undisturbed.stderr
    run_killed_and_resumed(distilling(folder, tmp_path / "killed", teacher, *flags), tmp_path / "killed")
    np.testing.assert_allclose(losses(tmp_path / "killed"), losses(tmp_path / "whole"), atol=1e-6)


def test_the_student_searches_the_teachers_gallery(finished, teacher, folder, tmp_path, capsys):
    photos = sorted((folder / "test" / "photos").glob("*.png"))
    Gallery.build(open_encoder(teacher), photos, tmp_path / "gallery", root=folder)
    sketch = next((folder / "test" / "sketches").glob("*.png"))
    Gallery.open(tmp_path / "gallery", open_encoder(finished))
    code = search_command.main([
        f"--gallery={tmp_path / 'gallery'}", f"--model={finished}", f"--sketch={sketch}", "--json"
    ])  # fmt: skip
    assert code == 0
    assert len(json.loads(capsys.readouterr().out)["results"]) == len(photos)
    Gallery.build(open_encoder(finished), photos, tmp_path / "own", root=folder)
    with pytest.raises(InputError, match="expected the encoder that made this gallery"):
        Gallery.open(tmp_path / "own", open_encoder(teacher))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--embedding_dim=8",), "`embedding_dim` must be the teacher's, 16. Received: 8"),
        (("--backbone=inception_v1",), "`backbone` must take images of (225, 225, 1)"),
        (("--holdout=0.5",), "`holdout` must be the teacher's, who else has learned what is held out"),
        (("--holdout=0.5", "--unseen_classes=setup.py"), "`holdout` does not go with `unseen_classes`"),
        (("--teacher=nowhere",), "nowhere"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(folder, teacher, tmp_path, flags, message):
    done = run(distilling(folder, tmp_path / "run", teacher, *flags, starts_there=False))
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and message in last, last
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_teacher_whose_embeddings_differ_in_length_is_refused(folder, tmp_path):
    image = keras.Input((225, 225, 1))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(45)(image))
    encoder = keras.Model(image, keras.layers.Dense(16)(x))
    directory = RunDirectory(tmp_path / "teacher")
    directory.save_encoders(encoder, encoder, Preprocessing(225, 16))
    (tmp_path / "teacher" / "config.json").write_text('{"flags": {}, "dataset": {"name": "paired_folder"}}')
    done = run(distilling(folder, tmp_path / "run", tmp_path / "teacher", starts_there=False))
    assert done.returncode == 1
    assert "`teacher` must have embeddings of one length. Received: lengths from" in done.stderr
    assert not (tmp_path / "run").exists()
