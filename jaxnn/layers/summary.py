"""What a network is made of, in words and numbers."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax

from jaxnn.layers.base import Layer, listening, walk
from jaxnn.layers.sharing import Frozen, Tied
from jaxnn.pytypes import Array, Example, Params, State


class Cost(NamedTuple):
    """What one example costs in the forward pass: floating-point operations, and bytes read and written."""

    flops: int
    bytes: int


@dataclass(frozen=True)
class Row:
    """One layer: its path, how it prints, the shape of one output, and its number of parameters."""

    path: str
    layer: str
    output: tuple[int, ...]
    parameters: int
    frozen: int = 0
    """Parameters that are not trained."""
    measure: Callable[[], Cost] = field(default=lambda: Cost(0, 0), repr=False, compare=False)

    @property
    def flops(self) -> int:
        """Operations of the forward pass for one example; the first look compiles the layer, about 0.06 s."""
        return self.measure().flops

    @property
    def bytes(self) -> int:
        """Bytes that the forward pass for one example reads and writes, parameters included; compiles as `flops`."""
        return self.measure().bytes


@dataclass(frozen=True)
class Summary:
    """The layers of a network in the order in which they run; prints as a table.

    Operations and bytes are the compiler's count of each layer by itself, and cost a compilation of each kind of layer
    when they are first looked at or printed; all the rest comes from shapes alone.

    >>> import jax.numpy as jnp, jaxnn as nn
    >>> nn.summary(nn.Dense(4), jnp.zeros(3)).parameters
    16
    """

    input: tuple[int, ...]
    rows: tuple[Row, ...]
    parameters: int
    """The number of parameters of the whole network that are trained."""

    @property
    def flops(self) -> int:
        """Operations of the forward pass for one example, the sum over the layers."""
        return sum(row.flops for row in self.rows)

    @property
    def bytes(self) -> int:
        """Bytes that the layers read and write for one example, each by itself; a compiled network fuses some."""
        return sum(row.bytes for row in self.rows)

    @property
    def frozen(self) -> int:
        """The number of parameters that are not trained."""
        return sum(row.frozen for row in self.rows)

    def __str__(self) -> str:
        cells = [("layer", "", "output", "parameters", "frozen", "FLOPs", "bytes")]
        cells += [("input", "", str(self.input), "", "", "", "")]
        cells += [_cells(row.path, row.layer, str(row.output), row) for row in self.rows]
        cells += [_cells("all", "", "", self)]
        shown = [i for i in range(7) if i != 4 or self.frozen]
        widths = [max(len(row[i]) for row in cells) for i in range(7)]
        lines = (
            "  ".join(row[i].ljust(widths[i]) if i < 3 else row[i].rjust(widths[i]) for i in shown) for row in cells
        )
        return "\n".join(line.rstrip() for line in lines)


def summary(net: Layer, example: Example) -> Summary:
    """List a network's layers with output shapes, numbers of parameters and costs, without computing anything.

    Operations and bytes are those of one example's forward pass with `train=False`, as the compiler counts them; what a
    `lax.scan` repeats counts as often as it is repeated, a `while_loop` of unknown length once.

    Args:
        net: the network; the layers inside its layers are listed one by one.
        example: one example without a batch axis, or its shape and dtype.

    Returns:
        A `Summary`; `print` shows it as a table.

    Raises:
        JaxnnError: if the layers do not fit each other or the example.

    >>> import jax, jax.numpy as jnp, jaxnn as nn
    >>> print(nn.summary(nn.Chain(nn.Dense(4), nn.relu, nn.Frozen(nn.Dense(1))), jnp.zeros(3)))
    layer                     output  parameters  frozen  FLOPs  bytes
    input                     (3,)
    dense_0         Dense(4)  (4,)            16       0     28    124
    activation_0    relu      (4,)             0       0      4     32
    frozen_0/layer  Dense(1)  (1,)             0       5      8     40
    all                                       16       5     40    196
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    params, state = jax.eval_shape(lambda k: net.init(k, example), key)
    frozen, tied = (
        tuple(f"{path}/" for path, layer in walk(net, "net") if isinstance(layer, kind)) for kind in (Frozen, Tied)
    )
    rows: list[Row] = []

    def heard(path: tuple[str, ...], layer: Layer, params: Params, state: State, x: Any, y: Array) -> None:
        where = "/".join(path)
        if any(row.path.startswith(f"{where}/") for row in rows):
            return  # it only holds layers, which have run before it
        size, full = count(params), f"net/{where}"
        shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), (params, state, x))
        leaves, structure = jax.tree.flatten(shapes)
        trained, kept = 0 if full.startswith(frozen + tied) else size, size if full.startswith(frozen) else 0
        rows.append(
            Row(where, repr(layer), tuple(y.shape), trained, kept, partial(_cost_of, layer, tuple(leaves), structure))
        )

    with listening(heard):
        output = jax.eval_shape(lambda p, s, x: net.apply(p, s, x)[0], params, state, example)
    if not rows:
        heard((type(net).__name__.lower(),), net, params, state, example, output)
    return Summary(tuple(example.shape), tuple(rows), count(params))


def count(params: Params) -> int:
    """Return the number of parameters of a pytree of arrays or shapes.

    Args:
        params: a nested dict of arrays, or of their shapes and dtypes.

    Returns:
        The sum of the sizes of the leaves.

    >>> import numpy as np
    >>> count({"dense_0": {"kernel": np.zeros((3, 4)), "bias": np.zeros(4)}})
    16
    """
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def _cells(path: str, layer: str, output: str, counted: Row | Summary) -> tuple[str, ...]:
    numbers = (f"{number:,}" for number in (counted.parameters, counted.frozen, counted.flops, counted.bytes))
    return path, layer, output, *numbers


@lru_cache(maxsize=1024)
def _cost_of(layer: Layer, leaves: tuple[jax.ShapeDtypeStruct, ...], structure: Any) -> Cost:
    """Equal layers of equal shapes are compiled once."""
    return _cost(lambda *given: layer.apply(*given)[0], jax.tree.unflatten(structure, leaves))


def _cost(run: Callable[..., Any], shapes: Any) -> Cost:
    # compiled, not lowered: the same operations, but 6 times the bytes for a BatchNorm whose steps are not yet fused
    traced = jax.jit(run).trace(*shapes)
    said = traced.lower().compile().cost_analysis() or {}
    flops, size = int(said.get("flops", 0)), int(said.get("bytes accessed", 0))
    for scan in _scans(traced.jaxpr.jaxpr):
        body, length, unroll = (scan.params[name] for name in ("jaxpr", "length", "unroll"))
        more = length - min(length, unroll + length % unroll)  # the compiler counts the body of a loop once
        if more:
            from jax.extend.core import jaxpr_as_fun  # imports Pallas: a sixth of what `import jaxnn` adds to JAX's

            each = _cost(jaxpr_as_fun(body), [jax.ShapeDtypeStruct(one.shape, one.dtype) for one in body.in_avals])
            flops, size = flops + more * each.flops, size + more * each.bytes
    return Cost(flops, size)


def _scans(jaxpr: Any) -> Iterator[Any]:
    """The loops of known length in a program, those inside loops not."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            yield equation
            continue
        for value in equation.params.values():
            for one in value if isinstance(value, tuple | list) else [value]:
                inner = getattr(one, "jaxpr", one)
                if hasattr(inner, "eqns"):
                    yield from _scans(inner)
