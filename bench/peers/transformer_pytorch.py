"""PyTorch: the small language model with its own fused attention, trained by the loop of its tutorial."""

import os
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from bench.problem import HEADS, VOCABULARY, Problem


class Block(torch.nn.Module):
    """Attention and a small network, each normalized before and added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norms = torch.nn.ModuleList([torch.nn.LayerNorm(width, eps=1e-6) for _ in range(2)])
        self.projected = torch.nn.Linear(width, 3 * width)
        self.out, self.up, self.down = (
            torch.nn.Linear(*sizes) for sizes in [(width, width), (width, 4 * width), (4 * width, width)]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what follows for `(batch, time, width)`."""
        batch, time, width = x.shape
        parts = self.projected(self.norms[0](x)).split(width, -1)
        q, k, v = (part.view(batch, time, HEADS, width // HEADS).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, time, width))
        return x + self.down(functional.gelu(self.up(self.norms[1](x)), approximate="tanh"))


class Model(torch.nn.Module):
    """Tokens in, logits of the next token out."""

    def __init__(self, width: int, depth: int, time: int) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, width)
        self.positions = torch.nn.Embedding(time, width)
        self.blocks = torch.nn.Sequential(*[Block(width) for _ in range(depth)])
        self.norm = torch.nn.LayerNorm(width, eps=1e-6)
        self.head = torch.nn.Linear(width, VOCABULARY)
        for layer in self.modules():  # drawn as `fit` draws: LeCun's (truncated) normal, biases of zero
            if isinstance(layer, torch.nn.Linear):
                _draw(layer.weight, layer.in_features)
                torch.nn.init.zeros_(layer.bias)
        _draw(self.embedding.weight, width)
        torch.nn.init.normal_(self.positions.weight, std=0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits `(batch, time, vocabulary)`."""
        return self.head(self.norm(self.blocks(self.embedding(x) + self.positions.weight[: x.shape[1]])))


def _draw(weight: torch.Tensor, inputs: int) -> None:
    std = inputs**-0.5 / 0.87962566103423978  # what the cut leaves of the standard deviation
    torch.nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray) -> Callable[[int], float]:
    """Return the run, on as many threads as there are cores."""
    torch.set_num_threads(os.cpu_count() or 1)
    inputs, targets = torch.from_numpy(x.astype(np.int64)), torch.from_numpy(y.astype(np.int64))

    def run(seed: int) -> float:
        torch.manual_seed(seed)
        model = Model(problem.hidden[0], len(problem.hidden), x.shape[1])
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
