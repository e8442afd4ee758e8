"""What a network is made of, in words and numbers."""

import math
from dataclasses import dataclass

import jax

from jaxnn.layers.base import Layer, children, output_of
from jaxnn.pytypes import Example, Params


@dataclass(frozen=True)
class Row:
    """One layer: its path, how it prints, the shape of one output, and its number of parameters."""

    path: str
    layer: str
    output: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class Summary:
    """The layers of a network in the order in which they run; prints as a table.

    >>> import jax.numpy as jnp, jaxnn as nn
    >>> nn.summary(nn.Dense(4), jnp.zeros(3)).parameters
    16
    """

    input: tuple[int, ...]
    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """The number of parameters of the whole network."""
        return sum(row.parameters for row in self.rows)

    def __str__(self) -> str:
        cells = [("layer", "", "output", "parameters"), ("input", "", str(self.input), "")]
        cells += [(row.path, row.layer, str(row.output), f"{row.parameters:,}") for row in self.rows]
        cells += [("all", "", "", f"{self.parameters:,}")]
        widths = [max(len(row[column]) for row in cells) for column in range(4)]
        lines = [
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False)), row[3].rjust(widths[3])]
            )
            for row in cells
        ]
        return "\n".join(line.rstrip() for line in lines)


def summary(net: Layer, example: Example) -> Summary:
    """List a network's layers with output shapes and numbers of parameters, without computing anything.

    Args:
        net: the network; the layers inside its `Chain`s are listed one by one.
        example: one example without a batch axis, or its shape and dtype.

    Returns:
        A `Summary`; `print` shows it as a table.

    Raises:
        JaxnnError: if the layers do not fit each other or the example.

    >>> import jax, jax.numpy as jnp, jaxnn as nn
    >>> print(nn.summary(nn.Chain(nn.Dense(4), nn.sigmoid, nn.Dense(1)), jnp.zeros(3)))
    layer                   output  parameters
    input                   (3,)
    dense_0       Dense(4)  (4,)            16
    activation_0  sigmoid   (4,)             0
    dense_1       Dense(1)  (1,)             5
    all                                     21
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    params, state = jax.eval_shape(lambda k: net.init(k, example), key)
    return Summary(tuple(example.shape), tuple(_rows("", net, params, state, example)[0]))


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


def _rows(path: str, layer: Layer, params: Params, state: dict, example: Example) -> tuple[list[Row], Example]:
    output = output_of(layer, params, state, example)
    inside = children(layer)
    if not inside:
        return [Row(path or type(layer).__name__.lower(), repr(layer), tuple(output.shape), count(params))], output
    rows: list[Row] = []
    for name, child in inside.items():
        here = f"{path}/{name}" if path else name
        more, example = _rows(here, child, params.get(name, {}), state.get(name, {}), example)
        rows += more
    return rows, output
