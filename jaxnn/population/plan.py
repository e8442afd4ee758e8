"""Which of many runs share a compiled program: networks of different widths padded to one, or a program for each."""

import itertools
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.checks import one_of
from jaxnn.layers.base import Layer, layer_numbers
from jaxnn.ops import fold_in
from jaxnn.optimizers import Given
from jaxnn.population.padding import cut, pad, padded
from jaxnn.train import compiled
from jaxnn.train.job import Job
from jaxnn.train.placing import example
from jaxnn.train.prepare import weight_shapes
from jaxnn.train.run import Run
from jaxnn.train.spread import workers

STRATEGIES = ("auto", "pad", "bucket")
"""How networks of different widths are trained: as estimated, in as few programs as possible, one program for each."""

COMPILE_SECONDS = 2.2
"""Of one program of a small network and what draws its weights, on two cores, which compiling keeps busy: four took
10 s, one 2. The persistent cache saves most of it."""

COUNTED = 0.18
"""The share of compiling that counts where programs are weighed against padding: the next search, the next call and,
with a persistent cache, the next process use the programs again."""

STEP_SECONDS, FLOPS_PER_SECOND = 17e-6, 1.6e11
"""Of a minibatch of 64 beside its arithmetic, and how fast that is in float32, on one core of a CPU (digits, hidden
widths 16 to 128: 19 to 40 us)."""


class Family(NamedTuple):
    """Networks that can be padded to one."""

    nets: list[Layer]
    members: list[list[int]]
    """Places of each network's jobs."""


@dataclass(frozen=True)
class Plan:
    """The jobs as they will be computed, and what that is estimated to take.

    >>> Plan([], [], 2, 180, 3.1, 0.25)
    2 programs for 180 runs, about 3 s on this machine; 25 % of the arithmetic is padding
    """

    jobs: list[Job]
    nets: list[Layer]
    """What each job asked for; a padded job has another network."""
    programs: int
    runs: int
    seconds: float
    """Estimated, compiling included, which a later call or a persistent cache saves."""
    waste: float
    """The share of the arithmetic that only fills up widths."""

    def __repr__(self) -> str:
        said = f"{self.programs} program{'' if self.programs == 1 else 's'} for {self.runs} runs"
        said += f", about {self.seconds:.0f} s on this machine" if self.seconds >= 1 else ", under a second"
        return said + (f"; {self.waste:.0%} of the arithmetic is padding" if self.waste else "").replace("%", " %")

    def unpadded(self, place: int, run: Run) -> Run:
        """Return a run of a job of this plan as a run of the network that was asked for.

        Args:
            place: of the job.
            run: as it was computed.

        Returns:
            The run with the weights cut; it cannot be resumed where they were.
        """
        net = self.nets[place]
        if net is self.jobs[place].recipe.net or run.example is None:
            return run
        params, state = cut((run.params, run.state), shapes(net, run.example))
        return replace(run, net=net, params=params, state=state, now=None)


def plan(jobs: Sequence[Job], strategy: str = "auto", threads: int | None = None) -> Plan:
    """Decide which runs share a program.

    Networks that differ in widths alone may be padded to the widest: fewer programs to compile, more arithmetic. The
    estimate weighs both.

    Args:
        jobs: the checked runs.
        strategy: one of `STRATEGIES`.
        threads: as for `fit_many`.

    Returns:
        The plan.

    Raises:
        JaxnnError: for an unknown strategy.
    """
    one_of("strategy", strategy, STRATEGIES)
    hands = len(workers(threads))
    made, programs, work, useful = list(jobs), 0, 0.0, 0.0
    for family in families(jobs):
        groups = [[i] for i in range(len(family.nets))] if strategy == "bucket" else [list(range(len(family.nets)))]
        if strategy == "auto":
            groups = _groups(jobs, family, hands)
        for group in groups:
            nets = [family.nets[i] for i in group]
            places = [family.members[i] for i in group]
            _pad_group(made, nets, places)
            programs += 1
            learnt = _weights(made[places[0][0]].recipe.net, jobs[places[0][0]])
            for net, own in zip(nets, places, strict=True):
                alone = _weights(net, jobs[own[0]])
                work += sum(_seconds(jobs[place], learnt) for place in own)
                useful += sum(_seconds(jobs[place], alone) for place in own)
    seconds = programs * COMPILE_SECONDS + work / hands
    waste = 1 - useful / work if work else 0.0
    return Plan(made, [job.recipe.net for job in jobs], programs, len(jobs), seconds, round(waste, 4))


def families(jobs: Sequence[Job]) -> list[Family]:
    """Sort jobs by what decides their program, networks that can be padded to one together.

    Args:
        jobs: the checked runs.

    Returns:
        The families; every job is in one.
    """
    found: dict[Any, list[Family]] = {}
    for place, job in enumerate(jobs):
        kind = (replace(job.recipe, net=None), example(job.tables), job.tables.validation is None, job.earlier is None)
        alike = found.setdefault(kind, [])
        if not _joined(alike, job, place):
            alike.append(Family([job.recipe.net], [[place]]))
    return [family for alike in found.values() for family in alike]


def _joined(alike: list[Family], job: Job, place: int) -> bool:
    """Put a job into the first family that it fits, if there is one."""
    net = job.recipe.net
    for family in alike:
        if net in family.nets:
            family.members[family.nets.index(net)].append(place)
            return True
    for family in alike:
        if _may_be_padded(job) and padded([*family.nets, net], example(job.tables)) is not None:
            family.nets.append(net)
            family.members.append([place])
            return True
    return False


