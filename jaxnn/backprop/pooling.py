"""Back through pooling.

`y_p = max over q of x_(sp + q - low)` is one of the values in the window, so dy_p/dx is 1 for that value and 0 for all
others: dE/dy_p goes where y_p came from. Of equals it is the first in the order of reading, as the layer itself
differentiates. Where windows overlap, a value adds up what the windows that chose it send back:

    dE/dx_m = sum over p with m the first largest in window p of dE/dy_p

Where windows lie side by side, each value is in one of them: it is compared with that window's y, and no sum is made.
Windows that overlap are taken one axis after another, as the maximum over rows of the maxima in each row.

The mean, `y_p = 1/Q sum_q x_(sp + q - low)`, moves by 1/Q of each of its values: each window hands dE/dy_p / Q to all
of its Q places, and a value adds up what its windows hand it. Over whole images it is the same with one window, which
leaves out masked positions; equals share the gradient there.
"""

import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.backprop.rules import Pull, register, to_input
from jaxnn.convolutions import beats, placed_along, windows_along
from jaxnn.layers import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from jaxnn.layers.base import as_float
from jaxnn.layers.geometry import Pairs, masked
from jaxnn.pytypes import Array, Params, State

_LOWEST = -math.inf


@register(MaxPool)
def max_pool(
    layer: MaxPool, params: Params, state: State, x: Array, *, mask: Array | None, **how: Any
) -> tuple[Array, State, Pull]:
    """Return the largest values, and the pull to where they came from."""
    y, state = layer.apply(params, state, x, mask=mask, **how)
    window, strides, padding = layer.geometry(x.shape)

    def pull(dy: Array) -> tuple[Params, Any]:
        seen = masked(repr(layer), as_float(x), mask, len(window), _LOWEST)
        if window == strides:
            dx = _to_largest_side_by_side(seen, y, dy, window, padding)
        else:
            dx = _to_largest(seen, dy, window, strides, padding)
        return {}, to_input(x, masked(repr(layer), dx, mask, len(window), 0.0))

    return y, state, pull


@register(AvgPool)
def avg_pool(
    layer: AvgPool, params: Params, state: State, x: Array, *, mask: Array | None, **how: Any
) -> tuple[Array, State, Pull]:
    """Return the means, and the pull, which hands each value of a window 1/Q of the window's gradient."""
    y, state = layer.apply(params, state, x, mask=mask, **how)
    window, strides, padding = layer.geometry(x.shape)
    first = x.ndim - 1 - len(window)

    def pull(dy: Array) -> tuple[Params, Any]:
        dx = dy * (1 / math.prod(window))
        if window == strides:
            dx = _to_all_side_by_side(x.shape, dx, window, padding)
        else:
            for axis, (size, stride, pads) in enumerate(zip(window, strides, padding, strict=True), first):
                dx = placed_along([dx] * size, axis, x.shape[axis], stride, pads)
        return {}, to_input(x, masked(repr(layer), dx, mask, len(window), 0.0))

    return y, state, pull


@register(GlobalMaxPool)
def global_max_pool(
    layer: GlobalMaxPool, params: Params, state: State, x: Array, *, mask: Array | None, **how: Any
) -> tuple[Array, State, Pull]:
    """Return the largest values, and the pull: the largest of a channel share dE/dy."""
    y, state = layer.apply(params, state, x, mask=mask, **how)

    def pull(dy: Array) -> tuple[Params, Any]:
        seen, space = layer.seen(x, mask, _LOWEST)
        largest = (seen == seen.max(space, keepdims=True)).astype(dy.dtype)
        n = largest.sum(space, keepdims=True)
        return {}, to_input(x, masked(repr(layer), largest * (dy.reshape(n.shape) / n), mask, layer.rank, 0.0))

    return y, state, pull


@register(GlobalAvgPool)
def global_avg_pool(
    layer: GlobalAvgPool, params: Params, state: State, x: Array, *, mask: Array | None, **how: Any
) -> tuple[Array, State, Pull]:
    """Return the means, and the pull: each real value of a channel has its share of dE/dy."""
    y, state = layer.apply(params, state, x, mask=mask, **how)

    def pull(dy: Array) -> tuple[Params, Any]:
        counts, space = layer.seen(jnp.ones(x.shape, dy.dtype), mask, 0.0)  # 1 for each value that counts
        n = jnp.maximum(counts.sum(space, keepdims=True), 1)
        return {}, to_input(x, counts * (dy.reshape(n.shape) / n))

    return y, state, pull


