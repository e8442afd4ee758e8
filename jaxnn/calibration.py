"""Whether probabilities of classes mean what they say, and the one number that makes them."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.config import config
from jaxnn.pytypes import Array
from jaxnn.shapes import summable_array

STRATEGIES = ("uniform", "quantile")
"""Bins of equal width, or of equally many rows."""


@dataclass(frozen=True, eq=False, repr=False)
class Reliability:
    """How sure answers were and how often they were right, bin by bin; `reliability` makes it.

    >>> found = reliability([0.2, 0.3, 0.9, 0.7], [0, 1, 1, 1], bins=2)
    >>> found.confidence.tolist(), found.accuracy.tolist(), found.count.tolist()
    ([0.25, 0.8], [0.5, 1.0], [2, 2])
    """

    edges: np.ndarray
    """float64 (bins + 1,): a bin holds what is above its lower and at most its upper edge, the first one its lower."""
    confidence: np.ndarray
    """float64 (bins,): mean probability of the rows in the bin; NaN where there are none."""
    accuracy: np.ndarray
    """float64 (bins,): the share of them that was right; NaN where there are none."""
    count: np.ndarray
    """int64 (bins,): how many rows."""

    @property
    def rows(self) -> int:
        """How many rows were judged."""
        return int(self.count.sum())

    @property
    def expected_calibration_error(self) -> float:
        """The mean distance of accuracy and confidence over all rows: sum_b n_b / n |accuracy_b - confidence_b|."""
        filled = self.count > 0
        return float((self.count * self._distance)[filled].sum() / self.rows)

    @property
    def maximum_calibration_error(self) -> float:
        """The largest distance of accuracy and confidence: max_b |accuracy_b - confidence_b|."""
        return float(self._distance[self.count > 0].max())

    @property
    def _distance(self) -> np.ndarray:
        return np.abs(self.accuracy - self.confidence)

    def __repr__(self) -> str:
        return (
            f"Reliability({len(self.count)} bins, {self.rows:,} rows, "
            f"expected_calibration_error={self.expected_calibration_error:.4g}, "
            f"maximum_calibration_error={self.maximum_calibration_error:.4g})"
        )


@config
class Temperature:
    """What divides logits so that the probabilities of them mean what they say; `fit_temperature` finds it.

    `p = softmax(z / T)`, of one logit `sigmoid(z / T)`. The most probable class stays the same.

    Args:
        value: T, above 0: above 1 for a network that was too sure of itself, below 1 for one that was not enough.

    Args (of the call):
        logits: (..., classes) with at least two axes; or the logit of yes, (n,) or (..., 1).

    Returns:
        Probabilities in the shape of the logits.

    Raises:
        JaxnnError: if the value is not above 0, or there is no axis.

    >>> Temperature(2.0)([[2.0, 0.0], [0.0, 6.0]]).round(3).tolist()
    [[0.731..., 0.269...], [0.047..., 0.953...]]
    """

    value: float

    def __post_init__(self) -> None:
        inf = float("inf")
        value = number_in("Temperature.value", self.value, 0, inf, open_low=True, open_high=True)
        object.__setattr__(self, "value", value)

    def __call__(self, logits: Any) -> Array:
        """Return calibrated probabilities."""
        z = summable_array("logits", logits) / self.value
        if z.ndim == 0:
            fail("logits", "a single number", "one row for each example: (n, classes), or (n,) for one logit")
        return jax.nn.sigmoid(z) if z.ndim == 1 or z.shape[-1] == 1 else jax.nn.softmax(z, axis=-1)


def reliability(probabilities: Any, targets: Any, bins: int = 15, strategy: str = "uniform") -> Reliability:
    """Return, for answers given with about the same confidence, how many of them were right.

    Of several classes the confidence of a row is the probability of its most probable class, and it is right where
    that is its class. Of the probability of yes, the confidence is that probability, and it is right where it is yes.

    Args:
        probabilities: (n, classes) rows that sum to 1; or of yes, (n,) or (n, 1).
        targets: (n,) whole-number labels from 0; 0 and 1 for the probability of yes.
        bins: how many.
        strategy: "uniform" for bins of equal width from 0 to 1, "quantile" for bins of equally many rows.

    Returns:
        Confidence, accuracy and count of each bin, with the expected and the maximum calibration error.

    Raises:
        JaxnnError: if there is no row, the lengths differ, a label is out of range or a row is no distribution.

    Reference: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.

    >>> reliability([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]], [0, 1, 0, 1], bins=5)
    Reliability(5 bins, 4 rows, expected_calibration_error=0.3, maximum_calibration_error=0.6)
    """
    p, labels = _probabilities(probabilities, targets)
    bins = whole_number("bins", bins, 1)
    shares = np.linspace(0, 1, bins + 1)
    sure, right = (p, labels) if p.ndim == 1 else (p.max(axis=1), p.argmax(axis=1) == labels)  # (n,) each
    edges = shares if one_of("strategy", strategy, STRATEGIES) == "uniform" else np.quantile(sure, shares)
    place = np.searchsorted(edges[1:-1], sure)  # an edge belongs to the bin below it
    count = np.bincount(place, minlength=bins)
    known = np.where(count > 0, count, np.nan)
    return Reliability(
        edges,
        confidence=np.bincount(place, sure, minlength=bins) / known,
        accuracy=np.bincount(place, right, minlength=bins) / known,
        count=count.astype(np.int64),
    )


def brier_score(probabilities: Any, targets: Any) -> float:
    """Return the mean squared distance between probabilities and what was the case.

    `mean_i sum_k (p_ik - [t_i = k])^2`, from 0 to 2; of the probability of yes `mean_i (p_i - t_i)^2`, from 0 to 1,
    which is half of what the same rows give as two classes.

    Args:
        probabilities: (n, classes) rows that sum to 1; or of yes, (n,) or (n, 1).
        targets: (n,) whole-number labels from 0; 0 and 1 for the probability of yes.

    Returns:
        The score; lower is better.

    Raises:
        JaxnnError: if there is no row, the lengths differ, a label is out of range or a row is no distribution.

    Reference: G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78,
    1950.

    >>> brier_score([0.9, 0.2], [1, 0]), brier_score([[0.1, 0.9], [0.8, 0.2]], [1, 0])
    (0.025, 0.05)
    """
    p, labels = _probabilities(probabilities, targets)
    if p.ndim == 1:
        return float(np.square(p - labels).mean())
    p[np.arange(len(p)), labels] -= 1
    return float(np.square(p).sum(axis=1).mean())


def fit_temperature(logits: Any, targets: Any) -> Temperature:
    """Return the temperature with the lowest cross-entropy on rows that were not trained on.

    `T = argmin mean_i -log softmax(z_i / T)[t_i]`, of one logit with `sigmoid(z_i / T)` for yes. The cross-entropy is
    convex in 1 / T, so that there is one; it changes no answer and no accuracy.

    Args:
        logits: (n, classes); or of yes, (n,) or (n, 1). They are finite.
        targets: (n,) whole-number labels from 0; 0 and 1 for the logit of yes.

    Returns:
        The temperature; a call of it with logits returns calibrated probabilities.

    Raises:
        JaxnnError: if there is no row, the lengths differ, a number is not finite, a label is out of range, all rows
            are of one class, or there is no best temperature: without a mistake it is the lower the better, and the
            higher the better where the true class has no more than the average of the logits.

    Reference: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.

    Rows with the margin log 3 that are right three times in four are as sure as they should be:

    >>> import numpy as np
    >>> temperature = fit_temperature(np.log([[3.0, 1], [3, 1], [3, 1], [1, 3]]) * 5, [0, 0, 1, 1])
    >>> round(temperature.value, 6), temperature([[5 * np.log(3), 0.0]]).round(3).tolist()
    (5.0, [[0.75, 0.25]])
    """
    z = _rows("logits", logits)
    if not np.isfinite(z).all():
        row = int((~np.isfinite(z.reshape(len(z), -1)).all(axis=1)).argmax())
        fail(f"logits, row {row}", f"{z[row]}"[:60], "finite numbers")
    labels = _labels(targets, z)
    if (labels == labels[0]).all():
        fail("targets", f"{len(labels):,} rows, all of class {labels[0]}", "rows of at least two classes")
    if z.ndim == 1:
        z = np.stack([np.zeros_like(z), z], axis=1)  # sigmoid(z) = softmax(0, z): (n, 2)
    size = np.abs(z).max() or 1.0
    return Temperature(size / _best_inverse(z / size, labels))


def _best_inverse(z: np.ndarray, labels: np.ndarray) -> float:
    """The zero of the rising slope of the cross-entropy in 1 / T: Newton's steps, halving what they would leave."""
    truth = z[np.arange(len(z)), labels]  # (n,)
    ahead = float((truth - z.mean(axis=1)).mean())  # the slope at 1 / T = 0 is minus this
    if ahead < 1e-12:
        given = f"{len(z):,} rows whose true class has {ahead:.3g} of the largest logit over the mean of its row"
        fail("logits", given, "more than 0", "Train further: the best temperature is infinite, which is guessing")
    if (z.max(axis=1) <= truth).all():  # the slope stays below 0 for ever
        given = f"{len(z):,} rows without a mistake"
        fail("logits", given, "at least one: else the best temperature is 0", "Hold out more rows, or keep T = 1")
    low, high = 0.0, 1.0
    while high < 1e18 and _slope(high, z, truth)[0] < 0:
        low, high = high, 2 * high
    inverse = (low + high) / 2
    for _ in range(100):
        first, second = _slope(inverse, z, truth)
        low, high = (inverse, high) if first < 0 else (low, inverse)
        newton = inverse - first / second if second > 0 else low
        if abs(newton - inverse) <= 1e-12 * inverse:
            break
        inverse = newton if low < newton < high else (low + high) / 2
    return inverse


