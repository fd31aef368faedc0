"""What a smaller format costs and saves, as bars side by side."""

import io

import numpy as np

from tfsbir import files

_COLORS = ("#1f4e79", "#d9822b", "#3f8f5f", "#8a4f8f")


def format_bars(formats, panels, path, title=""):
    """Draws a few measures of several formats of one model as a PNG, one panel a measure.

    Args:
        formats: Names of the formats, at least one, from top to bottom.
        panels: Dict from a measure's name with its unit to its values, one for each format: a number, or
            `(low, middle, high)`, which is drawn with a whisker; `None` leaves a format without a bar. 1 to 6
            panels.
        path: Path of the PNG; written atomically.
        title: One line above the panels; empty leaves it out.
    Raises: `ValueError` if there is no format, a panel has another number of values, one that is not finite
        and >= 0, or there are other numbers of panels.
    """
    if not formats:
        raise ValueError("`formats` must hold at least one name. Received: none")
    if not 1 <= len(panels) <= 6:
        raise ValueError(f"`panels` must be 1 to 6. Received: {len(panels)}")
    for name, values in panels.items():
        numbers = np.hstack([value for value in values if value is not None] or [0.0])
        if len(values) != len(formats) or not np.all((numbers >= 0) & (numbers < np.inf)):
            raise ValueError(
                f"`panels` must have {len(formats)} finite values >= 0 each. Received: {name} with {values}"
            )

    from matplotlib.figure import Figure

    # The object interface: no global state, no window.
    figure = Figure(figsize=(2.6 + 2.3 * len(panels), 1.4 + 0.36 * len(formats)), layout="constrained")
    if title:
        figure.suptitle(title, fontsize="medium", parse_math=False)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    places = np.arange(len(formats))
    for number, (axis, (name, values)) in enumerate(zip(axes, panels.items(), strict=True)):
        limit = 1e-9
        for place, value in zip(places, values, strict=True):
            if value is None:
                continue
            low, middle, high = value if np.ndim(value) else (value, value, value)
            axis.barh(place, middle, 0.66, color=_COLORS[number % len(_COLORS)])
            if high > low:
                axis.plot([low, high], [place, place], color="#222222", linewidth=1.2)
            axis.annotate(
                f"{middle:.3g}" if middle < 100 else f"{middle:.0f}", (max(high, middle), place), (4, 0),
                textcoords="offset points", va="center", fontsize="x-small",
            )  # fmt: skip
            limit = max(limit, high)
        axis.set_xlim(0, 1.25 * limit)  # Room for the numbers.
        axis.set_xlabel(name, fontsize="small", parse_math=False)
        axis.tick_params(axis="x", labelsize="x-small")
        axis.grid(axis="x", alpha=0.25)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(places, formats, fontsize="small", parse_math=False)
    axes[0].set_ylim(len(formats) - 0.4, -0.6)
    png = io.BytesIO()
    figure.savefig(png, dpi=120, format="png")
    files.write_bytes(path, png.getvalue())
