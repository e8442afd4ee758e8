"""Layers that only change the shape of an example."""

import math

from jaxnn.checks import fail, whole_number
from jaxnn.config import config
from jaxnn.pytypes import Array, Example, Key, Params, State


@config
class Flatten:
    """The last axes joined into one axis of features.

    Args:
        rank: how many axes one example has: 3 for `(height, width, channels)`, 2 for grey images `(height, width)`.

    Input `(..., a, b, c)` for rank 3, output `(..., a * b * c)`; dtype kept.

    Raises:
        JaxnnError: if `rank` is not a whole number of at least 1, or an input has fewer axes.

    >>> import jax.numpy as jnp
    >>> Flatten(2).apply({}, {}, jnp.zeros((5, 8, 8)))[0].shape
    (5, 64)
    """

    rank: int
    step = None

    def __post_init__(self) -> None:
        whole_number("Flatten.rank", self.rank, 1)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Return no parameters and no state."""
        return {}, {}

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return `x` with its last `rank` axes joined, and the unchanged state."""
        if x.ndim < self.rank:
            fail(
                repr(self), f"an input of shape {x.shape}", f"at least {self.rank} axes", "Give the rank of one example"
            )
        lead = x.ndim - self.rank
        return x.reshape((*x.shape[:lead], math.prod(x.shape[lead:]))), state  # (..., a, b) -> (..., a * b)
