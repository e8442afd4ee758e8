"""Every intermediate of one pass forward and back, by name: what a lecturer writes on the board."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn import activations
from jaxnn.backprop.engine import mean_loss
from jaxnn.backprop.rules import pullback, rule_of, watching
from jaxnn.backprop.tracetable import table
from jaxnn.layers import Activation
from jaxnn.layers.base import Layer, as_float, children, walk
from jaxnn.pytypes import Array, Key, Params, State

SHORT = {"kernel": "w", "bias": "b"}
"""How the board calls parameters; any other is called by its own name."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, repr=False)
class LayerTrace:
    """What passed through one layer: forward x -> y, back dE/dy -> dE/dx and dE/dparams.

    y is z, the weighted sum, of a layer with a kernel, and a, the activation, of an `Activation`; `dy` is accordingly
    delta = dE/dz, or dE/da.
    """

    path: str = field(metadata={"static": True})
    layer: Any = field(metadata={"static": True})
    number: int = field(metadata={"static": True})
    """Which layer of the network, from 1 on: a layer with parameters and those without any that follow it."""
    x: Any
    y: Array
    dy: Array
    dx: Array | None
    """None where x is of whole numbers, which have no gradient."""
    slope: Array | None
    """da/dz of an activation, of the shape of z; of softmax da_i/dz_j, at [..., i, j]."""
    params: Params
    grads: Params
    updates: Params | None
    """-eta dE/dparams."""
    new_params: Params | None

    @property
    def symbol(self) -> str:
        """How the board calls the output: z, a, or y."""
        return "a" if isinstance(self.layer, Activation) else "z" if "kernel" in self.params else "y"

    def forward(self) -> Iterator[tuple[str, str, Array]]:
        """Yield symbol, words and numbers of the forward pass."""
        if self.symbol != "a":
            yield "x", "input", self.x
        for name, leaf in leaves(self.params):
            yield name, {"w": "weights", "b": "biases"}.get(name, "parameters"), leaf
        words = {"z": "weighted sum and bias", "a": "activation", "y": "output"}
        yield self.symbol, words[self.symbol], self.y

    def backward(self) -> Iterator[tuple[str, str, Array]]:
        """Yield symbol, words and numbers of the backward pass."""
        if self.symbol == "z":
            yield "delta", "dE/dz", self.dy
        else:
            yield f"dE/d{self.symbol}", f"by the {'activation' if self.slope is not None else 'output'}", self.dy
        if self.slope is not None:
            yield "da/dz", "slope of the activation", self.slope
        for name, leaf in leaves(self.grads):
            yield f"dE/d{name}", f"gradient of {name}", leaf
        for name, leaf in leaves(self.updates or {}):
            yield f"-eta dE/d{name}", f"update of {name}", leaf
        for name, leaf in leaves(self.new_params or {}):
            yield f"{name} new", f"{name} after", leaf
        if self.dx is not None:
            name, words = ("z", "by the weighted sum") if self.symbol == "a" else ("x", "by the input")
            yield f"dE/d{name}", words, self.dx


@jax.tree_util.register_dataclass
@dataclass(frozen=True, repr=False)
class Trace:
    """One pass forward and back, layer by layer; a pytree, and a table when it is printed.

    `trace["dense_0"]` is what passed through one layer, `named()` everything by the symbols of the board.

    >>> import jaxnn as nn
    >>> net, params = nn.Chain(nn.Dense(1)), {"dense_0": {"kernel": jnp.array([[2.0]]), "bias": jnp.array([1.0])}}
    >>> done = trace(net, nn.losses.half_squared_error, params, {}, jnp.array([[3.0]]), jnp.array([[5.0]]))
    >>> print(done.value, done["dense_0"].dy, jax.tree.map(lambda a: a * 2, done).value)
    2.0 [[2.]] 4.0
    """

    layers: tuple[LayerTrace, ...]
    """In the order in which they ran."""
    targets: Any
    outputs: Array
    losses: Array
    """L, one for each example, or for each position of it."""
    value: Array
    """E, their mean."""
    doutputs: Array
    """dE/doutputs."""
    grads: Params
    """dE/dparams of the whole network."""
    updates: Params | None
    """-eta dE/dparams; None without a learning rate."""
    new_params: Params | None
    state: State
    """After the pass."""
    net: Any = field(metadata={"static": True})
    loss: Any = field(metadata={"static": True})

    def __getitem__(self, path: str) -> LayerTrace:
        """Return what passed through the layer at a path, such as "dense_0"."""
        return {one.path: one for one in self.layers}[path]

    def named(self) -> dict[str, dict[str, Array]]:
        """Return every number by layer and by symbol.

        Returns:
            A dict from path, and "loss", to a dict from symbol to array.

        >>> import jaxnn as nn
        >>> params = {"activation_0": {}, "dense_0": {"kernel": jnp.array([[2.0]])}}
        >>> net = nn.Chain(nn.Dense(1, use_bias=False), nn.relu)
        >>> one = trace(net, nn.losses.half_squared_error, params, {}, jnp.ones((1, 1)), jnp.ones((1, 1)))
        >>> {path: list(numbers) for path, numbers in one.named().items()}["dense_0"]
        ['x', 'w', 'z', 'delta', 'dE/dw', 'dE/dx']
        """
        named = {one.path: {name: leaf for name, _, leaf in [*one.forward(), *one.backward()]} for one in self.layers}
        return named | {"loss": {"t": self.targets, "L": self.losses, "E": self.value, "dE/dy": self.doutputs}}

    def __str__(self) -> str:
        return table(self)

    def __repr__(self) -> str:
        return f"<Trace of {self.net!r}; print it>"


