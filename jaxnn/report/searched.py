"""What a report shows of a search: the settings that were tried, and how good each was."""

from dataclasses import dataclass
from typing import Any

from jaxnn.checks import fail


@dataclass(frozen=True)
class Tried:
    """One setting."""

    rank: int
    values: tuple[str, ...]
    """As they were typed, one for each name."""
    mean: float | None
    """Of the score over the folds; None where a run diverged."""
    std: float | None
    epochs: float
    """Mean over the folds."""
    status: str


@dataclass(frozen=True)
class Band:
    """The learning curves of one setting, fold by fold; None after the end of a run."""

    rank: int
    runs: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Searched:
    """A search, the best setting of which is the network of the report.

    >>> rows = (Tried(1, ("64", "0.01"), 0.9, 0.02, 40.0, "done"), Tried(2, ("8x8", "0"), None, None, 3.0, "diverged"))
    >>> found = Searched("accuracy", True, 5, 1, "full", 2, "", ("hidden", "l2"), rows, "loss", (), (), (), 215, 400)
    >>> found.columns()
    {'hidden': ['8x8', '64'], 'l2': [0.0, 0.01]}
    """

    metric: str
    higher_is_better: bool
    folds: int
    repeats: int
    schedule: str
    settings: int
    """How many were tried; `rows` may be some of them."""
    plan: str
    names: tuple[str, ...]
    rows: tuple[Tried, ...]
    """The best first."""
    watched: str
    """What the bands are of."""
    epochs: tuple[int, ...]
    """Those that the bands have a value for."""
    bands: tuple[Band, ...]
    rungs: tuple[tuple[int, int], ...]
    """Epochs and settings in training at the end of each rung of a schedule."""
    spent: int
    """Epochs that all runs together took."""
    full: int
    """Epochs that they would have taken had each gone to the last one."""

    def __post_init__(self) -> None:
        if not self.names or not self.rows or any(len(row.values) != len(self.names) for row in self.rows):
            fail("search.rows", "another number of values than names", "one for each name")
        if any(len(run) != len(self.epochs) for band in self.bands for run in band.runs):
            fail("search.bands", "another number of values than epochs", f"{len(self.epochs)}")

    def columns(self) -> dict[str, list[Any]]:
        """Return the values of each name, numbers where all are; settings in the order of their values."""
        given = {name: [row.values[i] for row in self.ordered()] for i, name in enumerate(self.names)}
        return {name: _numbers(values) for name, values in given.items()}

    def means(self) -> list[float]:
        """Return the mean scores in the order of `columns`, NaN where there is none."""
        return [float("nan") if row.mean is None else row.mean for row in self.ordered()]

    def ordered(self) -> list[Tried]:
        """Return the rows in the order of their values, so that pictures have 16 before 64x32."""
        return sorted(self.rows, key=lambda row: [_natural(value) for value in row.values])


def _numbers(values: list[str]) -> list[Any]:
    try:
        return [float(value) for value in values]
    except ValueError:
        return list(values)


def _natural(text: str) -> tuple[bool, list[float], str]:
    """Numbers and widths by size, then words by the alphabet."""
    try:
        return False, [float(part) for part in text.split("x")], ""
    except ValueError:
        return True, [], text
