"""The network and its step as one writes them in JAX and optax for one case alone; `jax_scan` and `jax_loop` run it."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from bench.problem import Problem

Layers = tuple[tuple[jax.Array, jax.Array], ...]


def initial(problem: Problem, key: jax.Array) -> Layers:
    """Draw kernels as He and LeCun say, biases of zero."""
    pairs = list(itertools.pairwise(problem.widths))
    draws = [jax.nn.initializers.he_normal()] * len(problem.hidden) + [jax.nn.initializers.lecun_normal()]
    keys = jax.random.split(key, len(pairs))
    return tuple((draw(k, pair), jnp.zeros(pair[1])) for draw, k, pair in zip(draws, keys, pairs, strict=True))


def make_step(problem: Problem) -> tuple[optax.GradientTransformation, Callable[..., Any]]:
    """Return Adam, and the step `(params, opt_state, x, y) -> params, opt_state, loss`."""
    rule = optax.adam(problem.rate)

    def forward(params: Layers, x: jax.Array) -> jax.Array:
        *hidden, (w, b) = params
        for kernel, bias in hidden:
            x = jax.nn.relu(x @ kernel + bias)
        return x @ w + b

    def loss(params: Layers, x: jax.Array, y: jax.Array) -> jax.Array:
        outputs = forward(params, x)
        if problem.classifies:
            return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()
        return ((outputs - y) ** 2).mean()

    def step(params: Layers, opt_state: Any, x: jax.Array, y: jax.Array) -> tuple[Layers, Any, jax.Array]:
        value, grads = jax.value_and_grad(loss)(params, x, y)
        updates, opt_state = rule.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, value  # pyright: ignore[reportReturnType]

    return rule, step
