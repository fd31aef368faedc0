import dataclasses
import functools

import numpy as np
import pytest
from PIL import Image

from tests.common_data import small_split
from tfsbir.data.augment import Augmentation, StrokeAugmentation
from tfsbir.data.batches import batches
from tfsbir.data.drawings import Drawings
from tfsbir.data.image_files import ImageFiles
from tfsbir.data.images import read_image
from tfsbir.data.join import join
from tfsbir.data.worker_pool import worker_pool
from tfsbir.sampling import AnnotatedTriplets, TruePairs
from tfsbir.strokes import VectorSketch


def draw(split, start, stop, pool=None, **options):
    sampler = TruePairs(split, batch_size=3, seed=5)
    made = batches(split, sampler, start, stop, 16, 5, Augmentation(**options), pool)
    return list(made.as_numpy_iterator())


def lazy_split(folder):
    """A split of sketches as strokes and photos in files."""
    split = small_split(sketches_of=2)
    random = np.random.default_rng(1)
    for photo_id, photo in zip(split.photo_ids, split.photos, strict=True):
        Image.fromarray(photo[..., 0]).save(folder / f"{photo_id}.png")
    strokes = random.uniform(1, 15, (len(split.sketches), 5, 4, 2))
    paths = [folder / f"{photo_id}.png" for photo_id in split.photo_ids]
    return dataclasses.replace(
        split,
        sketches=Drawings([VectorSketch(tuple(lines), (0, 0, 16, 16)) for lines in strokes], size=16),
        photos=ImageFiles(paths, functools.partial(read_image, size=16), size=16),
    )


def test_a_batch_holds_the_images_the_sampler_chose():
    split = small_split(sketches_of=1)
    for step, batch in enumerate(draw(split, 0, 4, mirror=False)):
        chosen = TruePairs(split, 3, seed=5)(step)
        np.testing.assert_allclose(batch["sketch"], split.sketches[chosen["sketch"]] / 127.5 - 1, atol=1e-5)
        np.testing.assert_allclose(batch["photo"], split.photos[chosen["photo"]] / 127.5 - 1, atol=1e-5)
        np.testing.assert_array_equal(batch["instance"], chosen["photo"])
        np.testing.assert_array_equal(batch["label"], split.photo_labels[chosen["photo"]])
        assert batch["sketch"].dtype == np.float32


def test_a_batch_holds_the_attributes_of_its_images():
    split = small_split(sketches_of=2)
    random = np.random.default_rng(2)
    photo_attributes = random.integers(-1, 2, (len(split.photos), 4)).astype(np.int8)
    split = dataclasses.replace(
        split, attribute_names=tuple("abcd"), photo_attributes=photo_attributes, sketch_attributes=None
    )
    sampler = AnnotatedTriplets(split, batch_size=3, seed=5, annotated_share=0.0)
    for step, batch in enumerate(batches(split, sampler, 0, 3, 16, 5).as_numpy_iterator()):
        chosen = sampler(step)
        for name in ("photo", "negative"):
            np.testing.assert_array_equal(batch[f"{name}_attributes"], photo_attributes[chosen[name]])
        assert batch["photo_attributes"].dtype == np.int8
        np.testing.assert_array_equal(batch["sketch_attributes"], np.full((3, 4), -1))


def test_what_else_a_sampler_has_is_handed_on():
    split = small_split(sketches_of=2)
    pairs = TruePairs(split, batch_size=3, seed=5)

    def sampler(step):
        clusters = np.random.default_rng(step).integers(9, size=(2, 3), dtype=np.int32)
        return {"cluster": clusters[0], **pairs(step), "negative_cluster": clusters[1]}

    made = batches(split, sampler, 2, 5, 16, 5, Augmentation(mirror=False)).as_numpy_iterator()
    for step, batch in enumerate(made, start=2):
        for name in ("cluster", "negative_cluster"):
            np.testing.assert_array_equal(batch[name], sampler(step)[name])
            assert batch[name].dtype == np.int32
        np.testing.assert_array_equal(batch["instance"], pairs(step)["photo"])


def test_a_resumed_run_sees_what_it_would_have_seen():
    split = small_split()
    whole = draw(split, 0, 6, sketch_warp=1.0, photo_warp=0.5)
    resumed = draw(split, 4, 6, sketch_warp=1.0, photo_warp=0.5)
    for expected, batch in zip(whole[4:], resumed, strict=True):
        for name in expected:
            np.testing.assert_array_equal(batch[name], expected[name])


