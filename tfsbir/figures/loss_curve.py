"""The course of a training run as a picture."""

import io
import re

import matplotlib
import numpy as np

from tfsbir import files

_OTHER_CONVENTION = re.compile(r"mAP@([0-9]|all/voc)|precision@(?!1$)")


def loss_curve(lines, path):
    """Draws the training loss over the steps and, below it, what was evaluated on the way.

    The loss is drawn thin as logged and thick as a running mean. Of the conventions of mAP and of precision,
    whose curves are much the same, `mAP@all` and `precision@1` are drawn.

    Args:
        lines: The dicts of `metrics.jsonl`: `step`, and `train/loss` or evaluated metrics in [0, 1].
        path: Path of the PNG; written atomically.
    Raises: `ValueError` if no line holds a loss.
    """
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    losses = [(line["step"], line["train/loss"]) for line in lines if "train/loss" in line]
    if not losses:
        raise ValueError("`lines` must hold a `train/loss`. Received: none")
    steps, values = np.array(losses).T
    evaluated = {}
    for line in lines:
        for name, value in line.items():
            if name not in ("step", "train/loss") and not _OTHER_CONVENTION.search(name):
                evaluated.setdefault(name, []).append((line["step"], value))
    rows = 2 if evaluated else 1
    figure, axes = plt.subplots(
        rows, 1, figsize=(7, 2.6 * rows), sharex=True, squeeze=False, layout="constrained"
    )
    axes = axes[:, 0]
    window = max(1, len(values) // 20)
    # Each mean is over the lines seen so far where there are fewer than a window.
    sums = np.cumsum(np.concatenate([[0.0], values]))
    first = np.maximum(0, np.arange(1, len(values) + 1) - window)
    means = (sums[1:] - sums[first]) / (np.arange(1, len(values) + 1) - first)
    axes[0].plot(steps, values, color="#9bb7d4", linewidth=0.8)
    axes[0].plot(steps, means, color="#1f4e79", linewidth=1.8)
    axes[0].set_ylabel("training loss")
    if evaluated:
        for name, points in sorted(evaluated.items()):
            axes[1].plot(*np.array(points).T, marker="o", markersize=3, label=name)
        axes[1].set_ylim(0, 1)
        axes[1].set_ylabel("fraction")
        axes[1].legend(loc="lower right", frameon=False)
    axes[-1].set_xlabel("step")
    for axis in axes:
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    png = io.BytesIO()
    figure.savefig(png, dpi=120, format="png")
    plt.close(figure)
    files.write_bytes(path, png.getvalue())
