"""What the exporters share: flags, real images, the comparison with Keras, the latency."""

import dataclasses
import time
from pathlib import Path

import numpy as np
from absl import app, flags

from tfsbir.distances import distance_name
from tfsbir.errors import InputError

DOMAINS = ("sketch", "photo")
NUM_COMPARED = 50  # Held-out images of each domain that an artefact is compared on, at most.
MAX_NORM_ERROR = 1e-3
WARM_UP_RUNS, TIMED_RUNS = 5, 50


def define_flags(min_cosine_help, max_norm_error_help, max_distance_error_help):
    """Defines the flags that every exporter has. Called by a command, since importers have own flags."""
    flags.DEFINE_string("workdir", None, "The run directory to export.", required=True)
    flags.DEFINE_string("output", None, "Folder to write; made, or an older export replaced.", required=True)
    flags.DEFINE_float("min_cosine", None, min_cosine_help, lower_bound=-1.0, upper_bound=1.0)
    flags.DEFINE_float("max_norm_error", None, max_norm_error_help, lower_bound=0.0)
    flags.DEFINE_float("max_distance_error", None, max_distance_error_help, lower_bound=0.0)


def check_arguments(argv):
    """Raises `absl.app.UsageError` for an argument that is no flag."""
    if len(argv) > 1:
        raise app.UsageError(f"every argument must be a flag. Received: {argv[1]}")


