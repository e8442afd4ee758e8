"""Networks whose hidden layers differ in width, padded to the widest, so that they share one compiled program.

Padded features, their weights and the gradients of both are exactly 0 at every step. Forward, the columns of the kernel
and the biases that make them are 0, so z is 0; what stands before the next `Dense` takes zeros to zeros (`truewidth`).
Backward, the rows of the next kernel are 0, so no gradient comes through them; their own gradient is a sum of products
with features that are 0. A weight of 0 whose gradients are 0 stays 0 under `L1`, `L2` and clipping, and in every
optimiser of `jaxnn.optimizers` but `Given`: a user's own may move it, or look at shapes, as a user's own penalty may.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxnn.layers.base import Layer, children
from jaxnn.layers.combinators import Chain
from jaxnn.layers.linear import Dense
from jaxnn.population.truewidth import at_width


def padded(nets: Sequence[Layer], example: jax.ShapeDtypeStruct) -> list[Layer] | None:
    """Return for every network one that is equal to all the others and computes what that network computes.

    Networks may differ in the features of `Dense` layers of a `Chain`, or of one inside it. Between such a `Dense`
    and the next one may stand activations of jaxnn that work on each number alone, `Dropout`, `GaussianNoise`,
    `BatchNorm` and, of rank 1, `LayerNorm` and `RMSNorm`. The weights come from `pad`: `init` would draw those of the
    widest.

    Args:
        nets: at least one.
        example: shape and dtype of one example; as the layers above work on the last axis, it decides nothing.

    Returns:
        Networks with the same children's names and parameters; the true width is a number of the layers that need it.
        The networks as they are if all are equal, None if they cannot be padded to one.

    >>> import jaxnn as nn
    >>> nets = [nn.Chain(nn.Dense(n), nn.sigmoid, nn.Dense(2)) for n in (3, 8)]
    >>> padded(nets, jax.ShapeDtypeStruct((4,), "float32"))[0]
    Chain(Dense(8), ('activation_0', TrueActivation(sigmoid, width=3.0)), Dense(2))
    """
    if _alike(nets):
        return list(nets)
    inside = [children(net) for net in nets]
    if any(type(net) is not Chain for net in nets) or not _alike([list(each) for each in inside]):
        return None
    made: list[list[Layer]] = []
    widths: list[int] | None = None  # of what reaches a child; None where it is not padded
    for column in zip(*(each.values() for each in inside), strict=True):  # one child of every network
        if all(type(layer) is Dense for layer in column):
            features = [layer.features for layer in column]
            widths = None if len(set(features)) == 1 else features
            new: Any = [dataclasses.replace(layer, features=max(features)) for layer in column]
        elif widths is not None:
            new = [at_width(layer, width) for layer, width in zip(column, widths, strict=True)]
        else:
            new = padded(column, example)
        if new is None or None in new or not _alike(new):
            return None
        made.append(new)
    if widths is not None:
        return None
    return [Chain(*zip(inside[0], layers, strict=True)) for layers in zip(*made, strict=True)]


def _alike(ones: Sequence[Any]) -> bool:
    return all(one == ones[0] for one in ones)


def pad(weights: Any, shapes: Any) -> Any:
    """Return a network's weights as those of the padded network.

    Args:
        weights: `(params, state)` of the network, arrays without an axis of members.
        shapes: `(params, state)` of the padded network, of `jax.ShapeDtypeStruct`.

    Returns:
        `(params, state)` of NumPy arrays of these shapes and dtypes: zeros after the weights on every axis, and zeros
        for what the network does not have, the numbers, which the run puts in.

    >>> shapes = ({"kernel": jax.ShapeDtypeStruct((1, 3), "float32")}, {"width": jax.ShapeDtypeStruct((), "float32")})
    >>> pad(({"kernel": np.ones((1, 2))}, {}), shapes)
    ({'kernel': array([[1., 1., 0.]], dtype=float32)}, {'width': array(0., dtype=float32)})
    """
    if isinstance(shapes, dict):
        own = {} if weights is None else weights
        return {name: pad(own.get(name), inside) for name, inside in shapes.items()}
    if isinstance(shapes, tuple | list):
        return tuple(pad(own, inside) for own, inside in zip(weights, shapes, strict=True))
    out = np.zeros(shapes.shape, shapes.dtype)
    if weights is not None:
        _corner(out, weights)[...] = weights
    return out


def cut(weights: Any, shapes: Any) -> Any:
    """Return a padded network's weights as those of the network, the reverse of `pad`.

    Args:
        weights: `(params, state)` of the padded network, arrays without an axis of members.
        shapes: `(params, state)` of the network, of `jax.ShapeDtypeStruct` or arrays.

    Returns:
        `(params, state)` of NumPy arrays, views into those of the padded network.

    >>> weights = ({"kernel": np.array([[1.0, 1.0, 0.0]])}, {"width": np.array(2.0)})
    >>> cut(weights, ({"kernel": jax.ShapeDtypeStruct((1, 2), "float32")}, {}))
    ({'kernel': array([[1., 1.]])}, {})
    """
    if isinstance(shapes, dict):
        return {name: cut(weights[name], inside) for name, inside in shapes.items()}
    if isinstance(shapes, tuple | list):
        return tuple(cut(own, inside) for own, inside in zip(weights, shapes, strict=True))
    return _corner(np.asarray(weights), shapes)


def _corner(array: np.ndarray, shape_of: Any) -> np.ndarray:
    """The view of the first elements of every axis, as many as something else has."""
    return array[(*map(slice, shape_of.shape), ...)]
