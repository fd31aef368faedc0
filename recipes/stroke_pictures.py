"""Draws what the stroke toolkit does to a sketch, for docs/strokes.md.

python -m recipes.stroke_pictures --sketch=docs/shoe.svg --output=docs/images

Writes strokes_removal.png, strokes_deformation.png, strokes_kinds.png, strokes_twelvefold.png and
strokes_line_widths.png.
"""

import io
from pathlib import Path

import numpy as np
from absl import flags

from tfsbir import command, figures, files
from tfsbir.strokes import rasterize
from tfsbir.strokes.deformation import KINDS, deform, moving_least_squares
from tfsbir.strokes.removal import remove_strokes
from tfsbir.strokes.svg import read_svg
from tfsbir.strokes.twelvefold import SHARES, twelvefold

FLAGS = flags.FLAGS
TILE = 176  # px.
MARGIN = 14  # Room for what deformation moves out of the frame, px.
RED = np.uint8([200, 30, 30])

flags.DEFINE_string("sketch", "docs/shoe.svg", "SVG file of a sketch.")
flags.DEFINE_string("output", "docs/images", "Folder of the pictures.")


def removal_sheet(sketch):
    """As Fig. 4 of the paper: fewer strokes to the right; a row a seed."""
    rows = [[sketch, *(remove_strokes(sketch, share, seed) for share in SHARES)] for seed in (0, 1)]
    return sheet(["original", *(f"{share:.0%} removed" for share in SHARES)], rows)


def deformation_sheet(sketch):
    """Strokes by themselves, the whole sketch, both, and both more strongly; a row a seed."""
    settings = ({"global_move": 0.0}, {"local_move": 0.0}, {}, {"strength": 2.0})
    rows = [[sketch, *(deform(sketch, seed, **own) for own in settings)] for seed in (0, 1)]
    return sheet(["original", "strokes", "whole sketch", "both", "both, strength 2"], rows)


def twelvefold_sheet(sketch):
    """As Fig. 5 of the paper: strokes removed, and to the right three deformations of what is left."""
    made = twelvefold(sketch, seed=0)
    rows = [[made[row], *made[3 + 3 * row : 6 + 3 * row]] for row in range(3)]
    return sheet(["strokes removed", *["deformed"] * 3], rows)


def kinds_sheet(sketch):
    """A sketch and a grid below it, moved by the same control points under the three kinds of map."""
    left, top, right, bottom = sketch.frame
    origin, sides = np.array([left, top]), np.array([right - left, bottom - top])
    # In shares of the frame: the left side stays, the right side is lifted and drawn out.
    sources = np.array([(0.1, 0.3), (0.1, 0.9), (0.5, 0.5), (0.9, 0.5), (0.9, 0.9)])
    targets = sources + np.array([(0, 0), (0, 0), (0, -0.1), (0.05, -0.25), (0.05, -0.15)])
    sources, targets = origin + sides * sources, origin + sides * targets
    along = np.linspace(0, 1, 41)
    lines = [np.stack([along, np.full(41, place)], axis=1) for place in along[::4]]
    lines = [origin + sides * one for one in (*lines, *(one[:, ::-1] for one in lines))]

    def tile(move, controls):
        grid = drawn(sketch.replaced([move(one) for one in lines]), line_width=1.0)
        image = np.minimum(255 - (255 - grid) // 3, drawn(sketch.replaced(map(move, sketch.strokes))))
        return np.where(drawn(sketch.replaced(controls[:, None]), line_width=7.0) < 128, RED, image)

    def moved(kind):
        return tile(lambda points: moving_least_squares(points, sources, targets, kind), targets)

    return sheet(["control points", *KINDS], [[tile(np.array, sources), *map(moved, KINDS)]])


def line_width_sheet(sketch):
    widths = (0.5, 1.0, 2.0, 4.0, 8.0)
    return sheet([f"{width:g} px" for width in widths], [[drawn(sketch, width) for width in widths]])


def drawn(sketch, line_width=1.5):
    return rasterize(sketch, TILE, line_width, MARGIN)


def sheet(header, rows):
    """Lays out rows of sketches, or of images that are drawn already."""
    tiles = [
        [figures.Tile(one if isinstance(one, np.ndarray) else drawn(one)) for one in row] for row in rows
    ]
    return figures.contact_sheet([figures.Row(None, row) for row in tiles], tile=TILE, header=header)


def main(_):
    sketch, output = read_svg(FLAGS.sketch), Path(FLAGS.output)
    output.mkdir(parents=True, exist_ok=True)
    sheets = {
        "removal": removal_sheet,
        "deformation": deformation_sheet,
        "kinds": kinds_sheet,
        "twelvefold": twelvefold_sheet,
        "line_widths": line_width_sheet,
    }
    for name, make in sheets.items():
        png = io.BytesIO()
        make(sketch).save(png, "png", optimize=True)
        files.write_bytes(output / f"strokes_{name}.png", png.getvalue())


if __name__ == "__main__":
    command.run(main)
