"""How times grow: digits with ten times the rows, the epochs, or the width, beside the scan and scikit-learn."""

import dataclasses
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import cost
from bench.interleaved import compare, measure
from bench.peers import PEERS
from bench.problem import DIGITS
from bench.result import Grid, Result
from bench.shares import shares, steps_of
from bench.workers import Worker

TIMES = 10

SIZES = {
    "as it is": DIGITS,
    f"rows x{TIMES}": dataclasses.replace(DIGITS, name="rows", rows=DIGITS.rows * TIMES),
    f"epochs x{TIMES}": dataclasses.replace(DIGITS, name="epochs", epochs=DIGITS.epochs * TIMES),
    f"width x{TIMES}": dataclasses.replace(DIGITS, name="width", hidden=tuple(w * TIMES for w in DIGITS.hidden)),
}

SLOW = 3
"""scikit-learn takes part in every third round."""


def table(rounds: int | None) -> Result:
    """Measure all sizes in turn."""
    runs, scan, theirs = {}, PEERS["jax_scan"].title, PEERS["scikit_learn"].title
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_workers:
        together, apart = (open_workers.enter_context(Worker(Path(folder))) for _ in range(2))
        for size, problem in SIZES.items():
            for peer, worker in (("fit", together), ("jax_scan", together), ("scikit_learn", apart)):
                name = f"{PEERS[peer].title}, {size}"
                worker.prepare(peer, problem, name)
                runs[name] = worker.runner(name)
        slow = {name: SLOW for name in runs if name.startswith(theirs)}
        title = "growth from digits 64-64-10, batch 32, 100 epochs"
        timings = measure(title, runs, rounds or 6, f"{scan}, as it is", slow)
    rows = [
        compare(timings, f"digits, {size}: fit / {peer}", f"fit, {size}", f"{peer}, {size}", at_most)
        for size in list(SIZES)[1:]  # the table of digits has the first, with more rounds
        for peer, at_most in ((scan, 1.10), (theirs, 1.0))
    ]
    first = cost.of_hand_written(DIGITS)["FLOPs"] * steps_of("fit", DIGITS)
    lines = []
    for size, problem in SIZES.items():
        work = cost.of_hand_written(problem)["FLOPs"] * steps_of("fit", problem) / first
        grown = (
            f"{timings.least(f'{name}, {size}') / timings.least(f'{name}, as it is'):.2f}"
            for name in ("fit", scan, theirs)
        )
        lines.append((size, f"{work:.2f}", *grown))
    grid = Grid("How many times the operations and the seconds", ("size", "operations", "fit", scan, theirs), lines)
    ours = ((f"fit, {size}", problem) for size, problem in SIZES.items())
    rates = shares((name, problem, timings.least(name) / steps_of("fit", problem)) for name, problem in ours)
    return Result(timings, rows, [grid, rates], ["Rows beyond the 1437 are the same again."])
