"""Measures of rankings in loops, from their definitions, and rankings to compare them on."""

import math

import numpy as np


def rankings(kind, seed=0, num_queries=12, num_photos=25):
    """Returns distances and relevance, with queries of no, one and only relevant photos."""
    random = np.random.default_rng(seed)
    shape = (num_queries, num_photos)
    distances = {
        "distinct": random.random(shape, "float32"),
        "ties": random.integers(0, 5, shape).astype("float32"),
        "integers": random.integers(0, 9, shape).astype("uint8"),
        "float64": np.round(random.random(shape), 1),
    }[kind]
    relevant = random.random(shape) < 0.3
    relevant[0], relevant[1] = False, True
    relevant[2], relevant[2, 7] = False, True
    return distances, relevant


def ranked(distances, relevant):
    """Returns the relevance of the gallery, nearest first, the lower gallery id first of equal ones."""
    order = sorted(range(len(distances)), key=lambda photo: (distances[photo], photo))
    return [bool(relevant[photo]) for photo in order]


def average_precision(distances, relevant, k, convention):
    hits = ranked(distances, relevant)
    num_relevant = sum(hits)
    if not num_relevant:
        return math.nan
    top = hits if k is None else hits[:k]
    precision = [sum(top[: place + 1]) / (place + 1) for place in range(len(top))]
    if convention == "voc":
        precision = [max(precision[place:]) for place in range(len(top))]
    total = sum(value for value, hit in zip(precision, top, strict=True) if hit)
    at_most = num_relevant if k is None else min(num_relevant, k)
    divisor = {"found": sum(top), "min": at_most, "R": num_relevant, "voc": at_most}[convention]
    return total / divisor if divisor else 0.0


def precision_at_k(distances, relevant, k, convention):
    hits = ranked(distances, relevant)
    if not sum(hits):
        return math.nan
    return sum(hits[:k]) / (k if convention == "k" else min(k, sum(hits)))
