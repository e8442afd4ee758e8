"""Where a window lies on an input: what convolution and pooling share."""

from typing import Any

import jax.numpy as jnp

from jaxnn.checks import fail, one_of, whole_number
from jaxnn.pytypes import Array

Padding = str | int | tuple[int | tuple[int, int], ...]
"""SAME, VALID, a number for every side, or for each axis a number or a pair (before, after)."""

Pairs = tuple[tuple[int, int], ...]

_SPACE = {1: "time", 2: "height, width", 3: "depth, height, width"}


def output_size(size: int, window: int, stride: int = 1, padding: int = 0, fit: str = "exact") -> int:
    """Return how often a window fits on an axis.

    `(size + padding - window) / stride + 1`

    Args:
        size: of the axis.
        window: its length, from the first to the last value that it sees.
        stride: from one position to the next.
        padding: before and after the axis, together.
        fit: "exact", or "floor" to leave out what is left over at the end.

    Returns:
        The number of positions.

    Raises:
        JaxnnError: if the window is longer than the padded axis, or does not fit and `fit` is "exact".

    >>> output_size(7, 3, 2)
    3
    >>> output_size(7, 3, 3)
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: window: got a size that does not fit: (7 - 3)/3 + 1 = 2.3333; needed a whole number of \
positions. Change the padding or the stride, or give fit="floor" to leave out the rest.
    """
    return _output_size("window", size, window, stride, (padding, 0), fit)


def same_padding(window: int) -> int:
    """Return the padding on each side that keeps the size of an axis at stride 1.

    `(window - 1) / 2`

    Args:
        window: an odd length.

    Returns:
        The padding.

    Raises:
        JaxnnError: if the window is even: its padding is not the same on both sides.

    >>> [same_padding(window) for window in (3, 5, 7)]
    [1, 2, 3]
    """
    if whole_number("window", window, 1) % 2 == 0:
        do = 'padding="SAME" puts one more after than before'
        fail("window", f"the even length {window}", "an odd one for equal padding on both sides", do)
    return (window - 1) // 2


def each_axis(where: str, value: Any, rank: int, low: int = 1) -> tuple[int, ...]:
    """Return a number for each axis: one number counts for all.

    Args:
        where: the name of the argument.
        value: a number or a tuple of `rank` numbers.
        rank: how many axes.
        low: the smallest number allowed.

    Returns:
        `rank` numbers.

    Raises:
        JaxnnError: if it is neither.

    >>> each_axis("strides", 2, 3)
    (2, 2, 2)
    """
    if not isinstance(value, tuple):
        return (whole_number(where, value, low),) * rank
    if len(value) != rank:
        fail(where, repr(value), f"a number or {rank} of them, one for each axis of the window")
    return tuple(whole_number(where, one, low) for one in value)


def window_of(where: str, value: Any) -> tuple[int, ...]:
    """Return the lengths of a window: a number means two axes, a tuple its own.

    Args:
        where: the name of the argument.
        value: a number or a tuple of one to three.

    Returns:
        One to three numbers.

    Raises:
        JaxnnError: if it is neither.

    >>> window_of("kernel_size", 3), window_of("kernel_size", (5,))
    ((3, 3), (5,))
    """
    if isinstance(value, list) or (isinstance(value, tuple) and not 1 <= len(value) <= 3):
        fail(
            where, repr(value), "a number, for two axes, or a tuple of one to three", "Write (3,), (3, 3) or (3, 3, 3)"
        )
    return each_axis(where, value, len(value) if isinstance(value, tuple) else 2)


def check_padding(where: str, padding: Any, fit: str, rank: int) -> None:
    """Refuse a padding or a fit that is none.

    Args:
        where: the name of the layer's class.
        padding, fit: its fields.
        rank: how many axes the window has.

    Raises:
        JaxnnError: with what they may be.

    >>> check_padding("Conv", ((1, 0), 2), "exact", 2)
    """
    one_of(f"{where}.fit", fit, ["exact", "floor"])
    if isinstance(padding, str):
        one_of(f"{where}.padding", padding, ["SAME", "VALID"])
        return
    sides = padding if isinstance(padding, tuple) else (padding,)
    if isinstance(padding, tuple) and len(padding) != rank:
        fail(f"{where}.padding", repr(padding), f"{rank} numbers or pairs, one for each axis of the window")
    for side in sides:
        each_axis(f"{where}.padding", side, 2, 0)


def pairs(padding: Padding, rank: int) -> Pairs | None:
    """Return a padding by numbers as pairs (before, after); None for one by name.

    Args:
        padding: as its user gave it, checked.
        rank: how many axes.

    Returns:
        A pair for each axis, or None.

    >>> pairs(((1, 0), 2), 2)
    ((1, 0), (2, 2))
    """
    if isinstance(padding, str):
        return None
    sides = padding if isinstance(padding, tuple) else (padding,) * rank
    return tuple(side if isinstance(side, tuple) else (side, side) for side in sides)


