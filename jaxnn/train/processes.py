"""Several processes of one cluster: each computes its share, and all of them hear of everything."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from safetensors.numpy import load, save

from jaxnn.checks import fail
from jaxnn.train.history import History
from jaxnn.train.job import Job
from jaxnn.train.placing import example
from jaxnn.train.run import Run


def count() -> int:
    """Return how many processes there are; 1 unless `jax.distributed.initialize` was called."""
    return jax.process_count()


def index() -> int:
    """Return which of them this is, from 0."""
    return jax.process_index()


def check_same(jobs: Sequence[Job]) -> None:
    """Refuse processes that were given different members or data: their results would be put together all the same.

    Args:
        jobs: of this process.

    Raises:
        JaxnnError: in every process, naming the first whose jobs are not those of process 0.
    """
    if count() == 1:
        return
    digest, seen = hashlib.sha256(str(len(jobs)).encode()), set()
    for job in jobs:
        arrays = jax.tree.leaves((job.seed, job.hyper, *((t.rows,) if t is not None else () for t in job.tables)))
        tables = [(t.x, t.y, t.weight, t.mask) for t in job.tables if t is not None]
        shared = [one for table in tables for one in table if one is not None and id(one) not in seen]
        seen |= {id(one) for one in shared}
        for array in (*arrays, *shared):
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    every = _all(np.frombuffer(digest.digest(), np.uint8))
    for process, own in enumerate(every):
        if not np.array_equal(own, every[0]):
            fail(f"process {process}", "other members or data than process 0", "the same call in every process")


def gathered(runs: Mapping[int, Run], jobs: Sequence[Job]) -> dict[int, Run]:
    """Return the runs of all processes in every one of them.

    Args:
        runs: of this process, by the place of their jobs.
        jobs: of all, the same in every process.

    Returns:
        The runs by the place of their jobs.
    """
    if count() == 1:
        return dict(runs)
    found: dict[int, Run] = {}
    for packed in _exchanged(_packed(runs)):
        found |= _unpacked(packed, jobs)
    return found


def _packed(runs: Mapping[int, Run]) -> bytes:
    """Arrays as a safetensors file in memory, the rest as JSON in it."""
    arrays, said = {}, {}
    for place, run in runs.items():
        for i, leaf in enumerate(jax.tree.leaves((run.params, run.state, run.now))):
            arrays[f"{place}/{i}"] = np.ascontiguousarray(leaf)
        for name, values in run.history.items():
            arrays[f"{place}/history/{name}"] = np.array(values)
        plain = (run.best_epoch, run.stopped_because, run.steps, run.interrupted, run.diverged, list(run.history))
        said[str(place)] = [*plain, len(jax.tree.leaves((run.params, run.state, run.now)))]
    arrays["said"] = np.frombuffer(json.dumps(said).encode(), np.uint8)
    return save(arrays)


def _unpacked(packed: bytes, jobs: Sequence[Job]) -> dict[int, Run]:
    arrays = load(packed)
    found = {}
    for key, said in json.loads(arrays["said"].tobytes()).items():
        place, job = int(key), jobs[int(key)]
        best, because, steps, interrupted, diverged, names, leaves = said
        structure = _structure(job)
        params, state, now = jax.tree.unflatten(structure, [arrays[f"{place}/{i}"] for i in range(leaves)])
        found[place] = Run(
            net=job.recipe.net, loss=job.recipe.loss, params=params, state=state,
            history=History({name: arrays[f"{place}/history/{name}"] for name in names}), best_epoch=best,
            stopped_because=because, steps=steps, metrics=job.recipe.metrics, interrupted=interrupted,
            diverged=diverged, now=now, example=example(job.tables),
        )  # fmt: skip
    return found


def _structure(job: Job) -> Any:
    """How weights and state of a run lie."""
    from jaxnn.train import placing, program

    data = placing.shapes([job.tables], (len(job.tables.train.x), 1), (None, None))
    now = jax.eval_shape(lambda *given: program.init_members(job.recipe, *given), job.seed, job.hyper, data, job.start)
    return jax.tree.structure((now.params, now.state, now))


def _exchanged(mine: bytes) -> list[bytes]:
    """Every process's bytes, in every process: lengths first, then the bytes filled up to the longest."""
    lengths = _all(np.array([len(mine)], np.int32))[:, 0]
    padded = np.zeros(int(lengths.max()), np.uint8)
    padded[: len(mine)] = np.frombuffer(mine, np.uint8)
    return [row[:length].tobytes() for row, length in zip(_all(padded), lengths, strict=True)]


def _all(mine: np.ndarray) -> np.ndarray:
    """(processes, n) the rows of all processes."""
    firsts = [next(d for d in jax.devices() if d.process_index == process) for process in range(count())]
    mesh = Mesh(np.array(firsts), ("process",))
    rows = jax.make_array_from_process_local_data(NamedSharding(mesh, PartitionSpec("process")), mine[None])
    everywhere = jax.jit(lambda rows: rows, out_shardings=NamedSharding(mesh, PartitionSpec()))(rows)
    return np.asarray(everywhere.addressable_data(0))
