"""Operations whose best form depends on the machine, each chosen in one place by measurement."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn import convolutions
from jaxnn.pytypes import Array, Key


def random_bits(key: Key, shape: tuple[int, ...], width: Array | None = None) -> Array:
    """Return 32 random bits for every element, a hash of the element's index and the key.

    `bits[i] = mix(mix((i + 1) * golden ^ k_0) ^ k_1)`, where `mix` is a 32-bit finaliser that changes every output bit
    with probability one half when any input bit changes.

    A counter hash is used because drawing with threefry in every step costs 2.7 to 4.4 times a small network's whole
    step, this 1.09 times (measured.md); being elementwise, it gives the same bits under `vmap` and on any device.

    Args:
        key: one random key, used for this draw only.
        shape: the shape of the draw, at most 2^32 elements.
        width: scalar; so many first columns then hold what a draw of that width holds, the rest is of no use.

    Returns:
        uint32 array of that shape.

    Reference: the finaliser is C. Wellons, "Prospecting for hash functions" (lowbias32).

    >>> random_bits(jax.random.key(0), (2,)).dtype
    dtype('uint32')
    """
    # from 1 on: with a key whose words are 0, such as that of seed 0, the bits of a 0 would be 0
    bits = jnp.arange(1, math.prod(shape) + 1, dtype=jnp.uint32).reshape(shape)
    if width is not None:
        bits = bits - (bits - 1) // shape[-1] * (shape[-1] - width.astype(jnp.uint32))
    bits = bits * jnp.uint32(0x9E3779B9)
    for word in jax.random.key_data(key):  # (2,) for threefry, (4,) for rbg
        bits = _mix(bits ^ word.astype(jnp.uint32))
    return bits


def fold_in(key: Key, number: int | Array) -> Key:
    """Return a key that is a hash of a key and a number, as `jax.random.fold_in` does, for use inside a training step.

    `c = mix(i) ^ mix(k_n)`, then for every word `c = k'_j = mix(k_j ^ c)`: two numbers never give the same first word.

    `jax.random.fold_in` is a loop of its own on CPU, more than the rest of a dropout layer: 1.57 us a step for key and
    mask of 32 x 64 values with the two that dropout needs, 0.72 us with this hash.

    Args:
        key: one random key.
        number: a step, or a position among layers; int32 scalar.

    Returns:
        A key of the same kind.

    >>> key = jax.random.key(0)
    >>> [jax.random.key_data(fold_in(key, i)).tolist() for i in range(2)]
    [[3818772927, 1736185558], [841256496, 1139293354]]
    """
    words = jax.random.key_data(key).astype(jnp.uint32)
    carry = _mix(jnp.asarray(number).astype(jnp.uint32) + jnp.uint32(0x9E3779B9)) ^ _mix(words[-1] + jnp.uint32(1))
    hashed = []
    for word in words:
        carry = _mix(word ^ carry)
        hashed.append(carry)
    return jax.random.wrap_key_data(jnp.stack(hashed), impl=jax.random.key_impl(key))


def permuted(key: Key, rows: Array, real: Array | None = None) -> Array:
    """Return the rows of an array in random order.

    The rows are sorted by `random_bits`, which are all different: for one key they are a one-to-one map of the index.
    Up to 2^16 rows, bits and index share one word, bits first: a sort of words takes 22 us for 1437 rows on CPU where a
    sort of pairs takes 176 us, a fifth of the training of a small network. At least 16 random bits are left; rows that
    agree in those keep their order.

    `jax.random.permutation` draws with threefry, a loop of its own on CPU: it took 0.2 s of 0.67 s to compile the
    training of a small network.

    Args:
        key: one random key, used for this draw only.
        rows: `(n,)`, at most 2^32 of them.
        real: how many of the first rows are to be in order, int32 scalar, the rest coming after them; None for all.

    Returns:
        `(n,)`, the same values in another order.

    >>> permuted(jax.random.key(0), jnp.arange(6)).tolist()
    [1, 4, 2, 0, 3, 5]
    """
    count, bits = len(rows), random_bits(key, rows.shape)
    index = jnp.arange(count, dtype=jnp.uint32)
    last = None if real is None else index >= real.astype(jnp.uint32)
    if count > 2**16:
        bits = bits if last is None else jnp.where(last, jnp.uint32(2**32 - 1), bits)
        return jax.lax.sort((bits, rows), num_keys=1)[1]
    width = jnp.uint32(max(count - 1, 0).bit_length())
    words = (bits >> width << width) | index
    words = jax.lax.sort(words if last is None else jnp.where(last, jnp.uint32(2**32 - 1), words))
    return rows[(words & ((1 << width) - 1)).astype(jnp.int32)]


def keep_with_probability(key: Key, rate: Array, shape: tuple[int, ...], width: Array | None = None) -> Array:
    """Return a Boolean mask in which every element is False with probability `rate`.

    Args:
        key: one random key, used for this draw only.
        rate: scalar, the share dropped, from 0 to 1; both ends are exact.
        shape, width: of the mask, as for `random_bits`.

    Returns:
        Boolean array of that shape; the share dropped is exact to 2^-24.

    >>> bool(keep_with_probability(jax.random.key(0), jnp.float32(1.0), (1000,)).any())
    False
    """

    def draw() -> Array:
        bits = random_bits(key, shape, width) >> 8
        return bits.astype(jnp.float32) * jnp.float32(2**-24) >= rate.astype(jnp.float32)

    # XLA does not fuse across a conditional. Fused, the bits are drawn again in the backward pass and, on CPU, both
    # times by two threads that wait for each other: digits 64-64-10 took 1.83 times as long, so 1.14 times.
    return jax.lax.cond(rate > 0, draw, lambda: jnp.ones(shape, bool))


def normal(key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32, width: Array | None = None) -> Array:
    """Return normal random numbers of mean 0 and variance 1, by hash.

    `sqrt(2) erfinv(u)` with u uniform in (-1, 1), of 24 random bits: no number is beyond 5.42.

    Args:
        key: one random key, used for this draw only.
        shape, width: of the draw, as for `random_bits`.
        dtype: a floating dtype; drawn in float32.

    Returns:
        Array of that shape and dtype.

    >>> z = normal(jax.random.key(0), (10_000,))
    >>> print(f"{z.mean():.2f} {z.std():.2f}")
    -0.02 1.00
    """
    # odd numbers between -2^24 and 2^24, all of which float32 has: symmetric, and neither end is reached
    odd = (random_bits(key, shape, width) >> 7 | jnp.uint32(1)).astype(jnp.int32) - jnp.int32(2**24)
    return (jnp.float32(math.sqrt(2)) * jax.lax.erf_inv(odd.astype(jnp.float32) * jnp.float32(2**-24))).astype(dtype)


def product(x: Array, kernel: Array) -> Array:
    """Return `x @ kernel`, as a product of two matrices.

    The gradient for a kernel of a product over several axes is a product of transposed copies: 3.7 ms instead of 1.0
    for `(64, 32, 128) @ (128, 512)` on two CPU cores.

    Args:
        x: `(..., in)`.
        kernel: `(in, out)`.

    Returns:
        `(..., out)`.

    >>> product(jnp.ones((2, 3, 4)), jnp.ones((4, 5))).shape
    (2, 3, 5)
    """
    flat = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]) if x.ndim > 2 else x
    return (flat @ kernel).reshape(*x.shape[:-1], kernel.shape[-1])


def on_cpu() -> bool:
    """Return whether what is traced now is for a CPU: here the form of convolutions and pooling windows is chosen.

    Inside a loop XLA's CPU convolution is a naive one: an epoch of a small convolutional network took 9.3 s in a scan,
    0.4 s as patches times a matrix, 0.3 to 0.4 s in PyTorch; eight such networks one after another 1.87 s and 0.21 s
    (measured.md). The gradient of `reduce_window` is slow too. Accelerators have kernels of their own for both.

    Returns:
        True if the default device is a CPU.

    >>> on_cpu()
    True
    """
    config: Any = jax.config
    device = config.jax_default_device
    platform = device if isinstance(device, str) else getattr(device, "platform", None)
    return (platform or jax.default_backend()) == "cpu"


def convolution(
    x: Array,
    kernel: Array,
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int = 1,
) -> Array:
    """Return the convolution (as everywhere in this field: the cross-correlation) of the axes before the last.

    `y[p, f] = sum over q, c of x[strides p + dilation q - low, c] kernel[q, c, f]`, zeros outside x

    Args:
        x: `(..., *space, in)`.
        kernel: `(*window, in / groups, out)`.
        strides, padding, dilation: for each axis of space; padding in pairs of what is put before and after.
        groups: group g of the outputs sees group g of the inputs.

    Returns:
        `(..., *space, out)`; positions that do not fill a window are dropped.

    >>> x, kernel = jnp.array([[1.0], [2.0], [4.0]]), jnp.array([[[-1.0]], [[1.0]]])
    >>> convolution(x, kernel, (1,), ((0, 0),), (1,)).tolist()
    [[1.0], [2.0]]
    """
    images, lead = _images(x, kernel.ndim - 2)
    if not on_cpu():
        y = jax.lax.conv_general_dilated(
            images, kernel, strides, padding, None, dilation, _layout(kernel), feature_group_count=groups
        )
    else:
        y = convolutions.by_patches(images, kernel, strides, padding, dilation, groups)
    return y.reshape(*lead, *y.shape[1:])


def transposed_convolution(
    x: Array,
    kernel: Array,
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int = 1,
) -> Array:
    """Return the convolution of x with `stride - 1` zeros between its positions.

    `y[strides p + low - dilation q, f] = sum over p, q, c of x[p, c] kernel[q, c, f]`

    Args:
        x: `(..., *space, in)`.
        kernel: `(*window, in / groups, out)`.
        strides, dilation: for each axis of space.
        padding: pairs of how many zeros are put before and after x and the zeros between.
        groups: group g of the outputs sees group g of the inputs.

    Returns:
        `(..., *space, out)`.

    >>> x, kernel = jnp.array([[1.0], [2.0]]), jnp.array([[[1.0]], [[10.0]]])
    >>> transposed_convolution(x, kernel, (2,), ((1, 1),), (1,)).tolist()
    [[10.0], [1.0], [20.0], [2.0]]
    """
    images, lead = _images(x, kernel.ndim - 2)
    if on_cpu():
        y = convolutions.transposed(images, kernel, strides, padding, dilation, groups)
    else:
        y = jax.lax.conv_general_dilated(
            images, kernel, (1,) * len(strides), padding, strides, dilation, _layout(kernel), feature_group_count=groups
        )
    return y.reshape(*lead, *y.shape[1:])


def correlation(
    x: Array,
    y: Array,
    window: tuple[int, ...],
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int = 1,
) -> Array:
    """Return what each place of a window sees of x, times y at the window's position, summed over all positions.

    `w[q, c, f] = sum over p of x[strides p + dilation q - low, c] y[p, f]`, zeros outside x

    Args:
        x: `(..., *space, in)`.
        y: `(..., *positions, out)`, with as many positions as the window has on x.
        window: its size, for each axis of space.
        strides, padding, dilation: for each axis of space; padding in pairs of what is put before and after.
        groups: group g of y goes with group g of x.

    Returns:
        `(*window, in / groups, out)`, of the shape of a `convolution`'s kernel, whose gradient it is.

    >>> x, y = jnp.array([[1.0], [2.0], [4.0]]), jnp.array([[1.0], [10.0]])
    >>> correlation(x, y, (2,), (1,), ((0, 0),), (1,)).tolist()
    [[[21.0]], [[42.0]]]
    """
    (images, _), (others, _) = _images(x, len(window)), _images(y, len(window))
    if on_cpu():
        return convolutions.correlated(images, others, window, strides, padding, dilation, groups)
    each = zip(images.shape[1:-1], others.shape[1:-1], window, strides, padding, dilation, strict=True)
    # what is left over after the last window is cut off
    ends = [(low, (q - 1) * d + (p - 1) * s + 1 - size - low) for size, p, q, s, (low, _), d in each]
    space = "DHW"[-len(window) :]
    layout = (f"C{space}N", f"I{space}O", f"{space}NC")  # examples are summed over, as channels are elsewhere
    return jax.lax.conv_general_dilated(images, others, dilation, ends, None, strides, layout, batch_group_count=groups)


def correlation_and_convolution(
    x: Array, y: Array, kernel: Array, strides: tuple[int, ...], padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...], groups: int = 1,
) -> tuple[Array, Array]:  # fmt: skip
    """Return `correlation` of x with y, and `convolution` of x with a kernel, which look through the same windows.

    On CPU the patches are made once: the gradient of a transposed convolution of 32 images of 14 x 14 x 32 takes 0.87
    of the time.

    Args:
        x, y: as for `correlation`.
        kernel: `(*window, in / groups, features)`.
        strides, padding, dilation, groups: of both.

    Returns:
        `(*window, in / groups, out)` and `(..., *positions, features)`.

    >>> x, y, kernel = jnp.ones((3, 1)), jnp.ones((2, 1)), jnp.ones((2, 1, 1))
    >>> [z.ravel().tolist() for z in correlation_and_convolution(x, y, kernel, (1,), ((0, 0),), (1,))]
    [[2.0, 2.0], [2.0, 2.0]]
    """
    how = (strides, padding, dilation, groups)
    if not on_cpu():
        return correlation(x, y, kernel.shape[:-2], *how), convolution(x, kernel, *how)
    (images, lead), (others, _) = _images(x, kernel.ndim - 2), _images(y, kernel.ndim - 2)
    seen, z = convolutions.correlated_and_convolved(images, others, kernel, *how)
    return seen, z.reshape(*lead, *z.shape[1:])


def max_pool(
    x: Array, window: tuple[int, ...], strides: tuple[int, ...], padding: tuple[tuple[int, int], ...]
) -> Array:
    """Return the largest value of every window of the axes before the last.

    The gradient goes to the first of the largest, row by row, as in PyTorch. On CPU one axis is done after another, by
    slices: an epoch of the network above took 0.34 s, with a maximum over two axes of a reshaped array, which divides
    the gradient among equals, 0.37 s.

    Args:
        x: `(..., *space, channels)`.
        window, strides, padding: for each axis of space; padding in pairs of how many lie before and after.

    Returns:
        `(..., *space, channels)`; positions that do not fill a window are dropped.

    >>> max_pool(jnp.array([[1.0], [3.0], [2.0], [0.0]]), (2,), (2,), ((0, 0),)).tolist()
    [[3.0], [2.0]]
    """
    if not on_cpu():
        return _reduced(x, -math.inf, jax.lax.max, window, strides, padding)
    return convolutions.over_windows(x, window, strides, padding, -math.inf, convolutions.larger)


def avg_pool(
    x: Array, window: tuple[int, ...], strides: tuple[int, ...], padding: tuple[tuple[int, int], ...]
) -> Array:
    """Return the mean of every window of the axes before the last; padding counts as zeros.

    Args:
        x: `(..., *space, channels)`.
        window, strides, padding: for each axis of space; padding in pairs of how many lie before and after.

    Returns:
        `(..., *space, channels)`; positions that do not fill a window are dropped.

    >>> avg_pool(jnp.array([[1.0], [3.0], [2.0], [0.0]]), (2,), (2,), ((0, 0),)).tolist()
    [[2.0], [1.0]]
    """
    share = 1 / math.prod(window)
    if not on_cpu():
        return _reduced(x, 0.0, jax.lax.add, window, strides, padding) * share
    return convolutions.over_windows(x, window, strides, padding, 0.0, jnp.add) * share


def _mix(bits: Array) -> Array:
    bits = (bits ^ (bits >> 16)) * jnp.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15)) * jnp.uint32(0x846CA68B)
    return bits ^ (bits >> 16)


def _images(x: Array, rank: int) -> tuple[Array, tuple[int, ...]]:
    """x with one batch axis, and the batch axes that it had."""
    lead = x.shape[: x.ndim - rank - 1]
    return x.reshape(math.prod(lead), *x.shape[len(lead) :]), lead


def _layout(kernel: Array) -> tuple[str, str, str]:
    space = "DHW"[-(kernel.ndim - 2) :]
    return f"N{space}C", f"{space}IO", f"N{space}C"


def _reduced(
    x: Array, start: float, join: Any, window: tuple[int, ...], strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
) -> Array:  # fmt: skip
    lead, no = (1,) * (x.ndim - len(window) - 1), ((0, 0),)
    return jax.lax.reduce_window(
        x, start, join, (*lead, *window, 1), (*lead, *strides, 1), (*no * len(lead), *padding, *no)
    )
