"""What is trained, the same for all: data, widths, epochs, batches, and the weights that everyone begins with."""

import dataclasses
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """One training run: a ReLU network under Adam, from drawn weights to the last epoch."""

    name: str
    data: str
    """"digits" (10 classes, softmax cross-entropy), "wave" (one value, squared error), "tokens" (the next one), or one
    of `OF_SCIKIT_LEARN`."""
    rows: int
    hidden: tuple[int, ...]
    epochs: int
    batch: int
    rate: float = 1e-3

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs, hidden layers, outputs."""
        return (64, *self.hidden, 10) if self.data == "digits" else (4, *self.hidden, 1)

    @property
    def classifies(self) -> bool:
        """Whether the targets are classes."""
        return self.data != "wave"

    @property
    def whole_batches(self) -> int:
        """Minibatches of an epoch without a last short one."""
        return self.rows // self.batch

    @property
    def batches(self) -> int:
        """Minibatches of an epoch with a last short one, if there is one."""
        return -(-self.rows // self.batch)

    def weights(self, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Draw kernels `(in, out)` and zero biases: He's (truncated) normal for hidden layers, LeCun's for the last.

        That is what `fit` draws from.

        Args:
            seed: of the draw.

        Returns:
            float32 pairs, from the first layer to the last.
        """
        random, pairs = np.random.default_rng(seed), list(itertools.pairwise(self.widths))
        gains = [2.0] * len(self.hidden) + [1.0]
        return [
            (_truncated(random, (i, o)) * np.float32((gain / i) ** 0.5), np.zeros(o, np.float32))
            for (i, o), gain in zip(pairs, gains, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Problem":
        """Return the problem that `to_json` described."""
        return cls(**(values | {"hidden": tuple(values["hidden"])}))


def _truncated(random: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Draw from a normal distribution cut off at two standard deviations, scaled to a standard deviation of 1."""
    drawn = random.normal(size=shape)
    while (far := np.abs(drawn) > 2).any():
        drawn[far] = random.normal(size=far.sum())
    return (drawn / 0.87962566103423978).astype(np.float32)  # what the cut leaves of the standard deviation


DIGITS = Problem("digits", "digits", 1437, (64,), 100, 32)
TINY = Problem("tiny", "wave", 1024, (8, 8), 500, 16)
IMAGES = Problem("images", "images", 2048, (), 1, 64)
"""For a network of its own, which the peers named conv_... have."""
TRANSFORMER = Problem("transformer", "tokens", 256, (128,) * 4, 2, 16)
RECURRENT = Problem("recurrent", "tokens", 2048, (128,), 2, 32)

VOCABULARY, HEADS, TOKENS = 64, 4, 128
"""Of the language model, and how long its sequences are."""

STEPS = 64
"""So much of them the recurrent models take."""


def _images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 28 x 28 of ten classes: each has a coarse pattern of its own, under noise."""
    random = np.random.default_rng(0)
    y = (np.arange(count) % 10).astype(np.int32)
    patterns = np.kron(random.normal(size=(10, 7, 7)), np.ones((4, 4)))  # (10, 28, 28)
    x = (patterns[y] + 2 * random.normal(size=(count, 28, 28))) / 2
    return x[..., None].astype(np.float32), y


OF_SCIKIT_LEARN = ("load_digits", "load_digits_16", "load_breast_cancer")
"""Sets as scikit-learn loads them: float64; digits as they are or divided by 16, breast_cancer standardised."""


def _of_scikit_learn(name: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets

    if name == "load_breast_cancer":
        x, y = datasets.load_breast_cancer(return_X_y=True)
        return (x - x.mean(axis=0)) / x.std(axis=0), y
    x, y = datasets.load_digits(return_X_y=True)
    return x / (16 if name == "load_digits_16" else 1), y


def write_data(problem: Problem, folder: Path) -> Path:
    """Write x and y of a problem to a file, so that no peer has to import ours to read them.

    Args:
        problem: rows beyond those of the set are the same rows again.
        folder: where to.

    Returns:
        The path of the `.npz` file: x float32 `(rows, features)`; y int32 `(rows,)` or float32 `(rows, 1)`. Those of
        scikit-learn have the dtypes that it loads them with.
    """
    path = folder / f"{problem.data}-{problem.rows}.npz"
    if path.exists():
        return path
    if problem.data == "tokens":
        x, y = _chain_of_tokens(problem.rows)
    elif problem.data == "digits":
        from jaxnn.data import builtin

        table = builtin.digits()
        count = min(problem.rows, DIGITS.rows)
        x, y = (
            (np.asarray(table.features)[:count] / 16).astype(np.float32),
            np.asarray(table.target)[:count].astype(np.int32),
        )
    elif problem.data in OF_SCIKIT_LEARN:
        x, y = _of_scikit_learn(problem.data)
    elif problem.data == "images":
        x, y = _images(problem.rows)
    else:
        x = np.random.default_rng(0).normal(size=(problem.rows, 4)).astype(np.float32)
        y = np.sin(x.sum(axis=1, keepdims=True)).astype(np.float32)
    chosen = np.arange(problem.rows) % len(x)
    np.savez(path, x=x[chosen], y=y[chosen])
    return path


def _chain_of_tokens(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences in which four tokens may follow each, and the same one token on."""
    random = np.random.default_rng(0)
    following = random.integers(0, VOCABULARY, (VOCABULARY, 4))
    tokens = np.zeros((rows, TOKENS + 1), np.int32)
    tokens[:, 0] = random.integers(0, VOCABULARY, rows)
    for t in range(TOKENS):
        tokens[:, t + 1] = following[tokens[:, t], random.integers(0, 4, rows)]
    return tokens[:, :-1], tokens[:, 1:]
