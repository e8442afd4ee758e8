"""Back through attention: affine maps, a mean with weights, and softmax, which makes the weights.

Forward, for each head, with T positions, `d` features for each head and row vectors:

    Q = x W_q + b_q,  K = x W_k + b_k,  V = x W_v + b_v        (T, d), by one product with [W_q, W_k, W_v]
    S = Q K^T / sqrt(d)                                        (T, T), row t: how well the keys fit query t
    P = softmax(S), by rows                                    -inf where s is not seen, so P_ts = 0 there
    A = P V                                                    (T, d), row t: the mean of the values
    y = [A of all heads] W_o + b_o

Backward, from delta = dE/dy, the same steps from the last to the first:

    dE/dW_o = A^T delta,  dE/db_o = sum_t delta_t,  dE/dA = delta W_o^T        as in linear.py
    dE/dV_s = sum_t P_ts dE/dA_t                           that is  dE/dV = P^T dE/dA
    dE/dP_ts = dE/dA_t . V_s                               that is  dE/dP = dE/dA V^T
    dE/dS_ts = P_ts (dE/dP_ts - sum_u P_tu dE/dP_tu)       softmax, as in activation.py

The sum in it needs no sum over all positions: `sum_u P_tu (dE/dA_t . V_u) = dE/dA_t . A_t`. Last

    dE/dQ = dE/dS K / sqrt(d),  dE/dK = dE/dS^T Q / sqrt(d)

and [dE/dQ, dE/dK, dE/dV] is the delta of the one product at the start. Queries and keys that are turned by their
positions are turned back: the transpose of a rotation is the rotation by the opposite angle.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnn.backprop.linear import by_examples
from jaxnn.backprop.rules import Pull, register, to_input
from jaxnn.layers import MultiHeadAttention
from jaxnn.layers.attention import joined_kernel, weighed
from jaxnn.layers.positions import rotated
from jaxnn.ops import product
from jaxnn.pytypes import Array, Key, Params, State


@register(MultiHeadAttention)
def attention(
    layer: MultiHeadAttention, params: Params, state: State, x: Array, *, train: bool, key: Key | None,
    mask: Array | None,
) -> tuple[Array, State, Pull]:  # fmt: skip
    """Return what every position took from those that it sees, and the pull to the kernels, biases and the input."""
    *turned, seen = layer.entering(params, x, mask)
    query, source, value = (jnp.swapaxes(one, -3, -2) for one in turned)  # -> (..., heads, time, depth)
    heads, pull_heads = attended(query, source, value, seen)
    found = jnp.swapaxes(heads, -3, -2)
    kernel, out = joined_kernel(params), params["out"]["kernel"]

    def pull(delta: Array) -> tuple[Params, Any]:
        dfound = product(delta, out.reshape(-1, out.shape[-1]).T).reshape(found.shape)
        dheads = pull_heads(jnp.swapaxes(dfound, -3, -2))
        dquery, dkey, dvalue = (jnp.swapaxes(one, -3, -2) for one in dheads)  # -> (..., time, heads, depth)
        if layer.rotary:
            back = -np.arange(x.shape[-2])
            dquery, dkey = rotated(dquery, back), rotated(dkey, back)
        dz = jnp.concatenate([one.reshape(x.shape) for one in (dquery, dkey, dvalue)], axis=-1)
        dparams = _by_part(layer, params, x.astype(kernel.dtype), dz)
        dparams["out"] = {"kernel": by_examples(found.reshape(x.shape), delta).reshape(out.shape)}
        if layer.use_bias:
            dparams["out"]["bias"] = delta.sum(axis=tuple(range(delta.ndim - 1)))
        return dparams, to_input(x, product(dz, kernel.T))

    return layer.leaving(params, found), state, pull


def attended(query: Array, key: Array, value: Array, seen: Any) -> tuple[Array, Any]:
    """Return the means of the values, and the pull of their gradient to queries, keys and values.

    Args:
        query, key, value: `(..., heads, time, depth)`.
        seen: Booleans that broadcast to `(..., heads, time, time)`, or None.

    Returns:
        `(..., heads, time, depth)`, and the pull of an array of that shape to three.
    """
    means, weights, total = weighed(query, key, value, seen)  # P = weights / total

    def pull(dmeans: Array) -> tuple[Array, Array, Array]:
        # float16 is widened: dE/dS may be smaller than its smallest number
        wide_query, wide_key, wide_value = (one.astype(means.dtype) for one in (query, key, value))
        # divided by the total here, (..., time, depth), not P, (..., time, time)
        shared = dmeans.astype(means.dtype) / total
        along = jnp.sum(shared * means, axis=-1, keepdims=True)
        dscores = weights * (jnp.einsum("...td,...sd->...ts", shared, wide_value) - along)
        if seen is not None:
            dscores = jnp.where(seen, dscores, 0)  # who sees nobody has weights nevertheless, which are fixed
        scale = query.shape[-1] ** -0.5
        dquery = jnp.einsum("...ts,...sd->...td", dscores, wide_key) * scale
        # sums over the first axis of both, as Q^T dE/dS and turned: 0.93 of the time of dE/dS^T Q on CPU
        dkey = jnp.einsum("...td,...ts->...ds", wide_query * scale, dscores)
        dvalue = jnp.einsum("...td,...ts->...ds", shared, weights)
        dkey, dvalue = jnp.swapaxes(dkey, -2, -1), jnp.swapaxes(dvalue, -2, -1)
        return dquery.astype(query.dtype), dkey.astype(key.dtype), dvalue.astype(value.dtype)

    return means.astype(value.dtype), pull


def _by_part(layer: MultiHeadAttention, params: Params, x: Array, dz: Array) -> Params:
    """The gradients of the kernels and biases of queries, keys and values, of their one product's delta."""
    parts = ("query", "key", "value")
    kernels = jnp.split(by_examples(x, dz), 3, axis=-1)  # (features, 3 features)
    biases = jnp.split(dz.sum(axis=tuple(range(dz.ndim - 1))), 3)
    grads: Params = {}
    for name, kernel, bias in zip(parts, kernels, biases, strict=True):
        shape = params[name]["kernel"].shape
        grads[name] = {"kernel": kernel.reshape(shape)} | ({"bias": bias.reshape(shape[1:])} if layer.use_bias else {})
    return grads
