"""A network whose weights were computed, not learnt: what every construction returns, and what can be said of it."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import fail
from jaxnn.layers import Chain, Dense, Frozen, count
from jaxnn.layers.base import Layer, children
from jaxnn.pytypes import Array, Params, State


class Construction(NamedTuple):
    """A network with the weights that make it what it is: `net, params, state = construction`.

    `net` is an ordinary `Chain`. `state` is `{}` unless the network has wires: the chain and the tree of XORs lead
    inputs past their gates by frozen layers, which are not parameters.

    >>> net, params, state = layered([([[1.0], [1.0]], [-0.5])], jnp.sign)
    >>> net.apply(params, state, jnp.array([0.0, 1.0]))[0].tolist()
    [1.0]
    >>> layered([([[1.0], [1.0]], [-0.5])], jnp.sign)([[0.0, 0.0], [1.0, 1.0]]).tolist()
    [[-1.0], [1.0]]
    """

    net: Chain
    params: Params
    state: State

    def __call__(self, x: Any) -> Array:
        """Return the network's outputs `(..., outputs)` for inputs `(..., inputs)`."""
        return _forward(self.net)(self.params, self.state, jnp.asarray(x))


@lru_cache(64)
def _forward(net: Chain) -> Callable[[Params, State, Array], Array]:
    return jax.jit(lambda params, state, x: net.apply(params, state, x)[0])


class Size(NamedTuple):
    """How large a network of `Dense` layers is, in the words in which wide and deep ones are compared.

    >>> size_of(layered([(np.ones((2, 3)), np.ones(3)), (np.ones((3, 1)), [0.0])], jnp.sign))
    Size(units=4, hidden=3, parameters=13, depth=2)
    """

    units: int
    """Neurons, those of the output layer included."""
    hidden: int
    """Neurons without those of the output layer."""
    parameters: int
    """Weights and biases."""
    depth: int
    """Layers of neurons on the longest way from an input to the output."""


def layered(
    layers: Sequence[tuple[Any, Any]], activation: Callable[[Array], Array], linear: bool = False
) -> Construction:
    """Return a network of `Dense` layers with given weights.

    `a_l = activation(a_{l-1} @ kernel_l + bias_l)`

    Args:
        layers: for each layer its kernel `(in, out)` and its bias `(out,)`.
        activation: the function behind each layer.
        linear: True for no function behind the last one.

    Returns:
        The network, its weights in JAX's default float.

    >>> layered([([[1.0, 1.0]], [0.0, -1.0]), ([[1.0], [-2.0]], [0.5])], jnp.abs, linear=True)([2.0]).tolist()
    [0.5]
    """
    parts: list[Any] = []
    params: Params = {}
    for k, (kernel, bias) in enumerate(layers):
        params[f"dense_{k}"] = weights(kernel, bias)
        parts += [Dense(len(params[f"dense_{k}"]["bias"])), activation]
    return Construction(Chain(*(parts[:-1] if linear else parts)), params, {})


def weights(kernel: Any, bias: Any = None) -> Params:
    """Return the parameters of a `Dense` layer in JAX's default float.

    Args:
        kernel: `(in, out)`.
        bias: `(out,)`; None leaves it out.

    Returns:
        `{"kernel": ..., "bias": ...}`.

    >>> weights([[1, 2]], [3, 4])["bias"].tolist()
    [3.0, 4.0]
    """
    given = {"kernel": kernel} | ({} if bias is None else {"bias": bias})
    # device_put compiles nothing; jnp.asarray would compile a program for each shape
    return jax.device_put({name: np.asarray(leaf, jnp.result_type(float)) for name, leaf in given.items()})


def size_of(construction: Construction) -> Size:
    """Count the neurons, the parameters and the layers of a construction.

    A neuron is one output of a `Dense` layer; what is frozen (the wires that lead an input past a gate) is none, has no
    parameters, and makes nothing deeper. Side by side, neurons add and the deepest branch counts.

    Args:
        construction: a network of `Dense` layers, activations and wires.

    Returns:
        Its `Size`.

    >>> from jaxnn.neurons import parity_chain
    >>> size_of(parity_chain(8))
    Size(units=21, hidden=20, parameters=63, depth=14)
    """
    units, outputs, depth = _size(construction.net)
    return Size(units, units - outputs, count(construction.params), depth)


def _size(layer: Layer) -> tuple[int, int, int]:
    """Neurons, those of them in the last layer, and layers of neurons."""
    if isinstance(layer, Dense):
        return layer.features, layer.features, 1
    inside = [] if isinstance(layer, Frozen) else [_size(child) for child in children(layer).values()]
    units, outputs, depths = ([one[k] for one in inside] for k in range(3))
    if isinstance(layer, Chain):
        return sum(units), next((last for last in reversed(outputs) if last), 0), sum(depths)
    return sum(units), sum(outputs), max(depths, default=0)


def hyperplanes(params: Params) -> tuple[Array, Array]:
    """Return the hyperplanes that the neurons of a network's first layer draw through its inputs.

    Neuron k changes its sign where `w_k . x + b_k = 0`; its weights point to the side on which it is positive.

    Args:
        params: of a `Chain` whose first `Dense` layer is `dense_0`, or of one `Dense` layer.

    Returns:
        `w` `(neurons, inputs)` and `b` `(neurons,)`.

    Raises:
        JaxnnError: if the parameters are of neither.

    >>> from jaxnn.neurons import xor_network
    >>> w, b = hyperplanes(xor_network().params)
    >>> w.tolist(), b.tolist()
    ([[-1.0, 1.0], [1.0, -1.0]], [-0.5, -0.5])
    """
    own = params if "kernel" in params else params.get("dense_0", {})
    if "kernel" not in own:
        needed = "those of a Dense layer, or of a Chain whose first one is dense_0"
        fail("hyperplanes", f"parameters named {', '.join(params) or 'nothing'}", needed)
    kernel = jnp.asarray(own["kernel"])
    return kernel.T, jnp.asarray(own.get("bias", jnp.zeros(kernel.shape[1], kernel.dtype)))  # (in, out) -> (out, in)
