"""The rows of the bench on less than they measure: the machine is not the matter here."""

import concurrent.futures
import random
import time
import types

import numpy as np
import pytest
from PIL import Image

from recipes.bench import (
    alignment,
    encoding,
    evaluation,
    learned_distance,
    pipeline,
    queries,
    sampling,
    strokes,
)
from recipes.bench.alignment import clustered_classes, refresh_row
from recipes.bench.encoding import encode_rows
from recipes.bench.evaluation import evaluation_rows
from recipes.bench.learned_distance import learned_distance_rows
from recipes.bench.pipeline import pipeline_rows
from recipes.bench.queries import export_row, query_rows
from recipes.bench.sampling import cases, made_up_split, sampling_rows
from recipes.bench.search import search_row
from recipes.bench.strokes import draw_stroke_costs, rasterize_row, stroke_costs
from tests.common_processes import run_module
from tfsbir.data.synthetic import synthetic
from tfsbir.data.worker_pool import worker_pool
from tfsbir.models import pooled_squeezenet_encoder, sketch_a_net


@pytest.fixture(scope="module")
def split():
    return synthetic("train", num_instances=8)


@pytest.fixture
def own_process(monkeypatch):
    """What measures itself in a process of its own is forked from one that has TensorFlow imported."""
    forked = types.SimpleNamespace(run=lambda line, **_: run_module(line), PIPE=None)
    for module in (learned_distance, evaluation):
        monkeypatch.setattr(module, "subprocess", forked)


def test_encoders_are_held_against_predict(monkeypatch):
    monkeypatch.setattr(encoding, "NUM_IMAGES", 3)
    rows = encode_rows(rounds=1)
    assert [row.ours for row in rows] == [
        f"encode 3 sketches, {name}" for name in ("sketch_a_net", "squeezenet", "small_pooled_squeezenet")
    ]
    assert all(row.ratio == pytest.approx(row.value / row.peer_value) for row in rows)


def test_strokes_are_drawn_and_their_costs_plotted(split, tmp_path, monkeypatch):
    row = rasterize_row(split, rounds=1)
    assert row.peer == "Pillow's lines, not anti-aliased" and row.value > 0
    monkeypatch.setattr(strokes, "BATCH", 2)
    costs = stroke_costs(rounds=1)
    assert len(costs["points"]) == len(costs["rasterize"]) == len(costs["deform"]) == len(costs["remove"])
    draw_stroke_costs(costs, tmp_path / "costs.png")
    with Image.open(tmp_path / "costs.png") as plot:
        assert plot.format == "PNG"


@pytest.fixture
def few(monkeypatch):
    sizes = {"NUM_SKETCHES": 800, "NUM_PHOTOS": 200, "NUM_CLASSES": 10, "BATCH": 16, "STEPS_IN_A_TURN": 2}
    for name, size in sizes.items():
        monkeypatch.setattr(sampling, name, size)


def test_samplers_and_their_loops_draw_the_same_kind_of_batch(few):
    split = made_up_split()
    random.seed(0)
    for name, sampler, loop in cases(split):
        drawn, in_loops = sampler(0), np.array(loop())
        names = [field for field in ("sketch", "photo", "negative") if field in drawn]
        assert in_loops.shape == (16, len(names)), name
        batches = np.stack([drawn[field] for field in names], axis=1), in_loops
        for batch in batches:
            # A sketch's photo is of its class; a negative of the class is another photo.
            np.testing.assert_array_equal(split.sketch_labels[batch[:, 0]], split.photo_labels[batch[:, 1]])
            if len(names) == 3:
                assert np.all(batch[:, 1] != batch[:, 2]), name


def test_every_sampler_has_a_row(few):
    rows = sampling_rows(rounds=1)
    assert len({row.name for row in rows}) == len(rows) == 6
    assert rows[0].ours == "draw 16 true pairs, of 800 sketches"
    assert all(row.value > 0 for row in rows)


def test_the_input_pipeline_is_held_against_its_step(split, monkeypatch):
    monkeypatch.setattr(pipeline, "BATCH", 2)
    monkeypatch.setattr(pipeline, "BATCHES_IN_A_TURN", 1)
    with worker_pool(1) as pool:
        rows = pipeline_rows(split, 1, pool)
    assert [row.peer for row in rows] == 3 * ["training step of sketch_a_net"] + [
        "the same on one batch in memory"
    ]
    assert rows[0].ours == "batch of 2 pairs, pixels warped"


@pytest.mark.slow
def test_holef_is_held_against_the_squared_distance_in_time_and_memory(own_process, monkeypatch):
    monkeypatch.setattr(learned_distance, "BATCH", 2)
    step, memory = learned_distance_rows(rounds=1)
    assert step.unit == "seconds" and step.ours.endswith("2 pairs")
    # The weights and the momentum alone are 4 bytes each.
    least = 2 * 4 * (8_000_000 + 512 * 512)
    assert least < memory.value < 20 * least and memory.unit == "bytes"


def test_a_refresh_runs_beside_a_step(monkeypatch):
    monkeypatch.setattr(alignment, "clustered_classes", lambda count: clustered_classes(count, 100, 32))
    monkeypatch.setattr(alignment, "training_step", lambda *_: lambda batch: time.sleep(0.005))
    # A process takes longer to start than to work, above all one that steps back behind other work.
    monkeypatch.setattr(alignment, "worker_pool", concurrent.futures.ThreadPoolExecutor)
    monkeypatch.setattr(alignment.pool_job, "get_ready", lambda pooler: None)
    row = refresh_row(rounds=1, num_classes=2)
    assert row.peer == "the same, nothing beside it" and row.value > 0.005


def test_an_evaluation_is_held_against_its_limits(own_process, monkeypatch):
    monkeypatch.setattr(evaluation, "NUM_PHOTOS", 541)
    seconds, cpu_seconds, memory = evaluation_rows(num_queries=64)
    assert seconds.ours == "evaluate all metrics, 64 sketches, 541 photos of 256-d"
    assert seconds.peer_value == cpu_seconds.peer_value == pytest.approx(120 * 64 / 92_291)
    assert memory.unit == "bytes" and memory.peer == "1.5 GiB, the limit"


@pytest.fixture
def small_encoders(monkeypatch):
    monkeypatch.setattr(queries, "sketch_a_net", lambda: sketch_a_net(16, 129))
    monkeypatch.setattr(queries, "squeezenet_encoder", lambda: pooled_squeezenet_encoder(is_halved=True))


def test_queries_are_held_against_a_limit_and_numpy(split, small_encoders):
    rows = query_rows(split, rounds=1)
    assert [row.ours for row in rows] == [
        f"strokes to 115 ranked photos, {name}" for name in ("sketch_a_net", "pooled_squeezenet")
    ]
    assert all(row.peer_value == 0.03 for row in rows)
    row = search_row(rounds=1)
    assert row.ours == "exact search, 20,000 photos of 256-d" and row.ratio > 0


def test_int8_is_held_against_float(split, small_encoders):
    assert export_row(split, rounds=1).peer == "the same in float32"
