"""Pooling: windows, or whole images and sequences, reduced to one number for each channel."""

from typing import Any, Literal

import jax.numpy as jnp

from jaxnn import ops
from jaxnn.checks import fail, whole_number
from jaxnn.config import config
from jaxnn.layers.base import as_float
from jaxnn.layers.geometry import (
    Padding,
    Pairs,
    check_padding,
    each_axis,
    masked,
    padding_for,
    pairs,
    same_length,
    space_of,
    window_of,
)
from jaxnn.pytypes import Array, Example, Key, Params, State


class _Pool:
    """What both have in common; each says how a window is reduced and what padding counts as."""

    window: Any
    strides: Any
    padding: Any
    fit: Any

    def __post_init__(self) -> None:
        name = type(self).__name__
        window = window_of(f"{name}.window", self.window)
        if self.strides is not None:
            each_axis(f"{name}.strides", self.strides, len(window))
        check_padding(name, self.padding, self.fit, len(window))
        for size, pads in zip(window, pairs(self.padding, len(window)) or (), strict=False):
            if max(pads) >= size:
                fail(f"{name}.padding", repr(self.padding), "less than the window, which may not see padding alone")

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Return no parameters and no state."""
        space_of(repr(self), example.shape, len(window_of("window", self.window)))
        return {}, {}

    def geometry(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...], Pairs]:
        """Return window, strides and padding in pairs for each axis of an input of this shape."""
        window = window_of("window", self.window)
        strides = window if self.strides is None else each_axis("strides", self.strides, len(window))
        space = space_of(repr(self), shape, len(window))
        return window, strides, padding_for(repr(self), space, window, strides, self.padding, self.fit)

    def _pooled(self, reduce: Any, fill: float, x: Array, mask: Array | None) -> Array:
        window, strides, padding = self.geometry(x.shape)
        x = masked(repr(self), as_float(x), mask, len(window), fill)
        y = reduce(x, window, strides, padding)  # (..., *space, channels) of fewer positions
        same_length(repr(self), x, y, mask, len(window))
        return y


@config
class MaxPool(_Pool):
    """The largest value of every window, for each channel by itself.

    `y[p, c] = max over q of x[strides p + q - before, c]`

    The gradient goes to the largest value alone; of equals to the first row by row, as in PyTorch.

    Args:
        window: its size; a number for two axes, a tuple of one to three for as many.
        strides: from one window to the next, a number or one for each axis; None for the window's size.
        padding: "VALID" (none), "SAME", a number for every side, or for each axis a number or a pair (before, after);
            padding is never the largest.
        fit: "exact" refuses sizes on which the windows do not come out even, "floor" leaves out the rest at the end,
            as other libraries do.

    Input `(..., *space, channels)`; output with `(size + padding - window) / stride + 1` positions on each axis.
    Floating dtypes are kept, integers become the default float. A mask over time makes masked positions padding; then
    the length must stay.

    Raises:
        JaxnnError: if a setting is not one of these, or the windows do not fit.

    >>> x = jnp.array([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])[..., None]
    >>> MaxPool(2).apply({}, {}, x)[0][..., 0].tolist()
    [[6.0, 8.0], [3.0, 4.0]]
    """

    window: int | tuple[int, ...]
    strides: int | tuple[int, ...] | None = None
    padding: Padding = "VALID"
    fit: Literal["exact", "floor"] = "exact"
    step = None

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
        """Return the largest value of every window, and the unchanged state."""
        return self._pooled(ops.max_pool, -jnp.inf, x, mask), state


@config
class AvgPool(_Pool):
    """The mean of every window, for each channel by itself.

    `y[p, c] = mean over q of x[strides p + q - before, c]`

    Padding counts as zeros, as it does in Flax and in PyTorch by default (`count_include_pad=True`).

    Args:
        window, strides, padding, fit: as for `MaxPool`.

    Input `(..., *space, channels)`; output with `(size + padding - window) / stride + 1` positions on each axis.
    Floating dtypes are kept, integers become the default float. A mask over time makes masked positions zeros; then the
    length must stay.

    Raises:
        JaxnnError: if a setting is not one of these, or the windows do not fit.

    >>> x = jnp.array([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])[..., None]
    >>> AvgPool(2).apply({}, {}, x)[0][..., 0].tolist()
    [[3.25, 5.25], [2.0, 2.0]]
    """

    window: int | tuple[int, ...]
    strides: int | tuple[int, ...] | None = None
    padding: Padding = "VALID"
    fit: Literal["exact", "floor"] = "exact"
    step = None

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
        """Return the mean of every window, and the unchanged state."""
        return self._pooled(ops.avg_pool, 0.0, x, mask), state


class _GlobalPool:
    """What both have in common."""

    rank: Any

    def __post_init__(self) -> None:
        whole_number(f"{type(self).__name__}.rank", self.rank, 1, 3)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Return no parameters and no state."""
        space_of(repr(self), example.shape, self.rank)
        return {}, {}

    def seen(self, x: Array, mask: Array | None, fill: float) -> tuple[Array, tuple[int, ...]]:
        """Return what is reduced, with `fill` at masked positions, and over which axes."""
        space_of(repr(self), x.shape, self.rank)
        return masked(repr(self), as_float(x), mask, self.rank, fill), tuple(range(-self.rank - 1, -1))


