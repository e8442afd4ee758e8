"""Initial values of parameters: named frozen dataclasses over `jax.nn.initializers`, kernels (..., in, out)."""

from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxnn.checks import fail, number_in, one_of
from jaxnn.config import config
from jaxnn.pytypes import Array, Key


class Initializer(Protocol):
    """What every initializer is: a function of a key, a shape and a dtype that returns an array of them."""

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32, /) -> Array:
        """Return an array of `shape` and `dtype`; the same key gives the same numbers."""
        ...


@config
class Zeros:
    """All zeros, for biases; a hidden layer of zero kernels never breaks its symmetry.

    >>> Zeros()(jax.random.key(0), (2,))
    Array([0., 0.], dtype=float32)
    """

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Return zeros; the key is not used."""
        return jax.nn.initializers.zeros(key, shape, dtype)


@config
class Ones:
    """All ones, for scales.

    >>> Ones()(jax.random.key(0), (2,))
    Array([1., 1.], dtype=float32)
    """

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Return ones; the key is not used."""
        return jax.nn.initializers.ones(key, shape, dtype)


@config
class Constant:
    """One number everywhere.

    Args:
        value: a finite number.

    Raises:
        JaxnnError: if the value is not finite.

    >>> Constant(0.3)(jax.random.key(0), (2,))
    Array([0.3, 0.3], dtype=float32)
    """

    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _finite("Constant.value", self.value))

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Return the constant; the key is not used."""
        return jax.nn.initializers.constant(self.value)(key, shape, dtype)


@config
class Normal:
    """Normal numbers around zero: small random weights.

    w ~ N(0, std^2).

    Args:
        std: the standard deviation, at least 0.

    Raises:
        JaxnnError: if std is negative or not finite.

    >>> round(float(Normal(0.01)(jax.random.key(0), (100, 100)).std()), 3)
    0.01
    """

    std: float = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "std", number_in("Normal.std", self.std, 0, float("inf"), open_high=True))

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Draw an array of `shape` and `dtype`."""
        return jax.nn.initializers.normal(self.std)(key, shape, dtype)


@config
class Uniform:
    """Uniform numbers of an interval.

    w ~ U[low, high), mean (low + high) / 2, variance (high - low)^2 / 12.

    Args:
        low: the lower end, finite.
        high: the upper end, above `low`.

    Raises:
        JaxnnError: if an end is not finite or `high` is not above `low`.

    >>> values = Uniform(-1.0, 3.0)(jax.random.key(0), (100, 100))
    >>> bool(values.min() >= -1.0), bool(values.max() < 3.0)
    (True, True)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", _finite("Uniform.low", self.low))
        object.__setattr__(self, "high", _finite("Uniform.high", self.high))
        if self.high <= self.low:
            fail("Uniform.high", f"{self.high}", f"a number above low, which is {self.low}")

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Draw an array of `shape` and `dtype`."""
        return jax.random.uniform(key, shape, dtype, self.low, self.high)


@config
class LecunNormal:
    """Normal kernels that keep the variance of their inputs: the choice for tanh, sigmoid and linear layers.

    w ~ N(0, 1 / fan_in), cut off at two standard deviations (of the uncut distribution) and widened to that std.

    Source: LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998, section 4.6.

    >>> round(float(LecunNormal()(jax.random.key(0), (64, 1000)).std()), 3)  # sqrt(1/64) = 0.125
    0.125
    """

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Draw a kernel (..., in, out); fan_in counts the axes in front too."""
        return jax.nn.initializers.lecun_normal()(key, _kernel_shape("LecunNormal", shape), dtype)


@config
class LecunUniform:
    """Uniform kernels that keep the variance of their inputs: weights normalised by the number of connections.

    w ~ U(-limit, limit), limit = sqrt(3 / fan_in).

    Source: LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998, section 4.6.

    >>> kernel = LecunUniform()(jax.random.key(0), (64, 1000))
    >>> round(float(abs(kernel).max()), 4)  # sqrt(3/64) = 0.2165
    0.2165
    """

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Draw a kernel (..., in, out); fan_in counts the axes in front too."""
        return jax.nn.initializers.lecun_uniform()(key, _kernel_shape("LecunUniform", shape), dtype)


