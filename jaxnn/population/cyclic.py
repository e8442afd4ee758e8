"""Snapshot ensembles: several networks for the price of one run, whose learning rate falls and jumps up in cycles."""

from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.config import config, number
from jaxnn.layers.base import Layer
from jaxnn.population.ensembles import Ensemble
from jaxnn.pytypes import Array
from jaxnn.train import Run, fit


@config
class CyclicCosine:
    """A learning rate that falls from its peak to 0 along half a cosine, again and again.

    `rate = peak / 2 (cos(pi (step mod steps) / steps) + 1)`

    Args:
        peak: the rate at the beginning of each cycle, above 0.
        steps: of a cycle, at least 1.

    Raises:
        JaxnnError: if a number is out of range.

    Reference: G. Huang and others, "Snapshot ensembles: train 1, get M for free", 2017, equation 2.

    >>> rate = CyclicCosine(0.2, steps=100)
    >>> [round(float(rate(step)), 6) for step in (0, 50, 99, 100)]
    [0.2, 0.1, 4.9e-05, 0.2]
    """

    peak: float = number()
    steps: float = number()

    def __post_init__(self) -> None:
        number_in("CyclicCosine.peak", self.peak, 0, float("inf"), open_low=True, open_high=True)
        number_in("CyclicCosine.steps", self.steps, 1, float("inf"), open_high=True)

    def __call__(self, step: Any, **numbers: Any) -> Array:
        """Return the rate of a step, 0 for the first."""
        peak, steps = ({"peak": self.peak, "steps": self.steps} | numbers).values()
        return peak / 2 * (jnp.cos(jnp.pi * (step % steps) / steps) + 1)


@dataclass
class _Keep:
    """A callback that keeps the run as it is at the end of every cycle."""

    every: int
    kept: list[Run] = field(default_factory=list)

    def __call__(self, run: Run) -> None:
        self.kept.append(run)


def snapshots(
    net: Layer,
    data: tuple[Any, Any],
    loss: Any,
    cycles: int = 5,
    *,
    epochs: int = 20,
    learning_rate: float = 0.1,
    optimizer: Any = "momentum",
    batch_size: int | None = 32,
    **shared: Any,
) -> Ensemble:
    """Train one network in cycles of the learning rate, and keep what it is at the end of each.

    At the end of a cycle the rate is nearly 0 and the weights lie in a minimum; the next one throws them out of it.
    Members cost nothing more than the run, and are less different than those of `ensemble`.

    Args:
        net, data, loss, optimizer, batch_size: as for `fit`.
        cycles: how many members, at least 1.
        epochs: of each cycle.
        learning_rate: at the beginning of each cycle.
        **shared: further settings of `fit`; not `validation` or `stop`: a cycle goes to its end, and its last weights
            are kept.

    Returns:
        The ensemble; fewer members where the run stopped being finite or was interrupted.

    Raises:
        JaxnnError: if something given does not fit, or the first cycle was not finished.

    Reference: G. Huang and others, "Snapshot ensembles: train 1, get M for free", 2017.

    >>> import numpy as np, jaxnn as nn
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> net = nn.models.mlp((16,), 1, activation=nn.tanh)
    >>> together = snapshots(net, (x, np.sin(3 * x)), nn.losses.squared_error, 3, epochs=10)
    >>> together, [run.history.epochs for run in together.members]
    (Ensemble(3 members of Chain(Dense(16, kernel_init=GlorotUniform()), tanh, Dense(1)), snapshots), [10, 20, 30])
    """
    whole_number("cycles", cycles, 1)
    whole_number("epochs", epochs, 1)
    for name in ("validation", "stop", "resume", "callbacks"):
        if name in shared:
            fail("snapshots", f"{name}=", "no such setting", "Measure the members afterwards, with evaluate")
    if not (isinstance(data, tuple | list) and len(data) == 2):
        fail("data", type(data).__name__, "a pair (x, y)")
    rows = len(data[0])
    batches = 1 if batch_size is None else -(-rows // whole_number("batch_size", batch_size, 1))
    rate, keep = CyclicCosine(learning_rate, float(epochs * batches)), _Keep(epochs)
    run = fit(
        net, data, loss, optimizer=optimizer, learning_rate=rate, epochs=cycles * epochs, batch_size=batch_size,
        callbacks=[keep], **shared,
    )  # fmt: skip
    if not keep.kept:
        fail("snapshots", f"no cycle that was finished: {run.stopped_because}", f"at least {epochs} epochs")
    left_out = dict.fromkeys(range(len(keep.kept), cycles), run.stopped_because)
    return Ensemble.of(keep.kept, "snapshots", left_out=left_out)
