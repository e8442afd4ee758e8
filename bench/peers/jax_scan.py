"""JAX by hand: the whole run is two nested scans in one jitted function; the short last batch is left out."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.peers.hand_written import initial, make_step
from bench.problem import Problem


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray) -> Callable[[int], float]:
    """Return the run; data on the device, everything else inside it."""
    rule, step = make_step(problem)
    batches = problem.whole_batches

    @jax.jit
    def train(key: jax.Array, x: jax.Array, y: jax.Array) -> Any:
        first, order_key = jax.random.split(key)
        params = initial(problem, first)

        def one_step(carry: Any, rows: jax.Array) -> Any:
            params, opt_state, value = step(*carry, x[rows], y[rows])
            return (params, opt_state), value

        def epoch(carry: Any, key: jax.Array) -> Any:
            order = jax.random.permutation(key, len(x))[: batches * problem.batch].reshape(batches, problem.batch)
            carry, values = jax.lax.scan(one_step, carry, order)
            return carry, values.mean()

        keys = jax.random.split(order_key, problem.epochs)
        (params, _), values = jax.lax.scan(epoch, (params, rule.init(params)), keys)
        return params, values

    on_device = jnp.asarray(x), jnp.asarray(y)
    return lambda seed: float(jax.block_until_ready(train(jax.random.key(seed), *on_device))[1][-1])
