"""The drawn data set: determinism, who is who, what the pictures hold, and the files written from it."""

import cv2
import numpy as np
import pytest
from PIL import Image

from tfsbir.data import DATASETS
from tfsbir.data.edge_maps import edge_map
from tfsbir.data.paired_folder import paired_folder
from tfsbir.data.synthetic import synthetic, synthetic_folder
from tfsbir.data.synthetic_chairs import chair
from tfsbir.data.synthetic_drawing import draw_photo, draw_sketch
from tfsbir.data.synthetic_shapes import Part, curve, fitted, ribbon, superellipse
from tfsbir.data.synthetic_shoes import shoe
from tfsbir.errors import InputError


@pytest.fixture(scope="module")
def split():
    return synthetic("test", 60)


def by_id(split):
    return {
        name: (split.photos[split.sketch_photo[i]], split.sketches[i])
        for i, name in enumerate(split.sketch_ids)
    }


def test_default_counts(monkeypatch):
    blank = np.full((256, 256, 1), 255, np.uint8)
    drawn = (np.broadcast_to(blank, (256, 256, 3)), blank, np.zeros(3))
    monkeypatch.setitem(synthetic.__globals__, "_draw", lambda *_: drawn)
    assert len(synthetic("train").photos) == 300
    split = DATASETS["synthetic"](None, "test")
    assert len(split.photos) == 100
    assert np.bincount(split.labels).tolist() == [50, 50]


def test_pictures(split):
    assert split.sketches.shape == split.photos.shape == (60, 256, 256, 1)
    assert (split.name, split.split, split.photo_input) == ("synthetic", "test", "edges")
    for images in (split.sketches, split.photos):
        share = np.mean(images < 128, axis=(1, 2, 3))
        assert share.min() > 0.003
        assert 0.012 < share.mean() < 0.035  # The real ones: 0.016 shoes, 0.024 chairs.
        border = np.concatenate([images[:, [0, -1]].ravel(), images[:, :, [0, -1]].ravel()])
        assert np.all(border == 255)


def test_ids_labels_and_pairs(split):
    assert split.photo_ids == split.sketch_ids
    assert split.photo_ids[:3] == ("test-0-chair", "test-0-shoe", "test-1-chair")
    assert split.photo_ids[-1] == "test-29-shoe"
    assert [("chair", "shoe")[label] for label in split.labels] == [
        name.split("-")[2] for name in split.photo_ids
    ]
    assert split.sketch_photo.tolist() == list(range(60))


def test_same_arguments_same_pixels(split):
    assert synthetic("test", 60).fingerprint == split.fingerprint
    assert synthetic("test", 6, seed=1).fingerprint != synthetic("test", 6).fingerprint


def test_fewer_instances_are_the_first_ones(split):
    few, many = by_id(synthetic("test", 7)), by_id(split)
    for name, pictures in few.items():
        np.testing.assert_array_equal(pictures, many[name])


def test_all_instances_differ(split):
    train = synthetic("train", 60)
    assert not set(train.photo_ids) & set(split.photo_ids)
    photos = {photo.tobytes() for photo in np.concatenate([train.photos, split.photos])}
    sketches = {sketch.tobytes() for sketch in np.concatenate([train.sketches, split.sketches])}
    assert len(photos) == len(sketches) == 120


