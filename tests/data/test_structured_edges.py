"""Structured Edges on a forest of a few nodes: where the lines are, and every file that is no forest."""

import concurrent.futures
import gzip
import os

import cv2
import numpy as np
import pytest

from tests.tiny_forest import OPTIONS, forest_text, tiny_forest, write_forest
from tfsbir.data import structured_edges as module
from tfsbir.data.structured_edges import StructuredEdges, structured_edges
from tfsbir.errors import InputError


@pytest.fixture(scope="module")
def forest(tmp_path_factory):
    return StructuredEdges(write_forest(tmp_path_factory.mktemp("forest") / "model.yml.gz"))


def ink(edges):
    return (255.0 - edges[..., 0]) / 255.0


def rectangle(height=160, width=200, top=40, bottom=110, left=60, right=160):
    photo = np.full((height, width, 3), 250, np.uint8)
    photo[top:bottom, left:right] = (40, 90, 160)
    return photo


def test_lines_lie_on_the_rim_of_a_disc(forest):
    y, x = np.mgrid[0:256, 0:256] - 127.5
    from_rim = np.hypot(x, y) - 70.0
    inside = np.clip(0.5 - from_rim, 0, 1)[..., None]
    photo = inside * np.array([60.0, 80.0, 90.0]) + (1 - inside) * 240.0
    edges = forest(np.round(photo).astype(np.uint8))
    assert (edges.shape, edges.dtype) == ((256, 256, 1), np.uint8)
    assert np.median(edges) == 255
    assert edges.min() < 80
    is_line = ink(edges) > 0.2
    assert np.all(np.abs(from_rim[is_line]) < 4.5)  # The forest sees cells of 2 px.
    assert np.mean(np.abs(from_rim[is_line]) < 2.5) > 0.9
    directions = np.round(np.degrees(np.arctan2(y, x)) / 5)
    assert len(np.unique(directions[is_line])) >= 72
    assert 0.7 < ink(edges).sum() / (2 * np.pi * 70) < 2


def test_rows_are_rows(forest):
    edges = forest(rectangle())
    assert edges.shape == (160, 200, 1)
    rows, columns = np.nonzero(ink(edges) > 0.4)
    # Equal trees find no orientation in exactly level edges, so that these are not thinned.
    assert (rows.min(), rows.max()) == pytest.approx((40, 109), abs=4)
    assert (columns.min(), columns.max()) == pytest.approx((60, 159), abs=3)
    assert ink(edges)[48:102, 68:152].max() == 0


def test_votes_above_the_threshold_are_lines(tmp_path):
    """Where the gradient is steep, 4 trees vote 13 times: 52 votes of 2 * 2^2 / 16^2 / 4, or 0.406."""
    path = write_forest(tmp_path / "model.yml")
    photo = np.tile([[0], [0], [255], [255]], (64, 256)).astype(np.uint8)  # Steep everywhere.
    assert np.all(StructuredEdges(path, threshold=0.41)(photo) == 255)
    assert np.mean(StructuredEdges(path, threshold=0.40)(photo)[20:-20, 20:-20] < 128) > 0.5


def test_one_channel_is_grey(forest):
    grey = rectangle()[..., 2]
    expected = forest(np.stack([grey] * 3, axis=-1))
    np.testing.assert_array_equal(forest(grey), expected)
    np.testing.assert_array_equal(forest(grey[..., None]), expected)


def test_no_line_where_there_is_no_edge(forest):
    assert np.all(forest(np.full((64, 64, 3), 180, np.uint8)) == 255)
    halves = np.full((128, 128), 250, np.uint8)
    halves[:, :64] = 30
    edges = ink(forest(halves))
    assert edges[:, :58].sum() == edges[:, 70:].sum() == 0
    assert np.all(edges[8:-8].sum(axis=1) > 0.5)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (3, 1), (31, 33, 1), (257, 33, 3)])
def test_odd_sizes(forest, shape):
    photo = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert forest(photo).shape == (*shape[:2], 1)


def test_threads_share_a_forest(forest):
    photos = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), np.uint8)
    expected = [forest(photo) for photo in photos]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(forest, photos)), expected)


def test_packed_or_not_it_is_the_same_forest(tmp_path, forest):
    plain = StructuredEdges(write_forest(tmp_path / "model.yml"))
    assert plain.description == forest.description
    np.testing.assert_array_equal(plain(rectangle()), forest(rectangle()))
    path = tmp_path / "unusual ?name,"
    path.write_bytes(gzip.compress(forest_text().encode("ascii")))
    assert StructuredEdges(path).description == forest.description
    other = StructuredEdges(write_forest(tmp_path / "other.yml", **tiny_forest(weak=0.4)))
    assert other.description != forest.description
    assert StructuredEdges(tmp_path / "model.yml", threshold=0.2).description != forest.description


