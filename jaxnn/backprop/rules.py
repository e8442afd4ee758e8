"""The table of hand-written rules: what is computed forward, and how a gradient is pulled back through it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import JaxnnError
from jaxnn.layers.base import Layer, inside
from jaxnn.pytypes import Array, Key, Params, State

Rule = Callable[..., Any]
"""Of a layer: `(layer, params, state, x, *, train, key, mask) -> (y, state, pull)`, `pull(dy) -> (dparams, dx)`.
Of an activation: `(activation, z) -> (a, pull)`, `pull(da) -> dz`.
Of a loss: `(loss, outputs, targets) -> (losses, pull)`, `pull(dlosses) -> doutputs`.
Of a penalty: `(penalty, params, strength) -> (value, dparams)`."""

Pull = Callable[[Array], tuple[Params, Any]]
"""From the gradient of a layer's output to those of its parameters and of its input."""

RULES: dict[Any, Rule] = {}
"""Every rule, by the class that it is for; of a plain function, such as `jaxnn.relu`, by the function."""


def register(*kinds: Any) -> Callable[[Rule], Rule]:
    """Return a decorator that makes a function the rule of a layer, an activation, a loss or a penalty.

    Args:
        *kinds: classes of layers, losses, penalties or activations, or plain functions.

    Returns:
        The decorator, which returns the rule unchanged. `Rule` says what a rule of each sort takes and returns.

    >>> import jaxnn as nn
    >>> def cube(z):
    ...     return z**3
    >>> @register(cube)
    ... def cube_rule(activation, z):
    ...     return cube(z), lambda da: 3 * z**2 * da
    >>> y, state, pull = pullback(nn.Activation(cube), {}, {}, jnp.array([2.0]))
    >>> print(pull(jnp.ones(1))[1])
    [12.]
    """

    def decorate(rule: Rule) -> Rule:
        for kind in kinds:
            RULES[kind] = rule
        return rule

    return decorate


def registered(one: Any) -> Rule | None:
    """Return the hand-written rule of a layer, an activation, a loss or a penalty.

    Args:
        one: an instance, or a plain function.

    Returns:
        Its rule, or None where the table has none.

    >>> import jaxnn as nn
    >>> registered(nn.Dense(3)) is not None, registered(lambda z: z)
    (True, None)
    """
    return RULES.get(one if callable(one) and hasattr(one, "__name__") else type(one))


def rule_of(one: Any) -> Rule:
    """Return the rule by which gradients go back through something.

    Args:
        one: a layer, an activation, a loss or a penalty.

    Returns:
        The rule.

    Raises:
        JaxnnError: if there is none, with how to register one.

    >>> rule_of(len)
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: gradient by hand: len has no rule. Register one: @jaxnn.backprop.register(len); \
help(jaxnn.backprop.register) shows how, and gradient="autodiff" needs none.
    """
    rule = _LOOKUP.get()(one)
    if rule is None:
        function = callable(one) and hasattr(one, "__name__")
        name = one.__name__ if function else type(one).__name__
        raise JaxnnError(
            f"gradient by hand: {name if function else repr(one)} has no rule. Register one: "
            f"@jaxnn.backprop.register({name}); help(jaxnn.backprop.register) shows how, and "
            'gradient="autodiff" needs none.'
        )
    return rule


_LOOKUP: ContextVar[Callable[[Any], Rule | None]] = ContextVar("lookup", default=registered)
_LISTENER: ContextVar[Callable[..., None] | None] = ContextVar("listener", default=None)
_PATH: ContextVar[tuple[str, ...]] = ContextVar("path", default=())


def path_now() -> tuple[str, ...]:
    """Return the names of the layers inside which a rule is running, the outermost first.

    >>> path_now()
    ()
    """
    return _PATH.get()


@contextmanager
def looking_up(function: Callable[[Any], Rule | None]) -> Iterator[None]:
    """Take rules from a function in place of the table, while tracing.

    Args:
        function: from a layer, an activation, a loss or a penalty to its rule, or None where it has none.
    """
    before = _LOOKUP.set(function)
    try:
        yield
    finally:
        _LOOKUP.reset(before)


@contextmanager
def watching(listener: Callable[..., None]) -> Iterator[None]:
    """Call a function after every layer through which a gradient was pulled back, the last layer first.

    Args:
        listener: a function of (path, a tuple of names; layer; params; x; y; dy; dparams; dx).
    """
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def pullback(
    layer: Layer,
    params: Params,
    state: State,
    x: Any,
    *,
    train: bool = False,
    key: Key | None = None,
    mask: Array | None = None,
    name: str = "",
) -> tuple[Array, State, Pull]:
    """Apply a layer and return, beside what `apply` returns, how gradients go back through it.

    It is `jax.vjp` of `apply`, for parameters and input, by the layer's hand-written rule.

    Args:
        layer: the layer.
        params, state, x, train, key, mask: as for its `apply`.
        name: the child's name, where a layer calls it for one that it holds.

    Returns:
        The output, the state after, and `pull`: from the gradient of the output to `(dparams, dx)`, of the structures,
        shapes and dtypes of `params` and `x`; dx is of dtype float0, as `jax.vjp` has it, where x holds no floats.

    Raises:
        JaxnnError: what `apply` raises; and if the layer has no rule.

    >>> import jaxnn as nn
    >>> params = {"kernel": jnp.array([[2.0], [3.0]]), "bias": jnp.zeros(1)}
    >>> y, _, pull = pullback(nn.Dense(1), params, {}, jnp.array([1.0, 10.0]))
    >>> dparams, dx = pull(jnp.ones(1))
    >>> print(y, dparams["kernel"].ravel(), dparams["bias"], dx)
    [32.] [ 1. 10.] [1.] [2. 3.]
    """
    if not name:
        return rule_of(layer)(layer, params, state, x, train=train, key=key, mask=mask)
    path = (*_PATH.get(), name)
    before = _PATH.set(path)
    try:
        with inside(name, layer, x.shape):
            y, after, pull = rule_of(layer)(layer, params, state, x, train=train, key=key, mask=mask)
    finally:
        _PATH.reset(before)
    listener = _LISTENER.get()
    if listener is None:
        return y, after, pull

    def watched(dy: Array) -> tuple[Params, Any]:
        dparams, dx = pull(dy)
        listener(path, layer, params, x, y, dy, dparams, dx)
        return dparams, dx

    return y, after, watched


def to_input(x: Any, dx: Array) -> Any:
    """Return the gradient of an input in the input's dtype; float0, which holds nothing, for whole numbers.

    Args:
        x: the input.
        dx: its gradient, of its shape.

    Returns:
        `dx` in the dtype of `x`.

    >>> to_input(jnp.array([1, 2]), jnp.ones(2)).dtype
    dtype([('float0', 'V')])
    """
    if jnp.issubdtype(x.dtype, jnp.floating):
        return dx.astype(x.dtype)
    return np.zeros(x.shape, jax.dtypes.float0)
