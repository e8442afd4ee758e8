"""When a run ends, and which weights it keeps."""

from typing import Any, ClassVar, NamedTuple, Protocol

import jax.numpy as jnp

from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.config import config, number
from jaxnn.pytypes import Array

RUNNING, EPOCHS_DONE, OUT_OF_PATIENCE, NOT_FINITE = 0, 1, 2, 3
"""Why a run stopped, as the compiled program says it (`TrainState.stopped`)."""


def counted(epochs: int) -> str:
    """Return a number of epochs in words.

    >>> counted(1), counted(3)
    ('1 epoch', '3 epochs')
    """
    return f"{epochs} epoch{'' if epochs == 1 else 's'}"


class Verdict(NamedTuple):
    """What a stopping rule says at an epoch's end."""

    counters: Any
    """Its counters after the epoch."""
    improved: Array
    """Whether the epoch's weights are the best so far; Boolean scalar."""
    ended: Array
    """Whether the run is over; Boolean scalar."""


class StoppingRule(Protocol):
    """What every stopping rule is: counters in a run's state, moved at every epoch's end inside the program.

    A rule may also steer the learning rate: where its counters have a field `scale`, the rate is multiplied by it.
    """

    monitor: str
    """"loss", or the name of a metric."""
    on: str
    """"validation"; or "training": the mean over the epoch's minibatches of what is minimised, penalties included."""

    def start(self, dtype: Any) -> Any:
        """Return the counters before the first epoch, for monitored values of a dtype."""
        ...

    def observe(self, counters: Any, value: Array, learning_rate: Array, **numbers: Array) -> Verdict:
        """Take in the value of one more epoch, lower is better; `numbers` are the rule's own, traced."""
        ...

    def reason(self, counters: Any, **numbers: float) -> str:
        """Say in words why it ended a run, from its last counters on the host."""
        ...


class Patience(NamedTuple):
    """The counters of `EarlyStopping`; scalars."""

    best: Array
    """The lowest value so far (of a metric where higher is better, its negative)."""
    reference: Array
    """The value that the next one must beat by `min_delta`."""
    waited: Array
    """How many epochs in a row brought no improvement."""


@config
class EarlyStopping:
    """Stop when the validation has not improved for `patience` epochs; a tie is no improvement.

    An epoch counts as an improvement if its value is better by more than `min_delta` than that of the last epoch that
    counted. The weights of the best epoch are restored whether or not the run stops early; watching the training,
    the last weights are kept.

    Args:
        patience: how many epochs in a row may bring no improvement, at least 1.
        min_delta: what counts as an improvement must exceed this, in the unit of the monitored value, at least 0.
        monitor: "loss", or the name of one of the run's metrics, on the validation data.
        on: "validation", or "training": what the training minimises, penalties included, without validation data.

    Raises:
        JaxnnError: if a number is out of range.

    Reference: L. Prechelt, "Early stopping - but when?", in Neural networks: tricks of the trade, 1998.

    >>> EarlyStopping(patience=3)
    EarlyStopping(patience=3)
    """

    patience: int = number(default=10)
    min_delta: float = number(default=0.0)
    monitor: str = "loss"
    on: str = "validation"

    def __post_init__(self) -> None:
        whole_number("EarlyStopping.patience", self.patience, 1, 2**31 - 1)
        number_in("EarlyStopping.min_delta", self.min_delta, 0, float("inf"), open_high=True)
        if not isinstance(self.monitor, str) or not self.monitor:
            fail("EarlyStopping.monitor", repr(self.monitor), "'loss' or the name of a metric")
        one_of("EarlyStopping.on", self.on, ["validation", "training"])

    def start(self, dtype: Any) -> Patience:
        """Return the counters before the first epoch: any finite value improves on infinity."""
        worst = jnp.asarray(jnp.inf, dtype)
        return Patience(worst, worst, jnp.zeros((), jnp.int32))

    def observe(
        self, counters: Patience, value: Array, learning_rate: Array, *, patience: Any, min_delta: Any
    ) -> Verdict:
        """Take in one more epoch; NaN improves nothing.

        `improved = value < best`, `waited = 0 if value < reference - min_delta else waited + 1`.
        """
        improved = value < counters.best
        enough = value < counters.reference - jnp.asarray(min_delta, value.dtype)
        best = jnp.where(improved, value, counters.best)
        reference = jnp.where(enough, value, counters.reference)
        waited = jnp.where(enough, 0, counters.waited + 1)
        ended = waited.astype(jnp.result_type(float)) >= patience
        return Verdict(Patience(best, reference, waited), improved, ended)

    def reason(self, counters: Any, *, patience: float, min_delta: float) -> str:
        """Say in words why it ended a run."""
        return f"no better {self.on} {self.monitor} for {counted(int(patience))}"


