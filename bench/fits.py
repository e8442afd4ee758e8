"""Ten thousand small fits of `MLPClassifier` in one process: whether memory stays, and the seconds of a thousand."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.estimators import AS_LOADED, OURS, THEIRS
from bench.interleaved import Row, Timings, compare, measure
from bench.peers.estimator import SHAPES
from bench.result import Grid, Result
from bench.workers import Worker

FITS = 1000
"""In one run."""

ROUNDS = 9
"""After the first run, which does not count, make ten thousand."""

AT_MOST = 1.02
"""Of what is resident after the first thousand: JAX alone takes some 300 MB, so that a leak of 1 KB a fit is seen."""


def table(rounds: int | None) -> Result:
    """Measure; the first thousand compile what there is to compile."""
    runs, kept_of = {}, {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_workers:
        for name, peer in ((OURS, "estimator"), (THEIRS, "estimator_scikit_learn")):
            worker = open_workers.enter_context(Worker(Path(folder)))
            worker.prepare(peer, AS_LOADED, name, task="many", fits=FITS)
            runs[name], kept_of[name] = worker.runner(name), worker.losses[name]
        title = f"MLPClassifier, {FITS} small fits, running processes"
        timings = measure(title, runs, rounds or ROUNDS, THEIRS)
    memory = {name: [each["resident"] for each in kept] for name, kept in kept_of.items()}
    shapes = "; ".join(f"{rows} x {features}, {hidden}" for rows, features, hidden in SHAPES)
    notes = [
        "Each has three epochs and a learning rate, an L2 penalty and a seed of its own, on data of its own.",
        f"Shapes in turn, rows x features, hidden layers: {shapes}.",
        f"Resident memory is read after a collection of garbage; {THEIRS} makes more fits as the control.",
    ]
    return Result(timings, rows_of(timings, memory), [_grid(memory)], notes)


def rows_of(timings: Timings, memory: dict[str, list[float]]) -> list[Row]:
    """Return the rows.

    Args:
        timings: of a thousand fits.
        memory: MB after each thousand, by name.

    Returns:
        Seconds over scikit-learn's, and for each the memory after the last thousand over that after the first.
    """
    rows = [compare(timings, f"MLPClassifier, {FITS} small fits / {THEIRS}", OURS, THEIRS)]
    told = f"at most {AT_MOST}"
    for name, limit in ((OURS, AT_MOST), (THEIRS, None)):
        what = f"{name}, resident memory after {len(memory[name]) * FITS:,} fits / after {FITS:,}"
        rows.append(Row(what, memory[name][-1] / memory[name][0], None, limit, told if limit else ""))
    return rows


def _grid(memory: dict[str, list[float]]) -> Grid:
    lines = [
        (name, f"{FITS:,}", f"{len(each) * FITS:,}", f"{each[0]:.1f}", f"{each[-1]:.1f}", f"{max(each):.1f}")
        for name, each in memory.items()
    ]
    return Grid("Resident MB", ("of", "first", "last", "after the first", "after the last", "most"), lines)
