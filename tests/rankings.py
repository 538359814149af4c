"""Compares src/metrics/rankings.c with scikit-learn on random scores with ties.

usage: rankings.py LIBRARY     rankings.c as a shared library."""

import ctypes
import sys
import warnings

import numpy as np
from sklearn import metrics

NAMES = ("precision1", "precisionk", "recallk", "mean_average_precision", "label_ranking_precision", "ranking_loss")


class Figures(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in NAMES]


library = ctypes.CDLL(sys.argv[1])
library.begin_ranking.restype = ctypes.c_void_p
library.add_to_ranking.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
library.end_ranking.argtypes = [ctypes.c_void_p]
library.end_ranking.restype = Figures


def ours(scores, truth, k):
    ranking = library.begin_ranking(*map(int, scores.shape), k)
    for row, labels in zip(scores, truth):
        library.add_to_ranking(ranking, row.ctypes.data, labels.ctypes.data)
    return library.end_ranking(ranking)


def theirs(scores, truth, k):
    truth = (truth != 0).astype(int)
    order = np.argsort(-scores, axis=1, kind="stable")  # of equal scores the first is the better guess

    def guesses(count):
        chosen = np.zeros_like(truth)
        np.put_along_axis(chosen, order[:, :count], 1, axis=1)
        return chosen

    labeled, present = truth.any(1), truth.any(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            metrics.precision_score(truth, guesses(1), average="samples", zero_division=0),
            metrics.precision_score(truth, guesses(k), average="samples", zero_division=0),
            metrics.recall_score(truth[labeled], guesses(k)[labeled], average="samples") if labeled.any() else 0,
            (
                metrics.average_precision_score(truth[:, present], scores[:, present], average="macro")
                if present.any()
                else 0
            ),
            metrics.label_ranking_average_precision_score(truth, scores),
            metrics.label_ranking_loss(truth, scores),
        )


random = np.random.default_rng(1)
count = 0
for images, classes in ((1, 2), (3, 4), (40, 8), (200, 30), (300, 101)):
    for values in (2, 5, 40, 0):  # how many different scores there are; 0: any number
        for share in (0, 0.02, 0.2, 0.6, 1):
            for k in sorted({1, 2, min(5, classes)}):
                scores = (
                    random.normal(size=(images, classes))
                    if not values
                    else random.integers(0, values, (images, classes)) - values // 2
                )
                scores = (scores * random.choice([1e-30, 1, 1e20])).astype(np.float32)
                truth = (random.random((images, classes)) < share) * np.float32(0.25)
                figures = ours(scores, truth, k)
                for name, wanted in zip(NAMES, theirs(scores, truth, k)):
                    got = getattr(figures, name)
                    assert (
                        abs(got - wanted) < 1e-9
                    ), f"{images} x {classes}, {values} scores, {share} labels, k={k}: {name} {got}, not {wanted}"
                    count += 1
print(count, "figures alike")

# -0 is 0; infinities are numbers; NaN is the worst guess.
inf, nan = np.inf, np.nan
scores = np.array([[0.0, -0.0, -inf, inf], [nan, 1, -inf, nan]], np.float32)
truth = np.array([[0, 1, 0, 1], [0, 0, 1, 0]], np.float32)
figures, wanted = ours(scores, truth, 2), theirs(
    np.nan_to_num(scores.astype(float), nan=-1e308, neginf=-1e307, posinf=1e307), truth, 2
)
assert np.allclose([getattr(figures, name) for name in NAMES], wanted), (
    wanted,
    [getattr(figures, name) for name in NAMES],
)
