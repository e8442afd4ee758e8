"""Layers that give values mean 0 and variance 1, then a scale and a bias of their own."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.config import config, number
from jaxnn.initializers import Initializer, Ones, Zeros
from jaxnn.layers.base import as_float, parameter_dtype
from jaxnn.pytypes import Array, Example, Key, Memory, Params, State


class _Normalization:
    """What normalizations have in common; each says over which values it takes mean and variance."""

    rank: Any
    epsilon: Any
    use_scale: Any
    use_bias: Any
    scale_init: Any
    bias_init: Any

    def __post_init__(self) -> None:
        whole_number(f"{type(self).__name__}.rank", self.rank, 1)
        number_in(f"{type(self).__name__}.epsilon", self.epsilon, 0, 1)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Make `scale` and `bias`, both `(features,)`, as far as they are used."""
        if len(example.shape) < self.rank:
            fail(repr(self), f"an example of shape {example.shape}", f"at least {self.rank} axes", "Give its rank")
        made = {"scale": self.scale_init} if self.use_scale else {}
        made |= {"bias": self.bias_init} if self.use_bias else {}
        dtype = parameter_dtype(example)
        return {name: init(key, (example.shape[-1],), dtype) for name, init in made.items()}, {}

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
        """Return the normalized input, and the unchanged state."""
        given, x = x.shape, as_float(x)
        if len(given) < self.rank or any(given[-1:] != leaf.shape for leaf in params.values()):
            shapes = " and ".join(f"{name} {leaf.shape}" for name, leaf in params.items())
            fail(repr(self), f"an input of shape {given}", f"{self.rank} axes at least, the last as {shapes}")
        dtype = next((leaf.dtype for leaf in params.values()), x.dtype)
        return self._normalized(params, x.astype(wide(dtype)), self.over_positions(x, mask)).astype(dtype), state

    def over_positions(self, x: Array, mask: Array | None) -> Array | None:
        """Return the mask if it covers axes of an example; one that only tells examples apart says nothing here."""
        return mask if mask is not None and mask.ndim > x.ndim - self.rank else None

    def view(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the shape in which an input of `shape` is normalized, and over which axes of it."""
        return shape, tuple(range(len(shape) - self.rank, len(shape)))

    @property
    def step(self) -> Any:
        """None where several positions share their mean and variance, else the same as `apply`."""
        return None if self.rank > 1 else self._step

    def _step(self, params: Params, state: State, memory: Memory, x: Array) -> tuple[Array, Memory]:
        return self.apply(params, state, x)[0], memory

    def _normalized(self, params: Params, x: Array, mask: Array | None) -> Array:
        """The output, from an input in float32 at least and a mask only where it covers axes of an example."""
        raise NotImplementedError


def wide(dtype: Any) -> Any:
    """Return the dtype of sums: float32 at least, because in float16 a sum of squares ends at 65,504.

    Args:
        dtype: floating.

    Returns:
        A floating dtype.

    >>> wide(jnp.float16)
    dtype('float32')
    """
    return dtype if jnp.finfo(dtype).bits >= 32 else jnp.dtype(jnp.float32)


def moments(x: Array, axes: tuple[int, ...], mask: Array | None) -> tuple[Array, Array]:
    """Return mean and biased variance over some axes.

    Args:
        x: any shape.
        axes: those over which they are taken.
        mask: over the first axes, True for what counts; None for all.

    Returns:
        Both in the shape of x with length 1 on these axes; 0 and 0 where the mask leaves no value.

    >>> print(*moments(jnp.array([1.0, 3.0]), (0,), None))
    [2.] [1.]
    """
    mean = mean_over(x, axes, mask)
    # the mean of (x - mean)^2: that of x^2 less mean^2 loses every digit where the mean is large
    held = jax.lax.stop_gradient(mean)
    # its derivative by the mean is 0, but a pass over all values: held, a step of a LayerNorm takes 0.56 times as long;
    # the square of 0 after it brings the second derivative back
    return mean, mean_over(jnp.square(x - held), axes, mask) - jnp.square(mean - held)


def mean_over(x: Array, axes: tuple[int, ...], mask: Array | None) -> Array:
    """Return the mean over some axes.

    Args:
        x, axes, mask: as for `moments`.

    Returns:
        The shape of x with length 1 on these axes; 0 where the mask leaves no value.

    >>> print(mean_over(jnp.array([[1.0], [3.0], [8.0]]), (0,), jnp.array([True, True, False])))
    [[2.]]
    """
    if mask is None:
        return x.mean(axes, keepdims=True)
    real, count = counted(x, axes, mask)
    return jnp.where(real, x, 0).sum(axes, keepdims=True) / count


def counted(x: Array, axes: tuple[int, ...], mask: Array) -> tuple[Array, Array]:
    """Return the mask with as many axes as an array, and how many of its values count over some axes.

    Args:
        x, axes, mask: as for `moments`.

    Returns:
        The mask with axes of length 1 behind; the counts in the dtype of x with length 1 on `axes`, at least 1.

    >>> print(counted(jnp.ones((3, 2)), (0, 1), jnp.array([True, True, False]))[1])
    [[4.]]
    """
    real = mask.reshape(*mask.shape, *[1] * (x.ndim - mask.ndim))  # (batch,) -> (batch, 1, 1, 1)
    # summed before it is broadcast: the values beside a position's first are as real as that
    count = real.astype(x.dtype).sum(axes, keepdims=True) * math.prod(x.shape[a] // real.shape[a] for a in axes)
    return real, jnp.maximum(count, 1)


def _scaled(params: Params, centred: Array, var: Array, epsilon: float) -> Array:
    """`centred / sqrt(var + epsilon) * scale + bias`, in the dtype of `centred`."""
    params = {name: leaf.astype(centred.dtype) for name, leaf in params.items()}
    factor = jax.lax.rsqrt(var + epsilon)
    if "scale" in params and factor.ndim == 1:  # of features alone: a multiplication less for every value
        y = centred * (factor * params["scale"])
    else:
        y = centred * factor * params["scale"] if "scale" in params else centred * factor
    return y + params["bias"] if "bias" in params else y


@config
class BatchNorm(_Normalization):
    """Every feature with the mean and variance that it has over the batch.

    `y = (x - mean) / sqrt(var + epsilon) * scale + bias`

    While training, mean and (biased) variance are those of the batch, over all axes but the last, and the running ones
    follow them: `running = momentum * running + (1 - momentum) * batch`. Otherwise they are the running ones. As in
    Flax, the running variance is the biased one too; PyTorch's is `n / (n - 1)` times it. The mask leaves out padded
    rows and positions; a batch without any real row changes nothing.

    Args:
        rank: how many axes one example has: 3 for images `(height, width, channels)`, 2 for `(time, features)`.
        momentum: how much of the running statistics stays at every step, from 0 to 1; a population may vary it. 0.9 as
            in PyTorch (which calls it 0.1): Flax's 0.99 lags 100 steps behind, more than two epochs of a small table.
        epsilon: added to the variance.
        use_scale, use_bias: False leaves the parameter out.
        scale_init, bias_init: how `scale` and `bias`, both `(features,)`, are made.

    Input and output `(..., features)`, output in the dtype of the parameters; computed in float32 at least. State:
    `mean` and `var`, `(features,)` in float32 at least, and `momentum`.

    Raises:
        JaxnnError: if a number is outside its range, or the input does not have the features of the example.

    Reference: S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
    Covariate Shift", 2015.

    >>> layer = BatchNorm()
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros(1))
    >>> y, after = layer.apply(params, state, jnp.array([[1.0], [3.0]]), train=True)
    >>> print(y.round(3).tolist(), after["mean"].round(3), after["var"])
    [[-1.0], [1.0]] [0.2] [1.]
    """

    rank: int = 1
    momentum: float = number(default=0.9)
    epsilon: float = 1e-5
    use_scale: bool = True
    use_bias: bool = True
    scale_init: Initializer = Ones()
    bias_init: Initializer = Zeros()

    def __post_init__(self) -> None:
        super().__post_init__()
        number_in("BatchNorm.momentum", self.momentum, 0, 1)

    @property
    def step(self) -> Any:
        """The same as `apply`: the running statistics are of no position."""
        return self._step

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Make `scale` and `bias`, and running statistics of mean 0 and variance 1."""
        params, _ = super().init(key, example)
        dtype = wide(parameter_dtype(example))
        mean, var = jnp.zeros(example.shape[-1], dtype), jnp.ones(example.shape[-1], dtype)
        return params, {"mean": mean, "var": var, "momentum": jnp.asarray(self.momentum, dtype)}

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
        """Return the normalized input, and the state with the running statistics moved if `train`."""
        features = state["mean"].shape[0]
        if x.ndim < 1 or x.shape[-1] != features:
            fail(repr(self), f"an input of shape {x.shape}", f"{features} features on the last axis")
        dtype = next((leaf.dtype for leaf in params.values()), as_float(x).dtype)
        x, mean, var = x.astype(state["mean"].dtype), state["mean"], state["var"]
        if train:
            if mask is not None and mask.shape != x.shape[: min(mask.ndim, x.ndim - 1)]:
                fail(repr(self), f"a mask of shape {mask.shape}", f"the leading axes of the input {x.shape}")
            mean, var = (moment.reshape(features) for moment in moments(x, tuple(range(x.ndim - 1)), mask))
            stays = state["momentum"] if mask is None else jnp.where(mask.any(), state["momentum"], 1)
            state = state | {
                "mean": stays * state["mean"] + (1 - stays) * mean,
                "var": stays * state["var"] + (1 - stays) * var,
            }
        return _scaled(params, x - mean, var, self.epsilon).astype(dtype), state


