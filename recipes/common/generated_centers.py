"""Finding photos by what a generative model makes of a sketch: many features, clustered to a few centres."""

import sys

import numpy as np
from sklearn.cluster import KMeans
from tqdm import tqdm


def generated_centers(generate, sketch, latents, num_centers, seed):
    """Clusters the features that are generated for each sketch.

    Args:
        generate: Function from `(num, latent_dim)` vectors and `(num, sketch_dim)` sketches' features to
            `(num, photo_dim)` photos' features, NumPy arrays.
        sketch: `(num_sketches, sketch_dim)` float32.
        latents: `(num_generated, latent_dim)` float32, the same for all sketches: what is found for a sketch
            does not hang on which others are asked for.
        num_centers: Integer in 1 .. num_generated.
        seed: Integer >= 0, of k-means.
    Returns: `(num_sketches, num_centers, photo_dim)` float32.
    """
    centers = []
    for features in tqdm(sketch, unit="sketch", desc="generate", file=sys.stderr, leave=False, delay=2):
        generated = generate(latents, np.broadcast_to(features, (len(latents), len(features))))
        centers.append(KMeans(num_centers, n_init=1, random_state=seed).fit(generated).cluster_centers_)
    return np.stack(centers)


def center_distances(centers, photo):
    """Returns, of sketches and photos, the cosine distance of the photo to the sketch's nearest centre.

    Args:
        centers: `(num_sketches, num_centers, dim)`.
        photo: `(num_photos, dim)`.
    Returns: `(num_sketches, num_photos)` in [0, 2].
    """
    centers, photo = unit_norm(centers), unit_norm(photo)
    return np.stack([1.0 - (of_sketch @ photo.T).max(axis=0) for of_sketch in centers])


def unit_norm(features):
    """Divides each row by its L2 norm; a row of zeros stays what it is."""
    norms = np.linalg.norm(features, axis=-1, keepdims=True)
    return features / np.where(norms > 0, norms, 1.0)
