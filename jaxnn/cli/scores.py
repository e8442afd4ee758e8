"""How good predictions are: the numbers that `train` and `evaluate` print, in float64 on the host."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.data import Preprocessing

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
        found = []
        for i, name in enumerate(self.classes):
            rows, called, worst = int(table[i].sum()), int(table[:, i].sum()), int(wrong[i].argmax())
            mistakes = int(wrong[i, worst])
            found.append(
                ClassRow(
                    name, rows, int(table[i, i]) / rows if rows else None, int(table[i, i]) / called if called else None,
                    self.classes[worst] if mistakes else None, mistakes,
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
            "cross_entropy": self.cross_entropy, "classes": each, "confusion": [list(row) for row in self.confusion],
        }  # fmt: skip


@dataclass(frozen=True)
class ValueScores:
    """How good predicted values are; the errors are in the target's own unit."""

    rows: int
    rmse: float
    mae: float
    rmse_of_mean: float
    """What always predicting the mean of the training rows would give."""
    r2: float | None
    """1 - squared errors / squared distances from the mean of these rows; None where those are all equal."""

    def to_json(self) -> dict[str, Any]:
        """Return what `metrics.json` has of it."""
        return {
            "rows": self.rows, "r2": self.r2, "rmse": self.rmse, "mae": self.mae, "rmse_of_mean": self.rmse_of_mean,
        }  # fmt: skip


Scores = ClassScores | ValueScores


def score(logits: np.ndarray, target: np.ndarray, preprocessing: Preprocessing) -> Scores:
    """Return how good a network's outputs are.

    Args:
        logits: (rows, classes), or (rows, 1) z-scored values.
        target: (rows,) the true classes or values, in their own unit.
        preprocessing: of the network.

    Returns:
        The scores.

    Raises:
        JaxnnError: if a class is unknown.
    """
    logits = np.asarray(logits, np.float64)
    if preprocessing.classes is None:
        return _of_values(preprocessing.decode_values(logits[:, 0]), np.asarray(target, np.float64), preprocessing)
    truth = preprocessing.encode_target(target)
    return _of_classes(logits, truth, preprocessing.classes)


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


def _of_classes(logits: np.ndarray, truth: np.ndarray, classes: tuple[Any, ...]) -> ClassScores:
    count = len(classes)
    called = logits.argmax(axis=1)  # (rows, classes) -> (rows,)
    confusion = np.bincount(truth * count + called, minlength=count * count).reshape(count, count)
    top = logits.max(axis=1)
    log_total = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    entropy = float((log_total - logits[np.arange(len(truth)), truth]).mean())
    return ClassScores(classes, tuple(tuple(row) for row in confusion.tolist()), entropy)


def _of_values(predicted: np.ndarray, target: np.ndarray, preprocessing: Preprocessing) -> ValueScores:
    # divided by the largest number first: errors of 1e200 can then be squared
    errors, own = predicted - target, target - target.mean()
    from_training = target - preprocessing.decode_values(0.0)
    spread = _root_mean_square(own)
    r2 = None if spread == 0 else 1 - (_root_mean_square(errors) / spread) ** 2
    return ValueScores(
        rows=len(target), rmse=_root_mean_square(errors), mae=float(np.abs(errors).mean()),
        rmse_of_mean=_root_mean_square(from_training), r2=r2,
    )  # fmt: skip


def _root_mean_square(values: np.ndarray) -> float:
    size = float(np.abs(values).max())
    return size * math.sqrt(float(np.square(values / size).mean())) if size else 0.0
