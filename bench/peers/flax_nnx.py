"""Flax NNX: a Python loop of an `nnx.jit`ted step; `cached` as its guide on performance shows."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
from flax import nnx

from bench.problem import Problem


class Network(nnx.Module):
    """Dense layers with ReLU between them."""

    def __init__(self, widths: tuple[int, ...], rngs: nnx.Rngs) -> None:
        self.layers = nnx.List([nnx.Linear(i, o, rngs=rngs) for i, o in itertools.pairwise(widths)])

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return the outputs."""
        for layer in self.layers[:-1]:
            x = nnx.relu(layer(x))
        return self.layers[-1](x)


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray, cached: bool = False) -> Callable[[int], float]:
    """Return the run; minibatches are taken from NumPy arrays."""

    @nnx.jit
    def train_step(model: Network, optimizer: nnx.Optimizer, x: Any, y: Any) -> jax.Array:
        def loss(model: Network) -> jax.Array:
            outputs = model(x)
            if problem.classifies:
                return optax.softmax_cross_entropy_with_integer_labels(outputs, y).mean()
            return ((outputs - y) ** 2).mean()

        value, grads = nnx.value_and_grad(loss)(model)
        optimizer.update(model, grads)
        return value

    def run(seed: int) -> float:
        model = Network(problem.widths, nnx.Rngs(seed))
        for layer, (kernel, bias) in zip(model.layers, problem.weights(seed), strict=True):
            layer.kernel[...], layer.bias[...] = kernel, bias
        optimizer = nnx.Optimizer(model, optax.adam(problem.rate), wrt=nnx.Param)
        step = nnx.cached_partial(train_step, model, optimizer) if cached else partial(train_step, model, optimizer)
        random, values = np.random.default_rng(seed), []
        for _ in range(problem.epochs):
            order = random.permutation(len(x))[: problem.whole_batches * problem.batch]
            values = []
            for rows in order.reshape(-1, problem.batch):
                values.append(step(x[rows], y[rows]))
        return float(np.mean(jax.device_get(values)))

    return run
