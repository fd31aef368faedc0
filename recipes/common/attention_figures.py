"""Where a pair of encoders with attention looks, and what it finds beside another run."""

import io

import numpy as np

from recipes.common.evaluation import encode_images
from tfsbir import figures, files
from tfsbir.models import attention_maps

# Px of the crop from one place to the next, by backbone. SqueezeNet works at 161 px of 225.
STRIDES = {"sketch_a_net": 24.0, "squeezenet": 16.0 * 225 / 161}


def draw_attention_pairs(pair, split, backbone, path, num_pairs=8):
    """Draws, as a PNG, the attention on some sketches and on their photos (Fig. 4).

    Args:
        pair: `EncoderPair` of encoders with attention.
        split: `Split`; pairs are evenly spread over its sketches that have a photo, not chosen.
        backbone: Name of the backbone.
        path: Path of the PNG.
        num_pairs: Pairs at most.
    """
    chosen = spread(split.paired_sketches, num_pairs)
    sketches, photos = split.sketches[chosen], split.photos[split.sketch_photo[chosen]]
    sheet = figures.attention_pairs(
        sketches,
        photos,
        encode_images(attention_maps(pair.sketch), sketches),
        encode_images(attention_maps(pair.photo), photos),
        pair.sketch.input_shape[1],
        captions=[split.sketch_ids[index] for index in chosen],
        stride=STRIDES[backbone],
        title=f"{split.name}, {split.split}: where the encoders look",
    )
    _write(sheet, path)


def draw_compared_results(pair, split, distances, base_distances, backbone, path, num_queries=6):
    """Draws, as a PNG, what some queries find with attention and with the base model (Fig. 5).

    Args:
        pair: `EncoderPair` of encoders with attention.
        split: `Split`; queries are evenly spread over its sketches that have a photo, not chosen.
        distances: `(num_sketches, num_photos)` of that pair.
        base_distances: The same of the base model.
        backbone: Name of the pair's backbone.
        path: Path of the PNG.
        num_queries: Queries at most.
    """
    chosen = spread(split.paired_sketches, num_queries)
    sketches = split.sketches[chosen]
    sheet = figures.compared_results(
        sketches,
        encode_images(attention_maps(pair.sketch), sketches),
        split.photos,
        split.sketch_photo[chosen],
        (distances[chosen], base_distances[chosen]),
        pair.sketch.input_shape[1],
        names=("attention", "base"),
        stride=STRIDES[backbone],
        title=f"{split.name}, {split.split}: with attention (on the query) and, below it, without",
    )
    _write(sheet, path)


def spread(indices, count):
    """Returns up to `count` of the indices, evenly spread."""
    return indices[np.unique(np.linspace(0, len(indices) - 1, count).astype(int))]


def _write(sheet, path):
    png = io.BytesIO()
    sheet.save(png, format="PNG")
    files.write_bytes(path, png.getvalue())
