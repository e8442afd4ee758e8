"""A notebook's first cell in a new process: imports, digits, `MLPClassifier().fit`, `predict`, each part apart."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.interleaved import Row, Timings, compare, measure
from bench.result import Grid, Result

ROUNDS = 5

LIMIT = 0.7
"""Seconds that the first fit of a process may take after the imports, with a warm cache."""

SCRIPT = """
import json
import time

times = [time.perf_counter()]
{imports}
from sklearn.datasets import load_digits
times.append(time.perf_counter())
X, y = load_digits(return_X_y=True)
times.append(time.perf_counter())
model = MLPClassifier(random_state=0).fit(X, y)
times.append(time.perf_counter())
model.predict(X)
times.append(time.perf_counter())
print(json.dumps([after - before for before, after in zip(times, times[1:])]))
"""
"""What a user waits for; the two differ in their imports."""

OURS = """
import jaxnn
from jaxnn.estimators import MLPClassifier
jaxnn.enable_cache({cache!r})
"""

THEIRS = """
from sklearn.neural_network import MLPClassifier
"""

PARTS = ("imports", "load_digits", "first fit", "first predict", "whole")

WARM, COLD, PEER = "jaxnn, warm cache", "jaxnn, cold cache", "scikit-learn"


def table(rounds: int | None) -> Result:
    """Start a process for every figure; a warm cache is one that a process before has filled."""
    parts: dict[str, list[dict[str, float]]] = {name: [] for name in (WARM, COLD, PEER)}
    with tempfile.TemporaryDirectory() as folder:
        runs = {name: _starter(name, Path(folder), kept) for name, kept in parts.items()}
        _starter(WARM, Path(folder), [])(0)  # fills the cache
        _starter(PEER, Path(folder), [])(0)  # and the disk's
        title = "a notebook with MLPClassifier, whole process: imports, load_digits, fit, predict"
        timings = measure(title, runs, rounds or ROUNDS, PEER)
    notes = [
        "cold: jaxnn.enable_cache(an empty folder); warm: the folder that a process before has filled.",
        "whole: from the start of Python to its end. scikit-learn has its default threads of BLAS.",
    ]
    return Result(timings, rows_of(timings, parts), [_grid(parts)], notes)


def script(name: str, cache: Path) -> str:
    """Return the program of one of the three.

    Args:
        name: a key of `parts`.
        cache: folder of compiled programs; scikit-learn has none.

    Returns:
        Python, which prints the seconds of `PARTS` but the whole as a JSON list.
    """
    imports = THEIRS if name == PEER else OURS.format(cache=str(cache))
    return SCRIPT.format(imports=imports.strip())


def _starter(name: str, folder: Path, kept: list[dict[str, float]]) -> Callable[[int], float]:
    """Return a function that starts a process and returns the seconds until it was over."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JAX")} | {"JAX_PLATFORMS": "cpu"}

    def run(_: int) -> float:
        with tempfile.TemporaryDirectory(dir=folder) as empty:
            code = script(name, Path(empty) if name == COLD else folder / "cache")
            since = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            whole = time.perf_counter() - since
        if done.returncode:
            raise SystemExit(f"bench: the process of {name} died:\n{done.stderr[-4000:]}")
        kept.append(dict(zip(PARTS, [*json.loads(done.stdout), whole], strict=True)))
        return whole

    return run


def rows_of(timings: Timings, parts: dict[str, list[dict[str, float]]]) -> list[Row]:
    """Return the rows.

    Args:
        timings: of whole processes.
        parts: the seconds of each part of each process, by name.

    Returns:
        Whole processes and first fits over scikit-learn's, and the first fit over its limit.
    """
    first = {name: [taken["first fit"] for taken in each] for name, each in parts.items()}
    fits = Timings(timings.title, first | {"limit": [LIMIT]}, timings.control)
    rows = [compare(fits, f"notebook, first fit, warm cache / {LIMIT} s", WARM, "limit", 1.0, "below 1")]
    for name in (WARM, COLD):
        state = name.removeprefix("jaxnn, ")
        rows += [
            compare(timings, f"notebook, whole process, {state} / {PEER}", name, PEER),
            compare(fits, f"notebook, first fit, {state} / {PEER}", name, PEER),
        ]
    return rows


def _grid(parts: dict[str, list[dict[str, float]]]) -> Grid:
    lines = [
        (name, *(f"{min(taken[part] for taken in each):.3f}" for part in PARTS), str(len(each)))
        for name, each in parts.items()
    ]
    return Grid("Its parts, the least of each", ("seconds", *PARTS, "rounds"), lines)
