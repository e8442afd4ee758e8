"""How good predictions are: the numbers that `train` and `evaluate` print, in float64 on the host."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.curves import confusion_matrix, precision_recall

NORMAL_95 = 1.959963984540054
"""The normal distribution has 95 % of its mass within this many standard deviations."""


@dataclass(frozen=True)
class ClassRow:
    """How one class fared."""

    name: str | int | bool
    rows: int
    recall: float | None
    """Share of its rows that were recognised; None without rows."""
    precision: float | None
    """Share of the rows called so that are of it; None where none was."""
    taken_for: str | int | bool | None
    """The class that its rows were most often mistaken for; None without a mistake."""
    mistakes: int
    """How often that was."""


@dataclass(frozen=True)
class ClassScores:
    """How good predicted classes are.

    Args:
        classes: in the order of the network's outputs.
        confusion: rows of the true class i that were called j, at [i][j].
        cross_entropy: the mean of -log p(true class).
    """

    classes: tuple[str | int | bool, ...]
    confusion: tuple[tuple[int, ...], ...]
    cross_entropy: float

    @property
    def rows(self) -> int:
        """How many rows were judged."""
        return sum(map(sum, self.confusion))

    @property
    def correct(self) -> int:
        """How many of them were right."""
        return sum(row[i] for i, row in enumerate(self.confusion))

    @property
    def accuracy(self) -> float:
        """The share of rows that were right."""
        return self.correct / self.rows

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy on rows of the same kind (E. B. Wilson, JASA 1927)."""
        return wilson(self.correct, self.rows)

    def by_class(self) -> list[ClassRow]:
        """Return how each class fared, in the order of the classes."""
        table = np.array(self.confusion)
        wrong = table - np.diag(np.diag(table))
        shares = precision_recall(table)
        found = []
        for i, name in enumerate(self.classes):
            worst = int(wrong[i].argmax())
            mistakes = int(wrong[i, worst])
            found.append(
                ClassRow(
                    name, int(table[i].sum()),
                    recall=None if shares.undefined_recall[i] else float(shares.recall[i]),
                    precision=None if shares.undefined_precision[i] else float(shares.precision[i]),
                    taken_for=self.classes[worst] if mistakes else None, mistakes=mistakes,
                )
            )  # fmt: skip
        return found

    def to_json(self) -> dict[str, Any]:
        """Return what `metrics.json` has of it."""
        each = [
            {"class": row.name, "rows": row.rows, "recall": row.recall, "precision": row.precision}
            for row in self.by_class()
        ]
        return {
            "rows": self.rows, "correct": self.correct, "accuracy": self.accuracy, "interval_95": list(self.interval),
            "cross_entropy": _finite(self.cross_entropy), "classes": each,
            "confusion": [list(row) for row in self.confusion],
        }  # fmt: skip


@dataclass(frozen=True)
class ValueScores:
    """How good predicted values are; the errors are in the target's own unit."""

    rows: int
    rmse: float
    mae: float
    rmse_of_mean: float | None
    """What always predicting the mean of the training rows would give; None where that is unknown."""
    r2: float | None
    """1 - squared errors / squared distances from the mean of these rows; None where those are all equal."""

    def to_json(self) -> dict[str, Any]:
        """Return what `metrics.json` has of it."""
        return {
            "rows": self.rows, "r2": _finite(self.r2), "rmse": _finite(self.rmse), "mae": _finite(self.mae),
            "rmse_of_mean": _finite(self.rmse_of_mean),
        }  # fmt: skip


Scores = ClassScores | ValueScores


def class_scores(logits: np.ndarray, truth: np.ndarray, classes: tuple[str | int | bool, ...]) -> ClassScores:
    """Return how good a network's choice among classes is: the class of the largest output, the first of equals.

    Args:
        logits: (rows, classes), such as the network's outputs; only differences within a row matter.
        truth: int (rows,) the index of the true class of each.
        classes: their names.

    Returns:
        The scores.

    >>> scores = class_scores(np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 1.0]]), np.array([0, 1, 1]), ("no", "yes"))
    >>> scores.accuracy, scores.confusion, scores.by_class()[1].taken_for
    (0.667, ((1, 0), (1, 1)), 'no')
    """
    logits = np.asarray(logits, np.float64)
    called = logits.argmax(axis=1)  # (rows, classes) -> (rows,)
    confusion = confusion_matrix(truth, called, range(len(classes)))
    with np.errstate(over="ignore", invalid="ignore"):  # the last weights of a run that diverged
        above = logits - logits.max(axis=1, keepdims=True)
        log_share = above[np.arange(len(truth)), truth] - np.log(np.exp(above).sum(axis=1))
    return ClassScores(classes, tuple(tuple(row) for row in confusion.tolist()), float(-log_share.mean()))


def value_scores(predicted: np.ndarray, target: np.ndarray, training_mean: float | None) -> ValueScores:
    """Return how good predicted values are.

    Args:
        predicted, target: (rows,) in the target's own unit.
        training_mean: of the target over the rows that were trained on; None if unknown.

    Returns:
        The scores.

    >>> value_scores(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 5.0]), 2.0)
    ValueScores(rows=3, rmse=1.155, mae=0.667, rmse_of_mean=1.826, r2=0.538)
    """
    predicted, target = np.asarray(predicted, np.float64), np.asarray(target, np.float64)
    error, spread = _root_mean_square(predicted - target), _root_mean_square(target - target.mean())
    return ValueScores(
        rows=len(target), rmse=error, mae=float(np.abs(predicted - target).mean()),
        rmse_of_mean=None if training_mean is None else _root_mean_square(target - training_mean),
        r2=None if spread == 0 else 1 - (error / spread) ** 2,
    )  # fmt: skip


def wilson(correct: int, rows: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval for a share.

    `(p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)`

    Args:
        correct: successes.
        rows: n, at least 1.

    Returns:
        Low and high end, within 0 and 1.

    Reference: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.

    >>> wilson(9, 10)
    (0.596, 0.982)
    """
    share, z = correct / rows, NORMAL_95
    centre = share + z**2 / (2 * rows)
    spread = z * math.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    scale = 1 + z**2 / rows
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def _root_mean_square(values: np.ndarray) -> float:
    size = float(np.abs(values).max())  # numbers of 1e200 divided by it can be squared
    return size * math.sqrt(float(np.square(values / size).mean())) if 0 < size < math.inf else size


def _finite(value: float | None) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if value is not None and math.isfinite(value) else None
