"""Compares what a server would answer with tfsbir: embeddings of files, and distances."""

import math
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from export import common
from export.sent_files import sent_files
from tfsbir.distances import distance_name
from tfsbir.errors import InputError


def compare_files(encoder, embed, domain, images, preprocessing, min_cosine):
    """Compares embeddings of files with Keras' of what tfsbir reads of the same files.

    Args:
        encoder: The Keras model.
        embed: Function from `image_bytes`, `(1,)` strings, to a dict with `embedding`, `(1, dim)`.
        domain: "sketch" or "photo".
        images: `(num, size, size, channels)` float32 in [-1, 1], which become the files (`sent_files`); white
            ones are left out.
        preprocessing: The run's `Preprocessing`.
        min_cosine: Float, the least cosine that an embedding may have.
    Returns: As `common.compare`, and `forms`, those of the files.
    Raises: `InputError` beyond the tolerance, and where all images are white.
    """
    shown = images[images.min(axis=(1, 2, 3)) < 1]
    if len(shown) == 0:
        raise InputError(f"expected a training {domain} that is not white; found {len(images)} white ones")
    read = preprocessing.read_sketch if domain == "sketch" else preprocessing.read_photo
    sent = sent_files(shown)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sent"
        read_images = []
        for _, contents in sent:
            path.write_bytes(contents)
            read_images.append(read(path))
    expected = encoder.predict(np.stack(read_images), batch_size=16, verbose=0)
    found = [embed(image_bytes=tf.constant([contents]))["embedding"].numpy()[0] for _, contents in sent]
    # An error which turns an embedding so far may lengthen it as far.
    max_norm_error = math.sqrt(2 * (1 - min_cosine))
    parity = common.compare_embeddings(expected, found, min_cosine, max_norm_error, f"{domain} files")
    return {**parity, "forms": sorted({form for form, _ in sent})}


def compare_pairwise(embeddings, distance, pairwise, max_distance_error):
    """Compares the signature `distance` with the layer.

    Args:
        embeddings: Dict by domain of `(num, dim)` float32.
        distance: Layer of `tfsbir.distances`.
        pairwise: Function from `sketch` and `photo`, embeddings, to a dict with `distance`,
            `(num_sketches, num_photos)`.
        max_distance_error: Float, how far a distance may be from the layer's, as a share of the largest.
    Returns: As `common.compare_distances`; the errors are shares of the largest distance.
    Raises: `InputError` beyond the tolerance, and where a distance is not finite.
    """
    expected = np.asarray(distance.pairwise(embeddings["sketch"], embeddings["photo"]), np.float64)
    found = pairwise(**{domain: tf.constant(both) for domain, both in embeddings.items()})["distance"].numpy()
    errors, largest = np.abs(found - expected), np.max(np.abs(expected))
    if not np.max(errors) <= max_distance_error * largest:  # NaN fails too.
        raise InputError(
            f"the signature `distance` must have `max_distance_error` <= {max_distance_error}, as a share of "
            f"the largest distance, on {errors.size} pairs of training images. "
            f"Received: an error of {np.max(errors):.2e} where the largest distance is {largest:.2e}"
        )
    scale = largest or 1.0  # No error either, then.
    return {
        "distance": distance_name(distance),
        "num_distances": errors.size,
        "max_distance_error": float(np.max(errors) / scale),
        "mean_distance_error": float(np.mean(errors) / scale),
        "tolerance": {"max_distance_error": max_distance_error},
    }