def test_is_read_once(tmp_path):
    path = write_forest(tmp_path / "model.yml")
    first = structured_edges(path)
    assert structured_edges(os.path.relpath(path)) is first
    write_forest(path, **tiny_forest(weak=0.4, strong=0.5))
    os.utime(path, ns=(1, 1))
    assert structured_edges(path).description != first.description


def altered(name, row, column, value):
    """Returns one array of the tiny forest with one number changed."""
    rows = [list(numbers) for numbers in tiny_forest()[name]]
    rows[row][column] = value
    return {name: rows}


TEXT = forest_text()
BAD_TEXTS = [
    ("", r"it does not begin with %YAML:1\.0"),
    ("These are words.", r"it does not begin with %YAML:1\.0"),
    ('{"options": {}}', r"it does not begin with %YAML:1\.0"),
    ("%YAML:1.0\n---\n", "it has no options"),
    (TEXT[: len(TEXT) // 2], "its edgeBins do not end with a bracket"),
    (TEXT[:-10], "its edgeBins do not end with a bracket"),
    (TEXT + "more:\n    - [1]\n", "it has 'more', unknown or a second time"),
    (TEXT + "childs:\n    - [1]\n", "it has 'childs', unknown or a second time"),
    (TEXT.replace("    stride: 2\n", ""), "its stride is None instead of 2"),
    (TEXT.replace("stride: 2", "stride: 02"), "its options are not lines of a name and a whole number"),
    (TEXT.replace("    stride: 2\n", "    stride: 2\n    stride: 2\n"), "its options .* one comes twice"),
    (TEXT.replace("    stride: 2\n", "     stride: 2\n"), "its options are not indented alike"),
    (TEXT.replace("options:\n    ", "options: "), "its options are not lines"),
    (TEXT.replace("    - [2,0", "   - [2,0", 1), "its childs .* not indented alike"),
    (TEXT.replace("    - [2,0", "    [2,0", 1), "its childs are not lines of numbers in brackets"),
    (TEXT.replace("[2,0", "[2,[0]", 1), "its childs are not lines of numbers in brackets"),
    (TEXT.replace("[2,0", "[2,,0", 1), "Expecting value"),
    (TEXT.replace("[2,0", "[02,0", 1), "Expecting ',' delimiter"),
    (TEXT.replace("[2,0", "[2.0,0", 1), "its childs are not whole numbers"),
    (TEXT.replace("[2,0", "[9999999999999999999999,0", 1), "its childs are not whole numbers"),
    (TEXT.replace("- [", "- [é"), "codec can't decode"),
]


@pytest.mark.parametrize(("text", "message"), BAD_TEXTS, ids=range(len(BAD_TEXTS)))
@pytest.mark.parametrize("packed", [False, True])
def test_other_texts(tmp_path, text, message, packed):
    path = tmp_path / ("model.yml.gz" if packed else "model.yml")
    data = text.encode("latin-1")
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(
        InputError, match=rf"model\.yml.*: expected a forest such as OpenCV's model\.yml\.gz; .*{message}"
    ):
        StructuredEdges(path)


@pytest.mark.parametrize("name", tiny_forest())
def test_missing_array(tmp_path, name):
    lines = TEXT.split("\n")
    start = lines.index(f"{name}:")
    del lines[start : lines.index("", start)]
    (tmp_path / "model.yml").write_text("\n".join(lines))
    with pytest.raises(InputError, match=f"it has no {name}"):
        StructuredEdges(tmp_path / "model.yml")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"options": {**OPTIONS, "numberOfTrees": 0}}, "its numberOfTrees is 0 instead of 8"),
        ({"options": {**OPTIONS, "patchSize": 64}}, "its patchSize is 64 instead of 32"),
        ({"childs": [[2, 0, 0]]}, "its childs are 3, not the same number for 8 trees"),
        ({"childs": []}, "its childs are 0, not"),
        (altered("childs", 7, 2, 5), "its childs do not form trees"),  # Beyond the tree.
        (altered("childs", 0, 2, 10**9), "its childs do not form trees"),
        (altered("childs", 3, 2, 2), "its childs do not form trees"),  # In a circle.
        (altered("childs", 3, 0, 1), "its childs do not form trees"),
        (altered("childs", 3, 0, -1), "its childs do not form trees"),
        (altered("featureIds", 0, 0, 7228), r"its featureIds are not in 0\.\.7227"),
        (altered("featureIds", 0, 0, -1), r"its featureIds are not in 0\.\.7227"),
        ({"featureIds": [[0] * 39]}, "its featureIds are 39 instead of 40"),
        ({"thresholds": [[0.5] * 41]}, "its thresholds are 41 instead of 40"),
        ({"edgeBoundaries": [[0] * 40]}, "its edgeBoundaries are 40 for 40 nodes"),
        (altered("edgeBoundaries", 0, -1, 513), r"its edgeBoundaries are not in 0\.\.512"),
        (altered("edgeBoundaries", 0, 4, 200), "its edgeBoundaries fall"),
        (altered("edgeBins", 0, 0, 3328), r"its edgeBins are not in 0\.\.3327"),
        (altered("edgeBins", 0, 0, -1), r"its edgeBins are not in 0\.\.3327"),
    ],
)
def test_forests_that_lead_astray(tmp_path, arrays, message):
    with pytest.raises(InputError, match=message):
        StructuredEdges(write_forest(tmp_path / "model.yml", **arrays))


