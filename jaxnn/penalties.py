"""Norm penalties on parameters, the lambda R(w) that a regularised objective adds to its mean loss."""

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxnn.checks import fail, number_in
from jaxnn.config import config, number
from jaxnn.pytypes import Array, Params
from jaxnn.shapes import summable_array


class Penalty(Protocol):
    """What every penalty is: a function of the parameters whose strength may be given from outside."""

    def __call__(self, params: Params, strength: Any = None, /) -> Array:
        """Return a scalar; `strength`, where given, is used instead of the configured one."""
        ...


@config
class L2:
    """The sum of squares of the weights, times a strength: it pulls each weight back in proportion to its size.

    R = strength * sum w^2 (without 1/2), gradient 2 strength w. With plain gradient descent this is weight decay.

    Args:
        strength: lambda, at least 0; a number that a population may vary.
        leaves: the names of the parameters that count (the last key of their path); biases are left out by default.
        per_example: True has a run divide it by the weight of each minibatch's examples, as scikit-learn does.

    Raises:
        JaxnnError: if the strength is negative or not finite, or no leaf is named.

    >>> L2(0.1)({"dense_0": {"kernel": jnp.array([[1.0, -2.0]]), "bias": jnp.array([5.0])}})
    Array(0.5, dtype=float32)
    """

    strength: float = number()
    leaves: tuple[str, ...] = ("kernel",)
    per_example: bool = False

    def __post_init__(self) -> None:
        _check_fields(self, "L2")

    def __call__(self, params: Params, strength: Any = None) -> Array:
        """Return the penalty of `params`; a given `strength` (a scalar, traced or not) replaces the field."""
        return _times(self.strength if strength is None else strength, _sum_over(params, self.leaves, "L2", jnp.square))


@config
class L1:
    """The sum of absolute weights, times a strength: it pulls every weight back equally and makes many exactly useless.

    R = strength * sum |w|, gradient strength * sign(w), which is 0 at w = 0.

    Args:
        strength: lambda, at least 0; a number that a population may vary.
        leaves: the names of the parameters that count (the last key of their path); biases are left out by default.
        per_example: as for `L2`.

    Raises:
        JaxnnError: if the strength is negative or not finite, or no leaf is named.

    >>> L1(0.1)({"dense_0": {"kernel": jnp.array([[1.0, -2.0]]), "bias": jnp.array([5.0])}})
    Array(0.3, dtype=float32)
    """

    strength: float = number()
    leaves: tuple[str, ...] = ("kernel",)
    per_example: bool = False

    def __post_init__(self) -> None:
        _check_fields(self, "L1")

    def __call__(self, params: Params, strength: Any = None) -> Array:
        """Return the penalty of `params`; a given `strength` (a scalar, traced or not) replaces the field."""
        return _times(self.strength if strength is None else strength, _sum_over(params, self.leaves, "L1", _absolute))


def l2(strength: float, leaves: tuple[str, ...] = ("kernel",)) -> L2:
    """Return an `L2` penalty; `[l1(a), l2(b)]` is the elastic net.

    Args:
        strength: lambda, at least 0.
        leaves: the names of the parameters that count.

    Returns:
        The penalty.

    Raises:
        JaxnnError: if the strength is negative or not finite.

    >>> l2(1e-4)
    L2(0.0001)
    """
    return L2(strength, leaves)


def l1(strength: float, leaves: tuple[str, ...] = ("kernel",)) -> L1:
    """Return an `L1` penalty; `[l1(a), l2(b)]` is the elastic net.

    Args:
        strength: lambda, at least 0.
        leaves: the names of the parameters that count.

    Returns:
        The penalty.

    Raises:
        JaxnnError: if the strength is negative or not finite.

    >>> l1(0.01, leaves=("kernel", "bias"))
    L1(0.01, leaves=('kernel', 'bias'))
    """
    return L1(strength, leaves)


def _check_fields(penalty: Any, name: str) -> None:
    strength = number_in(f"{name}.strength", penalty.strength, 0, float("inf"), open_high=True)
    object.__setattr__(penalty, "strength", strength)
    leaves = penalty.leaves
    named = isinstance(leaves, tuple | list) and len(leaves) > 0 and all(isinstance(leaf, str) for leaf in leaves)
    if not named:  # a bare string too: tuple("kernel") would be six leaves of one letter
        fail(f"{name}.leaves", repr(leaves), 'a tuple of names of parameters, such as ("kernel",)')
    object.__setattr__(penalty, "leaves", tuple(leaves))


def _sum_over(params: Params, leaves: tuple[str, ...], where: str, formula: Any) -> Array:
    """Return the sum of `formula` over every leaf whose last key is in `leaves`."""
    named = [(_last_key(path), leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(params)]
    present = sorted({name for name, _ in named})
    missing = [name for name in leaves if name not in present]
    if missing:  # a penalty on nothing would be an option that does nothing
        needed = f"names among {', '.join(present)}" if present else "parameters to penalise"
        fail(f"{where}.leaves", f"{', '.join(missing)}, which no parameter is called", needed)
    sums = [jnp.sum(formula(summable_array(name, leaf))) for name, leaf in named if name in leaves]
    widest = max((one.dtype for one in sums), key=lambda dtype: dtype.itemsize)
    return sum((one.astype(widest) for one in sums[1:]), start=sums[0].astype(widest))


def _absolute(w: Array) -> Array:
    return w * jnp.sign(w)  # |w|; the derivative of jnp.abs at 0 is 1 in JAX, which would push zero weights away


def _times(strength: Any, total: Array) -> Array:
    return jnp.asarray(strength, total.dtype) * total


def _last_key(path: tuple[Any, ...]) -> str:
    return str(getattr(path[-1], "key", path[-1])) if path else ""
