"""How far answers are apart: of the members of an ensemble, or of one network whose dropout stays on."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.layers.base import Layer
from jaxnn.layers.dropout import monte_carlo
from jaxnn.model import Model
from jaxnn.ops import fold_in
from jaxnn.train import Run, measure
from jaxnn.train.prepare import seed_of

MOST_DRAWS = 2**14
"""Passes times rows computed at a time in a small network; fewer in one with wide layers."""


@dataclass(frozen=True, eq=False, repr=False)
class Predictions:
    """Several answers for every example, and what they say together.

    >>> found = Predictions(np.array([[1.0, 4.0], [3.0, 4.0]]))
    >>> found.mean.tolist(), found.std.tolist(), found.interval(0.5).tolist()
    ([2.0, 4.0], [1.0, 0.0], [[1.5, 4.0], [2.5, 4.0]])
    """

    draws: np.ndarray
    """float64 (draws, examples, ...): probabilities of classes, or values in the user's unit."""

    @property
    def mean(self) -> np.ndarray:
        """(examples, ...)"""
        return self.draws.mean(axis=0)

    @property
    def std(self) -> np.ndarray:
        """(examples, ...) the standard deviation of the draws themselves."""
        return self.draws.std(axis=0)

    def interval(self, level: float = 0.95) -> np.ndarray:
        """Return between which values the middle draws lie, (2, examples, ...): lower and upper.

        Args:
            level: the share of draws inside, from 0 to 1; quantiles between draws are interpolated.

        Raises:
            JaxnnError: if the level is out of range.
        """
        number_in("level", level, 0, 1, open_low=True, open_high=True)
        return np.quantile(self.draws, [0.5 - level / 2, 0.5 + level / 2], axis=0)

    def __repr__(self) -> str:
        return f"Predictions({len(self.draws)} draws of shape {self.draws.shape[1:]})"


def predictions(model: Model, outputs: np.ndarray) -> Predictions:
    """Return what several outputs of a network mean: probabilities where it tells classes apart, else values.

    Args:
        model: knows what outputs mean.
        outputs: `(draws, examples, ..., outputs)`.

    Returns:
        The predictions.

    Raises:
        JaxnnError: if an output is NaN.
    """
    probable = model.task in ("classification", "binary", "multilabel")
    said = model.shares(outputs) if probable else model.answers(outputs)
    return Predictions(np.asarray(said, np.float64))


def monte_carlo_predictions(
    run: Run | Model, x: Any, *, passes: int = 100, key: Any = 0, mask: Any = None
) -> Predictions:
    """Return answers of a network whose dropout stays on: their spread says how sure it is.

    Examples are computed in blocks through one compiled program, with the noise of `jaxnn.monte_carlo`. A `BatchNorm`
    takes the statistics of a block.

    Args:
        run: a finished run or a model, of a network with dropout or noise.
        x: `(examples, ...)`, or what the model's preprocessing takes.
        passes: how many answers for each example, at least 1.
        key: the same key gives the same answers.
        mask: Boolean `(examples, time)`, True at real positions; None where all are.

    Returns:
        The predictions: `mean`, `std`, `interval(level)`.

    Raises:
        JaxnnError: if a number is out of range or the examples do not fit.

    Reference: Y. Gal and Z. Ghahramani, "Dropout as a Bayesian Approximation", 2016.

    >>> import jaxnn as nn
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> net = nn.Chain(nn.Dense(16), nn.tanh, nn.Dropout(0.2), nn.Dense(1))
    >>> run = nn.fit(net, (x, x[:, 0] ** 2), nn.losses.squared_error, epochs=5)
    >>> found = monte_carlo_predictions(run, x, passes=50)
    >>> found, found.interval(0.9).shape, bool((found.std > 0).all())
    (Predictions(50 draws of shape (40,)), (2, 40), True)
    """
    model = run if isinstance(run, Model) else Model.of(run)
    passes = whole_number("passes", passes, 1)
    x = x if model.preprocessing is None else model.preprocessing.transform(x)
    x = np.asarray(x, model.example.dtype)
    if x.shape[1:] != tuple(model.example.shape):
        fail("x", f"shape {x.shape}", f"examples of shape {tuple(model.example.shape)}: (examples, ...)")
    words, impl = seed_of(key)
    most = measure.rows_at_a_time(model.net, model.params, model.state, model.example, MOST_DRAWS)
    size = max(most // passes, 1)  # whatever there is of x, so that one program does for all
    said, weights = [], jax.device_put((model.params, model.state))
    for block, start in enumerate(range(0, len(x), size)):
        rows = np.arange(start, start + size)
        real = rows < len(x)
        rows = np.minimum(rows, len(x) - 1)
        marked = real if mask is None else np.asarray(mask)[rows] & real[:, None]
        one = _passes(model.net, passes, impl)
        said.append(np.asarray(one(*weights, x[rows], words, np.int32(block), marked))[:, real])
    return predictions(model, np.concatenate(said, axis=1))


@lru_cache(64)
def _passes(net: Layer, passes: int, impl: str) -> Any:
    def block_of(params: Any, state: Any, x: Any, words: Any, block: Any, mask: Any) -> Any:
        key = fold_in(jax.random.wrap_key_data(words, impl=impl), block)
        return monte_carlo(net, params, state, x, key=key, passes=passes, mask=mask)

    return jax.jit(block_of)