@config
class GlobalMaxPool(_GlobalPool):
    """The largest value of a whole image or sequence, for each channel.

    `y[c] = max over p of x[p, c]`; equals share the gradient

    Args:
        rank: the number of axes between batch and channels: 1 for sequences, 2 for images, 3 for volumes.

    Input `(..., *space, channels)`; output `(..., channels)`. Floating dtypes are kept, integers become the default
    float. Masked positions of a sequence do not count; a sequence without any position gives 0.

    Raises:
        JaxnnError: if the rank is not 1, 2 or 3, or an input has fewer axes.

    >>> GlobalMaxPool().apply({}, {}, jnp.arange(8.0).reshape(2, 2, 2))[0].tolist()
    [6.0, 7.0]
    """

    rank: int = 2
    step = None

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
        """Return the largest value for each channel, and the unchanged state."""
        seen, space = self.seen(x, mask, -jnp.inf)
        y = seen.max(space)  # (..., *space, channels) -> (..., channels)
        if seen.ndim - 1 == getattr(mask, "ndim", 0) and self.rank == 1 and mask is not None:
            y = jnp.where(mask.any(-1)[..., None], y, jnp.zeros_like(y))
        return y, state


@config
class GlobalAvgPool(_GlobalPool):
    """The mean of a whole image or sequence, for each channel.

    `y[c] = mean over p of x[p, c]`

    Args:
        rank: the number of axes between batch and channels: 1 for sequences, 2 for images, 3 for volumes.

    Input `(..., *space, channels)`; output `(..., channels)`. Floating dtypes are kept, integers become the default
    float. Masked positions of a sequence do not count; a sequence without any position gives 0.

    Raises:
        JaxnnError: if the rank is not 1, 2 or 3, or an input has fewer axes.

    Reference: M. Lin, Q. Chen and S. Yan, "Network in network", 2013.

    >>> GlobalAvgPool().apply({}, {}, jnp.arange(8.0).reshape(2, 2, 2))[0].tolist()
    [3.0, 4.0]
    """

    rank: int = 2
    step = None

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
        """Return the mean for each channel, and the unchanged state."""
        seen, space = self.seen(x, mask, 0.0)
        if self.rank != 1 or mask is None or mask.ndim != seen.ndim - 1:
            return seen.mean(space), state  # (..., *space, channels) -> (..., channels)
        count = jnp.maximum(mask.sum(-1)[..., None], 1)
        return seen.sum(-2) / count.astype(seen.dtype), state
