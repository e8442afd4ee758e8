"""PyTorch: its tutorial's loop within loops over settings and folds, with what was fastest: one thread, fused Adam."""

from collections.abc import Callable

import numpy as np
import torch

from bench.peers.search_grid import FOLDS, GRIDS, Figures, loop
from bench.problem import Problem


def prepare(
    problem: Problem, x: np.ndarray, y: np.ndarray, grid: str = "4", folds: int = FOLDS
) -> Callable[[int], Figures]:
    """Return the run."""
    torch.set_num_threads(1)
    inputs, targets = torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y.astype(np.int64))
    loss_fn = torch.nn.CrossEntropyLoss()

    def accuracy(
        train: np.ndarray, test: np.ndarray, hidden_layer_sizes: tuple[int], learning_rate_init: float, alpha: float
    ) -> float:
        torch.manual_seed(0)
        (width,), penalty = hidden_layer_sizes, alpha / problem.batch
        model = torch.nn.Sequential(torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10))
        optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate_init, weight_decay=penalty, fused=True)
        known, wanted = inputs[train], targets[train]
        for _ in range(problem.epochs):
            for rows in torch.randperm(len(known)).split(problem.batch):
                optimizer.zero_grad()
                loss_fn(model(known[rows]), wanted[rows]).backward()
                optimizer.step()
        with torch.no_grad():
            return (model(inputs[test]).argmax(1) == targets[test]).float().mean().item()

    return loop(accuracy, x, y, GRIDS[grid], folds)
