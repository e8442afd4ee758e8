"""Extended notation: the bias as the weight w_0 of an input x_0 that is always 1."""

from typing import Any

import jax.numpy as jnp

from jaxnn.checks import fail
from jaxnn.pytypes import Array, Params
from jaxnn.shapes import floating_array


def extended_inputs(x: Any) -> Array:
    """Return examples with the input x_0 = 1 in front.

    `x @ kernel + bias = extended_inputs(x) @ extended_weights(params)`

    Args:
        x: (..., features).

    Returns:
        (..., 1 + features), floating.

    Raises:
        JaxnnError: if there is no axis of features.

    >>> extended_inputs([[3.0, 4.0]]).tolist()
    [[1.0, 3.0, 4.0]]
    """
    inputs = floating_array("x", x)
    if inputs.ndim == 0:
        fail("x", "a number", "features on the last axis")
    one = jnp.ones((*inputs.shape[:-1], 1), inputs.dtype)
    return jnp.concatenate([one, inputs], axis=-1)  # (..., features) -> (..., 1 + features)


def extended_weights(params: Params) -> Array:
    """Return the parameters of a `Dense` layer as one matrix whose first row is the bias.

    Args:
        params: `kernel` (features, outputs) and `bias` (outputs,).

    Returns:
        (1 + features, outputs).

    >>> extended_weights({"kernel": jnp.array([[1.0], [2.0]]), "bias": jnp.array([-2.0])}).tolist()
    [[-2.0], [1.0], [2.0]]
    """
    return jnp.concatenate([params["bias"][None], params["kernel"]])  # (1 + features, outputs)


def dense_params(weights: Any) -> Params:
    """Return the parameters of a `Dense` layer from extended weights; the inverse of `extended_weights`.

    Args:
        weights: (1 + features, outputs), the bias first.

    Returns:
        `kernel` (features, outputs) and `bias` (outputs,).

    Raises:
        JaxnnError: if the weights are no such matrix.

    >>> dense_params([[-2.0], [1.0], [2.0]])["kernel"].tolist()
    [[1.0], [2.0]]
    """
    matrix = floating_array("weights", weights)
    if matrix.ndim != 2 or matrix.shape[0] == 0:
        fail("weights", f"shape {matrix.shape}", "a matrix with the bias in its first row: (1 + features, outputs)")
    return {"kernel": matrix[1:], "bias": matrix[0]}
