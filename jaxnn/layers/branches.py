"""Layers that run side by side on one input."""

from collections.abc import Callable
from typing import Any, Literal

import jax.numpy as jnp

from jaxnn.activations import identity
from jaxnn.checks import fail, one_of
from jaxnn.config import config
from jaxnn.layers.activation import Activation
from jaxnn.layers.base import Layer, inside, memory, output_of, run_child, step
from jaxnn.layers.combinators import as_layer, named, words_of
from jaxnn.ops import fold_in
from jaxnn.pytypes import Array, Example, Key, Memory, Params, State


class _Branches:
    """What layers that run on one input have in common; each says which they are and how outputs are joined."""

    how: Any

    def children(self) -> dict[str, Layer]:
        """Return the layers by name."""
        raise NotImplementedError

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Initialise every layer for the example."""
        params: Params = {}
        state: State = {}
        shapes = []
        for i, (name, layer) in enumerate(self.children().items()):
            with inside(name, layer, example.shape):
                own_params, own_state = layer.init(fold_in(key, i), example)
                shapes.append(output_of(layer, own_params, own_state, example).shape)
            params |= {name: own_params} if own_params else {}
            state |= {name: own_state} if own_state else {}
        if len({shape if self.how == "add" else shape[:-1] for shape in shapes}) > 1:
            needed = "outputs of one shape" if self.how == "add" else "outputs that differ in the last axis alone"
            fail(repr(self), f"outputs of shapes {' and '.join(map(str, shapes))}", needed)
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return the outputs joined, and the state after all layers."""
        outputs, after = self.run(params, state, x, train=train, key=key, mask=mask)
        return self.joined(outputs), after

    def run(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
        child: Callable[..., tuple[Array, State]] = run_child,
    ) -> tuple[list[Array], State]:
        """Return the output of every layer, and the state after all of them.

        Args:
            params, state, x, train, key, mask: as for `apply`.
            child: what runs a child, a function as `base.run_child`.
        """
        outputs, after = [], dict(state)
        for i, (name, layer) in enumerate(self.children().items()):
            own, own_key = (params.get(name, {}), state.get(name, {})), None if key is None else fold_in(key, i)
            y, own_state = child(name, layer, *own, x, train=train, key=own_key, mask=mask)
            outputs.append(y)
            after |= {name: own_state} if name in state else {}
        return outputs, after

    def memory(self, params: Params, state: State, batch_shape: tuple[int, ...]) -> Memory:
        """Return what the layers know before the first position, by name."""
        made = {
            name: memory(layer, params.get(name, {}), state.get(name, {}), batch_shape)
            for name, layer in self.children().items()
        }
        return {name: own for name, own in made.items() if own}

    def step(self, params: Params, state: State, memory: Memory, x: Array) -> tuple[Array, Memory]:
        """Return the outputs for one position joined, and what the layers know after it."""
        outputs, memory = [], dict(memory)
        for name, layer in self.children().items():
            with inside(name, layer, x.shape):
                y, after = step(layer, params.get(name, {}), state.get(name, {}), memory.get(name, {}), x)
            outputs.append(y)
            memory |= {name: after} if after else {}
        return self.joined(outputs), memory

    def joined(self, outputs: list[Array]) -> Array:
        """Return the outputs side by side or added."""
        return sum(outputs[1:], outputs[0]) if self.how == "add" else jnp.concatenate(outputs, axis=-1)


@config
class Parallel(_Branches):
    """Layers that all get the same input; their outputs are concatenated or added.

    `y = [f_0(x), f_1(x), ...]` along the last axis, or `y = f_0(x) + f_1(x) + ...`

    Args:
        *layers: layers, functions of one array, or pairs `("name", layer)`; named as in a `Chain`.
        how: "concatenate" (the last axis) or "add".

    Input: what all of them take; output: their outputs joined.

    Raises:
        JaxnnError: if there is no layer, something is none, or the outputs do not fit each other.

    >>> import jax, jax.numpy as jnp, jaxnn as nn
    >>> net = nn.Parallel(nn.Dense(4), nn.relu)
    >>> params, state = net.init(jax.random.key(0), jnp.zeros(3))
    >>> net.apply(params, state, jnp.ones((5, 3)))[0].shape
    (5, 7)
    """

    layers: tuple[tuple[str, Layer], ...]
    how: Literal["concatenate", "add"]

    def __init__(self, *layers: Any, how: Literal["concatenate", "add"] = "concatenate") -> None:
        object.__setattr__(self, "layers", named("Parallel", layers))
        object.__setattr__(self, "how", one_of("Parallel.how", how, ["concatenate", "add"]))
        if not layers:
            fail("Parallel", "no layer", "at least one")

    def __repr__(self) -> str:
        words = words_of(self.layers) + ([] if self.how == "concatenate" else [f"how={self.how!r}"])
        return f"Parallel({', '.join(words)})"

    def children(self) -> dict[str, Layer]:
        """Return the layers by name."""
        return dict(self.layers)


@config
class Residual(_Branches):
    """A layer whose input is added to its output.

    `y = x + f(x)`, or `y = s(x) + f(x)` with a shortcut s where f changes the shape.

    Args:
        layer: f, a layer or a function of one array.
        shortcut: s, such as a 1x1 convolution; None for x itself.

    Input: what `layer` takes; output: its shape. Parameters: `layer`, and `shortcut` where it has any.

    Raises:
        JaxnnError: if the two outputs have different shapes.

    Reference: K. He and others, "Deep Residual Learning for Image Recognition", 2016.

    >>> import jax, jax.numpy as jnp, jaxnn as nn
    >>> Residual(nn.relu).apply({}, {}, jnp.array([-1.0, 2.0]))[0].tolist()
    [-1.0, 4.0]
    """

    how = "add"
    layer: Layer
    shortcut: Layer | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layer", as_layer("Residual.layer", self.layer))
        if self.shortcut is not None:
            object.__setattr__(self, "shortcut", as_layer("Residual.shortcut", self.shortcut))

    def children(self) -> dict[str, Layer]:
        """Return the layer and the shortcut."""
        return {"layer": self.layer, "shortcut": Activation(identity) if self.shortcut is None else self.shortcut}
