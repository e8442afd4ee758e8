"""Gradients of penalties, which are added to those of the mean loss."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.backprop.rules import register
from jaxnn.penalties import L1, L2
from jaxnn.pytypes import Array, Params


@register(L2)
def l2(penalty: L2, params: Params, strength: Any) -> tuple[Array, Params]:
    """R = s sum w^2, so dR/dw = 2 s w."""
    return penalty(params, strength), _on(penalty, params, strength, lambda w: 2 * w)


@register(L1)
def l1(penalty: L1, params: Params, strength: Any) -> tuple[Array, Params]:
    """R = s sum |w|, so dR/dw = s sign(w), 0 where w is 0."""
    return penalty(params, strength), _on(penalty, params, strength, jnp.sign)


def _on(penalty: L1 | L2, params: Params, strength: Any, slope: Callable[[Array], Array]) -> Params:
    """The strength times the slope for the leaves that count, zeros for the others."""
    strength = penalty.strength if strength is None else strength

    def one(path: tuple[Any, ...], w: Array) -> Array:
        counts = getattr(path[-1], "key", None) in penalty.leaves
        return jnp.asarray(strength, w.dtype) * slope(w) if counts else jnp.zeros_like(w)

    return jax.tree.map_with_path(one, params)
