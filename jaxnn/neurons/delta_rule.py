"""The delta rule (least mean squares), batch and online, and how large its step may be."""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.neurons.extended import dense_params, extended_inputs
from jaxnn.neurons.labels import examples
from jaxnn.pytypes import Array, Params

RULES = ["batch", "online"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DeltaRun:
    """What the delta rule learnt, and how; a pytree.

    >>> run = delta_rule([[0.0], [1.0]], [0.0, 1.0], learning_rate=0.5, epochs=2)
    >>> run.errors.tolist(), run.params["dense_0"]["kernel"].shape
    ([0.25, 0.125], (1, 1))
    """

    params: Params
    """Of `Chain(Dense(outputs))`."""
    errors: Array
    """(epochs,): the sum of squared errors over the examples after each epoch."""


def delta_rule(
    x: Any, y: Any, *, learning_rate: float, epochs: int, rule: str = "batch", decay: float = 0.0
) -> DeltaRun:
    """Learn linear outputs by steps against the squared error (Widrow-Hoff, LMS).

    batch: `w = w + eta sum_n (y_n - w.x_n) x_n`, once an epoch. online: `w = w + eta (y_n - w.x_n) x_n` after every
    example, in their order. Starts at 0, with the bias as the weight of x_0 = 1.

    Batch steps lead to the least squares solution if eta is below `stability_limit(x)`. Online steps of a constant eta
    end in a cycle around it; with decay, `eta_k = learning_rate / (1 + decay k)` in epoch k = 0, 1, ..., they reach it.

    Args:
        x: (examples, features).
        y: (examples,), or (examples, outputs): any real numbers.
        learning_rate: eta, above 0.
        epochs: passes over the examples, at least 1.
        rule: "batch" or "online".
        decay: at least 0.

    Returns:
        The run; under `jit` and `vmap` too, where nobody is warned.

    Raises:
        JaxnnError: if shapes or numbers do not fit.

    Warns:
        UserWarning: with the limit, if eta is not below `stability_limit(x, rule)`.

    Source: B. Widrow and M. Hoff, "Adaptive switching circuits", 1960.

    >>> corners = [[0, 0], [1, 0], [0, 1], [1, 1]]
    >>> run = delta_rule(corners, [0, 0, 0, 1], learning_rate=0.3, epochs=200)  # AND: the plane is -1/4 + x1/2 + x2/2
    >>> [f"{w:.4f}" for w in run.params["dense_0"]["kernel"][:, 0].tolist()], f"{run.errors[-1]:.4f}"
    (['0.5000', '0.5000'], '0.2500')
    """
    one_of("rule", rule, RULES)
    whole_number("epochs", epochs, 1)
    rows, targets = examples(x, y)
    if targets.ndim > 2:
        fail("y", f"shape {targets.shape}", "(examples,), or (examples, outputs)")
    if not isinstance(learning_rate, Tracer):
        _warn_of_large_steps(rows, number_in("learning_rate", learning_rate, 0, float("inf"), open_low=True), rule)
    if not isinstance(decay, Tracer):
        number_in("decay", decay, 0, float("inf"))
    columns = targets.astype(rows.dtype).reshape(len(rows), -1)  # (examples, outputs)
    eta, slower = jnp.asarray(learning_rate, rows.dtype), jnp.asarray(decay, rows.dtype)
    return _learn(extended_inputs(rows), columns, eta, slower, epochs, rule)


@partial(jax.jit, static_argnames=("epochs", "rule"))
def _learn(x: Array, y: Array, learning_rate: Array, decay: Array, epochs: int, rule: str) -> DeltaRun:
    """The rule on extended inputs (examples, 1 + features) and targets (examples, outputs)."""

    def of_all(w: Array, eta: Array) -> Array:
        return w + eta * (x.T @ (y - x @ w))

    def of_each(w: Array, eta: Array) -> Array:
        def visit(w: Array, example: tuple[Array, Array]) -> tuple[Array, None]:
            row, target = example
            return w + eta * row[:, None] * (target - row @ w), None  # (1 + features, 1) (outputs,)

        return jax.lax.scan(visit, w, (x, y))[0]

    def epoch(w: Array, k: Array) -> tuple[Array, Array]:
        eta = learning_rate / (1 + decay * k)
        w = of_all(w, eta) if rule == "batch" else of_each(w, eta)
        return w, jnp.sum(jnp.square(y - x @ w))

    start = jnp.zeros((x.shape[1], y.shape[1]), x.dtype)
    w, errors = jax.lax.scan(epoch, start, jnp.arange(epochs, dtype=x.dtype))
    return DeltaRun({"dense_0": dense_params(w)}, errors)


def stability_limit(x: Any, rule: str = "batch") -> Array:
    """Return the learning rate from which on the delta rule no longer settles on these examples.

    batch: `2 / lambda_max` of `X^T X` with the rows (1, x_n): the error along its eigenvector is multiplied by
    `1 - eta lambda` at every step, so that a larger eta makes it grow without end. online: `2 / max |(1, x_n)|^2`, from
    which on the correction for the longest example is worse than none.

    Args:
        x: (examples, features).
        rule: "batch" or "online".

    Returns:
        A scalar, to compare with `learning_rate`. `jaxnn.fit` takes the mean over the examples and not the sum: there
        the limit of "batch" is as many times larger as there are examples.

    Raises:
        JaxnnError: if x has no example or another shape.

    >>> corners = [[0, 0], [1, 0], [0, 1], [1, 1]]
    >>> f"{stability_limit(corners):.4f}", f"{stability_limit(corners, 'online'):.4f}"
    ('0.3139', '0.6667')
    """
    one_of("rule", rule, RULES)
    inputs = extended_inputs(examples(x, jnp.zeros(len(x)))[0])
    if rule == "batch":
        return 2 / jnp.linalg.norm(inputs, ord=2) ** 2  # the largest singular value, squared
    return 2 / jnp.max(jnp.sum(jnp.square(inputs), axis=1))


def _warn_of_large_steps(x: Array, learning_rate: float, rule: str) -> None:
    limit = stability_limit(x, rule)
    if isinstance(limit, Tracer) or learning_rate < limit:
        return
    follows = "the weights grow without end" if rule == "batch" else "the weights may never settle"
    formula = "2 / lambda_max" if rule == "batch" else "2 / max |x|^2"
    warnings.warn(
        f"learning_rate: got {learning_rate:g}; the {rule} rule needs less than {formula} = {limit:.6g} on these "
        f"examples, else {follows}.",
        stacklevel=3,
    )
