"""Convolutions and pooling windows as slices and products of matrices: the form that is fast on a CPU, in a loop.

`ops.py` decides where it is used.
"""

import itertools
import math
from collections.abc import Callable
from functools import reduce

import jax
import jax.numpy as jnp

from jaxnn.pytypes import Array

PATCHES = 2**21
"""Bytes of patches made at a time: they stay in a core's cache, and the backward pass makes them again.

3 x 3 x 64 to 64 channels, batch 64, with gradients, in a loop: images of 16 x 16 took 37 ms in parts of 2 MiB, 42 ms of
0.5 or 8 MiB, 87 ms with all patches at once, 74 ms as a sum of nine shifted products; 8 x 8 took 11.4, 13.7, 12.6,
13.9 and 10.7 ms. Other forms lost: patches by width and height in turn, the batch axes kept through the product (1.1),
the gradient by hand with patches of the output's gradient (1.15).
"""


def by_patches(
    images: Array,
    kernel: Array,
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Array:
    """Return a convolution as patches, one row for each position, times the kernel as a matrix.

    Args:
        images: `(n, *space, in)`.
        kernel, strides, padding, dilation, groups: as for `ops.convolution`.

    Returns:
        `(n, *space, out)`.

    >>> by_patches(jnp.ones((1, 4, 1)), jnp.ones((3, 1, 1)), (1,), ((1, 1),), (1,), 1)[0, :, 0].tolist()
    [2.0, 3.0, 3.0, 2.0]
    """
    if images.shape[-1] == groups > 1:
        return _depthwise(_windows(images, kernel.shape[:-2], strides, padding, dilation), kernel)

    def convolve(part: Array) -> Array:
        return _products(_windows(part, kernel.shape[:-2], strides, padding, dilation), kernel, groups)

    return _in_parts(convolve, images, math.prod(kernel.shape[:-2]) / math.prod(strides))


def transposed(
    images: Array,
    kernel: Array,
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Array:
    """Return a transposed convolution: one product of matrices, whose columns are added up where they belong.

    No product with a zero between the positions is made, unless each channel is by itself.

    Args:
        images: `(n, *space, in)`.
        kernel, strides, padding, dilation, groups: as for `ops.transposed_convolution`.

    Returns:
        `(n, *space, out)`.

    >>> transposed(jnp.ones((1, 2, 1)), jnp.ones((2, 1, 1)), (2,), ((1, 1),), (1,), 1)[0, :, 0].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    depth, features = kernel.shape[-2:]
    if groups > 1 and 1 in (depth, features // groups):  # a product of matrices would be one of single numbers
        return _spread_by_channels(images, kernel, strides, padding, dilation, groups)

    def spread(part: Array) -> Array:
        return _scattered(part, kernel, strides, padding, dilation, groups)

    return _in_parts(spread, images, math.prod(kernel.shape[:-2]) * kernel.shape[-1] / images.shape[-1])


def correlated(
    images: Array,
    others: Array,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Array:
    """Return what each place of a window sees of the images, times others at the window's position, summed over these.

    Args:
        images: `(n, *space, in)`.
        others: `(n, *positions, out)`.
        window, strides, padding, dilation, groups: as for `ops.correlation`.

    Returns:
        `(*window, in / groups, out)`.

    >>> x, y = jnp.array([[[1.0], [2.0], [4.0]]]), jnp.array([[[1.0], [10.0]]])
    >>> correlated(x, y, (2,), (1,), ((0, 0),), (1,), 1).tolist()
    [[[21.0]], [[42.0]]]
    """

    def correlate(part: Array, others: Array) -> Array:
        windows = _windows(part, window, strides, padding, dilation)
        y = _overlaps(windows, others, groups)  # (window * in / groups, out)
        return y.reshape(*window, part.shape[-1] // groups, -1)

    parts, size = _parts(images, math.prod(window) / math.prod(strides))
    if parts <= 1 or images.shape[-1] == groups > 1:
        return correlate(images, others)
    both = _divided(images, parts, size), _divided(others, parts, size)
    nothing = jnp.zeros((*window, images.shape[-1] // groups, others.shape[-1]), images.dtype)
    return jax.lax.scan(lambda total, part: (total + correlate(*part), None), nothing, both)[0]


def correlated_and_convolved(
    images: Array, others: Array, kernel: Array, strides: tuple[int, ...], padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...], groups: int,
) -> tuple[Array, Array]:  # fmt: skip
    """Return what `correlated` and `by_patches` do, of the same patches, made once.

    Args:
        images: `(n, *space, in)`.
        others: `(n, *positions, out)`.
        kernel: `(*window, in / groups, features)`.
        strides, padding, dilation, groups: as for `ops.convolution`.

    Returns:
        `(*window, in / groups, out)` and `(n, *positions, features)`.

    >>> x, y, kernel = jnp.ones((1, 3, 1)), jnp.ones((1, 2, 1)), jnp.ones((2, 1, 1))
    >>> [z.ravel().tolist() for z in correlated_and_convolved(x, y, kernel, (1,), ((0, 0),), (1,), 1)]
    [[2.0, 2.0], [2.0, 2.0]]
    """
    window, alone = kernel.shape[:-2], images.shape[-1] == groups > 1

    def both(part: Array, others: Array) -> tuple[Array, Array]:
        windows = _windows(part, window, strides, padding, dilation)
        seen = _overlaps(windows, others, groups).reshape(*window, part.shape[-1] // groups, -1)
        return seen, _depthwise(windows, kernel) if alone else _products(windows, kernel, groups)

    parts, size = _parts(images, math.prod(window) / math.prod(strides))
    if parts <= 1 or alone:
        return both(images, others)

    def step(total: Array, part: tuple[Array, Array]) -> tuple[Array, Array]:
        seen, y = both(*part)
        return total + seen, y

    nothing = jnp.zeros((*window, images.shape[-1] // groups, others.shape[-1]), images.dtype)
    total, y = jax.lax.scan(step, nothing, (_divided(images, parts, size), _divided(others, parts, size)))
    return total, y.reshape(parts * size, *y.shape[2:])[: len(images)]


def over_windows(
    x: Array,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    fill: float,
    join: Callable[[Array, Array], Array],
) -> Array:
    """Join the values of every window, one axis after another, the last axis of space first.

    So the first of a window is the first in the order of reading.

    Args:
        x: `(..., *space, channels)`.
        window, strides, padding: as for `ops.max_pool`.
        fill: the value of the padding.
        join: an associative function of two arrays, the earlier one first.

    Returns:
        `(..., *space, channels)`.

    >>> over_windows(jnp.arange(4.0)[:, None], (2,), (2,), ((0, 0),), 0.0, jnp.add).tolist()
    [[1.0], [5.0]]
    """
    axes = range(x.ndim - 1 - len(window), x.ndim - 1)
    for axis, size, stride, pads in reversed(list(zip(axes, window, strides, padding, strict=True))):
        x = _along(x, axis, size, stride, pads, fill, join)
    return x


def windows_along(x: Array, axis: int, size: int, stride: int, pads: tuple[int, int], fill: float) -> list[Array]:
    """Return what each place of a window sees along one axis.

    Args:
        x: any shape.
        axis, size, stride, pads: the window's, on this axis.
        fill: the value of the padding.

    Returns:
        `size` arrays of the shape of x with the window's positions on this axis.

    >>> [part.tolist() for part in windows_along(jnp.arange(4.0), 0, 3, 1, (0, 0), 0.0)]
    [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]
    """
    x = jnp.pad(x, [pads if i == axis else (0, 0) for i in range(x.ndim)], constant_values=fill)
    reach = (x.shape[axis] - size) // stride * stride + 1
    return [jax.lax.slice_in_dim(x, i, i + reach, stride, axis) for i in range(size)]


def placed_along(parts: list[Array], axis: int, length: int, stride: int, pads: tuple[int, int]) -> Array:
    """Add up what each place of a window has for the values that it sees: the transpose of `windows_along`.

    Args:
        parts: as `windows_along` returns them.
        axis, stride, pads: as there.
        length: of the axis, without padding.

    Returns:
        The shape of its x.

    >>> placed_along([jnp.array([1.0, 2.0]), jnp.array([10.0, 20.0])], 0, 3, 1, (0, 0)).tolist()
    [1.0, 12.0, 20.0]
    """
    placed = []
    for i, one in enumerate(parts):
        low, reach = i - pads[0], (one.shape[axis] - 1) * stride + 1
        edges = [(low, length - reach - low, stride - 1) if a == axis else (0, 0, 0) for a in range(one.ndim)]
        placed.append(jax.lax.pad(one, jnp.zeros((), one.dtype), edges))
    return sum(placed[1:], placed[0])


def larger(first: Array, second: Array) -> Array:
    """Return the larger of two, elementwise; the gradient goes to the first of equals, and a NaN stays.

    (`jnp.maximum` divides the gradient among equals.)

    Args:
        first, second: of one shape.

    Returns:
        The same shape.

    >>> print(jax.grad(lambda pair: larger(pair[0], pair[1]))(jnp.array([2.0, 2.0])))
    [1. 0.]
    """
    return jnp.where(beats(second, first), second, first)


def beats(second: Array, first: Array) -> Array:
    """Return where the second of two is the larger one: not where they are equal, but where it is NaN.

    Args:
        second, first: of one shape.

    Returns:
        Boolean, of that shape.

    >>> beats(jnp.array([2.0, 3.0]), jnp.array([2.0, 2.0])).tolist()
    [False, True]
    """
    return (second > first) | jnp.isnan(second)


def _in_parts(function: Callable[[Array], Array], images: Array, growth: float) -> Array:
    """Apply a function to as many images at a time as the patches may be, `growth` times the images' bytes."""
    parts, size = _parts(images, growth)
    if parts <= 1:
        return function(images)
    y = jax.lax.map(jax.checkpoint(function), _divided(images, parts, size))
    return y.reshape(parts * size, *y.shape[2:])[: len(images)]


def _parts(images: Array, growth: float) -> tuple[int, int]:
    """How many parts, and of how many images each."""
    count = len(images)
    parts = min(count, math.ceil(images.size * images.dtype.itemsize * growth / PATCHES))
    if growth <= 1 or parts <= 1:
        return 1, count
    size = -(-count // parts)
    return -(-count // size), size


def _divided(images: Array, parts: int, size: int) -> Array:
    """`(n, ...)` as `(parts, size, ...)`, with zeros at the end."""
    images = jnp.pad(images, ((0, parts * size - len(images)), *((0, 0),) * (images.ndim - 1)))
    return images.reshape(parts, size, *images.shape[1:])


def _windows(
    images: Array, window: tuple[int, ...], strides: tuple[int, ...], padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
) -> list[Array]:  # fmt: skip
    """What each place of the window sees: `(n, *space, in)` of the output's space, for every place."""
    edges = [(low, high, 0) for low, high in padding]  # below 0 where a gradient goes back through padding
    images = jax.lax.pad(images, jnp.zeros((), images.dtype), ((0, 0, 0), *edges, (0, 0, 0)))
    space = zip(images.shape[1:-1], window, strides, dilation, strict=True)
    reach = [(size - spread * (long - 1) - 1) // stride * stride for size, long, stride, spread in space]
    windows = []
    for place in itertools.product(*map(range, window)):
        first = [at * spread for at, spread in zip(place, dilation, strict=True)]
        last = [at + far + 1 for at, far in zip(first, reach, strict=True)]
        windows.append(jax.lax.slice(images, (0, *first, 0), (len(images), *last, images.shape[-1]), (1, *strides, 1)))
    return windows


def _products(windows: list[Array], kernel: Array, groups: int) -> Array:
    """The patches times the kernel, as one product of matrices."""
    patches = jnp.concatenate(windows, axis=-1)  # (n, *space, window * in)
    *shape, depth = patches.shape
    if groups == 1:
        y = patches.reshape(-1, depth) @ kernel.reshape(depth, -1)
    else:
        grouped = patches.reshape(-1, len(windows), groups, kernel.shape[-2])
        kernel = kernel.reshape(len(windows), kernel.shape[-2], groups, -1)
        y = jnp.einsum("mwgc,wcgf->mgf", grouped, kernel)
    return y.reshape(*shape, -1)


def _depthwise(windows: list[Array], kernel: Array) -> Array:
    """Every channel by itself: a product of matrices would be one of single numbers."""
    kernel = kernel.reshape(len(windows), -1)  # (window, out)
    several = kernel.shape[1] // windows[0].shape[-1]
    wide = windows if several == 1 else [jnp.repeat(one, several, axis=-1) for one in windows]
    return sum((one * weights for one, weights in zip(wide[1:], kernel[1:], strict=True)), wide[0] * kernel[0])


def _overlaps(windows: list[Array], others: Array, groups: int) -> Array:
    """What each place of the window sees, times the others, summed over all positions: the transpose of `_products`."""
    depth, axes = windows[0].shape[-1] // groups, tuple(range(others.ndim - 1))
    if depth == 1 < groups:
        grouped = others.reshape(*others.shape[:-1], groups, -1)
        return jnp.stack([(one[..., None] * grouped).sum(axes).reshape(-1) for one in windows])
    patches = jnp.concatenate(windows, axis=-1)  # (n, *positions, window * in)
    if groups == 1:
        return patches.reshape(-1, patches.shape[-1]).T @ others.reshape(-1, others.shape[-1])
    grouped = patches.reshape(-1, len(windows), groups, depth)
    return jnp.einsum("mwgc,mgf->wcgf", grouped, others.reshape(-1, groups, others.shape[-1] // groups))


def _spread_by_channels(
    images: Array, kernel: Array, strides: tuple[int, ...], padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...], groups: int,
) -> Array:  # fmt: skip
    """A transposed convolution of each channel by itself, as a convolution with the zeros between: 0.6 to 0.2 times.

    (Of what XLA takes to add up a part for each place of the window, 64 images of 14 x 14 x 32, strides 1 and 2.)
    """
    depth = kernel.shape[-2]
    if depth > 1:  # the first input of every group, the second of every group ..., each by itself
        grouped = images.reshape(*images.shape[:-1], groups, depth)
        each = [(grouped[..., i], kernel[..., i : i + 1, :], strides, padding, dilation, groups) for i in range(depth)]
        return reduce(jnp.add, [_spread_by_channels(*one) for one in each])
    between = [(0, 0, 0), *((0, 0, stride - 1) for stride in strides), (0, 0, 0)]
    apart = jax.lax.pad(images, jnp.zeros((), images.dtype), between)
    return by_patches(apart, kernel, (1,) * len(strides), padding, dilation, groups)


def _scattered(
    images: Array, kernel: Array, strides: tuple[int, ...], padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...], groups: int,
) -> Array:  # fmt: skip
    """One product of matrices gives what every place of the window adds; each is put where it belongs."""
    *window, depth, features = kernel.shape
    kernel = kernel.reshape(-1, depth, features)
    if groups == 1:
        y = images.reshape(-1, depth) @ kernel.swapaxes(0, 1).reshape(depth, -1)
    else:
        grouped = kernel.reshape(len(kernel), depth, groups, features // groups)
        # not einsum, which multiplies the other way round: 1.06 times as long with four groups of 8 channels
        y = jax.lax.dot_general(images.reshape(-1, groups, depth), grouped, (((2,), (1,)), ((1,), (2,))))
        y = y.transpose(1, 2, 0, 3)  # (groups, m, window, out / groups) -> (m, window, groups, out / groups)
    # of each place (n, *space, out)
    y = jnp.split(y.reshape(*images.shape[:-1], len(kernel) * features), len(kernel), axis=-1)
    placed = []
    for one, place in zip(y, itertools.product(*map(range, window)), strict=True):
        each = zip(padding, place, window, strides, dilation, strict=True)
        edges = [(low - at * d, high - (long - 1 - at) * d, s - 1) for (low, high), at, long, s, d in each]
        placed.append(jax.lax.pad(one, jnp.zeros((), one.dtype), ((0, 0, 0), *edges, (0, 0, 0))))
    return sum(placed[1:], placed[0])


def _along(
    x: Array, axis: int, size: int, stride: int, pads: tuple[int, int], fill: float,
    join: Callable[[Array, Array], Array],
) -> Array:  # fmt: skip
    """Join the values of every window along one axis."""
    if stride != size:
        return reduce(join, windows_along(x, axis, size, stride, pads, fill))
    x = jnp.pad(x, [pads if i == axis else (0, 0) for i in range(x.ndim)], constant_values=fill)
    count = (x.shape[axis] - size) // stride + 1
    lead, inner = x.shape[:axis], x.shape[axis + 1 :]
    x = jax.lax.slice_in_dim(x, 0, count * size, 1, axis)
    x = x.reshape(*lead, count, size * math.prod(inner))  # (..., count * size, *inner) -> (..., count, size * inner)
    return reduce(join, jnp.split(x, size, axis=-1)).reshape(*lead, count, *inner)
