"""Many runs, spread over threads, devices and processes: slices of members through single-device programs.

Never one program over several devices: under `shard_map` no member kept its bits, handed out slice by slice all of them
did (measured.md). On a CPU one thread for each core takes slices, on accelerators one for each device, and every
process of a cluster takes its share.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np

from jaxnn.checks import whole_number
from jaxnn.train import buckets, compiled, drive, memory, placing, processes, stopping
from jaxnn.train.buckets import Bucket
from jaxnn.train.job import Job
from jaxnn.train.members import FROZEN, Members, read
from jaxnn.train.run import Run
from jaxnn.train.standing import Standing


@dataclass
class _Slice:
    """Some members of a bucket, in a program of so many."""

    bucket: Bucket
    places: list[int]
    size: int


@dataclass
class _Population:
    """All runs on their way."""

    jobs: Sequence[Job]
    report: Callable[[Standing], None]
    heard: list[int]
    began: float = field(default_factory=time.monotonic)
    runs: dict[int, Run] = field(default_factory=dict)
    taken: int = 0
    """Minibatches so far."""
    ended: int = 0
    """Those of members that have ended, of `taken`."""
    left: int = 0
    """Minibatches that the others have in all, at most."""
    best: float | None = None
    steps: dict[Any, int] = field(default_factory=dict)
    """How many a chunk of each recipe had last: the next slice begins with as many."""
    failed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    put: dict[Any, dict[tuple[int, int], Any]] = field(default_factory=dict)
    """Tables on each device."""

    def __post_init__(self) -> None:
        self.left = sum(job.steps for job in self.jobs)

    @property
    def stopping(self) -> bool:
        return bool(self.heard) or self.failed


def workers(threads: int | None) -> list[Any]:
    """Return the device of each worker of this process.

    Args:
        threads: how many; None for the cores of a CPU, and for every device where there are several.

    Returns:
        Devices, one for each worker; None for JAX's default device.
    """
    if threads is not None:
        whole_number("threads", threads, 1)
    devices = jax.local_devices()
    if len(devices) == 1:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        many = threads or (cores if devices[0].platform == "cpu" else 1)
        return [None] * many
    return list(devices)[: threads or len(devices)]


def spread(
    jobs: Sequence[Job],
    threads: int | None = None,
    report: Callable[[Standing], None] = lambda _: None,
    fewest: int | None = None,
    sizes: dict[Any, int] | None = None,
) -> list[Run | None]:
    """Run many jobs to their ends.

    Args:
        jobs: the checked runs.
        threads: workers of this process; None for all cores, or all devices.
        report: called with where the population is.
        fewest: how few of them will go on to the end, where that is known: slices are cut so that they keep all workers
            busy, in the program of all.
        sizes: a dict that keeps the sizes of slices from one call to the next, which then compiles nothing.

    Returns:
        The runs in the order of the jobs, weights in NumPy. After Ctrl-C None for those that had not begun.

    Raises:
        JaxnnError: if they do not fit into memory, or several processes have different ones.
    """
    where = workers(threads)
    processes.check_same(jobs)
    with drive.interrupts() as heard:
        report(Standing(len(jobs), 0, len(jobs), None, None, 0.0))
        found = buckets.buckets(jobs, len(where) * processes.count(), fewest, sizes)
        _compiled(jobs, found, where)
        queue = [_Slice(bucket, places, bucket.size) for bucket in found for places in bucket.slices]
        # the longest first, so that none is left for the end
        queue.sort(key=lambda one: -sum(jobs[place].steps for place in one.places))
        population = _Population(jobs, report, heard)
        _work_off(population, queue[processes.index() :: processes.count()], where)
    runs = processes.gathered(population.runs, jobs)
    return [runs.get(place) for place in range(len(jobs))]


def _compiled(jobs: Sequence[Job], found: list[Bucket], where: list[Any]) -> None:
    """Compile all programs side by side, and see whether the population fits."""
    devices = dict.fromkeys(where)
    waiting = [[_pending(jobs, bucket, bucket.size, device) for device in devices] for bucket in found]
    every = [[one.program() for one in of_devices] for of_devices in waiting]
    programs = [one for one, *_ in every]
    counts, sizes = [len(bucket.members) for bucket in found], [bucket.size for bucket in found]
    memory.check(counts, programs, sizes, len(where), where[0])


def _pending(jobs: Sequence[Job], bucket: Bucket, size: int, device: Any) -> compiled.Pending:
    """The program of a bucket for slices of some size."""
    first = jobs[bucket.members[0]]
    seeds, hyper, start = buckets.stacked([first], [0], size)
    data = placing.shapes([first.tables] * size, bucket.lengths, bucket.widths)
    return compiled.pending(first.recipe, seeds, hyper, data, start, np.int32(0), device)


def _work_off(population: _Population, queue: list[_Slice], where: list[Any]) -> None:
    """Let every worker take slices until there is none left."""
    x64, waiting = jax.config.jax_enable_x64, list(queue)  # pyright: ignore[reportAttributeAccessIssue]

    def work(device: Any) -> None:
        with jax.enable_x64(x64):  # a setting of the thread
            while not population.stopping:
                with population.lock:
                    if not waiting:
                        return
                    one = waiting.pop(0)
                _to_the_end(population, one, device)

    if len(where) == 1:
        work(where[0])
        return
    with ThreadPoolExecutor(len(where)) as pool:
        futures = [pool.submit(work, device) for device in where]
        _wait(population, futures)


def _wait(population: _Population, futures: list[Future]) -> None:
    """Wait for the workers; in short steps, because only this thread hears Ctrl-C."""
    try:
        pending = set(futures)
        while pending:
            done, pending = wait(pending, timeout=0.1, return_when="FIRST_EXCEPTION")
            for future in done:
                future.result()
    finally:
        population.failed = True  # what is left ends after its chunk


def _begun(population: _Population, one: _Slice, device: Any, states: list[Any] | None = None) -> Members:
    """The members of a slice on a device: before their first step, or from their states on."""
    filled = [population.jobs[place] for place in one.places]
    filled += [filled[0]] * (one.size - len(one.places))
    seeds, hyper, start = buckets.stacked(filled, range(one.size), one.size)
    with population.lock:
        put = population.put.setdefault(device, {})
        tables = [job.tables for job in filled]
        data = placing.on_device(tables, put, device, one.bucket.lengths, one.bucket.widths)
    program = _pending(population.jobs, one.bucket, one.size, device).program()
    hyper = jax.device_put(hyper, device)
    if states is None and filled[0].earlier is not None:
        states = [drive.resumed(program, job.earlier) for job in filled if job.earlier is not None]
    if states is None:
        now = program.init(seeds, hyper, data, start)
    else:
        states += [states[0]] * (one.size - len(states))
        now = jax.tree.map(lambda *leaves: np.concatenate([np.asarray(leaf) for leaf in leaves]), *states)
    dead = np.arange(one.size) >= len(one.places)
    if dead.any():
        now = replace(now, stopped=np.where(dead, FROZEN, np.asarray(now.stopped)).astype(np.int32))
    batches, first = np.array([job.batches for job in filled]), filled[0]
    members = Members(first.recipe, placing.example(first.tables), hyper, data, program, batches, now, read(now))
    for member, job in enumerate(filled):
        if job.earlier is not None:
            members.go_on(member, job.earlier)
    return members


def _to_the_end(population: _Population, one: _Slice, device: Any) -> None:
    """Run the members of a slice until each has ended."""
    members = _begun(population, one, device)
    steps = population.steps.get(members.recipe, drive.FIRST_STEPS)
    while members.going.any() and not population.stopping:
        before, since = members.at.step, time.monotonic()
        members.advance(steps)
        taken = np.maximum(members.at.step - before, 0)
        # a chunk of all its members is to take as long as a chunk of one run does
        steps = drive.next_steps(steps, max(int(taken.max()), 1), time.monotonic() - since)
        population.steps[members.recipe] = steps
        _say(population, int(taken[: len(one.places)].sum()))
        one, members = _packed(population, one, members, device)
    for member in np.flatnonzero(members.going):
        members.interrupted.add(int(member))
        members.told[int(member)] = f"interrupted after {stopping.counted(int(members.at.epoch[member]))}"
    _keep(population, one, members, range(len(one.places)))
    _say(population, 0)


def _packed(population: _Population, one: _Slice, members: Members, device: Any) -> tuple[_Slice, Members]:
    """Side by side, a member that has ended costs as much as the others: they move into a program of half the size.

    One after another, as on a CPU, it costs nothing.
    """
    alive = np.flatnonzero(members.going)
    if members.recipe.mapping == "map" or not len(alive) or 2 * len(alive) > one.size:
        return one, members
    _keep(population, one, members, np.flatnonzero(~members.going[: len(one.places)]))
    size = 1 << (len(alive) - 1).bit_length()
    smaller = _Slice(one.bucket, [one.places[member] for member in alive], size)
    host = jax.device_get(members.now)
    states = [jax.tree.map(lambda leaf, i=member: leaf[i : i + 1], host) for member in alive]
    moved = _begun(population, smaller, device, states)
    for place, member in enumerate(alive):
        moved.columns[place] = members.columns[member]
    return smaller, moved


def _keep(population: _Population, one: _Slice, members: Members, which: Any) -> None:
    """Keep the runs of members that have ended."""
    host, ended = jax.device_get(members.now), {}
    for member in which:
        recipe = population.jobs[one.places[member]].recipe
        ended[one.places[member]] = replace(members.finished(int(member), host), net=recipe.net, loss=recipe.loss)
    with population.lock:
        population.runs |= ended
        population.ended += sum(run.steps for run in ended.values())
        population.left -= sum(population.jobs[place].steps for place in ended)
        losses = [loss for loss in map(last_loss, ended.values()) if np.isfinite(loss)]
        population.best = min([*losses, *([] if population.best is None else [population.best])], default=None)


def _say(population: _Population, taken: int) -> None:
    """Tell where the population is."""
    with population.lock:
        population.taken += taken
        members, finished = len(population.jobs), len(population.runs)
        seconds = time.monotonic() - population.began
        under_way = max(population.taken - population.ended, 0)
        left = seconds / max(population.taken, 1) * max(population.left - under_way, 0)
        population.report(Standing(members, finished, members - finished, population.best, left, seconds))


def last_loss(run: Run) -> float:
    """Return the loss that a run ended with: on the validation data where there are any, of the weights it kept.

    Args:
        run: a finished run.

    Returns:
        The loss; NaN before the first epoch.
    """
    values = run.history.get("val_loss", run.history.get("loss", np.array([])))
    return float(values[run.best_epoch]) if len(values) else float("nan")