def test_a_row_is_mirrored_as_a_whole():
    split = small_split(sketches_of=1, num_triplets=2)
    sampler = AnnotatedTriplets(split, 6, seed=5)
    seen = set()
    for step, batch in enumerate(batches(split, sampler, 0, 8, image_size=16, seed=5).as_numpy_iterator()):
        chosen = sampler(step)
        originals = {"sketch": split.sketches, "photo": split.photos, "negative": split.photos}
        for row in range(6):
            is_mirrored = set()
            for name, images in originals.items():
                image = images[chosen[name][row]] / 127.5 - 1
                plain, mirrored = (np.abs(batch[name][row] - i).max() < 1e-5 for i in (image, image[:, ::-1]))
                assert plain != mirrored
                is_mirrored.add(bool(mirrored))
            assert len(is_mirrored) == 1
            seen |= is_mirrored
    assert seen == {False, True}


def test_sketch_and_photo_are_warped_apart():
    split = small_split(sketches_of=1)
    batch = draw(split, 0, 1, mirror=False, sketch_warp=1.0)[0]
    chosen = TruePairs(split, 3, seed=5)(0)
    assert np.abs(batch["sketch"] - (split.sketches[chosen["sketch"]] / 127.5 - 1)).max() > 0.1
    np.testing.assert_allclose(batch["photo"], split.photos[chosen["photo"]] / 127.5 - 1, atol=1e-5)


def test_files_and_drawings_give_what_arrays_give(tmp_path):
    lazy = lazy_split(tmp_path)
    held = dataclasses.replace(lazy, sketches=lazy.sketches[:], photos=lazy.photos[:])
    options = {"sketch_warp": 1.0, "rotation": 5.0, "scale": 0.1}
    for expected, batch in zip(draw(held, 0, 4, **options), draw(lazy, 0, 4, **options), strict=True):
        for name in expected:
            np.testing.assert_array_equal(batch[name], expected[name])


def test_strokes_are_left_out_and_bent_the_same_with_workers(tmp_path):
    split = lazy_split(tmp_path)
    options = {"mirror": False, "strokes": StrokeAugmentation((0.5,), deformation_share=1.0)}
    alone = draw(split, 0, 4, **options)
    with worker_pool(2) as pool:
        helped = draw(split, 0, 4, pool, **options)
        resumed = draw(split, 2, 4, pool, **options)
    plain = draw(split, 0, 4, mirror=False)
    for index, batch in enumerate(alone):
        for name in batch:
            np.testing.assert_array_equal(batch[name], helped[index][name])
            if index >= 2:
                np.testing.assert_array_equal(batch[name], resumed[index - 2][name])
        np.testing.assert_array_equal(batch["photo"], plain[index]["photo"])
        # Of five strokes two or three are gone.
        assert np.all((batch["sketch"] + 1).sum((1, 2, 3)) > (plain[index]["sketch"] + 1).sum((1, 2, 3)))


def test_removal_alone_keeps_the_other_strokes_in_their_places(tmp_path):
    split = lazy_split(tmp_path)
    options = {"mirror": False, "strokes": StrokeAugmentation((0.4,), deformation_share=0.0)}
    for batch, plain in zip(draw(split, 0, 4, **options), draw(split, 0, 4, mirror=False), strict=True):
        assert np.all(batch["sketch"] >= plain["sketch"])
        assert np.any(batch["sketch"] > plain["sketch"])


def test_strokes_of_pixels_are_left_alone():
    split = small_split(sketches_of=1)
    bent = draw(split, 0, 2, strokes=StrokeAugmentation())
    for batch, plain in zip(bent, draw(split, 0, 2), strict=True):
        np.testing.assert_array_equal(batch["sketch"], plain["sketch"])


def joined_split(folder):
    """Two lazy splits and one in memory behind each other: strokes, strokes of another hand, pixels."""
    first, second = lazy_split(folder), small_split(sketches_of=1, seed=3)
    third = dataclasses.replace(first, sketches=first.sketches.take(range(11, -1, -1)))
    return join([first, second, third])


def alone(domain, count, seed=0, batch_size=5):
    """A sampler of images of one domain."""

    def sample(step):
        random = np.random.default_rng((seed, step))
        return {domain: random.integers(count, size=batch_size, dtype=np.int32)}

    return sample


def test_joined_images_give_what_arrays_give(tmp_path):
    joined = joined_split(tmp_path)
    held = dataclasses.replace(joined, sketches=joined.sketches[:], photos=joined.photos[:])
    options = {"sketch_warp": 1.0, "rotation": 5.0, "scale": 0.1}
    for expected, batch in zip(draw(held, 0, 4, **options), draw(joined, 0, 4, **options), strict=True):
        for name in expected:
            np.testing.assert_array_equal(batch[name], expected[name])


