"""The drawn data set: determinism, who is who, what is known of the objects, the files written from it."""

import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from PIL import Image

from tfsbir.data.attributes_csv import read_attributes
from tfsbir.data.edge_maps import edge_map
from tfsbir.data.paired_folder import paired_folder
from tfsbir.data.synthetic import attribute_names, synthetic, synthetic_folder, synthetic_objects
from tfsbir.data.synthetic.bags import Bag
from tfsbir.data.synthetic.chairs import Chair
from tfsbir.data.synthetic.shoes import Shoe
from tfsbir.errors import InputError
from tfsbir.strokes.rasterize import rasterize
from tfsbir.strokes.svg import read_svg
from tfsbir.strokes.vector_sketch import VectorSketch


@pytest.fixture(scope="module")
def split():
    return synthetic("test")


def by_id(split):
    return {
        name: (split.photos[split.sketch_photo[i]], split.sketches[i])
        for i, name in enumerate(split.sketch_ids)
    }


def test_default_counts(split, monkeypatch):
    assert np.bincount(split.photo_labels).tolist() == [34, 33, 33]
    blank = np.full((256, 256, 3), 255, np.uint8)
    drawn = (blank, [VectorSketch((), (0, 0, 256, 256))], [set()])
    monkeypatch.setitem(synthetic.__globals__, "_draw", lambda *_: drawn)
    assert len(synthetic("train", photo_input="rgb").photos) == 300


def test_pictures(split):
    assert split.sketches.shape == split.photos.shape == (100, 256, 256, 1)
    assert (split.name, split.split, split.photo_input) == ("synthetic", "test", "edges")
    for images, least, most in ((split.photos, 0.012, 0.035), (split.sketches[:], 0.025, 0.06)):
        share = np.mean(images < 128, axis=(1, 2, 3))
        assert share.min() > 0.003
        assert least < share.mean() < most
        rims = np.concatenate([images[:, [0, -1]].ravel(), images[:, :, [0, -1]].ravel()])
        assert np.mean(rims == 255) > 0.99  # But for the edges of tables.


def test_ids_labels_and_pairs(split):
    assert split.photo_ids == split.sketch_ids
    assert split.photo_ids[:4] == ("test-0-bag", "test-0-chair", "test-0-shoe", "test-1-bag")
    assert split.photo_ids[-1] == "test-33-bag"
    assert split.class_names == ("bag", "chair", "shoe")
    names = [split.class_names[label] for label in split.photo_labels]
    assert names == [name.split("-")[2] for name in split.photo_ids]
    assert split.sketch_photo.tolist() == list(range(100))
    assert split.sketch_labels.tolist() == split.photo_labels.tolist()


def test_sketches_are_their_strokes(split):
    for index in (0, 41, 99):
        sketch = split.sketches.sketch(index)
        assert 3 <= len(sketch.strokes) < 100
        assert 80 < sketch.num_points < 2500
        np.testing.assert_array_equal(rasterize(sketch), split.sketches[index])


def test_same_arguments_same_pixels():
    few = synthetic("train", 12)
    assert synthetic("train", 12).fingerprint == few.fingerprint
    assert synthetic("train", 12, seed=1).fingerprint != few.fingerprint


def test_any_number_of_processes_draws_the_same():
    alone = synthetic("train", 30, sketches_of=2, num_workers=0)
    assert synthetic("train", 30, sketches_of=2, num_workers=2).fingerprint == alone.fingerprint


def test_fewer_instances_are_the_first_ones(split):
    few, many = by_id(synthetic("test", 8)), by_id(split)
    for name, pictures in few.items():
        for picture, expected in zip(pictures, many[name], strict=True):
            np.testing.assert_array_equal(picture, expected)


def test_all_instances_differ(split):
    train = synthetic("train", 40)
    assert not set(train.photo_ids) & set(split.photo_ids)
    assert len({photo.tobytes() for photo in (*train.photos, *split.photos)}) == 140
    assert len({sketch.tobytes() for sketch in (*train.sketches[:], *split.sketches[:])}) == 140
    assert (
        len({thing.looks().tobytes() for s in ("train", "test") for thing in synthetic_objects(s, 99)}) == 198
    )


