"""From a setting of hyper-parameters to what `fit_many` takes for one member."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxnn import optimizers
from jaxnn.checks import JaxnnError, fail, one_of
from jaxnn.layers.base import Layer
from jaxnn.penalties import L1, L2
from jaxnn.train.many import OF_MEMBERS

DIRECT = tuple(name for name in OF_MEMBERS if name not in ("net", "rows", "validation_rows", "resume", "metrics"))
"""Settings of `fit` that a search may vary as they are."""

PENALTIES: dict[str, Any] = {"l1": L1, "l2": L2}
"""Strengths of penalties on all kernels, by the name of the hyper-parameter."""

PARTS = {"optimizer": ("momentum", "nesterov", "b1", "b2", "eps", "weight_decay", "clip"), "loss": ("smoothing",)} | {
    "stop": ("patience", "min_delta")
}
"""Fields of another setting that have names of their own."""


def known(make_net: Any) -> list[str]:
    """Return the hyper-parameters that a search may vary.

    Args:
        make_net: a network, or the function of the search that makes one.

    Returns:
        The parameters of the function, then those of the training.

    >>> known(lambda width: None)[:3]
    ['width', 'loss', 'key']
    """
    own = [] if isinstance(make_net, Layer) else list(_parameters(make_net))
    return [*own, *DIRECT, *PENALTIES, *(name for names in PARTS.values() for name in names)]


def _parameters(make_net: Any) -> Mapping[str, inspect.Parameter]:
    if not callable(make_net):
        fail("make_net", repr(make_net), "a network, or a function of hyper-parameters that returns one")
    given = inspect.signature(make_net).parameters
    if any(one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL, one.POSITIONAL_ONLY) for one in given.values()):
        fail("make_net", f"parameters {tuple(given)}", "parameters with names, which are hyper-parameters")
    return given


def member(make_net: Any, setting: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a member is trained with.

    Args:
        make_net: a network, or a function of some of the hyper-parameters that returns one.
        setting: the member's hyper-parameters.
        shared: settings of `fit` that all members share, the loss among them.

    Returns:
        Settings of `fit`, with `net`.

    Raises:
        JaxnnError: for an unknown hyper-parameter, with the nearest known one, or an impossible setting, which is
            named.

    >>> import jaxnn as nn
    >>> made = member(lambda width: nn.models.mlp((width,), 2), {"width": 8, "l2": 0.1, "momentum": 0.5}, {})
    >>> made["net"], made["penalties"], made["optimizer"]
    (Chain(Dense(8, kernel_init=HeNormal()), relu, Dense(2)), [L2(0.1)], SGD(momentum=0.5))
    """
    names = known(make_net)
    for name in setting:
        one_of("hyper-parameter", name, names)
    try:
        return {"net": _network(make_net, setting)} | _training(setting, shared)
    except JaxnnError as error:
        error.args = (f"{called(setting)}: {error}",)
        raise


def called(setting: Mapping[str, Any]) -> str:
    """Return a setting in words.

    >>> called({"width": 8, "l2": 0.1})
    'setting width=8, l2=0.1'
    """
    return "setting " + ", ".join(f"{name}={value!r}" for name, value in setting.items())


def _network(make_net: Any, setting: Mapping[str, Any]) -> Layer:
    if isinstance(make_net, Layer):
        return make_net
    own = {name: setting[name] for name in _parameters(make_net) if name in setting}
    given = _parameters(make_net).items()
    missing = [name for name, one in given if name not in setting and one.default is one.empty]
    if missing:
        fail("make_net", f"no value for {', '.join(missing)}", "one in the grid or space for each parameter")
    net = make_net(**own)
    if not isinstance(net, Layer):
        fail("make_net", repr(net), "a network to come out of it")
    return net


def _training(setting: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(shared) | {name: value for name, value in setting.items() if name in DIRECT}
    strengths = [PENALTIES[name](value) for name, value in setting.items() if name in PENALTIES]
    if strengths:
        made["penalties"] = [*made.get("penalties", ()), *strengths]
    for whole, parts in PARTS.items():
        own = {name: setting[name] for name in parts if name in setting}
        if own:
            made[whole] = _with_parts(whole, made.get(whole), own)
    return made


def _with_parts(name: str, whole: Any, parts: Mapping[str, Any]) -> Any:
    """An optimiser, a loss or a stopping rule with other numbers."""
    if name == "optimizer":
        default = "sgd" if {"momentum", "nesterov"} & set(parts) else "adam"
        whole = optimizers.resolve(default if whole is None else whole, None)[0]
    fields = [field.name for field in dataclasses.fields(whole)] if dataclasses.is_dataclass(whole) else []
    for part in parts:
        if part not in fields:
            given = f"{part} with {name}={whole!r}"
            needed = f"one of {', '.join(fields)}" if fields else f"a {name} of jaxnn that has it"
            fail(name, given, needed, f"Give another {name}=, or leave {part} out")
    made: Any = whole
    return dataclasses.replace(made, **parts)


def columns(settings: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return settings as columns; None where a setting does not have a hyper-parameter.

    >>> columns([{"width": 8}, {"width": 16, "l2": 0.1}])
    {'width': [8, 16], 'l2': [None, 0.1]}
    """
    names = dict.fromkeys(name for setting in settings for name in setting)
    return {name: [setting.get(name) for setting in settings] for name in names}


Maker = Layer | Callable[..., Layer]
"""What a search takes as its first argument."""
