"""When a run ends, and which weights it keeps."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.config import config, number
from jaxnn.pytypes import Array

RUNNING, EPOCHS_DONE, OUT_OF_PATIENCE, NOT_FINITE = 0, 1, 2, 3
"""Why a run stopped, as the compiled program says it (`TrainState.stopped`)."""


@config
class EarlyStopping:
    """Stop when the validation has not improved for `patience` epochs; a tie is no improvement.

    An epoch counts as an improvement if its value is better by more than `min_delta` than that of the last epoch that
    counted. The weights of the best epoch are restored whether or not the run stops early.

    Args:
        patience: how many epochs in a row may bring no improvement, at least 1.
        min_delta: what counts as an improvement must exceed this, in the unit of the monitored value, at least 0.
        monitor: "loss", or the name of one of the run's metrics, on the validation data.

    Raises:
        JaxnnError: if a number is out of range.

    Reference: L. Prechelt, "Early stopping - but when?", in Neural networks: tricks of the trade, 1998.

    >>> EarlyStopping(patience=3)
    EarlyStopping(patience=3)
    """

    patience: int = number(default=10)
    min_delta: float = number(default=0.0)
    monitor: str = "loss"

    def __post_init__(self) -> None:
        whole_number("EarlyStopping.patience", self.patience, 1, 2**31 - 1)
        number_in("EarlyStopping.min_delta", self.min_delta, 0, float("inf"), open_high=True)
        if not isinstance(self.monitor, str) or not self.monitor:
            fail("EarlyStopping.monitor", repr(self.monitor), "'loss' or the name of a metric")


class Patience(NamedTuple):
    """The counters of a stopping rule; scalars."""

    best: Array
    """The lowest value so far (of a metric where higher is better, its negative)."""
    reference: Array
    """The value that the next one must beat by `min_delta`."""
    waited: Array
    """How many epochs in a row brought no improvement."""


def start(dtype: Any) -> Patience:
    """Return the counters before the first epoch: any finite value improves on infinity.

    Args:
        dtype: dtype of the monitored value.

    Returns:
        The counters.

    >>> start(jnp.float32).waited.item()
    0
    """
    worst = jnp.asarray(jnp.inf, dtype)
    return Patience(worst, worst, jnp.zeros((), jnp.int32))


def observe(counters: Patience, value: Array, min_delta: Any = 0.0) -> tuple[Patience, Array]:
    """Take in the value of one more epoch.

    `improved = value < best`, `waited = 0 if value < reference - min_delta else waited + 1`. NaN improves nothing.

    Args:
        counters: the counters before the epoch.
        value: the monitored value, lower is better; scalar.
        min_delta: what counts as an improvement must exceed this.

    Returns:
        The counters after the epoch, and whether its weights are the best so far (Boolean scalar). The run is out of
        patience when `waited >= patience`.

    >>> counters = start(jnp.float32)
    >>> for value in [1.0, 0.8, 0.8]:
    ...     counters, improved = observe(counters, jnp.float32(value))
    >>> counters.waited.item(), improved.item()
    (1, False)
    """
    improved = value < counters.best
    enough = value < counters.reference - jnp.asarray(min_delta, value.dtype)
    best = jnp.where(improved, value, counters.best)
    reference = jnp.where(enough, value, counters.reference)
    return Patience(best, reference, jnp.where(enough, 0, counters.waited + 1)), improved
