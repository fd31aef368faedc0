import concurrent.futures
import time

import numpy as np
import pytest
from PIL import Image

from recipes.bench.alignment import alignment_row, beside, clustered_classes
from recipes.bench.evaluation import (
    NUM_CLASSES,
    draw_evaluation_costs,
    evaluation_costs,
    made_up,
    measure,
    measured,
)
from recipes.bench.galleries import encoder_like, near_identity
from recipes.bench.row import Row, table
from recipes.bench.search import holef_rows, outer_subtraction
from recipes.bench.timing import side_by_side
from tfsbir.alignment import ManifoldAlignment
from tfsbir.distances import HOLEF


def test_two_sides_take_turns():
    calls = []
    side_by_side(lambda: calls.append("ours"), lambda: calls.append("peer"), rounds=3)
    assert calls == ["ours", "peer"] * 4


def test_a_row_says_how_much_more_the_peer_takes():
    rows = [
        Row("exact", 0.002, "plain", 0.003),
        Row("step", 2e9, "the other step", 1e9, "bytes"),
        Row("graph", 0.001, "exact", 0.0105, recall_at_10=0.9876),
        Row("encode", 30.0, "predict", 20.0, "images_per_second", quartiles=(1.4, 1.5, 1.625)),
    ]
    assert [row.to_json() for row in rows] == [
        {"ours": "exact", "seconds": 0.002, "peer": "plain", "peer_seconds": 0.003, "ratio": 1.5},
        {"ours": "step", "bytes": 2e9, "peer": "the other step", "peer_bytes": 1e9, "ratio": 0.5},
        {
            "ours": "graph", "seconds": 0.001, "peer": "exact", "peer_seconds": 0.0105,
            "ratio": pytest.approx(10.5), "recall@10": 0.9876,
        },
        {
            "ours": "encode", "images_per_second": 30.0, "peer": "predict",
            "peer_images_per_second": 20.0, "ratio": 1.5, "quartiles": [1.4, 1.5, 1.625],
        },
    ]  # fmt: skip
    assert [Row.from_json(row.to_json()) for row in rows] == rows
    assert table(rows) == [
        "ours                     peer                             ratio   half of turns   recall@10",
        "exact          2.00 ms   plain                  3.00 ms    1.50",
        "step           2000 MB   the other step         1000 MB    0.50",
        "graph          1.00 ms   exact                 10.50 ms   10.50                       0.988",
        "encode   30.0 images/s   predict          20.0 images/s    1.50    1.40 to 1.62",
    ]  # fmt: skip


def test_a_row_of_turns_has_their_medians_and_the_middle_half_of_their_ratios():
    ours, peer = np.array([2.0, 1.0, 4.0, 3.0, 9.0]), np.array([2.0, 2.0, 2.0, 6.0, 36.0])
    row = Row.of_turns("a", ours, "b", peer)  # Ratios 1, 2, 0.5, 2, 4.
    assert row == Row("a", 3.0, "b", 2.0, quartiles=(1.0, 2.0, 2.0))
    assert row.ratio == 2.0  # And not that of the medians, of different turns.
    row = Row.of_turns("a", ours, "b", peer, "images_per_second")  # And 1, 0.5, 2, 0.5, 0.25.
    assert row == Row("a", 3.0, "b", 2.0, "images_per_second", quartiles=(0.5, 0.5, 1.0))


def test_what_stands_in_for_embeddings_is_as_encoders_give_it():
    photos, sketches = encoder_like(500, 40, dim=64)
    for embeddings in (photos, sketches):
        assert embeddings.dtype == np.float32 and embeddings.shape[1] == 64
        norms = np.linalg.norm(embeddings.reshape(len(embeddings), 2, 32), axis=2)
        np.testing.assert_allclose(norms, 1, atol=1e-6)
    # Of few dimensions: most of the variance is in 20 directions. And a sketch is near some photo.
    variance = np.linalg.svd(photos - photos.mean(axis=0), compute_uv=False) ** 2
    assert variance[:20].sum() > 0.9 * variance.sum()
    distances = np.square(sketches[:, None] - photos).sum(axis=2)
    assert np.median(distances.min(axis=1)) < 0.5 * np.median(distances)
    np.testing.assert_array_equal(encoder_like(500, 40, dim=64)[0], photos)


def test_what_holef_is_timed_against_is_holef():
    (sketch, photo), _ = encoder_like(2, 1, dim=16)
    layer = HOLEF(16)
    layer.pair_weights.assign(near_identity(16))
    expected = np.asarray(layer.pairwise(sketch[None], photo[None])).item()
    assert outer_subtraction(sketch, photo, near_identity(16)) == pytest.approx(expected, rel=1e-5)
    loop = sum(near_identity(16)[i, j] * (sketch[i] - photo[j]) ** 2 for i in range(16) for j in range(16))
    assert loop == pytest.approx(expected, rel=1e-5)


