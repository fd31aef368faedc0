"""How well exported embeddings do: what they find, and how far they are from Keras'."""

import keras
import numpy as np

from tfsbir import metrics


def measure(embeddings, split, distance):
    """Returns acc@1 and acc@10 where sketches have photos, precision@1 and mAP@all where there are classes.

    Args:
        embeddings: Dict by domain of `(num_images, dim)`.
        split: `Split`.
        distance: Layer of `tfsbir.distances`.
    """
    found = {}
    paired = split.paired_sketches
    if len(paired):
        distances = keras.ops.convert_to_numpy(
            distance.pairwise(embeddings["sketch"][paired], embeddings["photo"])
        )
        ranks = metrics.ranks(distances, split.sketch_photo[paired])
        found |= {f"acc@{k}": float(np.mean(ranks <= k)) for k in (1, 10)}
    if len(np.unique(split.photo_labels)) > 1:
        means = metrics.category_metrics(
            embeddings["sketch"], embeddings["photo"], split.sketch_labels, split.photo_labels, (1,), distance
        ).means()
        found |= {name: means[name] for name in ("precision@1", "mAP@all")}
    return found


def cosines(found, expected):
    """Returns the `mean` and the least cosine, `min`, of embeddings, row by row."""
    products = np.sum(found.astype(np.float64) * expected, axis=1)
    cosine = products / (np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1))
    return {"mean": float(np.mean(cosine)), "min": float(np.min(cosine))}
