"""The objective of a minibatch and its gradient: by autodiff, or by the rules that are written by hand."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnn.backprop import engine, rules
from jaxnn.layers import AvgPool, BatchNorm, GroupNorm, LayerNorm, MaxPool, MultiHeadAttention
from jaxnn.layers.base import Layer, walk
from jaxnn.ops import on_cpu
from jaxnn.pytypes import Array, Key, Params, State
from jaxnn.train.measure import statistics, summed

GRADIENTS = ("auto", "autodiff", "backprop")
"""How a gradient may be found."""

FASTER: dict[type, str] = {
    AvgPool: "0.33 of the time of autodiff, 2 x 2 windows, 32 images of 28 x 28 x 32",
    GroupNorm: "0.39, 8 groups, 32 images of 14 x 14 x 32",
    MaxPool: "0.48, 2 x 2 windows, 32 images of 28 x 28 x 32",
    BatchNorm: "0.72 for 32 images of 14 x 14 x 32, 0.81 for (64, 256)",
    LayerNorm: "0.91 for (16, 128, 128)",
    MultiHeadAttention: "0.97 for (16, 128, 128), 4 heads; the block around it 0.89",
}
"""Layers whose hand-written rule beats what XLA derives (forward, backward and a step, in a scan on two CPU cores; the
bench's table `gradients`): `gradient="auto"` takes these rules."""


class Objective(NamedTuple):
    """The mean loss of one minibatch plus the penalties, as a function of the parameters and the minibatch."""

    net: Layer
    loss: Any
    penalties: tuple[Any, ...]
    strengths: tuple[dict[str, Any], ...]
    """The numbers of each penalty."""

    def __call__(
        self, params: Params, state: State, x: Array, y: Array, weight: Array | None, mask: Array | None, key: Key
    ) -> tuple[Array, tuple[State, dict[str, Array]]]:
        """Return the value; beside it the state after, and the terms that an epoch adds up."""
        outputs, state = self.net.apply(params, state, x, train=True, key=key, mask=mask)
        (loss,), total = summed(statistics(self.loss, outputs, y, mask), weight, mask)
        # a minibatch whose rows all weigh nothing teaches nothing
        shared = total if weight is None else jnp.where(total > 0, total, 1)
        mean = loss / shared
        terms = {"loss": loss, "weight": total}
        if self.penalties:
            amount = self.penalty(params, shared).astype(mean.dtype)
            mean, terms["penalty"] = mean + amount, amount * total
        return mean, (state, _terms(terms))

    def penalty(self, params: Params, total: Array) -> Array:
        """Return the sum of the penalties of a minibatch whose examples weigh `total`."""
        amounts = [jnp.zeros((), total.dtype)]
        for penalty, numbers in zip(self.penalties, self.strengths, strict=True):
            amount = penalty(params, **numbers).astype(total.dtype)
            amounts.append(amount / total if getattr(penalty, "per_example", False) else amount)
        return sum(amounts[1:], start=amounts[0])


def value_and_grad(
    objective: Objective, how: str, params: Params, state: State, x: Array, y: Array, weight: Array | None,
    mask: Array | None, key: Key,
) -> tuple[tuple[Array, tuple[State, dict[str, Array]]], Params]:  # fmt: skip
    """Return what the objective returns, and its gradient.

    Args:
        objective: what is minimised.
        how: "autodiff": by `jax.grad`; "backprop": by the hand-written rules alone; "auto": by the rules of the layers
            in `FASTER`, the others by autodiff.
        params, state, x, y, weight, mask, key: of one minibatch.

    Returns:
        `((value, (state, terms)), grads)`.

    Raises:
        JaxnnError: for "backprop", if something has no rule.
    """
    known = all(rules.registered(one) for one in (objective.loss, *objective.penalties))
    faster = on_cpu() and known and any(type(layer) in FASTER for _, layer in walk(objective.net))
    if how == "autodiff" or (how == "auto" and not faster):
        return jax.value_and_grad(objective, has_aux=True)(params, state, x, y, weight, mask, key)
    with rules.looking_up(rules.registered if how == "backprop" else _mixed):
        done = engine.backward(
            objective.net, objective.loss, objective.penalties, objective.strengths, params, state, x, y,
            train=True, key=key, mask=mask, weight=weight,
        )  # fmt: skip
    terms = {"loss": done.loss, "weight": done.weight}
    terms |= {} if done.penalty is None else {"penalty": done.penalty * done.weight}
    return (done.value, (done.state, _terms(terms))), done.grads


def _terms(terms: dict[str, Array]) -> dict[str, Array]:
    """In the default float, as the sums of an epoch are."""
    return {name: term.astype(jnp.result_type(float)) for name, term in terms.items()}


def _mixed(one: Any) -> Any:
    """The rule by hand of a layer that is faster so, of what holds one, and of all that is no layer; else autodiff."""
    if isinstance(one, Layer) and not any(type(layer) in FASTER for _, layer in walk(one)):
        return _by_autodiff
    return rules.registered(one) or _by_autodiff


def _by_autodiff(layer: Layer, params: Params, state: State, x: Array, **how: Any) -> Any:
    y, pull, after = jax.vjp(lambda params, x: layer.apply(params, state, x, **how), params, x, has_aux=True)
    return y, after, pull
