"""A search of 36 settings over five folds in running processes: `SearchCV` beside everyone else; and by halving."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.digits import installed
from bench.interleaved import Row, Timings, compare, measure
from bench.peers import PEERS
from bench.problem import Problem
from bench.result import Grid, Result
from bench.workers import Worker

SEARCH = Problem("search", "load_digits_16", 1797, (), 30, 64)
"""The settings have the hidden layer; see `bench.peers.search_grid`."""

RUNS: list[tuple[str, str, dict[str, Any]]] = [
    ("search_fit", "", {}),
    ("search_fit", ", float64", {"cast": "float64"}),
    ("search_fit", ", 64 settings", {"grid": "64"}),
    ("search_fit", ", 64 settings by halving", {"grid": "64", "schedule": "halving"}),
    ("search_scikit_learn", "", {}),
    ("search_scikit_learn", ", float64", {"cast": "float64"}),
    ("search_pytorch", "", {}),
    ("search_skorch", "", {}),
    ("search_keras", "", {}),
]
"""A peer, what its title is followed by, and its options; a peer has one process for all."""

OURS, THEIRS = PEERS["search_fit"].title, PEERS["search_scikit_learn"].title
FULL, HALVING = f"{OURS}, 64 settings", f"{OURS}, 64 settings by halving"

OF_FEW = ("search_pytorch", "search_skorch", "search_keras")
"""Fit one learning rate and one penalty of nine for every width; seconds are multiplied."""

TIMES = 9

EVERY = {"search_skorch": 3, "search_keras": 7}
"""Slow ones take part in every so manieth round."""

AIM = 1 / 5, "at most 0.200 (5x), better 0.125 (8x)"

WITHIN = 0.005
"""How far apart the best mean scores may be; those of other libraries' loops, over the few settings, twice as far."""

NOTES = [
    f"digits / 16, {SEARCH.rows} rows: widths 16, 32, 64, 128, three learning rates and three penalties over 5 folds.",
    f"180 fits of {SEARCH.epochs} epochs, Adam, batch {SEARCH.batch}; no refit; float32 but where float64 is said.",
    "n_jobs=2: two processes of joblib's, which run already. Programs are compiled; Keras compiles every new model.",
    f"20 fits x {TIMES}: every width with one learning rate and one penalty of the nine; seconds are multiplied.",
    "64 settings: four learning rates and four penalties; halving: schedule='halving'.",
]


def table(rounds: int | None) -> Result:
    """Measure; the first runs, which compile and start joblib's processes, do not count."""
    present, notes = installed(tuple(dict.fromkeys(peer for peer, _, _ in RUNS)))
    runs: dict[str, Callable[[int], float]] = {}
    every: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_workers:
        workers = {peer: open_workers.enter_context(Worker(Path(folder))) for peer in present}
        for peer, suffix, options in RUNS:
            if peer in present:
                name, worker = PEERS[peer].title + suffix, workers[peer]
                worker.prepare(peer, SEARCH, name, **options)
                runs[name] = _all_of(worker.runner(name), TIMES if peer in OF_FEW else 1)
                every[name] = EVERY.get(peer, 1)
        timings = measure("a search, 36 settings x 5 folds, running processes", runs, rounds or 7, OURS, every)
    last = {name: each[-1] for worker in workers.values() for name, each in worker.losses.items()}
    return Result(timings, _rows(timings, present), [_scores(last)], [*NOTES, *notes], differing(last))


def _all_of(run: Callable[[int], float], times: int) -> Callable[[int], float]:
    """The seconds of all fits, from those of some."""
    return lambda seed: run(seed) * times


def _rows(timings: Timings, present: list[str]) -> list[Row]:
    single, double = f"{OURS}, float64", f"{THEIRS}, float64"
    rows = [
        compare(timings, f"search: {OURS} / {THEIRS}", OURS, THEIRS, *AIM),
        compare(timings, f"search: {single} / {double}", single, double),
        compare(timings, f"search: {HALVING} / with all epochs", HALVING, FULL, 1 / 3, "at most 0.333 (3x)"),
    ]
    others = [PEERS[peer].title for peer in present if peer in OF_FEW]
    return rows + [compare(timings, f"search: {OURS} / {other}", OURS, other, *AIM) for other in others]


def _scores(last: dict[str, dict[str, float]]) -> Grid:
    """What each found."""
    lines = [
        (name, f"{found['best']:.4f}", "" if name == HALVING else f"{found['few']:.4f}") for name, found in last.items()
    ]
    return Grid("Accuracy over the folds", ("search", "best setting", "mean of the four that all fit"), lines)


def differing(last: dict[str, dict[str, float]]) -> str:
    """Tell whose scores are not those of the others.

    Args:
        last: what `figures` of `bench.peers.search_grid` returned, by the run's name.

    Returns:
        A sentence; "" where all agree.
    """
    same = [
        (OURS, THEIRS, "best", WITHIN),
        (f"{OURS}, float64", f"{THEIRS}, float64", "best", WITHIN),
        (HALVING, FULL, "best", WITHIN),
        *((OURS, PEERS[peer].title, "few", 2 * WITHIN) for peer in OF_FEW if PEERS[peer].title in last),
    ]
    off = [
        f"{ours} and {theirs} ({last[ours][of]:.4f} and {last[theirs][of]:.4f}, more than {within:g} apart)"
        for ours, theirs, of, within in same
        if not abs(last[ours][of] - last[theirs][of]) <= within
    ]
    return f"the scores differ of {' and of '.join(off)}" if off else ""
