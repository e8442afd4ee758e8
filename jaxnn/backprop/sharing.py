"""Back through layers whose parameters are another layer's, or nobody's to train.

A parameter that two layers use has two ways to change E, and its gradient is the sum over both:

    dE/dw = sum over the uses of w of (dE/dw by that use)

A tied layer returns what its own use says; the chain that holds both adds it to the sibling's (`combinators.py`).
A frozen layer is a fixed function: it passes the gradient on to its input and keeps none.
"""

from typing import Any

from jaxnn.backprop.rules import Pull, pullback, register
from jaxnn.layers import Frozen, Tied
from jaxnn.pytypes import Array, Params, State


@register(Tied)
def tied(layer: Tied, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State, Pull]:
    """Return the layer's output with the sibling's parameters, and the pull to these and to the input."""
    layer.check(params, x)
    y, after, pull = pullback(layer.layer, params, state.get("layer", {}), x, name="layer", **how)
    return y, {"layer": after} if "layer" in state else state, pull


@register(Frozen)
def frozen(
    layer: Frozen, params: Params, state: State, x: Array, *, mask: Array | None, **how: Any
) -> tuple[Array, State, Pull]:
    """Return the layer's output as with `train=False`, and the pull to the input alone."""
    y, _, pull = pullback(layer.layer, state["params"], state.get("layer", {}), x, mask=mask, name="layer")
    return y, state, lambda dy: ({}, pull(dy)[1])