@config
class LayerNorm(_Normalization):
    """Every example with mean 0 and variance 1 over its features.

    `y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias`

    Args:
        rank: over how many of the last axes mean and variance are taken; 1 is each position of a sequence by itself.
        epsilon: added to the variance; Flax's default (PyTorch's is 1e-5).
        use_scale, use_bias: False leaves the parameter out.
        scale_init, bias_init: how `scale` and `bias`, both `(features,)`, are made.

    Input and output `(..., features)`, output in the dtype of the parameters; computed in float32 at least. With a rank
    above 1, the mask leaves positions out of mean and variance; scale and bias are `(features,)` still, as in Flax.

    Raises:
        JaxnnError: if a number is outside its range, or the input does not have the features of the example.

    Reference: J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer Normalization", 2016.

    >>> layer = LayerNorm()
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros(4))
    >>> print(layer.apply(params, state, jnp.array([1.0, 2.0, 3.0, 4.0]))[0].round(4).tolist())
    [-1.3416, -0.4472, 0.4472, 1.3416]
    """

    rank: int = 1
    epsilon: float = 1e-6
    use_scale: bool = True
    use_bias: bool = True
    scale_init: Initializer = Ones()
    bias_init: Initializer = Zeros()

    def _normalized(self, params: Params, x: Array, mask: Array | None) -> Array:
        mean, var = moments(x, self.view(x.shape)[1], mask)
        return _scaled(params, x - mean, var, self.epsilon)


