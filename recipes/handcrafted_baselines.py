r"""What "Sketch Me That Shoe" compares with (Yu et al., CVPR 2016, Sec. 5.2): four features and a RankSVM.

python -m recipes.handcrafted_baselines --baseline=dense_hog --dataset=qmul_v1 --data_dir=shoes \
    --workdir=runs/dense_hog

A baseline describes sketches and edge maps of photos, and a RankSVM learns from people's comparisons by how
much each dimension counts in the distance:

    dense_hog     HOG at every point of a dense grid, 200,704 dimensions
    bag_of_hog    how often each of 500 visual words comes, clustered from HOG of patches
    isn           fc6 of a Sketch-a-Net; --weights=RUN, stage 2 of recipes.sketch_me_that_shoe
    3ds           two branches trained on categories; --weights=RUN, of recipes.cross_domain_shape

docs/baselines.md has what was measured and what was tried. The RankSVM's weights, and the words of
bag_of_hog, are in model/rank_svm.npz of the run directory. Nothing trains by steps here: "steps" of the
result are the solver's iterations. Distances are of one view, the whole image (isn, 3ds: its centre), not
the mean of ten.

Departures. Where nobody compared the photos of a data set, a sketch's own photo counts as closer than photos
drawn at random (--true_matches). The paper's 3DS is the published network of its authors.
"""

import io
import sys
import time

import numpy as np
from absl import flags, logging
from tqdm import tqdm

from recipes.common import data, evaluation, running
from tfsbir import command, files, sampling
from tfsbir.baselines import BagOfHOG, RankSVM, dense_hog
from tfsbir.data.datasets import DATASETS
from tfsbir.data.worker_pool import worker_pool
from tfsbir.errors import InputError
from tfsbir.runs import RunDirectory

FLAGS = flags.FLAGS
RECIPE = "handcrafted_baselines"
FROM_A_RUN = ("isn", "3ds")

flags.DEFINE_enum(
    "baseline", None, ["dense_hog", "bag_of_hog", *FROM_A_RUN], "What describes the images.", required=True
)
flags.DEFINE_string(
    "weights", None, "Of isn and 3ds: the directory of the finished run whose encoders describe."
)
flags.DEFINE_float(
    "C", 10.0, "Weight of the triplets' loss against the regulariser of the RankSVM.", lower_bound=1e-9
)
flags.DEFINE_float(
    "prior", 10.0,
    "Scale of the plain distance as a feature of the RankSVM, which shrinks towards it; 0: none.",
    lower_bound=0.0,
)  # fmt: skip
flags.DEFINE_integer(
    "true_matches", 20,
    "Where nobody compared the photos: times that each photo's sketch sets it against another, random one.",
    lower_bound=1,
)  # fmt: skip
flags.DEFINE_integer("seed", 0, "Seed of the visual words and of --true_matches.", lower_bound=0)
flags.DEFINE_enum("photo_input", "edges", ["edges"], "What is described of photos (Sec. 5.2).")
flags.DEFINE_string(
    "edge_model", None,
    "OpenCV's model of structured forests (model.yml.gz) to make edge maps with, in place of Canny.",
)  # fmt: skip
flags.DEFINE_float(
    "holdout", 0.0,
    "Share of the training photos to leave out and evaluate on in place of the test split: how to choose "
    "hyper-parameters.",
    lower_bound=0.0, upper_bound=0.9,
)  # fmt: skip
for module in (data, running):
    flags.adopt_module_key_flags(module)


def main(_):
    networks = trained_networks()
    train, test, test_name = load_splits()
    others = {test_name: test}
    if FLAGS.weights is not None:
        others["`weights`"] = RunDirectory(FLAGS.weights)
    run = running.start_run(RECIPE, train, others)
    if run.result is not None:
        running.print_json(run.result)
        return
    run.rewind_metrics(0)  # One that was killed begins anew.
    begun = time.monotonic()
    describe_sketches, describe_photos, learned = features(train, networks)
    machine = RankSVM(FLAGS.C, FLAGS.prior)
    machine.fit(describe_sketches(train.sketches), describe_photos(train.photos), comparisons(train))
    seconds = time.monotonic() - begun
    distances = machine.distances(describe_sketches(test.sketches), describe_photos(test.photos))
    found = evaluation.measure(distances, test)
    run.log_metrics(machine.num_iterations, {f"{test_name}/{name}": value for name, value in found.items()})
    write_arrays(run.model / "rank_svm.npz", weights=machine.weights, **learned)
    evaluation.draw_ranked_results(test, distances, run.figures / "ranked_results.png")
    result = {
        "recipe": RECIPE,
        "dataset": FLAGS.dataset,
        "split": test_name,
        "seed": FLAGS.seed,
        "steps": machine.num_iterations,
        "seconds": round(seconds, 1),
        "metrics": found,
    }
    run.write_result(result)
    running.print_json(result)


