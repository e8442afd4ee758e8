"""From scikit-learn's words for a multilayer perceptron to a `Chain`, and from its lists of weights to parameters."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from jaxnn import activations
from jaxnn.initializers import LecunNormal
from jaxnn.layers import BatchNorm, Chain, Dense, Dropout
from jaxnn.ops import fold_in
from jaxnn.pytypes import Params, State
from jaxnn.train.prepare import weight_shapes

ACTIVATIONS = {"logistic": activations.sigmoid}
"""scikit-learn's names that are not ours."""


def activation_named(name: Any) -> Any:
    """Return an activation by scikit-learn's or our name, or the function that was given.

    >>> activation_named("logistic") is activations.sigmoid
    True
    """
    return ACTIVATIONS.get(name) or activations.by_name(name) if isinstance(name, str) else name


def perceptron(
    hidden: Sequence[int], outputs: int, hidden_activations: Sequence[Any], dropout: Sequence[float], batch_norm: bool,
    init: Any,
) -> Chain:  # fmt: skip
    """Return the network: dense, batch norm if asked for, activation, dropout above 0; and a dense output.

    Args:
        hidden: widths of the hidden layers.
        outputs: width of the output.
        hidden_activations: of each hidden layer, functions.
        dropout: the share dropped of each hidden layer's activations.
        batch_norm: True normalises what each activation takes.
        init: how kernels are drawn, or None where they are drawn as scikit-learn does.

    Returns:
        The network.

    >>> perceptron((5,), 2, [activations.tanh], [0.1], True, None)
    Chain(Dense(5), BatchNorm(), tanh, Dropout(rate=0.1), Dense(2))
    """
    kernel_init = LecunNormal() if init is None else init
    norm = [BatchNorm()] if batch_norm else []
    layers: list[Any] = []
    for width, activation, rate in zip(hidden, hidden_activations, dropout, strict=True):
        layers += [Dense(width, kernel_init=kernel_init), *norm, activation]
        layers += [Dropout(rate)] if rate > 0 else []
    return Chain(*layers, Dense(outputs, kernel_init=kernel_init))


def hidden_part(net: Chain, hidden: int) -> Chain:
    """Return the part of a network up to the activations of its hidden layer of a number.

    Args:
        net: of `perceptron`.
        hidden: 1 for the first hidden layer; 0 for the inputs themselves.

    Returns:
        A network that takes the same parameters.

    >>> hidden_part(perceptron((5, 4), 2, [activations.tanh] * 2, [0.0, 0.0], False, None), 1)
    Chain(Dense(5), tanh)
    """
    ends = [i for i, (name, _) in enumerate(net.layers) if name.startswith("activation")]
    return Chain(*(net.layers[: ends[hidden - 1] + 1] if hidden else ()))


def drawn(random: np.random.RandomState, widths: Sequence[int], names: Sequence[Any], dtype: Any) -> Any:
    """Draw kernels and biases as scikit-learn does, number for number: uniform, Glorot's bound, biases too.

    `|w| <= sqrt(f / (in + out))` with f = 2 for "logistic", else 6.

    Args:
        random: the generator; the same seed gives scikit-learn's weights.
        widths: of inputs, hidden layers and outputs.
        names: of each layer's activation as the user gave them, the output's that of the layer before.
        dtype: of the weights.

    Returns:
        A list of kernels `(in, out)`, and one of biases `(out,)`.
    """
    kernels, biases = [], []
    factors = [2.0 if name in ("logistic", activations.sigmoid) else 6.0 for name in names]
    for inputs, outputs, factor in zip(widths[:-1], widths[1:], factors, strict=True):
        bound = np.sqrt(factor / (inputs + outputs))
        kernels.append(random.uniform(-bound, bound, (inputs, outputs)).astype(dtype, copy=False))
        biases.append(random.uniform(-bound, bound, outputs).astype(dtype, copy=False))
    return kernels, biases


def with_dense(params: Params, kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> Params:
    """Return parameters with these kernels and biases in the dense layers, in order.

    >>> with_dense({"batch_norm_0": {}}, [np.ones((1, 1))], [np.zeros(1)])["dense_0"]["bias"]
    array([0.])
    """
    pairs = zip(kernels, biases, strict=True)
    return params | {f"dense_{i}": {"kernel": kernel, "bias": bias} for i, (kernel, bias) in enumerate(pairs)}


def initial(net: Chain, shape: tuple[int, ...], dtype: Any, seed: int) -> tuple[Params, State]:
    """Draw a network's own weights, on the host.

    Args:
        net: the network.
        shape: of one example.
        dtype: of one example.
        seed: of the draw.

    Returns:
        `(params, state)` of NumPy arrays.
    """
    return jax.device_get(_initialised(net, shape, str(np.dtype(dtype)))(np.uint32(seed)))


def constant(net: Chain, shape: tuple[int, ...], dtype: Any) -> State:
    """Return the state of a network whose state is numbers alone (rates of dropout), without running a program.

    A run puts the numbers of its own network in their place.
    """
    shapes = weight_shapes(net, jax.ShapeDtypeStruct(shape, dtype), np.dtype(dtype) == np.float64)[1]
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)


@lru_cache(64)
def _initialised(net: Chain, shape: tuple[int, ...], dtype: str) -> Any:
    example = jax.ShapeDtypeStruct(shape, dtype)
    return jax.jit(lambda seed: net.init(fold_in(jax.random.key(seed), 0), example))
