"""The gradient of a whole objective by hand: forward through the network and the loss, then back."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnn.backprop.rules import pullback, rule_of
from jaxnn.layers.base import Layer
from jaxnn.pytypes import Array, Key, Params, State


class Backward(NamedTuple):
    """What one pass forward and back tells."""

    value: Array
    """The objective: mean loss plus penalties."""
    loss: Array
    """The weighted sum of the losses."""
    weight: Array
    """The sum of the weights."""
    penalty: Array | None
    """The sum of the penalties, None where there is none."""
    outputs: Array
    state: State
    grads: Params


def value_and_grad(net: Layer, loss: Any, penalties: Sequence[Any] = ()) -> Callable[..., Any]:
    """Return a function that computes an objective and its gradient by the hand-written rules, as autodiff would.

    `E = sum_n w_n L(net(x_n), y_n) / sum_n w_n + penalties`, the mean over the real positions of sequences.

    No `jax.grad` is inside. The function is pure: jit, vmap, scan and further differentiation apply to it.

    Args:
        net: the network.
        loss: of `jaxnn.losses`, or your own with a registered rule.
        penalties: of `jaxnn.penalties`, or your own with registered rules.

    Returns:
        A function of `(params, state, x, y, *, train=True, key=None, mask=None, weight=None)` that returns
        `((value, state), grads)` as `jax.value_and_grad(..., has_aux=True)` does. `weight` is one number for each
        example, `mask` what is real of the batch, with time or without.

    Raises:
        JaxnnError: (the function) if the network, the loss or a penalty has no rule, or something does not fit.

    Reference: D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating errors", 1986.

    >>> import jaxnn as nn
    >>> net = nn.Chain(nn.Dense(1))
    >>> params = {"dense_0": {"kernel": jnp.array([[2.0]]), "bias": jnp.array([1.0])}}
    >>> x, y = jnp.array([[1.0], [2.0]]), jnp.array([0.0, 5.0])
    >>> (value, _), grads = value_and_grad(net, nn.losses.half_squared_error)(params, {}, x, y)
    >>> print(value, grads["dense_0"]["kernel"][0], grads["dense_0"]["bias"])  # errors 3 and 0
    2.25 [1.5] [1.5]
    """

    def function(
        params: Params, state: State, x: Any, y: Any, *, train: bool = True, key: Key | None = None,
        mask: Array | None = None, weight: Array | None = None,
    ) -> tuple[tuple[Array, State], Params]:  # fmt: skip
        strengths = [{} for _ in penalties]
        how = {"train": train, "key": key, "mask": mask, "weight": weight}
        done = backward(net, loss, penalties, strengths, params, state, jnp.asarray(x), y, **how)
        return (done.value, done.state), done.grads

    return function


def backward(
    net: Layer, loss: Any, penalties: Sequence[Any], strengths: Sequence[dict[str, Any]], params: Params, state: State,
    x: Array, y: Any, *, train: bool, key: Key | None, mask: Array | None, weight: Array | None,
) -> Backward:  # fmt: skip
    """Run forward and back once.

    Args:
        net, loss, penalties: as for `value_and_grad`.
        strengths: for each penalty, `{}` or `{"strength": s}` to use in place of its own.
        params, state, x, y, train, key, mask, weight: of one minibatch.

    Returns:
        What the pass tells.
    """
    outputs, after, pull = pullback(net, params, state, x, train=train, key=key, mask=mask)
    mean = mean_loss(loss, outputs, y, weight, mask)
    grads, _ = pull(mean.doutputs)
    value, amount = mean.value, None
    for penalty, numbers in zip(penalties, strengths, strict=True):
        one, more = rule_of(penalty)(penalty, params, numbers.get("strength"))
        if getattr(penalty, "per_example", False):
            one, more = jax.tree.map(lambda each: each / _safe(mean.weight).astype(each.dtype), (one, more))
        amount = one.astype(value.dtype) + (0 if amount is None else amount)
        grads = jax.tree.map(jnp.add, grads, more)
    value = value if amount is None else value + amount
    return Backward(value, mean.total, mean.weight, amount, outputs, after, grads)


class MeanLoss(NamedTuple):
    """The weighted mean of the losses, and how it moves with the outputs."""

    losses: Array
    total: Array
    """Their weighted sum."""
    weight: Array
    """The sum of the weights."""
    value: Array
    """Total over weight."""
    doutputs: Array
    """The gradient of the value."""


def mean_loss(loss: Any, outputs: Array, y: Any, weight: Any, mask: Array | None) -> MeanLoss:
    """Return the mean loss of a minibatch, and its gradient by the loss's rule.

    Args:
        loss, y, weight, mask: as for `value_and_grad`.
        outputs: of the network.

    Returns:
        The mean, what it is made of, and dE/doutputs.

    >>> import jaxnn as nn
    >>> mean = mean_loss(nn.losses.squared_error, jnp.array([[1.0], [3.0]]), jnp.array([0.0, 0.0]), None, None)
    >>> print(mean.losses, mean.value, mean.doutputs.ravel())
    [1. 9.] 5.0 [1. 3.]
    """
    losses, pull = rule_of(loss)(loss, outputs, y)  # (batch, ...)
    weights, weight = weights_of(losses, weight, mask)
    total = jnp.where(weights == 0, 0, weights * losses).sum()
    safe = _safe(weight)
    return MeanLoss(losses, total, weight, total / safe, pull(weights / safe))


def _safe(weight: Array) -> Array:
    """A weight to divide by: a minibatch whose rows all weigh nothing teaches nothing."""
    return jnp.where(weight > 0, weight, 1)


def weights_of(losses: Array, weight: Any, mask: Array | None) -> tuple[Array, Array]:
    """Return what each loss counts for in the mean, and the sum of what examples (or positions) count for.

    Args:
        losses: `(batch, ...)`.
        weight: `(batch,)`, or None for 1.
        mask: what is real of the batch, `(batch,)` or `(batch, time)`; None for all.

    Returns:
        Weights of the shape of the losses, 0 where the mask hides, and their sum; positions that the mask does not tell
        apart share what their example counts for.

    >>> weights, total = weights_of(jnp.ones((2, 2)), jnp.array([1.0, 3.0]), None)
    >>> print(weights.tolist(), total)
    [[0.5, 0.5], [1.5, 1.5]] 4.0
    """
    if mask is not None and mask.ndim > losses.ndim:  # positions that the network has made one answer of
        mask = mask.any(axis=tuple(range(losses.ndim, mask.ndim)))
    counts = jnp.ones(losses.shape[:1], losses.dtype) if mask is None else mask.astype(losses.dtype)
    if weight is not None:
        counts = counts * jnp.asarray(weight, losses.dtype).reshape(-1, *[1] * (counts.ndim - 1))
    positions = losses.shape[counts.ndim :]  # those that the mask does not tell apart share what their example counts
    shared = counts.reshape(*counts.shape, *[1] * len(positions)) / max(math.prod(positions), 1)
    return jnp.broadcast_to(shared, losses.shape), counts.sum()
