"""Optimisers by name, thin over optax; their numbers are arguments of the compiled program."""

from typing import Any, ClassVar, NamedTuple, Protocol

import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from jaxnn import config as _config
from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.config import config, number
from jaxnn.pytypes import Array


class Optimizer(Protocol):
    """Something that builds an optax transformation from a learning rate and its own numbers, traced or not."""

    default_learning_rate: ClassVar[float]

    def transformation(self, learning_rate: Any, **numbers: Any) -> optax.GradientTransformation:
        """Return the optax transformation; `numbers` override the fields of the same names."""
        ...


@config
class SGD:
    """Stochastic gradient descent, with momentum if asked for.

    `v = momentum * v + g`, `w = w - learning_rate * v` (heavy ball); without momentum `w = w - learning_rate * g`.

    Args:
        momentum: the share of the last step that is kept, from 0 to 1; None for none.
        nesterov: True looks ahead by one momentum step.
        clip: the longest that the gradient of all parameters together may be, above 0: `g = g min(1, clip / |g|)`
            first; None for any length. It keeps one steep minibatch from throwing a recurrent network's weights away.

    Raises:
        JaxnnError: if the momentum is outside 0 to 1, `nesterov` is asked for without it, or `clip` is not above 0.

    Reference: for `clip`, R. Pascanu and others, "On the difficulty of training recurrent neural networks", 2013.

    >>> import jax.numpy as jnp
    >>> rule = SGD(momentum=0.9).transformation(0.1)
    >>> state = rule.init(jnp.array(0.0))
    >>> step, state = rule.update(jnp.array(1.0), state)
    >>> step, state = rule.update(jnp.array(1.0), state)
    >>> print(round(float(step), 6))  # -0.1 * (0.9 * 1 + 1)
    -0.19
    """

    momentum: float | None = number(default=None)
    nesterov: bool = False
    clip: float | None = number(default=None)
    default_learning_rate: ClassVar[float] = 1e-2

    def __post_init__(self) -> None:
        _check_clip(self)
        if self.momentum is not None:
            number_in("SGD.momentum", self.momentum, 0, 1)
        elif self.nesterov:
            fail("SGD.nesterov", "True without momentum", "a momentum to look ahead with", "Give momentum=0.9")

    def transformation(self, learning_rate: Any, **numbers: Any) -> optax.GradientTransformation:
        """Return `optax.sgd`."""
        rule = optax.sgd(learning_rate, numbers.get("momentum", self.momentum), self.nesterov)
        return _clipped(numbers.get("clip", self.clip), rule)


@config
class Adam:
    """Adam: momentum and a moving average of squared gradients, both corrected for their start at zero.

    `m = b1 m + (1 - b1) g`, `v = b2 v + (1 - b2) g^2`, `w -= learning_rate * m/(1-b1^t) / (sqrt(v/(1-b2^t)) + eps)`

    Args:
        b1, b2: the shares of the averages that are kept, from 0 to below 1.
        eps: added to the root, above 0.
        clip: as for `SGD`.

    Raises:
        JaxnnError: if a number is outside its range.

    Reference: D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    >>> import jax.numpy as jnp
    >>> rule = Adam().transformation(0.1)
    >>> step, _ = rule.update(jnp.array(0.3), rule.init(jnp.array(0.0)))
    >>> print(round(float(step), 6))  # the first step is the learning rate, against the gradient's sign
    -0.1
    """

    b1: float = number(default=0.9)
    b2: float = number(default=0.999)
    eps: float = number(default=1e-8)
    clip: float | None = number(default=None)
    default_learning_rate: ClassVar[float] = 1e-3

    def __post_init__(self) -> None:
        _check_adam(self)

    def transformation(self, learning_rate: Any, **numbers: Any) -> optax.GradientTransformation:
        """Return `optax.adam`."""
        own = {**_config.numbers(self), **numbers}
        clip = own.pop("clip", None)
        return _clipped(clip, optax.adam(learning_rate, **own))


@config
class AdamW:
    """Adam whose weights also shrink by a share of themselves at every step, apart from the gradient.

    `w -= learning_rate * (adam_step + weight_decay * w)`

    Args:
        b1, b2, eps: as for `Adam`.
        weight_decay: the shrinkage, at least 0.
        clip: as for `SGD`.

    Raises:
        JaxnnError: if a number is outside its range.

    Reference: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019.

    >>> import jax.numpy as jnp
    >>> rule = AdamW(weight_decay=0.5).transformation(0.1)
    >>> step, _ = rule.update(jnp.array(0.0), rule.init(jnp.array(2.0)), jnp.array(2.0))
    >>> print(round(float(step), 6))  # no gradient: -0.1 * 0.5 * 2
    -0.1
    """

    b1: float = number(default=0.9)
    b2: float = number(default=0.999)
    eps: float = number(default=1e-8)
    weight_decay: float = number(default=1e-2)
    clip: float | None = number(default=None)
    default_learning_rate: ClassVar[float] = 1e-3

    def __post_init__(self) -> None:
        _check_adam(self)
        number_in("AdamW.weight_decay", self.weight_decay, 0, float("inf"), open_high=True)

    def transformation(self, learning_rate: Any, **numbers: Any) -> optax.GradientTransformation:
        """Return `optax.adamw`."""
        own = {**_config.numbers(self), **numbers}
        clip = own.pop("clip", None)
        return _clipped(clip, optax.adamw(learning_rate, **own))