def trace(
    net: Layer, loss: Any, params: Params, state: State, x: Any, y: Any, *, learning_rate: Any = None,
    train: bool = False, key: Key | None = None, mask: Array | None = None, weight: Array | None = None,
) -> Trace:  # fmt: skip
    """Run one pass forward and back by the hand-written rules, and keep every intermediate by name.

    `z = x w + b, a = f(z), E = mean L(a, t); delta = dE/dz = dE/da da/dz, dE/dw = x^T delta, w_new = w - eta dE/dw`

    It is a pure function: jit, vmap and scan apply to it.

    Args:
        net, loss: as for `value_and_grad`.
        params, state: weights.
        x, y: a minibatch.
        learning_rate: eta of one step of gradient descent; None leaves the update out.
        train, key, mask, weight: as for `value_and_grad`.

    Returns:
        A `Trace`; `print` shows it as a table, `plots.network` draws it.

    Raises:
        JaxnnError: if a layer or the loss has no rule, or something does not fit.

    >>> import jaxnn as nn
    >>> net = nn.Chain(nn.Dense(1), nn.relu)
    >>> params = {"dense_0": {"kernel": jnp.array([[2.0], [-1.0]]), "bias": jnp.array([0.5])}}
    >>> done = trace(net, nn.losses.half_squared_error, params, {}, jnp.array([[1.0, 2.0]]), jnp.array([[1.0]]))
    >>> print(done["dense_0"].y, done["activation_0"].dy, done["dense_0"].grads["kernel"].ravel())
    [[0.5]] [[-0.5]] [-0.5 -1. ]
    """
    x = jnp.asarray(x)
    heard: list[tuple[Any, ...]] = []
    alone = "" if children(net) else type(net).__name__.lower()  # a layer by itself has no name
    with watching(lambda *told: heard.append(told)):
        outputs, after, pull = pullback(net, params, state, x, train=train, key=key, mask=mask, name=alone)
        mean = mean_loss(loss, outputs, y, weight, mask)
        grads, _ = pull(mean.doutputs)
    updates = new = None
    if learning_rate is not None:
        updates = jax.tree.map(lambda g: -jnp.asarray(learning_rate, g.dtype) * g, grads)
        new = jax.tree.map(jnp.add, params, updates)
    trees = [tree if not alone or tree is None else {alone: tree} for tree in (params, updates, new)]
    places = {where: i for i, (where, _) in enumerate(walk(net))}  # branches need not come back in reverse
    heard.reverse()
    heard.sort(key=lambda told: places.get("/".join(told[0]), len(places)))
    layers = tuple(_layer_traces(heard, *trees))
    told = (mean.losses, mean.value, mean.doutputs)
    return Trace(layers, y, outputs, *told, grads, updates, new, after, net, loss)


def _layer_traces(heard: list[tuple[Any, ...]], *trees: Params | None) -> Iterator[LayerTrace]:
    """What was heard of the layers that hold no others, in the order in which they ran."""
    paths = ["/".join(path) for path, *_ in heard]
    number, trained = 1, False
    for path, layer, own, x, y, dy, grads, dx in heard:
        where = "/".join(path)
        if any(other.startswith(f"{where}/") for other in paths):
            continue  # it only holds layers, which are there themselves
        if own and trained:
            number += 1
        trained = trained or bool(own)
        params, updates, new = (None if tree is None else _at(tree, path) for tree in trees)
        yield LayerTrace(
            where, layer, number, x, y, dy, dx if jnp.issubdtype(dx.dtype, jnp.inexact) else None, _slope(layer, x),
            params or own, grads, updates, new,
        )  # fmt: skip


def _at(tree: Params, path: tuple[str, ...]) -> Params:
    """The part of a tree that belongs to a layer; {} for one that has none of its own, such as a tied one."""
    for name in path:
        tree = tree.get(name, {})
    return tree


def _slope(layer: Any, z: Array) -> Array | None:
    """da/dz of an activation: what its rule makes of dE/da = 1."""
    if not isinstance(layer, Activation):
        return None
    a, pull = rule_of(layer.function)(layer.function, as_float(z))
    if layer.function is not activations.softmax:  # each number by itself
        return pull(jnp.ones_like(a))
    each = jnp.eye(a.shape[-1], dtype=a.dtype)  # dE/da = 1 for one class at a time
    return jnp.stack([pull(jnp.broadcast_to(one, a.shape)) for one in each], axis=-2)


def leaves(params: Params) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of nested dicts, kernel before bias, called as on the board.

    >>> import numpy as np
    >>> [name for name, _ in leaves({"bias": np.zeros(1), "kernel": np.ones(1), "scale": np.ones(1)})]
    ['w', 'b', 'scale']
    """
    found = [([str(key.key) for key in path], leaf) for path, leaf in jax.tree.leaves_with_path(params)]
    for names, leaf in sorted(found, key=lambda pair: (pair[0][:-1], pair[0][-1] != "kernel")):
        yield "/".join([*names[:-1], SHORT.get(names[-1], names[-1])]), leaf
