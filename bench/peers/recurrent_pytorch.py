"""PyTorch: a character model with its own recurrent layers, trained by the loop of its tutorial."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from bench.problem import STEPS, VOCABULARY, Problem

WIDTH = 64
"""Of a token's vector, as by default in ours."""


class Model(torch.nn.Module):
    """Tokens in, logits of the next token out."""

    def __init__(self, cell: str, hidden: int) -> None:
        super().__init__()
        kind: Any = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[cell]
        self.embedding = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.cell = kind(WIDTH, hidden, batch_first=True)
        self.head = torch.nn.Linear(hidden, VOCABULARY)
        with torch.no_grad():  # drawn as `fit` draws
            _draw(self.embedding.weight, WIDTH)
            _draw(self.head.weight, hidden)
            self.head.bias.zero_()
            _draw(self.cell.weight_ih_l0, WIDTH)
            for part in self.cell.weight_hh_l0.split(hidden):
                torch.nn.init.orthogonal_(part)
            self.cell.bias_ih_l0.zero_()
            self.cell.bias_hh_l0.zero_()
            if cell == "lstm":
                self.cell.bias_ih_l0[hidden : 2 * hidden] = 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits `(batch, time, vocabulary)`."""
        return self.head(self.cell(self.embedding(x))[0])


def _draw(weight: torch.Tensor, inputs: int) -> None:
    std = inputs**-0.5 / 0.87962566103423978  # what the cut leaves of the standard deviation
    torch.nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray, cell: str = "lstm") -> Callable[[int], float]:
    """Return the run, on as many threads as there are cores."""
    torch.set_num_threads(os.cpu_count() or 1)
    inputs, targets = (torch.from_numpy(array[:, :STEPS].astype(np.int64)) for array in (x, y))

    def run(seed: int) -> float:
        torch.manual_seed(seed)
        model = Model(cell, problem.hidden[0])
        optimizer = torch.optim.Adam(model.parameters(), lr=problem.rate)
        last = torch.zeros(())
        for _ in range(problem.epochs):
            last = torch.zeros(())
            for rows in torch.randperm(len(inputs)).split(problem.batch):
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(inputs[rows]).flatten(0, 1), targets[rows].flatten())
                loss.backward()
                optimizer.step()
                last += loss.detach()
        return last.item() / problem.batches

    return run