class LBFGSState(NamedTuple):
    """What L-BFGS keeps between iterations."""

    memory: Any
    """optax's: the last steps and changes of the gradient, each over all parameters as one vector."""
    search: Any
    """optax's: the value and the gradient where the last search ended, which is where the parameters are."""
    before: Array
    """The value where it began."""
    evaluations: Array
    """Of the value and its gradient so far; int32 scalar."""
    stuck: Array
    """Searches in a row that found no lower value; int32 scalar."""


class Seen(NamedTuple):
    """What an optimiser that searches along a line knows of the point where it ended; scalars."""

    value: Array
    """What is minimised, penalties included."""
    before: Array
    """The same where the search began."""
    slope: Array
    """The largest component of the gradient, in absolute value."""
    evaluations: Array
    stuck: Array


@config
class LBFGS:
    """L-BFGS: Newton's method with curvature learnt from the last few steps, for all examples at once.

    `d = -H g`, H built of the last `memory_size` steps; `w += t d`, with t found by a search along the line:
    `f(w + t d) <= f(w) + 1e-4 t g.d` and `|g(w + t d).d| <= curvature |g.d|` (strong Wolfe).

    One step is one iteration and needs the gradient of all examples, without randomness: `batch_size=None`,
    `shuffle=False`, no augmentation, no dropout. Where a search finds no lower value, the weights stay and the next
    iteration forgets H; stuck twice in a row, nothing is to be gained any more.

    Args:
        memory_size: steps that H is built of, at least 1.
        max_linesearch_steps: evaluations of one search at most.
        curvature: between 0.0001 and 1; lower searches longer and makes fewer, better steps. With 0.5 final losses over
            ten seeds of four problems were 0.6 to 1.02 of those of SciPy's 0.9, in a tenth more time.

    Raises:
        JaxnnError: if a number is out of its range.

    Reference: D. Liu and J. Nocedal, "On the limited memory BFGS method for large scale optimization", 1989.

    >>> import numpy as np, jaxnn as nn
    >>> x = np.array([[0.0], [1.0], [2.0]], np.float32)
    >>> how = {"optimizer": LBFGS(), "batch_size": None, "stop": nn.train.stopping.Converged()}
    >>> run = nn.fit(nn.Chain(nn.Dense(1)), (x, 3 * x + 1), nn.losses.half_squared_error, **how)
    >>> print(run.params["dense_0"]["kernel"], run.params["dense_0"]["bias"])
    [[3.]] [1.]
    """

    memory_size: int = 10
    max_linesearch_steps: int = 20
    curvature: float = number(default=0.5)
    default_learning_rate: ClassVar[float] = 1.0
    full_batch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        whole_number("LBFGS.memory_size", self.memory_size, 1)
        whole_number("LBFGS.max_linesearch_steps", self.max_linesearch_steps, 1)
        number_in("LBFGS.curvature", self.curvature, 1e-4, 1, open_low=True, open_high=True)

    def transformation(self, learning_rate: Any, **numbers: Any) -> optax.GradientTransformationExtraArgs:
        """Return optax's L-BFGS and zoom search over one vector: 0.6 of the time of a pytree, half of the compiling."""
        memory: Any = optax.scale_by_lbfgs(self.memory_size)
        search: Any = optax.scale_by_zoom_linesearch(
            self.max_linesearch_steps, curv_rtol=numbers.get("curvature", self.curvature), initial_guess_strategy="one"
        )
        zero = jnp.zeros((), jnp.int32)

        def init(params: Any) -> LBFGSState:
            vector, _ = ravel_pytree(params)
            ready = search.init(vector)
            return LBFGSState(memory.init(vector), ready, ready.value, zero, zero)

        def update(updates: Any, state: Any, params: Any = None, **told: Any) -> tuple[Any, Any]:
            vector, unravel = ravel_pytree(params)

            def objective(v: Array) -> Array:  # the search's step is of the default float, which may be a wider one
                return told["value_fn"](unravel(v.astype(vector.dtype)))

            # at the start the kept value is infinite; from then on the search has evaluated the point where it ended
            found: Any = optax.value_and_grad_from_state(objective)(vector, state=state.search)
            value, grad = found
            direction, memory_after = memory.update(grad, _forgotten(state), vector)
            direction = -learning_rate * direction
            at = {"value": value, "grad": grad, "value_fn": objective}
            step, after = search.update(direction, state.search, vector, **at)
            lower = after.value < value  # False for NaN
            kept = after._replace(value=jnp.where(lower, after.value, value), grad=jnp.where(lower, after.grad, grad))
            evaluations = state.evaluations + jnp.isinf(state.search.value) + after.info.num_linesearch_steps
            stuck = jnp.where(lower, 0, state.stuck + 1)
            return unravel(jnp.where(lower, step, 0)), LBFGSState(memory_after, kept, value, evaluations, stuck)

        return optax.GradientTransformationExtraArgs(init, update)

    def seen(self, state: LBFGSState) -> Seen:
        """Return what the last search says of the point where it ended."""
        kept = state.search
        return Seen(kept.value, state.before, jnp.max(jnp.abs(kept.grad)), state.evaluations, state.stuck)


