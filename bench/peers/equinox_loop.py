"""Equinox: a Python loop of an `eqx.filter_jit`ted step over `eqx.nn.MLP`."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from bench.problem import Problem


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray) -> Callable[[int], float]:
    """Return the run; minibatches are taken from NumPy arrays."""
    rule = optax.adam(problem.rate)

    def loss(model: eqx.nn.MLP, x: Any, y: Any) -> jax.Array:
        outputs = jax.vmap(model)(x)
        if problem.classifies:
            return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()
        return ((outputs - y) ** 2).mean()

    @eqx.filter_jit
    def make_step(model: eqx.nn.MLP, opt_state: Any, x: Any, y: Any) -> Any:
        value, grads = eqx.filter_value_and_grad(loss)(model, x, y)
        updates, opt_state = rule.update(grads, opt_state, eqx.filter(model, eqx.is_array))
        return eqx.apply_updates(model, updates), opt_state, value

    inputs, width, outputs = problem.widths[0], problem.hidden[0], problem.widths[-1]
    blank = eqx.nn.MLP(inputs, outputs, width, len(problem.hidden), key=jax.random.key(0))

    def run(seed: int) -> float:
        weights = [jnp.asarray(array) for w, b in problem.weights(seed) for array in (w.T, b)]
        model = eqx.tree_at(
            lambda m: [leaf for layer in m.layers for leaf in (layer.weight, layer.bias)], blank, weights
        )
        opt_state = rule.init(eqx.filter(model, eqx.is_array))
        random, values = np.random.default_rng(seed), []
        for _ in range(problem.epochs):
            order = random.permutation(len(x))[: problem.whole_batches * problem.batch]
            values = []
            for rows in order.reshape(-1, problem.batch):
                model, opt_state, value = make_step(model, opt_state, x[rows], y[rows])
                values.append(value)
        return float(np.mean(jax.device_get(values)))

    return run
