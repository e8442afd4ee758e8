"""Counts and curves of yes-or-no and class predictions: confusion, precision, recall, ROC, calibration, in float64."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.checks import fail, whole_number


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """How exactly and how completely each class is found; 0 stands where a share is 0/0, with its flag.

    `undefined_...` is True where no row was called so (precision), where no row is of the class (recall), where both
    is the case (F1).
    """

    precision: np.ndarray
    """float64 (K,): of the rows called so, the share that are."""
    recall: np.ndarray
    """float64 (K,): of the rows that are, the share called so."""
    f1: np.ndarray
    """float64 (K,): the harmonic mean of both."""
    undefined_precision: np.ndarray
    undefined_recall: np.ndarray
    undefined_f1: np.ndarray


@dataclass(frozen=True, eq=False)
class Sweep:
    """Precision and recall of "yes" at every decision threshold; a row is called yes strictly above it.

    0 stands where a share is 0/0, with its flag: where no row is called yes (precision), no row is one (recall).
    """

    thresholds: np.ndarray
    """float64 (T,), ascending, 0 and 0.5 among them."""
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    accuracy: np.ndarray
    called: np.ndarray
    """int64 (T,): rows called yes."""
    undefined_precision: np.ndarray
    undefined_recall: np.ndarray


@dataclass(frozen=True, eq=False)
class Roc:
    """The receiver operating characteristic: what is rightly called yes against what is wrongly called so.

    Both rates rise from 0 to 1 as the threshold falls from the largest probability, which no row exceeds, to minus
    infinity.
    """

    thresholds: np.ndarray
    """float64 (T,), descending, the last -inf; a row is called yes strictly above it."""
    false_positive_rate: np.ndarray
    true_positive_rate: np.ndarray
    area: float
    """The chance that a random yes has a larger probability than a random no, a tie counting one half."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Whether a probability means what it says: of the rows told p, a share p should be yes."""

    edges: np.ndarray
    """float64 (bins + 1,): a bin holds what is above its lower and at most its upper edge, the first one 0 too."""
    predicted: np.ndarray
    """float64 (bins,): mean probability of the rows in the bin; NaN where there are none."""
    observed: np.ndarray
    """float64 (bins,): the share of them that is yes; NaN where there are none."""
    counts: np.ndarray
    """int64 (bins,): how many rows."""
    expected_calibration_error: float
    """Mean distance of the two over all rows."""


def confusion_matrix(truth: Any, called: Any, classes: Sequence[Any]) -> np.ndarray:
    """Count the rows of each class that were called each class.

    Args:
        truth: (rows,) the true class of each row.
        called: (rows,) what it was called.
        classes: all K of them, none twice; `range(K)` for class indices.

    Returns:
        int64 (K, K); at [i, j] the rows of class i that were called j. Its sum is the number of rows.

    Raises:
        JaxnnError: if the lengths differ or something is not one of the classes.

    >>> confusion_matrix(["no", "yes", "yes"], ["no", "no", "yes"], ["no", "yes"])
    array([[1, 0],
           [1, 1]])
    """
    names = _labels("classes", classes)
    if not len(names) or len(np.unique(names)) < len(names):
        fail("classes", f"{len(names)} with {len(np.unique(names))} different", "at least one, and none twice")
    rows, answers = _indices("truth", truth, names), _indices("called", called, names)
    if len(rows) != len(answers):
        fail("called", f"{len(answers)} rows", f"{len(rows)}, one for each row of truth")
    k = len(names)
    return np.bincount(rows * k + answers, minlength=k * k).reshape(k, k).astype(np.int64)


def precision_recall(confusion: Any) -> PrecisionRecall:
    """Return how exactly and how completely each class is found.

    For class i, with TP = c[i, i]: precision `TP / sum_j c[j, i]`, recall `TP / sum_j c[i, j]`,
    F1 `2 TP / (sum_j c[j, i] + sum_j c[i, j])`.

    Args:
        confusion: (K, K) counts; at [i, j] the rows of class i that were called j.

    Returns:
        The three shares of each class, 0 and a flag where one is 0/0.

    Raises:
        JaxnnError: if it is not a square of counts.

    >>> found = precision_recall([[4, 1, 0], [2, 3, 0], [0, 0, 0]])
    >>> found.precision.tolist(), found.recall.tolist(), found.undefined_recall.tolist()
    ([0.667, 0.75, 0.0], [0.8, 0.6, 0.0], [False, False, True])
    """
    table = _array("confusion", confusion)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.dtype.kind not in "iu" or (table < 0).any():
        fail("confusion", f"an array of {table.dtype}, shape {table.shape}", "counts of at least 0, shape (K, K)")
    right, called, rows = np.diag(table), table.sum(axis=0), table.sum(axis=1)
    precision, no_precision = _share(right, called)
    recall, no_recall = _share(right, rows)
    f1, no_f1 = _share(2 * right, called + rows)
    return PrecisionRecall(precision, recall, f1, no_precision, no_recall, no_f1)


