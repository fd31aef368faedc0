"""Category-level retrieval from embeddings: the same numbers as from a whole matrix, in less memory."""

import tracemalloc

import numpy as np
import pytest

from tfsbir import distances, metrics


def made(num_sketches=30, num_photos=50, dim=6, num_classes=4, seed=0):
    """Returns embeddings of small integers, whose distances float32 holds exactly and which often tie."""
    random = np.random.default_rng(seed)
    return (
        random.integers(-1, 2, (num_sketches, dim)).astype("float32"),
        random.integers(-1, 2, (num_photos, dim)).astype("float32"),
        random.integers(0, num_classes, num_sketches),
        random.integers(0, num_classes, num_photos),
    )


@pytest.mark.parametrize("name", distances.DISTANCES)
@pytest.mark.parametrize("block_size", [None, 7])
def test_equals_the_whole_matrix_with_any_distance(name, block_size):
    sketch, photo, sketch_labels, photo_labels = made()
    distance = distances.make_distance(name, 6)
    if name != "squared_euclidean":
        weights = np.random.default_rng(1).integers(-2, 3, distance.get_weights()[0].shape)
        distance.set_weights([weights.astype("float32")])
    found = metrics.category_metrics(
        sketch, photo, sketch_labels, photo_labels, (5,), distance, block_size=block_size
    )
    matrix = np.array([np.asarray(distance.pairwise(row[None], photo))[0] for row in sketch])
    relevant = sketch_labels[:, None] == photo_labels
    for convention in metrics.CONVENTIONS:
        np.testing.assert_array_equal(
            found.per_query[f"mAP@5/{convention}"],
            metrics.average_precision(matrix, relevant, 5, convention),
        )
    assert found.means()["mAP@all"] == metrics.mean_average_precision(matrix, relevant, None, "R")


def test_classes_without_photos_are_left_out_and_without_sketches_distract():
    sketch, photo, sketch_labels, photo_labels = made()
    sketch_labels[:4], photo_labels[:10] = 7, 8
    found = metrics.category_metrics(sketch, photo, sketch_labels, photo_labels)
    assert found.num_left_out == 4
    fewer = metrics.category_metrics(sketch, photo[10:], sketch_labels, photo_labels[10:])
    assert found.means()["mAP@all"] < fewer.means()["mAP@all"]


def test_per_query_values_give_those_of_a_class():
    """The sketches of the first class find its two photos first, those of the second find its one last."""
    sketch = np.repeat(np.eye(2, dtype="float32"), 3, axis=0)
    photo = np.array([[1, 0], [1, 0], [1.5, 0]], "float32")
    found = metrics.category_metrics(sketch, photo, np.repeat([0, 1], 3), np.array([0, 0, 1]), ())
    average = found.per_query["mAP@all"]
    assert average[:3].tolist() == [1, 1, 1]
    assert average[3:].tolist() == [1 / 3] * 3


def test_memory_is_that_of_a_block():
    random = np.random.default_rng(0)
    sketch = random.normal(size=(2000, 8)).astype("float32")
    photo = random.normal(size=(3000, 8)).astype("float32")
    labels = np.arange(3000) % 10
    metrics.category_metrics(sketch[:5], photo[:50], labels[:5], labels[:50])  # Keras' own, once.
    tracemalloc.start()
    metrics.category_metrics(sketch, photo, labels[:2000], labels, block_size=50)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A block's distances take 0.6 MB and its relevance 0.15 MB, the results 0.5 MB; the matrix would take 24.
    assert peak < 6e6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sketch_labels": [0]}, r"`sketch_labels` must be \(30,\), one a sketch\. Received shape: \(1,\)"),
        ({"photo_labels": [[0]]}, r"`photo_labels` must be \(50,\), one a photo\. Received shape: \(1, 1\)"),
        ({"sketch": np.zeros((0, 6))}, r"`sketch` must not be empty\. Received shape: \(0, 6\)"),
        ({"photo": np.zeros((0, 6))}, r"`photo` must not be empty\. Received shape: \(0, 6\)"),
        ({"block_size": 0}, r"`block_size` must be >= 1\. Received: 0"),
    ],
)
def test_errors(changes, message):
    arguments = dict(zip(("sketch", "photo", "sketch_labels", "photo_labels"), made(), strict=True))
    with pytest.raises(ValueError, match=message):
        metrics.category_metrics(**{**arguments, **changes})


def test_nan_is_refused():
    sketch, photo, sketch_labels, photo_labels = made()
    sketch[3, 0] = np.nan
    with pytest.raises(ValueError, match=r"`distances` must not be NaN"):
        metrics.category_metrics(sketch, photo, sketch_labels, photo_labels)
