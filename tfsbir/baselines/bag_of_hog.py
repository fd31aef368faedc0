"""A histogram of visual words."""

import cv2
import numpy as np
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits

from tfsbir.baselines.hog_blocks import hog_blocks
from tfsbir.baselines.inks import inks

MAX_PATCHES = 200_000  # From which words are learned: 100 MB.
INK = 0.25  # Darker than this is a line.
CLIP = 0.2


class BagOfHOG:
    """Describes an image by how often each visual word comes in it.

    A word stands for patches that look alike. Patches are cut out along the lines, one in each square of
    `stride` px that has ink, around its first inked pixel; a patch is described by a histogram of oriented
    gradients of `cells` x `cells` cells (`hog_blocks`). The words are the centres of a k-means
    clustering of the patches of training images. Where in the image a word stands is not kept.

    Args:
        num_words: Integer >= 1.
        patch: Integer >= 1, side of a patch in px, a multiple of `cells`.
        cells: Integer >= 1, cells of a patch along a side.
        orientations: Integer >= 1, bins of direction over 180 degrees.
        stride: Integer >= 1, side in px of the squares that give a patch each.
        blur: Float >= 0, standard deviation in px of a Gaussian blur of the images.
        seed: Integer >= 0, of the patches to learn from and of where k-means starts.
    Attributes:
        words: `(num_words, cells * cells * orientations)` float32 after `fit`; those of an earlier bag may be
            set.
    Raises: `ValueError` for an argument out of its range.
    Source: Yu et al., "Sketch Me That Shoe", CVPR 2016, Sec. 5.2 (HOG+BoW, 500 words), which says nothing of
        the patches; after Hu & Collomosse, CVIU 2013, histograms of gradients along the lines.
    """

    def __init__(self, num_words=500, patch=96, cells=4, orientations=8, stride=6, blur=2.0, seed=0):
        numbers = {
            "num_words": num_words, "patch": patch, "cells": cells, "orientations": orientations,
            "stride": stride,
        }  # fmt: skip
        for name, number in numbers.items():
            if number < 1:
                raise ValueError(f"`{name}` must be >= 1. Received: {number}")
        if blur < 0:
            raise ValueError(f"`blur` must be >= 0. Received: {blur}")
        if patch % cells:
            raise ValueError(f"`patch` must be a multiple of the {cells} `cells`. Received: {patch}")
        if seed < 0:
            raise ValueError(f"`seed` must be >= 0. Received: {seed}")
        self.num_words = num_words
        self.patch = patch
        self.cells = cells
        self.orientations = orientations
        self.stride = stride
        self.blur = blur
        self.seed = seed
        self.words = None

    def fit(self, *image_sets):
        """Learns the words from images, such as the sketches and the photos to train on.

        Of more than `MAX_PATCHES` patches each image gives as many as any other, drawn at random.

        Args:
            *image_sets: One or several `(num, size, size, 1)` uint8, black on white, or what stands for them
                in a `Split`.
        Returns: This bag.
        Raises: `ValueError` for other images, or fewer patches than words; `TypeError` if they are not uint8.
        """
        share = max(1, MAX_PATCHES // max(1, sum(len(images) for images in image_sets)))
        rng = np.random.default_rng(self.seed)
        kept = []
        for images in image_sets:
            for patches in self._patches(images):
                kept.append(rng.permutation(patches)[:share] if len(patches) > share else patches)
        patches = np.concatenate(kept) if kept else np.empty((0, 0), np.float32)
        if len(patches) < self.num_words:
            raise ValueError(
                f"`image_sets` must give as many patches as there are words, {self.num_words}. "
                f"Received: {len(patches)}"
            )
        clusters = MiniBatchKMeans(
            self.num_words, batch_size=4096, max_iter=20, n_init=1, random_state=self.seed
        )
        # Its threads wait for each other by spinning: where others work beside, it takes 30 times as long.
        with threadpool_limits(limits=1):
            clusters.fit(patches)
        self.words = clusters.cluster_centers_.astype(np.float32)
        return self

    def transform(self, images):
        """Counts the words of images.

        Args:
            images: As in `fit`.
        Returns: `(num, num_words)` float32, shares of the image's patches: a row sums to 1, that of an image
            without ink to 0. A patch that two words are equally close to is the first one's.
        Raises: `ValueError` before `fit` or for other images; `TypeError` if they are not uint8.
        """
        if self.words is None:
            raise ValueError("`fit` must be called first, or `words` set. Received: neither")
        counts = np.zeros((len(images), len(self.words)), np.float32)
        half_norms = np.sum(np.square(self.words), axis=1) / 2
        for row, patches in enumerate(self._patches(images)):
            nearest = np.argmin(half_norms - patches @ self.words.T, axis=1)
            counts[row] = np.bincount(nearest, minlength=len(self.words))
        return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def _patches(self, images):
        """Yields the descriptors of each image's patches, `(num_patches, dim)` float32."""
        margin = self.patch // 2
        for ink in inks(images):
            rows, columns = np.nonzero(ink > INK)
            squares = rows // self.stride * len(ink) + columns // self.stride
            first = np.unique(squares, return_index=True)[1]
            if self.blur:
                ink = cv2.GaussianBlur(ink, (0, 0), self.blur)
            # Around the border there is paper. It puts a patch's corner where its middle was.
            padded = np.pad(ink, margin)
            corners = np.stack([rows[first], columns[first]], axis=1)
            yield hog_blocks(padded, corners, self.patch // self.cells, self.cells, self.orientations, CLIP)
