"""The contract that every layer obeys, and what can be said of any layer by it alone."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from jaxnn import config
from jaxnn.checks import JaxnnError, fail
from jaxnn.pytypes import Array, Example, Key, Memory, Params, State


@runtime_checkable
class Layer(Protocol):
    """Two pure functions over a pytree of parameters; implementations are frozen dataclasses without arrays.

    `init` makes `params` (what the gradient and the optimiser see) and `state` (what the forward pass uses and they do
    not), both nested dicts of arrays, from a key and one example. `apply` maps `(params, state, x)` to `(y, state)`.

    Every axis in front of the feature axes is a batch axis. `key` is randomness, used once; `mask` (Boolean over the
    batch axes and, where there is one, the time axis; True = real) is honoured by layers that couple examples or
    positions and ignored by the rest. With `train=False` the key is ignored and the state comes back unchanged.

    A layer that carries something from one position of a sequence to the next also has `memory(params, state,
    batch_shape)`, what it knows before the first position, and `step(params, state, memory, x)`, which returns the
    output for one position and the memory after it. A layer without them treats every position by itself; one that
    cannot take a sequence position by position says `step = None`. `tests/test_laws.py` holds the laws.
    """

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Make the parameters and the state for inputs of the example's shape and dtype."""
        ...

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
        """Return the layer's output for `x` and the state after it."""
        ...


def is_layer_class(one: Any) -> bool:
    """Return whether something is a class of layers.

    Args:
        one: anything.

    Returns:
        True for a class with `init` and `apply` other than the protocol itself.

    >>> import jaxnn as nn
    >>> is_layer_class(nn.Dense), is_layer_class(nn.Layer), is_layer_class(nn.relu)
    (True, False, False)
    """
    return isinstance(one, type) and one is not Layer and hasattr(one, "init") and hasattr(one, "apply")


def memory(layer: Any, params: Params, state: State, batch_shape: tuple[int, ...]) -> Memory:
    """Return what a layer knows before the first position of a sequence.

    Args:
        layer: any layer.
        params, state: its weights.
        batch_shape: how many sequences run side by side; () for one.

    Returns:
        A nested dict of arrays; `{}` for a layer that treats every position by itself.

    >>> import jaxnn as nn
    >>> memory(nn.Dense(3), {}, {}, (2,))
    {}
    """
    return layer.memory(params, state, batch_shape) if hasattr(layer, "memory") else {}


def step(layer: Any, params: Params, state: State, memory: Memory, x: Array) -> tuple[Array, Memory]:
    """Return a layer's output for one position of a sequence, with `train=False`, and what it knows after it.

    `step` over all positions, from `memory` on, gives what `apply` gives for the whole sequence.

    Args:
        layer: any layer.
        params, state: its weights.
        memory: what it knows of the positions before.
        x: `(..., features)`, without an axis of time.

    Returns:
        `(..., features)` and the memory after this position.

    Raises:
        JaxnnError: if the layer cannot take a sequence position by position.

    >>> import jaxnn as nn
    >>> step(nn.Chain(nn.relu), {}, {}, {}, jnp.array([-1.0, 2.0]))[0].tolist()
    [0.0, 2.0]
    """
    if not hasattr(layer, "step"):
        return layer.apply(params, state, x)[0], memory
    if layer.step is None:
        do = "Use apply on the whole sequence"
        fail(repr(layer), "one position of a sequence", "the whole of it, because it looks at several", do)
    return layer.step(params, state, memory, x)


def children(layer: Any) -> dict[str, Layer]:
    """Return the layers inside a layer by name, in the order in which they run; `{}` for a layer without any.

    Args:
        layer: any layer; one that holds others has a method `children`.

    Returns:
        A dict from the name of the child, as in `params`, to the child.

    >>> import jaxnn as nn
    >>> children(nn.Chain(nn.Dense(3), nn.relu))
    {'dense_0': Dense(3), 'activation_0': relu}
    """
    return layer.children() if hasattr(layer, "children") else {}


def walk(layer: Any, path: str = "") -> list[tuple[str, Layer]]:
    """Return a layer and all layers inside it, each with its path.

    Args:
        layer: any layer.
        path: the path of `layer` itself.

    Returns:
        `(path, layer)` pairs, parents before children; names are joined by "/".

    >>> import jaxnn as nn
    >>> [path for path, _ in walk(nn.Chain(nn.Dense(3), ("inner", nn.Chain(nn.Dense(1)))))]
    ['', 'dense_0', 'inner', 'inner/dense_0']
    """
    found = [(path, layer)]
    for name, child in children(layer).items():
        found += walk(child, f"{path}/{name}" if path else name)
    return found


def layer_numbers(layer: Any) -> dict[str, Any]:
    """Return the numbers of a layer and of the layers inside it, nested as they lie in `state`.

    Args:
        layer: any layer; its numbers are the fields declared with `config.number`.

    Returns:
        A nested dict of floats, by child name and field name; children without numbers are left out.

    >>> import jaxnn as nn
    >>> layer_numbers(nn.Chain(nn.Dense(3), nn.Dropout(0.2)))
    {'dropout_0': {'rate': 0.2}}
    """
    nested: dict[str, Any] = dict(config.numbers(layer))
    for name, child in children(layer).items():
        inside = layer_numbers(child)
        if inside:
            nested[name] = inside
    return nested