def padding_for(
    where: str, space: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...], padding: Padding, fit: str
) -> Pairs:
    """Return what is to be put before and after each axis, having seen that the window fits.

    SAME puts `max((ceil(size / stride) - 1) stride + window - size, 0)`, the smaller half before.

    Args:
        where: the layer, as messages name it.
        space: the sizes of the axes.
        window: lengths with dilation, from the first to the last value seen.
        strides, padding, fit: of the layer.

    Returns:
        A pair for each axis.

    Raises:
        JaxnnError: if the window does not fit.

    >>> padding_for("Conv", (5, 6), (2, 3), (2, 1), "SAME", "exact")
    ((0, 1), (1, 1))
    """
    if padding == "SAME":
        each = zip(space, window, strides, strict=True)
        total = [max((-(-size // stride) - 1) * stride + long - size, 0) for size, long, stride in each]
        return tuple((both // 2, both - both // 2) for both in total)
    given = pairs(padding, len(space)) or ((0, 0),) * len(space)
    for size, long, stride, pads in zip(space, window, strides, given, strict=True):
        _output_size(where, size, long, stride, pads, fit)
    return given


def _output_size(where: str, size: int, window: int, stride: int, pads: tuple[int, int], fit: str) -> int:
    padded = size + sum(pads)
    said = f"{size} + {sum(pads)}" if sum(pads) else f"{size}"
    if window > padded:
        needed = f"a window of at most {padded}" + (f" = {said}" if sum(pads) else "")
        fail(where, f"a window of {window} on an axis of {size}", needed, "Give a smaller window or more padding")
    positions = (padded - window) / stride + 1
    if fit == "exact" and (padded - window) % stride:
        given = f"a size that does not fit: ({said} - {window})/{stride} + 1 = {positions:.4f}"
        do = 'Change the padding or the stride, or give fit="floor" to leave out the rest'
        fail(where, given, "a whole number of positions", do)
    return int(positions)


def space_of(where: str, shape: tuple[int, ...], rank: int, channels: int | None = None) -> tuple[int, ...]:
    """Return the sizes of the axes that a window moves along.

    Args:
        where: the layer, as messages name it.
        shape: of its input, `(..., *space, channels)`.
        rank: how many axes.
        channels: how many the input must have; None for any number.

    Returns:
        `rank` sizes.

    Raises:
        JaxnnError: if there are fewer axes, or other channels.

    >>> space_of("Conv(32, (3, 3))", (8, 28, 28, 1), 2)
    (28, 28)
    """
    if len(shape) < rank + 1:
        fail(where, f"an input of shape {shape}", f"(..., {_SPACE[rank]}, channels)")
    if channels is not None and shape[-1] != channels:
        fail(where, f"an input of shape {shape}", f"{channels} channels on the last axis, as the kernel has")
    return shape[-rank - 1 : -1]


def masked(where: str, x: Array, mask: Array | None, rank: int, fill: float) -> Array:
    """Return a sequence with its masked positions as padding is.

    Args:
        where: the layer, as messages name it.
        x: `(..., *space, channels)`.
        mask: over the batch axes, or over batch and time; only the latter says something of positions.
        rank: how many axes of space.
        fill: the value of padding.

    Returns:
        The same shape.

    >>> masked("Conv", jnp.ones((3, 1)), jnp.array([True, True, False]), 1, 0.0)[:, 0].tolist()
    [1.0, 1.0, 0.0]
    """
    if rank != 1 or mask is None or mask.ndim != x.ndim - 1:
        return x
    if mask.shape != x.shape[:-1]:
        fail(where, f"a mask of shape {mask.shape} for an input of shape {x.shape}", f"one of shape {x.shape[:-1]}")
    return jnp.where(mask[..., None], x, jnp.asarray(fill, x.dtype))


def same_length(where: str, x: Array, y: Array, mask: Array | None, rank: int) -> None:
    """Refuse a mask of positions where the output has other positions than the input.

    Args:
        where: the layer, as messages name it.
        x, y: its input and output.
        mask: as for `masked`.
        rank: how many axes of space.

    Raises:
        JaxnnError: if the mask would be wrong for the layers behind.

    >>> same_length("Conv", jnp.ones((3, 1)), jnp.ones((3, 2)), jnp.ones(3, bool), 1)
    """
    if rank == 1 and mask is not None and mask.ndim == x.ndim - 1 and x.shape[-2] != y.shape[-2]:
        given = f"a mask over {x.shape[-2]} positions, of which the output has {y.shape[-2]}"
        fail(where, given, "as many positions as before", 'Give strides=1 and padding="SAME", or no mask over time')
