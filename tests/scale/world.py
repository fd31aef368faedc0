"""Small data for every recipe, made in a folder."""

import h5py
import numpy as np

from tests.common_files import write_image, write_ndjson
from tests.common_recipes import command, run
from tests.models.test_squeezenet import published_layout
from tfsbir.data import synthetic_folder

CLASSES = ("ant", "bee", "cat", "dog", "eel", "fox")
UNSEEN = ("eel", "fox")


def make_world(root):
    """Makes, in an empty folder, pairs, categories, drawings, word vectors, weights and a teacher.

    Names: `objects` (a paired folder), `animals` (a category folder), `sketchy`, `quickdraw`, `unseen.txt`,
    `words.npz`, `weights.h5` (SqueezeNet's) and `teacher` (a finished run).
    """
    synthetic_folder(root / "objects", num_train=16, num_test=5, seed=0)
    test = []
    for label, name in enumerate(CLASSES):
        for number in range(12):
            stem, seed = f"n{label}_{number}", 100 * label + number
            for folder in ("sketchy/{}/tx_000000000000", "animals/{}"):
                write_image(root / folder.format("photo") / name / f"{stem}.jpg", 64, seed)
                write_image(root / folder.format("sketch") / name / f"{stem}-1.png", 64, seed)
        test += [f"{name}/n{label}_{number}.jpg" for number in range(2)]
        write_ndjson(root / f"quickdraw/{name}.ndjson", range(10**15 * label, 10**15 * label + 12))
    (root / "sketchy/info").mkdir()
    (root / "sketchy/info/testset.txt").write_text("\n".join(test), encoding="utf-8")
    (root / "unseen.txt").write_text("\n".join(UNSEEN), encoding="utf-8")
    vectors = np.random.default_rng(0).normal(size=(len(CLASSES), 5)).astype("float32")
    np.savez(root / "words.npz", names=np.array(CLASSES), vectors=vectors)
    published_layout(root / "weights.h5")
    with h5py.File(root / "weights.h5", "r+") as file:
        file.visititems(_to_unit_scale)
    flags = "--backbone=squeezenet --embedding_dim=16 --steps=2 --batch_size=4 --num_views=1 --num_workers=0"
    done = run(
        command("sketch_me_that_shoe", "paired_folder", root / "objects", root / "teacher", *flags.split())
    )
    assert done.returncode == 0, done.stderr


def _to_unit_scale(_, item):
    """Scales kernels of standard normal values so that what they give neither grows nor fades; no biases."""
    if isinstance(item, h5py.Dataset):
        item[...] = item[...] * np.sqrt(2 / np.prod(item.shape[:-1])) if item.ndim > 1 else 0.0
