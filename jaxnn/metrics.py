"""Metrics that a compiled run can take along: each is a function of the weighted means of per-example statistics."""

from typing import Any, ClassVar, Protocol

import jax.numpy as jnp

from jaxnn.checks import fail, number_in, one_of
from jaxnn.config import config
from jaxnn.pytypes import Array
from jaxnn.shapes import class_targets, paired_targets, summable_array


class Metric(Protocol):
    """What every metric is: `value` of the weighted means of `statistics`, so that batches and masks add up.

    `name` is what histories and commands call it; `higher_is_better` tells a search which way to look.
    """

    name: ClassVar[str]
    higher_is_better: ClassVar[bool]

    def statistics(self, outputs: Any, targets: Any, /) -> Array:
        """Return what is to be averaged, (..., k) for examples (...)."""
        ...

    def value(self, means: Array, /) -> Array:
        """Return the metric, a scalar, from the weighted means (k,)."""
        ...

    def __call__(self, outputs: Any, targets: Any, weight: Any = None, /) -> Array:
        """Return the metric of all examples together, a scalar; weight is (...) or None."""
        ...


@config
class Accuracy:
    """The share of examples whose class is right.

    Args:
        threshold: with one output, class 1 is what lies strictly above it: 0 for logits, 0.5 for probabilities.

    Args (of the call):
        outputs: (..., classes), where the largest is the answer (the first of equals); or (..., 1).
        targets: integer labels, one-hot or soft rows; with one output 0/1 or probabilities (a yes is above 0.5).
        weight: (...), or None for all 1.

    Returns:
        A scalar from 0 to 1.

    Raises:
        JaxnnError: if the shapes or dtypes do not fit.

    >>> Accuracy()([[0.1, 0.9], [0.8, 0.2]], [1, 1])
    Array(0.5, dtype=float32)
    """

    threshold: float = 0.0
    name: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True

    def __post_init__(self) -> None:
        threshold = number_in("Accuracy.threshold", self.threshold, float("-inf"), float("inf"))
        object.__setattr__(self, "threshold", threshold)

    def statistics(self, outputs: Any, targets: Any) -> Array:
        """Return 1 for right and 0 for wrong, (..., 1)."""
        y = summable_array("accuracy", outputs)
        if y.shape[-1:] == (1,):
            return _agreement(*paired_targets("accuracy", y, targets), self.threshold)
        y, t = class_targets("accuracy", y, targets)
        answers = jnp.argmax(y, axis=-1)  # (...)
        labels = t if t.ndim < y.ndim else jnp.argmax(t, axis=-1)
        # argmax finds a "largest" among NaN too; a network that answers NaN is not right by chance.
        right = (answers == labels.astype(answers.dtype)) & ~jnp.any(jnp.isnan(y), axis=-1)
        return right.astype(y.dtype)[..., None]

    def value(self, means: Array) -> Array:
        """Return the accuracy from the means (1,)."""
        return means[0]

    def __call__(self, outputs: Any, targets: Any, weight: Any = None) -> Array:
        """Return the accuracy of all examples together."""
        return self.value(_weighted_means(self.statistics(outputs, targets), weight))


@config
class MultilabelAccuracy:
    """The share of yes-or-no labels that are right, over all labels of all examples (1 minus the Hamming loss).

    Args:
        threshold: a yes is what lies strictly above it: 0 for logits, 0.5 for probabilities.

    Args (of the call):
        outputs: (..., labels).
        targets: (..., labels), a yes is above 0.5.
        weight: (...), or None for all 1.

    Returns:
        A scalar from 0 to 1.

    Raises:
        JaxnnError: if the shapes do not fit.

    >>> MultilabelAccuracy()([[2.0, -1.0, 3.0, 4.0]], [[1, 0, 0, 1]])
    Array(0.75, dtype=float32)
    """

    threshold: float = 0.0
    name: ClassVar[str] = "multilabel_accuracy"
    higher_is_better: ClassVar[bool] = True

    def __post_init__(self) -> None:
        threshold = number_in("MultilabelAccuracy.threshold", self.threshold, float("-inf"), float("inf"))
        object.__setattr__(self, "threshold", threshold)

    def statistics(self, outputs: Any, targets: Any) -> Array:
        """Return the share of right labels, (..., 1)."""
        y, t = paired_targets("multilabel_accuracy", outputs, targets)
        return jnp.mean(_agreement(y, t, self.threshold), axis=-1, keepdims=True)

    def value(self, means: Array) -> Array:
        """Return the accuracy from the means (1,)."""
        return means[0]

    def __call__(self, outputs: Any, targets: Any, weight: Any = None) -> Array:
        """Return the accuracy of all examples together."""
        return self.value(_weighted_means(self.statistics(outputs, targets), weight))


