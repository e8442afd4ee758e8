"""Many runs sorted into buckets, each of which is one compiled program, and these cut into slices of members."""

import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.train.job import Job
from jaxnn.train.tables import Table, Tables

SLICES = 4
"""Slices for each worker: members stop at times of their own, and with more slices none waits long for the others."""


class Bucket(NamedTuple):
    """Runs that share one program, and how many members a slice of it has."""

    members: list[int]
    """Places of the runs in the list of all."""
    lengths: tuple[int, int]
    """Rows of the training and validation tables, the longest of all; 0 without validation."""
    widths: tuple[int | None, int | None]
    """Rows that a member learns from and is validated on, the most of all; None where all have as many."""
    size: int
    slices: list[list[int]]


def buckets(
    jobs: Sequence[Job], workers: int, fewest: int | None = None, sizes: dict[Hashable, int] | None = None
) -> list[Bucket]:
    """Sort runs into buckets: those of equal recipes and equal shapes but for the number of rows.

    Args:
        jobs: the checked runs.
        workers: threads or devices that take slices.
        fewest: of them that will go on to the end.
        sizes: of the slices of an earlier call whose programs are to be used again; it is added to.

    Returns:
        The buckets; every run is in one slice of one of them. Members of a slice share their tables.
    """
    found: dict[Hashable, list[int]] = {}
    for place, job in enumerate(jobs):
        found.setdefault(_kind(job), []).append(place)
    share, known = 1.0 if fewest is None else min(fewest / max(len(jobs), 1), 1.0), {} if sizes is None else sizes
    return [_bucket(jobs, members, workers, share, known) for members in found.values()]


def _kind(job: Job) -> Hashable:
    """What decides the program beside the numbers of rows."""
    shapes = tuple(_shapes(table) for table in job.tables)
    start = None if job.start is None else jax.tree.structure(job.start)
    return (job.recipe, shapes, job.earlier is None, start)


def _shapes(table: Table | None) -> Hashable:
    if table is None:
        return None
    arrays = (table.x, table.y, table.weight, table.mask)
    return tuple(None if array is None else (array.shape[1:], str(array.dtype)) for array in arrays)


def _bucket(jobs: Sequence[Job], members: list[int], workers: int, share: float, sizes: dict[Hashable, int]) -> Bucket:
    of_tables: dict[Hashable, list[int]] = {}
    for place in members:
        of_tables.setdefault(identity(jobs[place].tables), []).append(place)
    first = jobs[members[0]]
    kind = (first.recipe, *map(_shapes, first.tables))
    counts = [len(group) for group in of_tables.values()]
    size = sizes.setdefault(kind, _size(first.recipe.mapping, counts, workers, share))
    slices = [group[i : i + size] for group in of_tables.values() for i in range(0, len(group), size)]
    parts = list(zip(*(jobs[place].tables for place in members), strict=True))
    lengths = tuple(max(0 if table is None else len(table.x) for table in part) for part in parts)
    widths = tuple(_width([len(table.rows) for table in part if table is not None]) for part in parts)
    return Bucket(members, (lengths[0], lengths[1]), (widths[0], widths[1]), size, slices)


def identity(tables: Tables) -> Hashable:
    """Return what two members have in common whose tables are the same arrays, whatever rows of them each takes.

    Args:
        tables: of a member.

    Returns:
        Numbers to compare.
    """
    arrays = [(t.x, t.y, t.weight, t.mask) if t is not None else () for t in tables]
    return tuple(id(array) for part in arrays for array in part)


def _width(counts: list[int]) -> int | None:
    return max(counts) if len(set(counts)) > 1 else None


def _size(mapping: str, groups: list[int], workers: int, share: float) -> int:
    """Members of a slice: as many slices as keep the workers busy, without one for a few members alone."""
    total = sum(groups)
    if mapping == "vmap":
        return min(max(groups), math.ceil(total / workers))
    if share < 1:  # what is left at the end keeps all workers busy, where slices do not become too many for that
        return max(math.ceil(share * total / workers), math.ceil(total / (2 * SLICES * workers)))
    wanted = SLICES * workers
    return max(math.ceil(group / max(1, round(wanted * group / total))) for group in groups)


def stacked(jobs: Sequence[Job], members: Sequence[int], size: int) -> tuple[Any, Any, Any]:
    """Return seeds, numbers and first weights of a slice side by side, the first member's filling it up.

    Args:
        jobs: all runs.
        members: places of the slice's.
        size: members of the program.

    Returns:
        Nested dicts of arrays `(size, ...)`; None for weights that are to be drawn.
    """
    all_of = [jobs[place] for place in members]
    all_of += [all_of[0]] * (size - len(members))

    def together(*leaves: Any) -> np.ndarray:
        return np.concatenate([np.asarray(leaf) for leaf in leaves])

    seeds = together(*(job.seed for job in all_of))
    hyper = jax.tree.map(together, *(job.hyper for job in all_of))
    start = None if all_of[0].start is None else jax.tree.map(together, *(job.start for job in all_of))
    return seeds, hyper, start
