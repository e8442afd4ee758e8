"""Back through a chain of layers: the chain rule itself.

    x -> layer_0 -> y_0 -> layer_1 -> y_1 -> ... -> y

Forward, each layer keeps what its own rule needs. Backward, from the last to the first, each turns the gradient of its
output into that of its parameters, which is kept, and that of its input, which is the next one's output gradient: what
is computed for a layer serves all those before it, and nothing is computed twice (dynamic programming).
"""

from typing import Any

import jax.numpy as jnp

from jaxnn.backprop.rules import Pull, pullback, register
from jaxnn.layers import Chain, Layer, Tied
from jaxnn.pytypes import Array, Key, Params, State


@register(Chain)
def chain(
    layer: Chain, params: Params, state: State, x: Array, *, train: bool, key: Key | None, mask: Array | None
) -> tuple[Array, State, Pull]:
    """Return the last child's output, and the pull through all children, the last one first."""
    pulls: list[tuple[str, Layer, Pull]] = []

    def child(name: str, layer: Layer, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State]:
        y, after, pull = pullback(layer, params, state, x, name=name, **how)
        pulls.append((name, layer, pull))
        return y, after

    y, after = x, state
    for _, output, now in layer.run(params, state, x, train=train, key=key, mask=mask, child=child):
        y, after = output, now

    def pull(dy: Any) -> tuple[Params, Any]:
        dparams: Params = {}
        for name, layer, pull_child in reversed(pulls):
            own, dy = pull_child(dy)
            if isinstance(layer, Tied):  # the sibling's parameters: what it learns by this use adds to its own
                dparams = _added(dparams, layer.to.split("/"), own)
            elif own:
                dparams = _added(dparams, [name], own)
        return dparams, dy

    return y, after, pull


def _added(dparams: Params, path: list[str], own: Params) -> Params:
    """The gradients with those of one child added at its path."""
    name, *rest = path
    there = dparams.get(name, {})
    return dparams | {name: _added(there, rest, own) if rest else _sum_of_trees(there, own)}


def _sum_of_trees(a: Params, b: Params) -> Params:
    """Nested dicts added leaf by leaf; what only one of them has is kept."""
    both = {name: (a[name], b[name]) for name in a if name in b}
    added = {name: _sum_of_trees(*pair) if isinstance(pair[0], dict) else jnp.add(*pair) for name, pair in both.items()}
    return a | b | added
