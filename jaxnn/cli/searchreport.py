"""What people and programs read of a search: what is tried, the table, and the best setting."""

import json
import math
from dataclasses import dataclass
from typing import Any

from jaxnn.cli import screen
from jaxnn.cli.pipeline import Plan
from jaxnn.cli.report import counted, data_rows, network_rows
from jaxnn.population import Leaderboard, Search
from jaxnn.population.leaderboard import name_of

SHOWN = 10
"""Rows of the table in a terminal."""
MOST_NAMED = 6
"""Values of one setting that are named before the search."""


@dataclass(frozen=True)
class Found:
    """A search in the words of the command line."""

    found: Search
    table: Leaderboard | None
    """Of the settings that were finished; None for none."""
    order: list[int]
    """Of each row of the table the place of its setting in the search."""
    names: list[str]
    best: dict[str, Any] | None
    schedule: str
    repeats: int
    epochs: int
    """Of a run, at most."""
    spent: int
    """Epochs of all runs."""
    tried: int
    seconds: float

    @property
    def facts(self) -> dict[str, Any]:
        """What search.json and --json say."""
        found, best = self.found, None if self.best is None else self.table
        return {
            "metric": found.metric, "higher_is_better": found.higher_is_better,
            "folds": len(found.folds) // self.repeats, "repeats": self.repeats, "schedule": self.schedule,
            "settings": self.tried, "finished": len(self.order), "runs": len(found.runs),
            "programs": found.plan.programs, "padding": found.plan.waste, "estimated_seconds": found.plan.seconds,
            "seconds": round(self.seconds, 3), "epochs": self.spent, "rungs": [list(rung) for rung in found.rungs],
            "interrupted": found.interrupted, "best": self.best,
            "score": None if best is None else {"mean": best["mean"][0], "std": best["std"][0]},
        }  # fmt: skip


def as_text(result: Found) -> str:
    """Return the text of search.json."""
    return json.dumps(result.facts, indent=2, allow_nan=False) + "\n"


def print_search(plan: Plan, each: list[dict[str, Any]], folds: int, schedule: str) -> None:
    """Print what will be tried on what.

    Args:
        plan: of the training that will follow.
        each: the settings.
        folds: over all repeats.
        schedule: which settings are dropped early.
    """
    rows = len(plan.train) + len(plan.validation)
    values = {name: list(dict.fromkeys(one[name] for one in each)) for name in each[0]}
    said = [f"{name} {_listed(own)}" for name, own in values.items()]
    many = f"{counted(len(each), 'setting')} on {folds} folds of {rows:,} rows: {counted(len(each) * folds, 'run')}"
    how = "" if schedule == "full" else f", {schedule} drops the worse ones early"
    screen.facts([*data_rows(plan), ("search", many + how), *(("", one) for one in said)])


def _listed(values: list[Any]) -> str:
    if len(values) <= MOST_NAMED:
        return ", ".join(map(shown, values))
    return f"{len(values):,} values from {shown(min(values))} to {shown(max(values))}"


def print_found(result: Found, best: Plan | None) -> None:
    """Print the best rows of the table, and what the best one is worth.

    Args:
        result: with at least one finished setting.
        best: how that will be trained; None for not at all.
    """
    table = result.table
    assert table is not None
    screen.facts([("plan", f"{result.found.plan!r} (took {result.seconds:.1f} s)")])
    screen.blank()
    every = set(table["status"]) - {"done"}
    header = ["rank", *result.names, result.found.metric, "std", "epochs", *(["status"] if every else [])]
    rows = [_cells(row, result.names, bool(every)) for row in table.rows()[:SHOWN]]
    screen.table(header, rows, right=tuple(range(len(result.names) + 4)))
    more = len(table["rank"]) - len(rows)
    screen.blank()
    screen.facts([("best", sentence(result)), *_others(result, more), *(network_rows(best) if best else [])])


def _cells(row: dict[str, Any], names: list[str], status: bool) -> list[str]:
    scores = [_score(row["mean"]), _score(row["std"]), f"{row['epochs']:.1f}".removesuffix(".0")]
    return [str(row["rank"]), *(shown(row[name]) for name in names), *scores, *([row["status"]] if status else [])]


def sentence(result: Found) -> str:
    """Return what the best setting is, and how good."""
    table = result.table
    assert table is not None and result.best is not None
    mean, std, folds = table["mean"][0], table["std"][0], len(result.found.folds)
    said = ", ".join(f"{name} {shown(value)}" for name, value in result.best.items())
    return f"{said}: {result.found.metric} {_score(mean)} (standard deviation {_score(std)} over {folds} folds)"


def close(table: Leaderboard, folds: int) -> tuple[int, float]:
    """Return how many other settings are as good within one standard error of the best, and that error.

    Args:
        table: with a finished setting.
        folds: how many.

    Returns:
        Number and error.
    """
    error = table["std"][0] / math.sqrt(folds)
    finished = [mean for mean, status in zip(table["mean"], table["status"], strict=True) if status == "done"]
    return sum(abs(mean - table["mean"][0]) <= error for mean in finished[1:]), error


def _others(result: Found, more: int) -> list[tuple[str, str]]:
    table = result.table
    assert table is not None
    many, error = close(table, len(result.found.folds))
    said = []
    if many:
        verb = "lies" if many == 1 else "lie"
        said.append(("", f"{counted(many, 'other setting')} {verb} within one standard error of it ({_score(error)})"))
    return [*said, ("", f"{more:,} more rows are in leaderboard.csv")] if more > 0 else said


def shown(value: Any) -> str:
    """Return a value of a setting as one would type it.

    >>> shown(0.001), shown((64, 32)), shown(()), shown("relu")
    ('0.001', '64x32', '0', 'relu')
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    return "0" if value == () else str(name_of(value))


def _score(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else ""
