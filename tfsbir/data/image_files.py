"""Images that stay in their files until they are asked for."""

import os
import pickle
from pathlib import Path

import numpy as np

from tfsbir.data.photo_reader import PhotoReader


class ImageFiles:
    """Stands for the uint8 array of some image files, in a `Split`, and reads those that are indexed.

    Nothing is kept: an image asked for twice is read twice.

    Args:
        paths: The files.
        read: Function from a path to `(size, size, channels)` uint8, such as `read_image` or a
            `PhotoReader`; one that can be pickled, so that worker processes can read too.
        size: Side of the images in px.
        channels: Channels of the images.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, paths, read, size=256, channels=1):
        self.paths, self.read = tuple(map(Path, paths)), read
        self.shape = (len(self.paths), size, size, channels)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        """Returns one image for an integer, else an array of them."""
        if isinstance(index, (int, np.integer)):
            return self.read(self.paths[index])
        chosen = np.arange(len(self))[index]
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for row, place in enumerate(chosen):
            images[row] = self.read(self.paths[place])
        return images

    def take(self, indices):
        """Returns the `ImageFiles` of some of the files, of which none is read."""
        return ImageFiles([self.paths[i] for i in indices], self.read, self.shape[1], self.shape[3])

    def update_digest(self, digest):
        """Feeds a hash with how the files are read and their sizes, which tell most changes of a file."""
        read = self.read
        # Where a forest or a cache lies changes nothing; a function is pickled as its name.
        how = (read.photo_input, read.edge_detector) if isinstance(read, PhotoReader) else read
        digest.update(pickle.dumps((self.shape, how)))
        digest.update(np.array([os.path.getsize(path) for path in self.paths], np.int64))
