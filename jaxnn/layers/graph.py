"""Where the weights are in the picture of a network: on the edges; the biases at the nodes."""

from typing import Any, NamedTuple

import numpy as np

from jaxnn.checks import fail
from jaxnn.layers.activation import Activation
from jaxnn.layers.base import Layer, walk
from jaxnn.layers.combinators import Chain
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.linear import Dense
from jaxnn.pytypes import Params

Node = tuple[int, int]
"""A unit: the number of its layer, 0 for the inputs, and its place in it, from 0 on."""


class Edge(NamedTuple):
    """One weight, and what it joins: `kernel[source[1], target[1]]` of layer `target[0]`."""

    source: Node
    target: Node
    weight: float


def edges(net: Layer, params: Params) -> list[Edge]:
    """List the edges of a network of dense layers, each with its weight; there are as many as weights.

    Args:
        net: a `Chain` of `Dense` layers, with activations and dropout between them.
        params: its parameters.

    Returns:
        For each layer, the edges into its first unit, then those into its second, and so on.

    Raises:
        JaxnnError: if the network has other layers.

    >>> import jaxnn as nn
    >>> params = {"dense_0": {"kernel": np.array([[2.0, 3.0]]), "bias": np.array([0.0, 1.0])}}
    >>> edges(nn.Chain(nn.Dense(2), nn.relu), params)[1]
    Edge(source=(0, 0), target=(1, 1), weight=3.0)
    """
    kernels = [np.asarray(own["kernel"]) for own in _dense(net, params)]
    return [
        Edge((layer - 1, i), (layer, j), float(kernel[i, j]))
        for layer, kernel in enumerate(kernels, 1)
        for j in range(kernel.shape[1])
        for i in range(kernel.shape[0])
    ]


def nodes(net: Layer, params: Params) -> dict[Node, float | None]:
    """Return the units of a network of dense layers, each with its bias.

    Args:
        net: a `Chain` of `Dense` layers, with activations and dropout between them.
        params: its parameters.

    Returns:
        A dict from unit to bias; None for the inputs, which have none, and for a layer without biases.

    Raises:
        JaxnnError: if the network has other layers.

    >>> import jaxnn as nn
    >>> nodes(nn.Chain(nn.Dense(1)), {"dense_0": {"kernel": np.ones((2, 1)), "bias": np.array([0.5])}})
    {(0, 0): None, (0, 1): None, (1, 0): 0.5}
    """
    found: dict[Node, float | None] = {}
    for layer, own in enumerate(_dense(net, params), 1):
        inputs, outputs = np.shape(own["kernel"])
        found |= {(0, i): None for i in range(inputs)} if layer == 1 else {}
        found |= {(layer, j): float(own["bias"][j]) if "bias" in own else None for j in range(outputs)}
    return found


def _dense(net: Layer, params: Params) -> list[Params]:
    """The parameters of the dense layers, in the order in which they run."""
    found: list[Params] = []
    for path, layer in walk(net):
        own: Any = params
        for name in path.split("/") if path else []:
            own = own.get(name, {})
        if isinstance(layer, Dense):
            found.append(own)
        elif not isinstance(layer, Activation | Chain | Dropout):
            fail("edges", repr(layer), "a Chain of Dense layers, activations and dropout", "summary tells of any layer")
    return found
