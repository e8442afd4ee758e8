"""Character models (one recurrent layer of 128, 64 tokens, 2048 sequences, batch 32): `fit` beside PyTorch."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.digits import installed
from bench.interleaved import compare, measure
from bench.peers import PEERS
from bench.problem import RECURRENT
from bench.result import Grid, Line, Result, agreement
from bench.workers import Worker

AIMS = {
    "rnn": (0.70, "at most 0.70"),
    "lstm": (1.20, "at most 1.20, better 1.00"),
    "gru": (1.20, "at most 1.20, better 1.00"),
}
"""The ratio to PyTorch and how to write it, by the cell."""

WITHIN = 0.05
"""Of the median loss."""


def table(rounds: int | None) -> Result:
    """Measure; the first runs, which compile, do not count."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_workers:
        present, notes = installed(tuple(f"{cell}_{who}" for who in ("fit", "pytorch") for cell in AIMS))
        workers: dict[str, Worker] = {}
        for who in ("fit", "pytorch"):  # one process for the three cells of a library
            worker = open_workers.enter_context(Worker(Path(folder)))
            workers |= {peer: worker for peer in present if peer.endswith(who)}
        for peer, worker in workers.items():
            worker.prepare(peer, RECURRENT)
        timings = measure(
            f"character models, hidden 128, 64 tokens, batch 32, Adam, {RECURRENT.epochs} epochs, running processes",
            {PEERS[peer].title: worker.runner(PEERS[peer].title) for peer, worker in workers.items()},
            rounds or 8, PEERS["lstm_fit"].title,
        )  # fmt: skip
    rows, said, differing = [], [], []
    for cell, aim in AIMS.items():
        pair = [peer for peer in present if peer.startswith(f"{cell}_")]
        titles = [PEERS[peer].title for peer in pair]
        if len(pair) == 2:
            rows.append(compare(timings, f"character model: {titles[0]} / {titles[1]}", titles[0], titles[1], *aim))
        told, why = agreement({PEERS[peer].title: workers[peer].losses[PEERS[peer].title] for peer in pair}, WITHIN)
        said, differing = [*said, told], [*differing, why]
    epoch = {PEERS[peer].title: timings.least(PEERS[peer].title) / RECURRENT.epochs for peer in present}
    lines: list[Line] = [(title, f"{seconds:.3f}") for title, seconds in epoch.items()]
    grid = Grid("Seconds of an epoch, the least", ("who", "seconds"), lines)
    return Result(timings, rows, [grid], [*notes, *said], "; ".join(filter(None, differing)))
