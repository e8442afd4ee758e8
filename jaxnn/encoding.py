"""Configurations as plain JSON values and back: networks, losses and initializers, by one closed table of names.

An instance becomes `{"type": "Dense", "fields": {"features": 3, ...}}`, a function of `jaxnn.activations`
`{"function": "relu"}`, a tuple a list, and what is the user's own `{"custom": "NAME"}`. Decoding looks names up in the
table and calls the class's own checks; nothing that a document names is imported or run.
"""

import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from reprlib import Repr
from typing import Any, NoReturn

import numpy as np

from jaxnn import activations, initializers, layers, losses
from jaxnn.checks import JaxnnError, fail
from jaxnn.layers.base import is_layer_class

_DEEPEST = 100
"""Levels of nesting; a network of networks has a few. Decoding recurses, and Python ends that at about 1,000 calls."""


def by_class_name(classes: Iterable[type]) -> dict[str, type]:
    """Return a table from the name of each class to the class.

    Args:
        classes: dataclasses with names that differ.

    Returns:
        The table.

    Raises:
        JaxnnError: if two have one name, which a file could not tell apart.

    >>> by_class_name([layers.Dense])["Dense"] is layers.Dense
    True
    """
    table: dict[str, type] = {}
    for one in classes:
        if one.__name__ in table:
            fail("the table of classes", f"two named {one.__name__}", "names that differ")
        table[one.__name__] = one
    return table


CONFIGURATIONS: dict[str, type] = by_class_name(
    [
        *(one for one in map(vars(layers).__getitem__, layers.__all__) if is_layer_class(one)),
        *(initializers.Zeros, initializers.Ones, initializers.Constant, initializers.Normal, initializers.Uniform),
        *(initializers.LecunNormal, initializers.LecunUniform, initializers.HeNormal, initializers.HeUniform),
        *(initializers.GlorotNormal, initializers.GlorotUniform, initializers.Orthogonal),
        *(activations.LeakyRelu, activations.Elu, activations.Step, activations.Sign),
        *(losses.SoftmaxCrossEntropy, losses.SigmoidCrossEntropy, losses.BinaryCrossEntropy),
        *(losses.CategoricalCrossEntropy, losses.SquaredError, losses.HalfSquaredError, losses.MeanSquaredError),
        *(losses.AbsoluteError, losses.Huber, losses.SignedError, losses.PoissonDeviance, losses.Quantile),
        *(losses.GaussianNLL, losses.Focal, losses.BinaryFocal),
    ]
)
"""Every class that a file may name: all exported layers, and the classes of their settings."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: function for name, function in activations.ACTIVATIONS.items() if inspect.isfunction(function)
}
"""Every function that a file may name."""

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def shortened(value: Any) -> str:
    """Return what a message shows of a value: its repr, cut where a hostile file makes it long.

    Args:
        value: anything that JSON can hold.

    Returns:
        One line of at most a few hundred characters.

    >>> shortened("x" * 1000)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxx...xxxxxxxxxxxxxxxxxxxxxxxxxxxx'"
    """
    return _SHORT.repr(value)


def encode(configurations: Mapping[str, Any], custom: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return plain JSON values that say what configurations are.

    Args:
        configurations: networks, losses, initializers, activations, or callables and layers of your own, each under
            what messages are to call it, such as "architecture".
        custom: names for objects of your own; what is not in it is named by its `__name__`, or by its type's.

    Returns:
        What `json.dumps` takes, under the same names. Equal configurations give equal values (numbers such as a dropout
        rate included).

    Raises:
        JaxnnError: if two objects of your own have one name, or something could not be decoded again.

    >>> encode({"architecture": layers.Chain(activations.relu)})["architecture"]["fields"]["layers"][0][1]["fields"]
    {'function': {'function': 'relu'}}
    """
    named: dict[str, Any] = {}
    documents = {where: _encode(where, value, custom or {}, named) for where, value in configurations.items()}
    decode(documents, named)
    return documents