GRADIENT, DECREASE, STUCK, EVALUATIONS = 1, 2, 3, 4
"""Why `Converged` ended a run (`Convergence.why`); 0 while it goes on."""


class Convergence(NamedTuple):
    """The counters of `Converged`; scalars."""

    value: Array
    """What is minimised, where the last search ended."""
    slope: Array
    """The largest component of its gradient."""
    evaluations: Array
    why: Array


@config
class Converged:
    """Stop a method that searches along a line, such as `optimizers.LBFGS`, by SciPy's rules for L-BFGS-B.

    The gradient is flat, `max |g| <= gtol`; the value fell too little,
    `(f_k - f_k+1) / max(|f_k|, |f_k+1|, 1) <= ftol`; two searches in a row were in vain; or there were more than
    `max_evaluations` of value and gradient.

    Args:
        gtol, ftol: as above, at least 0.
        max_evaluations: at least 1.

    Raises:
        JaxnnError: if a number is out of range.

    >>> Converged(gtol=1e-6)
    Converged(gtol=1e-06)
    """

    gtol: float = number(default=1e-5)
    ftol: float = number(default=2.220446049250313e-09)
    max_evaluations: int = number(default=15000)
    monitor: ClassVar[str] = "loss"
    on: ClassVar[str] = "optimizer"

    def __post_init__(self) -> None:
        for name in ("gtol", "ftol"):
            number_in(f"Converged.{name}", getattr(self, name), 0, float("inf"), open_high=True)
        whole_number("Converged.max_evaluations", self.max_evaluations, 1, 2**31 - 1)

    def start(self, dtype: Any) -> Convergence:
        """Return the counters before the first iteration."""
        zero, infinite = jnp.zeros((), jnp.int32), jnp.asarray(jnp.inf, dtype)
        return Convergence(infinite, infinite, zero, zero)

    def observe(
        self, counters: Convergence, value: Any, learning_rate: Array, *, gtol: Any, ftol: Any, max_evaluations: Any
    ) -> Verdict:
        """Take in where the last search ended: the `Seen` of the optimiser."""
        f, before, slope = (each.astype(counters.value.dtype) for each in (value.value, value.before, value.slope))
        little = before - f <= ftol * jnp.maximum(jnp.maximum(jnp.abs(before), jnp.abs(f)), 1)
        why = jnp.where(value.evaluations.astype(f.dtype) > max_evaluations, EVALUATIONS, RUNNING)
        why = jnp.where(little & (value.stuck == 0), DECREASE, why)
        why = jnp.where(slope <= gtol, GRADIENT, why)
        why = jnp.where(value.stuck > 1, STUCK, why).astype(jnp.int32)
        return Verdict(Convergence(f, slope, value.evaluations, why), f < before, why != RUNNING)

    def reason(self, counters: Any, *, gtol: float, ftol: float, max_evaluations: float) -> str:
        """Say in words why it ended a run."""
        return {
            GRADIENT: f"no component of the gradient is above {gtol:g}",
            DECREASE: f"the loss fell by a share of at most {ftol:g}",
            STUCK: "two searches in a row found no lower loss",
            EVALUATIONS: f"more than {max_evaluations:g} evaluations",
        }[int(counters.why)]
