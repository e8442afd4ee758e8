"""Back through the columns of a table.

`y = [x_0 ... embedding[x_p] ...]` copies numbers, and for the code k = x_p it copies row k of a table. A number that
was copied once takes the gradient of its copy; a row of the table takes the sum over all examples n that have its code,

    dE/dembedding_k = sum over n with x_np = k of dE/dy_n

at the places where the row stands in y. The code itself only chooses: its derivative is 0.
"""

from typing import Any

import jax.numpy as jnp

from jaxnn.backprop.rules import Pull, register, to_input
from jaxnn.layers import ColumnEmbedding
from jaxnn.layers.columns import index_of
from jaxnn.pytypes import Array, Params, State


@register(ColumnEmbedding)
def columns(layer: ColumnEmbedding, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State, Pull]:
    """Return the inputs with a vector in place of each code, and the pull to the tables and to the numbers."""
    y, state = layer.apply(params, state, x, **how)

    def pull(dy: Array) -> tuple[Params, Any]:
        dparams: Params = {}
        dx, start, end = jnp.zeros(x.shape, dy.dtype), 0, 0  # columns of x, and of y
        for i, (position, _, width) in enumerate(layer.columns):
            name, first = f"embedding_{i}", end + position - start
            rows = jnp.zeros_like(params[name]).at[index_of(x[..., position])]
            dparams[name] = rows.add(dy[..., first : first + width], mode="drop", wrap_negative_indices=False)
            dx = dx + _placed(dy[..., end:first], start, x.shape[-1])
            start, end = position + 1, first + width
        return dparams, to_input(x, dx + _placed(dy[..., end:], start, x.shape[-1]))

    return y, state, pull


def _placed(part: Array, start: int, width: int) -> Array:
    """Columns among zeros, `(..., width)`: added up, that is faster on CPU than one array put together of its parts."""
    edges = [(0, 0)] * (part.ndim - 1) + [(start, width - start - part.shape[-1])]
    return jnp.pad(part, edges)