@config
class MeanSquaredError:
    """The mean squared difference over examples and outputs.

    mse = mean (y - t)^2.

    Args (of the call):
        outputs: (..., K).
        targets: (..., K), or (...,) where K is 1.
        weight: (...), or None for all 1.

    Returns:
        A scalar, in the squared unit of the target.

    Raises:
        JaxnnError: if the shapes do not fit.

    >>> MeanSquaredError()([[1.0], [4.0]], [1.5, 2.0])
    Array(2.125, dtype=float32)
    """

    name: ClassVar[str] = "mse"
    higher_is_better: ClassVar[bool] = False

    def statistics(self, outputs: Any, targets: Any) -> Array:
        """Return the mean squared difference over the outputs, (..., 1)."""
        return _mean_square("mse", outputs, targets)

    def value(self, means: Array) -> Array:
        """Return the error from the means (1,)."""
        return means[0]

    def __call__(self, outputs: Any, targets: Any, weight: Any = None) -> Array:
        """Return the error of all examples together."""
        return self.value(_weighted_means(self.statistics(outputs, targets), weight))


@config
class RootMeanSquaredError:
    """The square root of the mean squared difference.

    rmse = sqrt(mean (y - t)^2).

    Args (of the call):
        outputs: (..., K).
        targets: (..., K), or (...,) where K is 1.
        weight: (...), or None for all 1.

    Returns:
        A scalar, in the unit of the target.

    Raises:
        JaxnnError: if the shapes do not fit.

    >>> f"{RootMeanSquaredError()([[3.0], [4.0]], [0.0, 0.0]):.4f}"
    '3.5355'
    """

    name: ClassVar[str] = "rmse"
    higher_is_better: ClassVar[bool] = False

    def statistics(self, outputs: Any, targets: Any) -> Array:
        """Return the mean squared difference over the outputs, (..., 1)."""
        return _mean_square("rmse", outputs, targets)

    def value(self, means: Array) -> Array:
        """Return the error from the means (1,)."""
        return jnp.sqrt(means[0])

    def __call__(self, outputs: Any, targets: Any, weight: Any = None) -> Array:
        """Return the error of all examples together."""
        return self.value(_weighted_means(self.statistics(outputs, targets), weight))


@config
class MeanAbsoluteError:
    """The mean absolute difference over examples and outputs.

    mae = mean |y - t|.

    Args (of the call):
        outputs: (..., K).
        targets: (..., K), or (...,) where K is 1.
        weight: (...), or None for all 1.

    Returns:
        A scalar, in the unit of the target.

    Raises:
        JaxnnError: if the shapes do not fit.

    >>> MeanAbsoluteError()([[1.0], [4.0]], [1.5, 2.0])
    Array(1.25, dtype=float32)
    """

    name: ClassVar[str] = "mae"
    higher_is_better: ClassVar[bool] = False

    def statistics(self, outputs: Any, targets: Any) -> Array:
        """Return the mean absolute difference over the outputs, (..., 1)."""
        y, t = paired_targets("mae", outputs, targets)
        return jnp.mean(jnp.abs(y - t), axis=-1, keepdims=True)

    def value(self, means: Array) -> Array:
        """Return the error from the means (1,)."""
        return means[0]

    def __call__(self, outputs: Any, targets: Any, weight: Any = None) -> Array:
        """Return the error of all examples together."""
        return self.value(_weighted_means(self.statistics(outputs, targets), weight))


