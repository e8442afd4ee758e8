"""Which of several trained networks to take: measured on validation data, never on the test data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jaxnn import metrics
from jaxnn.checks import fail
from jaxnn.data.parts import Part
from jaxnn.train.run import Run


@dataclass(frozen=True, eq=False)
class Selection:
    """The run taken, and what all candidates were worth.

    >>> Selection("wide", None, "loss", {"narrow": 0.5, "wide": 0.25})
    Selection(name='wide', metric='loss', values={'narrow': 0.5, 'wide': 0.25})
    """

    name: Any
    """Of the run taken: its key in the dict, or its place in the list."""
    run: Run = field(repr=False)
    metric: str
    values: dict[Any, float]
    """Of the metric on the part, by the name of the candidate."""


def select(
    candidates: Mapping[Any, Run] | Sequence[Run], part: Part | tuple[Any, Any], metric: Any = "loss"
) -> Selection:
    """Return the best of several runs by a metric on the validation part; of equally good ones the first.

    The best of many is partly the luckiest: its score on the data it was chosen by flatters it. So the test part of a
    `jaxnn.data.holdout`, and whatever is taken from it, is refused; measure the chosen run on it, once, with
    `selection.run.evaluate(*parts.test.pair)`. A plain `(x, y)` has no role to look at, and it is yours to keep apart.

    Args:
        candidates: a dict from name (or setting) to run, or a list of runs, whose names are 0, 1 and so on.
        part: the validation part, or a pair (x, y).
        metric: "loss", where all candidates have the same; or a metric of `jaxnn.metrics` or its name.

    Returns:
        The best run and the values of all. A value that is not finite is never the best.

    Raises:
        JaxnnError: for a test or training part, no candidates, an unknown metric, losses that cannot be compared, or if
            no value is finite.

    >>> import numpy as np, jaxnn as nn
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> parts = nn.data.holdout((x, x**2))
    >>> nets = {"line": nn.Dense(1), "curve": nn.models.mlp((8,), 1)}
    >>> runs = {name: nn.fit(net, parts.train.pair, nn.losses.squared_error) for name, net in nets.items()}
    >>> nn.train.select(runs, parts.validation).name
    'curve'
    >>> nn.train.select(runs, parts.test)
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: part: got the test part; needed the validation part. Keep the test part for the one chosen.
    """
    if not isinstance(candidates, Mapping | list | tuple):
        fail("candidates", f"a {type(candidates).__name__}", "a dict or a list of finished runs")
    runs = dict(candidates) if isinstance(candidates, Mapping) else dict(enumerate(candidates))
    if not runs or not all(isinstance(run, Run) for run in runs.values()):
        fail("candidates", f"{len(runs)}", "at least one finished run, and nothing else")
    if isinstance(part, Part) and part.role != "validation":
        do = "Keep the test part for the one chosen" if part.role == "test" else ""
        fail("part", f"the {'training' if part.role == 'train' else part.role} part", "the validation part", do)
    x, y = _pair(part)
    name, measured, sign = _measured(metric, runs)
    values = {key: replace(run, metrics=measured).evaluate(x, y)[name] for key, run in runs.items()}
    finite = [key for key, value in values.items() if math.isfinite(value)]
    if not finite:
        fail("candidates", f"no finite {name} among them", "at least one run with a finite one")
    best = min(finite, key=lambda key: sign * values[key])  # of equals the first
    return Selection(best, runs[best], name, values)


def _pair(part: Any) -> tuple[Any, Any]:
    if isinstance(part, Part):
        return part.pair
    if not (isinstance(part, tuple | list) and len(part) == 2):
        fail("part", f"a {type(part).__name__}", "the validation part of a holdout, or a pair (x, y)")
    return part[0], part[1]


def _measured(metric: Any, runs: dict[Any, Run]) -> tuple[str, tuple[Any, ...], int]:
    """Name, what to measure beside the loss, and 1 where less is better, else -1."""
    if metric == "loss":
        losses = [run.loss for run in runs.values()]
        if any(loss != losses[0] for loss in losses):
            fail("metric", "'loss' where candidates have different ones", "a metric", "Name one of jaxnn.metrics")
        return "loss", (), 1
    chosen = metrics.by_name(metric) if isinstance(metric, str) else metric
    if not hasattr(chosen, "statistics") or not hasattr(chosen, "higher_is_better"):
        fail("metric", repr(chosen), f"loss, one of {', '.join(metrics.METRICS)}, or a metric as in jaxnn.metrics")
    return chosen.name, (chosen,), -1 if chosen.higher_is_better else 1
