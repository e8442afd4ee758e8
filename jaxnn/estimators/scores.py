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
    """R^2 of what a regressor answers, which may be another function of the network's outputs.

    Args:
        answer: from outputs `(..., width)` to predictions `(..., targets)`.

    >>> said = Explained(jnp.exp).statistics(jnp.zeros((2, 1)), jnp.array([[1.0], [3.0]]))
    >>> print(said[:, 0])  # exp(0) is 1: squared errors
    [0. 4.]
    """

    answer: Callable[[Array], Array]
    name: ClassVar[str] = "r_squared"
    higher_is_better: ClassVar[bool] = True

    def statistics(self, outputs: Array, targets: Array) -> Array:
        """Return squared differences, targets and squared targets, `(..., 3 K)`."""
        return metrics.RSquared().statistics(self.answer(outputs), targets)

    def value(self, means: Array) -> Any:
        """Return R^2 from the means (3 K,)."""
        return metrics.RSquared().value(means)
