"""Back through the block of a transformer: its children's rules, one after the other.

    x -> x + attention(norm(x)) -> ... + network(norm(...)) -> y

The chain rule (`combinators.py`) goes back through the two parts, each a residual layer (`branches.py`) around a chain
of a normalization, attention (`attention.py`) or two affine maps with an activation between, and dropout.
"""

from typing import Any

from jaxnn.backprop.rules import Pull, pullback, register
from jaxnn.layers import TransformerBlock
from jaxnn.pytypes import Array, Params, State


@register(TransformerBlock)
def transformer_block(
    layer: TransformerBlock, params: Params, state: State, x: Array, **how: Any
) -> tuple[Array, State, Pull]:
    """Return the output of both parts, and the pull through them."""
    return pullback(layer.chain(), params, state, x, **how)
