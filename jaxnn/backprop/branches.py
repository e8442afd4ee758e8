"""Back through layers that run side by side on one input.

Added, `y = f_0(x) + f_1(x) + ...`: each branch's output moves y as much as itself, so each gets dE/dy as it is. Side by
side, `y = [f_0(x), f_1(x), ...]`: each gets its own part of dE/dy. x is used by each of them, so

    dE/dx = sum_k dE/df_k df_k/dx

Of a residual layer, `y = x + f(x)`, one branch does nothing: `dE/dx = dE/dy + (what comes back through f)`. However
many such layers stand on top of each other, dE/dy itself reaches the first.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnn.backprop.rules import Pull, pullback, register
from jaxnn.layers import Layer, Parallel, Residual
from jaxnn.pytypes import Array, Params, State


@register(Parallel, Residual)
def branches(
    layer: Parallel | Residual, params: Params, state: State, x: Array, **how: Any
) -> tuple[Array, State, Pull]:
    """Return the outputs joined, and the pull through all branches to their parameters and the input."""
    pulls: list[tuple[str, Pull]] = []

    def child(name: str, layer: Layer, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State]:
        y, after, pull = pullback(layer, params, state, x, name=name, **how)
        pulls.append((name, pull))
        return y, after

    outputs, after = layer.run(params, state, x, child=child, **how)
    y = layer.joined(outputs)

    def pull(dy: Array) -> tuple[Params, Any]:
        if layer.how == "add":
            parts = [dy] * len(outputs)
        else:
            ends = np.cumsum([output.shape[-1] for output in outputs])
            parts = jnp.split(dy, ends[:-1], axis=-1)
        dparams: Params = {}
        dxs = []
        for (name, pull_child), output, part in zip(pulls, outputs, parts, strict=True):
            own, dx = pull_child(part.astype(output.dtype))
            dparams |= {name: own} if name in params else {}
            dxs.append(dx)
        return dparams, sum(dxs[1:], dxs[0]) if jnp.issubdtype(x.dtype, jnp.floating) else dxs[0]

    return y, after, pull
