"""Writing tables as people have them, and what should become of each."""

import datetime as dt
import random
from collections.abc import Callable
from typing import NamedTuple


class Quirk(NamedTuple):
    """One table, and what is right."""

    what: str
    file: str
    data: bytes
    target: str
    task: str
    kinds: dict[str, int]
    """How many columns of each kind, those that are dropped among them."""
    inputs: int
    notes: tuple[str, ...] = ()
    """The beginnings of the notes, in their order."""


QUIRKS: list[Callable[[], Quirk]] = []
DAY = dt.datetime(2021, 3, 1, 8, 30)


def quirk(make: Callable[[], Quirk]) -> Callable[[], Quirk]:
    """Put a table on the list."""
    QUIRKS.append(make)
    return make


def text(header, rows, separator=",", quote="", end="\n", start="") -> bytes:
    """A delimited text; cells of a field that holds the separator are in double quotes."""
    lines = [start] if start else []
    for cells in (header, *rows):
        written = [str(cell) for cell in cells]
        marks = [quote or ('"' if separator in cell or '"' in cell else "") for cell in written]
        lines.append(
            separator.join(
                mark + cell.replace(mark, mark * 2) + mark if mark else cell
                for mark, cell in zip(marks, written, strict=True)
            )
        )
    return (end.join(lines) + end).encode()


def german(number: float) -> str:
    """As a German spreadsheet writes it."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def gap(cell, chance, word=""):
    """The cell, or now and then a word for a missing one."""
    return word if random.random() < chance else cell
