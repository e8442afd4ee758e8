"""Back through normalizations.

For n values that share a mean and a variance,

    m = sum_j x_j / n      v = sum_j (x_j - m)^2 / n      r = (v + epsilon)^-1/2      z_i = (x_i - m) r

and `y_i = g_i z_i + b_i` with the scale g and the bias b of the value's feature. Of these it is as of any affine map:
dE/dg sums z_i dE/dy_i, and dE/db sums dE/dy_i, over all values of the feature; and delta_i = dE/dz_i = g_i dE/dy_i.
A change of one x_i moves its own z_i, and through m and r all others. The chain rule, from z back to x:

    dE/dr = sum_j delta_j (x_j - m)
    dE/dv = dE/dr dr/dv = -r^3 / 2 dE/dr
    dE/dm = -r sum_j delta_j + dE/dv dv/dm      with dv/dm = -2 sum_j (x_j - m) / n = 0

    dE/dx_i = r delta_i + dE/dm / n + dE/dv 2 (x_i - m) / n
            = r (delta_i - 1/n (sum_j delta_j + (x_i - m) r^2 sum_j delta_j (x_j - m)))

which is delta less its mean and less its part along z: what only shifts or scales all x changes no z, so no gradient is
left in these two directions. `RMSNorm` has no m, so no sum_j delta_j. Values that the mask leaves out of m and v are
normalized by them all the same: they are among the j of the sums, but for them, as i, the term with 1/n is 0.
`BatchNorm` without training takes m and v as they are, and `dE/dx_i = r delta_i`.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.backprop.rules import Pull, register, to_input
from jaxnn.layers import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from jaxnn.layers.normalization import counted, mean_over, moments, wide
from jaxnn.pytypes import Array, Params, State


@register(BatchNorm)
def batch_norm(
    layer: BatchNorm, params: Params, state: State, x: Array, *, train: bool, mask: Array | None, **how: Any
) -> tuple[Array, State, Pull]:
    """Return y and the pull. A feature's values share r and g, so the two sums over dE/dy serve dE/db and dE/dg too."""
    y, after = layer.apply(params, state, x, train=train, mask=mask, **how)
    values, axes = x.astype(state["mean"].dtype), tuple(range(x.ndim - 1))

    def pull(dy: Array) -> tuple[Params, Any]:
        mean, var = moments(values, axes, mask) if train else (state["mean"], state["var"])
        centred, r, dy = values - mean, jax.lax.rsqrt(var + layer.epsilon), dy.astype(values.dtype)
        sums = {"scale": r * (dy * centred).sum(axes), "bias": dy.sum(axes)}
        r_g = r * params["scale"].astype(r.dtype) if layer.use_scale else r
        dx = r_g * (_projected(dy, centred, r, axes, mask) if train else dy)
        return _like(params, sums), to_input(x, dx)

    return y, after, pull


@register(LayerNorm, GroupNorm, RMSNorm)
def of_examples(
    layer: LayerNorm | GroupNorm | RMSNorm, params: Params, state: State, x: Array, *, mask: Array | None, **how: Any
) -> tuple[Array, State, Pull]:
    """Return y and the pull, for statistics of each example; those of `GroupNorm` are of parts of its features."""
    y, state = layer.apply(params, state, x, mask=mask, **how)
    real, (shape, axes) = layer.over_positions(x, mask), layer.view(x.shape)
    lead, rms = tuple(range(x.ndim - 1)), isinstance(layer, RMSNorm)

    def pull(dy: Array) -> tuple[Params, Any]:
        values, dy = (one.astype(wide(y.dtype)).reshape(shape) for one in (x, dy))
        mean, var = (None, mean_over(jnp.square(values), axes, real)) if rms else moments(values, axes, real)
        centred, r = values if mean is None else values - mean, jax.lax.rsqrt(var + layer.epsilon)
        z = centred * r
        sums = {"scale": (dy * z).sum(lead), "bias": dy.sum(lead)}
        delta = dy * params["scale"].astype(dy.dtype).reshape(shape[len(lead) :]) if layer.use_scale else dy
        # z, which the scale needs too, is cheaper where the last axis is whole: beside autodiff LayerNorm takes 0.87
        # for 0.93, RMSNorm 1.01 for 1.11, both (16, 128, 128); GroupNorm takes 0.68 for 0.37, (32, 14, 14, 32)
        known = (centred, r) if isinstance(layer, GroupNorm) else (z, None)
        dx = r * _projected(delta, *known, axes, real, shifts=not rms)
        return _like(params, sums), to_input(x, dx.reshape(x.shape))

    return y, state, pull


def _projected(
    delta: Array, centred: Array, r: Array | None, axes: tuple[int, ...], mask: Array | None, shifts: bool = True
) -> Array:
    """`delta_i - 1/n (sum_j delta_j + (x_i - m) r^2 sum_j delta_j (x_j - m))`, n the number of values over the axes.

    With z in place of `centred`, which has the r in it, r is None.
    """
    real, n = counted(delta, axes, mask) if mask is not None else (None, math.prod(delta.shape[a] for a in axes))
    scale = 1 / n if r is None else jnp.square(r) / n
    along = centred * (scale * (delta * centred).sum(axes, keepdims=True))
    common = along + delta.sum(axes, keepdims=True) / n if shifts else along
    return delta - (common if real is None else jnp.where(real, common, 0))


def _like(params: Params, sums: Params) -> Params:
    """The sums that are gradients of parameters, in their shapes and dtypes."""
    return {name: sums[name].reshape(leaf.shape).astype(leaf.dtype) for name, leaf in params.items()}