def test_of_joined_images_only_the_drawings_are_thinned_and_bent(tmp_path):
    split = joined_split(tmp_path)
    sampler = alone("sketch", len(split.sketches), batch_size=12)
    augmentation = Augmentation(mirror=False, strokes=StrokeAugmentation((0.0, 0.5), deformation_share=0.5))

    def made(start, stop, pool=None):
        return list(batches(split, sampler, start, stop, 16, 5, augmentation, pool).as_numpy_iterator())

    here = made(0, 4)
    with worker_pool(2) as pool:
        helped, resumed = made(0, 4, pool), made(2, 4, pool)
    num_changed = 0
    for step, batch in enumerate(here):
        np.testing.assert_array_equal(batch["sketch"], helped[step]["sketch"])
        if step >= 2:
            np.testing.assert_array_equal(batch["sketch"], resumed[step - 2]["sketch"])
        rows = sampler(step)["sketch"]
        for row, view in zip(rows, batch["sketch"], strict=True):
            plain = split.sketches[row] / 127.5 - 1
            if 12 <= row < 18:  # In memory as pixels.
                np.testing.assert_allclose(view, plain, atol=1e-5)
            else:
                num_changed += np.abs(view - plain).max() > 1e-3
    assert num_changed > 10


def test_joined_parts_are_augmented_apart(tmp_path):
    """Two parts with the same drawings: what happens to one is no copy of what happens to the other."""
    split = lazy_split(tmp_path)
    twice = join([split, split])
    rows = np.arange(24, dtype=np.int32)
    augmentation = Augmentation(mirror=False, strokes=StrokeAugmentation((0.5,), 1.0))
    made = batches(twice, lambda step: {"sketch": rows}, 0, 1, 16, 5, augmentation)
    sketches = next(made.as_numpy_iterator())["sketch"]
    assert np.any(np.abs(sketches[:12] - sketches[12:]).max((1, 2, 3)) > 0.1)


@pytest.mark.parametrize("count", [2, 3])
def test_the_parts_of_a_batch_make_up_the_whole(tmp_path, count):
    split = joined_split(tmp_path)
    sampler = alone("sketch", len(split.sketches), batch_size=12)
    augmentation = Augmentation(
        rotation=10.0, scale=0.2, sketch_warp=1.0, strokes=StrokeAugmentation((0.0, 0.5))
    )

    def made(own_rows):
        return list(batches(split, sampler, 0, 3, 16, 5, augmentation, own_rows=own_rows).as_numpy_iterator())

    rows = [np.arange(12).reshape(2, count, -1)[:, index].ravel() for index in range(count)]
    parts = [made(own_rows) for own_rows in rows]
    for step, whole in enumerate(made(None)):
        for name, values in whole.items():
            for own_rows, of_part in zip(rows, parts, strict=True):
                # The last bit of a sine hangs on where in an array it stands.
                np.testing.assert_allclose(of_part[step][name], values[own_rows], atol=1e-5)


@pytest.mark.parametrize("own_rows", [[0, 12], [-1, 2], [3, 3], [4, 2], []])
def test_rows_that_cannot_be(own_rows):
    split = small_split(sketches_of=1)
    with pytest.raises(ValueError, match=r"`own_rows` must be ascending, of a batch of 12 rows"):
        batches(split, alone("sketch", 12, batch_size=12), 0, 1, 16, 5, own_rows=own_rows)


@pytest.mark.parametrize("domain", ["sketch", "photo"])
def test_one_domain_alone(domain):
    split = small_split(sketches_of=2, num_distractors=2)
    no_pair = split.sketch_photo.copy()
    no_pair[3:5] = -1
    split = dataclasses.replace(split, sketch_photo=no_pair)
    images = {"sketch": split.sketches, "photo": split.photos}[domain]
    labels = {"sketch": split.sketch_labels, "photo": split.photo_labels}[domain]
    instances = {"sketch": no_pair, "photo": np.arange(8)}[domain]
    sampler, mirrored = alone(domain, len(images)), set()
    for step, batch in enumerate(batches(split, sampler, 0, 6, 16, seed=5).as_numpy_iterator()):
        chosen = sampler(step)[domain]
        assert set(batch) == {domain, "label", "instance"}
        np.testing.assert_array_equal(batch["label"], labels[chosen])
        np.testing.assert_array_equal(batch["instance"], instances[chosen])
        assert batch["label"].dtype == batch["instance"].dtype == np.int32
        for row, view in zip(chosen, batch[domain], strict=True):
            image = images[row] / 127.5 - 1
            plain, turned = (np.abs(view - i).max() < 1e-5 for i in (image, image[:, ::-1]))
            assert plain != turned
            mirrored.add(bool(turned))
    assert mirrored == {False, True}


def test_one_domain_of_a_split_without_the_other():
    split = dataclasses.replace(
        small_split(), photos=np.zeros((0, 16, 16, 1), np.uint8), photo_ids=(), photo_labels=None,
        sketch_photo=None,
    )  # fmt: skip
    batch = next(batches(split, alone("sketch", 12), 0, 1, 16, seed=5).as_numpy_iterator())
    assert batch["sketch"].shape == (5, 16, 16, 1)
    assert batch["instance"].tolist() == [-1] * 5