def test_last_feature_and_bin_are_within_reach(tmp_path):
    """At the limits of what is let through, OpenCV still works; it does not check its arrays itself."""
    arrays = tiny_forest()
    arrays["featureIds"] = [[7227, 0, 3327, 0, 0]] * 8
    arrays["edgeBins"] = [[3327] * len(arrays["edgeBins"][0])]
    forest = StructuredEdges(write_forest(tmp_path / "model.yml", **arrays))
    assert forest(np.random.default_rng(0).integers(0, 256, (61, 67, 3), np.uint8)).shape == (61, 67, 1)


def test_damaged_anywhere(tmp_path):
    """Whatever numbers and signs change: a forest that works or one line, never a crash."""
    random = np.random.default_rng(0)
    path = tmp_path / "model.yml"
    photo = random.integers(0, 256, (40, 40, 3), np.uint8)
    signs = [
        "0",
        "7",
        "41",
        " ",
        "\n",
        ",",
        "[",
        "]",
        "-",
        ":",
        ".",
        "e",
        "\t",
        "\r",
        "#",
        "{",
        "'",
        "    - [1]\n",
    ]
    num_failed = 0
    for _ in range(400):
        text = TEXT
        for place in random.integers(0, len(text), random.integers(1, 3)):
            sign = signs[random.integers(len(signs))]
            text = text[:place] + sign + text[place + random.integers(0, 3) :]
        path.write_text(text)
        try:
            assert StructuredEdges(path)(photo).shape == (40, 40, 1)
        except InputError as error:
            num_failed += 1
            assert str(path) in str(error)
            assert "\n" not in str(error)
    assert 300 < num_failed < 400


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    for load in (StructuredEdges, structured_edges):
        with pytest.raises(InputError, match=r"none\.yml: expected a forest such as .*; no such file"):
            load(tmp_path / "none.yml")
        with pytest.raises(InputError, match=r"expected a forest such as .*; is a directory"):
            load(tmp_path)
    (tmp_path / "cut.yml.gz").write_bytes(gzip.compress(TEXT.encode("ascii"))[:-20])
    with pytest.raises(InputError, match=r"cut\.yml\.gz: .*; it cannot be unpacked \(Compressed file ended"):
        StructuredEdges(tmp_path / "cut.yml.gz")
    monkeypatch.setattr(module, "MAX_MODEL_BYTES", 500)
    with pytest.raises(InputError, match=r"model\.yml: expected a forest of at most 500 bytes; found more"):
        StructuredEdges(write_forest(tmp_path / "model.yml"))
    (tmp_path / "bomb.yml.gz").write_bytes(gzip.compress(b" " * 10_000))
    with pytest.raises(InputError, match="unpacked it has more than 500 bytes"):
        StructuredEdges(tmp_path / "bomb.yml.gz")


def test_opencv_without_extra_modules(tmp_path, monkeypatch):
    path = write_forest(tmp_path / "model.yml")
    monkeypatch.delattr(cv2, "ximgproc")
    with pytest.raises(InputError, match=r"`edge_model` must have .* install opencv-contrib-python-headless"):
        StructuredEdges(path)


def test_errors(tmp_path, forest):
    path = write_forest(tmp_path / "model.yml")
    for threshold in (0, 1, -1):
        with pytest.raises(ValueError, match=rf"`threshold` must be in \(0, 1\)\. Received: {threshold}"):
            StructuredEdges(path, threshold=threshold)
    with pytest.raises(TypeError, match=r"`photo` must be uint8\. Received: float32"):
        forest(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(ValueError, match=r"`photo` must be .* Received: \(4, 4, 2\)"):
        forest(np.zeros((4, 4, 2), np.uint8))
