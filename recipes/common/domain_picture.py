"""The picture of how training brought sketches and photos together."""

import io

import numpy as np

from recipes.common.evaluation import encode_images
from recipes.common.keep_classes import keep_classes
from tfsbir import figures, files

NUM_CLASSES = 12  # As in Fig. 6 of Bui et al., "Deep Manifold Alignment", 2018; more would hide each other.
NUM_IMAGES = 40  # Of each class and domain.


class DomainPicture:
    """Keeps the embeddings of some training images, and draws them beside those at the end.

    The classes, and the images of each, are spread evenly over the split. What they are before is a file in
    the run directory, for a killed run to go on with.

    Args:
        run: `RunDirectory` that has been started.
        train: `Split`.
    """

    def __init__(self, run, train):
        self.run = run
        chosen = np.unique(np.linspace(0, len(train.class_names) - 1, NUM_CLASSES).astype(int))
        few = keep_classes(train, [train.class_names[label] for label in chosen])
        self.split = few.subset(_spread(few.photo_labels), _spread(few.sketch_labels))

    def keep_before(self, pair):
        """Embeds the images with an `EncoderPair`, as the first of the two stages."""
        stored = io.BytesIO()
        sketch, photo = self._embed(pair)
        np.savez(stored, sketch=sketch, photo=photo)
        files.write_bytes(self._path(), stored.getvalue())

    def draw(self, pair):
        """Writes `figures/domains.png`, of the stage kept and of the trained `EncoderPair`."""
        with np.load(self._path(), allow_pickle=False) as found:
            before = found["sketch"], found["photo"]
        figures.domain_scatter(
            {"before training on pairs": before, "after": self._embed(pair)},
            self.run.figures / "domains.png",
            self.split.sketch_labels,
            self.split.photo_labels,
            self.split.class_names,
            title=f"{self.split.name}, {self.split.split}: sketches and photos",
        )

    def _embed(self, pair):
        # NumPy's files know no bfloat16.
        return tuple(
            encode_images(encoder, images).astype(np.float32)
            for encoder, images in ((pair.sketch, self.split.sketches), (pair.photo, self.split.photos))
        )

    def _path(self):
        return self.run.path / "before.npz"


def _spread(labels):
    """Returns up to `NUM_IMAGES` indices of each label, evenly spread."""
    chosen = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        places = np.linspace(0, len(own) - 1, min(NUM_IMAGES, len(own))).astype(int)
        chosen.append(own[np.unique(places)])
    return np.concatenate(chosen)
