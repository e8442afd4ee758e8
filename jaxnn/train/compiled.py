"""The programs of this process: each compiled once for its recipe and shapes, the last 64 kept."""

from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax

from jaxnn.train import program
from jaxnn.train.program import Recipe

KEPT = 64
"""Programs kept; the least recently used goes first."""


OPTIONS: dict[str, Any] = {}
"""Options of XLA's compiler, by the names of its flags; results do not depend on them, beyond rounding."""


class Program(NamedTuple):
    """The compiled functions of one recipe for one set of shapes."""

    init: Any
    """`(seeds, hyper, data, start) -> TrainState`"""
    chunk: Any
    """`(TrainState, data, hyper, steps) -> TrainState, logs`"""
    first: Any
    """Shapes and dtypes of the state that `init` makes."""


class Pending(NamedTuple):
    """A program that is being compiled."""

    init: Future
    chunk: Future
    first: Any

    def program(self) -> Program:
        """Wait for it."""
        return Program(self.init.result(), self.chunk.result(), self.first)


def compiled(recipe: Recipe, seeds: Any, hyper: Any, data: Any, start: Any, steps: Any, device: Any = None) -> Program:
    """Return the program for a recipe and arguments of these shapes, compiling it if this process has not yet.

    Args:
        recipe: the run.
        seeds, hyper, data, start, steps: the arguments; their values do not matter, only shapes and dtypes.
        device: on which it runs; None for JAX's default.

    Returns:
        The program.

    Raises:
        JaxnnError: if the network, the loss and the data do not fit each other.
    """
    return pending(recipe, seeds, hyper, data, start, steps, device).program()


def pending(recipe: Recipe, seeds: Any, hyper: Any, data: Any, start: Any, steps: Any, device: Any = None) -> Pending:
    """Begin to compile what `compiled` returns, so that several programs are compiled side by side.

    Args:
        recipe, seeds, hyper, data, start, steps, device: as for `compiled`.

    Returns:
        The program to wait for.

    Raises:
        JaxnnError: if the network, the loss and the data do not fit each other.
    """
    return _compile(recipe, _Shapes((seeds, hyper, data, start, steps)), _settings(), device)


class _Shapes:
    """Shapes and dtypes of a pytree of arrays, hashable."""

    def __init__(self, tree: Any) -> None:
        self.tree = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), tree)
        leaves, structure = jax.tree.flatten(self.tree)
        self.identity: Hashable = (structure, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves))

    def __hash__(self) -> int:
        return hash(self.identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shapes) and self.identity == other.identity


def _settings() -> tuple[Hashable, ...]:
    """The settings of JAX that a compiled program depends on beside its arguments."""
    names = ("default_matmul_precision", "default_device", "enable_x64", "threefry_partitionable")
    return (*(str(getattr(jax.config, f"jax_{name}")) for name in names), *sorted(OPTIONS.items()))


@lru_cache(KEPT)
def _compile(recipe: Recipe, shapes: _Shapes, settings: tuple[Hashable, ...], device: Any) -> Pending:
    """Trace both functions here, compile them side by side: half of a cold start is `init` (measured.md)."""
    where = None if device is None else jax.sharding.SingleDeviceSharding(device)
    seeds, hyper, data, start, steps = _placed(shapes.tree, where)
    init = jax.jit(partial(program.init_members, recipe)).lower(seeds, hyper, data, start)
    now = init.out_info
    now = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), now)
    chunk = jax.jit(partial(program.chunk_members, recipe)).lower(_placed(now, where), data, hyper, steps)
    # XLA lets go of Python's lock while it compiles
    pool = ThreadPoolExecutor(2)
    futures = [pool.submit(lowered.compile, dict(OPTIONS)) for lowered in (init, chunk)]
    pool.shutdown(wait=False)
    return Pending(*futures, first=now)


def _placed(tree: Any, where: Any) -> Any:
    if where is None:
        return tree
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where), tree)
