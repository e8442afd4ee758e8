"""What a report shows of a search, as a bounded part of its document."""

import math
from typing import Any

import numpy as np

from jaxnn.cli.searchreport import Found, shown
from jaxnn.report.searched import Band, Searched, Tried

BEST, ROWS = 50, 500
"""The best settings that are kept in any case, and at most so many of all, evenly."""
BANDS, RUNS, POINTS = 3, 20, 60
"""At most so many settings with learning curves, runs of one, and points of a curve."""


def evidence(result: Found) -> Searched | None:
    """Return what a report shows of a search.

    Args:
        result: the search.

    Returns:
        The part of the document; None where no setting was finished.
    """
    if result.table is None:
        return None
    rows = result.table.rows()
    if len(rows) > ROWS:
        rows = [*rows[:BEST], *(rows[i] for i in np.linspace(BEST, len(rows) - 1, ROWS - BEST).round().astype(int))]
    watched, epochs, bands = _bands(result)
    found = result.found
    return Searched(
        metric=found.metric, higher_is_better=found.higher_is_better, folds=len(found.folds) // result.repeats,
        repeats=result.repeats, schedule=result.schedule, settings=result.tried, plan=repr(found.plan),
        names=tuple(result.names), rows=tuple(_tried(row, result.names) for row in rows),
        watched=watched, epochs=epochs, bands=bands, rungs=tuple(found.rungs) if result.schedule != "full" else (),
        spent=result.spent, full=result.epochs * len(found.runs),
    )  # fmt: skip


def _tried(row: dict[str, Any], names: list[str]) -> Tried:
    values = tuple(shown(row[name]) for name in names)
    return Tried(row["rank"], values, _number(row["mean"]), _number(row["std"]), row["epochs"], row["status"])


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _bands(result: Found) -> tuple[str, tuple[int, ...], tuple[Band, ...]]:
    """Validation losses of the best settings, as long as half of the runs go on: later means are of the others."""
    found, table = result.found, result.table
    assert table is not None
    best = [place for place, status in zip(result.order, table["status"], strict=True) if status == "done"][:BANDS]
    curves = [found.curves(place)[:RUNS] for place in best]
    lengths = [int((np.isfinite(curve).mean(axis=0) >= 0.5).sum()) for curve in curves if curve.size]
    if not lengths or not max(lengths):
        return "validation loss", (), ()
    epochs = np.unique(np.linspace(1, max(lengths), POINTS).round().astype(int))
    bands = []
    for rank, (curve, length) in enumerate(zip(curves, lengths, strict=True), 1):
        wide = np.full((len(curve), max(lengths)), np.nan)
        wide[:, :length] = curve[:, :length]
        bands.append(Band(rank, tuple(tuple(_number(value) for value in run[epochs - 1].tolist()) for run in wide)))
    return "validation loss", tuple(epochs.tolist()), tuple(bands)
