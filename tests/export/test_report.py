"""The report of an export's formats, on a small run."""

import json
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from export.quality import cosines, measure
from export.summary import write_summary
from tests.common_data import small_split
from tests.common_processes import run_module
from tfsbir.distances import SquaredEuclidean
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory


def command(run, output, *flags):
    return [
        sys.executable, "-m", "export.report", f"--workdir={run.path}", f"--output={output}",
        "--dataset=paired_folder", f"--data_dir={run.path.parent / 'data'}", "--split=train", *flags,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def reported(siamese_run, tmp_path_factory):
    """The folder of a report of two formats, and what was printed."""
    output = tmp_path_factory.mktemp("report") / "formats"
    done = run_module(command(siamese_run, output, "--formats=none,int8"))
    assert done.returncode == 0, done.stderr
    return output, done.stdout


def test_each_row_is_what_the_exported_file_does(reported, siamese_run):
    output, _ = reported
    report = json.loads((output / "report.json").read_text())
    assert [row["format"] for row in report["rows"]] == ["Keras", "none", "int8"]
    assert (report["num_sketches"], report["num_photos"]) == (16, 16)
    run, data = RunDirectory(siamese_run.path), siamese_run.path.parent / "data" / "train"
    preprocessing = run.preprocessing()
    stems = sorted(path.stem for path in (data / "edges").iterdir())
    sketches, edges = (
        np.stack([preprocessing.read_sketch(data / side / f"{stem}.png") for stem in stems])
        for side in ("sketches", "edges")
    )
    keras_sketches = run.load_encoder("sketch").predict(sketches, verbose=0)
    for row in report["rows"][1:]:
        path = output / row["format"] / "sketch_encoder.tflite"
        encode = of_file(path)
        other = path.with_name("photo_encoder.tflite")
        found, photos = encode(sketches), (of_file(other) if other.exists() else encode)(edges)
        lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(keras_sketches, axis=1)
        cosine = np.sum(found * keras_sketches, axis=1) / lengths
        assert row["cosine"]["mean"] == pytest.approx(cosine.mean(), abs=1e-5)
        assert row["cosine"]["min"] == pytest.approx(cosine.min(), abs=1e-5)
        distances = np.square(found[:, None] - photos[None]).sum(-1)
        nearest = distances.argmin(1) == np.arange(16)
        assert row["metrics"]["acc@1"] == pytest.approx(nearest.mean(), abs=1e-9)
        assert row["sketch_bytes"] == path.stat().st_size
        for num in ("1", "2"):
            latency = row["latency_ms"][num]
            assert 0 < latency["p10"] <= latency["median"] <= latency["p90"]
            assert latency["runs"] == 100


def of_file(path):
    """Returns a function of images that runs a model with nothing of tfsbir."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (image,), (embedding,) = interpreter.get_input_details(), interpreter.get_output_details()

    def encode(images):
        rows = []
        for one in images:
            interpreter.set_tensor(image["index"], one[None])
            interpreter.invoke()
            rows.append(interpreter.get_tensor(embedding["index"])[0].copy())
        return np.stack(rows)

    return encode


def test_table_and_plot_show_every_format(reported):
    output, printed = reported
    table = (output / "report.md").read_text()
    assert table == printed
    lines = table.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith(
        "| format | sketch encoder, MB | 1 thread, ms | 2 threads, ms | cosine, mean |"
    )
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| Keras", "| none", "| int8"]
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    with Image.open(output / "report.png") as plot:
        assert min(plot.size) > 100


def test_a_report_is_replaced_and_other_folders_are_not(reported, siamese_run, tmp_path):
    output, _ = reported
    done = run_module(command(siamese_run, output, "--formats=none", "--json"))
    assert done.returncode == 0, done.stderr
    assert [row["format"] for row in json.loads(done.stdout)["rows"]] == ["Keras", "none"]
    for name in ("report.json", "report.md", "report.png"):  # As where one was broken off.
        (output / name).unlink()
    done = run_module(command(siamese_run, output, "--formats=none"))
    assert done.returncode == 0, done.stderr
    (tmp_path / "mine.txt").write_text("kept")
    done = run_module(command(siamese_run, tmp_path))
    assert done.returncode == 1
    assert "error: `output` must be a new folder, an empty one or an older report." in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--formats=int4",),
            "`formats` must be of none, float16, dynamic, int8, int8_interface. Received: int4",
        ),
        (("--split=test",), "test"),
        (("--dataset=photo_folder", "--data_dir=docs/images"), "`dataset` must have photos, and sketches"),
    ],
)
def test_what_cannot_be_measured_is_told_before_anything_is_written(siamese_run, tmp_path, flags, message):
    done = run_module(command(siamese_run, tmp_path / "out", *flags))
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and message in last, last
    assert not (tmp_path / "out").exists()


def test_measures_of_pairs_and_of_classes_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    split = small_split(num_photos=6, sketches_of=2)
    embeddings = {"sketch": rng.normal(size=(12, 4)), "photo": rng.normal(size=(6, 4))}
    embeddings = {domain: values.astype(np.float32) for domain, values in embeddings.items()}
    found = measure(embeddings, split, SquaredEuclidean())
    hits = 0
    for row, sketch in enumerate(embeddings["sketch"]):
        distances = [float(np.sum((sketch - photo) ** 2)) for photo in embeddings["photo"]]
        hits += int(np.argmin(distances)) == split.sketch_photo[row]
    assert found["acc@1"] == pytest.approx(hits / 12)
    assert found["acc@10"] == 1.0
    assert ("mAP@all" in found) == (len(set(split.photo_labels)) > 1)


def test_a_cosine_is_of_direction_alone():
    expected = np.array([[3.0, 4.0], [1.0, 0.0]])
    found = cosines(np.array([[6.0, 8.0], [0.0, 2.0]]), expected)
    assert found == {"mean": pytest.approx(0.5), "min": pytest.approx(0.0)}


def test_a_page_gets_the_tables_of_reports_between_its_marks(reported, tmp_path):
    output, _ = reported
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- on_device: generated -->\nSTALE\n<!-- end of on_device -->\n\nAfter.\n")
    boots = tmp_path / "on_device_boots.json"
    boots.write_bytes((output / "report.json").read_bytes())
    write_summary(page, [boots])
    once = page.read_text()
    assert "STALE" not in once and once.startswith("# Page\n\n<!-- on_device: generated -->\n\n### boots\n")
    assert once.endswith("<!-- end of on_device -->\n\nAfter.\n")
    assert (output / "report.md").read_text() in once
    write_summary(page, [boots])
    assert page.read_text() == once


def test_pages_and_reports_of_another_kind_are_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n<!-- on_device: generated -->\n<!-- end of on_device -->\n")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(
        InputError, match=r"other\.json: expected a report of export\.report; found something"
    ):
        write_summary(page, [tmp_path / "other.json"])
    with pytest.raises(InputError, match=r"none\.json: expected a report of export\.report; no such file"):
        write_summary(page, [tmp_path / "none.json"])
    page.write_text("# Page\n")
    with pytest.raises(InputError, match="expected the lines '<!-- on_device: generated -->'"):
        write_summary(page, [])
    with pytest.raises(InputError, match=r"none\.md: expected a Markdown page; No such file"):
        write_summary(tmp_path / "none.md", [])
    assert page.read_text() == "# Page\n"
