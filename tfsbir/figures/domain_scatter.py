"""Where the sketches and the photos lie in a space of embeddings, as a scatter plot."""

import io

import numpy as np

from tfsbir import files

_SKETCH, _PHOTO = "#d9822b", "#1f4e79"
# Okabe and Ito's colours, told apart with any colour vision, but for yellow, which is faint on white.
_COLORS = ("#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#000000")
_MARKERS = ("o", "s", "^")
_MOST_CLASSES = len(_COLORS) * len(_MARKERS)


def domain_scatter(
    stages, path, sketch_labels=None, photo_labels=None, class_names=None, pairs=None, title=""
):
    """Draws sketches and photos along their two first principal axes, a column for each stage, as a PNG.

    Each stage has principal axes of its own, of its sketches and photos together; beside an axis stands the
    share of the variance that it has. Both axes of a plot have the same scale. Sketches are full marks,
    photos are hollow. With labels, a second row of plots has the colours of the classes.

    Args:
        stages: Dict from a title, such as "before training", to `(sketch, photo)`: `(num_sketches, dim)`
            and `(num_photos, dim)` finite floats. Numbers and `dim` may differ between stages, unless there
            are labels or pairs.
        path: Path of the PNG; written atomically.
        sketch_labels, photo_labels: `(num,)` integers, indices into `class_names`; or None, both.
        class_names: Names of the classes, at most 21; of those, the ones that have a mark are in the legend.
        pairs: `(num_pairs, 2)` integers, a sketch's and a photo's index, which a thin line joins; or None.
        title: One line above all plots; empty leaves it out.
    Raises: `ValueError` for other shapes, values that are not finite, labels or pairs that do not fit, or
        more classes than there are marks.
    Source: Bui et al., "Deep Manifold Alignment for Mid-grain Sketch based Image Retrieval", ACCV 2018, Fig.
        3, 5 and 6.
    """
    stages = {name: _checked(name, *points) for name, points in stages.items()}
    if not stages:
        raise ValueError("`stages` must hold one stage or more. Received: none")
    labels = _checked_labels(stages, sketch_labels, photo_labels, class_names)
    pairs = np.zeros((0, 2), int) if pairs is None else _checked_pairs(stages, pairs)

    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    num_rows = 1 if labels is None else 2
    # The object interface: no global state, no window.
    figure = Figure(figsize=(3.4 * len(stages) + 0.6, 3.5 * num_rows + 0.9), layout="constrained")
    panels = figure.subplots(num_rows, len(stages), squeeze=False)
    handles = [
        Line2D([], [], linestyle="", marker="o", color=_SKETCH, label="sketch"),
        Line2D([], [], linestyle="", marker="o", color=_PHOTO, markerfacecolor="none", label="photo"),
    ]
    if labels is not None:
        marks = {
            label: (_COLORS[label % len(_COLORS)], _MARKERS[label // len(_COLORS)])
            for label in np.unique(np.concatenate(labels)).tolist()
        }
        handles += [
            Line2D([], [], linestyle="", marker=marker, color=color, label=class_names[label])
            for label, (color, marker) in marks.items()
        ]
    for column, (name, (sketch, photo)) in enumerate(stages.items()):
        points, shares = _principal(np.concatenate([sketch, photo]))
        sketch, photo = np.split(points, [len(sketch)])
        area = np.clip(4000 / len(points), 5, 36)  # Of a mark, in points squared.
        axis = panels[0, column]
        for one, other in pairs:
            axis.plot(*zip(sketch[one], photo[other], strict=True), color="#999999", linewidth=0.6, zorder=1)
        _marks(axis, sketch, area, _SKETCH, "o", is_hollow=False)
        _marks(axis, photo, area, _PHOTO, "o", is_hollow=True)  # On top: it hides little.
        axis.set_title(name, fontsize="medium", parse_math=False)
        if labels is not None:
            axis = panels[1, column]
            for label, (color, marker) in marks.items():
                _marks(axis, sketch[labels[0] == label], area, color, marker, is_hollow=False)
                _marks(axis, photo[labels[1] == label], area, color, marker, is_hollow=True)
        for axis in panels[:, column]:
            axis.set_aspect("equal", adjustable="datalim")
            axis.set_xlabel(f"axis 1, {shares[0]:.0%} of the variance", fontsize="small")
            axis.set_ylabel(f"axis 2, {shares[1]:.0%}", fontsize="small")
            axis.tick_params(labelsize="x-small")
            axis.grid(alpha=0.25)
            axis.set_axisbelow(True)
            axis.spines[["top", "right"]].set_visible(False)
    # Outside, so that it hides no mark.
    columns = min(len(handles), 2 * len(stages))
    legend = figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, frameon=False, fontsize="small"
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    if title:
        figure.suptitle(title, parse_math=False)
    png = io.BytesIO()
    figure.savefig(png, dpi=120, format="png")
    files.write_bytes(path, png.getvalue())


def _marks(axis, points, area, color, marker, is_hollow):
    axis.scatter(
        *points.T, s=area, marker=marker, edgecolors=color, facecolors="none" if is_hollow else color,
        alpha=0.75, linewidths=0.8,
    )  # fmt: skip


def _principal(points):
    """Returns the coordinates `(num, 2)` along the two first principal axes and their shares of variance."""
    from sklearn.decomposition import PCA

    points = points - points.mean(axis=0)
    variance = np.sum(np.square(points))
    number = min(2, *points.shape)
    if not variance:  # All in one place, which has no axes.
        return np.zeros((len(points), 2)), (0.0, 0.0)
    pca = PCA(number, svd_solver="full").fit(points)
    coordinates, shares = pca.transform(points), pca.explained_variance_ratio_
    missing = 2 - number  # Of points on a line, or a single dimension.
    return np.pad(coordinates, ((0, 0), (0, missing))), np.pad(shares, (0, missing))


def _checked(name, sketch, photo):
    sketch, photo = np.asarray(sketch, np.float64), np.asarray(photo, np.float64)
    shapes = sketch.shape, photo.shape
    if any(len(shape) != 2 or 0 in shape for shape in shapes) or shapes[0][1] != shapes[1][1]:
        raise ValueError(
            "`stages` must hold embeddings (num_sketches, dim) and (num_photos, dim), neither empty. "
            f"Received: {name} with {shapes[0]} and {shapes[1]}"
        )
    if not np.isfinite(sketch).all() or not np.isfinite(photo).all():
        raise ValueError(f"`stages` must be finite. Received: {name} with NaN or infinity")
    return sketch, photo


def _checked_labels(stages, sketch_labels, photo_labels, class_names):
    given = (sketch_labels, photo_labels, class_names)
    if all(one is None for one in given):
        return None
    if any(one is None for one in given):
        raise ValueError(
            "`sketch_labels`, `photo_labels` and `class_names` must be given together. Received: "
            f"{sum(one is not None for one in given)} of 3"
        )
    if len(class_names) > _MOST_CLASSES:
        raise ValueError(
            f"`class_names` must be at most {_MOST_CLASSES}, as many as there are marks to tell apart. "
            f"Received: {len(class_names)}"
        )
    labels = []
    for domain, place, values in (("sketch", 0, sketch_labels), ("photo", 1, photo_labels)):
        values = np.asarray(values)
        for name, points in stages.items():
            if values.shape != (len(points[place]),):
                raise ValueError(
                    f"`{domain}_labels` must be ({len(points[place])},), as {name} has. "
                    f"Received shape: {values.shape}"
                )
        if values.min() < 0 or values.max() >= len(class_names):
            raise ValueError(
                f"`{domain}_labels` must be in 0..{len(class_names) - 1}. "
                f"Received: {values.min()} to {values.max()}"
            )
        labels.append(values)
    return labels


def _checked_pairs(stages, pairs):
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"`pairs` must be (num_pairs, 2). Received shape: {pairs.shape}")
    for name, (sketch, photo) in stages.items():
        if np.any(pairs < 0) or np.any(pairs >= (len(sketch), len(photo))):
            raise ValueError(
                f"`pairs` must index the {len(sketch)} sketches and {len(photo)} photos of {name}. "
                f"Received: {pairs.min(axis=0)} to {pairs.max(axis=0)}"
            )
    return pairs
