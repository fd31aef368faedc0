"""Drawing, thinning and bending sketches that are strokes."""

import io

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from recipes.bench.pipeline import BATCH
from recipes.bench.row import Row
from recipes.bench.timing import side_by_side, timed
from tfsbir import files
from tfsbir.strokes import VectorSketch, rasterize
from tfsbir.strokes.deformation import deform
from tfsbir.strokes.removal import kept_strokes


def rasterize_row(split, rounds):
    """Anti-aliased strokes against Pillow's own lines, which are not."""
    sketches = [split.sketches.sketch(i) for i in range(len(split.sketches))]

    def draw_with_pillow():
        for sketch in sketches:
            image = Image.new("L", (256, 256), 255)
            pen = ImageDraw.Draw(image)
            for stroke in sketch.strokes:
                pen.line(stroke.ravel().tolist(), fill=0, width=2)

    ours, peer = side_by_side(
        lambda: [rasterize(sketch, 256) for sketch in sketches], draw_with_pillow, rounds
    )
    count = len(sketches)
    return Row.of_turns(
        "rasterize, one drawn sketch, 256 px",
        ours / count,
        "Pillow's lines, not anti-aliased",
        peer / count,
    )


def stroke_costs(rounds):
    """Measures what one sketch costs by its number of points.

    Returns: Dict of lists: `points`, and for "rasterize", "deform" and "remove" seconds a sketch.
    """
    random = np.random.default_rng(0)
    costs = {"points": [], "rasterize": [], "deform": [], "remove": []}
    for num_strokes in (2, 5, 10, 20, 40, 80, 160):
        # A hand moves on: strokes of 16 points that wander, all over the paper.
        steps = random.normal(0, 6, (num_strokes, 16, 2))
        steps[:, 0] = random.uniform(40, 216, (num_strokes, 2))
        sketch = VectorSketch(tuple(np.clip(np.cumsum(steps, axis=1), 0, 256)), (0, 0, 256, 256))
        work = {
            "rasterize": lambda sketch=sketch: rasterize(sketch, 256),
            "deform": lambda sketch=sketch: deform(sketch, 0),
            # One draw serves a batch, as the pipeline has it.
            "remove": lambda sketch=sketch: kept_strokes([sketch] * BATCH, [0.3] * BATCH, 0),
        }
        costs["points"].append(sketch.num_points)
        for name, function in work.items():
            seconds = timed(function, 5 * rounds)
            costs[name].append(seconds / (BATCH if name == "remove" else 1))
    return costs


def draw_stroke_costs(costs, path):
    """Plots `stroke_costs` as a PNG, with the straight line through each."""
    # The object interface: no global state, no window.
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    for name in ("rasterize", "deform", "remove"):
        slope, start = np.polyfit(costs["points"], costs[name], 1)
        fit = slope * np.array(costs["points"]) + start
        line = axes.plot(costs["points"], 1000 * np.array(costs[name]), "o")[0]
        label = f"{name}: {1e6 * start:.0f} µs + {1e6 * slope:.2f} µs a point"
        axes.plot(costs["points"], 1000 * fit, color=line.get_color(), label=label)
    axes.set(xlabel="points of a sketch", ylabel="ms a sketch", title="Cost of strokes, 256 px, one core")
    axes.legend()
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    files.write_bytes(path, data.getvalue())