def threshold_sweep(probability: Any, truth: Any, points: int | None = None) -> Sweep:
    """Return precision and recall at every threshold at which something changes.

    Args:
        probability: (rows,) of yes, from 0 to 1.
        truth: (rows,) Booleans or 0/1.
        points: keep at most so many thresholds, at least 3: the first, the last, 0.5 and some evenly between; None
            keeps all.

    Returns:
        The shares at the thresholds 0, 0.5 and every probability that occurs.

    Raises:
        JaxnnError: if there is no row, the lengths differ, or a number is out of its range.

    >>> sweep = threshold_sweep([0.1, 0.4, 0.5, 0.8], [0, 1, 0, 1])
    >>> for row in zip(sweep.thresholds, sweep.precision, sweep.recall): print("{:.1f} {:.2f} {:.2f}".format(*row))
    0.0 0.50 1.00
    0.1 0.67 1.00
    0.4 0.50 0.50
    0.5 1.00 0.50
    0.8 0.00 0.00
    """
    probability, yes = _binary(probability, truth)
    if points is not None:
        whole_number("points", points, 3)
    thresholds = np.unique(np.append(probability, [0.0, 0.5]))
    if points is not None and len(thresholds) > points:
        # Evenly by rank, which has detail where the rows are, and by value, which leaves no gap on a drawn axis.
        keep = _evenly(thresholds + np.linspace(0, 1, len(thresholds)), points - 1)
        thresholds = np.union1d(thresholds[keep], [0.5])
    called = len(probability) - np.searchsorted(np.sort(probability), thresholds, side="right")
    right = int(yes.sum()) - np.searchsorted(np.sort(probability[yes]), thresholds, side="right")
    total = np.full(len(thresholds), yes.sum())
    precision, no_precision = _share(right, called)
    recall, no_recall = _share(right, total)
    f1, _ = _share(2 * right, called + total)
    wrong = called - right + total - right
    return Sweep(
        thresholds, precision, recall, f1, accuracy=1 - wrong / len(probability), called=called.astype(np.int64),
        undefined_precision=no_precision, undefined_recall=no_recall,
    )  # fmt: skip


def roc_curve(probability: Any, truth: Any, points: int | None = None) -> Roc:
    """Return the receiver operating characteristic and the area under it.

    `area = (pairs of a yes and a no in which the yes has the larger probability + half of the ties) / pairs`, the
    Mann-Whitney statistic; it is of all rows, however few points are kept.

    Args:
        probability: (rows,) of yes, from 0 to 1.
        truth: (rows,) Booleans or 0/1, with at least one of each.
        points: keep at most so many points, at least 2: both ends and some evenly along the curve; None keeps all.

    Returns:
        The curve from (0, 0) to (1, 1).

    Raises:
        JaxnnError: if truth lacks yes or no, the lengths differ, or a number is out of its range.

    Reference: J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a ROC curve", Radiology 143, 1982.

    >>> roc = roc_curve([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
    >>> roc.false_positive_rate.tolist(), roc.true_positive_rate.tolist(), roc.area
    ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0], 0.875)
    """
    probability, yes = _binary(probability, truth)
    if points is not None:
        whole_number("points", points, 2)
    positives = int(yes.sum())
    negatives = len(yes) - positives
    if not positives or not negatives:
        fail("truth", f"{positives} rows of yes and {negatives} of no", "at least one of each")
    values, place = np.unique(probability, return_inverse=True)
    # Rows of yes and of no at each probability, the largest first: (values,).
    hits = np.bincount(place[yes], minlength=len(values))[::-1]
    misses = np.bincount(place[~yes], minlength=len(values))[::-1]
    true_positives, false_positives = np.append(0, np.cumsum(hits)), np.append(0, np.cumsum(misses))
    # The trapezoids in whole numbers: nothing is rounded before the division.
    twice = int((misses * (true_positives[1:] + true_positives[:-1])).sum())
    thresholds = np.append(values[::-1], -np.inf)
    true_rate, false_rate = true_positives / positives, false_positives / negatives
    if points is not None and len(thresholds) > points:
        keep = _evenly(true_rate + false_rate, points)
        thresholds, true_rate, false_rate = thresholds[keep], true_rate[keep], false_rate[keep]
    return Roc(thresholds, false_rate, true_rate, twice / (2 * positives * negatives))


