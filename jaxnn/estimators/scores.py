"""What scikit-learn's `score` says, measured inside the program on the validation data."""

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp

from jaxnn import metrics
from jaxnn.config import config
from jaxnn.pytypes import Array


@config
class ExactMatch:
    """The share of examples whose yes-or-no labels are all right: scikit-learn's accuracy of several labels.

    >>> ExactMatch().statistics(jnp.array([[1.0, -1.0], [1.0, 1.0]]), jnp.array([[1.0, 0.0], [1.0, 0.0]])).ravel()
    Array([1., 0.], dtype=float32)
    """

    name: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True

    def statistics(self, outputs: Array, targets: Array) -> Array:
        """Return 1 for right and 0 for wrong, `(..., 1)`."""
        right = (outputs > 0) == (targets > 0.5)
        return jnp.all(right, axis=-1, keepdims=True).astype(outputs.dtype)

    def value(self, means: Array) -> Array:
        """Return the accuracy from the means (1,)."""
        return means[0]


@config
class Explained:
    """R^2 as scikit-learn's `r2_score` has it: of a column that is constant 1 where it is met exactly, else 0.

    Args:
        answer: from values `(..., width)` to predictions `(..., targets)`.

    >>> score = Explained(lambda values: values)
    >>> y, t = jnp.array([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]]), jnp.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    >>> print(score.value(score.statistics(y, t).mean(axis=0)))  # (0.5 + 1) / 2
    0.75
    """

    answer: Callable[[Array], Array]
    name: ClassVar[str] = "r_squared"
    higher_is_better: ClassVar[bool] = True

    def statistics(self, outputs: Array, targets: Array) -> Array:
        """Return squared differences, targets and squared targets, `(..., 3 K)`."""
        return metrics.RSquared().statistics(self.answer(outputs), targets)

    def value(self, means: Array) -> Any:
        """Return R^2 from the means (3 K,)."""
        error, mean, square = means.reshape(3, -1)  # (K,) each
        variance = square - jnp.square(mean)
        known = variance > 8 * jnp.finfo(means.dtype).eps * square
        explained = 1 - error / jnp.where(known, variance, 1)
        constant = jnp.where(jnp.isnan(error), jnp.nan, jnp.where(error == 0, 1.0, 0.0).astype(means.dtype))
        return jnp.mean(jnp.where(known, explained, constant))
