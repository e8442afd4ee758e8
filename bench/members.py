"""256 small networks trained by one `fit_many`, on one thread and on all, beside one `fit` at a time."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.interleaved import Row, Timings, compare, measure
from bench.peers import PEERS
from bench.problem import Problem
from bench.result import Result, agreement
from bench.workers import Worker

PROBLEM = Problem("members", "digits", 1437, (32,), 20, 32)

MEMBERS, ALONE = 256, 32

FIT, ONE, ALL = PEERS["members_fit"].title, "fit_many, threads=1", "fit_many"

COUNTS = {FIT: ALONE, ONE: MEMBERS, ALL: MEMBERS}

AIMS = {ONE: 1.05, ALL: 0.6}
"""The share of a run alone that a member may take."""

WITHIN = 1e-6
"""Of the median of the last losses, those of the first run: the same keys, and so the same bits."""


def table(rounds: int | None) -> Result:
    """Measure in one process; the first runs, which compile, do not count."""
    with tempfile.TemporaryDirectory() as folder, Worker(Path(folder)) as worker:
        runs: dict[str, Callable[[int], float]] = {}
        for name, count in COUNTS.items():
            threads = {FIT: {"alone": True}, ONE: {"threads": 1}, ALL: {}}[name]
            worker.prepare("members_fit", PROBLEM, name, members=count, losses=ALONE, **threads)
            runs[name] = _a_member(worker.runner(name), count)
        title = f"digits 64-32-10, {PROBLEM.epochs} epochs, running process; seconds a network"
        timings = measure(title, runs, rounds or 12, FIT)
    said, differing = agreement({name: losses[:1] for name, losses in worker.losses.items()}, WITHIN)
    notes = [f"fit: {ALONE} runs, one after the other. fit_many: {MEMBERS} with keys and learning rates of their own."]
    return Result(timings, rows_of(timings), [], [*notes, said], differing)


def _a_member(run: Callable[[int], float], count: int) -> Callable[[int], float]:
    """The seconds of one network of many."""
    return lambda seed: run(seed) / count


def rows_of(timings: Timings) -> list[Row]:
    """Return the rows: a network of many over a network alone."""
    return [
        compare(timings, f"members: one of {MEMBERS} by {name} / {FIT}", name, FIT, aim) for name, aim in AIMS.items()
    ]