def calibration(probability: Any, truth: Any, bins: int = 10) -> Calibration:
    """Return, for rows told about the same probability, the share that was yes.

    `ECE = sum_b n_b / n |observed_b - predicted_b|`.

    For many classes give the probability of the class chosen, and whether the choice was right.

    Args:
        probability: (rows,) of yes, from 0 to 1.
        truth: (rows,) Booleans or 0/1.
        bins: of equal width.

    Returns:
        Means and counts of each bin, and the expected calibration error.

    Raises:
        JaxnnError: if there is no row, the lengths differ, or a number is out of its range.

    Reference: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.

    >>> found = calibration([0.2, 0.3, 0.9, 0.7], [0, 1, 1, 1], bins=2)
    >>> found.predicted.tolist(), found.observed.tolist(), found.expected_calibration_error
    ([0.25, 0.8], [0.5, 1.0], 0.225)
    """
    probability, yes = _binary(probability, truth)
    bins = whole_number("bins", bins, 1)
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], probability)  # an edge belongs to the bin below it
    counts = np.bincount(place, minlength=bins)
    predicted_sum = np.bincount(place, probability, minlength=bins)
    observed_sum = np.bincount(place, yes, minlength=bins)
    missing = np.where(counts > 0, counts, np.nan)
    error = np.abs(observed_sum - predicted_sum).sum() / len(probability)
    return Calibration(edges, predicted_sum / missing, observed_sum / missing, counts.astype(np.int64), float(error))


def _share(part: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Part of whole, and where it is 0/0; a share is 0 there."""
    undefined = whole == 0
    return part / np.where(undefined, 1, whole), undefined


def _evenly(along: np.ndarray, points: int) -> np.ndarray:
    """At most so many indices of a strictly ascending array, with its ends, whose values are about evenly apart."""
    return np.unique(np.searchsorted(along, np.linspace(along[0], along[-1], points)))


def _binary(probability: Any, truth: Any) -> tuple[np.ndarray, np.ndarray]:
    """float64 (rows,) from 0 to 1, and bool (rows,)."""
    shares, yes = _array("probability", probability), _array("truth", truth)
    if shares.ndim != 1 or shares.dtype.kind not in "fiub" or not len(shares):
        fail("probability", f"an array of {shares.dtype}, shape {shares.shape}", "one number for each row, (rows,)")
    shares = shares.astype(np.float64)
    outside = ~((shares >= 0) & (shares <= 1))
    if outside.any():
        row = int(outside.argmax())
        fail(f"probability, row {row}", f"{shares[row]}", "a number from 0 to 1")
    if yes.shape != shares.shape:
        fail("truth", f"shape {yes.shape}", f"{shares.shape}, one for each probability")
    if yes.dtype.kind not in "fiub" or not ((yes == 0) | (yes == 1)).all():
        fail("truth", f"an array of {yes.dtype}", "Booleans, or 0 and 1")
    return shares, yes.astype(bool)


def _array(where: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:  # NumPy's "inhomogeneous shape"
        fail(where, "rows of different lengths", "one value for each row")


def _labels(where: str, values: Any) -> np.ndarray:
    labels = _array(where, values)
    if labels.dtype == object and len({type(value) for value in labels.ravel().tolist()}) == 1:
        labels = np.array(labels.tolist())  # text as pandas keeps it
    if labels.ndim != 1 or labels.dtype.kind not in "Ubiuf":
        fail(where, f"an array of {labels.dtype}, shape {labels.shape}", "text, Booleans or numbers, one a row")
    return labels


def _indices(where: str, values: Any, names: np.ndarray) -> np.ndarray:
    """Where each value stands among the names."""
    labels = _labels(where, values)
    if not len(labels):
        return np.zeros(0, np.int64)
    if (labels.dtype.kind == "U") != (names.dtype.kind == "U"):
        fail(where, f"an array of {labels.dtype}", f"classes such as {names[0]!r}")
    order = np.argsort(names)
    at = order[np.minimum(np.searchsorted(names, labels, sorter=order), len(names) - 1)]
    unknown = names[at] != labels
    if unknown.any():
        row = int(unknown.argmax())
        fail(f"{where}, row {row}", f"{labels[row].item()!r}"[:60], "one of the classes")
    return at