@config
class RMSNorm(_Normalization):
    """Every example with a mean square of 1 over its features.

    `y = x / sqrt(mean(x^2) + epsilon) * scale`

    Args:
        rank: over how many of the last axes the mean is taken; 1 is each position of a sequence by itself.
        epsilon: added to the mean square; Flax's default.
        use_scale: False leaves the parameter out.
        scale_init: how `scale` `(features,)` is made.

    Input and output `(..., features)`, output in the dtype of the parameters; computed in float32 at least. With a rank
    above 1, the mask leaves positions out of the mean.

    Raises:
        JaxnnError: if a number is outside its range, or the input does not have the features of the example.

    Reference: B. Zhang and R. Sennrich, "Root Mean Square Layer Normalization", 2019.

    >>> layer = RMSNorm()
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros(2))
    >>> print(layer.apply(params, state, jnp.array([1.0, 7.0]))[0].round(4).tolist())
    [0.2, 1.4]
    """

    rank: int = 1
    epsilon: float = 1e-6
    use_scale: bool = True
    scale_init: Initializer = Ones()
    use_bias = False
    bias_init = Zeros()

    def _normalized(self, params: Params, x: Array, mask: Array | None) -> Array:
        square = mean_over(jnp.square(x), self.view(x.shape)[1], mask)
        return _scaled(params, x, square, self.epsilon)


@config
class GroupNorm(_Normalization):
    """Every group of an example's channels with mean 0 and variance 1, over all its positions.

    `y = (x - mean(group)) / sqrt(var(group) + epsilon) * scale + bias`

    Args:
        groups: into how many groups of neighbours the channels are divided; as many as channels is instance norm.
        rank: how many axes one example has: 3 for images `(height, width, channels)`.
        epsilon: added to the variance; Flax's default (PyTorch's is 1e-5).
        use_scale, use_bias: False leaves the parameter out.
        scale_init, bias_init: how `scale` and `bias`, both `(channels,)`, are made.

    Input and output `(..., channels)`, output in the dtype of the parameters; computed in float32 at least. A mask over
    positions leaves them out of mean and variance.

    Raises:
        JaxnnError: if a number is outside its range, the groups do not divide the channels, or the input does not have
            the channels of the example.

    Reference: Y. Wu and K. He, "Group Normalization", 2018.

    >>> layer = GroupNorm(2)
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros(4))
    >>> print(layer.apply(params, state, jnp.array([1.0, 3.0, 10.0, 30.0]))[0].round(4).tolist())
    [-1.0, 1.0, -1.0, 1.0]
    """

    groups: int
    rank: int = 1
    epsilon: float = 1e-6
    use_scale: bool = True
    use_bias: bool = True
    scale_init: Initializer = Ones()
    bias_init: Initializer = Zeros()

    def __post_init__(self) -> None:
        super().__post_init__()
        whole_number("GroupNorm.groups", self.groups, 1)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Make `scale` and `bias`, both `(channels,)`, as far as they are used."""
        params, state = super().init(key, example)
        self._size(example.shape)
        return params, state

    def _normalized(self, params: Params, x: Array, mask: Array | None) -> Array:
        shape, axes = self.view(x.shape)
        grouped = x.reshape(shape)  # (..., c) -> (..., groups, c / groups)
        mean, var = moments(grouped, axes, mask)
        params = {name: leaf.reshape(grouped.shape[-2:]) for name, leaf in params.items()}
        return _scaled(params, grouped - mean, var, self.epsilon).reshape(x.shape)

    def view(self, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return `(..., groups, channels / groups)`, and the axes of an example but that of the groups."""
        axes = (*range(len(shape) - self.rank, len(shape) - 1), len(shape))
        return (*shape[:-1], self.groups, self._size(shape)), axes

    def _size(self, shape: tuple[int, ...]) -> int:
        if shape[-1] % self.groups:
            fail(repr(self), f"{shape[-1]} channels", f"a number that {self.groups} groups divide")
        return shape[-1] // self.groups
