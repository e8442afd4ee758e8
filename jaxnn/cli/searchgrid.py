"""The settings that `jaxnn search` tries: `--grid learning_rate=1e-3,1e-2` and `--space l2=1e-6..1e-2:log`."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from jaxnn.checks import JaxnnError, fail, one_of
from jaxnn.cli.settings import DESCRIBED, Number, Whole, Widths, checked
from jaxnn.population import space

SEARCHED = (
    "hidden", "activation", "dropout", "epochs", "batch_size", "optimizer", "learning_rate", "l1", "l2", "patience",
    "class_weight",
)  # fmt: skip
"""Settings of the training that a search may vary."""

MOST = 20_000
"""Settings of one search: their table alone takes memory and time."""

_RANGE = re.compile(r"(?P<low>[^:]+?)\.\.(?P<high>[^:]+?)(:(?P<scale>.*))?")


def tried(
    grid: Sequence[str], spaces: Sequence[str], count: int | None, seed: int, typed: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the settings that were asked for.

    Args:
        grid: entries such as "learning_rate=1e-3,1e-2"; of hidden layers "hidden=32,64x32" (x for several).
        spaces: entries such as "learning_rate=1e-4..1e-1:log".
        count: so many at random; None for every combination of the grid.
        seed: the same seed draws the same ones.
        typed: settings that were given flags of their own, by name.

    Returns:
        A dict for each, with values as `Settings` takes them.

    Raises:
        JaxnnError: naming the entry that is wrong.

    >>> tried(["l2=0,1e-4", "hidden=8,64x32"], [], None, 0, {})[1]
    {'l2': 0.0, 'hidden': (64, 32)}
    >>> tried([], ["hidden=8..64:log"], 2, 0, {})
    [{'hidden': (30,)}, {'hidden': (13,)}]
    """
    wanted: dict[str, Any] = {}
    for flag, entries, parse in (("--grid", grid, _values), ("--space", spaces, _distribution)):
        for entry in entries:
            name, text = _entry(flag, entry)
            if name in wanted:
                fail(f"{flag} {name}", "it twice", "each setting once", "Write its values after one another: a,b,c")
            if name in typed:
                given = f"values of it beside {DESCRIBED[name].flag}"
                fail(f"{flag} {name}", given, "one of the two", f"Leave {DESCRIBED[name].flag} out")
            wanted[name] = parse(f"{flag} {name}", name, text)
    if not wanted:
        do = "Type: --grid learning_rate=1e-3,1e-2"
        fail("--grid", "none", f"values of at least one of {', '.join(SEARCHED)}", do)
    found = _found(wanted, bool(spaces), count, seed)
    return [{name: _whole_layer(name, value) for name, value in one.items()} for one in found]


def _found(wanted: dict[str, Any], ranged: bool, count: int | None, seed: int) -> list[dict[str, Any]]:
    if count is not None:
        return space.draws(wanted, count, seed)
    if ranged:
        fail("--space", "a range without --random", "how many settings are to be drawn", "Add --random 30")
    many = math.prod(len(values) for values in wanted.values())
    if many > MOST:
        do = "Add --random 100 to try some of them, or give fewer values"
        fail("--grid", f"{many:,} combinations", f"at most {MOST:,}", do)
    return space.grid(wanted)


def _entry(flag: str, entry: str) -> tuple[str, str]:
    name, equals, text = entry.partition("=")
    name = name.strip().lstrip("-").replace("-", "_")
    if not equals or not text.strip():
        example = "learning_rate=1e-3,1e-2" if flag == "--grid" else "learning_rate=1e-4..1e-1:log"
        fail(flag, repr(entry)[:60], f"a setting and its values, such as {example}")
    one_of(flag, name, SEARCHED)
    return name, text.strip()


def _values(where: str, name: str, text: str) -> list[Any]:
    """Values with commas between them, each once."""
    kind = DESCRIBED[name].kind
    if ".." in text:
        fail(where, repr(text)[:60], "values with commas between them", "Give a range with --space, and --random N")
    parts = [part.strip() for part in text.split(",")]
    if isinstance(kind, Widths):
        parts = [part.replace("x", ",") for part in parts]
    return list(dict.fromkeys(checked(name, _given(where, kind.parse(part), part), where) for part in parts))


def _given(where: str, value: Any, text: str) -> Any:
    if not text:
        fail(where, "nothing between two commas", "a value")
    return value


def _distribution(where: str, name: str, text: str) -> Any:
    """A range of numbers, or values to draw from."""
    found, kind = _RANGE.fullmatch(text), DESCRIBED[name].kind
    if found is None:
        return _values(where, name, text)
    if found["scale"] not in (None, "log"):
        fail(where, repr(text)[:60], "LOW..HIGH or LOW..HIGH:log")
    if not isinstance(kind, Number | Whole | Widths):
        fail(where, repr(text)[:60], "names with commas between them, as it is no number")
    low, high = (_end(where, name, found[end]) for end in ("low", "high"))
    log = found["scale"] == "log"
    try:
        if not isinstance(kind, Number):
            return space.Whole(low, high, log)
        return space.LogUniform(low, high) if log else space.Uniform(low, high)
    except JaxnnError:
        needed = "two numbers above 0, the smaller first" if log else "two numbers, the smaller first"
        fail(where, repr(text)[:60], needed)


def _end(where: str, name: str, text: str) -> Any:
    value = checked(name, DESCRIBED[name].kind.parse(text.strip()), where)
    if isinstance(value, tuple) and len(value) != 1:
        fail(where, repr(text)[:60], "the width of one hidden layer at each end of a range")
    return value[0] if isinstance(value, tuple) else value


def _whole_layer(name: str, value: Any) -> Any:
    """A width that was drawn is one hidden layer."""
    return (value,) if name == "hidden" and isinstance(value, int) else value
