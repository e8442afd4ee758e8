"""The first search of a new process: 36 settings over five folds, from the end of the imports to the scores."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.interleaved import Row, Timings, compare, measure
from bench.result import Grid, Result
from bench.search import OURS, SEARCH, THEIRS, WITHIN
from bench.workers import Worker

ROUNDS = 5

WARM, COLD = f"{OURS}, warm cache", f"{OURS}, no cache"

PARTS = ("import", "first", "whole")

NOTES = [
    "The search of the table `search`; no cache: every program is compiled; warm cache: jaxnn.enable_cache(a folder).",
    f"Imports do not count. What is imported later does, and the start of joblib's two processes for {THEIRS}.",
]


def table(rounds: int | None) -> Result:
    """Start a process for every figure."""
    parts: dict[str, list[dict[str, float]]] = {name: [] for name in (WARM, COLD, THEIRS)}
    with tempfile.TemporaryDirectory() as folder:
        runs = {name: _starter(name, Path(folder), kept) for name, kept in parts.items()}
        for name in (WARM, THEIRS):
            _starter(name, Path(folder), [])(0)  # fills the cache, and the disk's
        timings = measure("the first search of a new process, without imports", runs, rounds or ROUNDS, WARM)
    return Result(timings, rows_of(timings), [_grid(parts)], NOTES, _differing(parts))


def _starter(name: str, folder: Path, kept: list[dict[str, float]]) -> Callable[[int], float]:
    """Return a function that starts a process, has it search once, and returns the seconds of that."""
    options = {"cache": str(folder / "cache")} if name == WARM else {}

    def run(_: int) -> float:
        with Worker(folder) as worker:
            taken = worker.prepare("search_scikit_learn" if name == THEIRS else "search_fit", SEARCH, **options)
        kept.append(taken | taken["loss"])
        return taken["first"]

    return run


def rows_of(timings: Timings) -> list[Row]:
    """Return the rows: ours over scikit-learn's, without and with a cache."""
    aims = {
        COLD: (1 / 2, "at most 0.500 (2x), better 0.333 (3x)"),
        WARM: (1 / 3, "at most 0.333 (3x), better 0.250 (4x)"),
    }
    return [compare(timings, f"first search: {name} / {THEIRS}", name, THEIRS, *aim) for name, aim in aims.items()]


def _grid(parts: dict[str, list[dict[str, float]]]) -> Grid:
    lines = [
        (name, *(f"{min(taken[part] for taken in each):.2f}" for part in PARTS), f"{each[-1]['best']:.4f}")
        for name, each in parts.items()
    ]
    return Grid("Its parts, the least of each", ("seconds", "imports", "search", "whole", "best score"), lines)


def _differing(parts: dict[str, list[dict[str, float]]]) -> str:
    """Why ours did not find what theirs did; "" where it did."""
    best = {name: each[-1]["best"] for name, each in parts.items()}
    off = [f"{name} ({best[name]:.4f})" for name in (WARM, COLD) if not abs(best[name] - best[THEIRS]) <= WITHIN]
    return f"the best scores of {' and '.join(off)} are not that of {THEIRS} ({best[THEIRS]:.4f})" if off else ""
