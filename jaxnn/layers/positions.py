"""Where in a sequence a vector stands: added to it, or turned into the pairs of its features."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnn.checks import fail, whole_number
from jaxnn.config import config
from jaxnn.initializers import Initializer, Normal
from jaxnn.layers.base import as_float, parameter_dtype
from jaxnn.pytypes import Array, Example, Key, Memory, Params, State

_LONGEST = 10_000
"""The slowest wave turns once in 2 pi times as many positions, as in the papers."""


class _Positions:
    """What layers that add a vector to each position have in common; each says which vectors."""

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
        """Return the input with its positions added, and the unchanged state."""
        x = as_float(x)
        if x.ndim < 2:
            fail(repr(self), f"an input of shape {x.shape}", "(..., time, features)")
        return x + self._vectors(params, x), state  # (..., time, features) + (time, features)

    def memory(self, params: Params, state: State, batch_shape: tuple[int, ...]) -> Memory:
        """Return the number of the first position."""
        return {"position": jnp.zeros((), jnp.int32)}

    def step(self, params: Params, state: State, memory: Memory, x: Array) -> tuple[Array, Memory]:
        """Return the input with its position added, and the number of the next one."""
        x, position = as_float(x), memory["position"]
        return x + self._vector(params, x, position), {"position": position + 1}

    def _vectors(self, params: Params, x: Array) -> Array:
        """`(time, features)` for an input `(..., time, features)`."""
        raise NotImplementedError

    def _vector(self, params: Params, x: Array, position: Array) -> Array:
        """`(features,)` for an input `(..., features)` at a position that is traced."""
        raise NotImplementedError


@config
class LearnedPositions(_Positions):
    """A learned vector for every position, added to what stands there.

    `y[t] = x[t] + embedding[t]`

    Args:
        length: how many positions there are at most.
        embedding_init: how the table `(length, features)` is drawn.

    Input and output `(..., time, features)`, time at most `length`. Parameters: `embedding` `(length, features)`. From
    step to step it remembers the number of the position; one beyond the table gives NaN, as no number would be right.

    Raises:
        JaxnnError: if `length` is not a whole number of at least 1, or a sequence is longer.

    >>> import jax, jax.numpy as jnp
    >>> table = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    >>> LearnedPositions(2).apply({"embedding": table}, {}, jnp.zeros((1, 2)))[0].tolist()
    [[1.0, 2.0]]
    """

    length: int
    embedding_init: Initializer = Normal(0.02)

    def __post_init__(self) -> None:
        whole_number("LearnedPositions.length", self.length, 1)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Draw `embedding` `(length, features)`."""
        if len(example.shape) < 2:
            fail(repr(self), f"an example of shape {example.shape}", "(time, features)")
        shape = (self.length, example.shape[-1])
        return {"embedding": self.embedding_init(key, shape, parameter_dtype(example))}, {}

    def _vectors(self, params: Params, x: Array) -> Array:
        table = params["embedding"]
        if x.shape[-2] > self.length or x.shape[-1] != table.shape[1]:
            needed = f"at most {self.length} positions of {table.shape[1]} features"
            fail(repr(self), f"an input of shape {x.shape}", needed, "Give it a longer table, or shorter sequences")
        return table[: x.shape[-2]].astype(x.dtype)

    def _vector(self, params: Params, x: Array, position: Array) -> Array:
        return params["embedding"].at[position].get(mode="fill", fill_value=jnp.nan).astype(x.dtype)


@config
class SinusoidalPositions(_Positions):
    """Waves of many lengths added to each position; nothing is learned, and no sequence is too long.

    `y[t, 2i] = x[t, 2i] + sin(a)`, `y[t, 2i + 1] = x[t, 2i + 1] + cos(a)` with `a = t / 10000^(2i / features)`

    Input and output `(..., time, features)`; integers become the default float. From step to step it remembers the
    number of the position.

    Raises:
        JaxnnError: if the input has no axis of time.

    Reference: A. Vaswani and others, "Attention Is All You Need", 2017, section 3.5.

    >>> import jax.numpy as jnp
    >>> print(SinusoidalPositions().apply({}, {}, jnp.zeros((2, 2)))[0].round(4).tolist())
    [[0.0, 1.0], [0.8414999842643738, 0.5403000116348267]]
    """

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Return no parameters and no state."""
        return {}, {}

    def _vectors(self, params: Params, x: Array) -> Array:
        angles = _angles(np.arange(x.shape[-2]), x.shape[-1])  # (time, ceil(features / 2))
        return jnp.asarray(_alternating(np, angles, x.shape[-1]), x.dtype)

    def _vector(self, params: Params, x: Array, position: Array) -> Array:
        return _alternating(jnp, _angles(position, x.shape[-1]), x.shape[-1]).astype(x.dtype)


def rotated(x: Array, positions: Any) -> Array:
    """Turn the pairs of features i and i + depth / 2 by an angle that grows with the position.

    `y = (a cos - b sin, b cos + a sin)` with `a`, `b` the halves of the features and the angles
    `position / 10000^(2i / depth)`; the product of two vectors turned so depends on the distance of their positions
    alone.

    Args:
        x: `(..., time, heads, depth)`, `depth` even.
        positions: `(time,)` whole numbers: of NumPy where they are known (the waves are constants of the program then,
            not computed again in every step), else traced.

    Returns:
        The same shape and dtype.

    Reference: J. Su and others, "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021; halves instead
    of neighbours, as in GPT-NeoX and Llama.

    >>> import jax.numpy as jnp
    >>> print(rotated(jnp.array([[[1.0, 0.0]]]), np.array([1])).round(4).tolist())
    [[[0.5403000116348267, 0.8414999842643738]]]
    """
    angles = _angles(positions, x.shape[-1])[:, None]  # (time, depth / 2) -> (time, 1, depth / 2)
    where = np if isinstance(positions, np.ndarray) else jnp
    cos, sin = (jnp.asarray(wave(angles), np.promote_types(x.dtype, np.float32)) for wave in (where.cos, where.sin))
    a, b = jnp.split(x.astype(cos.dtype), 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1).astype(x.dtype)


def _angles(positions: Any, features: int) -> Any:
    """`position / 10000^(2i / features)`: (...) -> (..., ceil(features / 2)), of NumPy if the positions are."""
    speeds = _LONGEST ** (-np.arange(0, features, 2) / features)
    if isinstance(positions, np.ndarray):
        return positions[..., None] * speeds
    return positions.astype(jnp.float32)[..., None] * jnp.asarray(speeds, jnp.float32)


def _alternating(where: Any, angles: Any, features: int) -> Any:
    """sin, cos, sin, cos ...: (..., ceil(features / 2)) -> (..., features)."""
    both = where.stack([where.sin(angles), where.cos(angles)], axis=-1)
    return both.reshape(*angles.shape[:-1], -1)[..., :features]