def decode(documents: Mapping[str, Any], custom: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the configurations that JSON values describe, checking everything: they may be hostile.

    Args:
        documents: what `json.loads` returned, each under what messages are to call it.
        custom: the objects of your own that the documents name.

    Returns:
        Configurations equal to those that were encoded, under the same names.

    Raises:
        JaxnnError: if a class or function is unknown, fields are missing or too many, a value is of the wrong type or
            refused by its class, or an object of your own is not in `custom`.

    >>> decode({"loss": {"type": "Huber", "fields": {"delta": 2.0}}})
    {'loss': Huber(delta=2.0)}
    >>> decode({"loss": {"type": "os.system", "fields": {}}})
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: loss.type: got 'os.system'; needed the name of a class that this jaxnn has. \
Load it with the jaxnn that saved it, or a newer one.
    """
    given = custom or {}
    missing = sorted(_custom_names(list(documents.values())) - set(given))
    if missing:
        names = ", ".join(shortened(name) for name in missing[:10])
        do = "Load with custom={" + ", ".join(f"{shortened(name)}: ..." for name in missing[:10]) + "}"
        fail("custom", f"nothing named {names}", "each layer and function of your own under its name", do)
    return {where: _decode(where, document, given, 0) for where, document in documents.items()}


def _encode(where: str, value: Any, custom: Mapping[str, Any], named: dict[str, Any]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else fail(where, f"{value}", "a finite number")
    if type(value) in (tuple, list):
        return [_encode(f"{where}[{i}]", item, custom, named) for i, item in enumerate(value)]
    if CONFIGURATIONS.get(type(value).__name__) is type(value):
        inside = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        fields = {name: _encode(f"{where}.{name}", item, custom, named) for name, item in inside.items()}
        return {"type": type(value).__name__, "fields": fields}
    for name, function in FUNCTIONS.items():
        if value is function:
            return {"function": name}
    if not callable(value) and not isinstance(value, layers.Layer):
        fail(where, f"{shortened(value)} of type {type(value).__name__}", "a layer, a callable, text or a number")
    return {"custom": _custom_name(where, value, custom, named)}


def _custom_name(where: str, value: Any, custom: Mapping[str, Any], named: dict[str, Any]) -> str:
    own = next((name for name, known in custom.items() if known is value), None)
    name = own or getattr(value, "__name__", None) or type(value).__name__
    if named.setdefault(name, value) is not value and named[name] != value:
        do = 'Name them: save(path, run, custom={"NAME": object})'
        fail(where, f"a second object of your own named {name}", "names that differ", do)
    return name


def _custom_names(document: Any) -> set[str]:
    """Every name under "custom", found without recursion."""
    names, waiting = set(), [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if set(value) == {"custom"} and isinstance(value["custom"], str):
                names.add(value["custom"])
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return names


def _decode(where: str, document: Any, custom: Mapping[str, Any], depth: int) -> Any:
    if depth > _DEEPEST:
        fail(where, f"more than {_DEEPEST} levels of nesting", "fewer")
    if isinstance(document, int) and abs(document) >= 2**63:
        fail(where, "a whole number beyond 64 bits", "a smaller one")
    if document is None or isinstance(document, bool | int | float | str):
        return document
    if isinstance(document, list):
        return tuple(_decode(f"{where}[{i}]", item, custom, depth + 1) for i, item in enumerate(document))
    if not isinstance(document, dict):
        fail(where, type(document).__name__, "a value of JSON")
    keys = set(document)
    if keys == {"type", "fields"}:
        return _instance(where, document["type"], document["fields"], custom, depth)
    if keys == {"function"}:
        name = document["function"]
        if not isinstance(name, str) or name not in FUNCTIONS:
            _unknown(f"{where}.function", name, "a function")
        return FUNCTIONS[name]
    if keys == {"custom"} and isinstance(document["custom"], str):
        return custom[document["custom"]]
    fail(where, f"an object with {shortened(sorted(keys))}", "one with 'type' and 'fields', 'function' or 'custom'")


def _instance(where: str, name: Any, fields: Any, custom: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(name, str) or name not in CONFIGURATIONS:
        _unknown(f"{where}.type", name, "a class")
    hints = _hints(CONFIGURATIONS[name])
    if not isinstance(fields, dict) or set(fields) != set(hints):
        given = shortened(sorted(fields)) if isinstance(fields, dict) else shortened(fields)
        fail(f"{where}.fields", given, f"the fields of {name}: {', '.join(sorted(hints)) or 'none'}")
    values = {}
    for field, hint in hints.items():
        values[field] = _decode(f"{where}.{field}", fields[field], custom, depth + 1)
        if not _admits(hint, values[field]):
            fail(f"{where}.{field}", shortened(fields[field]), f"what {name}.{field} takes: {_named_type(hint)}")
    try:
        # what holds layers by name takes them one by one
        return CONFIGURATIONS[name](*values.pop("layers", ()), **values)
    except JaxnnError as error:
        raise JaxnnError(f"{where}: {error}") from error


@lru_cache(256)
def _hints(cls: type) -> dict[str, Any]:
    """The type of each field of a dataclass."""
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _admits(hint: Any, value: Any) -> bool:
    """Whether a decoded value is of a field's type; a class's own check looks at the value, seldom at the type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_admits(argument, value) for argument in arguments)
    if origin is typing.Literal:
        return any(type(value) is type(argument) and value == argument for argument in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        expected = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return len(expected) == len(value) and all(map(_admits, expected, value))
    if hint in (bool, int, str, type(None)):
        return type(value) is hint
    if hint is float:
        return type(value) in (int, float)
    if hint is layers.Layer:
        return isinstance(value, layers.Layer)
    # a function, an initializer, a loss: protocols with __call__
    return callable(value)


def _named_type(hint: Any) -> str:
    if typing.get_origin(hint) is Callable:
        return "a function"
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)


def _unknown(where: str, name: Any, kind: str) -> NoReturn:
    do = "Load it with the jaxnn that saved it, or a newer one"
    fail(where, shortened(name), f"the name of {kind} that this jaxnn has", do)
