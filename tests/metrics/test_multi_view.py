import numpy as np
import pytest

import tfsbir


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 2), dtype="uint8")


def test_the_ten_views(images):
    views = dict(tfsbir.metrics.views(images, 11))
    crops = {
        "center": images[:, 2:13, 2:13],
        "top_left": images[:, :11, :11],
        "top_right": images[:, :11, 5:],
        "bottom_left": images[:, 5:, :11],
        "bottom_right": images[:, 5:, 5:],
    }
    assert set(views) == {*crops, *(f"{name}_mirrored" for name in crops)}
    assert next(iter(views)) == "center"
    for name, crop in crops.items():
        assert views[name].dtype == np.float32
        np.testing.assert_allclose(views[name], crop / 127.5 - 1, atol=1e-6)
        np.testing.assert_array_equal(views[f"{name}_mirrored"], views[name][:, :, ::-1])


def test_the_first_view_is_what_an_encoder_gets_in_a_search():
    images = np.random.default_rng(1).integers(0, 256, (2, 256, 256, 1), dtype="uint8")
    preprocessing = tfsbir.preprocessing.Preprocessing(image_size=225, embedding_dim=8)
    _, view = next(tfsbir.metrics.views(images, 225))
    np.testing.assert_array_equal(view, preprocessing.center(images))


def squared_euclidean(query, gallery):
    return np.square(query[:, None] - gallery[None]).sum(axis=-1)


def encode_sketch(images):
    return images.reshape(len(images), -1)[:, ::3]


def encode_photo(images):
    return images.reshape(len(images), -1)[:, ::3] * 0.5


@pytest.mark.parametrize("num_views", [1, 10])
def test_distances_equal_loops(images, num_views):
    sketches, photos = images[:2], images
    expected = np.zeros((2, 3))
    places = [(2, 2), (0, 0), (0, 5), (5, 0), (5, 5)]
    for top, left in places[: max(1, num_views // 2)]:
        for step in (1, -1)[:num_views]:
            sketch = sketches[:, top : top + 11, left : left + 11][:, :, ::step] / 127.5 - 1
            photo = photos[:, top : top + 11, left : left + 11][:, :, ::step] / 127.5 - 1
            for row in range(2):
                for column in range(3):
                    gap = sketch[row].ravel()[::3] - 0.5 * photo[column].ravel()[::3]
                    expected[row, column] += np.square(gap).sum() / num_views
    distances = tfsbir.metrics.multi_view_distances(
        encode_sketch, encode_photo, sketches, photos, 11, squared_euclidean, num_views=num_views
    )
    np.testing.assert_allclose(distances, expected, rtol=1e-5)


def test_takes_the_library_distance(images):
    arguments = (encode_sketch, encode_photo, images, images, 11)
    pairwise = tfsbir.distances.SquaredEuclidean().pairwise
    distances = tfsbir.metrics.multi_view_distances(*arguments, pairwise, num_views=1)
    expected = tfsbir.metrics.multi_view_distances(*arguments, squared_euclidean, num_views=1)
    np.testing.assert_allclose(distances, expected, rtol=1e-4)


def test_encodes_no_view_that_is_not_asked_for(images):
    calls = []

    def encode(batch):
        calls.append(batch.shape)
        return encode_sketch(batch)

    tfsbir.metrics.multi_view_distances(encode, encode, images, images, 11, squared_euclidean, num_views=1)
    assert calls == [(3, 11, 11, 2)] * 2


@pytest.mark.parametrize(
    ("make_images", "image_size", "error", "message"),
    [
        (lambda x: x.astype("float32"), 11, TypeError, "`images` must be uint8. Received: float32"),
        (lambda x: x[0], 11, ValueError, r"must be \(num_images, .* Received shape: \(16, 16, 2\)"),
        (lambda x: x[:, :15], 11, ValueError, r"must be \(num_images, .* Received shape: \(3, 15, 16, 2\)"),
        (lambda x: x, 17, ValueError, r"`image_size` must be in 1..16, the images' side. Received: 17"),
        (lambda x: x, 0, ValueError, r"`image_size` must be in 1..16, the images' side. Received: 0"),
    ],
)
def test_bad_images(images, make_images, image_size, error, message):
    with pytest.raises(error, match=message):
        tfsbir.metrics.views(make_images(images), image_size)


def test_embeddings_of_views_are_those_of_each_view(images):
    found = tfsbir.metrics.multi_view_embeddings(encode_sketch, images, 11)
    expected = [encode_sketch(view) for _, view in tfsbir.metrics.views(images, 11)]
    assert len(found) == 10
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_bad_num_views(images):
    with pytest.raises(ValueError, match=r"`num_views` must be 1 or 10. Received: 0"):
        tfsbir.metrics.multi_view_embeddings(encode_sketch, images, 11, 0)
    with pytest.raises(ValueError, match=r"`num_views` must be 1 or 10. Received: 5"):
        tfsbir.metrics.multi_view_distances(
            encode_sketch, encode_photo, images, images, 11, squared_euclidean, num_views=5
        )
