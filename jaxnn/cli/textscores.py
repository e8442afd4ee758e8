"""How well a network foretells a text: the loss of every token but the first."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.data.windows import next_tokens

PIECE = 256
"""Windows whose outputs are held at a time: 13 MB of 128 tokens and 100 characters."""


@dataclass(frozen=True)
class TextScores:
    """How well the next token of a text is foretold.

    Args:
        tokens: how many were to be foretold.
        correct: of how many the most probable one was right.
        loss: the mean of -log p(token), in nats.
        unit: what a token is: "character" or "byte".

    >>> scores = TextScores(100, 50, math.log(4), "character")
    >>> scores.bits, scores.perplexity, scores.accuracy
    (2.0, 4.0, 0.5)
    """

    tokens: int
    correct: int
    loss: float
    unit: str

    @property
    def bits(self) -> float:
        """The mean of -log2 p(token): what a token takes in a text compressed with these probabilities."""
        return self.loss / math.log(2)

    @property
    def perplexity(self) -> float:
        """exp(loss): as unsure as a choice among so many that are equally probable."""
        return math.exp(min(self.loss, 700.0))

    @property
    def accuracy(self) -> float:
        """The share of tokens whose most probable guess was right."""
        return self.correct / self.tokens

    def to_json(self) -> dict[str, Any]:
        """Return what `metrics.json` has of it."""
        known = math.isfinite(self.loss)
        return {
            "unit": self.unit, "tokens": self.tokens, "correct": self.correct, "accuracy": self.accuracy,
            "loss": self.loss if known else None, "bits": self.bits if known else None,
            "perplexity": self.perplexity if known else None,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Foretold:
    """What a network said of each token but the first.

    Args:
        tokens: int32 (n,) the text.
        losses: float64 (n - 1,) -log p of each token after the first.
        answers: int32 (n - 1,) the most probable token at each of these places.
    """

    tokens: np.ndarray
    losses: np.ndarray
    answers: np.ndarray

    def scores(self, unit: str) -> TextScores:
        """Return the scores; the loss of what diverged is not finite."""
        right = int((self.answers == self.tokens[1:]).sum())
        return TextScores(len(self.losses), right, float(self.losses.mean()), unit)

    def mistakes(self, most: int) -> list[tuple[int, int, int]]:
        """Return the most frequent mistakes: the true token, what was taken for it, how often."""
        wrong = self.answers != self.tokens[1:]
        pairs = Counter(zip(self.tokens[1:][wrong].tolist(), self.answers[wrong].tolist(), strict=True))
        return [(truth, answer, times) for (truth, answer), times in pairs.most_common(most)]


def foretold(logits: Callable[[np.ndarray], np.ndarray], tokens: np.ndarray, length: int) -> Foretold:
    """Measure a network on every token of a text but the first.

    The text is read in windows of `length`, one after the other; the last one begins so that it ends with the text, and
    counts only for what the others have not seen.

    Args:
        logits: from int32 (windows, length) to (windows, length, vocabulary).
        tokens: int32 (n,), at least `length` + 1.
        length: of a window.

    Returns:
        What the network said.

    >>> even = foretold(lambda x: np.zeros((*x.shape, 4)), np.array([0, 1, 2, 3, 0, 1]), 3)
    >>> even.losses.round(3).tolist(), even.scores("character").perplexity
    ([1.386, 1.386, 1.386, 1.386, 1.386], 4.0)
    """
    x, y = next_tokens(tokens, length)
    rest = (len(tokens) - 1) - y.size
    if rest:
        last = next_tokens(tokens[-length - 1 :], length)
        x, y = np.concatenate([x, last[0]]), np.concatenate([y, last[1]])
    pieces = [_measured(logits(x[i : i + PIECE]), y[i : i + PIECE]) for i in range(0, len(x), PIECE)]
    losses, answers = (np.concatenate([piece[part] for piece in pieces]) for part in (0, 1))  # (windows, length)
    whole = len(losses) - bool(rest)
    each = (np.concatenate([one[:whole].ravel(), one[whole:, length - rest :].ravel()]) for one in (losses, answers))
    return Foretold(np.asarray(tokens), *each)


def _measured(outputs: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """-log p of each target and the most probable token, (windows, length) each."""
    with np.errstate(over="ignore", invalid="ignore"):  # the last weights of a run that diverged
        z = outputs - outputs.max(axis=-1, keepdims=True)
        own = np.take_along_axis(z, y[..., None], axis=-1)[..., 0]  # (windows, length, 1) -> (windows, length)
        losses = np.log(np.exp(z).sum(axis=-1, dtype=np.float64)) - own
    return losses, outputs.argmax(axis=-1).astype(np.int32)


def frequency_loss(learnt: np.ndarray, scored: np.ndarray, size: int) -> float:
    """Return the loss of always guessing by how often each token stands in the text that was learnt.

    `-mean log((count + 1) / (tokens + size))`

    Args:
        learnt: int (n,) the tokens trained on.
        scored: int (m,) those to be foretold.
        size: how many different ones there are.

    Returns:
        The loss in nats.

    >>> frequency_loss(np.array([0, 0, 1]), np.array([0, 1]), 2)
    0.714
    """
    counts = np.bincount(learnt, minlength=size) + 1
    return float(-np.log(counts / counts.sum())[scored].mean())
