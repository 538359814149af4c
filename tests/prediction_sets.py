#!/usr/bin/env python3
"""The sets of prediction_sets.c beside those of kept libraries, on the same random probabilities.

usage: tests/prediction_sets.py mapie|crepes|numpy prediction_sets.so
"""
import ctypes
import itertools
import sys
import warnings

import numpy as np

LAC, APS, RAPS, RANK = range(4)
CLASSES = 17


class Sets(ctypes.Structure):
    _fields_ = [("score", ctypes.c_int), ("cover", ctypes.c_double),
                ("classes", ctypes.c_int), ("images", ctypes.c_int),
                ("threshold", ctypes.c_double), ("class_thresholds", ctypes.POINTER(ctypes.c_double))]


class Calibration(ctypes.Structure):
    _fields_ = [("label", ctypes.c_int), ("score", ctypes.c_double)]


def pointer(array, kind):
    return array.ctypes.data_as(ctypes.POINTER(kind))


def our_sets(library, score, cover, each_class, p, labels, used):
    """Whether each class is in the set of each row of `used`; calibrated on the rows of p."""
    scores, order = np.zeros(CLASSES), np.zeros(CLASSES, np.intc)
    scratch = pointer(scores, ctypes.c_double), pointer(order, ctypes.c_int)
    calibration = (Calibration * len(p))()
    for i, (row, label) in enumerate(zip(p, labels)):
        assert library.score_classes(score, CLASSES, pointer(row, ctypes.c_float), *scratch)
        calibration[i] = Calibration(int(label), scores[label])
    thresholds = np.zeros(CLASSES)
    sets = Sets(score, cover, CLASSES, len(p), 0, pointer(thresholds, ctypes.c_double) if each_class else None)
    library.calibrate_sets(ctypes.byref(sets), calibration)
    result = np.zeros(used.shape, bool)
    for row, found in zip(used, result):
        count = library.find_set(ctypes.byref(sets), pointer(row, ctypes.c_float), *scratch)
        found[order[:count]] = True
    return result


def draw(random, count, ties):
    """Probabilities as float32, and labels that they are somewhat right about; ties: many are equal."""
    logits = random.normal(size=(count, CLASSES)) * random.uniform(0.5, 3, (count, 1))
    if ties:
        logits = np.round(logits)
    p = np.exp(logits)
    p /= p.sum(1, keepdims=True)
    labels = np.array([random.choice(CLASSES, p=row) for row in p])
    return np.ascontiguousarray(p, np.float32), labels


def mapie_sets(score, cover, p, labels, used):
    from mapie.classification import SplitConformalClassifier

    class Given:
        """What is predicted is what is given."""
        classes_ = np.arange(CLASSES)
        fitted_ = True

        def fit(self, *_):
            return self

        def predict_proba(self, rows):
            return rows

        def predict(self, rows):
            return rows.argmax(1)

        def __sklearn_is_fitted__(self):
            return True

        def get_params(self, deep=True):
            return {}

    name = {LAC: "lac", RANK: "top_k"}[score]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = SplitConformalClassifier(Given(), confidence_level=cover, conformity_score=name)
        classifier.conformalize(p.astype(np.float64), labels)
        _, sets = classifier.predict_set(used.astype(np.float64))
    return sets[:, :, 0]


def scores_of_classes(score, rows):
    """By the definitions; equal probabilities share the last of their places."""
    rows = rows.astype(np.float64)
    rows /= 1 if score == LAC else rows.sum(1, keepdims=True)
    at_least = rows[:, None, :] >= rows[:, :, None]
    place, mass = at_least.sum(2), (at_least * rows[:, None, :]).sum(2)
    scores = {LAC: 1 - rows, APS: mass, RAPS: mass + 0.01 * np.maximum(0, place - 5), RANK: place}[score]
    return np.round(scores, 9)  # equal sums of equal numbers stay equal


def crepes_sets(score, cover, each_class, p, labels, used):
    from crepes import ConformalClassifier
    own, scores = scores_of_classes(score, p)[np.arange(len(p)), labels], scores_of_classes(score, used)
    # crepes has p >= 1 - cover, the definition p > 1 - cover.
    classifier, options = ConformalClassifier(), {"confidence": cover - 1e-9, "smoothing": False}
    if not each_class:
        classifier.fit(own)
        return classifier.predict_set(scores, **options) == 1
    classifier.fit(own, bins=labels)
    columns = [classifier.predict_set(scores, bins=np.full(len(used), label), **options)[:, label]
               for label in range(CLASSES)]
    return np.array(columns).T == 1


def numpy_sets(score, cover, p, labels, used):
    own = np.sort(scores_of_classes(score, p)[np.arange(len(p)), labels])
    place = int(np.ceil((len(p) + 1) * cover - 1e-9))
    return scores_of_classes(score, used) <= own[place - 1]


def other_sets(library, score, cover, each_class, ties, p, labels, used):
    """None where the library has no such sets."""
    least = np.bincount(labels, minlength=CLASSES).min()
    if library == "numpy" and not each_class:
        return numpy_sets(score, cover, p, labels, used)
    # Of equal probabilities mapie takes the first as the better guess; its APS is a randomized one.
    if library == "mapie" and not each_class and (score == LAC or (score == RANK and not ties)):
        return mapie_sets(score, cover, p, labels, used)
    # In crepes a class of few images is in every set; here it has the common threshold.
    if library == "crepes" and (not each_class or least >= cover / (1 - cover)):
        return crepes_sets(score, cover, each_class, p, labels, used)
    return None


def main():
    library = ctypes.CDLL(sys.argv[2])
    random, compared = np.random.default_rng(1), 0
    for cover, count, ties in itertools.product((0.8, 0.9, 0.95), (60, 651), (False, True)):
        p, labels = draw(random, count, ties)
        used, _ = draw(random, 200, ties)
        for score, each_class in itertools.product((LAC, APS, RAPS, RANK), (False, True)):
            other = other_sets(sys.argv[1], score, cover, each_class, ties, p, labels, used)
            if other is None:
                continue
            ours = our_sets(library, score, cover, each_class, p, labels, used)
            assert (ours == other).all(), (cover, count, ties, score, each_class, ours.sum(), other.sum())
            compared += 1
    print(f"{compared} times 200 sets are equal")
    assert compared >= 18


main()
