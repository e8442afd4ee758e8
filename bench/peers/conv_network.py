"""The convolutional network of the table "images" and its step as one writes them in JAX and optax for one case alone.

Convolution 3 x 3 x 32, pool, convolution 3 x 3 x 64, pool, dense 128, dense 10; the convolution and the pooling are
XLA's own.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

SHAPES = {"conv_0": (3, 3, 1, 32), "conv_1": (3, 3, 32, 64), "dense_0": (3136, 128), "dense_1": (128, 10)}


def initial(key: jax.Array) -> dict[str, dict[str, jax.Array]]:
    """Draw kernels as He and, for the last, LeCun say; biases of zero."""
    he, lecun = jax.nn.initializers.he_normal(), jax.nn.initializers.lecun_normal()
    return {
        name: {
            "kernel": (lecun if name == "dense_1" else he)(jax.random.fold_in(key, i), shape),
            "bias": jnp.zeros(shape[-1]),
        }
        for i, (name, shape) in enumerate(SHAPES.items())
    }


def forward(params: Any, x: jax.Array) -> jax.Array:
    """Return the logits `(n, 10)` of images `(n, 28, 28, 1)`."""
    for name in ("conv_0", "conv_1"):
        layout = ("NHWC", "HWIO", "NHWC")
        x = jax.lax.conv_general_dilated(x, params[name]["kernel"], (1, 1), "SAME", dimension_numbers=layout)
        x = jax.nn.relu(x + params[name]["bias"])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = jax.nn.relu(x.reshape(len(x), -1) @ params["dense_0"]["kernel"] + params["dense_0"]["bias"])
    return x @ params["dense_1"]["kernel"] + params["dense_1"]["bias"]


def make_train(
    apply: Callable[[Any, jax.Array], jax.Array], epochs: int, batch: int, rate: float
) -> Callable[..., Any]:
    """Return `train(params, key, x, y)`, the losses of a whole run in two nested scans, under Adam."""
    rule = optax.adam(rate)

    def loss(params: Any, x: jax.Array, y: jax.Array) -> jax.Array:
        return optax.softmax_cross_entropy_with_integer_labels(apply(params, x), y).mean()

    def train(params: Any, key: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        def one_step(carry: Any, rows: jax.Array) -> Any:
            params, opt_state = carry
            value, grads = jax.value_and_grad(loss)(params, x[rows], y[rows])
            updates, opt_state = rule.update(grads, opt_state, params)
            return (optax.apply_updates(params, updates), opt_state), value

        def epoch(carry: Any, key: jax.Array) -> Any:
            order = jax.random.permutation(key, len(x))[: len(x) // batch * batch].reshape(-1, batch)
            carry, values = jax.lax.scan(one_step, carry, order)
            return carry, values.mean()

        return jax.lax.scan(epoch, (params, rule.init(params)), jax.random.split(key, epochs))[1]

    return train
