"""Putting a run's encoders beside the library."""

import json
import shutil
import sys

import numpy as np
import pytest

from export.pretrained import MAX_BYTES, lineage, starts, told, write_pretrained
from tests.common_processes import run_module
from tests.export.small_run import write_small_run
from tfsbir import files
from tfsbir.errors import InputError
from tfsbir.retrieval import open_encoder
from tfsbir.runs import RunDirectory, versions


def finish(run, recipe, given, **notes):
    """Completes a small run's config and result, as a recipe writes them."""
    config = {
        **run.config, "recipe": recipe, "flags": given, "given_flags": given, "versions": versions(), **notes
    }  # fmt: skip
    files.write_json(run.path / "config.json", config)
    result = {"recipe": recipe, "seed": 3, "steps": 40, "seconds": 90.0, "metrics": {}}
    files.write_json(run.path / "result.json", result)


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """The run directories of a student, and the report of its formats."""
    root = tmp_path_factory.mktemp("taught")
    teacher, student = (write_small_run(root / name, is_siamese=False) for name in ("teacher", "student"))
    finish(
        teacher, "sketch_me_that_shoe", {"dataset": "qmul_v1", "data_dir": "/somewhere/shoes", "steps": 40}
    )
    note = {"path": str(teacher.path), "fingerprint": teacher.fingerprint()}
    given = {"dataset": "qmul_v1", "more_dataset": "quickdraw", "teacher": str(teacher.path), "k": [1, 2]}
    finish(student, "distill", given, teacher=note)
    report = [
        sys.executable, "-m", "export.report", f"--workdir={student.path}", f"--output={root / 'report'}",
        "--dataset=paired_folder", f"--data_dir={root / 'student' / 'data'}", "--split=train",
        "--formats=int8",
    ]  # fmt: skip
    done = run_module(report)
    assert done.returncode == 0, done.stderr
    return student, root / "report" / "report.json"


def test_a_name_has_two_formats_and_a_card(taught, tmp_path):
    student, report = taught
    done = run_module([
        sys.executable, "-m", "export.pretrained", f"--workdir={student.path}", "--name=boots",
        f"--report={report}", "--about=Finds **boots**.", f"--output={tmp_path}",
    ])  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "boots"
    assert done.stdout.strip() == str(folder)
    sketch = np.ones((1, 64, 64, 1), np.float32)
    sketch[:, 20:40, 30] = -1
    expected = RunDirectory(student.path).load_encoder("sketch").predict(sketch, verbose=0)
    for quantize, least in (("int8", 0.97), ("float16", 0.9999)):
        encoder = open_encoder(folder / quantize)
        assert encoder.teacher == student.teacher_fingerprint
        assert float(np.sum(encoder.encode_sketches(sketch) * expected)) > least
        assert all(path.stat().st_size <= MAX_BYTES for path in (folder / quantize).iterdir())
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith("# pretrained:boots\n\nFinds **boots**.\n")
    assert "python -m recipes.sketch_me_that_shoe --data_dir=shoes --dataset=qmul_v1 --steps=40" in card
    assert "python -m recipes.distill --dataset=qmul_v1 --k=1 --k=2 --more_dataset=quickdraw" in card
    assert "CC BY 4.0" in card and "QMUL-Shoe" in card
    assert "| int8 |" in card and "| 3 | 40 | 1.5 |" in card
    assert "/somewhere" not in card and str(tmp_path) not in card
    assert (
        f"| int8/sketch_encoder.tflite | {(folder / 'int8/sketch_encoder.tflite').stat().st_size:,} |" in card
    )
    for path in folder.rglob("*.json"):
        assert str(student.path) not in path.read_text()


def test_runs_that_start_from_runs_are_told_in_order(taught):
    student, _ = taught
    history = lineage(RunDirectory(student.path))
    assert [entry["config"]["recipe"] for entry in history] == ["sketch_me_that_shoe", "distill"]
    assert told(history[1]).endswith("--teacher=run")


@pytest.mark.parametrize(
    ("began", "expected"),
    [
        (
            {"backbone": "small_squeezenet", "weights": "/w/squeezenet.h5"},
            "SqueezeNet v1.1's ImageNet weights",
        ),
        ({"backbone": "vgg16", "weights": "imagenet"}, "imagenet."),
        ({"backbone": "sketch_a_net", "weights": None}, None),
        ({"backbone": "squeezenet", "weights": "."}, None),  # A run.
    ],
)
def test_a_card_tells_what_training_began_with(began, expected):
    found = starts([{"config": {"flags": began}}, {"config": {"flags": began}}])
    assert len(found) == (expected is not None)
    assert all(text.startswith(expected) for text in found)


def test_what_does_not_belong_together_is_refused_and_nothing_is_written(taught, tmp_path):
    student, report = taught
    with pytest.raises(InputError, match="`name` must be lower case letters, digits and underscores"):
        write_pretrained(student.path, "../boots", report, "", tmp_path / "out")
    other = json.loads(report.read_text())
    other["run"]["fingerprint"] = "another"
    (tmp_path / "other.json").write_text(json.dumps(other))
    with pytest.raises(
        InputError, match=r"other\.json: expected the report of .*; found that of another run"
    ):
        write_pretrained(student.path, "boots", tmp_path / "other.json", "", tmp_path / "out")
    (tmp_path / "broken.json").write_text("[]")
    with pytest.raises(InputError, match=r"broken\.json: expected a report of export\.report"):
        write_pretrained(student.path, "boots", tmp_path / "broken.json", "", tmp_path / "out")
    with pytest.raises(InputError, match=r"none\.json: expected a report of export\.report; no such file"):
        write_pretrained(student.path, "boots", tmp_path / "none.json", "", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "out" / "boots").mkdir(parents=True)
    with pytest.raises(InputError, match="`output` must have no boots, or an older one"):
        write_pretrained(student.path, "boots", report, "", tmp_path / "out")


def test_a_file_that_is_too_large_leaves_the_older_ones(taught, tmp_path, monkeypatch):
    student, report = taught
    (tmp_path / "boots").mkdir()
    (tmp_path / "boots" / "MODEL_CARD.md").write_text("older")
    monkeypatch.setattr("export.pretrained.MAX_BYTES", 1000)
    with pytest.raises(InputError, match="`workdir` must have exports of at most 1000 bytes"):
        write_pretrained(student.path, "boots", report, "", tmp_path)
    assert (tmp_path / "boots" / "MODEL_CARD.md").read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["boots"]
    shutil.rmtree(tmp_path / "boots")
