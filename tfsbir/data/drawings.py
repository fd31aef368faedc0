"""Vector sketches that become pictures when they are asked for."""

import numpy as np

from tfsbir.strokes.rasterize import rasterize
from tfsbir.strokes.vector_sketch import VectorSketch


class Drawings:
    """Stands for the uint8 array of some vector sketches, in a `Split`, and draws those that are indexed.

    The strokes are packed into three arrays: 330,000 Quick, Draw! sketches take some 150 MB.

    Args:
        sketches: Iterable of `VectorSketch`.
        size: Side of the pictures in px.
        line_width: Width of the pen in px, by default `size` / 128.
        margin: White border around the frame in px.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, sketches, size=256, line_width=None, margin=0.0):
        points, lengths, counts, frames = [np.empty((0, 2), np.float32)], [], [], []
        for sketch in sketches:
            points.extend(sketch.strokes)
            lengths.extend(map(len, sketch.strokes))
            counts.append(len(sketch.strokes))
            frames.append(sketch.frame)
        self._points = np.concatenate(points)
        self._point_ends = np.cumsum([0, *lengths])
        self._stroke_ends = np.cumsum([0, *counts])
        self._frames = np.array(frames, np.float64).reshape(-1, 4)
        self.line_width, self.margin = line_width, margin
        self.shape = (len(counts), size, size, 1)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        """Returns one picture for an integer, else an array of them."""
        if isinstance(index, (int, np.integer)):
            return self.draw(self.sketch(index))
        chosen = np.arange(len(self))[index]
        images = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for row, place in enumerate(chosen):
            images[row] = self.draw(self.sketch(place))
        return images

    def sketch(self, index):
        """Returns one `VectorSketch`."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"`index` must be in 0..{len(self) - 1}. Received: {index}")
        index = int(index) % len(self)
        strokes = range(self._stroke_ends[index], self._stroke_ends[index + 1])
        points = (self._points[self._point_ends[i] : self._point_ends[i + 1]] for i in strokes)
        return VectorSketch(tuple(points), tuple(self._frames[index]))

    def draw(self, sketch):
        """Draws a `VectorSketch`, one of these or what augmentation made of it, as these are drawn."""
        return rasterize(sketch, self.shape[1], self.line_width, self.margin)

    def take(self, indices):
        """Returns the `Drawings` of some of the sketches."""
        return self.with_sketches(map(self.sketch, indices))

    def with_sketches(self, sketches):
        """Returns the `Drawings` of other sketches, drawn as these are."""
        return Drawings(sketches, self.shape[1], self.line_width, self.margin)

    def update_digest(self, digest):
        """Feeds a hash with the strokes and how they are drawn."""
        digest.update(f"drawings {self.shape} {self.line_width} {self.margin}".encode("ascii"))
        for array in (self._points, self._point_ends, self._stroke_ends, self._frames):
            digest.update(np.ascontiguousarray(array))
