"""Layers made of layers."""

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

from jaxnn.checks import JaxnnError, fail
from jaxnn.config import config
from jaxnn.layers.activation import Activation
from jaxnn.layers.base import Layer, inside, memory, output_of, run_child, step
from jaxnn.layers.sharing import Tied
from jaxnn.ops import fold_in
from jaxnn.pytypes import Array, Example, Key, Memory, Params, State


@config
class Chain:
    """Layers that run one after another; a network.

    `y = layer_n(... layer_1(layer_0(x)))`

    The k-th child of a type is named `type_k` in snake case (`dense_0`, `dense_1`), unless it is given as a pair
    `("name", layer)`. A bare function becomes an `Activation`. Child i draws with `fold_in(key, i)`, so that appending
    a layer changes none of the earlier ones. Children without parameters or state are absent from those dicts.

    Args:
        *layers: layers, functions of one array, or pairs of a name and one of these.

    Input: what the first layer takes; output: what the last one returns.

    Raises:
        JaxnnError: if something is no layer, or two children have one name. An error inside a child carries a note
            with the child's name, the layer and the shape of its input.

    >>> import jax, jax.numpy as jnp, jaxnn as nn
    >>> net = nn.Chain(nn.Dense(4), nn.relu, ("head", nn.Dense(1)))
    >>> net
    Chain(Dense(4), relu, ('head', Dense(1)))
    >>> params, state = net.init(jax.random.key(0), jnp.zeros(3))
    >>> jax.tree.map(jnp.shape, params)
    {'dense_0': {'bias': (4,), 'kernel': (3, 4)}, 'head': {'bias': (1,), 'kernel': (4, 1)}}
    >>> net.apply(params, state, jnp.ones((5, 3)))[0].shape
    (5, 1)
    """

    layers: tuple[tuple[str, Layer], ...]

    def __init__(self, *layers: Layer | Callable[[Array], Array] | tuple[str, Any]) -> None:
        object.__setattr__(self, "layers", named("Chain", layers))

    def __repr__(self) -> str:
        return f"Chain({', '.join(words_of(self.layers))})"

    def children(self) -> dict[str, Layer]:
        """Return the layers by name, in the order in which they run."""
        return dict(self.layers)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Initialise every child for the shape that reaches it."""
        params: Params = {}
        state: State = {}
        for i, (name, layer) in enumerate(self.layers):
            with inside(name, layer, example.shape):
                own_params, own_state = layer.init(fold_in(key, i), example)
                params |= {name: own_params} if own_params else {}
                state |= {name: own_state} if own_state else {}
                example = output_of(layer, _params_of(name, layer, params), own_state, example)
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
        """Return the last child's output, and the state after all of them."""
        new_state = state
        for _, y, after in self.run(params, state, x, train=train, key=key, mask=mask):
            x, new_state = y, after
        return x, new_state

    def outputs(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> dict[str, Array]:
        """Return every child's output by name: of a `Dense` the pre-activations z, of an `Activation` its a = g(z).

        Args:
            params, state, x, train, key, mask: as for `apply`.

        Returns:
            A dict from child name to its output, in the order in which they run.

        >>> import jax.numpy as jnp, jaxnn as nn
        >>> net = nn.Chain(nn.Dense(1), nn.relu)
        >>> params = {"dense_0": {"kernel": jnp.array([[-2.0]]), "bias": jnp.array([1.0])}}
        >>> {name: y.tolist() for name, y in net.outputs(params, {}, jnp.array([3.0])).items()}
        {'dense_0': [-5.0], 'activation_0': [0.0]}
        """
        return {name: y for name, y, _ in self.run(params, state, x, train=train, key=key, mask=mask)}

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
    ) -> Iterator[tuple[str, Array, State]]:
        """Run the children in order; after each, yield its name, its output and the state so far.

        Args:
            params, state, x, train, key, mask: as for `apply`.
            child: what runs a child, a function as `base.run_child`.
        """
        state, given = dict(state), x
        for i, (name, layer) in enumerate(self.layers):
            own_params, own_key = _params_of(name, layer, params), None if key is None else fold_in(key, i)
            after = self.layers[i + 1][1] if i + 1 < len(self.layers) else None
            x, own_state = child(
                name, layer, own_params, state.get(name, {}), given, train=train, key=own_key, mask=mask
            )
            # x itself, which nobody may ask for then, is left out of the compiled program
            takes_rows = child is run_child and getattr(after, "takes_rows", False)
            looked_up = getattr(layer, "looked_up", None) if takes_rows else None
            given = looked_up(own_params, given) if looked_up else x
            if mask is not None and mask.ndim >= max(x.ndim, 2):  # the child has taken the axis of time away
                mask = mask.any(axis=tuple(range(max(x.ndim - 1, 1), mask.ndim)))
            if name in state:
                state = state | {name: own_state}
            yield name, x, state

    def memory(self, params: Params, state: State, batch_shape: tuple[int, ...]) -> Memory:
        """Return what the children know before the first position, by name."""
        made = {
            name: memory(layer, _params_of(name, layer, params), state.get(name, {}), batch_shape)
            for name, layer in self.layers
        }
        return {name: own for name, own in made.items() if own}

    def step(self, params: Params, state: State, memory: Memory, x: Array) -> tuple[Array, Memory]:
        """Return the last child's output for one position, and what the children know after it."""
        memory = dict(memory)
        for name, layer in self.layers:
            with inside(name, layer, x.shape):
                own_params = _params_of(name, layer, params)
                x, after = step(layer, own_params, state.get(name, {}), memory.get(name, {}), x)
            memory |= {name: after} if after else {}
        return x, memory