def put_numbers(state: State, values: dict[str, Any]) -> State:
    """Return the state with other numbers in it, in place of those that `init` wrote.

    Equal networks share one compiled `init`, whose numbers would be those of the first of them; the run therefore
    passes the numbers as arguments and writes them here.

    Args:
        state: the state that `init` made.
        values: nested dict as `layer_numbers` returns it, of floats or (traced) scalars.

    Returns:
        The state, same structure and dtypes.

    >>> import jaxnn as nn
    >>> _, state = nn.Dropout(0.2).init(jax.random.key(0), jnp.zeros(3))
    >>> print(put_numbers(state, {"rate": 0.5})["rate"])
    0.5
    """
    out = dict(state)
    for name, value in values.items():
        if name not in state:
            fail(
                "init", f"a state without {name!r}", f"the number {name!r} in it", "Write every number() into the state"
            )
        inside = state[name]
        out[name] = put_numbers(inside, value) if isinstance(value, dict) else jnp.asarray(value, inside.dtype)
    return out


def output_of(layer: Layer, params: Params, state: State, example: Example) -> jax.ShapeDtypeStruct:
    """Return shape and dtype of a layer's output for one example, without computing it.

    Args:
        layer: any layer.
        params, state: what its `init` made (or their shapes).
        example: one example, or its shape and dtype.

    Returns:
        Shape and dtype of one output.

    >>> import jaxnn as nn
    >>> output_of(nn.Flatten(2), {}, {}, jax.ShapeDtypeStruct((8, 8), jnp.float32)).shape
    (64,)
    """
    return jax.eval_shape(lambda p, s, x: layer.apply(p, s, x)[0], params, state, example)


def parameter_dtype(example: Example) -> Any:
    """Return the dtype of the parameters for an example: its own if it is floating, else JAX's default float.

    Layers compute in the dtype of their parameters, so a network fed with integers or Booleans works in float32.

    Args:
        example: one example, or its shape and dtype.

    Returns:
        A floating dtype.

    >>> parameter_dtype(jax.ShapeDtypeStruct((3,), jnp.uint8))
    dtype('float32')
    """
    floating = jnp.issubdtype(example.dtype, jnp.floating)
    return jnp.dtype(example.dtype) if floating else jnp.dtype(jnp.result_type(float))


def as_float(x: Array) -> Array:
    """Return an array as it is if it is floating, else as JAX's default float.

    Args:
        x: any shape and dtype.

    Returns:
        The same shape.

    >>> as_float(jnp.array([True, False])).dtype
    dtype('float32')
    """
    x = jnp.asarray(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.result_type(float))


def run_child(
    name: str,
    layer: Layer,
    params: Params,
    state: State,
    x: Array,
    *,
    train: bool = False,
    key: Key | None = None,
    mask: Array | None = None,
) -> tuple[Array, State]:
    """Apply a layer that another one holds, so that errors and summaries can name it by its path.

    Args:
        name: of the child.
        layer: the child.
        params, state, x, train, key, mask: as for `apply`.

    Returns:
        What the child's `apply` returns.

    Raises:
        JaxnnError: the child's own, with its path in front.

    >>> import jaxnn as nn
    >>> run_child("head", nn.Flatten(3), {}, {}, jnp.zeros(4))
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: in head: Flatten(3): got an input of shape (4,); needed at least 3 axes. \
Give the rank of one example.
    """
    with inside(name, layer, x.shape):
        y, after = layer.apply(params, state, x, train=train, key=key, mask=mask)
        listener = _LISTENER.get()
        if listener is not None:
            listener(_PATH.get(), layer, params, state, x, y)
    return y, after


_PATH: ContextVar[tuple[str, ...]] = ContextVar("path", default=())
_LISTENER: ContextVar[Callable[..., None] | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def listening(listener: Callable[..., None]) -> Iterator[None]:
    """Call a function after every child that is applied, while tracing or not.

    Args:
        listener: a function of (path, a tuple of names; layer; params; state; x; y).
    """
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


@contextlib.contextmanager
def inside(name: str, layer: Layer, shape: tuple[int, ...]) -> Iterator[None]:
    """Name the child in which an error arose: in the message of our own, in a note on any other.

    Args:
        name: of the child.
        layer: the child.
        shape: of its input.
    """
    above = _PATH.set((*_PATH.get(), name))
    try:
        yield
    except JaxnnError as error:
        said = str(error)
        error.args = (f"in {name}/{said[3:]}" if said.startswith("in ") else f"in {name}: {said}",)
        raise
    except Exception as error:
        error.add_note(f"in {name}: {layer!r}, input shape {tuple(shape)}")
        raise
    finally:
        _PATH.reset(above)