def _forgotten(state: LBFGSState) -> Any:
    """The memory; after a search in vain an empty one, whose first direction is the gradient."""
    memory, vain = state.memory, state.stuck > 0
    rho = memory.weights_memory
    return memory._replace(count=jnp.where(vain, 0, memory.count), weights_memory=jnp.where(vain, 0, rho))


@config
class Given:
    """An optax transformation of the user's own, held by identity; its learning rate is inside it.

    >>> rule = optax.sgd(0.1)
    >>> Given(rule).transformation(0.0) is rule
    True
    """

    made: Any
    default_learning_rate: ClassVar[float] = 0.0

    def transformation(self, learning_rate: Any, **numbers: Any) -> optax.GradientTransformation:
        """Return the user's own transformation."""
        return self.made


def resolve(optimizer: Any, learning_rate: Any) -> tuple[Any, Any]:
    """Return the optimiser and the learning rate that a user meant.

    Args:
        optimizer: a name ("sgd", "momentum", "adam", "adamw"), an optimiser of this file, or any optax transformation.
        learning_rate: above 0, or a schedule: a function of the step, such as optax's; None for the optimiser's own
            default. An optax transformation has its own.

    Returns:
        The optimiser, and the learning rate or its schedule (0.0 for an optax transformation, which ignores it).

    Raises:
        JaxnnError: for an unknown name, a learning rate out of range, or one given beside an optax transformation.

    >>> resolve("momentum", 0.1)
    (SGD(momentum=0.9), 0.1)
    """
    if isinstance(optimizer, str):
        optimizer = OPTIMIZERS[one_of("optimizer", optimizer, OPTIMIZERS)]
    elif hasattr(optimizer, "init") and hasattr(optimizer, "update"):  # optax.MultiSteps is no GradientTransformation
        optimizer = Given(optimizer)
    elif not hasattr(optimizer, "transformation"):
        fail("optimizer", repr(optimizer), f"a name ({', '.join(OPTIMIZERS)}) or an optax optimiser")
    if isinstance(optimizer, Given) and learning_rate is not None:
        needed = "no learning_rate beside an optax optimiser, which has its own"
        fail("learning_rate", f"{learning_rate}", needed, "Give the rate to the optax optimiser")
    if learning_rate is None:
        return optimizer, optimizer.default_learning_rate
    if callable(learning_rate):
        return optimizer, learning_rate
    return optimizer, number_in("learning_rate", learning_rate, 0, float("inf"), open_low=True, open_high=True)


def _clipped(clip: Any, rule: optax.GradientTransformation) -> optax.GradientTransformation:
    return rule if clip is None else optax.chain(optax.clip_by_global_norm(clip), rule)


def _check_clip(rule: Any) -> None:
    if rule.clip is not None:
        where = f"{type(rule).__name__}.clip"
        number_in(where, rule.clip, 0, float("inf"), open_low=True, open_high=True)


def _check_adam(rule: Any) -> None:
    _check_clip(rule)
    name = type(rule).__name__
    number_in(f"{name}.b1", rule.b1, 0, 1, open_high=True)
    number_in(f"{name}.b2", rule.b2, 0, 1, open_high=True)
    number_in(f"{name}.eps", rule.eps, 0, 1, open_low=True)


OPTIMIZERS: dict[str, Any] = {"sgd": SGD(), "momentum": SGD(momentum=0.9), "adam": Adam(), "adamw": AdamW()}
"""The optimisers that have a name."""

__all__ = ["LBFGS", "OPTIMIZERS", "SGD", "Adam", "AdamW", "Given", "Optimizer", "resolve"]
