"""Back through layers that drop values, weights or examples at random, or add noise.

What is drawn does not depend on x. Dropping multiplies each number by its own factor, 0 or 1 / (1 - rate), so the
gradient is multiplied by the same factors: `y_i = k_i x_i`, `dE/dx_i = k_i dE/dy_i`. Where a weight was dropped,
`w'_ij = k_ij w_ij`, the weight that the layer inside saw learns `dE/dw_ij = k_ij dE/dw'_ij`. Noise that is added,
`y = x + s z`, changes nothing on the way back.
"""

from typing import Any

from jaxnn.backprop.rules import Pull, pullback, register, to_input
from jaxnn.layers import DropConnect, Dropout, GaussianNoise, StochasticDepth
from jaxnn.layers.base import as_float
from jaxnn.pytypes import Array, Key, Params, State


@register(Dropout, StochasticDepth)
def dropout(
    layer: Dropout | StochasticDepth,
    params: Params,
    state: State,
    x: Array,
    *,
    train: bool,
    key: Key | None,
    **how: Any,
) -> tuple[Array, State, Pull]:
    """Return `k x`, and the pull, which drops of the gradient what was dropped of x."""
    drop = layer.dropping(state, x.shape, train, key)
    return drop(as_float(x)), state, lambda dy: ({}, to_input(x, drop(dy)))


@register(DropConnect)
def drop_connect(
    layer: DropConnect, params: Params, state: State, x: Array, *, train: bool, key: Key | None, mask: Array | None
) -> tuple[Array, State, Pull]:
    """Return the output of the layer inside with `k w` for its kernels w, and the pull through it, then through k."""
    drop = layer.dropping(params, state, train, key)
    own, inner = (drop(params["layer"]), state.get("layer", {})), layer.inner_key(key)
    y, after, pull_layer = pullback(layer.layer, *own, x, train=train, key=inner, mask=mask, name="layer")

    def pull(dy: Array) -> tuple[Params, Any]:
        dlayer, dx = pull_layer(dy)
        return {"layer": drop(dlayer)}, dx

    return y, state | {"layer": after} if "layer" in state else state, pull


@register(GaussianNoise)
def gaussian_noise(
    layer: GaussianNoise, params: Params, state: State, x: Array, **how: Any
) -> tuple[Array, State, Pull]:
    """Return `x + s z`, and the pull, which changes nothing."""
    y, state = layer.apply(params, state, x, **how)
    return y, state, lambda dy: ({}, to_input(x, dy))
