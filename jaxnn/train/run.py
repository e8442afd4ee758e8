"""A finished run, and what a trained network says of new examples."""

from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np

from jaxnn.checks import fail
from jaxnn.layers.base import Layer
from jaxnn.pytypes import Params, State
from jaxnn.train import prepare, program
from jaxnn.train.history import History
from jaxnn.train.program import Rows

BLOCK = 256
"""Rows computed at a time: always as many, so that a row's result does not depend on the rows beside it."""


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

    def logits(self, x: Any) -> np.ndarray:
        """Return the network's outputs for new examples, with `train=False`.

        Args:
            x: `(examples, ...)`.

        Returns:
            `(examples, outputs)`.

        Raises:
            JaxnnError: if the examples have another shape than those of the training.
        """
        if self.example is not None and np.shape(x)[1:] != self.example.shape:
            fail("x", f"shape {np.shape(x)}", f"examples of shape {self.example.shape}: (examples, ...)")
        return outputs(self.net, self.params, self.state, x)

    def evaluate(self, x: Any, y: Any, weight: Any = None) -> dict[str, float]:
        """Measure the run's loss and metrics on other examples, as its history does on the validation data.

        Args:
            x: `(examples, ...)`.
            y: `(examples, ...)`, as the loss takes it.
            weight: `(examples,)`, at least 0; None weighs all alike.

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
        table = prepare.table("x and y", (x, y), weight, None)
        if self.example is not None and table.x.shape[1:] != self.example.shape:
            fail("x", f"shape {table.x.shape}", f"examples of shape {self.example.shape}: (examples, ...)")
        rows = Rows(*jax.device_put((table.x, table.y, table.weight, table.rows)))
        measured = _evaluation(self.net, self.loss, self.metrics)(self.params, self.state, rows)
        measured = jax.device_get(measured)
        return {name: float(measured[name]) for name in ("loss", *(metric.name for metric in self.metrics))}


def outputs(net: Layer, params: Params, state: State, x: Any) -> np.ndarray:
    """Return a network's outputs for many examples, computed in blocks of `BLOCK` rows.

    The result for a row is the same bits whatever rows are beside it: a matrix product of another height may round
    otherwise, so the height never changes.

    Args:
        net: the network.
        params, state: its weights.
        x: `(examples, ...)`.

    Returns:
        `(examples, ...)` on the host.

    >>> import jaxnn as nn
    >>> outputs(nn.Chain(nn.relu), {}, {}, np.array([[-1.0, 2.0]], np.float32)).tolist()
    [[0.0, 2.0]]
    """
    x = np.asarray(x)
    x = np.asarray(x, jax.dtypes.canonicalize_dtype(x.dtype))
    apply = _forward(net)
    starts = range(0, max(len(x), 1), BLOCK)
    blocks = []
    for start in starts:
        block = x[start : start + BLOCK]
        short = BLOCK - len(block)
        block = np.pad(block, [(0, short)] + [(0, 0)] * (x.ndim - 1)) if short else block
        blocks.append(apply(params, state, block))
    return np.concatenate([np.asarray(block) for block in blocks])[: len(x)]


@lru_cache(64)
def _evaluation(net: Layer, loss: Any, metrics: tuple[Any, ...]) -> Any:
    return jax.jit(partial(program.evaluate, net, loss, metrics))


@lru_cache(64)
def _forward(net: Layer) -> Any:
    return jax.jit(lambda params, state, x: net.apply(params, state, x)[0])
