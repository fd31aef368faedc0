"""What binary codes make of a run's embeddings."""

import sys

import numpy as np
from tqdm import tqdm

from recipes.common.evaluation import encode_images
from recipes.common.view_distances import ViewDistances
from tfsbir.data.held_out import name_fraction
from tfsbir.distances import Hamming
from tfsbir.errors import InputError
from tfsbir.retrieval import ITQ

MAX_TRAINING_IMAGES = 10_000  # Of either domain; far more than a rotation has numbers.


def checked_num_bits(num_bits, preprocessing):
    """Returns `num_bits` if a run's embeddings can become such codes; else raises `InputError`."""
    if num_bits % 8 or num_bits > preprocessing.embedding_dim:
        raise InputError(
            f"`codes` must be a multiple of 8, and at most {preprocessing.embedding_dim}, the length of an "
            f"embedding. Received: {num_bits}"
        )
    if preprocessing.distance != "squared_euclidean":
        raise InputError(
            "`codes` goes with a run that ranks by the distance squared_euclidean, which codes stand for. "
            f"Received: {preprocessing.distance}"
        )
    return num_bits


def code_distances(pair, train, distances, photo_ids, num_bits):
    """Fits codes on training images and returns the Hamming distances of those that were encoded.

    The codes are of the centre view. Many photos tie, and which of them comes first would depend on where
    their class is in the gallery; so ties go by the photos' names (`name_fraction`), which look random.

    Args:
        pair: `EncoderPair`.
        train: `Split` of the images to fit on, sketches and photos together: `MAX_TRAINING_IMAGES` of either,
            evenly spread.
        distances: `ViewDistances` of what is measured.
        photo_ids: Ids of its photos.
        num_bits: Of a code.
    Returns: `ViewDistances` whose whole part is the Hamming distance and whose fraction orders ties; and how
        many images the codes were fitted on.
    Raises: `InputError` if there are fewer training images than bits.
    """
    photos, sketches = (_spread(len(images)) for images in (train.photos, train.sketches))
    num_images = len(photos) + len(sketches)
    if num_images < num_bits:
        raise InputError(
            f"`codes` must be at most the number of training images, {num_images}. Received: {num_bits}"
        )
    train = train.subset(photos, sketches)
    with tqdm(
        total=num_images, unit="image", desc="encode to fit codes", file=sys.stderr, leave=False, delay=2
    ) as progress:
        embeddings = [
            encode_images(encoder, images, progress)
            for encoder, images in ((pair.sketch, train.sketches), (pair.photo, train.photos))
            if len(images)
        ]
    itq = ITQ(num_bits).fit(np.concatenate(embeddings))
    codes = (itq.transform(views[0]) for views in (distances.sketch_views, distances.photo_views))
    hamming = Hamming()
    place = np.array([0.5 * name_fraction(photo_id) for photo_id in photo_ids], np.float32)
    return (
        ViewDistances(*([one] for one in codes), lambda *rows: np.asarray(hamming.pairwise(*rows)) + place),
        num_images,
    )


def _spread(count):
    return np.unique(np.linspace(0, count - 1, min(count, MAX_TRAINING_IMAGES)).astype(int))
