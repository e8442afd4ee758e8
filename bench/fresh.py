"""digits, 64-64-10, 100 epochs, the first run of a new process: imports, compilation and the run itself, each apart."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.digits import installed
from bench.interleaved import Row, Timings, compare, measure
from bench.peers import PEERS
from bench.problem import DIGITS
from bench.result import Grid, Result
from bench.workers import Worker

PARTS = ("import", "first", "second", "whole")

ROUNDS = 5

COMPARED = ("fit", "jax_scan", "scikit_learn")

ONCE = ("keras_jax", "flax_nnx", "equinox_loop", "pytorch")
"""Run in the first round only: they take seconds, and no row is made of them."""

COMPILES = ("fit", "jax_scan", "keras_jax", "flax_nnx", "equinox_loop")
"""Peers on JAX, which the persistent compilation cache serves."""


def table(rounds: int | None) -> Result:
    """Start a process for every figure; a warm cache is one that a process before has filled."""
    present, notes = installed((*COMPARED, *ONCE))
    rounds, parts = rounds or ROUNDS, {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        runs: dict[str, Callable[[int], float]] = {}
        for peer in present:
            states = ("cold", "warm") if peer in COMPILES else ("",)
            for state in states:
                name = f"{PEERS[peer].title}{', ' if state else ''}{state}"
                runs[name] = _starter(peer, state, place, parts.setdefault(name, []))
        for peer in COMPILES:
            if peer in present:
                _starter(peer, "warm", place, [])(0)  # fills the cache
        title = f"digits, first run of a new process: imports, compilation and {DIGITS.epochs} epochs"
        once = {name: rounds for name in runs if any(name.startswith(PEERS[peer].title) for peer in ONCE)}
        timings = measure(title, runs, rounds, PEERS["scikit_learn"].title, once)
    notes.append("cold: an empty compilation cache; warm: filled by a process before, as `jaxnn train` keeps it.")
    rows = _rows(timings, "whole process") + _rows(_without_imports(timings, parts), "without imports")
    return Result(timings, rows, [_parts(parts)], notes)


def _starter(peer: str, state: str, folder: Path, kept: list[dict[str, float]]) -> Callable[[int], float]:
    """Return a function that starts a process, has it train twice, and returns the seconds until the first was done."""

    def run(_: int) -> float:
        with tempfile.TemporaryDirectory(dir=folder) as empty:
            cache = folder / f"cache-{peer}" if state == "warm" else Path(empty)
            environment = {
                "JAX_COMPILATION_CACHE_DIR": str(cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }  # fmt: skip
            with Worker(folder, environment if state else None) as worker:
                taken = worker.prepare(peer, DIGITS)
                taken["second"] = worker.runner(PEERS[peer].title)(1)
        kept.append(taken)
        return taken["whole"]

    return run


def _without_imports(timings: Timings, parts: dict[str, list[dict[str, float]]]) -> Timings:
    """The same rounds without the start of Python and the imports."""
    seconds = {name: [taken["first"] for taken in each] for name, each in parts.items()}
    return Timings(timings.title, seconds, timings.control)


def _rows(timings: Timings, what: str) -> list[Row]:
    theirs, scan = PEERS["scikit_learn"].title, PEERS["jax_scan"].title
    rows = [
        compare(timings, f"first fit, {what}, {state} cache / {theirs}", f"fit, {state}", theirs, limit, aim)
        for state, limit, aim in (("warm", 1.0, "below 1"), ("cold", None, None))
    ]
    return rows + [
        compare(timings, f"first fit, {what}, {state} cache / {scan}", f"fit, {state}", f"{scan}, {state}")
        for state in ("warm", "cold")
    ]


def _parts(parts: dict[str, list[dict[str, float]]]) -> Grid:
    """The least of each part over the rounds; tracing and compiling is what the first run takes beyond the second."""
    lines = []
    for name, taken in parts.items():
        imports, first, second, whole = (min(each[part] for each in taken) for part in PARTS)
        beyond = f"{first - second:.2f}" if name.endswith(("cold", "warm")) else ""
        lines.append((name, f"{whole:.2f}", f"{imports:.2f}", beyond, f"{first:.2f}", f"{second:.3f}", str(len(taken))))
    columns = ("seconds", "whole", "imports", "trace + compile", "first run", "second run", "rounds")
    return Grid("Its parts, the least of each", columns, lines)
