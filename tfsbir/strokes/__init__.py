"""Sketches as strokes: reading and writing them, changing them, drawing them."""

from tfsbir.strokes.coordinates import read_coordinates
from tfsbir.strokes.deformation import deform, moving_least_squares
from tfsbir.strokes.quickdraw import QuickDrawing, read_bin, read_ndjson, write_ndjson
from tfsbir.strokes.rasterize import rasterize
from tfsbir.strokes.simplify import simplify
from tfsbir.strokes.sketch_rnn import from_stroke_3, from_stroke_5, read_sketch_rnn, to_stroke_3
from tfsbir.strokes.svg import read_svg, write_svg
from tfsbir.strokes.vector_sketch import VectorSketch

# What needs TensorFlow Probability stays out, so that this folder is fast to import: strokes.removal and
# strokes.twelvefold.
__all__ = [
    "QuickDrawing",
    "VectorSketch",
    "deform",
    "from_stroke_3",
    "from_stroke_5",
    "moving_least_squares",
    "rasterize",
    "read_bin",
    "read_coordinates",
    "read_ndjson",
    "read_sketch_rnn",
    "read_svg",
    "simplify",
    "to_stroke_3",
    "write_ndjson",
    "write_svg",
]
