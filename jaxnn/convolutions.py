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
        return _depthwise(_windows(images, kernel, strides, padding, dilation), kernel)

    def convolve(part: Array) -> Array:
        return _products(_windows(part, kernel, strides, padding, dilation), kernel, groups)

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

    No product with a zero between the positions is made.

    Args:
        images: `(n, *space, in)`.
        kernel, strides, padding, dilation, groups: as for `ops.transposed_convolution`.

    Returns:
        `(n, *space, out)`.

    >>> transposed(jnp.ones((1, 2, 1)), jnp.ones((2, 1, 1)), (2,), ((1, 1),), (1,), 1)[0, :, 0].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def spread(part: Array) -> Array:
        return _scattered(part, kernel, strides, padding, dilation, groups)

    return _in_parts(spread, images, math.prod(kernel.shape[:-2]) * kernel.shape[-1] / images.shape[-1])


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
    return jnp.where((second > first) | jnp.isnan(second), second, first)


def _in_parts(function: Callable[[Array], Array], images: Array, growth: float) -> Array:
    """Apply a function to as many images at a time as the patches may be, `growth` times the images' bytes."""
    count = len(images)
    parts = min(count, math.ceil(images.size * images.dtype.itemsize * growth / PATCHES))
    if growth <= 1 or parts <= 1:
        return function(images)
    size = -(-count // parts)
    parts = -(-count // size)
    images = jnp.pad(images, ((0, parts * size - count), *((0, 0),) * (images.ndim - 1)))
    y = jax.lax.map(jax.checkpoint(function), images.reshape(parts, size, *images.shape[1:]))
    return y.reshape(parts * size, *y.shape[2:])[:count]


def _windows(
    images: Array, kernel: Array, strides: tuple[int, ...], padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
) -> list[Array]:  # fmt: skip
    """What each place of the window sees: `(n, *space, in)` of the output's space, for every place."""
    window = kernel.shape[:-2]
    images = jnp.pad(images, ((0, 0), *padding, (0, 0)))
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


def _scattered(
    images: Array, kernel: Array, strides: tuple[int, ...], padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...], groups: int,
) -> Array:  # fmt: skip
    """One product of matrices gives what every place of the window adds; each is put where it belongs."""
    window, depth = kernel.shape[:-2], kernel.shape[-2]
    grouped = images.reshape(-1, groups, depth)
    y = jnp.einsum("mgc,wcgf->wmgf", grouped, kernel.reshape(-1, depth, groups, kernel.shape[-1] // groups))
    y = y.reshape(-1, *images.shape[:-1], kernel.shape[-1])  # (window, n, *space, out)
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
    x = jnp.pad(x, [pads if i == axis else (0, 0) for i in range(x.ndim)], constant_values=fill)
    count = (x.shape[axis] - size) // stride + 1
    if stride != size:
        reach = (count - 1) * stride + 1
        return reduce(join, [jax.lax.slice_in_dim(x, i, i + reach, stride, axis) for i in range(size)])
    lead, inner = x.shape[:axis], x.shape[axis + 1 :]
    x = jax.lax.slice_in_dim(x, 0, count * size, 1, axis)
    x = x.reshape(*lead, count, size * math.prod(inner))  # (..., count * size, *inner) -> (..., count, size * inner)
    return reduce(join, jnp.split(x, size, axis=-1)).reshape(*lead, count, *inner)
