"""Layers whose parameters are another layer's, or nobody's to train."""

from typing import Any

import jax

from jaxnn.checks import fail
from jaxnn.config import config
from jaxnn.layers.base import Layer, memory, run_child, step
from jaxnn.pytypes import Array, Example, Key, Memory, Params, State


@config
class Tied:
    """A layer that computes with the parameters of a sibling in the same `Chain`, and owns none.

    The parameters get the sum of the gradients of both uses.

    Args:
        to: the sibling's name, which stands before it in the `Chain`; "encoder/dense_0" for a layer inside a sibling.
        layer: the layer; it needs parameters of the sibling's names, shapes and dtypes.

    Input and output: those of `layer`. Parameters: none. State: the layer's.

    Raises:
        JaxnnError: outside a `Chain`, if no sibling has that name, or its parameters do not fit.

    Reference: O. Press and L. Wolf, "Using the Output Embedding to Improve Language Models", 2017.

    >>> import jax, jax.numpy as jnp, jaxnn as nn
    >>> net = nn.Chain(nn.Dense(3), nn.tanh, nn.Tied("dense_0", nn.Dense(3)))
    >>> params, state = net.init(jax.random.key(0), jnp.zeros(3))
    >>> nn.count(params)
    12
    """

    to: str
    layer: Layer

    def __post_init__(self) -> None:
        if not isinstance(self.to, str):
            fail("Tied.to", repr(self.to), "the name of a sibling, such as 'embedding_0'")
        if not isinstance(self.layer, Layer):
            fail("Tied.layer", repr(self.layer), "a layer")

    def children(self) -> dict[str, Layer]:
        """Return the layer, whose numbers lie in this one's state."""
        return {"layer": self.layer}

    def shared(self, params: Params) -> Params:
        """Return the sibling's parameters.

        Args:
            params: of the `Chain`.

        Returns:
            Those of the layer that `to` names.

        Raises:
            JaxnnError: if there are none.
        """
        found: Any = params
        for name in self.to.split("/"):
            if name not in found:
                there = ", ".join(found) or "none"
                fail(f"Tied({self.to!r})", f"siblings with parameters before it: {there}", f"one named {name!r}")
            found = found[name]
        return found

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Return no parameters, and the layer's state."""
        _, state = self.layer.init(key, example)
        return {}, {"layer": state} if state else {}

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
        """Return the layer's output with the sibling's parameters, which the `Chain` hands over as `params`."""
        self.check(params, x)
        y, after = run_child("layer", self.layer, params, state.get("layer", {}), x, train=train, key=key, mask=mask)
        return y, {"layer": after} if "layer" in state else state

    def memory(self, params: Params, state: State, batch_shape: tuple[int, ...]) -> Memory:
        """Return what the layer knows before the first position."""
        return memory(self.layer, params, state.get("layer", {}), batch_shape)

    def step(self, params: Params, state: State, memory: Memory, x: Array) -> tuple[Array, Memory]:
        """Return the layer's output for one position."""
        return step(self.layer, params, state.get("layer", {}), memory, x)

    def check(self, params: Params, x: Array) -> None:
        """Stop where the sibling's parameters are of other shapes than the layer draws: they could broadcast silently.

        Args:
            params, x: as for `apply`.

        Raises:
            JaxnnError: if there are none, or they do not fit.
        """
        if not params:
            fail(f"Tied({self.to!r})", "no parameters", "those of a sibling", "Put it into a Chain with the sibling")
        key = jax.eval_shape(lambda: jax.random.key(0))
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        needed = jax.eval_shape(lambda k: self.layer.init(k, shape)[0], key)
        shapes = jax.tree.map(lambda leaf: leaf.shape, params)
        if shapes != jax.tree.map(lambda leaf: leaf.shape, needed):
            wanted = jax.tree.map(lambda leaf: leaf.shape, needed)
            fail(f"Tied({self.to!r})", f"parameters of shapes {shapes}", f"{wanted} for {self.layer!r}")


@config
class Frozen:
    """A layer whose parameters are state: not trained, not decayed, not counted.

    It runs as with `train=False`, so that it stays one fixed function: no dropout, and batch statistics do not move.

    Args:
        layer: the layer.

    Input and output: those of `layer`. Parameters: none. State: `params`, the layer's parameters, and `layer`, its
    state where it has any.

    Raises:
        JaxnnError: if `layer` is none.

    >>> import jax, jax.numpy as jnp, jaxnn as nn
    >>> layer = nn.Frozen(nn.Dense(2))
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros(3))
    >>> nn.count(params), nn.count(state["params"])
    (0, 8)
    """

    layer: Layer

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Layer):
            fail("Frozen.layer", repr(self.layer), "a layer")

    def children(self) -> dict[str, Layer]:
        """Return the layer, whose numbers lie in this one's state."""
        return {"layer": self.layer}

    @staticmethod
    def weights(params: Params, state: State) -> tuple[Params, State]:
        """Return where trained weights of a layer lie once it is frozen.

        Args:
            params, state: of the layer itself.

        Returns:
            Parameters (none) and state of the frozen layer.

        >>> Frozen.weights({"bias": 1.0}, {})
        ({}, {'params': {'bias': 1.0}})
        """
        return {}, {"params": params} | ({"layer": state} if state else {})

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Draw the layer's parameters into the state."""
        return self.weights(*self.layer.init(key, example))

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
        """Return the layer's output, and the unchanged state."""
        y, _ = run_child("layer", self.layer, state["params"], state.get("layer", {}), x, mask=mask)
        return y, state

    def memory(self, params: Params, state: State, batch_shape: tuple[int, ...]) -> Memory:
        """Return what the layer knows before the first position."""
        return memory(self.layer, state["params"], state.get("layer", {}), batch_shape)

    def step(self, params: Params, state: State, memory: Memory, x: Array) -> tuple[Array, Memory]:
        """Return the layer's output for one position."""
        return step(self.layer, state["params"], state.get("layer", {}), memory, x)
