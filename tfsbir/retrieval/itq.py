"""Binary codes of embeddings, for galleries that must be small or are searched by counting bits."""

import numpy as np


class ITQ:
    """Iterative quantization: turns embeddings into binary codes that are near where embeddings are near.

    Embeddings are centred, projected onto their first principal axes, and rotated there so that the signs of
    the coordinates lose as little as can be: from a random rotation on, the nearest corners of the hypercube
    and the rotation that brings the embeddings nearest to these corners take turns. A bit is 1 where a
    coordinate is >= 0. The turns end in a minimum that depends on where they began; the same `seed` and
    embeddings always give the same one.

    Fit it on embeddings of the training split, of sketches and photos together where these are compared, and
    never on the gallery or the queries that are measured: axes and rotation are learned, and fitted to the
    test they would know its classes.

    Args:
        num_bits: Int >= 8, a multiple of 8, at most the dimensions of an embedding.
        seed: Int, of the random rotation.
        num_iterations: Int >= 1, how many turns are taken. The paper takes 50.

    Attributes, after `fit`:
        mean: `(dim,)` float64, which is taken from an embedding.
        matrix: `(dim, num_bits)` float64 of orthonormal columns, by which it is multiplied then.
    Raises: `ValueError` for arguments out of range.

    Example:
        >>> itq = ITQ(64).fit(np.concatenate([training_sketches, training_photos]))
        >>> index = faiss.IndexBinaryFlat(64)
        >>> index.add(itq.transform(photos))
        >>> distances, indices = index.search(itq.transform(sketches), 10)

    Source: Gong and Lazebnik, "Iterative Quantization: A Procrustean Approach to Learning Binary Codes", CVPR
        2011. `faiss.ITQTransform` also brings centred embeddings to length 1, which the paper does not, and
        its rotation ends farther from the corners than the paper's does, so it is not used here.
    """

    def __init__(self, num_bits, seed=0, num_iterations=50):
        if num_bits < 8 or num_bits % 8:
            raise ValueError(f"`num_bits` must be a multiple of 8, and >= 8. Received: {num_bits}")
        if num_iterations < 1:
            raise ValueError(f"`num_iterations` must be >= 1. Received: {num_iterations}")
        self.num_bits = num_bits
        self.seed = seed
        self.num_iterations = num_iterations
        self.mean = None
        self.matrix = None

    def fit(self, embeddings):
        """Learns axes and rotation.

        Args:
            embeddings: `(num, dim)` finite floats, `num_bits` of them or more.
        Returns: This `ITQ`.
        Raises: `ValueError` for another shape, other values, fewer rows or columns than `num_bits`, or
            embeddings that are all the same.
        """
        # Both take a while to import, which a search by finished codes need not wait for.
        from scipy.linalg import orthogonal_procrustes
        from sklearn.decomposition import PCA

        embeddings = _checked(embeddings)
        if min(embeddings.shape) < self.num_bits:
            raise ValueError(
                f"`embeddings` must have {self.num_bits} rows and columns or more, as many as `num_bits`. "
                f"Received shape: {embeddings.shape}"
            )
        if not np.any(embeddings != embeddings[0]):
            raise ValueError(f"`embeddings` must differ. Received: {len(embeddings)} that are the same")
        pca = PCA(self.num_bits, svd_solver="covariance_eigh").fit(embeddings)
        projected = pca.transform(embeddings)
        random = np.random.default_rng(self.seed)
        rotation, _ = np.linalg.qr(random.normal(size=(self.num_bits, self.num_bits)))
        for _ in range(self.num_iterations):
            corners = np.where(projected @ rotation >= 0, 1.0, -1.0)
            rotation, _ = orthogonal_procrustes(projected, corners)
        self.mean = pca.mean_
        self.matrix = pca.components_.T @ rotation
        return self

    def transform(self, embeddings):
        """Turns embeddings into codes.

        Args:
            embeddings: `(num, dim)` finite floats.
        Returns: `(num, num_bits / 8)` uint8, 8 bits a byte, as `faiss.IndexBinaryFlat` and
            `tfsbir.distances.Hamming` take them.
        Raises: `ValueError` before `fit`, or for another shape or other values.
        """
        if self.matrix is None:
            raise ValueError("`fit` must be called before `transform`. Received: no fit")
        embeddings = _checked(embeddings)
        if embeddings.shape[1] != len(self.mean):
            raise ValueError(
                f"`embeddings` must be (num, {len(self.mean)}), as in `fit`. "
                f"Received shape: {embeddings.shape}"
            )
        return np.packbits((embeddings - self.mean) @ self.matrix >= 0, axis=1)


def _checked(embeddings):
    embeddings = np.asarray(embeddings, np.float64)
    if embeddings.ndim != 2:
        raise ValueError(f"`embeddings` must be (num, dim). Received shape: {embeddings.shape}")
    num_broken = embeddings.size - np.count_nonzero(np.isfinite(embeddings))
    if num_broken:
        raise ValueError(
            f"`embeddings` must be finite. Received: {num_broken} of {embeddings.size} values that are not"
        )
    return embeddings
