"""What the table is made of: jobs, in its order."""

import dataclasses
from collections.abc import Callable

from recipes.bench.alignment import CLASSES_BESIDE, alignment_row, refresh_row
from recipes.bench.devices import device_costs
from recipes.bench.encoding import encode_rows
from recipes.bench.evaluation import evaluation_costs, evaluation_rows
from recipes.bench.learned_distance import learned_distance_rows
from recipes.bench.pipeline import pipeline_rows
from recipes.bench.queries import export_row, query_rows
from recipes.bench.sampling import sampling_rows
from recipes.bench.search import holef_rows, search_row
from recipes.bench.step_rows import step_rows
from recipes.bench.strokes import rasterize_row, stroke_costs
from tfsbir.data.synthetic import synthetic
from tfsbir.data.worker_pool import worker_pool


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Args:
        rounds: Turns that each side of a row takes, in most rows.
        num_photos: Photos in the gallery of HOLEF's rows.
        num_queries: Sketches whose retrieval is measured.
        num_classes: Classes that are aligned and pooled.
        has_growth: Whether smaller evaluations are measured, too, for the plot of how it grows.
    """

    rounds: int
    num_photos: int
    num_queries: int
    num_classes: int
    has_growth: bool


@dataclasses.dataclass(frozen=True)
class Job:
    """A part of the table.

    Args:
        kind: One of `row.KINDS`.
        name: What the progress bar calls it.
        seconds: About how long it takes with ten rounds on two cores; a guess at the time left needs it.
        measure: Function of `Sizes` to a dict: `rows`, a list of `Row`; maybe `left_out`, a list of strings;
            and what else of this kind goes into the JSON.
    """

    kind: str
    name: str
    seconds: float
    measure: Callable


def _pictures():
    return synthetic("train", num_instances=32)


def _strokes(sizes):
    return {"rows": [rasterize_row(_pictures(), sizes.rounds)], "stroke_costs": stroke_costs(sizes.rounds)}


def _pipeline(sizes):
    with worker_pool(2) as pool:
        return {"rows": pipeline_rows(_pictures(), sizes.rounds, pool)}


def _refresh(sizes):
    return {"rows": [refresh_row(sizes.rounds, min(sizes.num_classes, CLASSES_BESIDE))]}


def _evaluation(sizes):
    found = {"rows": evaluation_rows(sizes.num_queries)}
    if sizes.has_growth:
        found["evaluation_costs"] = evaluation_costs(sizes.num_queries)
    return found


def _search(sizes):
    return {"rows": [search_row(sizes.rounds), *query_rows(_pictures(), sizes.rounds)]}


def _devices(sizes):
    rows, arithmetic = device_costs(_pictures(), sizes.rounds)
    return {"rows": rows, "int8_arithmetic": arithmetic}


JOBS = (
    Job("encode", "encoders", 100, lambda sizes: {"rows": encode_rows(sizes.rounds)}),
    Job("encode", "strokes", 15, _strokes),
    Job("sampling", "samplers", 30, lambda sizes: {"rows": sampling_rows(sizes.rounds)}),
    Job("train_step", "steps of triplets", 330, lambda sizes: step_rows(sizes.rounds)),
    Job("train_step", "input pipeline", 100, _pipeline),
    Job("train_step", "HOLEF", 100, lambda sizes: {"rows": learned_distance_rows(sizes.rounds)}),
    Job("refresh", "align and pool", 50, lambda sizes: {"rows": [alignment_row(sizes.num_classes)]}),
    Job("refresh", "beside training", 300, _refresh),
    Job("evaluation", "all metrics", 160, _evaluation),
    Job("search", "queries", 10, _search),
    Job("search", "HOLEF", 120, lambda sizes: {"rows": holef_rows(sizes.num_photos, sizes.rounds)}),
    Job("export_latency", "int8", 10, lambda sizes: {"rows": [export_row(_pictures(), sizes.rounds)]}),
    Job("export_latency", "devices", 60, _devices),
)
