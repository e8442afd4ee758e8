"""Ours: many networks by one `fit_many`, or by one `fit` after the other."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import jaxnn as nn
from bench.problem import Problem


def prepare(
    problem: Problem, x: np.ndarray, y: np.ndarray, members: int, losses: int, alone: bool = False,
    threads: int | None = None,
) -> Callable[[int], float]:  # fmt: skip
    """Return the run of so many members; it returns the mean last loss of the first so many."""
    net, loss = nn.models.mlp(problem.hidden, problem.widths[-1]), nn.losses.softmax_cross_entropy
    shared: dict[str, Any] = {"epochs": problem.epochs, "batch_size": problem.batch, "progress": False}

    def run(seed: int) -> float:
        each = [
            {"key": 1000 * seed + i, "learning_rate": problem.rate * (1 + i % losses / losses)} for i in range(members)
        ]
        if alone:
            done = [nn.fit(net, (x, y), loss, **member, **shared) for member in each]
        else:
            done = nn.fit_many(net, (x, y), loss, each, threads=threads, **shared)
        jax.block_until_ready([one.params for one in done])
        return float(np.mean([one.history["loss"][-1] for one in done[:losses]]))

    return run
