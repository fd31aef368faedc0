"""What a setting does to metrics, as curves."""

import io

import numpy as np

from tfsbir import files

_COLORS = ("#1f4e79", "#d9822b", "#3f8f5f", "#8a4f8f", "#777777", "#b03a48")
_MARKERS = ("o", "s", "^", "D", "v", "P")


def metric_sweep(curves, path, setting, chosen=None):
    """Draws metrics over the values of one setting, which doubles or so from one to the next, as a PNG.

    The setting's axis is logarithmic. Each mark is the mean of the runs, with a line from the lowest of them
    to the highest where there are several.

    Args:
        curves: Dict from a curve's name to a dict from values of the setting, finite and > 0, to the metric
            in [0, 1] of each run, at least one; 1 to 6 curves.
        path: Path of the PNG; written atomically.
        setting: The setting's name, with its unit if it has one.
        chosen: The value that is used elsewhere, marked by a line; None marks none.
    Raises: `ValueError` for other numbers of curves, values of the setting or metrics.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", ACCV 2018,
        Fig. 4c.
    """
    if not 1 <= len(curves) <= len(_COLORS):
        raise ValueError(f"`curves` must be 1 to {len(_COLORS)}. Received: {len(curves)}")
    for name, points in curves.items():
        if not points or not all(0 < value < np.inf for value in points):
            raise ValueError(
                "`curves` must have values of the setting, finite and > 0. "
                f"Received: {name} with {list(points)[:5]}"
            )
        for value, runs in points.items():
            if not len(runs) or not all(0 <= one <= 1 for one in runs):
                raise ValueError(
                    "`curves` must have a metric in [0, 1] of one run or more at each value. "
                    f"Received: {name} with {list(runs)[:5]} at {value}"
                )

    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    # The object interface: no global state, no window.
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axis = figure.subplots()
    if chosen is not None:
        axis.axvline(chosen, color="#444444", linewidth=0.8, linestyle="--", zorder=1)
        axis.annotate(
            f"{chosen:g}, the default", (chosen, 1), (3, -3), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="left", va="top", fontsize="small",
        )  # fmt: skip
    values = sorted({value for points in curves.values() for value in points})
    for color, marker, (name, points) in zip(_COLORS, _MARKERS, curves.items(), strict=False):
        settings = sorted(points)
        means = [100 * np.mean(points[value]) for value in settings]
        spans = [[100 * edge(points[value]) for value in settings] for edge in (np.min, np.max)]
        axis.vlines(settings, *spans, color=color, linewidth=1.5)
        axis.plot(settings, means, color=color, marker=marker, markersize=6, linewidth=1.6, label=name)
    axis.set_xscale("log")
    axis.set_xticks(values, [f"{value:g}" for value in values])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_ylim(bottom=0)
    axis.margins(y=0.12)
    axis.set_xlabel(setting, parse_math=False)
    axis.set_ylabel("%")
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    # Outside, so that it hides no curve.
    legend = figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    for text in legend.get_texts():
        text.set_parse_math(False)
    png = io.BytesIO()
    figure.savefig(png, dpi=120, format="png")
    files.write_bytes(path, png.getvalue())
