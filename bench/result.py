"""What a table says, as Markdown and as JSON."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.interleaved import CONTROL, CONTROL_LIMIT, Row, Timings

Line = Sequence[str]


@dataclass(frozen=True)
class Grid:
    """Figures beside the ratios: a title, names of columns, and lines of text."""

    title: str
    columns: Line
    lines: list[Line]


@dataclass(frozen=True)
class Result:
    """A table of the bench."""

    timings: Timings | None
    """None where nothing is timed; then `title` says what it is about."""
    rows: list[Row] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is to be known of the figures."""
    differing: str = ""
    """Why those compared did not do the same; "" where they did."""
    title: str = ""

    @property
    def void(self) -> str:
        """Why no ratio counts; "" where they do."""
        if self.timings and self.timings.void:
            return f"the control differs from itself {self.timings.unrest:.3f} times, more than {CONTROL_LIMIT}"
        return self.differing


def as_markdown(environment: dict[str, str], limits: dict[str, float], results: list[Result]) -> str:
    """Return everything as Markdown: what we lose first.

    Args:
        environment: on what it was measured.
        limits: GFLOP/s by what was multiplied.
        results: the tables.

    Returns:
        The text.
    """
    parts = ["\n".join(f"- {name}: {said}" for name, said in environment.items())]
    parts += ["\n".join(f"- limit, {what}: {value:.0f} GFLOP/s" for what, value in limits.items())]
    rows = sorted((row for result in results if not result.void for row in result.rows), key=_lost_first)
    lines = [(row.what, _ratio(row), row.aim, {None: "", True: "yes", False: "NO"}[row.met]) for row in rows]
    if lines:
        parts.append(_table(("what, ours over theirs", "ratio (95 % interval)", "aim", "met"), lines))
    for result in results:
        parts += _one(result)
    return "\n\n".join(parts) + "\n"


def _one(result: Result) -> list[str]:
    parts = [f"### {result.timings.title if result.timings else result.title}"]
    if result.void:
        parts.append(f"**VOID: {result.void}; its ratios are left out.**")
    if result.timings:
        parts += _of_timings(result.timings)
    parts += [text for grid in result.grids for text in (f"{grid.title}:", _table(grid.columns, grid.lines))]
    return parts + result.notes


def _of_timings(timings: Timings) -> list[str]:
    lines = [
        (name, f"{timings.least(name):.4g}", f"{timings.median(name):.4g}", str(len(taken)))
        for name, taken in timings.seconds.items()
        if name != CONTROL
    ]
    said = f"The control, {timings.control} twice: {timings.unrest:.3f}."
    return [_table(("seconds", "least", "median", "rounds"), lines), said]


def as_json(environment: dict[str, str], limits: dict[str, float], results: list[Result]) -> dict[str, Any]:
    """Return everything as one object; see `as_markdown`."""
    tables = [
        {
            "title": result.timings.title if result.timings else result.title,
            "seconds": result.timings.seconds if result.timings else {},
            "control": result.timings.unrest if result.timings else None,
            "void": result.void,
            "notes": result.notes,
            "ratios": [dataclasses.asdict(row) | {"met": row.met} for row in result.rows],
            "grids": [dataclasses.asdict(grid) for grid in result.grids],
        }
        for result in results
    ]
    return {"environment": environment, "limits": limits, "tables": tables}


def agreement(losses: dict[str, list[float]], within: float) -> tuple[str, str]:
    """Tell whether all ended at the same loss: the means over all runs, each at most so far from their median.

    Args:
        losses: of every run, by name.
        within: the share of the median that a mean may be off.

    Returns:
        A sentence, and why they differ, "" where they do not.
    """
    means = {name: math.fsum(values) / len(values) for name, values in losses.items()}
    middle = sorted(means.values())[len(means) // 2]
    off = [name for name, mean in means.items() if not abs(mean - middle) <= within * middle]
    said = "; ".join(f"{name} {mean:.5f} ({len(losses[name])})" for name, mean in means.items())
    told = f"Last training loss, mean over (so many) runs; each must be within {within:.0%} of the median: {said}."
    return told, f"the last training loss of {', '.join(off)} is not that of the others" if off else ""


def _lost_first(row: Row) -> tuple[bool, float]:
    return not row.lost, -row.ratio


def _ratio(row: Row) -> str:
    digits = 4 if row.interval is None else 3
    said = f"{row.ratio:.{digits}f}"
    return said if row.interval is None else f"{said} ({row.interval[0]:.3f}-{row.interval[1]:.3f})"


def _table(columns: Line, lines: Sequence[Line]) -> str:
    """A Markdown table whose columns stand under each other in a terminal too."""
    wide = [max(len(line[i]) for line in [columns, *lines]) for i in range(len(columns))]
    rule = ["-" * width for width in wide]
    return "\n".join(
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, wide, strict=True)) + " |"
        for line in [columns, rule, *lines]
    )
