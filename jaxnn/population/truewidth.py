"""Layers for arrays that are wider than what they hold: their true width is a number that members of a population vary.

Features from the width on are 0 in the input, in the output and in both gradients.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp

from jaxnn import activations
from jaxnn.config import config, number
from jaxnn.layers.activation import Activation
from jaxnn.layers.base import Layer, as_float
from jaxnn.layers.dropout import Dropout, GaussianNoise
from jaxnn.layers.normalization import BatchNorm, LayerNorm, RMSNorm
from jaxnn.ops import keep_with_probability, normal
from jaxnn.pytypes import Array, Example, Key, Params, State

ZERO_AT_ZERO = (
    activations.identity, activations.tanh, activations.relu, activations.swish, activations.gelu,
    activations.gelu_exact, activations.square, activations.scaled_tanh, activations.LeakyRelu, activations.Elu,
)  # fmt: skip
"""Activations, and classes of them, that work on each number alone and are exactly 0 at 0, with a finite slope."""

ELSEWHERE_AT_ZERO = (activations.sigmoid, activations.softplus, activations.Step, activations.Sign)
"""Those that work on each number alone and may be anything at 0."""


def at_width(layer: Any, width: int) -> Layer | None:
    """Return what computes on wider arrays what a layer computes on arrays of a width.

    Args:
        layer: any layer.
        width: how many features its input has; those of the wider array after them are 0.

    Returns:
        The layer itself where it takes zeros to zeros, in the output and in the gradient; a layer of this file; or None
        for a layer or an activation that is not known.

    >>> import jaxnn as nn
    >>> at_width(nn.Activation(nn.relu), 3), at_width(nn.Activation(nn.sigmoid), 3)
    (relu, TrueActivation(sigmoid, width=3.0))
    >>> at_width(nn.Activation(nn.softmax), 3) is None
    True
    """
    kind = type(layer)
    if _keeps_zeros(layer):
        return layer
    if kind is Activation and not _among(ELSEWHERE_AT_ZERO, layer.function):
        return None
    if kind in (LayerNorm, RMSNorm) and layer.rank > 1:
        return None
    made = _OF_TRUE_WIDTH.get(kind)
    given = {field.name: getattr(layer, field.name) for field in dataclasses.fields(kind)} if made else {}
    return made(**given, width=float(width)) if made else None


def _keeps_zeros(layer: Any) -> bool:
    """Whether a feature that is 0 for all examples stays 0, and a gradient that is 0 for it stays 0, with 0 as weights.

    For BatchNorm: its mean and variance are 0 too, and 0 / sqrt(0 + epsilon) * 0 + 0 is 0 unless epsilon is.
    """
    kind = type(layer)
    if kind is Activation:
        return _among(ZERO_AT_ZERO, layer.function)
    if kind is BatchNorm:
        return layer.epsilon > 0
    return (kind is Dropout and layer.rate is None) or (kind is GaussianNoise and layer.scale is None)


def _among(known: tuple[Any, ...], function: Any) -> bool:
    return any(function is one or type(function) is one for one in known)


def _real(state: State, x: Array) -> Array:
    """Which features are no padding; Boolean `(features,)`."""
    return jnp.arange(x.shape[-1], dtype=jnp.float32) < state["width"]


def _cut(state: State, x: Array) -> Array:
    """Put zeros from the width on; by selection, because 0 times infinity is NaN, in the gradient too."""
    return jnp.where(_real(state, x), x, 0)


class _TrueWidth:
    """What these layers share: their width is a number in the state."""

    width: float

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Make what the layer makes, and the width as state."""
        layer: Any = super()
        params, state = layer.init(key, example)
        return params, state | {"width": jnp.asarray(self.width, jnp.float32)}


class _TrueNorm(_TrueWidth):
    """A norm of rank 1 whose statistics are over the true width: a mask over the features leaves the padding out."""

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return the normalized input with zeros from the width on, and the unchanged state."""
        layer: Any = super()
        real = _real(state, x).reshape(*[1] * (x.ndim - 1), -1)  # (features,) -> (1, ..., 1, features)
        return _cut(state, layer.apply(params, {}, x, mask=real)[0]), state


@config
class TrueActivation(_TrueWidth, Activation):
    """An activation that is not 0 at 0: `a = function(z)` below the width, 0 from there on."""

    width: float = number(default=0.0)

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return `function(x)` with zeros from the width on, and the unchanged state."""
        return _cut(state, self.function(as_float(x))), state


@config
class TrueDropout(_TrueWidth, Dropout):
    """`Dropout` that drops what it would drop of an array of the true width."""

    width: float = number(default=0.0)

    def dropping(self, state: State, shape: tuple[int, ...], train: bool, key: Key | None) -> Any:
        """Return what this call does to values, drawn once."""
        if not train or key is None:
            return super().dropping(state, shape, train, key)
        rate = state["rate"]
        keep = keep_with_probability(key, rate, shape, state["width"])
        scale = jnp.where(rate < 1, 1 / jnp.where(rate < 1, 1 - rate, 1), 0)  # as `Dropout`, so that bits are the same
        return lambda x: jnp.where(keep, x, 0) * scale.astype(x.dtype)


@config
class TrueGaussianNoise(_TrueWidth, GaussianNoise):
    """`GaussianNoise` that adds what it would add to an array of the true width, 0 from there on."""

    width: float = number(default=0.0)

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return `x` with noise added below the width if `train`, else `x`; and the unchanged state."""
        if not train or key is None:
            return super().apply(params, state, x, train=train, key=key)
        x = as_float(x)
        noise = state["scale"] * normal(key, x.shape, width=state["width"])
        return x + _cut(state, noise).astype(x.dtype), state


@config
class TrueLayerNorm(_TrueNorm, LayerNorm):
    """`LayerNorm` over the true width."""

    width: float = number(default=0.0)


@config
class TrueRMSNorm(_TrueNorm, RMSNorm):
    """`RMSNorm` over the true width."""

    width: float = number(default=0.0)


_OF_TRUE_WIDTH: dict[type, Any] = {
    Activation: TrueActivation, Dropout: TrueDropout, GaussianNoise: TrueGaussianNoise, LayerNorm: TrueLayerNorm,
    RMSNorm: TrueRMSNorm,
}  # fmt: skip
