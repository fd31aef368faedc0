"""A collected table as a bar chart."""

import io
import math

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from recipes.tables.collected import data_names
from tfsbir import files

COLORS = {"paper": "#c9d3de", "ours": "#1f4e79"}


def draw_bars(collected, path):
    """Draws a collected table as a PNG: our means and standard deviations beside the paper's numbers."""
    names, metrics = data_names(collected), collected["metrics"]
    rows = {data: [row for row in collected["rows"] if data in row["data"]] for data in names}
    heights = [len(rows[data]) + 1 for data in names]
    # The object interface: no global state, no window.
    figure = Figure(figsize=(3 + 3 * len(metrics), 0.9 + 0.45 * sum(heights)), layout="constrained")
    panels = figure.subplots(
        len(names), len(metrics), sharex=True, sharey="row", squeeze=False, height_ratios=heights
    )
    for data, axes in zip(names, panels, strict=True):
        for metric, axis in zip(metrics, axes, strict=True):
            found = [row["data"][data]["metrics"][metric] for row in rows[data]]
            for (whose, color), key, offset in zip(
                COLORS.items(), ("paper", "mean"), (-0.2, 0.2), strict=True
            ):
                there = {place + offset: one for place, one in enumerate(found) if one[key] is not None}
                errors = [math.nan if one["std"] is None else 100 * one["std"] for one in there.values()]
                bars = axis.barh(
                    list(there), [100 * one[key] for one in there.values()], 0.4, color=color,
                    xerr=errors if whose == "ours" else None, error_kw={"ecolor": "#d9822b", "capsize": 2},
                )  # fmt: skip
                axis.bar_label(bars, fmt="%.1f", padding=3, fontsize="x-small")
            if axis is not axes[0] and all(one[key] is None for one in found for key in ("paper", "mean")):
                axis.set_visible(False)  # A metric that this data does not have.
            axis.set_title(f"{data}, {metric.replace('_', ' ')}", fontsize="medium")
            axis.set_xlim(0, 110)  # Room for the numbers.
            axis.set_xticks(range(0, 101, 20))
            axis.grid(axis="x", alpha=0.25)
            axis.set_axisbelow(True)
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].set_yticks(range(len(rows[data])), [row["label"] for row in rows[data]])
        axes[0].set_ylim(len(rows[data]) - 0.4, -0.6)  # The first row is at the top.
    for axis in panels[-1]:
        axis.set_xlabel("%")
    handles = [Patch(color=color, label=whose) for whose, color in COLORS.items()]
    figure.legend(handles=handles, loc="outside lower right", ncols=2, frameon=False)
    figure.suptitle(collected["title"])
    png = io.BytesIO()
    figure.savefig(png, dpi=120, format="png")
    files.write_bytes(path, png.getvalue())