def _may_be_padded(job: Job) -> bool:
    """Whether a run minds no zeros: padding layers have no rules by hand, and what a user wrote may look at shapes."""
    own = [type(part).__module__ for part in (job.recipe.optimizer, *job.recipe.penalties)]
    ours = all(name.startswith("jaxnn.") for name in own) and not isinstance(job.recipe.optimizer, Given)
    return job.earlier is None and job.recipe.gradient != "backprop" and ours


def _groups(jobs: Sequence[Job], family: Family, hands: int) -> list[list[int]]:
    """Networks of a family by the program they share: neighbours in size, merged while that is estimated to gain."""
    learnt = [_weights(net, jobs[own[0]]) for net, own in zip(family.nets, family.members, strict=True)]
    order = sorted(range(len(learnt)), key=lambda i: learnt[i])
    groups = [[i] for i in order]

    def seconds(group: list[int]) -> float:
        widest = learnt[group[-1]]
        return sum(_seconds(jobs[place], widest) for i in group for place in family.members[i]) / hands

    while len(groups) > 1:
        gains = [
            COUNTED * COMPILE_SECONDS + seconds(one) + seconds(two) - seconds(one + two)
            for one, two in itertools.pairwise(groups)
        ]
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            break
        groups[best : best + 2] = [groups[best] + groups[best + 1]]
    return groups


def _seconds(job: Job, weights: int) -> float:
    """How long a run of a network of so many weights takes on one worker, estimated."""
    flops = 6.0 * weights * job.recipe.batch_size * (2 if _x64() else 1)
    return job.steps * (STEP_SECONDS + flops / FLOPS_PER_SECOND)


def _weights(net: Layer, job: Job) -> int:
    """How many numbers a network learns: its arithmetic for an example, where none is used twice."""
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes(net, example(job.tables))[0]))


def _x64() -> bool:
    return jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]


def shapes(net: Layer, one: jax.ShapeDtypeStruct) -> Any:
    """Return shapes and dtypes of a network's `(params, state)`."""
    return weight_shapes(net, one, _x64())


def _pad_group(jobs: list[Job], nets: list[Layer], places: list[list[int]]) -> None:
    """Put padded networks and weights in place of those of some jobs."""
    if len(nets) == 1:
        return
    one = example(jobs[places[0][0]].tables)
    drawn, wide = _drawn(jobs, nets, places), padded(nets, one)
    assert wide is not None
    needed = shapes(wide[0], one)
    for net, own, same in zip(nets, places, wide, strict=True):
        for place in own:
            # two networks that are equal may have numbers of their own
            asked = jobs[place].recipe.net
            mine = same if layer_numbers(asked) == layer_numbers(net) else (padded([asked, *nets], one) or wide)[0]
            start = jax.tree.map(lambda leaf: leaf[0], jobs[place].start) if place not in drawn else drawn[place]
            start = jax.tree.map(lambda leaf: leaf[None], pad(start, needed))
            recipe = replace(jobs[place].recipe, net=mine)
            jobs[place] = jobs[place]._replace(
                recipe=recipe, hyper=jobs[place].hyper | {"net": numbers_of(mine)}, start=start
            )


def numbers_of(net: Layer) -> Any:
    """Return a network's numbers as the program takes them, with an axis of one member."""
    return jax.tree.map(lambda value: np.full(1, value, np.dtype(jax.numpy.result_type(float))), layer_numbers(net))


def _drawn(jobs: list[Job], nets: list[Layer], places: list[list[int]]) -> dict[int, Any]:
    """The first weights that each network would draw by itself, by the place of the job."""
    one, waiting, found = example(jobs[places[0][0]].tables), [], {}
    options = tuple(compiled.OPTIONS.items())
    for net, own in zip(nets, places, strict=True):
        mine = [place for place in own if jobs[place].start is None]
        if mine:
            impl, seeds = jobs[mine[0]].recipe.key_impl, np.concatenate([jobs[place].seed for place in mine])
            keys, inverse = np.unique(seeds, axis=0, return_inverse=True)
            waiting.append((mine, inverse.reshape(-1), keys, _initial(net, one, impl, len(keys), _x64(), options)))
    for mine, inverse, keys, draw in waiting:
        weights = jax.device_get(draw.result()(keys))
        for place, i in zip(mine, inverse, strict=True):
            found[place] = jax.tree.map(lambda leaf, i=i: leaf[i], weights)
    return found


@lru_cache(64)
def _initial(
    net: Layer, one: jax.ShapeDtypeStruct, impl: str, count: int, x64: bool, options: tuple[tuple[str, Any], ...]
) -> Future:
    """`init` of a network for several keys, on its way to be compiled."""

    def draw(words: Any) -> Any:
        return jax.lax.map(lambda seed: net.init(fold_in(jax.random.wrap_key_data(seed, impl=impl), 0), one), words)

    width = jax.eval_shape(lambda: jax.random.key_data(jax.random.key(0, impl=impl))).shape
    lowered = jax.jit(draw).lower(jax.ShapeDtypeStruct((count, *width), np.uint32))
    pool = ThreadPoolExecutor(1)  # XLA lets go of Python's lock while it compiles
    compiling = pool.submit(lowered.compile, dict(options))
    pool.shutdown(wait=False)
    return compiling
