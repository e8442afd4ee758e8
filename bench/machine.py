"""On what the figures were taken, and the most that it can do."""

import datetime
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bench.problem import DIGITS, TINY

VERSIONS = ("jax", "jaxlib", "numpy", "optax", "scikit-learn", "keras", "flax", "equinox", "torch", "skorch")


def environment() -> dict[str, str]:
    """Return date, machine, versions of everything compared, and XLA's flags."""
    found = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, no accelerator used",
        "versions": ", ".join([f"Python {platform.python_version()}", *map(_version, VERSIONS)]),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", "").strip() or "none",
    }
    if hasattr(os, "getloadavg"):
        found["load before"] = f"{os.getloadavg()[0]:.2f} processes over the last minute"
    return found


@cache
def dot_limit() -> float:
    """Measure the GFLOP/s of `jnp.dot` of two 1024 x 1024 float32 matrices, the least of 30."""
    import jax
    import jax.numpy as jnp

    matrix = jnp.ones((1024, 1024), jnp.float32)
    product = jax.jit(jnp.dot)
    seconds = _least(lambda: jax.block_until_ready(product(matrix, matrix)), 30)
    return 2 * 1024**3 / seconds / 1e9


@cache
def scan_limit(batch: int, wide: int, out: int) -> float:
    """Measure the GFLOP/s of a float32 product `(batch, wide) @ (wide, out)` and back, in a scan of 1000.

    Args:
        batch, wide, out: sizes of a training step's first layer.

    Returns:
        `4 * batch * wide * out` operations over the seconds of one time, the least of 10 runs.
    """
    import jax
    import jax.numpy as jnp

    @jax.jit
    def many(x: jax.Array, w: jax.Array) -> jax.Array:
        return jax.lax.scan(lambda c, _: (c @ w @ w.T, None), x, length=1000)[0]

    x, w = jnp.zeros((batch, wide)), jnp.zeros((wide, out))
    seconds = _least(lambda: jax.block_until_ready(many(x, w)), 10)
    return 4 * batch * wide * out * 1000 / seconds / 1e9


def limits() -> dict[str, float]:
    """Return the limits in GFLOP/s, by what was multiplied; measured once, before everything else."""
    found = {"product of two 1024 x 1024 float32 matrices": dot_limit()}
    for problem in (DIGITS, TINY):
        sizes = problem.batch, *problem.widths[:2]
        found[f"product of {sizes[:2]} and {sizes[1:]} in a scan"] = scan_limit(*sizes)
    return found


def _least(run: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times + 1):
        since = time.perf_counter()
        run()
        taken.append(time.perf_counter() - since)
    return min(taken[1:])


def _version(name: str) -> str:
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{name} not installed"


def _cpu() -> str:
    """The model of the processor, by Linux's own list, else by Python."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown processor"