def check_output(output, kind="export", is_older=lambda names: "encoder.json" in names):
    """Checks that a folder may be written to `output`, so that no other folder is ever replaced.

    Args:
        output: Path of the folder.
        kind: Str, what is written, for the error.
        is_older: Function that tells by the set of names in a folder whether it is an older one.
    Raises: `InputError` if something is there that is neither an empty folder nor an older one, or if a file
        stands where a folder would have to be made.
    """
    output = Path(output)
    parent = next(folder for folder in output.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise InputError(f"`output` must lie in a folder. Received: {output}, and {parent} is a file")
    if not output.exists():
        return
    names = {path.name for path in output.iterdir()} if output.is_dir() else None
    if names is None or (names and not is_older(names)):
        raise InputError(
            f"`output` must be a new folder, an empty one or an older {kind}. Received: {output}"
        )


def load_encoders(run):
    """Returns the run's encoders as a dict `{"sketch": model, "photo": model}`, one model if siamese."""
    sketch_encoder = run.load_encoder("sketch")
    return {
        "sketch": sketch_encoder,
        "photo": sketch_encoder if run.is_siamese else run.load_encoder("photo"),
    }


def load_learned_distance(run):
    """Returns the run's distance, a layer, or None where it is squared Euclidean, which needs no lifting."""
    return None if run.preprocessing().distance == "squared_euclidean" else run.load_distance()


@dataclasses.dataclass(frozen=True)
class RealImages:
    """Images of one domain from a run's training split, as the encoder takes them.

    Args:
        calibration: float32 `(num, size, size, channels)` in [-1, 1], to choose integer ranges by.
        held_out: Others, to compare embeddings on.
    """

    calibration: np.ndarray
    held_out: np.ndarray


def real_images(run, num_calibration=0, split=None):
    """Draws images of both domains from the run's own training split; always the same ones.

    Args:
        run: `tfsbir.runs.RunDirectory`.
        num_calibration: Calibration images to draw of each domain, fewer where there are fewer.
        split: The run's training split, where it is loaded already.
    Returns: A dict `{"sketch": RealImages, "photo": RealImages}`.
    Raises: `InputError` if the run's data cannot be read or hold fewer than two images of a domain.
    """
    split = run.train_split() if split is None else split
    preprocessing = run.preprocessing()
    drawn = {}
    for domain, images in (("sketch", split.sketches), ("photo", split.photos)):
        if len(images) < 2:
            raise InputError(f"{run.path}: expected at least 2 training images a domain; found {len(images)}")
        order = np.random.default_rng(0).permutation(len(images))
        num_held_out = min(NUM_COMPARED, max(1, len(images) // 4))
        held_out, calibration = order[:num_held_out], order[num_held_out:][:num_calibration]
        drawn[domain] = RealImages(
            preprocessing.center(images[calibration]), preprocessing.center(images[held_out])
        )
    return drawn


def compare(encoders, encode, images, min_cosine, max_norm_error):
    """Compares an artefact's embeddings of held-out images with those of the Keras encoders.

    Args:
        encoders: Dict of the Keras models by domain.
        encode: Dict by domain of functions from one image, `(1, size, size, channels)`, to `(1, dim)`.
        images: Dict of `RealImages` by domain.
        min_cosine: Float, the least cosine that an embedding may have with Keras'.
        max_norm_error: Float, how far its length may be from Keras', as a share of that length.
    Returns: A dict with `num_images`, `min_cosine`, `mean_cosine`, `max_norm_error` and the `tolerance`.
    Raises: `InputError` beyond the tolerance, and where an embedding is not finite or zero.
    """
    expected, found = [], []
    for domain in DOMAINS:
        held_out = images[domain].held_out
        expected.extend(encoders[domain].predict(held_out, batch_size=16, verbose=0))
        found.extend(np.asarray(encode[domain](image[None]))[0] for image in held_out)
    return compare_embeddings(expected, found, min_cosine, max_norm_error, "training images")


def compare_embeddings(expected, found, min_cosine, max_norm_error, what):
    """Compares embeddings, sequences of `(dim,)`, with those expected of them; else as `compare`.

    Args:
        what: Str, what they are embeddings of, for the error.
    """
    cosines, norm_errors = [], []
    for embedding, wanted in zip(
        np.asarray(found, np.float64), np.asarray(expected, np.float64), strict=True
    ):
        wanted_norm, norm = np.linalg.norm(wanted), np.linalg.norm(embedding)
        cosines.append(embedding @ wanted / (norm * wanted_norm) if norm > 0 else np.nan)
        norm_errors.append(abs(norm / wanted_norm - 1))
    found_cosine, found_norm_error = np.min(cosines), np.max(norm_errors)
    # NaN fails either comparison.
    if not (found_cosine >= min_cosine and found_norm_error <= max_norm_error):
        raise InputError(
            f"the exported embeddings must have `min_cosine` >= {min_cosine} and `max_norm_error` <= "
            f"{max_norm_error} to those of Keras on {len(cosines)} {what}. "
            f"Received: {found_cosine:.6f} and {found_norm_error:.2e}"
        )
    return {
        "num_images": len(cosines),
        "min_cosine": float(found_cosine),
        "mean_cosine": float(np.mean(cosines)),
        "max_norm_error": float(found_norm_error),
        "tolerance": {"min_cosine": min_cosine, "max_norm_error": max_norm_error},
    }


def compare_distances(encoders, distance, encode, lift, images, max_distance_error):
    """Compares an artefact's distances, by way of its lifting, with what the run ranks by.

    Every held-out sketch meets every held-out photo: in the run by `distance.pairwise` of the Keras encoders'
    embeddings, in the artefact by its own embeddings, lifted by itself.

    Args:
        encoders: Dict of the Keras models by domain.
        distance: The run's learned distance, a layer of `tfsbir.distances`.
        encode: Dict by domain of functions from one image, `(1, size, size, channels)`, to `(1, dim)`.
        lift: Dict by domain of functions from an embedding, `(1, dim)`: of a sketch to the pair of the lifted
            one, `(1, dim + 1)`, and its constant, `(1,)`; of a photo to the lifted one.
        images: Dict of `RealImages` by domain.
        max_distance_error: Float, how far a distance may be from the run's, as a share of the range of the
            run's distances.
    Returns: A dict with `distance`, its name, `num_distances`, `max_distance_error`,
        `mean_distance_error` and the `tolerance`.
    Raises: `InputError` beyond the tolerance, and where a distance is not finite or all are equal.
    """
    embeddings = {
        domain: encoders[domain].predict(images[domain].held_out, batch_size=16, verbose=0)
        for domain in DOMAINS
    }
    expected = np.asarray(distance.pairwise(embeddings["sketch"], embeddings["photo"]), np.float64)
    lifted = {
        domain: [lift[domain](encode[domain](image[None])) for image in images[domain].held_out]
        for domain in DOMAINS
    }
    queries = np.concatenate([query for query, _ in lifted["sketch"]]).astype(np.float64)
    constants = np.concatenate([constant for _, constant in lifted["sketch"]]).astype(np.float64)
    photos = np.concatenate(lifted["photo"]).astype(np.float64)
    extent = np.ptp(expected)
    if not 0 < extent < np.inf:
        raise InputError(f"the run's distances must be finite and differ. Received: a range of {extent}")
    errors = np.abs(constants[:, None] - queries @ photos.T - expected) / extent
    found = np.max(errors)
    if not found <= max_distance_error:  # NaN fails too.
        raise InputError(
            f"the exported distances must have `max_distance_error` <= {max_distance_error}, as a share of "
            f"the range of the run's, on {errors.size} pairs of training images. Received: {found:.2e}"
        )
    return {
        "distance": distance_name(distance),
        "num_distances": errors.size,
        "max_distance_error": float(found),
        "mean_distance_error": float(np.mean(errors)),
        "tolerance": {"max_distance_error": max_distance_error},
    }


def measure_latency(encode, image, num_threads):
    """Times `encode` on one image, warm; returns what `spread_ms` does, with the number of threads."""
    return {**spread_ms(seconds_of_runs(encode, image, TIMED_RUNS)), "num_threads": num_threads}


def seconds_of_runs(encode, image, num_runs):
    """Times `num_runs` runs of `encode` on one image, each by itself, after a few that are not counted."""
    for _ in range(WARM_UP_RUNS):
        encode(image)
    seconds = []
    for _ in range(num_runs):
        start = time.perf_counter()
        encode(image)
        seconds.append(time.perf_counter() - start)
    return seconds


def spread_ms(seconds):
    """Returns `median`, `p10` and `p90` of times in milliseconds, and the number of `runs`, as a dict."""
    p10, median, p90 = (round(1000 * float(value), 3) for value in np.percentile(seconds, (10, 50, 90)))
    return {"median": median, "p10": p10, "p90": p90, "runs": len(seconds)}
