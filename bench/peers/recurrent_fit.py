"""Ours: `fit` of a character model."""

from collections.abc import Callable

import jax
import numpy as np

import jaxnn as nn
from bench.problem import STEPS, VOCABULARY, Problem


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray, cell: str = "lstm") -> Callable[[int], float]:
    """Return the run."""
    net = nn.models.char_rnn(VOCABULARY, problem.hidden[0], cell=cell)
    x, y = x[:, :STEPS], y[:, :STEPS]

    def run(seed: int) -> float:
        done = nn.fit(
            net, (x, y), nn.losses.softmax_cross_entropy, learning_rate=problem.rate, epochs=problem.epochs,
            batch_size=problem.batch, key=seed, progress=False,
        )  # fmt: skip
        jax.block_until_ready(done.params)
        return float(done.history["loss"][-1])

    return run
