"""How well each attribute is predicted, as a bar chart."""

import io

import numpy as np

from tfsbir import files

_COLORS = {"frequency": "#c9d3de", "predicted": "#1f4e79"}
_LONGEST_NAME = 30  # Characters; a longer name is cut.


def attribute_bars(names, average_precision, baseline, path, is_sorted=False):
    """Draws every attribute's average precision beside what its frequency alone would give, as a PNG.

    Of several runs the bar is the mean and a line spans the lowest to the highest. An attribute without a
    value, such as one that nothing or hardly anything in the test set has, is named and has no bars.

    Args:
        names: Names of the attributes, at least one.
        average_precision: `(num_attributes,)`, or `(num_runs, num_attributes)`, in [0, 1] or NaN.
        baseline: `(num_attributes,)` in [0, 1] or NaN: the average precision of a ranking by chance, which
            is the share of images that have the attribute.
        path: Path of the PNG; written atomically.
        is_sorted: Whether the attribute with the greatest gain over the baseline is at the top; else the
            first one is.
    Raises: `ValueError` for other shapes or values, or where no attribute has a value.
    """
    precisions, baseline = np.atleast_2d(np.asarray(average_precision, float)), np.asarray(baseline, float)
    for argument, values, most in (("average_precision", precisions, 2), ("baseline", baseline, 1)):
        if values.ndim > most or values.shape[-1:] != (len(names),) or not values.size:
            raise ValueError(
                f"`{argument}` must have a value for each of {len(names)} names. Received: {values.shape}"
            )
        if np.any((values < 0) | (values > 1)):
            raise ValueError(f"`{argument}` must be in [0, 1]. Received: {values}")
    mean = precisions.mean(axis=0)
    is_known = np.isfinite(mean) & np.isfinite(baseline)
    if not is_known.any():
        raise ValueError("`average_precision` must hold an attribute with a value. Received: NaN alone")
    places = np.arange(len(names))
    # The sort puts NaN, the unknown ones, last.
    order = np.argsort(baseline - mean, kind="stable") if is_sorted else places
    shown = [place for place in places if is_known[order[place]]]
    known = order[shown]

    from matplotlib.figure import Figure

    # The object interface: no global state, no window.
    figure = Figure(figsize=(7, 1.1 + 0.32 * len(names)), layout="constrained")
    axis = figure.subplots()
    for (what, color), values, offset in zip(_COLORS.items(), (baseline, mean), (0.2, -0.2), strict=True):
        bars = axis.barh(
            np.array(shown) + offset, 100 * values[known], 0.4, color=color,
            label=f"{what}, mean {100 * values[known].mean():.1f} %",
        )  # fmt: skip
        if what == "predicted":
            reach = np.abs(np.stack([precisions.min(axis=0), precisions.max(axis=0)]) - mean)[:, known]
            if len(precisions) > 1:
                axis.errorbar(
                    100 * mean[known], np.array(shown) + offset, xerr=100 * reach, fmt="none",
                    ecolor="#d9822b", elinewidth=1, capsize=2,
                )  # fmt: skip
            for bar, value, right in zip(bars, mean[known], reach[1], strict=True):
                axis.annotate(
                    f"{100 * value:.0f}", (100 * (value + right), bar.get_y() + 0.2), (3, 0),
                    textcoords="offset points", va="center", fontsize="x-small",
                )  # fmt: skip
    for place in sorted(set(places) - set(shown)):
        axis.annotate(
            "not measured", (0, place), (3, 0), textcoords="offset points", va="center", fontsize="x-small",
            color="#777777",
        )  # fmt: skip
    labels = [
        names[i] if len(names[i]) <= _LONGEST_NAME else f"{names[i][: _LONGEST_NAME - 1]}…" for i in order
    ]
    # People's names may hold a "$", which would begin a formula.
    axis.set_yticks(places, labels, fontsize="small", parse_math=False)
    axis.set_ylim(len(names) - 0.4, -0.6)  # The first one is at the top.
    axis.set_xlim(0, 106)  # Room for the numbers.
    axis.set_xticks(range(0, 101, 20))
    axis.set_xlabel("average precision, %")
    axis.grid(axis="x", alpha=0.25)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper right", ncols=2, frameon=False, fontsize="small", reverse=True)
    png = io.BytesIO()
    figure.savefig(png, dpi=120, format="png")
    files.write_bytes(path, png.getvalue())
