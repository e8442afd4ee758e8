"""scikit-learn's solvers as parts of the one training program: optimisers, a schedule and a stopping rule."""

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.config import config, number
from jaxnn.pytypes import Array
from jaxnn.train.stopping import Verdict, counted


@config
class Adam:
    """Adam as scikit-learn writes it: epsilon is added to the root before its correction for the start at zero.

    `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`,
    `w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)`

    Args:
        b1, b2: the shares of the averages that are kept.
        epsilon: added to the root; the "epsilon hat" of the paper.

    Reference: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015, the end of section 2.

    >>> rule = Adam(0.9, 0.999, 1.0).transformation(0.1)
    >>> step, _ = rule.update(jnp.array(2.0), rule.init(jnp.array(0.0)))
    >>> print(round(float(step), 6))  # -0.1 (0.001^0.5 / 0.1) (0.1 * 2) / (0.001^0.5 * 2 + 1)
    -0.005948
    """

    b1: float = number()
    b2: float = number()
    epsilon: float = number()
    default_learning_rate: ClassVar[float] = 1e-3

    def transformation(self, learning_rate: Any, **numbers: Any) -> optax.GradientTransformation:
        """Return the rule as an optax transformation."""
        b1, b2, epsilon = ({"b1": self.b1, "b2": self.b2, "epsilon": self.epsilon} | numbers).values()

        def init(params: Any) -> optax.ScaleByAdamState:
            zeros = jax.tree.map(jnp.zeros_like, params)
            return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), zeros, zeros)

        def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, optax.ScaleByAdamState]:
            t = state.count + 1
            m = optax.tree.update_moment(updates, state.mu, b1, 1)
            v = optax.tree.update_moment_per_elem_norm(updates, state.nu, b2, 2)
            rate = learning_rate * jnp.sqrt(1 - b2**t) / (1 - b1**t)
            steps = jax.tree.map(lambda m, v: -rate.astype(m.dtype) * m / (jnp.sqrt(v) + epsilon), m, v)
            return steps, optax.ScaleByAdamState(t, m, v)

        return optax.GradientTransformation(init, update)


@config
class SGD:
    """Gradient descent as scikit-learn writes it: the learning rate is inside the velocity.

    `v = momentum v - rate g`, `w += v`, or looking ahead `w += momentum v - rate g`. It differs from
    `jaxnn.optimizers.SGD` where the rate changes: steps taken at the old rate are not rescaled.

    Args:
        momentum: the share of the velocity that is kept.
        nesterov: True looks ahead.

    >>> rule = SGD(0.5).transformation(0.1)
    >>> step, state = rule.update(jnp.array(1.0), rule.init(jnp.array(0.0)))
    >>> print(round(float(step), 6), round(float(rule.update(jnp.array(1.0), state)[0]), 6))
    -0.1 -0.15
    """

    momentum: float = number()
    nesterov: bool = False
    default_learning_rate: ClassVar[float] = 1e-3

    def transformation(self, learning_rate: Any, **numbers: Any) -> optax.GradientTransformation:
        """Return the rule as an optax transformation."""
        momentum = numbers.get("momentum", self.momentum)
        return optax.chain(optax.scale_by_learning_rate(learning_rate), optax.trace(momentum, self.nesterov))


@config
class InverseScaling:
    """The learning rate of `learning_rate="invscaling"`: it falls at every epoch's end.

    `rate = start / (examples seen before this epoch + 1)^power`

    Args:
        start: the rate of the first epoch.
        power: scikit-learn's `power_t`.
        seen: examples seen before step 0.
        batches: minibatches in an epoch.
        examples: in an epoch.

    >>> rate = InverseScaling(0.5, power=0.5, seen=0, batches=4, examples=99)
    >>> float(rate(3)), float(rate(4))  # 0.5 / (99 + 1)^0.5
    (0.5, 0.05)
    """

    start: float = number()
    power: float = number()
    seen: float = number()
    batches: float = number()
    examples: float = number()

    def __call__(self, step: Any, **numbers: Any) -> Array:
        """Return the rate of a step, 0 for the first."""
        own = {name: getattr(self, name) for name in ("start", "power", "seen", "batches", "examples")} | numbers
        epoch = jnp.floor(step / own["batches"])
        return own["start"] / (own["seen"] + epoch * own["examples"] + 1) ** own["power"]


class Waiting(NamedTuple):
    """The counters of `NoImprovement`; scalars."""

    best: Array
    """The lowest value so far."""
    waited: Array
    """How many epochs in a row brought no improvement."""
    scale: Array | None
    """What the learning rate is multiplied by; None where the rule never divides it."""


@config
class NoImprovement:
    """scikit-learn's stopping rule: over after more than `patience` epochs in a row without an improvement of `tol`.

    `waited = 0 if value <= best - tol else waited + 1`, then `best = min(best, value)`; unlike `EarlyStopping` it
    measures from the best value of all, so that many small improvements are none. With `learning_rate="adaptive"` the
    rule divides the rate by 5 and waits again, until the rate is at most 1e-6.

    Args:
        tol: what counts as an improvement.
        patience: `n_iter_no_change`; may be infinite.
        monitor: "loss", or a metric.
        on: "training" or "validation".
        divides: True for "adaptive".

    >>> NoImprovement(1e-4, 10).reason(None, tol=1e-4, patience=10)
    'no better training loss for 10 epochs'
    """

    tol: float = number()
    patience: float = number()
    monitor: str = "loss"
    on: str = "training"
    divides: bool = False

    def start(self, dtype: Any) -> Waiting:
        """Return the counters before the first epoch."""
        scale = jnp.ones((), dtype) if self.divides else None
        return Waiting(jnp.asarray(jnp.inf, dtype), jnp.zeros((), jnp.int32), scale)

    def observe(self, counters: Waiting, value: Array, learning_rate: Array, *, tol: Any, patience: Any) -> Verdict:
        """Take in one more epoch."""
        value = value.astype(counters.best.dtype)
        improved = value < counters.best
        waited = jnp.where(value <= counters.best - tol, 0, counters.waited + 1)  # NaN is no improvement
        best, scale = jnp.where(improved, value, counters.best), counters.scale
        over = waited.astype(jnp.result_type(float)) > patience
        if scale is not None:
            small = learning_rate * scale <= 1e-6
            scale = jnp.where(over & ~small, scale / 5, scale)
            waited, over = jnp.where(over & ~small, 0, waited), over & small
        return Verdict(Waiting(best, waited, scale), improved, over)

    def reason(self, counters: Any, *, tol: float, patience: float) -> str:
        """Say in words why it ended a run."""
        return f"no better {self.on} {self.monitor} for {counted(int(patience))}"
