"""How something differs from class to class, as a bar chart."""

import io

import numpy as np

from tfsbir import files

_COLOR, _MEAN_COLOR = "#1f4e79", "#d9822b"
_LONGEST_NAME = 44  # Characters; a longer name is cut.


def class_bars(names, values, path, metric, mean=None):
    """Draws a value of each class, or of each pair of classes, as a PNG, the greatest at the top.

    Args:
        names: Names of the bars, at least one. Where a value is NaN, as of a class without photos, the name
            stands at the bottom without a bar.
        values: `(num_names,)` in [0, 1] or NaN, not all NaN.
        path: Path of the PNG; written atomically.
        metric: What the values are.
        mean: Float in [0, 1], of all queries, marked by a line; None marks none. It need not be the mean of
            the bars: classes may differ in size.
    Raises: `ValueError` for another shape or other values.
    """
    values = np.asarray(values, float)
    if values.shape != (len(names),) or not len(names):
        raise ValueError(f"`values` must be one for each of {len(names)} names. Received: {values.shape}")
    if np.any((values < 0) | (values > 1)):
        raise ValueError(f"`values` must be in [0, 1]. Received: {values}")
    is_known = np.isfinite(values)
    if not is_known.any():
        raise ValueError("`values` must hold a value. Received: NaN alone")

    from matplotlib.figure import Figure

    order = np.argsort(-values, kind="stable")  # NaN comes last.
    num_known = np.count_nonzero(is_known)
    known = 100 * values[order[:num_known]]
    # The object interface: no global state, no window.
    figure = Figure(figsize=(7, 1.1 + 0.24 * len(names)), layout="constrained")
    axis = figure.subplots()
    axis.barh(np.arange(num_known), known, 0.7, color=_COLOR)
    for place, value in enumerate(known):
        axis.annotate(
            f"{value:.1f}", (value, place), (3, 0), textcoords="offset points", va="center",
            fontsize="x-small",
        )  # fmt: skip
    for place in range(num_known, len(names)):
        axis.annotate(
            "not measured", (0, place), (3, 0), textcoords="offset points", va="center", fontsize="x-small",
            color="#777777",
        )  # fmt: skip
    if mean is not None:
        axis.axvline(100 * mean, color=_MEAN_COLOR, linewidth=1.2, linestyle="--", zorder=3)
        axis.annotate(
            f"mean of all queries, {100 * mean:.1f}", (100 * mean, len(names) - 0.5), (4, 3),
            textcoords="offset points", color=_MEAN_COLOR, fontsize="small",
        )  # fmt: skip
    labels = [
        names[i] if len(names[i]) <= _LONGEST_NAME else f"{names[i][: _LONGEST_NAME - 1]}…" for i in order
    ]
    # People's names may hold a "$", which would begin a formula.
    axis.set_yticks(range(len(names)), labels, fontsize="small", parse_math=False)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, max(1.1 * known.max(), 1e-3))  # Room for the numbers.
    axis.set_xlabel(f"{metric}, %", parse_math=False)
    axis.grid(axis="x", alpha=0.25)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    png = io.BytesIO()
    figure.savefig(png, dpi=120, format="png")
    files.write_bytes(path, png.getvalue())
