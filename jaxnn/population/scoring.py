"""What finished runs are worth on rows of a table, each on rows of its own."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from jaxnn.activations import identity
from jaxnn.checks import fail
from jaxnn.config import numbers as numbers_of
from jaxnn.layers.activation import Activation
from jaxnn.train import Run, measure, tables
from jaxnn.train.measure import Rows
from jaxnn.train.tables import Table


def lost(run: Run | None) -> bool:
    """Return whether a run has no score: it was not finished, or stopped being finite.

    >>> lost(None)
    True
    """
    return run is None or run.diverged or run.interrupted


def status_of(run: Run | None) -> str:
    """Return "done", "diverged" or "interrupted".

    >>> status_of(None)
    'interrupted'
    """
    return "interrupted" if run is None or run.interrupted else "diverged" if run.diverged else "done"


def measured(
    runs: Sequence[Run | None], table: Table, rows: Sequence[np.ndarray], metrics: Sequence[Any] = ()
) -> dict[str, np.ndarray]:
    """Measure loss and metrics of runs of equal networks with one compiled program.

    Args:
        runs: finished runs; None for what was never begun.
        table: the checked data.
        rows: of each run, the rows to measure it on, at least one.
        metrics: beside the loss.

    Returns:
        float64 (runs,) by the name "loss" and those of the metrics; NaN for a run without a score.

    >>> import jaxnn as nn
    >>> from jaxnn.train import tables
    >>> data = np.array([[1.0], [2.0], [3.0]], np.float32), np.array([1, 2, 4], np.float32)
    >>> run = nn.fit(nn.Dense(1), data, nn.losses.squared_error, epochs=1)
    >>> found = measured([run, None], tables.table("data", data, None, None), [np.array([0, 2]), np.array([1])])
    >>> by_hand = ((run.logits(data[0])[:, 0] - data[1])[[0, 2]] ** 2).mean()
    >>> print(bool(abs(found["loss"][0] - by_hand) < 1e-5), found["loss"][1])
    True nan
    """
    names = ("loss", *(metric.name for metric in metrics))
    found = {name: np.full(len(runs), np.nan) for name in names}
    most = max(map(len, rows))
    # device_put compiles nothing, and a count of its own lets rows of all lengths share the program
    x, y, weight, mask = jax.device_put((table.x, table.y, table.weight, table.mask))
    for place, (run, own) in enumerate(zip(runs, rows, strict=True)):
        if run is None or lost(run):
            continue
        numbers, real = jax.device_put((np.resize(own, most).astype(np.int32), np.int32(len(own))))
        evaluate = _evaluation(run.net, run.loss, tuple(metrics))
        said = evaluate(numbers_of(run.loss), run.params, run.state, Rows(x, y, weight, numbers, mask, real))
        for name in names:
            found[name][place] = float(said[name])
    return found


def scored(
    loss: Any, outputs: np.ndarray, y: Any, metrics: Sequence[Any] = (), weight: Any = None, mask: Any = None
) -> dict[str, float]:
    """Measure loss and metrics of outputs, as a run measures those of its network.

    Args:
        loss: that of the networks whose outputs they are.
        outputs: `(examples, ..., outputs)`.
        y: `(examples, ...)`, as the loss takes it.
        metrics: beside the loss.
        weight: `(examples,)`, at least 0; None weighs all alike.
        mask: Boolean `(examples, time)`, True at real positions; None where all are.

    Returns:
        The weighted means by the name "loss" and those of the metrics.

    Raises:
        JaxnnError: if outputs and targets do not fit.

    >>> import jaxnn as nn
    >>> scored(nn.losses.squared_error, np.array([[1.0], [2.0]]), np.array([1.0, 4.0]), weight=[3, 1])
    {'loss': 1.0}
    """
    table = tables.table("outputs and y", (outputs, y), weight, None)
    table = table._replace(mask=mask)  # of the examples, whose positions the outputs need not have
    given = Rows(*jax.device_put((table.x, table.y, table.weight, table.rows, table.mask)))
    said = jax.device_get(_evaluation(Activation(identity), loss, tuple(metrics))(numbers_of(loss), {}, {}, given))
    return {name: float(said[name]) for name in ("loss", *(metric.name for metric in metrics))}


@lru_cache(64)
def _evaluation(net: Any, loss: Any, metrics: tuple[Any, ...]) -> Any:
    return jax.jit(measure.evaluation(net, loss, metrics))


def some_score(where: str, scores: np.ndarray, runs: Sequence[Run | None]) -> None:
    """Refuse scores none of which is finite, unless Ctrl-C is why.

    Args:
        where: what was called.
        scores: any shape.
        runs: what they are the scores of.

    Raises:
        JaxnnError: with the reason of the first run that stopped being finite.

    >>> some_score("search", np.array([0.5, np.nan]), [])
    """
    if np.isfinite(scores).any() or any(run is None or run.interrupted for run in runs):
        return
    gone = [run for run in runs if run is not None and run.diverged]
    because = f"The first: {gone[0].stopped_because}" if gone else "Its scores are not finite"
    fail(where, f"{len(gone)} of {len(runs)} runs that stopped being finite", "a run with a finite score", because)
