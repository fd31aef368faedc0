"""The ratios of the bench as a picture: the newest as bars, and how they went from run to run."""

import io
import math

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from recipes.bench.row import KINDS, Row
from tfsbir import files

COLORS = ("#1f4e79", "#d9822b", "#3f8f5f", "#8a4f8f", "#777777", "#b03a48", "#2a8c8c")
ROW_HEIGHT = 0.32  # Inches.
LONGEST = 76  # Characters of a name; the page has the whole of it.


def draw_ratios(results, history, path):
    """Plots the ratios as a PNG, by kind, on a logarithmic axis with a line at 1.

    A thin line spans the middle half of a row's turns. Where a row was measured in two runs or more, its
    ratios stand beside its bar, the oldest at the left.

    Args:
        results: Dict of `read_results`.
        history: List of `read_history`.
        path: Path of the PNG; written atomically.
    """
    rows = [(kind, Row.from_json(row)) for kind, found in results.items() for row in found["rows"]]
    kinds = list(results)
    # A gap before each kind but the first.
    places = [index + 0.8 * kinds.index(kind) for index, (kind, _) in enumerate(rows)]
    courses = [_course(f"{kind} / {row.name}", history) for kind, row in rows]
    has_courses = any(len(course) > 1 for course in courses)
    # The object interface: no global state, no window.
    height = 1.2 + ROW_HEIGHT * (places[-1] + 1)
    figure = Figure(figsize=(16 if has_courses else 12.5, height), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1.5)) if has_courses else [figure.subplots()]
    bars = panels[0]
    for kind in kinds:
        color = COLORS[KINDS.index(kind)]
        own = [(place, row) for place, (of_kind, row) in zip(places, rows, strict=True) if of_kind == kind]
        # From the line at 1, to the right where we are better.
        ratios = [row.ratio for _, row in own]
        bars.barh([place for place, _ in own], [ratio - 1 for ratio in ratios], 0.72, 1, color=color)
        bars.text(
            0.995, own[0][0] - 0.95, kind.replace("_", " "), color=color, weight="bold", ha="right",
            va="center", transform=bars.get_yaxis_transform(),
        )  # fmt: skip
        for place, row in own:
            if row.quartiles is not None:
                bars.plot(row.quartiles[::2], [place, place], color="black", linewidth=1)
            shown = f"{row.ratio:,.{0 if row.ratio >= 100 else 2}f}"
            aside, side = (4, "left") if row.ratio >= 1 else (-4, "right")
            # Beyond the bar and the turns.
            ends = (row.ratio, *(row.quartiles or ()))
            end = max(ends) if row.ratio >= 1 else min(ends)
            bars.annotate(
                shown, (end, place), (aside, 0), textcoords="offset points", va="center", ha=side,
                fontsize="x-small",
            )  # fmt: skip
    bars.set_xscale("log")
    low, high = min(row.ratio for _, row in rows), max(row.ratio for _, row in rows)
    bars.set_xlim(min(0.5, low / 2), max(2, 3 * high))
    bars.set_yticks(places, [_label(row) for _, row in rows], fontsize="x-small", parse_math=False)
    bars.set_ylim(places[-1] + 0.8, -1.5)
    bars.set_xlabel(
        "ratio, newest run: to the right of 1 we are better than the peer; a line spans half of its turns"
    )
    if has_courses:
        panels[1].set_title(f"the same over {len(history)} runs; dotted is 1", fontsize="small")
        _draw_courses(panels[1], places, courses, len(history))
    bars.axvline(1, color="black", linewidth=0.8)
    bars.grid(axis="x", alpha=0.25)
    bars.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bars.xaxis.set_minor_formatter(NullFormatter())
    bars.spines[["top", "right"]].set_visible(False)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    files.write_bytes(path, data.getvalue())


def _course(name, history):
    """Returns a row's ratios as a dict by the number of the run."""
    return {number: run["ratios"][name] for number, run in enumerate(history) if name in run["ratios"]}


def _draw_courses(panel, places, courses, num_runs):
    """Draws each row's ratios as a line of its own height: twice and half the newest are its edges."""
    for place, course in zip(places, courses, strict=True):
        if len(course) < 2:
            continue
        newest = course[max(course)]
        # The share of the newest, on a logarithmic scale, cut at a half and at twice.
        heights = [_height(ratio / newest) for ratio in course.values()]
        panel.plot(
            list(course), [place - 0.4 * height for height in heights], ".-", markersize=4, linewidth=1
        )
        level = _height(1 / newest)
        if abs(level) < 1:
            panel.hlines(place - 0.4 * level, 0, num_runs - 1, color="black", linewidth=0.6, linestyle=":")
    panel.set_xlim(-0.3, num_runs - 0.7)
    panel.set_xlabel("run, each row from half\nthe newest ratio to twice")
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(axis="y", length=0)


def _height(share):
    return max(-1.0, min(1.0, math.log2(share)))


def _label(row):
    return f"{_cut(row.ours)}\nagainst {_cut(row.peer)}"


def _cut(text):
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
