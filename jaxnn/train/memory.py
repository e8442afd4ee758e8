"""Whether a population fits into memory, asked before it starts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxnn.checks import fail
from jaxnn.train.compiled import Program

SHARE = 0.9
"""Of the memory that is free, at most."""


def check(members: Sequence[int], programs: Sequence[Program], sizes: Sequence[int], workers: int, device: Any) -> None:
    """Refuse a population that will not fit.

    Args:
        members: how many each program has to train.
        programs: the compiled programs.
        sizes: members of one slice of each.
        workers: slices at work at one time.
        device: on which.

    Raises:
        JaxnnError: with the memory needed, what is free, and how many members would fit.
    """
    each = [_bytes(program.first) / size for program, size in zip(programs, sizes, strict=True)]
    at_work = workers * max((_at_work(program) for program in programs), default=0)
    kept = sum(count * one for count, one in zip(members, each, strict=True))
    free = available(device)
    if free is None or kept + at_work <= SHARE * free:
        return
    total, room = sum(members), SHARE * free - at_work
    fits = max(int(room / (kept / total)), 0) if kept else 0
    gib = 2.0**30
    do = f"Take at most {fits} members at once" if fits else "Take a smaller network or smaller minibatches"
    fail(
        "members", f"{total} that need {(kept + at_work) / gib:.1f} GiB", f"what {SHARE * free / gib:.1f} GiB hold", do
    )


def _at_work(program: Program) -> float:
    """Bytes of a slice while it runs: the state before and after, and what lies between."""
    said = program.chunk.memory_analysis()
    return 0.0 if said is None else float(said.temp_size_in_bytes + said.output_size_in_bytes * 2)


def _bytes(tree: Any) -> float:
    return float(sum(np.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree)))


def available(device: Any) -> float | None:
    """Return how many bytes are free for a device's arrays; None where nobody says.

    Args:
        device: of JAX; None for the default.

    Returns:
        Bytes: on a CPU the machine's memory, or what is left of the limit of a container.
    """
    device = jax.local_devices()[0] if device is None else device
    if device.platform != "cpu":
        said = device.memory_stats() or {}
        return said["bytes_limit"] - said["bytes_in_use"] if "bytes_limit" in said else None
    free = [_machine(), _container()]
    return min((one for one in free if one is not None), default=None)


def _machine() -> float | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return None


def _container() -> float | None:
    folder = Path("/sys/fs/cgroup")
    try:
        limit, used = (float((folder / name).read_text()) for name in ("memory.max", "memory.current"))
        said = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return limit - used + float(said.get("inactive_file", 0))  # files read once, which the system gives up
    except (OSError, ValueError):  # no such file, or "max"
        return None
