"""Back through positions that are added: `y[..., t] = x[..., t] + p[t]`.

A sum passes dE/dy to both terms as it is. x has a term for each example and gets dE/dy; p is one for all examples, so

    dE/dp[t] = sum over the examples of dE/dy[..., t]

and positions of the table that no sequence reached get 0. Waves are fixed: there is nothing to learn.
"""

from typing import Any

import jax.numpy as jnp

from jaxnn.backprop.rules import Pull, register, to_input
from jaxnn.layers import LearnedPositions, SinusoidalPositions
from jaxnn.pytypes import Array, Params, State


@register(LearnedPositions)
def learned(layer: LearnedPositions, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State, Pull]:
    """Return the input with its positions added, and the pull to their table and the input."""
    y, state = layer.apply(params, state, x, **how)
    table, time = params["embedding"], x.shape[-2]

    def pull(dy: Array) -> tuple[Params, Any]:
        reached = dy.sum(axis=tuple(range(dy.ndim - 2)))  # (..., time, features) -> (time, features)
        rest = (0, table.shape[0] - time), (0, 0)
        return {"embedding": jnp.pad(reached.astype(table.dtype), rest)}, to_input(x, dy)

    return y, state, pull


@register(SinusoidalPositions)
def waves(layer: SinusoidalPositions, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State, Pull]:
    """Return the input with its waves added, and the pull to the input."""
    y, state = layer.apply(params, state, x, **how)
    return y, state, lambda dy: ({}, to_input(x, dy))
