"""Configurations: frozen dataclasses without arrays that print short and compare by what the program depends on."""

import dataclasses
from typing import Any, TypeVar, dataclass_transform

_Class = TypeVar("_Class")
_NUMBER = "jaxnn.number"


def number(default: Any = dataclasses.MISSING) -> Any:
    """Declare a field of a configuration as a number that a population may vary.

    It is printed and saved, but only its presence (not None) counts for equality and hash: configurations that
    differ in nothing else share one compiled program, which reads the number as an argument.

    Args:
        default: the value when none is given; None leaves the operation out of the program.

    Returns:
        A dataclass field.

    >>> @config
    ... class Noise:
    ...     scale: float | None = number(0.1)
    >>> Noise(0.1) == Noise(0.2), Noise(0.1) == Noise(None), Noise(0.2)
    (True, False, Noise(scale=0.2))
    """
    return dataclasses.field(default=default, metadata={_NUMBER: True})


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field, number))
def config(cls: type[_Class]) -> type[_Class]:
    """Make a class a frozen dataclass that prints only what differs from its defaults and ignores `number` values.

    Args:
        cls: the class, with annotated fields; `__post_init__` checks their values.

    Returns:
        The same class, as a dataclass with equality, hash and repr of its own.

    >>> @config
    ... class Square:
    ...     side: int
    ...     filled: bool = False
    >>> Square(3), Square(3, filled=True), Square(3) == Square(3)
    (Square(3), Square(3, filled=True), True)
    """
    made = dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
    for name, method in (("__eq__", _equal), ("__hash__", _hash), ("__repr__", _represent), ("__getstate__", _state)):
        if name not in cls.__dict__:
            setattr(made, name, method)
    return made


def numbers(configured: Any) -> dict[str, float]:
    """Return the numbers of a configuration that are present, by field name.

    Args:
        configured: an instance of a class made by `config`; anything else has no numbers.

    Returns:
        A dict from field name to value, without those that are None.

    >>> @config
    ... class Noise:
    ...     scale: float | None = number(0.1)
    >>> numbers(Noise(0.5)), numbers(Noise(None))
    ({'scale': 0.5}, {})
    """
    if not dataclasses.is_dataclass(configured):
        return {}
    values = {f.name: getattr(configured, f.name) for f in dataclasses.fields(configured) if _NUMBER in f.metadata}
    return {name: value for name, value in values.items() if value is not None}


def with_numbers(configured: Any, values: dict[str, Any]) -> Any:
    """Return a configuration whose numbers are those of a member, traced ones too, which nothing checks.

    Args:
        configured: an instance of a class made by `config`; anything else is returned as it is.
        values: by field name, as `numbers` has them.

    Returns:
        A configuration of the same class.

    >>> @config
    ... class Noise:
    ...     scale: float | None = number(0.1)
    >>> with_numbers(Noise(0.5), {"scale": 2.0})
    Noise(scale=2.0)
    """
    if not values:
        return configured
    made = object.__new__(type(configured))
    made.__dict__.update(_state(configured) | values)
    return made


def _identity(configured: Any) -> tuple[Any, ...]:
    """What the program depends on: the type, the plain fields, and which numbers are there."""
    fields = dataclasses.fields(configured)
    return tuple(
        (getattr(configured, f.name) is None) if _NUMBER in f.metadata else getattr(configured, f.name)
        for f in fields
        if f.compare
    )


def _equal(self: Any, other: Any) -> bool:
    return type(self) is type(other) and _identity(self) == _identity(other)


def _hash(self: Any) -> int:
    """Computed once: looking up a program by its network took 25 of the 150 microseconds of a prediction of one row."""
    if "_hashed" not in self.__dict__:
        object.__setattr__(self, "_hashed", hash((type(self), _identity(self))))
    return self.__dict__["_hashed"]


def _state(self: Any) -> dict[str, Any]:
    """What is pickled and copied: not the hash, which is another one in another process."""
    return {name: value for name, value in self.__dict__.items() if name != "_hashed"}


def _represent(self: Any) -> str:
    words = []
    for f in dataclasses.fields(self):
        value = getattr(self, f.name)
        shown = getattr(value, "__name__", None) or repr(value)
        if f.default is dataclasses.MISSING:
            words.append(shown)
        elif repr(value) != repr(f.default):  # unlike equality, this sees numbers and types
            words.append(f"{f.name}={shown}")
    return f"{type(self).__name__}({', '.join(words)})"
