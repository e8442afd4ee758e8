"""Ours: `fit` of `models.lenet`."""

from collections.abc import Callable

import jax
import numpy as np

import jaxnn as nn
from bench.problem import Problem


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray) -> Callable[[int], float]:
    """Return the run."""

    def run(seed: int) -> float:
        done = nn.fit(
            nn.models.lenet(10), (x, y), nn.losses.softmax_cross_entropy, learning_rate=problem.rate,
            epochs=problem.epochs, batch_size=problem.batch, key=seed, progress=False,
        )  # fmt: skip
        jax.block_until_ready(done.params)
        return float(done.history["loss"][-1])

    return run