def test_several_sketches_of_an_object():
    one, three = synthetic("test", 5), synthetic("test", 5, sketches_of=3)
    assert three.sketch_ids[:4] == ("test-0-bag-1", "test-0-bag-2", "test-0-bag-3", "test-0-chair-1")
    assert three.photo_ids == one.photo_ids
    assert three.sketch_photo.tolist() == [photo for photo in range(5) for _ in range(3)]
    np.testing.assert_array_equal(three.photos, one.photos)
    np.testing.assert_array_equal(three.sketches[::3], one.sketches[:])
    assert len({sketch.tobytes() for sketch in three.sketches[:]}) == 15
    # All sketches of an object have its triplets.
    for sketch in range(15):
        own = three.triplets[three.triplets[:, 0] == sketch][:, 1:]
        np.testing.assert_array_equal(own, one.triplets[one.triplets[:, 0] == sketch // 3][:, 1:])


def test_edges_are_of_the_photos():
    edges, rgb = synthetic("test", 4), synthetic("test", 4, photo_input="rgb")
    assert rgb.photos.shape == (4, 256, 256, 3)
    for edge, photo in zip(edges.photos, rgb.photos, strict=True):
        np.testing.assert_array_equal(edge, edge_map(photo))
    np.testing.assert_array_equal(edges.sketches[:], rgb.sketches[:])


def test_clutter_changes_photos_alone():
    plain, busy = (synthetic("test", 6, photo_input="rgb", clutter=clutter) for clutter in (0, 1.0))
    assert plain.photos[:, :8, :8].mean(axis=(1, 2, 3)).min() > 235
    assert busy.photos[:, :8, :8].mean() < 235
    np.testing.assert_array_equal(plain.sketches[:], busy.sketches[:])


def test_categories():
    shoes = synthetic("test", 3, categories=("shoe",))
    assert shoes.photo_ids == ("test-0-shoe", "test-1-shoe", "test-2-shoe")
    assert shoes.photo_labels.tolist() == [0, 0, 0]
    assert shoes.attribute_names == tuple(Shoe.ATTRIBUTES)
    swapped = synthetic("test", 4, categories=["shoe", "chair"])
    assert [swapped.photo_labels[i] for i, name in enumerate(swapped.photo_ids) if "shoe" in name] == [0, 0]


def test_attributes_are_those_of_the_objects(split):
    things = synthetic_objects("test")
    assert {type(thing) for thing in things} == {Bag, Chair, Shoe}
    assert split.attribute_names == attribute_names()
    assert len(set(attribute_names())) == len(attribute_names()) >= 36
    assert set(attribute_names()) == {*Bag.ATTRIBUTES, *Chair.ATTRIBUTES, *Shoe.ATTRIBUTES}
    for row, thing in zip(split.photo_attributes, things, strict=True):
        for value, name in zip(row, split.attribute_names, strict=True):
            expected = int(thing.ATTRIBUTES[name](thing)) if name in thing.ATTRIBUTES else -1
            assert value == expected, (thing, name)


def test_sketches_lack_what_is_forgotten(split):
    photo, sketch = split.photo_attributes[split.sketch_photo], split.sketch_attributes
    assert sketch.dtype == np.int8
    np.testing.assert_array_equal(sketch < 0, photo < 0)
    changed = sketch != photo
    assert np.all(photo[changed] == 1)
    assert np.all(sketch[changed] == 0)
    assert 0.02 < changed.sum() / np.sum(photo == 1) < 0.15
    never = [split.attribute_names.index(name) for name in ("seen at an angle", "high heel", "tall legs")]
    assert not changed[:, never].any()


def test_viewpoints():
    things = synthetic_objects("train", 300)
    for cls in (Bag, Chair, Shoe):
        yaws = [thing.yaw for thing in things if isinstance(thing, cls)]
        assert 0 <= min(yaws) < 8
        assert 35 < max(yaws) < 45
        assert 0.3 < np.mean([thing.faces_right for thing in things if isinstance(thing, cls)]) < 0.7


@pytest.mark.parametrize("sketches_of", [1, 2])
def test_triplets_follow_the_distance_of_the_parameters(monkeypatch, sketches_of):
    blank = np.full((256, 256, 3), 255, np.uint8)
    drawn = (blank, [VectorSketch((), (0, 0, 256, 256))] * sketches_of, [set()] * sketches_of)
    monkeypatch.setitem(synthetic.__globals__, "_draw", lambda *_: drawn)
    split = synthetic("test", 90, photo_input="rgb", sketches_of=sketches_of)
    looks = [thing.looks() for thing in synthetic_objects("test", 90)]
    expected = []
    for sketch in range(90 * sketches_of):
        photo = sketch // sketches_of
        distances = {
            other: np.sqrt(np.sum((looks[photo] - looks[other]) ** 2))
            for other in range(90)
            if split.photo_labels[other] == split.photo_labels[photo]
        }
        nearest = sorted(distances, key=distances.get)[:10]
        assert nearest[0] == photo
        expected += [(sketch, nearest[a], nearest[b]) for a in range(10) for b in range(a + 1, 10)]
    np.testing.assert_array_equal(split.triplets, expected)
    assert split.triplets.dtype == np.int32


def test_triplets_of_few_instances():
    assert len(synthetic("test", 9).triplets) == 9 * 3  # Three of a category: three pairs.
    assert synthetic("test", 3).triplets is None


def test_photos_that_are_closer_look_closer(split):
    """The parameters' distance is that of the pictures more often than not."""
    pixels = []
    for photo in split.photos:
        left, top, width, height = cv2.boundingRect((photo[..., 0] < 128).astype(np.uint8))
        ink = 255.0 - photo[top : top + height, left : left + width, 0]
        cut = cv2.GaussianBlur(cv2.resize(ink, (24, 24), interpolation=cv2.INTER_AREA), (0, 0), 1.2)
        pixels.append(np.append(cut.ravel() / 200, 40 * np.log(width / height)))
    pixels = np.array(pixels)
    distance = np.linalg.norm(pixels[:, None] - pixels[None], axis=2)
    rows = split.triplets[split.triplets[:, 1] != split.triplets[:, 0]]
    assert np.mean(distance[rows[:, 0], rows[:, 1]] < distance[rows[:, 0], rows[:, 2]]) > 0.55


def test_pixels_alone_do_not_tell(split):
    """Blurred pixels find the object better than chance and far from always."""

    def blurred(images):
        pixels = np.array(
            [cv2.GaussianBlur(255 - image[..., 0], (0, 0), 6)[::4, ::4].ravel() for image in images],
            np.float64,
        )
        return pixels / np.linalg.norm(pixels, axis=1, keepdims=True)

    similarity = blurred(split.sketches[:]) @ blurred(split.photos).T
    accuracy = np.mean(similarity.argmax(axis=1) == split.sketch_photo)
    assert 0.05 < accuracy < 0.25


def test_drawing_is_fast():
    started = time.process_time()
    synthetic("train", 30, num_workers=0)
    assert (time.process_time() - started) / 30 < 0.08  # About 0.01 on a processor that is not shared.


def test_workers_need_no_tensorflow():
    code = "import sys, tfsbir.data.synthetic; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_folder_is_read_back(tmp_path, split):
    synthetic_folder(tmp_path / "toys", num_train=3, num_test=6)
    written = paired_folder(tmp_path / "toys", "test")
    for name, pictures in by_id(written).items():
        for picture, expected in zip(pictures, by_id(split)[name], strict=True):
            np.testing.assert_array_equal(picture, expected)
    assert len(written.photos) == 6
    assert written.attribute_names == split.attribute_names
    places = [split.photo_ids.index(name) for name in written.photo_ids]
    np.testing.assert_array_equal(written.photo_attributes, split.photo_attributes[places])
    folder = tmp_path / "toys" / "test"
    with Image.open(folder / "photos" / "test-0-shoe.png") as photo:
        assert (photo.mode, photo.size) == ("RGB", (256, 256))
    with Image.open(folder / "sketches" / "test-0-shoe.png") as sketch:
        assert (sketch.mode, sketch.size) == ("L", (256, 256))
    strokes = read_svg(folder / "strokes" / "test-0-shoe.svg")
    expected = split.sketches.sketch(split.sketch_ids.index("test-0-shoe"))
    assert strokes.frame == expected.frame
    for stroke, drawn in zip(strokes.strokes, expected.strokes, strict=True):
        np.testing.assert_allclose(stroke, drawn, atol=1e-3)


def test_folder_has_a_table_of_attributes(tmp_path, split):
    synthetic_folder(tmp_path / "toys", num_train=1, num_test=6)
    table = tmp_path / "toys" / "test" / "photo_attributes.csv"
    header, first = table.read_text().splitlines()[:2]
    assert header.startswith("file,open top,has a flap,")
    assert first.startswith("test-0-bag.png,")
    assert first.endswith(",,")
    names, values = read_attributes(table, [f"{name}.png" for name in split.photo_ids[:6]])
    assert names == split.attribute_names
    np.testing.assert_array_equal(values, split.photo_attributes[:6])


def test_folder_must_be_new_or_empty(tmp_path):
    root = tmp_path / "toys"
    root.mkdir()
    synthetic_folder(root, num_train=1, num_test=1)
    assert len(list(root.glob("*/*/*.png"))) == 4
    for path in (root, root / "train" / "photos" / "train-0-bag.png"):
        with pytest.raises(
            InputError, match=rf"{path.name}: expected a new or empty folder; there is something"
        ):
            synthetic_folder(path, num_train=1, num_test=1)
    assert [path.name for path in tmp_path.iterdir()] == ["toys"]


def test_folder_is_whole_or_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"`num_instances` must be >= 1\. Received: 0"):
        synthetic_folder(tmp_path / "toys", num_test=0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"split": "val"}, InputError, 'synthetic: expected the split "train" or "test"; found \'val\''),
        ({"num_instances": 0}, ValueError, "`num_instances` must be >= 1. Received: 0"),
        ({"categories": ("shoe", "hat")}, ValueError, r"`categories` must be different names out of .*hat"),
        ({"categories": ("shoe", "shoe")}, ValueError, "`categories` must be different names"),
        ({"categories": ()}, ValueError, "`categories` must be different names"),
        ({"photo_input": "grey"}, ValueError, '`photo_input` must be "edges" or "rgb". Received: \'grey\''),
        ({"seed": -1}, ValueError, "`seed` must be >= 0. Received: -1"),
        ({"sketches_of": 0}, ValueError, "`sketches_of` must be >= 1. Received: 0"),
        ({"clutter": 1.5}, ValueError, r"`clutter` must be in \[0, 1\]. Received: 1.5"),
        ({"num_workers": -1}, ValueError, "`num_workers` must be >= 0. Received: -1"),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        synthetic(**{"split": "test", "num_instances": 2, **options})


def test_objects_check_their_arguments_too():
    with pytest.raises(InputError, match="expected the split"):
        synthetic_objects("val")
    with pytest.raises(ValueError, match=r"`num_instances` must be >= 1"):
        synthetic_objects("test", 0)
