"""digits, 64-64-10, ReLU, Adam, batch 32, 100 epochs, in running processes: `fit` beside everyone else."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import cost
from bench.interleaved import Row, Timings, compare, measure
from bench.peers import PEERS
from bench.problem import DIGITS
from bench.result import Result, agreement
from bench.shares import shares, steps_of
from bench.workers import Worker

TOGETHER = ("fit", "fit_dropout", "jax_scan", "jax_loop")
"""Run in one process, in which differences of a few hundredths can be seen; the others have one each."""

APART = ("scikit_learn", "keras_jax", "flax_nnx", "flax_nnx_cached", "equinox_loop", "pytorch", "pytorch_best")

AIMS: dict[str, tuple[float, str] | tuple[()]] = {
    "jax_scan": (1.10, "at most 1.10, better 1.00"),
    "scikit_learn": (1 / 6, "at most 0.167 (6x)"),
    "keras_jax": (1 / 10, "at most 0.100 (10x)"),
    "flax_nnx": (1 / 15, "at most 0.067 (15x)"),
    "equinox_loop": (1 / 6, "at most 0.167 (6x)"),
    "pytorch": (1 / 30, "at most 0.033 (30x)"),
}
"""The ratio to `fit` and how to write it."""

WITHIN = 0.25
"""Of the median loss: over seeds of `fit` alone the last loss has a standard deviation of a tenth of its mean."""

SLOW = 5
"""A slow peer takes part in every fifth round."""


def table(rounds: int | None) -> Result:
    """Measure; the first runs, which compile, do not count."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_workers:
        present, notes = installed((*TOGETHER, *APART))
        workers: dict[str, Worker] = {}
        together = open_workers.enter_context(Worker(Path(folder)))
        for peer in present:
            worker = together if peer in TOGETHER else open_workers.enter_context(Worker(Path(folder)))
            worker.prepare(peer, DIGITS)
            workers[peer] = worker
        timings = measure(
            "digits 64-64-10, Adam, batch 32, 1437 rows, 100 epochs, running processes",
            {PEERS[peer].title: worker.runner(PEERS[peer].title) for peer, worker in workers.items()},
            rounds or 20, PEERS["jax_scan"].title,
            {PEERS[peer].title: SLOW for peer in present if PEERS[peer].slow},
        )  # fmt: skip
    titles = {peer: PEERS[peer].title for peer in present}
    grid = shares((titles[p], DIGITS, timings.least(titles[p]) / steps_of(p, DIGITS)) for p in present)
    said, differing = agreement(
        {titles[peer]: workers[peer].losses[titles[peer]] for peer in present if peer != "fit_dropout"}, WITHIN
    )
    short = "; ".join(titles[peer] for peer in present if PEERS[peer].drops_last)
    notes.append(
        f"Steps an epoch: {DIGITS.batches}, and {DIGITS.whole_batches} without the short last batch ({short})."
    )
    return Result(timings, _rows(timings, present), [grid], [*notes, said], differing)


def installed(peers: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the peers that can run, and a line for each that cannot."""
    missing = {peer: PEERS[peer].missing for peer in peers}
    said = [f"{PEERS[peer].title}: left out, {name} is not installed." for peer, name in missing.items() if name]
    return [peer for peer, name in missing.items() if not name], said


def _rows(timings: Timings, present: list[str]) -> list[Row]:
    rows = [
        compare(timings, f"digits: fit / {PEERS[peer].title}", "fit", PEERS[peer].title, *AIMS.get(peer, ()))
        for peer in present
        if peer not in ("fit", "fit_dropout")
    ]
    scan, dropped = PEERS["jax_scan"].title, PEERS["fit_dropout"].title
    rows.append(compare(timings, f"digits: {dropped} / {scan} without", dropped, scan, 1.40))
    ours, theirs = cost.of_fit(DIGITS), cost.of_hand_written(DIGITS)
    return rows + [
        Row(f"digits: {what} of one step of fit / hand-written step", ours[what] / theirs[what], None, 1.005, "1.00")
        for what in ours
    ]
