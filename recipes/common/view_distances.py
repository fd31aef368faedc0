"""Distances of a split that are made when they are asked for."""

import numpy as np


class ViewDistances:
    """Stands for the array of the distances between all sketches and all photos, averaged over views.

    Only the embeddings are kept. Rows are made anew whenever they are asked for, so that a test of 92,291
    sketches and 54,151 photos, whose distances would take 20 GB, is measured a block at a time.

    Args:
        sketch_views: The sketches' embeddings by view, `(num_sketches, dim)` each.
        photo_views: The photos', of the same views in the same order, `(num_photos, dim)` each.
        distance: Function from embeddings of sketches and of photos to their distances
            `(num_sketches, num_photos)`, such as `SquaredEuclidean().pairwise`.

    Example:
        >>> distances[3]         # `(num_photos,)`, of one sketch
        >>> distances[100:200]   # `(100, num_photos)`; or by an array of indices
    """

    def __init__(self, sketch_views, photo_views, distance):
        self.sketch_views = sketch_views
        self.photo_views = photo_views
        self.distance = distance
        self.shape = len(sketch_views[0]), len(photo_views[0])

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        """Returns the distances of some sketches as a NumPy array, lower is closer."""
        if isinstance(rows, (int, np.integer)):
            return self[np.array([rows])][0]
        of_views = (
            np.asarray(self.distance(sketch[rows], photo))
            for sketch, photo in zip(self.sketch_views, self.photo_views, strict=True)
        )
        if len(self.sketch_views) == 1:  # Float32 as it is; a mean is taken in float64.
            return next(of_views)
        return sum(one.astype(np.float64) for one in of_views) / len(self.sketch_views)
