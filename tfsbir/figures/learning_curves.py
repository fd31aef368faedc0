"""How fast methods learn, side by side."""

import io

import numpy as np

from tfsbir import files

_COLORS = ("#1f4e79", "#d9822b", "#3f8f5f", "#8a4f8f", "#777777", "#b03a48")


def learning_curves(runs, path, target=None, metric="acc@1"):
    """Draws a metric over the training steps, of several methods with several runs each, as a PNG.

    Each run is a thin line, each method's mean a thick one. With a target, the first evaluated step at which
    a mean is there is marked, and written as a share of the steps that the first method needs. Nothing is
    interpolated: evaluate often enough for the steps to tell methods apart.

    Args:
        runs: Dict from a method's name to its runs, 1 to 6 methods, the one to compare with first. A run is
            `(steps, values)`: rising steps, the same in all runs of a method, and the metric in [0, 1].
        path: Path of the PNG; written atomically.
        target: Value of the metric in (0, 1], or `None`.
        metric: Its name beside the axis.
    Returns: Dict from each method to the step at which its mean first reaches the target; `None` where it
        never does, or there is no target.
    Raises: `ValueError` for other numbers of methods, steps or values.
    """
    if not 1 <= len(runs) <= len(_COLORS):
        raise ValueError(f"`runs` must hold 1 to {len(_COLORS)} methods. Received: {len(runs)}")
    if target is not None and not 0 < target <= 1:
        raise ValueError(f"`target` must be in (0, 1]. Received: {target}")
    curves = {method: _checked(method, some) for method, some in runs.items()}
    reached = {}
    for method, (steps, values) in curves.items():
        is_there = values.mean(axis=0) >= (np.inf if target is None else target)
        reached[method] = int(steps[np.argmax(is_there)]) if is_there.any() else None
    compared_with = next(iter(reached))

    from matplotlib.figure import Figure

    # The object interface: no global state, no window.
    figure = Figure(figsize=(7, 4.2 + 0.2 * len(runs)), layout="constrained")
    axis = figure.subplots()
    for color, (method, (steps, values)) in zip(_COLORS, curves.items(), strict=False):
        for run in values:
            axis.plot(steps, 100 * run, color=color, linewidth=0.7, alpha=0.35)
        mean = 100 * values.mean(axis=0)
        label = method if len(values) == 1 else f"{method} (mean of {len(values)} runs)"
        if target is not None:
            label += f": {_said(reached, method, compared_with, target)}"
        axis.plot(steps, mean, color=color, linewidth=2, label=label)
        if reached[method] is not None:
            height = mean[list(steps).index(reached[method])]
            axis.plot([reached[method]] * 2, [0, height], color=color, linewidth=1, linestyle=":")
            axis.plot(reached[method], height, "o", color=color, markersize=6, markeredgecolor="white")
    if target is not None:
        axis.axhline(100 * target, color="#444444", linewidth=0.8, linestyle="--", zorder=1)
        axis.annotate(
            f"{100 * target:g} %", (1, 100 * target), (-2, 2), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="bottom", fontsize="small",
        )  # fmt: skip
    axis.set_xlim(left=0)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("step")
    axis.set_ylabel(f"{metric}, %")
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    # Outside, so that it hides no curve.
    legend = figure.legend(loc="outside lower center", frameon=False, fontsize="small")
    for text in legend.get_texts():
        text.set_parse_math(False)
    png = io.BytesIO()
    figure.savefig(png, dpi=120, format="png")
    files.write_bytes(path, png.getvalue())
    return reached


def _checked(method, runs):
    """Returns the steps, `(num_steps,)`, and the values of all runs, `(num_runs, num_steps)`."""
    all_steps = [tuple(steps) for steps, _ in runs]
    steps = all_steps[0] if all_steps else ()
    if not steps or any(other != steps for other in all_steps) or np.any(np.diff(steps) <= 0):
        raise ValueError(
            f"`runs` must have rising steps, the same in all runs of a method. Received: {method} with "
            f"{[list(some[:5]) for some in all_steps]}"
        )
    for _, values in runs:
        if np.shape(values) != (len(steps),) or not all(0 <= value <= 1 for value in values):
            raise ValueError(
                f"`runs` must have a value in [0, 1] for each of {len(steps)} steps. Received: {method} with "
                f"{list(values)[:5]}"
            )
    return np.array(steps), np.array([values for _, values in runs], float)


def _said(reached, method, compared_with, target):
    step, other = reached[method], reached[compared_with]
    if step is None:
        return f"never reaches {100 * target:g} %"
    said = f"reaches {100 * target:g} % at step {step}"
    # No share of nothing: the other may never be there, or from the start.
    return (
        f"{said}, {100 * step / other:.0f} % of {compared_with}'s"
        if other and method != compared_with
        else said
    )
