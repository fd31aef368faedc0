import numpy as np

from tests.common_data import small_split
from tfsbir.data.batches import batches
from tfsbir.sampling import AnnotatedTriplets, TruePairs


def draw(split, start, stop, **options):
    sampler = TruePairs(split, batch_size=3, seed=5)
    return list(batches(split, sampler, start, stop, image_size=16, seed=5, **options).as_numpy_iterator())


def test_a_batch_holds_the_images_the_sampler_chose():
    split = small_split(sketches_of=1)
    for step, batch in enumerate(draw(split, 0, 4, mirror=False)):
        chosen = TruePairs(split, 3, seed=5)(step)
        np.testing.assert_allclose(batch["sketch"], split.sketches[chosen["sketch"]] / 127.5 - 1, atol=1e-5)
        np.testing.assert_allclose(batch["photo"], split.photos[chosen["photo"]] / 127.5 - 1, atol=1e-5)
        np.testing.assert_array_equal(batch["instance"], chosen["photo"])
        np.testing.assert_array_equal(batch["label"], split.labels[chosen["photo"]])
        assert batch["sketch"].dtype == np.float32


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
