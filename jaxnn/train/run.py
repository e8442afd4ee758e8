"""A finished run, and what a trained network says of new examples."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from jaxnn.checks import fail
from jaxnn.config import numbers
from jaxnn.layers.base import Layer
from jaxnn.pytypes import Params, State
from jaxnn.train import measure, tables
from jaxnn.train.history import History
from jaxnn.train.measure import Rows
from jaxnn.train.program import TrainState

BLOCK = 256
"""Rows of a small network computed at a time, fewer of a large one; always as many, so that a row's result does not
depend on the rows beside it."""


@dataclass(frozen=True, eq=False)
class Run:
    """What training left: weights, history, and why it ended.

    >>> import jaxnn as nn
    >>> x = np.array([[0.0], [1.0]], np.float32)
    >>> run = nn.fit(nn.Dense(1), (x, 2 * x), nn.losses.squared_error, learning_rate=0.1, epochs=100)
    >>> run.best_epoch, run.stopped_because, run.logits(x).shape
    (99, 'all 100 epochs done', (2, 1))
    """

    net: Layer
    loss: Any
    params: Params = field(repr=False)
    state: State = field(repr=False)
    history: History
    best_epoch: int
    """Index into the history of the epoch whose weights these are, the last one without validation; -1 where they are
    of no whole epoch (Ctrl-C or a loss that is not finite in the midst of one)."""
    stopped_because: str
    steps: int
    """Minibatches taken."""
    metrics: tuple[Any, ...] = ()
    """What `evaluate` measures beside the loss."""
    interrupted: bool = False
    """Whether Ctrl-C ended the run."""
    diverged: bool = False
    """Whether a loss or weights that are not finite ended the run."""
    example: jax.ShapeDtypeStruct | None = None
    """Shape and dtype of one example."""
    now: TrainState | None = field(default=None, repr=False)
    """Where the training stood at its end: what `fit(resume=run)` goes on from."""

    def logits(self, x: Any, mask: Any = None) -> np.ndarray:
        """Return the network's outputs for new examples, with `train=False`.

        Args:
            x: `(examples, ...)`.
            mask: Boolean `(examples, time)`, True at real positions; None where all are.

        Returns:
            `(examples, outputs)`.

        Raises:
            JaxnnError: if the examples have another shape than those of the training.
        """
        if self.example is not None and np.shape(x)[1:] != self.example.shape:
            fail("x", f"shape {np.shape(x)}", f"examples of shape {self.example.shape}: (examples, ...)")
        return outputs(self.net, self.params, self.state, x, mask)

    def evaluate(self, x: Any, y: Any, weight: Any = None, mask: Any = None) -> dict[str, float]:
        """Measure the run's loss and metrics on other examples, as its history does on the validation data.

        Args:
            x: `(examples, ...)`.
            y: `(examples, ...)`, as the loss takes it.
            weight: `(examples,)`, at least 0; None weighs all alike.
            mask: Boolean `(examples, time)`, True at real positions; None where all are.

        Returns:
            A dict from "loss" and the names of the metrics to the weighted means.

        Raises:
            JaxnnError: if the examples do not fit the network or the loss.

        >>> import jaxnn as nn
        >>> x = np.array([[0.0], [1.0]], np.float32)
        >>> run = nn.fit(nn.Dense(1), (x, 2 * x), nn.losses.squared_error, epochs=9, metrics=["mae"])
        >>> list(run.evaluate(x, x + 0.5))
        ['loss', 'mae']
        """
        table = tables.table("x and y", (x, y), weight, None, mask)
        if self.example is not None and table.x.shape[1:] != self.example.shape:
            fail("x", f"shape {table.x.shape}", f"examples of shape {self.example.shape}: (examples, ...)")
        rows = Rows(*jax.device_put((table.x, table.y, table.weight, table.rows, table.mask)))
        evaluate = _evaluation(self.net, self.loss, self.metrics)
        measured = evaluate(numbers(self.loss), self.params, self.state, rows)
        measured = jax.device_get(measured)
        return {name: float(measured[name]) for name in ("loss", *(metric.name for metric in self.metrics))}


def outputs(net: Layer, params: Params, state: State, x: Any, mask: Any = None) -> np.ndarray:
    """Return a network's outputs for many examples, computed in blocks of rows.

    The result for a row is the same bits whatever rows are beside it: a matrix product of another height may round
    otherwise, so the height never changes.

    Args:
        net: the network.
        params, state: its weights.
        x: `(examples, ...)`.
        mask: Boolean `(examples, time)`, True at real positions; None where all are.

    Returns:
        `(examples, ...)` on the host.

    Raises:
        JaxnnError: if the mask does not fit the examples.

    >>> import jaxnn as nn
    >>> outputs(nn.Chain(nn.relu), {}, {}, np.array([[-1.0, 2.0]], np.float32)).tolist()
    [[0.0, 2.0]]
    """
    x = np.asarray(x)
    x = np.asarray(x, jax.dtypes.canonicalize_dtype(x.dtype))
    given = [x]
    if mask is not None:
        real = np.asarray(mask)
        if real.dtype != np.bool_ or real.shape != x.shape[:2]:
            fail("mask", f"{real.dtype} of shape {real.shape}", f"Booleans of shape {x.shape[:2]}")
        given.append(real)
    apply = _forward(net)
    size = _block_size(net, x.shape[1:], str(x.dtype))
    starts = range(0, max(len(x), 1), size)
    blocks = [np.asarray(apply(params, state, *(_block(array, start, size) for array in given))) for start in starts]
    return np.concatenate(blocks)[: len(x)]


def _block(array: np.ndarray, start: int, size: int) -> np.ndarray:
    """So many rows from one on; where there are fewer, the rest are zeros."""
    block = array[start : start + size]
    short = size - len(block)
    return np.pad(block, [(0, short)] + [(0, 0)] * (array.ndim - 1)) if short else block


@lru_cache(64)
def _block_size(net: Layer, shape: tuple[int, ...], dtype: str) -> int:
    example = jax.ShapeDtypeStruct(shape, dtype)
    params, state = jax.eval_shape(lambda: net.init(jax.random.key(0), example))
    return measure.rows_at_a_time(net, params, state, example, BLOCK)


@lru_cache(64)
def _evaluation(net: Layer, loss: Any, metrics: tuple[Any, ...]) -> Any:
    return jax.jit(measure.evaluation(net, loss, metrics))


@lru_cache(64)
def _forward(net: Layer) -> Any:
    return jax.jit(lambda params, state, x, mask=None: net.apply(params, state, x, mask=mask)[0])