def _to_all_side_by_side(shape: tuple[int, ...], dy: Array, window: tuple[int, ...], padding: Pairs) -> Array:
    """dE/dy at every place of its window."""
    apart, edges = _side_by_side(shape, dy.shape, window, padding)
    joined = [p * size for p, size in zip(dy.shape[-len(window) - 1 : -1], window, strict=True)]
    dx = jnp.broadcast_to(_over_places(dy, window), apart)
    return _padded(dx.reshape(*shape[: -len(window) - 1], *joined, shape[-1]), [(-low, -high) for low, high in edges])


def _to_largest_side_by_side(x: Array, y: Array, dy: Array, window: tuple[int, ...], padding: Pairs) -> Array:
    """dE/dy at the first place of each window that holds y, zeros elsewhere."""
    apart, edges = _side_by_side(x.shape, y.shape, window, padding)
    largest = _padded(x, edges, _LOWEST).reshape(apart) == _over_places(y, window)
    free, parts = jnp.ones(y.shape, bool), []
    for place in itertools.product(*map(range, window)):
        here = largest[(..., *[at for q in place for at in (slice(None), q)], slice(None))]
        parts.append(jnp.where(free & here, dy, 0))
        free &= ~here
    for i, size in reversed(list(enumerate(window, y.ndim - 1 - len(window)))):
        parts = [_interleaved(parts[k : k + size], i) for k in range(0, len(parts), size)]
    return _padded(parts[0], [(-low, -high) for low, high in edges])


def _side_by_side(
    before: tuple[int, ...], after: tuple[int, ...], window: tuple[int, ...], padding: Pairs
) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
    """The shape with an axis of the window's places behind each axis of positions, and what fills axes up to that."""
    first = len(before) - 1 - len(window)
    each = list(zip(before[first:-1], after[first:-1], window, padding, strict=True))
    apart = [n for _, positions, size, _ in each for n in (positions, size)]
    edges = [(low, positions * size - long - low) for long, positions, size, (low, _) in each]
    return (*before[:first], *apart, before[-1]), edges


def _over_places(y: Array, window: tuple[int, ...]) -> Array:
    """Outputs with an axis of length 1 behind each axis of positions."""
    first = y.ndim - len(window)
    return jnp.expand_dims(y, tuple(range(first, first + 2 * len(window), 2)))


def _interleaved(parts: list[Array], axis: int) -> Array:
    """The first of each part along an axis, then the second of each."""
    shape = list(parts[0].shape)
    shape[axis] *= len(parts)
    return jnp.stack(parts, axis + 1).reshape(shape)


def _padded(x: Array, edges: list[tuple[int, int]], fill: float = 0.0) -> Array:
    """The axes before the last with values put before and after, or taken away."""
    lead = x.ndim - 1 - len(edges)
    config = [(0, 0, 0)] * lead + [(low, high, 0) for low, high in edges] + [(0, 0, 0)]
    return jax.lax.pad(x, jnp.asarray(fill, x.dtype), config)


def _to_largest(x: Array, dy: Array, window: tuple[int, ...], strides: tuple[int, ...], padding: Pairs) -> Array:
    """dE/dy at the first largest of each window, added up, one axis after another: backward in the opposite order."""
    axes = range(x.ndim - 1 - len(window), x.ndim - 1)
    passed = []
    for axis, size, stride, pads in reversed(list(zip(axes, window, strides, padding, strict=True))):
        y, *others = windows_along(x, axis, size, stride, pads, _LOWEST)
        chosen = jnp.zeros(y.shape, jnp.int32)  # the place of the largest in its window
        for place, one in enumerate(others, 1):
            won = beats(one, y)
            y, chosen = jnp.where(won, one, y), jnp.where(won, place, chosen)
        passed.append((chosen, size, axis, x.shape[axis], stride, pads))
        x = y
    for chosen, size, *where in reversed(passed):
        dy = placed_along([jnp.where(chosen == place, dy, 0) for place in range(size)], *where)
    return dy