@config
class HeNormal:
    """Normal kernels that keep the variance through rectifiers, which lose half of it.

    w ~ N(0, 2 / fan_in), cut off at two standard deviations (of the uncut distribution) and widened to that std.

    Source: He, Zhang, Ren and Sun, "Delving deep into rectifiers", arXiv 1502.01852.

    >>> round(float(HeNormal()(jax.random.key(0), (64, 1000)).std()), 3)  # sqrt(2/64) = 0.177
    0.177
    """

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Draw a kernel (..., in, out); fan_in counts the axes in front too."""
        return jax.nn.initializers.he_normal()(key, _kernel_shape("HeNormal", shape), dtype)


@config
class HeUniform:
    """Uniform kernels that keep the variance through rectifiers, which lose half of it.

    w ~ U(-limit, limit), limit = sqrt(6 / fan_in).

    Source: He, Zhang, Ren and Sun, "Delving deep into rectifiers", arXiv 1502.01852.

    >>> kernel = HeUniform()(jax.random.key(0), (64, 1000))
    >>> round(float(abs(kernel).max()), 4)  # sqrt(6/64) = 0.3062
    0.3062
    """

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Draw a kernel (..., in, out); fan_in counts the axes in front too."""
        return jax.nn.initializers.he_uniform()(key, _kernel_shape("HeUniform", shape), dtype)


@config
class GlorotNormal:
    """Normal kernels that weigh the variance of signals forwards against that of gradients backwards.

    w ~ N(0, 2 / (fan_in + fan_out)), cut off at two standard deviations (of the uncut one) and widened to that std.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    >>> round(float(GlorotNormal()(jax.random.key(0), (400, 400)).std()), 3)  # sqrt(2/800) = 0.05
    0.05
    """

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Draw a kernel (..., in, out); both fans count the axes in front too."""
        return jax.nn.initializers.glorot_normal()(key, _kernel_shape("GlorotNormal", shape), dtype)


@config
class GlorotUniform:
    """Uniform kernels that weigh the variance of signals forwards against that of gradients backwards.

    w ~ U(-limit, limit), limit = sqrt(6 / (fan_in + fan_out)).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    >>> kernel = GlorotUniform()(jax.random.key(0), (400, 400))
    >>> round(float(abs(kernel).max()), 4)  # sqrt(6/800) = 0.0866
    0.0866
    """

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Draw a kernel (..., in, out); both fans count the axes in front too."""
        return jax.nn.initializers.glorot_uniform()(key, _kernel_shape("GlorotUniform", shape), dtype)


@config
class Orthogonal:
    """Orthogonal kernels, which keep the length of a vector: for what is applied at every step of a sequence.

    w^T w = 1 or w w^T = 1, whichever is the smaller, drawn evenly from all such kernels.

    Source: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning", arXiv 1312.6120.

    >>> kernel = Orthogonal()(jax.random.key(0), (3, 3))
    >>> [round(float(length), 5) for length in jnp.linalg.norm(kernel, axis=0)]
    [1.0, 1.0, 1.0]
    """

    def __call__(self, key: Key, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """Draw a kernel (..., in, out); all axes but the last count as one."""
        # the decomposition behind it takes no narrower floats
        wide = dtype if jnp.finfo(dtype).bits >= 32 else jnp.float32
        return jax.nn.initializers.orthogonal()(key, _kernel_shape("Orthogonal", shape), wide).astype(dtype)


INITIALIZERS: dict[str, Initializer] = {
    "zeros": Zeros(),
    "ones": Ones(),
    "normal": Normal(),
    "lecun_normal": LecunNormal(),
    "lecun_uniform": LecunUniform(),
    "he_normal": HeNormal(),
    "he_uniform": HeUniform(),
    "glorot_normal": GlorotNormal(),
    "glorot_uniform": GlorotUniform(),
    "orthogonal": Orthogonal(),
}
"""Every initializer that needs no setting, by the name that files and commands use."""


def by_name(name: str) -> Initializer:
    """Return the initializer of a name.

    Args:
        name: a key of `INITIALIZERS`; `Constant` and `Uniform` have none, as they need their numbers.

    Returns:
        The instance.

    Raises:
        JaxnnError: with the list of names and the nearest.

    >>> by_name("he_normal")
    HeNormal()
    """
    return INITIALIZERS[one_of("initializer", name, INITIALIZERS)]


def _kernel_shape(where: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) < 2:
        do = "Use Zeros, Normal or Uniform for a bias"
        fail(where, f"shape {tuple(shape)}", "at least two axes, inputs and outputs last, to count connections", do)
    return tuple(shape)


def _finite(where: str, value: Any) -> float:
    number = number_in(where, value, float("-inf"), float("inf"))
    return fail(where, f"{number}", "a finite number") if abs(number) == float("inf") else number
