"""Back through changes of shape: `y_k = x_ij`, each number once, so `dE/dx_ij = dE/dy_k`."""

from typing import Any

from jaxnn.backprop.rules import Pull, register, to_input
from jaxnn.layers import Flatten
from jaxnn.pytypes import Array, Params, State


@register(Flatten)
def flatten(layer: Flatten, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State, Pull]:
    """Return x with its last axes joined, and the pull, which parts them again."""
    y, state = layer.apply(params, state, x, **how)
    return y, state, lambda dy: ({}, to_input(x, dy.reshape(x.shape)))
