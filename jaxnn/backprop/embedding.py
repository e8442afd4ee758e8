"""Back through tables of vectors.

Looking up row x_n of a table E is `y_n = o_n E` with the one-hot row vector o_n, an affine map without a bias:

    dE/dE_r = sum_n o_n[r] delta_n = sum over the n with x_n = r of delta_n

Each row gets the sum over the places where it was looked up, and a row that was not gets 0. No one-hot vectors are
made: the deltas are added to the rows where they belong. The way back to logits, `y = x E^T`, is the ordinary
product of `linear.py` with E transposed: `delta^T x` for the table and `delta E` for the input.
"""

from typing import Any

import jax.numpy as jnp

from jaxnn.backprop.linear import by_examples
from jaxnn.backprop.rules import Pull, register, to_input
from jaxnn.layers import Embedding, Unembedding
from jaxnn.ops import product
from jaxnn.pytypes import Array, Params, State


@register(Embedding)
def embedding(layer: Embedding, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State, Pull]:
    """Return the row of every number, and the pull to the table; whole numbers have no gradient."""
    y, state = layer.apply(params, state, x, **how)
    table = params["embedding"]

    def pull(delta: Array) -> tuple[Params, Any]:
        # a number without a row, whose output is NaN, teaches no row; JAX's own indexing would count it from the end
        added = jnp.zeros_like(table).at[x].add(delta, mode="drop", wrap_negative_indices=False)
        return {"embedding": added}, to_input(x, delta)

    return y, state, pull


@register(Unembedding)
def unembedding(layer: Unembedding, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State, Pull]:
    """Return `y = x E^T`, and the pull of delta = dE/dy to the table, `delta^T x`, and the input, `delta E`."""
    y, state = layer.apply(params, state, x, **how)
    table = params["embedding"]

    def pull(delta: Array) -> tuple[Params, Any]:
        return {"embedding": by_examples(delta, x.astype(table.dtype))}, to_input(x, product(delta, table))

    return y, state, pull