@config
class RSquared:
    """The share of the targets' variance that the outputs explain.

    R^2 = 1 - mean (y - t)^2 / variance of t, averaged over the outputs: 1 is perfect, 0 is as good as the mean.

    The variance is mean t^2 - (mean t)^2, which loses digits where the mean is far larger than the spread: where
    nothing is left of it (at float32, a spread below 1/1000 of the mean), and for constant targets, where R^2 is not
    defined, the value is NaN. Standardised targets have no such trouble.

    Args (of the call):
        outputs: (..., K).
        targets: (..., K), or (...,) where K is 1.
        weight: (...), or None for all 1.

    Returns:
        A scalar of at most 1.

    Raises:
        JaxnnError: if the shapes do not fit.

    >>> f"{RSquared()([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0]):.4f}"
    '0.5000'
    """

    name: ClassVar[str] = "r_squared"
    higher_is_better: ClassVar[bool] = True

    def statistics(self, outputs: Any, targets: Any) -> Array:
        """Return squared differences, targets and squared targets, (..., 3 K)."""
        y, t = paired_targets("r_squared", outputs, targets)
        return jnp.concatenate([jnp.square(y - t), t, jnp.square(t)], axis=-1)

    def value(self, means: Array) -> Array:
        """Return R^2 from the means (3 K,)."""
        error, mean, square = means.reshape(3, -1)  # (K,) each
        variance = square - jnp.square(mean)
        known = variance > 8 * jnp.finfo(means.dtype).eps * square
        return jnp.mean(jnp.where(known, 1 - error / jnp.where(known, variance, 1), jnp.nan))

    def __call__(self, outputs: Any, targets: Any, weight: Any = None) -> Array:
        """Return R^2 of all examples together."""
        return self.value(_weighted_means(self.statistics(outputs, targets), weight))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Accuracy(),
        MultilabelAccuracy(),
        MeanSquaredError(),
        RootMeanSquaredError(),
        MeanAbsoluteError(),
        RSquared(),
    )
}
"""Every metric with its default settings, by the name that files and commands use."""


def by_name(name: str) -> Metric:
    """Return the metric of a name.

    Args:
        name: a key of `METRICS`.

    Returns:
        The instance.

    Raises:
        JaxnnError: with the list of names and the nearest.

    >>> by_name("accuracy")
    Accuracy()
    """
    return METRICS[one_of("metric", name, METRICS)]


def sum_squared_error(outputs: Any, targets: Any, weight: Any = None) -> Array:
    """Return the sum of squared differences over examples and outputs: a total, so no `Metric` of a run.

    SSE = sum (y - t)^2.

    Args:
        outputs: (..., K).
        targets: (..., K), or (...,) where K is 1.
        weight: (...), or None for all 1.

    Returns:
        A scalar, in the squared unit of the target.

    Raises:
        JaxnnError: if the shapes do not fit.

    >>> sum_squared_error([[1.0], [4.0]], [1.5, 2.0])
    Array(4.25, dtype=float32)
    """
    y, t = paired_targets("sum_squared_error", outputs, targets)
    each = jnp.sum(jnp.square(y - t), axis=-1)  # (...)
    return jnp.sum(each if weight is None else each * _checked_weight(weight, each.shape, each.dtype))


def _agreement(outputs: Array, targets: Array, threshold: float) -> Array:
    """1 where output and target fall on the same side, 0 where not or where the output is NaN."""
    right = ((outputs > threshold) == (targets > 0.5)) & ~jnp.isnan(outputs)
    return right.astype(outputs.dtype)


def _mean_square(where: str, outputs: Any, targets: Any) -> Array:
    y, t = paired_targets(where, outputs, targets)
    return jnp.mean(jnp.square(y - t), axis=-1, keepdims=True)  # (..., 1)


def _weighted_means(statistics: Array, weight: Any) -> Array:
    """(..., k) to (k,); NaN where all weight is 0."""
    rows = statistics.reshape(-1, statistics.shape[-1])  # (examples, k)
    if weight is None:
        return jnp.mean(rows, axis=0)
    w = _checked_weight(weight, statistics.shape[:-1], rows.dtype).reshape(-1, 1)  # (examples, 1)
    # A padded row may hold NaN: 0 times NaN is NaN, so it is left out by where.
    return jnp.sum(jnp.where(w == 0, 0, w * rows), axis=0) / jnp.sum(w)


def _checked_weight(weight: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    w = summable_array("weight", weight)
    if w.shape != shape:
        fail("weight", f"shape {w.shape}", f"one weight for each example, shape {shape}")
    return w.astype(dtype)
