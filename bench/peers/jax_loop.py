"""JAX by hand: a Python loop of jitted steps that take their rows from data on the device."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.peers.hand_written import initial, make_step
from bench.problem import Problem


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray) -> Callable[[int], float]:
    """Return the run; the old weights are donated to the new."""
    rule, step = make_step(problem)
    count = problem.whole_batches

    @partial(jax.jit, donate_argnums=(0, 1))
    def train_step(params: Any, opt_state: Any, x: jax.Array, y: jax.Array, rows: jax.Array) -> Any:
        return step(params, opt_state, x[rows], y[rows])

    @jax.jit
    def start(key: jax.Array) -> Any:
        params = initial(problem, key)
        return params, rule.init(params)

    on_device = jnp.asarray(x), jnp.asarray(y)

    def run(seed: int) -> float:
        params, opt_state = start(jax.random.key(seed))
        random, values = np.random.default_rng(seed), []
        for _ in range(problem.epochs):
            order = random.permutation(len(x))[: count * problem.batch].reshape(count, problem.batch)
            values = []
            for rows in order:
                params, opt_state, value = train_step(params, opt_state, *on_device, rows)
                values.append(value)
        jax.block_until_ready(params)
        return float(np.mean(jax.device_get(values)))

    return run
