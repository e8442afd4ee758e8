"""Convolutions over one, two or three axes."""

from typing import Any, Literal

from jaxnn import ops
from jaxnn.checks import fail, whole_number
from jaxnn.config import config
from jaxnn.initializers import Initializer, LecunNormal, Zeros
from jaxnn.layers.base import parameter_dtype
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


class _Convolution:
    """What both have in common: fields, their check, and the parameters."""

    features: Any
    kernel_size: Any
    strides: Any
    padding: Any
    dilation: Any
    groups: Any
    use_bias: Any
    kernel_init: Any
    bias_init: Any

    def __post_init__(self) -> None:
        name = type(self).__name__
        rank = len(window_of(f"{name}.kernel_size", self.kernel_size))
        each_axis(f"{name}.strides", self.strides, rank)
        each_axis(f"{name}.dilation", self.dilation, rank)
        check_padding(name, self.padding, getattr(self, "fit", "exact"), rank)
        whole_number(f"{name}.groups", self.groups, 1)
        if whole_number(f"{name}.features", self.features, 1) % self.groups:
            fail(f"{name}.features", f"{self.features} with groups={self.groups}", "a multiple of the groups")

    @property
    def _window(self) -> tuple[int, ...]:
        return window_of("kernel_size", self.kernel_size)

    def _geometry(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Strides, dilation, and the window's length with it, for each axis."""
        window = self._window
        strides, dilation = (each_axis("strides", one, len(window)) for one in (self.strides, self.dilation))
        long = tuple(spread * (size - 1) + 1 for size, spread in zip(window, dilation, strict=True))
        return strides, dilation, long

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Draw `kernel` `(*window, in / groups, features)` and make `bias` `(features,)`."""
        space_of(repr(self), example.shape, len(self._window))
        channels, dtype = example.shape[-1], parameter_dtype(example)
        if channels % self.groups:
            fail(repr(self), f"an input of {channels} channels", f"a multiple of groups={self.groups}")
        shape = (*self._window, channels // self.groups, self.features)
        # the bias has no key of its own: every initializer that is usual for it is constant
        params = {"kernel": self.kernel_init(key, shape, dtype)}
        if self.use_bias:
            params["bias"] = self.bias_init(key, (self.features,), dtype)
        return params, {}

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
        """Return the convolution of `x` plus the bias, and the unchanged state."""
        kernel, rank = params["kernel"], len(self._window)
        space_of(repr(self), x.shape, rank, kernel.shape[-2] * self.groups)
        x = masked(repr(self), x.astype(kernel.dtype), mask, rank, 0.0)
        y = self._convolved(x, kernel)  # (..., *space, in) -> (..., *space, features)
        same_length(repr(self), x, y, mask, rank)
        return (y + params["bias"] if self.use_bias else y), state

    def geometry(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], Pairs, tuple[int, ...]]:
        """Return strides, padding in pairs and dilation for each axis of an input of this shape."""
        raise NotImplementedError

    def _convolved(self, x: Array, kernel: Array) -> Array:
        raise NotImplementedError


@config
class Conv(_Convolution):
    """A convolution: every output is a weighted sum of the inputs in a window around its place.

    `y[p, f] = sum over q, c of x[strides p + dilation q - before, c] kernel[q, c, f] + bias[f]`, zeros outside x

    Args:
        features: channels of the output.
        kernel_size: the window; a number for two axes, a tuple of one to three for as many.
        strides: from one position of the window to the next; a number, or one for each axis.
        padding: "SAME" (as many outputs as inputs, over the stride), "VALID" (none), a number for every side, or for
            each axis a number or a pair (before, after).
        dilation: from one input in the window to the next; a number, or one for each axis.
        groups: the channels are divided into so many groups, and each group of outputs sees one of inputs.
        use_bias: False leaves the bias out.
        kernel_init: how the kernel `(*window, in / groups, features)` is drawn; Flax's default.
        bias_init: how the bias `(features,)` is made.
        fit: "exact" refuses sizes on which the window does not come out even, "floor" leaves out the rest at the end,
            as other libraries do.

    Input `(..., time, in)`, `(..., height, width, in)` or `(..., depth, height, width, in)`, any dtype; output with
    `(size + padding - window) / stride + 1` positions on each axis and `features` channels, in the dtype of the
    parameters. A mask over time makes masked positions zeros, as padding is; then the length must stay.

    Raises:
        JaxnnError: if a setting is not one of these, the window does not fit, or an input has other channels.

    Reference: Y. LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the IEEE 1998;
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016.

    >>> import jax, jax.numpy as jnp
    >>> layer = Conv(6, (5, 5), padding="VALID")
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros((32, 32, 3)))
    >>> {name: leaf.shape for name, leaf in params.items()}
    {'kernel': (5, 5, 3, 6), 'bias': (6,)}
    >>> layer.apply(params, state, jnp.ones((8, 32, 32, 3)))[0].shape
    (8, 28, 28, 6)
    >>> Conv(1, (3,)).apply({"kernel": jnp.ones((3, 1, 1)), "bias": jnp.zeros(1)}, {}, jnp.ones((4, 1)))[0][:, 0]
    Array([2., 3., 3., 2.], dtype=float32)
    """

    features: int
    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: Padding = "SAME"
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    use_bias: bool = True
    kernel_init: Initializer = LecunNormal()
    bias_init: Initializer = Zeros()
    fit: Literal["exact", "floor"] = "exact"
    step = None

    def geometry(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], Pairs, tuple[int, ...]]:
        """Return strides, padding in pairs and dilation for each axis of an input of this shape."""
        strides, dilation, long = self._geometry()
        space = space_of(repr(self), shape, len(long))
        return strides, padding_for(repr(self), space, long, strides, self.padding, self.fit), dilation

    def _convolved(self, x: Array, kernel: Array) -> Array:
        return ops.convolution(x, kernel, *self.geometry(x.shape), self.groups)


@config
class ConvTranspose(_Convolution):
    """A convolution of the input with `strides - 1` zeros between its positions: it makes images larger.

    `y = Conv(strides=1)(x with zeros between)`, as Flax's with its default `transpose_kernel=False`

    PyTorch's has the kernel `(in, out, *window)` turned round: with `w = flip(kernel).transpose(in, out, *window)` and
    its `padding=P`, ours is `padding = dilation (window - 1) - P`; its `output_padding` is added to the second number
    of the pair.

    Args:
        features: channels of the output.
        kernel_size: the window; a number for two axes, a tuple of one to three for as many.
        strides: how many outputs lie between two inputs; a number, or one for each axis.
        padding: "SAME" (strides times as many outputs as inputs), "VALID" (all that a kernel reaches, and at least
            strides times as many), or as numbers what is put around the input and the zeros between.
        dilation: from one place in the window to the next; a number, or one for each axis.
        groups: as for `Conv`.
        use_bias: False leaves the bias out.
        kernel_init: how the kernel `(*window, in / groups, features)` is drawn; Flax's default.
        bias_init: how the bias `(features,)` is made.

    Input `(..., *space, in)`, any dtype; output `(..., *space, features)` in the dtype of the parameters, with
    `(size - 1) strides + 1 + padding - dilation (window - 1)` positions on each axis.

    Raises:
        JaxnnError: if a setting is not one of these, no output is left, or an input has other channels.

    Reference: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016.

    >>> import jax.numpy as jnp
    >>> layer = ConvTranspose(1, (2,), strides=2, use_bias=False)
    >>> layer.apply({"kernel": jnp.array([[[1.0]], [[10.0]]])}, {}, jnp.array([[1.0], [2.0]]))[0][:, 0]
    Array([10.,  1., 20.,  2.], dtype=float32)
    """

    features: int
    kernel_size: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: Padding = "SAME"
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    use_bias: bool = True
    kernel_init: Initializer = LecunNormal()
    bias_init: Initializer = Zeros()
    step = None

    def geometry(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], Pairs, tuple[int, ...]]:
        """Return strides, padding in pairs and dilation for each axis of an input of this shape."""
        strides, dilation, long = self._geometry()
        space = space_of(repr(self), shape, len(long))
        padding = pairs(self.padding, len(long)) or tuple(
            _around(size, stride, str(self.padding)) for size, stride in zip(long, strides, strict=True)
        )
        for size, window, stride, pads in zip(space, long, strides, padding, strict=True):
            if (left := (size - 1) * stride + 1 + sum(pads) - window + 1) < 1:
                fail(repr(self), f"an axis of {size}, which leaves {left} positions", "at least 1", "Add padding")
        return strides, padding, dilation

    def _convolved(self, x: Array, kernel: Array) -> Array:
        return ops.transposed_convolution(x, kernel, *self.geometry(x.shape), self.groups)


def _around(window: int, stride: int, padding: str) -> tuple[int, int]:
    """What SAME and VALID put around the input, with its zeros between: as Flax and Keras do."""
    if padding == "VALID":
        return window - 1, stride - 1 + max(window - stride, 0)
    total = window + stride - 2
    before = window - 1 if stride > window - 1 else -(-total // 2)
    return before, total - before
