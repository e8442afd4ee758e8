"""Back through affine maps.

With `z = x W + b` for each of the n examples, and `delta = dE/dz` for each, the chain rule gives

    dE/dW_ij = sum_n dE/dz_nj dz_nj/dW_ij = sum_n x_ni delta_nj      that is  x^T delta
    dE/db_j  = sum_n delta_nj
    dE/dx_ni = sum_j delta_nj W_ij                                  that is  delta W^T

On the slides W has a row for each unit; here it has a column for each, so what they transpose is not transposed here.
"""

from typing import Any

from jaxnn.backprop.rules import Pull, register, to_input
from jaxnn.layers import Dense
from jaxnn.ops import product
from jaxnn.pytypes import Array, Params, State


@register(Dense)
def dense(layer: Dense, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State, Pull]:
    """Return `z = x W + b`, and the pull of delta = dE/dz to dE/dW, dE/db and dE/dx."""
    z, state = layer.apply(params, state, x, **how)
    kernel = params["kernel"]

    def pull(delta: Array) -> tuple[Params, Any]:
        dparams = {"kernel": by_examples(x.astype(kernel.dtype), delta)}
        if layer.use_bias:
            dparams["bias"] = delta.sum(axis=tuple(range(delta.ndim - 1)))  # (..., out) -> (out,)
        return dparams, to_input(x, product(delta, kernel.T))

    return z, state, pull


def by_examples(x: Array, delta: Array) -> Array:
    """Return `x^T delta`, the gradient of a kernel summed over all examples.

    Args:
        x: `(..., in)`.
        delta: `(..., out)`.

    Returns:
        `(in, out)`.

    >>> import jax.numpy as jnp
    >>> print(by_examples(jnp.array([[1.0], [2.0]]), jnp.array([[10.0], [1.0]])))
    [[12.]]
    """
    return x.reshape(-1, x.shape[-1]).T @ delta.reshape(-1, delta.shape[-1])
