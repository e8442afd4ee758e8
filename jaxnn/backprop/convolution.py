"""Back through convolutions.

A convolution is an affine map in which many weights are the same one. On one axis, with stride s, dilation d and `low`
zeros in front of x,

    z_pf = sum_qc x_(sp + dq - low)c W_qcf + b_f

Which z does a number depend on, and by which factor? With delta = dE/dz the chain rule sums over all of them:

    dE/dW_qcf = sum_p delta_pf dz_pf/dW_qcf = sum_p x_(sp + dq - low)c delta_pf
    dE/db_f   = sum_p delta_pf
    dE/dx_mc  = sum_pq delta_pf W_qcf       over those p and q with sp + dq - low = m

(and over the examples of the batch). The first is a correlation: what place q of the window sees at each position,
times delta there. The last spreads each delta over the window that made it, which is what a transposed convolution
does: `ops.transposed_convolution` puts `sum_pq x_p W_q` at the place `sp + low' - dq`, so it wants the window turned
round, q' = Q - 1 - q, and

    sp + dq - low = sp + d (Q - 1) - low - dq' = sp + low' - dq'      with low' = d (Q - 1) - low

A `ConvTranspose` is such a transposed convolution forward, `z_(sp + low - dq)f = sum x_pc W_qcf + b_f`, so backward
the roles change: dE/dx is a convolution of delta, and dE/dW a correlation in which delta is what is seen through the
window and x what stands at its position. With several axes s, d, p, q and m are tuples of numbers, one for each.
"""

from typing import Any

import jax.numpy as jnp

from jaxnn import ops
from jaxnn.backprop.rules import Pull, register, to_input
from jaxnn.layers import Conv, ConvTranspose
from jaxnn.layers.geometry import Pairs, masked
from jaxnn.pytypes import Array, Params, State


@register(Conv)
def convolution(
    layer: Conv, params: Params, state: State, x: Array, *, mask: Array | None, **how: Any
) -> tuple[Array, State, Pull]:
    """Return `z` and the pull of delta: to W by correlation with x, to x by the transposed convolution."""
    z, state = layer.apply(params, state, x, mask=mask, **how)
    kernel, groups = params["kernel"], layer.groups
    strides, padding, dilation = layer.geometry(x.shape)
    window = kernel.shape[:-2]
    back = _padding_back(window, dilation, padding, _left_out(x.shape, z.shape, window, strides, padding, dilation))

    def pull(delta: Array) -> tuple[Params, Any]:
        seen = _real(layer, x.astype(kernel.dtype), mask, len(window))
        dkernel = ops.correlation(seen, delta, window, strides, padding, dilation, groups)
        dx = ops.transposed_convolution(delta, _turned(kernel, groups), strides, back, dilation, groups)
        return _dparams(layer, dkernel, delta), to_input(x, _real(layer, dx, mask, len(window)))

    return z, state, pull


@register(ConvTranspose)
def transposed_convolution(
    layer: ConvTranspose, params: Params, state: State, x: Array, *, mask: Array | None, **how: Any
) -> tuple[Array, State, Pull]:
    """Return `z` and the pull of delta: to W by its correlation with x, to x by the convolution."""
    z, state = layer.apply(params, state, x, mask=mask, **how)
    kernel, groups = params["kernel"], layer.groups
    strides, padding, dilation = layer.geometry(x.shape)
    window = kernel.shape[:-2]
    back = _padding_back(window, dilation, padding, (0,) * len(window))

    def pull(delta: Array) -> tuple[Params, Any]:
        seen = _real(layer, x.astype(kernel.dtype), mask, len(window))
        both = (delta, seen, _turned(kernel, groups), strides, back, dilation, groups)
        turned, dx = ops.correlation_and_convolution(*both)  # (*window, out / groups, in), and the shape of x
        return _dparams(layer, _turned(turned, groups), delta), to_input(x, _real(layer, dx, mask, len(window)))

    return z, state, pull


def _real(layer: Conv | ConvTranspose, x: Array, mask: Array | None, rank: int) -> Array:
    """0 at masked positions, which the layer takes for padding: nothing is seen there, and nothing goes back."""
    return masked(repr(layer), x, mask, rank, 0.0)


def _dparams(layer: Conv | ConvTranspose, dkernel: Array, delta: Array) -> Params:
    """The gradient of the kernel, and of the bias where there is one."""
    if not layer.use_bias:
        return {"kernel": dkernel}
    return {"kernel": dkernel, "bias": delta.sum(tuple(range(delta.ndim - 1)))}  # (..., *space, out) -> (out,)


def _turned(kernel: Array, groups: int) -> Array:
    """The kernel of the way back: the window turned round, inputs and outputs exchanged in each group."""
    *window, depth, features = kernel.shape
    turned = jnp.flip(kernel, tuple(range(len(window)))).reshape(*window, depth, groups, features // groups)
    # (*window, in / groups, groups, out / groups) -> (*window, out / groups, in)
    return turned.swapaxes(-1, -3).reshape(*window, features // groups, groups * depth)


def _padding_back(
    window: tuple[int, ...], dilation: tuple[int, ...], padding: Pairs, left_out: tuple[int, ...]
) -> Pairs:
    """`low' = d (Q - 1) - low`, and the same after the axis, where the windows left out some positions at the end."""
    each = zip(window, dilation, padding, left_out, strict=True)
    return tuple((d * (q - 1) - low, d * (q - 1) - high + rest) for q, d, (low, high), rest in each)


def _left_out(
    before: tuple[int, ...], after: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...], padding: Pairs,
    dilation: tuple[int, ...],
) -> tuple[int, ...]:  # fmt: skip
    """How many positions at the end of each axis of `(..., *space, channels)` no window reaches."""
    first = -len(window) - 1
    each = zip(before[first:-1], after[first:-1], window, strides, padding, dilation, strict=True)
    return tuple(size + sum(pads) - s * (p - 1) - d * (q - 1) - 1 for size, p, q, s, pads, d in each)
