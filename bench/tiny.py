"""A network 8 wide, 4-8-8-1, batch 16: microseconds a step, with the flags of `jaxnn train --fold` and without."""

import dataclasses
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.digits import SLOW, installed
from bench.interleaved import compare, measure
from bench.peers import PEERS
from bench.problem import TINY
from bench.result import Result
from bench.shares import shares, steps_of
from bench.workers import Worker
from jaxnn.cli.fold import FLAGS

APART = ("scikit_learn", "pytorch", "pytorch_best")
AIMS: dict[str, tuple[float, str] | tuple[()]] = {
    "scikit_learn": (1 / 100, "at most 0.010 (100x)"),
    "pytorch": (1 / 200, "at most 0.005 (200x)"),
}
"""The ratio to folded `fit` and how to write it."""

SHORTER = 10
"""The peers apart train so many times fewer epochs, and are counted by the step."""


def table(rounds: int | None) -> Result:
    """Measure in processes of their own: XLA reads its flags once, when it starts."""
    present, notes = installed(APART)
    brief = dataclasses.replace(TINY, epochs=TINY.epochs // SHORTER)
    flags = " ".join([*os.environ.get("XLA_FLAGS", "").split(), *FLAGS])
    scan, runs = PEERS["jax_scan"].title, {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_workers:
        for environment, added in (({}, ""), ({"XLA_FLAGS": flags}, ", folded")):
            worker = open_workers.enter_context(Worker(Path(folder), environment))
            for peer in ("fit", "jax_scan"):
                name = PEERS[peer].title + added
                worker.prepare(peer, TINY, name)
                runs[name] = _a_step(worker, name, steps_of(peer, TINY))
        for peer in present:
            worker = open_workers.enter_context(Worker(Path(folder)))
            worker.prepare(peer, brief)
            runs[PEERS[peer].title] = _a_step(worker, PEERS[peer].title, steps_of(peer, brief))
        slow = {PEERS[peer].title: SLOW for peer in present}
        timings = measure("tiny 4-8-8-1, Adam, batch 16, 1024 rows; seconds a step", runs, rounds or 20, "fit", slow)
    rows = [
        compare(
            timings, f"tiny: fit, folded / {PEERS[peer].title}", "fit, folded", PEERS[peer].title, *AIMS.get(peer, ())
        )
        for peer in present
    ]
    rows += [
        compare(timings, "tiny: fit, folded / fit", "fit, folded", "fit", 1.0, "below 1"),
        compare(timings, f"tiny: fit, folded / {scan}, folded", "fit, folded", f"{scan}, folded", 1.10),
        compare(timings, f"tiny: fit / {scan}", "fit", scan, 1.10),
    ]
    notes.append(
        f"{TINY.epochs} epochs of {TINY.batches} steps; scikit-learn and PyTorch {brief.epochs} epochs, counted by the "
        f"step. folded: XLA_FLAGS={flags}"
    )
    rates = shares(((name, TINY, timings.least(name)) for name in runs), in_scan=False)
    return Result(timings, rows, [rates], notes)


def _a_step(worker: Worker, name: str, steps: int) -> Callable[[int], float]:
    run = worker.runner(name)
    return lambda seed: run(seed) / steps