def test_holef_is_searched_exactly_and_by_a_graph():
    exact, written_out, faster, default = holef_rows(num_photos=400, rounds=1, num_written_out=20)
    assert exact.ours == written_out.ours == "HOLEF, exact search, 400 photos of 512-d"
    assert written_out.peer == "Eq. 5-6 in NumPy, 20 photos x 20" and written_out.ratio > 1
    for graph, ef_search in ((faster, 64), (default, 128)):
        assert graph.ours.startswith("HOLEF, HNSW (M ") and graph.recall_at_10 > 0.9
        assert f"efSearch {ef_search})" in graph.ours
    assert exact.recall_at_10 is None


def test_classes_are_made_as_two_branches_give_them():
    sketches, photos, sketch_labels, photo_labels, pairs = clustered_classes(3, num_of_each=60, dim=32)
    for embeddings, labels in ((sketches, sketch_labels), (photos, photo_labels)):
        assert embeddings.shape == (180, 32)
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
        np.testing.assert_array_equal(np.bincount(labels), [60, 60, 60])
    assert len(pairs) == 3 * 24
    np.testing.assert_array_equal(sketch_labels[pairs[:, 0]], photo_labels[pairs[:, 1]])
    # Aligned, a sketch finds its photo; as the branches give them, hardly.
    aligner = ManifoldAlignment().fit(sketches[:60], photos[:60], pairs=pairs[:24])
    spaces = (sketches, photos), (aligner.transform_sketch(sketches), aligner.transform_photo(photos))
    before, after = (np.square(sketch[:24, None] - photo[None, :60]).sum(axis=2) for sketch, photo in spaces)
    ranks = [(one < one[range(24), range(24), None]).sum(axis=1).mean() for one in (before, after)]
    assert ranks[1] < 8 < ranks[0]


def test_all_classes_are_held_against_their_share_of_the_limit():
    row = alignment_row(num_classes=1)
    assert row.ours == "align and pool, MA and GMM, 1 classes of 2 x 1,000, 256-d"
    assert row.peer == "0.923077 s, the limit"
    assert row.peer_value == pytest.approx(60 / 65)
    assert 0.01 < row.value < 60


def test_what_runs_beside_is_told_from_what_runs_alone():
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running, calls = [], []

        def start():
            running.append(pool.submit(time.sleep, 0.3))
            return running[-1]

        def function():
            is_beside = bool(running) and not running[-1].done()
            calls.append(is_beside)
            time.sleep(0.05 if is_beside else 0.01)

        with_work, without = beside(function, start, rounds=2)
        assert len(with_work) == len(without) > 2
        assert np.median(with_work) > 0.045 > 0.03 > np.median(without)
        assert sum(calls) > 4
        with pytest.raises(ValueError, match=r"`start` must begin work that outlasts `function`"):
            beside(lambda: time.sleep(0.05), lambda: pool.submit(int), rounds=1)


def test_made_up_embeddings_lie_by_class_and_overlap():
    sketch, photo, sketch_labels, photo_labels = made_up(90, 300, seed=0)
    assert sketch.shape == (90, 256) and photo.shape == (300, 256) and photo.dtype == np.float32
    assert sketch_labels.max() < NUM_CLASSES and len(np.unique(photo_labels)) == NUM_CLASSES
    found = measure(sketch, photo, sketch_labels, photo_labels)
    assert len(found) == 14
    assert 2 / NUM_CLASSES < found["mAP@all"] < 0.9


def test_an_evaluation_is_measured_in_time_and_memory():
    found = measured(40, 500)
    assert (found["queries"], found["photos"]) == (40, 500)
    assert found["seconds"] > 0 and found["cpu_seconds"] > 0
    # What this process held before hides what the evaluation took.
    assert found["bytes"] < 2**27


def test_the_growth_of_an_evaluation_is_plotted(tmp_path):
    costs = [
        {"queries": queries, "photos": photos, "seconds": 1.0, "cpu_seconds": queries * photos / 1e6,
         "bytes": 2**20 * photos}
        for queries, photos in ((10, 800), (20, 800), (40, 800), (40, 100), (40, 400))
    ]  # fmt: skip
    draw_evaluation_costs(costs, tmp_path / "costs.png")
    with Image.open(tmp_path / "costs.png") as plot:
        assert plot.format == "PNG"


@pytest.mark.slow
def test_an_evaluation_in_a_process_of_its_own_takes_what_its_blocks_take():
    (found,) = evaluation_costs(num_queries=1500, growth=((1.0, 0.1),))
    assert (found["queries"], found["photos"]) == (1500, 5415)
    assert 2**25 < found["bytes"] < 2**29  # A block of distances alone is 32 MiB.
