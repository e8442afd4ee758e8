"""PyTorch: the training loop of its tutorial, minibatches by indexing (a `DataLoader` would cost more)."""

import itertools
import os
from collections.abc import Callable

import numpy as np
import torch

from bench.problem import Problem


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray, best: bool = False) -> Callable[[int], float]:
    """Return the run, on as many threads as there are cores; `best` is what was fastest of the settings we tried."""
    torch.set_num_threads(1 if best else os.cpu_count() or 1)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y.astype(np.int64) if problem.classifies else y)
    loss_fn = torch.nn.CrossEntropyLoss() if problem.classifies else torch.nn.MSELoss()

    def run(seed: int) -> float:
        torch.manual_seed(seed)
        linear = [torch.nn.Linear(i, o) for i, o in itertools.pairwise(problem.widths)]
        with torch.no_grad():
            for layer, (kernel, bias) in zip(linear, problem.weights(seed), strict=True):
                layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
                layer.bias.copy_(torch.from_numpy(bias))
        between = [module for layer in linear[:-1] for module in (layer, torch.nn.ReLU())]
        model = torch.nn.Sequential(*between, linear[-1])
        optimizer = torch.optim.Adam(model.parameters(), lr=problem.rate, fused=best or None)
        last = torch.zeros(())
        for _ in range(problem.epochs):
            order = torch.randperm(len(inputs))[: problem.whole_batches * problem.batch]
            last = torch.zeros(())
            for rows in order.split(problem.batch):
                optimizer.zero_grad()
                loss = loss_fn(model(inputs[rows]), targets[rows])
                loss.backward()
                optimizer.step()
                last += loss.detach()
        return last.item() / problem.whole_batches

    return run
