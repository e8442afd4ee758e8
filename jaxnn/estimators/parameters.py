"""Checks of an estimator's parameters, made when it is fitted: name, value and range of the first that does not fit."""

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from jaxnn import activations, initializers
from jaxnn.checks import fail, number_in, one_of, whole_number

Check = Callable[[str, Any], Any]


def at_least(low: float, high: float = math.inf, *, open_low: bool = False, open_high: bool = False) -> Check:
    """Return a check for a number in a range.

    >>> at_least(0)("MLPClassifier.alpha", 0.5)
    0.5
    """
    high_is_open = open_high or high == math.inf
    return lambda name, value: number_in(name, value, low, high, open_low=open_low, open_high=high_is_open)


def whole(low: int) -> Check:
    """Return a check for a whole number."""
    return lambda name, value: whole_number(name, value, low, 2**31 - 1)


def among(*allowed: Any) -> Check:
    """Return a check for one of a few values."""
    return lambda name, value: one_of(name, value, allowed)


def switch(name: str, value: Any) -> None:
    """Check for True or False."""
    if not isinstance(value, bool | np.bool_):
        fail(name, repr(value), "True or False")


def patience(name: str, value: Any) -> None:
    """Check for a whole number of at least 1, or infinity."""
    if not (isinstance(value, Real) and value == math.inf):
        whole_number(name, value, 1, 2**31 - 1)


def batch_size(name: str, value: Any) -> None:
    """Check for "auto" or a whole number of at least 1."""
    if not (isinstance(value, str) and value == "auto"):
        whole_number(name, value, 1)


def precision(name: str, value: Any) -> None:
    """Check for None, or float32 or float64 by name or as NumPy has them."""
    if value is not None and not _float(value):
        fail(name, repr(value), "None, 'float32' or 'float64'")


def _float(value: Any) -> bool:
    try:
        return np.dtype(value) in (np.float32, np.float64)
    except TypeError:
        return False


def verbosity(name: str, value: Any) -> None:
    """Check for True, False or a whole number of at least 0."""
    if not isinstance(value, bool | np.bool_):
        whole_number(name, value, 0)


TRAINING: Mapping[str, Check] = {
    "solver": among("lbfgs", "sgd", "adam"),
    "alpha": at_least(0),
    "batch_size": batch_size,
    "learning_rate": among("constant", "invscaling", "adaptive"),
    "learning_rate_init": at_least(0, open_low=True),
    "power_t": at_least(0),
    "max_iter": lambda name, value: whole_number(name, value, 1),
    "verbose": verbosity,
    "shuffle": switch,
    "tol": at_least(0),
    "warm_start": switch,
    "momentum": at_least(0, 1),
    "nesterovs_momentum": switch,
    "early_stopping": switch,
    "validation_fraction": at_least(0, 1, open_high=True),
    "beta_1": at_least(0, 1, open_high=True),
    "beta_2": at_least(0, 1, open_high=True),
    "epsilon": at_least(0, open_low=True),
    "n_iter_no_change": patience,
    "max_fun": whole(1),
    "n_estimators": whole(1),
    "batch_norm": switch,
    "dtype": precision,
}
"""The parameters that need no more than their own value to be checked."""


def check(estimator: Any) -> None:
    """Check what `TRAINING` lists among an estimator's parameters.

    Args:
        estimator: with parameters as attributes.

    Raises:
        JaxnnError: naming the first that does not fit.
    """
    known = estimator.get_params(deep=False)
    for name, one in TRAINING.items():
        if name in known:
            one(f"{type(estimator).__name__}.{name}", known[name])


def widths(value: Any) -> tuple[int, ...]:
    """Return `hidden_layer_sizes` as a tuple.

    >>> widths(100), widths([30, 20]), widths(())
    ((100,), (30, 20), ())
    """
    many = list(value) if hasattr(value, "__iter__") else [value]
    if not all(isinstance(width, Integral) for width in many):
        fail("hidden_layer_sizes", repr(value), "a whole number or several", "Write (100,) for one hidden layer")
    if any(width <= 0 for width in many):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {many}.")  # scikit-learn's words
    return tuple(int(width) for width in many)


def for_each(name: str, value: Any, layers: int) -> list[Any]:
    """Return one value for each hidden layer, from one for all or a list.

    >>> for_each("dropout", 0.2, 2), for_each("dropout", [0.1, 0.2], 2)
    ([0.2, 0.2], [0.1, 0.2])
    """
    if not isinstance(value, list | tuple | np.ndarray):
        return [value] * layers
    if len(value) != layers:
        fail(name, f"{len(value)} values for {layers} hidden layers", f"one, or a list of {layers}")
    return list(value)


def activation_names(owner: str, value: Any, layers: int) -> list[Any]:
    """Return the activation of each hidden layer as the user gave it, checked."""
    many = for_each(f"{owner}.activation", value, max(layers, 1))[:layers] if layers else []
    known = ["identity", "logistic", *(name for name in activations.ACTIVATIONS if name != "identity")]
    for one in many if layers else [value]:
        if isinstance(one, str):
            one_of(f"{owner}.activation", one, known)
        elif not callable(one) and not isinstance(one, list | tuple | np.ndarray):
            fail(f"{owner}.activation", repr(one), f"a name ({', '.join(known)}), a function, or a list of these")
    return many


def initializer(owner: str, value: Any) -> Any:
    """Return the initializer of a name, or the one that was given; None stays None."""
    if value is None or (callable(value) and not isinstance(value, type)):
        return value
    if not isinstance(value, str):
        fail(f"{owner}.init", repr(value), "None, a name or one of jaxnn.initializers")
    return initializers.INITIALIZERS[one_of(f"{owner}.init", value, initializers.INITIALIZERS)]