def _slope(inverse: float, z: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """First and second derivative of the mean cross-entropy in 1 / T: mean of E z - z_t, mean of Var z."""
    scaled = inverse * z
    p = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    expected = (p * z).sum(axis=1)  # (n,)
    variance = (p * np.square(z - expected[:, None])).sum(axis=1)
    return float((expected - truth).mean()), float(variance.mean())


def _probabilities(probabilities: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    """float64 (n, classes) or (n,) from 0 to 1, and int64 (n,)."""
    p = _rows("probabilities", probabilities)
    table = p.reshape(len(p), -1)
    outside = ~((table >= 0) & (table <= 1)).all(axis=1)
    # rows of bfloat16 sum to 1 within 0.4 % for each class
    outside |= (np.abs(table.sum(axis=1) - 1) > 0.02) if p.ndim == 2 else False
    if outside.any():
        row = int(outside.argmax())
        needed = "numbers from 0 to 1" + (" that sum to 1" if p.ndim == 2 else "")
        do = "Of logits take the softmax, of one logit the sigmoid: Temperature(1.0)(logits)"
        fail(f"probabilities, row {row}", f"{p[row]}"[:60], needed, do)
    return p, _labels(targets, p)


def _rows(where: str, values: Any) -> np.ndarray:
    """float64 (n, classes), or (n,) where there is one number a row; a copy."""
    held = _array(where, values, "(n, classes), or (n,) for the one of yes")
    real = held.dtype.kind in "iub" or jnp.issubdtype(held.dtype, jnp.floating)  # bfloat16 too
    if held.ndim not in (1, 2) or not real or not held.size:
        needed = "at least one row of real numbers, (n, classes), or (n,) for the one of yes"
        fail(where, f"an array of {held.dtype}, shape {held.shape}", needed)
    given = held.astype(np.float64)
    return given[:, 0] if given.shape[1:] == (1,) else given


def _labels(targets: Any, rows: np.ndarray) -> np.ndarray:
    """int64 (n,) from 0 to classes - 1."""
    classes = 2 if rows.ndim == 1 else rows.shape[1]
    needed = f"whole-number labels from 0 to {classes - 1}, shape ({len(rows)},)"
    labels = _array("targets", targets, needed)
    if labels.shape != (len(rows),) or labels.dtype.kind not in "iubf":
        fail("targets", f"an array of {labels.dtype}, shape {labels.shape}", needed)
    outside = ~((labels >= 0) & (labels < classes) & (labels == np.floor(labels)))
    if outside.any():
        row = int(outside.argmax())
        fail(f"targets, row {row}", f"{labels[row]}", needed)
    return labels.astype(np.int64)


def _array(where: str, values: Any, needed: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:  # NumPy's "inhomogeneous shape"
        fail(where, "rows of different lengths", needed)
