"""JAX by hand with XLA's convolution: the whole run, or eight of them as one vmapped program."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import jaxnn as nn
from bench.peers.conv_network import forward, initial, make_train
from bench.problem import Problem


def prepare(
    problem: Problem, x: np.ndarray, y: np.ndarray, members: int = 0, ours: bool = False
) -> Callable[[int], float]:
    """Return the run; with `ours`, `lax.map` over members of jaxnn's layers, not `vmap` over XLA's convolution."""
    net = nn.models.lenet(10)
    apply = (lambda params, x: net.apply(params, {}, x)[0]) if ours else forward
    train = make_train(apply, problem.epochs, problem.batch, problem.rate)
    on_device = jnp.asarray(x), jnp.asarray(y)

    @jax.jit
    def run(key: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        def alone(key: jax.Array) -> jax.Array:
            return train(initial(key), jax.random.fold_in(key, 9), x, y)

        keys = jax.random.split(key, members or 1)
        return (jax.lax.map(alone, keys) if ours or not members else jax.vmap(alone)(keys))[:, -1].mean()

    return lambda seed: float(run(jax.random.key(seed), *on_device))
