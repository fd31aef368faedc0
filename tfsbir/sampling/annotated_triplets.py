"""Triplets that people annotated."""

import numpy as np

from tfsbir.sampling.true_pairs import TruePairs


class AnnotatedTriplets:
    """Draws sketches and, for each, a photo that people found closer and one they found farther.

    With probability 1 - `annotated_share` the row is instead a true-match triplet: the sketch's own photo
    against a random photo which nobody compared with that sketch. So is every row of a sketch without
    annotation, for which any photo but its own may be the negative. A data set that nobody annotated, such as
    the handbags, therefore gives true-match triplets alone, whatever `annotated_share` is; an annotated one
    does with a share of 0, but never against a photo that people compared with the sketch (unless they
    compared all).

    Args:
        split: `Split` with `triplets`, or without (then every row is a true-match triplet).
        batch_size: Triplets in a batch.
        seed: Integer >= 0.
        annotated_share: Float in [0, 1]; 0.75 in the published training code.
    Call arguments:
        step: Integer >= 0.
    Returns: Dict of `(batch_size,)` int32 arrays: `sketch`, `photo` (the closer one), `negative`.
    Raises: `ValueError` if `annotated_share` is outside [0, 1], or for a batch larger than the split.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 3.2 and 4.2.
    """

    def __init__(self, split, batch_size, seed, annotated_share=0.75):
        if not 0 <= annotated_share <= 1:
            raise ValueError(f"`annotated_share` must be in [0, 1]. Received: {annotated_share}")
        self.pairs = TruePairs(split, batch_size, seed)
        self.num_photos = len(split.photos)
        self.annotated_share = annotated_share
        self.rows_of = {}
        if split.triplets is not None and len(split.triplets):
            ordered = split.triplets[np.argsort(split.triplets[:, 0], kind="stable")]
            sketches, starts = np.unique(ordered[:, 0], return_index=True)
            self.rows_of = dict(zip(sketches.tolist(), np.split(ordered[:, 1:], starts[1:]), strict=True))
        if self.num_photos < 2:
            raise ValueError(f"`split` must hold at least 2 photos. Received: {self.num_photos}")

    def __call__(self, step):
        drawn = self.pairs(step)
        rng = np.random.default_rng((self.pairs.seed, 2, step))
        positive, negative = drawn["photo"].copy(), np.empty_like(drawn["photo"])
        for row, sketch in enumerate(drawn["sketch"].tolist()):
            annotated = self.rows_of.get(sketch)
            if annotated is not None and rng.random() < self.annotated_share:
                positive[row], negative[row] = annotated[rng.integers(len(annotated))]
            else:
                negative[row] = self._unrelated_photo(rng, positive[row], annotated)
        return {"sketch": drawn["sketch"], "photo": positive, "negative": negative}

    def _unrelated_photo(self, rng, positive, annotated):
        excluded = {int(positive)} | (set() if annotated is None else set(annotated.ravel().tolist()))
        if len(excluded) >= self.num_photos:  # People compared the sketch with every photo.
            excluded = {int(positive)}
        while True:
            photo = int(rng.integers(self.num_photos))
            if photo not in excluded:
                return photo