def _params_of(name: str, layer: Layer, params: Params) -> Params:
    """A child's own parameters, or those of the sibling that it is tied to."""
    return layer.shared(params) if isinstance(layer, Tied) else params.get(name, {})


def named(where: str, layers: tuple[Any, ...]) -> tuple[tuple[str, Layer], ...]:
    """Give every child its name and make bare functions layers.

    Args:
        where: the class that holds them.
        layers: layers, functions of one array, or pairs of a name and one of these.

    Returns:
        Pairs of a name and a layer.

    Raises:
        JaxnnError: if something is no layer, or two have one name.

    >>> import jaxnn as nn
    >>> named("Chain", (nn.Dense(3), nn.relu))
    (('dense_0', Dense(3)), ('activation_0', relu))
    """
    counts: dict[str, int] = {}
    named: list[tuple[str, Layer]] = []
    for item in layers:
        name, layer = item if isinstance(item, tuple) and len(item) == 2 else (None, item)
        layer = as_layer(where, layer)
        if name is None:  # as in Flax Linen, only children without a name of their own are counted
            name = _count(counts, layer)
            counts[_kind(layer)] += 1
        if not isinstance(name, str) or not re.fullmatch(r"[^\W\d]\w*", name):
            fail(where, f"the name {name!r}", "letters, digits and underscores, not a digit first")
        if name in dict(named):
            fail(where, f"two layers named {name!r}", "names that differ", "Name one of them: ('name', layer)")
        named.append((name, layer))
    return tuple(named)


def _kind(layer: Layer) -> str:
    """The type's name in snake case: BatchNorm -> batch_norm."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(layer).__name__).lower()


def _count(counts: dict[str, int], layer: Layer) -> str:
    """The name of the next child of this type that is given none."""
    return f"{_kind(layer)}_{counts.setdefault(_kind(layer), 0)}"


def as_layer(where: str, item: Any) -> Layer:
    """Return a layer as it is and a function of one array as an `Activation`.

    Args:
        where: the class that is to hold it.
        item: a layer or a function.

    Returns:
        The layer.

    Raises:
        JaxnnError: if it is neither.

    >>> import jaxnn as nn
    >>> as_layer("Residual", nn.relu)
    relu
    """
    if isinstance(item, type):
        fail(where, f"the class {item.__name__}", "a layer", f"Write {item.__name__}(...) with its arguments")
    if isinstance(item, Layer):
        return item
    if callable(item):
        return Activation(cast(Callable[[Array], Array], item))
    raise JaxnnError(
        f"{where}: got {item!r} of type {type(item).__name__}; needed a layer, a function or a pair ('name', layer)."
    )


def words_of(layers: tuple[tuple[str, Layer], ...]) -> list[str]:
    """Return how named children print: as pairs only where leaving the name out would give another.

    Args:
        layers: pairs of a name and a layer.

    Returns:
        The arguments that make them again.

    >>> import jaxnn as nn
    >>> words_of((("dense_0", nn.Dense(3)), ("head", nn.Dense(1))))
    ['Dense(3)', "('head', Dense(1))"]
    """
    words = [repr(layer) for _, layer in layers]
    counts: dict[str, int] = {}
    for i, (name, layer) in enumerate(layers):
        if name == _count(counts, layer):
            counts[_kind(layer)] += 1
        else:
            words[i] = f"({name!r}, {words[i]})"
    return words
