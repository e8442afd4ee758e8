"""Back through a recurrent layer in both directions: two layers side by side, each with its own way through time.

The one that goes forward is pulled back from the last step to the first, the reversed one from the first to the last;
the input, which both see, gets the sum (`branches.py`).
"""

from typing import Any

from jaxnn.backprop.rules import Pull, pullback, register
from jaxnn.layers import Bidirectional
from jaxnn.pytypes import Array, Params, State


@register(Bidirectional)
def bidirectional(
    layer: Bidirectional, params: Params, state: State, x: Array, **how: Any
) -> tuple[Array, State, Pull]:
    """Return the outputs of both directions joined, and the pull through both."""
    return pullback(layer.both, params, state, x, **how)
