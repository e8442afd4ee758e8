"""One row of the table of cases."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Case:
    """One layer and one example's shape; where Flax and PyTorch have the layer, how they compute it."""

    name: str
    layer: Any
    shape: tuple[int, ...]
    integer: bool = False
    """Whether the example holds whole numbers."""
    low: int = -3
    high: int = 4
    """Of the whole numbers: from `low` to `high - 1`."""
    time: bool = False
    """Whether the first axis of the example is time: then masks of lengths and `step` are tried too."""
    flax: Callable[[Any, Any, Any], Any] | None = None
    """(params, state, x) -> y by Flax Linen with the same weights."""
    torch: Callable[[Any, Any, Any], Any] | None = None
    """(params, state, x) -> y by PyTorch with the same weights; all three as tensors."""

    formula: Callable[[Any, Any, Any], Any] | None = None
    """(params, state, x) -> y with `train=False` as one writes it by hand in JAX: its operations and bytes are ours."""

    def example(self, dtype: Any = jnp.float32) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(self.shape, jnp.int32 if self.integer else dtype)

    def batch(self, key: Any, *lead: int, dtype: Any = jnp.float32) -> jax.Array:
        """Generic points, drawn by NumPy (which compiles nothing): no activation of the table has a kink at one."""
        random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        shape = (*lead, *self.shape)
        drawn = random.integers(self.low, self.high, shape, np.int32) if self.integer else random.normal(size=shape)
        return jnp.asarray(drawn, self.example(dtype).dtype)
