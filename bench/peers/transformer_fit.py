"""Ours: `fit` of the small language model."""

from collections.abc import Callable

import jax
import numpy as np

import jaxnn as nn
from bench.problem import HEADS, VOCABULARY, Problem


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray) -> Callable[[int], float]:
    """Return the run."""
    width, depth = problem.hidden[0], len(problem.hidden)
    net = nn.models.transformer_lm(VOCABULARY, width, depth, HEADS, x.shape[1], positions="learned")

    def run(seed: int) -> float:
        done = nn.fit(
            net, (x, y), nn.losses.softmax_cross_entropy, learning_rate=problem.rate, epochs=problem.epochs,
            batch_size=problem.batch, key=seed, progress=False,
        )  # fmt: skip
        jax.block_until_ready(done.params)
        return float(done.history["loss"][-1])

    return run
