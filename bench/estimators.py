"""`MLPClassifier`, ours beside scikit-learn's, in running processes: fits by each solver, and `predict`."""

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.interleaved import Row, Timings, compare, measure
from bench.peers import PEERS
from bench.problem import Problem
from bench.result import Grid, Result
from bench.workers import Worker

AS_LOADED = Problem("digits as loaded", "load_digits", 1797, (100,), 200, 200)
SCALED = Problem("digits / 16", "load_digits_16", 1797, (100,), 200, 1797)
CANCER = Problem("breast_cancer", "load_breast_cancer", 569, (100,), 200, 569)
"""Widths, epochs and batches are those of the estimators' defaults."""

Task = tuple[Problem, dict[str, Any]]

LBFGS: dict[str, Task] = {
    f"lbfgs, {problem.name}": (problem, {"task": "fit", "solver": "lbfgs"}) for problem in (SCALED, CANCER)
}

CALLS = {1: 300, 100: 300, 100_000: 1}
"""How often `predict` is called in one run, by rows: a single call would be too short for the clock."""

PREDICTS: dict[str, Task] = {
    f"predict, {rows:,} row{'s' * (rows > 1)}": (AS_LOADED, {"task": "predict", "rows": rows, "calls": calls})
    for rows, calls in CALLS.items()
}

TASKS: dict[str, dict[str, Task]] = {
    "estimator": {
        "fit": (AS_LOADED, {"task": "fit"}),
        "fit, float32": (AS_LOADED, {"task": "fit", "dtype": "float32"}),
        **LBFGS,
        **PREDICTS,
    },
    "estimator_scikit_learn": {
        "fit": (AS_LOADED, {"task": "fit"}),
        "fit, X float32": (AS_LOADED, {"task": "fit", "cast": "float32"}),
        **LBFGS,
        **PREDICTS,
    },
}
"""By the peer and a name."""

OURS, THEIRS = (PEERS[peer].title for peer in TASKS)

WITHIN = 1e-3
"""How far apart losses may end: the solvers' rule asks for steps of 1e-4, and the first loss of digits is over 2.3."""

NOTES = [
    "MLPClassifier: its defaults (64-100-10, Adam, batch 200), random_state=0, X float64 as load_digits has it.",
    (
        "Both begin with the same weights and stop by the same rule, ten epochs without an improvement of 1e-4, but "
        'take the rows in another order: "an epoch of fit" is the seconds over the epochs taken.'
    ),
    "float32: dtype='float32' with X float64; scikit-learn does so where X is float32.",
    f"lbfgs: digits / 16, breast_cancer standardised, {SCALED.epochs} iterations at most. predict: float64, one call.",
]


def table(rounds: int | None) -> Result:
    """Measure; the first runs, which compile, do not count."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_workers:
        runs: dict[str, Callable[[int], float]] = {}
        figures: dict[str, list[dict[str, float]]] = {}
        for peer, tasks in TASKS.items():
            worker = open_workers.enter_context(Worker(Path(folder)))
            for task, (problem, options) in tasks.items():
                name = f"{PEERS[peer].title}, {task}"
                worker.prepare(peer, problem, name, **options)
                runs[name] = _one_of(worker.runner(name), options.get("calls", 1))
                figures[name] = worker.losses[name]
        timings = measure("MLPClassifier, running processes, beside scikit-learn's", runs, rounds or 12, f"{OURS}, fit")
    last = {name: each[-1] for name, each in figures.items()}
    threads = f"scikit-learn has its default threads of BLAS; the machine has {os.cpu_count()} cores."
    return Result(timings, _rows(timings, last), [_ends(last)], [*NOTES, threads], _differing(last))


def _one_of(run: Callable[[int], float], calls: int) -> Callable[[int], float]:
    """The seconds of one call of many."""
    return lambda seed: run(seed) / calls


def _rows(timings: Timings, last: dict[str, dict[str, float]]) -> list[Row]:
    aim = 1 / 2.5, "at most 0.400 (2.5x), better 0.250 (4x)"
    fit, single, cast = "fit", "fit, float32", "fit, X float32"
    rows = [
        compare(timings, _what(fit), f"{OURS}, {fit}", f"{THEIRS}, {fit}", *aim),
        compare(_an_epoch(timings, last), _what(f"an epoch of {fit}"), f"{OURS}, {fit}", f"{THEIRS}, {fit}"),
        compare(timings, _what(single), f"{OURS}, {single}", f"{THEIRS}, {fit}"),
        compare(timings, f"{_what(single)} with X float32", f"{OURS}, {single}", f"{THEIRS}, {cast}"),
    ]
    return rows + [
        compare(timings, _what(task), f"{OURS}, {task}", f"{THEIRS}, {task}", 1.0) for task in [*LBFGS, *PREDICTS]
    ]


def _what(task: str) -> str:
    return f"MLPClassifier, {task} / {THEIRS}"


def _an_epoch(timings: Timings, last: dict[str, dict[str, float]]) -> Timings:
    """Seconds over epochs, of what counts them."""
    seconds = {
        name: [one / last[name].get("iterations", 1) for one in taken]
        for name, taken in timings.seconds.items()
        if name in last
    }
    return Timings(timings.title, seconds, timings.control)


def _ends(last: dict[str, dict[str, float]]) -> Grid:
    """Where each fit stopped."""
    lines = [(name, str(end["iterations"]), f"{end['loss']:.6f}") for name, end in last.items() if "iterations" in end]
    return Grid("Where each stopped", ("fit", "epochs or iterations", "last loss"), lines)


def _differing(last: dict[str, dict[str, float]]) -> str:
    """Why ours did not do what theirs did; "" where it did."""
    same = {f"{OURS}, {task}": f"{THEIRS}, {task}" for task in ("fit", *LBFGS)}
    same[f"{OURS}, fit, float32"] = f"{THEIRS}, fit, X float32"
    off = [
        f"the last losses of {ours} ({last[ours]['loss']:.6f}) and {theirs} ({last[theirs]['loss']:.6f})"
        for ours, theirs in same.items()
        if not abs(last[ours]["loss"] - last[theirs]["loss"]) <= WITHIN
    ]
    return f"{' and '.join(off)} are more than {WITHIN:g} apart" if off else ""