def trained_networks():
    """Returns the encoders of sketches and of photos that `--weights` names, or None where it names none."""
    if (FLAGS.weights is not None) != (FLAGS.baseline in FROM_A_RUN):
        raise InputError(
            f"`weights` must name a run for `baseline` {' and '.join(FROM_A_RUN)}, and for no other. "
            f"Received: {FLAGS.weights} with {FLAGS.baseline}"
        )
    if FLAGS.weights is None:
        return None
    run = RunDirectory(FLAGS.weights)
    preprocessing, reader = run.preprocessing(), data.photo_reader()
    if preprocessing.photo_input != reader.photo_input:
        raise InputError(
            f"{run.path}: expected a run whose photos are {reader.photo_input}; "
            f"found {preprocessing.photo_input}"
        )
    if preprocessing.edge_detector not in (None, reader.edge_detector):
        raise InputError(
            f"`edge_model` must be the one of {run.path}, {preprocessing.edge_detector}. "
            f"Received: {reader.edge_detector}"
        )
    if FLAGS.baseline == "isn" and not run.is_siamese:
        raise InputError(f"{run.path}: expected a run of one encoder for `baseline` isn; found two")
    return run.load_encoder("sketch"), run.load_encoder("photo")


def load_splits():
    """Returns the split to learn from, the one to evaluate on, and that one's name."""
    for name in ("train",) if FLAGS.holdout else ("train", "test"):
        if name not in DATASETS[FLAGS.dataset].splits:
            raise InputError(
                f"`dataset` must have a split to {name}. Received: {FLAGS.dataset}, which has none"
            )
    pool = worker_pool(FLAGS.num_workers)
    train = data.load_split("train", data.photo_reader(), pool)
    least = 3 if FLAGS.holdout else 2  # One of them is held out.
    if num_drawn(train) < least:
        raise InputError(
            f"{FLAGS.data_dir}: expected {least} training photos with a sketch or more; "
            f"found {num_drawn(train)}"
        )
    if FLAGS.holdout:
        return *train.holdout(FLAGS.holdout, seed=0), "holdout"
    return train, data.load_split("test", data.photo_reader(), pool), "test"


def num_drawn(split):
    """Returns how many photos have a sketch."""
    return len(np.unique(split.sketch_photo[split.paired_sketches]))


def features(train, networks):
    """Returns what describes sketches, what describes photos, and a dict of arrays that these learned.

    Each maps `(num, 256, 256, 1)` uint8 to `(num, dim)` float32.
    """
    if FLAGS.baseline == "dense_hog":
        return dense_hog, dense_hog, {}
    if FLAGS.baseline == "bag_of_hog":
        bag = BagOfHOG(seed=FLAGS.seed).fit(train.sketches, train.photos)
        return bag.transform, bag.transform, {"words": bag.words}
    return *map(encoder_features, networks), {}


def encoder_features(encoder):
    """Returns a function from images to what a Keras model makes of their centres."""

    def describe(images):
        with tqdm(
            total=len(images), unit="image", desc="encode", file=sys.stderr, leave=False, delay=2
        ) as progress:
            return evaluation.encode_images(encoder, images, progress)

    return describe


def comparisons(train):
    """Returns people's triplets, or true matches against random photos where there are none."""
    if train.triplets is not None:
        return train.triplets
    logging.info("Nobody compared the photos of %s: true matches against random ones.", FLAGS.dataset)
    sampler = sampling.AnnotatedTriplets(train, num_drawn(train), FLAGS.seed, annotated_share=0.0)
    drawn = [sampler(step) for step in range(FLAGS.true_matches)]
    columns = [np.concatenate([rows[name] for rows in drawn]) for name in ("sketch", "photo", "negative")]
    return np.stack(columns, axis=1)


def write_arrays(path, **arrays):
    """Writes arrays as an .npz file, which `np.load` reads without pickles."""
    npz = io.BytesIO()
    np.savez(npz, **arrays)
    path.parent.mkdir(exist_ok=True)
    files.write_bytes(path, npz.getvalue())


if __name__ == "__main__":
    command.run(main)