def test_edges_are_of_the_photos():
    edges, rgb = synthetic("test", 4), synthetic("test", 4, photo_input="rgb")
    assert rgb.photos.shape == (4, 256, 256, 3)
    for edge, photo in zip(edges.photos, rgb.photos, strict=True):
        np.testing.assert_array_equal(edge, edge_map(photo))
    np.testing.assert_array_equal(edges.sketches, rgb.sketches)
    corners = rgb.photos[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.all(corners > 225)


def test_categories():
    shoes = synthetic("test", 3, categories=("shoe",))
    assert shoes.photo_ids == ("test-0-shoe", "test-1-shoe", "test-2-shoe")
    assert shoes.labels.tolist() == [0, 0, 0]
    swapped = synthetic("test", 4, categories=("shoe", "chair"))
    assert [swapped.labels[i] for i, name in enumerate(swapped.photo_ids) if "shoe" in name] == [0, 0]


def test_triplets_are_all_pairs_of_the_nearest(split):
    assert split.triplets.shape == (60 * 45, 3)
    for sketch in range(60):
        rows = split.triplets[split.triplets[:, 0] == sketch]
        photos = np.unique(rows[:, 1:])
        assert len(photos) == 10
        assert np.all(split.labels[photos] == split.labels[sketch])
        # One order underlies all rows: the own photo is always the closer one, the last never is.
        wins = [int(np.sum(rows[:, 1] == photo)) for photo in photos]
        assert sorted(wins) == list(range(10))
        assert wins[list(photos).index(split.sketch_photo[sketch])] == 9


def test_triplets_of_few_instances():
    assert len(synthetic("test", 6).triplets) == 6 * 3  # Three of a category: three pairs.
    assert synthetic("test", 2).triplets is None


def test_photos_that_are_closer_look_closer(split):
    """The parameters' distance is that of the pictures more often than not."""
    pixels = np.array(
        [cv2.GaussianBlur(255 - photo[..., 0], (0, 0), 8)[::8, ::8].ravel() for photo in split.photos]
    )
    pixels = pixels / np.linalg.norm(pixels, axis=1, keepdims=True)
    similarity = pixels @ pixels.T
    rows = split.triplets[split.triplets[:, 1] != split.triplets[:, 0]]
    assert np.mean(similarity[rows[:, 0], rows[:, 1]] > similarity[rows[:, 0], rows[:, 2]]) > 0.55


def test_sketches_are_clumsy_and_yet_tell(split):
    """Blurred pixels find the object far better than chance and far from always."""

    def blurred(images):
        pixels = np.array(
            [cv2.GaussianBlur(255 - image[..., 0], (0, 0), 6)[::4, ::4].ravel() for image in images]
        )
        return pixels / np.linalg.norm(pixels, axis=1, keepdims=True)

    similarity = blurred(split.sketches) @ blurred(split.photos).T
    accuracy = np.mean(similarity.argmax(axis=1) == split.sketch_photo)
    assert 0.15 < accuracy < 0.7


def test_unclumsy_sketch_traces_the_photo():
    random = np.random.default_rng(0)
    for build in (chair, shoe):
        for _ in range(5):
            parts, scale = fitted(build(random).parts, 256, 24)
            photo = edge_map(draw_photo(parts, scale, random))[..., 0] < 128
            sketch = draw_sketch(parts, random, clumsiness=0.0)[..., 0] < 220
            # The sketch fills the paper in its own way, so the photo's box is laid upon its box.
            boxes = [cv2.boundingRect(image.astype(np.uint8)) for image in (photo, sketch)]
            (x, y, w, h), (u, v, a, b) = boxes
            cut = cv2.resize(sketch[v : v + b, u : u + a] * 255.0, (w, h)) > 60
            from_sketch = cv2.distanceTransform((~cut).astype(np.uint8), cv2.DIST_L2, 5)
            assert np.mean(from_sketch[photo[y : y + h, x : x + w]] <= 4) > 0.97


def test_clipped_part_stays_on_its_parent():
    square = np.array([(60.0, 60), (200, 60), (200, 200), (60, 200)])
    band = np.array([(0.0, 100), (256, 100), (256, 130), (0, 130)])
    parts = [Part((square,), np.array([40.0, 40, 40])), Part((band,), np.array([200.0, 200, 200]), clip=0)]
    photo = draw_photo(parts, 100.0, np.random.default_rng(0))
    assert photo[115, 30].min() > 225
    assert 140 < photo[115, 130].mean() < 225
    assert photo[80, 130].mean() < 60
    sketch = draw_sketch(parts, np.random.default_rng(0), clumsiness=0.0)[..., 0]
    columns = np.flatnonzero(sketch.min(axis=0) < 220)
    crossings = [np.sum(np.diff((sketch[:, x] < 220).astype(int)) == 1) for x in columns[5:-5]]
    assert np.median(crossings) == 4  # Top and bottom of the square and of the band, nothing beyond.


def test_hidden_lines_are_not_sketched():
    square = np.array([(0.0, 0), (100, 0), (100, 100), (0, 100)]) + 60
    parts = [Part((outline,), np.zeros(3)) for outline in (square, square * 0.5 + 55, square)]
    covered = draw_sketch(parts, np.random.default_rng(0), clumsiness=0.0)[..., 0]
    assert covered.min() < 220
    assert covered[50:-50, 50:-50].min() == 255
    in_front = draw_sketch([parts[0], parts[2], parts[1]], np.random.default_rng(0), clumsiness=0.0)[..., 0]
    assert in_front[50:-50, 50:-50].min() < 220


def test_shapes():
    bend = curve([(0, 0), (1, 2), (3, 1)], samples=5)
    np.testing.assert_allclose(bend[[0, 5, 10]], [(0, 0), (1, 2), (3, 1)])
    np.testing.assert_allclose(curve([(0, 0), (4, 2)], samples=4)[:, 1], [0, 0.5, 1, 1.5, 2])
    band = ribbon([(0, 0), (1, 0), (2, 0)], 0.4, 0.2)
    np.testing.assert_allclose(band[[0, 2, 3, 5], 1], [0.2, 0.1, -0.1, -0.2])
    np.testing.assert_allclose(np.hypot(*superellipse((0, 0), 2, 2, 2.0).T), 2)
    boxy = np.abs(superellipse((0, 0), 1, 1, 20.0, samples=64))
    assert np.mean(boxy.max(axis=1) > 0.9) > 0.9


def test_fitted_fills_the_picture():
    part = Part((np.array([(0.0, 0), (2, 0), (2, 1)]),), np.zeros(3), spine=np.array([(0.0, 0), (2, 1)]))
    (moved,), scale = fitted([part], 100, 10)
    assert scale == 40
    np.testing.assert_allclose(moved.contours[0], [(10, 70), (90, 70), (90, 30)])  # y turns over.
    np.testing.assert_allclose(moved.spine, [(10, 70), (90, 30)])


def test_folder_is_read_back(tmp_path, split):
    synthetic_folder(tmp_path / "toys", num_train=2, num_test=4)
    written = paired_folder(tmp_path / "toys", "test")
    for name, pictures in by_id(written).items():
        np.testing.assert_array_equal(pictures, by_id(split)[name])
    assert len(written.photos) == 4
    assert paired_folder(tmp_path / "toys", "train", photo_input="rgb").photos.shape == (2, 256, 256, 3)
    with Image.open(tmp_path / "toys" / "test" / "photos" / "test-0-shoe.png") as photo:
        assert (photo.mode, photo.size) == ("RGB", (256, 256))


def test_folder_must_be_new_or_empty(tmp_path):
    root = tmp_path / "toys"
    root.mkdir()
    synthetic_folder(root, num_train=1, num_test=1)
    assert len(list(root.glob("*/*/*.png"))) == 4
    for path in (root, root / "train" / "photos" / "train-0-chair.png"):
        with pytest.raises(
            InputError, match=rf"{path.name}: expected a new or empty folder; there is something"
        ):
            synthetic_folder(path, num_train=1, num_test=1)
    assert [path.name for path in tmp_path.iterdir()] == ["toys"]


def test_folder_is_whole_or_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"`num_instances` must be > 0\. Received: 0"):
        synthetic_folder(tmp_path / "toys", num_test=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"split": "val"}, InputError, 'synthetic: expected the split "train" or "test"; found \'val\''),
        ({"num_instances": 0}, ValueError, "`num_instances` must be > 0. Received: 0"),
        ({"categories": ("shoe", "hat")}, ValueError, r"`categories` must be different names out of .*hat"),
        ({"categories": ("shoe", "shoe")}, ValueError, "`categories` must be different names"),
        ({"categories": ()}, ValueError, "`categories` must be different names"),
        ({"photo_input": "grey"}, ValueError, '`photo_input` must be "edges" or "rgb". Received: \'grey\''),
        ({"seed": -1}, ValueError, "`seed` must be >= 0. Received: -1"),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        synthetic(**{"split": "test", "num_instances": 2, **options})
