"""What a search tries: every combination of a grid, or draws from a space."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.config import config


class Distribution(Protocol):
    """Something to draw the values of one hyper-parameter from."""

    def draw(self, random: np.random.Generator) -> Any:
        """Return one value."""
        ...


@config
class Uniform:
    """Numbers evenly from low to high.

    Args:
        low, high: finite numbers, low below high.

    Raises:
        JaxnnError: if low is not below high.

    >>> 0.1 <= Uniform(0.1, 0.5).draw(np.random.default_rng(0)) < 0.5
    True
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _ordered("Uniform", self.low, self.high)

    def draw(self, random: np.random.Generator) -> float:
        """Return one value."""
        return float(random.uniform(self.low, self.high))


@config
class LogUniform:
    """Numbers whose logarithm is even: as many from 0.001 to 0.01 as from 0.01 to 0.1.

    Args:
        low, high: above 0, low below high.

    Raises:
        JaxnnError: if low is not above 0 or not below high.

    >>> 1e-4 <= LogUniform(1e-4, 1e-1).draw(np.random.default_rng(0)) < 1e-1
    True
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _ordered("LogUniform", self.low, self.high)
        number_in("LogUniform.low", self.low, 0, float("inf"), open_low=True, open_high=True)

    def draw(self, random: np.random.Generator) -> float:
        """Return one value."""
        return float(math.exp(random.uniform(math.log(self.low), math.log(self.high))))


@config
class Whole:
    """Whole numbers from low to high, both included; every one as likely, or every ratio with `log`.

    Args:
        low, high: whole numbers, low below high.
        log: True for as many from 8 to 16 as from 16 to 32; low is at least 1 then.

    Raises:
        JaxnnError: if a number is out of its range.

    >>> Whole(8, 64, log=True).draw(np.random.default_rng(0)) in range(8, 65)
    True
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        whole_number("Whole.low", self.low, 1 if self.log else -(2**31))
        whole_number("Whole.high", self.high, self.low + 1)

    def draw(self, random: np.random.Generator) -> int:
        """Return one value."""
        if self.log:
            drawn = math.exp(random.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
            return min(max(round(drawn), self.low), self.high)
        return int(random.integers(self.low, self.high + 1))


def _ordered(name: str, low: float, high: float) -> None:
    finite = [number_in(f"{name}.{end}", value, -math.inf, math.inf) for end, value in (("low", low), ("high", high))]
    if not all(map(math.isfinite, finite)) or low >= high:
        fail(f"{name}.high", f"{high}", f"a finite number above low, which is {low}")


def grid(wanted: Any) -> list[dict[str, Any]]:
    """Return every combination of the values of a grid, the last hyper-parameter moving fastest.

    Args:
        wanted: a dict from hyper-parameter to a list of values, or a list of such dicts.

    Returns:
        A dict for each combination.

    Raises:
        JaxnnError: if a hyper-parameter has no list, or an empty one.

    >>> grid({"width": [16, 64], "l2": [0, 1e-4]})[:2]
    [{'width': 16, 'l2': 0}, {'width': 16, 'l2': 0.0001}]
    """
    many = wanted if isinstance(wanted, list | tuple) else [wanted]
    found: list[dict[str, Any]] = []
    for one in many:
        if not isinstance(one, Mapping) or not one:
            fail("grid", repr(one), "a dict from hyper-parameter to a list of values", 'Write {"learning_rate": [...]}')
        for name, values in one.items():
            _check_values(f"grid[{name!r}]", values)
        found += [dict(zip(one, values, strict=True)) for values in itertools.product(*one.values())]
    return found


def _check_values(where: str, values: Any) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray):
        fail(where, repr(values), "a list of values", f"Write [{values!r}] for one")
    if not len(values):
        fail(where, "an empty list", "at least one value")


def draws(space: Any, count: int, seed: int) -> list[dict[str, Any]]:
    """Return settings drawn from a space; the first ones are the same however many are drawn.

    Args:
        space: a dict from hyper-parameter to a list of values, a `Distribution`, or a distribution of SciPy.
        count: how many, at least 1.
        seed: the same seed gives the same settings.

    Returns:
        A dict for each setting, all different; fewer where a space of lists has no more.

    Raises:
        JaxnnError: if something is neither a list nor a distribution.

    >>> draws({"learning_rate": LogUniform(1e-4, 1e-1), "width": [16, 64]}, 1, 0)
    [{'learning_rate': 0.008144886973076106, 'width': 64}]
    """
    whole_number("n", count, 1)
    if not isinstance(space, Mapping) or not space:
        fail("space", repr(space), "a dict from hyper-parameter to a list or a distribution")
    for name, values in space.items():
        if not hasattr(values, "draw") and not hasattr(values, "rvs"):
            _check_values(f"space[{name!r}]", values)
    random = np.random.default_rng(seed)
    found: dict[str, dict[str, Any]] = {}
    for setting in itertools.islice(_endless(space, random), 20 * count):
        found.setdefault(repr(setting), setting)
        if len(found) == count:
            break
    return list(found.values())


def _endless(space: Mapping[str, Any], random: np.random.Generator) -> Iterator[dict[str, Any]]:
    while True:
        yield {name: _draw(values, random) for name, values in space.items()}


def _draw(values: Any, random: np.random.Generator) -> Any:
    if hasattr(values, "draw"):
        return values.draw(random)
    if hasattr(values, "rvs"):
        drawn = values.rvs(random_state=random)
        return drawn.item() if isinstance(drawn, np.generic) else drawn
    return values[int(random.integers(len(values)))]
