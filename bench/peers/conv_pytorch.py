"""PyTorch: the training loop of its tutorial, with the network of the table "images"."""

import os
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from bench.problem import Problem


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray) -> Callable[[int], float]:
    """Return the run, on as many threads as there are cores."""
    torch.set_num_threads(os.cpu_count() or 1)
    inputs, targets = torch.from_numpy(x).movedim(-1, 1).contiguous(), torch.from_numpy(y.astype(np.int64))
    loss_fn = nn.CrossEntropyLoss()

    def run(seed: int) -> float:
        torch.manual_seed(seed)
        layers = [
            nn.Conv2d(1, 32, 3, padding=1),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.Linear(3136, 128),
            nn.Linear(128, 10),
        ]
        for i, layer in enumerate(layers):
            fan_in = layer.weight[0].numel()
            deviation = ((1 if i == 3 else 2) / fan_in) ** 0.5
            nn.init.trunc_normal_(layer.weight, 0, deviation / 0.8796, -2 * deviation / 0.8796, 2 * deviation / 0.8796)
            nn.init.zeros_(layer.bias)
        model = nn.Sequential(
            layers[0], nn.ReLU(), nn.MaxPool2d(2), layers[1], nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            layers[2], nn.ReLU(), layers[3],
        )  # fmt: skip
        optimizer = torch.optim.Adam(model.parameters(), lr=problem.rate)
        last = torch.zeros(())
        for _ in range(problem.epochs):
            last = torch.zeros(())
            for rows in torch.randperm(len(inputs)).split(problem.batch):
                optimizer.zero_grad()
                loss = loss_fn(model(inputs[rows]), targets[rows])
                loss.backward()
                optimizer.step()
                last += loss.detach()
        return last.item() / problem.batches

    return run
