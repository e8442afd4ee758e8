"""Images changed at random while a network trains: pure functions of (key, x, y), in the compiled program.

Each takes a batch `(batch, height, width)` or `(batch, height, width, channels)` and gives every image another draw.
`fit(..., augment=[Shift(2), Flip()])` calls them in turn on every minibatch, each with a key of its own.
"""

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.config import config
from jaxnn.ops import fold_in, permuted, random_bits
from jaxnn.pytypes import Array, Key

_QUANTILES = 1025


@config
class Shift:
    """Images moved by whole pixels; the edge is repeated where nothing moves in.

    `y[i, j] = x[clip(i + d_i), clip(j + d_j)]` with `d_i, d_j` uniform in `-most ... most`.

    Args:
        most: pixels, at least 0, at most 4095.

    Labels are kept; dtype kept.

    Raises:
        JaxnnError: if `most` is no such number, or x is no batch of images.

    >>> x = jnp.arange(3.0).reshape(1, 1, 3)
    >>> [Shift(1)(jax.random.key(seed), x, None)[0].ravel().tolist() for seed in (2, 3, 4)]
    [[0.0, 0.0, 1.0], [1.0, 2.0, 2.0], [0.0, 1.0, 2.0]]
    """

    most: int

    def __post_init__(self) -> None:
        whole_number("Shift.most", self.most, 0, 4095)

    def __call__(self, key: Key, x: Array, y: Any) -> tuple[Array, Any]:
        """Return the moved images, and `y`."""
        height, width = _size(self, x)
        moved = _whole_numbers(key, (len(x), 2), 2 * self.most + 1) - self.most
        rows = jnp.clip(jnp.arange(height, dtype=jnp.int32) + moved[:, :1], 0, height - 1)  # (batch, height)
        columns = jnp.clip(jnp.arange(width, dtype=jnp.int32) + moved[:, 1:], 0, width - 1)  # (batch, width)
        return _taken(x, rows[:, :, None], columns[:, None, :]), y


@config
class Flip:
    """Images mirrored, left for right, or upside down.

    `y[i, j] = x[i, width - 1 - j]` with probability `rate`, else `x[i, j]`.

    Args:
        rate: share of the images, from 0 to 1.
        vertical: True for upside down.

    Labels are kept; dtype kept.

    Raises:
        JaxnnError: if `rate` is outside 0 to 1, or x is no batch of images.

    >>> Flip(1.0)(jax.random.key(0), jnp.arange(3.0).reshape(1, 1, 3), None)[0].ravel().tolist()
    [2.0, 1.0, 0.0]
    """

    rate: float = 0.5
    vertical: bool = False

    def __post_init__(self) -> None:
        number_in("Flip.rate", self.rate, 0, 1)

    def __call__(self, key: Key, x: Array, y: Any) -> tuple[Array, Any]:
        """Return the images, some of them mirrored, and `y`."""
        _size(self, x)
        turned = _spread(_uniform(key, (len(x),)) < self.rate, x)  # (batch, 1, 1, ...)
        return jnp.where(turned, jnp.flip(x, 1 if self.vertical else 2), x), y


@config
class Rotate:
    """Images turned about their middle; the edge is repeated where nothing moves in.

    `y[p] = x[R(a) p]` with the angle `a` uniform in `-degrees ... degrees`, between pixels by bilinear interpolation.

    Args:
        degrees: the largest angle, from 0 to 180.

    Labels are kept; floating dtypes are kept, integers become the default float.

    Raises:
        JaxnnError: if `degrees` is outside 0 to 180, or x is no batch of images.

    >>> x = jnp.zeros((1, 3, 3)).at[0, 0, 1].set(1)
    >>> float(Rotate(20.0)(jax.random.key(0), x, None)[0][0, 1, 1])
    0.0
    """

    degrees: float

    def __post_init__(self) -> None:
        number_in("Rotate.degrees", self.degrees, 0, 180)

    def __call__(self, key: Key, x: Array, y: Any) -> tuple[Array, Any]:
        """Return the turned images, and `y`."""
        height, width = _size(self, x)
        x = _floating(x)
        angle = (2 * _uniform(key, (len(x), 1, 1)) - 1) * float(np.deg2rad(self.degrees))
        middle = (height - 1) / 2, (width - 1) / 2
        down = jnp.arange(height, dtype=jnp.float32)[:, None] - middle[0]
        across = jnp.arange(width, dtype=jnp.float32) - middle[1]
        row = jnp.cos(angle) * down + jnp.sin(angle) * across + middle[0]  # (batch, height, width)
        column = jnp.cos(angle) * across - jnp.sin(angle) * down + middle[1]
        return _between(x, row, column), y


@config
class Crop:
    """Images framed by `padding` pixels of 0 and cut out at a random place, as large as they were.

    `y[i, j] = x[i + d_i, j + d_j]`, 0 outside the image, with `d_i, d_j` uniform in `-padding ... padding`.

    0 is the mean of standardised images.

    Args:
        padding: pixels, at least 0, at most 4095.

    Labels are kept; dtype kept.

    Raises:
        JaxnnError: if `padding` is no such number, or x is no batch of images.

    Reference: K. He et al., "Deep residual learning for image recognition", 2016, section 4.2.

    >>> x = jnp.arange(1.0, 4.0).reshape(1, 1, 3)
    >>> [Crop(1)(jax.random.key(seed), x, None)[0].ravel().tolist() for seed in (1, 3)]
    [[0.0, 1.0, 2.0], [2.0, 3.0, 0.0]]
    """

    padding: int

    def __post_init__(self) -> None:
        whole_number("Crop.padding", self.padding, 0, 4095)

    def __call__(self, key: Key, x: Array, y: Any) -> tuple[Array, Any]:
        """Return the cut images, and `y`."""
        height, width = _size(self, x)
        moved = _whole_numbers(key, (len(x), 2), 2 * self.padding + 1) - self.padding
        rows = (jnp.arange(height, dtype=jnp.int32) + moved[:, :1])[:, :, None]
        columns = (jnp.arange(width, dtype=jnp.int32) + moved[:, 1:])[:, None, :]
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)  # (batch, height, width)
        cut = _taken(x, jnp.clip(rows, 0, height - 1), jnp.clip(columns, 0, width - 1))
        return jnp.where(inside.reshape(inside.shape + (1,) * (x.ndim - 3)), cut, jnp.zeros_like(cut)), y


@config
class Noise:
    """Images with normal noise on every number.

    `y = x + scale * n` with `n ~ N(0, 1)`.

    Args:
        scale: standard deviation of the noise, at least 0, in the unit of x (1 is one standard deviation of
            standardised pixels).

    Labels are kept; floating dtypes are kept, integers become the default float.

    Raises:
        JaxnnError: if `scale` is below 0 or not finite, or x is no batch of images.

    >>> f"{Noise(0.1)(jax.random.key(0), jnp.zeros((100, 8, 8)), None)[0].std():.3f}"
    '0.100'
    """

    scale: float

    def __post_init__(self) -> None:
        number_in("Noise.scale", self.scale, 0, float("inf"), open_high=True)

    def __call__(self, key: Key, x: Array, y: Any) -> tuple[Array, Any]:
        """Return the noisy images, and `y`."""
        _size(self, x)
        x = _floating(x)
        # the middle of a cell of 2^-24: neither end, where the inverse is infinite
        normal = np.sqrt(2).item() * jax.lax.erf_inv(2 * _uniform(key, x.shape) + (2**-24 - 1))
        return x + (self.scale * normal).astype(x.dtype), y


@config
class Cutout:
    """Images with a square of 0 over a random place, which may lie in part outside.

    `y[i, j] = 0` where `c_i - size // 2 <= i < c_i - size // 2 + size` and j alike, `c` uniform among the pixels.

    Args:
        size: side of the square in pixels, at least 1, at most 4095.

    Labels are kept; dtype kept.

    Raises:
        JaxnnError: if `size` is no such number, or x is no batch of images.

    Reference: T. DeVries, G. W. Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.

    >>> Cutout(2)(jax.random.key(1), jnp.ones((1, 3, 4)), None)[0][0].astype(int).tolist()
    [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
    """

    size: int

    def __post_init__(self) -> None:
        whole_number("Cutout.size", self.size, 1, 4095)

    def __call__(self, key: Key, x: Array, y: Any) -> tuple[Array, Any]:
        """Return the images with a hole each, and `y`."""
        height, width = _size(self, x)
        top = _whole_numbers(fold_in(key, 0), (len(x), 1), height) - self.size // 2
        left = _whole_numbers(fold_in(key, 1), (len(x), 1), width) - self.size // 2
        rows, columns = jnp.arange(height, dtype=jnp.int32) - top, jnp.arange(width, dtype=jnp.int32) - left
        hidden = ((rows >= 0) & (rows < self.size))[:, :, None] & ((columns >= 0) & (columns < self.size))[:, None, :]
        return jnp.where(hidden.reshape(hidden.shape + (1,) * (x.ndim - 3)), jnp.zeros_like(x), x), y


@config
class Mixup:
    """Images and their labels mixed with those of another image of the batch.

    `x' = m x + (1 - m) x[p]`, `t' = m t + (1 - m) t[p]` with `m ~ Beta(alpha, alpha)` for each image and a random
    order `p` of the batch.

    Args:
        alpha: above 0 and at most 100; the smaller, the nearer `m` is to 0 or 1.
        classes: how many there are, where labels are whole numbers: they become rows of shares. None where y is numbers
            or such rows already.

    The loss must take soft rows, as `softmax_cross_entropy` does. Floating dtypes are kept, integers of x become the
    default float.

    Raises:
        JaxnnError: if a number is out of range, x is no batch of images, or y are whole numbers and `classes` is None.

    Reference: H. Zhang et al., "mixup: Beyond empirical risk minimization", 2018.

    >>> x, y = jnp.stack([jnp.zeros((1, 1)), jnp.ones((1, 1))]), jnp.array([0, 1])
    >>> mixed, shares = Mixup(1.0, classes=2)(jax.random.key(2), x, y)
    >>> bool(jnp.allclose(mixed.ravel(), shares[:, 1])), shares.sum(axis=1).tolist()
    (True, [1.0, 1.0])
    """

    alpha: float
    classes: int | None = None

    def __post_init__(self) -> None:
        number_in("Mixup.alpha", self.alpha, 0, 100, open_low=True)
        if self.classes is not None:
            whole_number("Mixup.classes", self.classes, 2)

    def __call__(self, key: Key, x: Array, y: Any) -> tuple[Array, Array]:
        """Return the mixed images and targets."""
        _size(self, x)
        x, targets = _floating(x), jnp.asarray(y)
        if not jnp.issubdtype(targets.dtype, jnp.floating):
            if self.classes is None:
                do = "Give how many classes there are, such as Mixup(0.2, classes=10)"
                fail(repr(self), f"y of {targets.dtype}", "rows of shares, or classes=", do)
            targets = jax.nn.one_hot(targets, self.classes, dtype=x.dtype)  # (batch,) -> (batch, classes)
        other = permuted(fold_in(key, 0), jnp.arange(len(x), dtype=jnp.int32))
        share = _beta(fold_in(key, 1), len(x), float(self.alpha))
        return _mixed(x, x[other], share), _mixed(targets, targets[other], share)


AUGMENTATIONS = {kind.__name__.lower(): kind for kind in (Shift, Flip, Rotate, Crop, Noise, Cutout, Mixup)}
"""The augmentations by the names that users type."""


def _size(self: Any, x: Array) -> tuple[int, int]:
    if getattr(x, "ndim", 0) not in (3, 4):
        needed = "(batch, height, width) or (batch, height, width, channels)"
        fail(repr(self), f"x of shape {jnp.shape(x)}", needed, "Give images as images, not as rows of pixels")
    return x.shape[1], x.shape[2]


def _floating(x: Array) -> Array:
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))


def _uniform(key: Key, shape: tuple[int, ...]) -> Array:
    """Multiples of 2^-24 in [0, 1), float32."""
    return (random_bits(key, shape) >> 8).astype(jnp.float32) * jnp.float32(2**-24)


def _whole_numbers(key: Key, shape: tuple[int, ...], count: int) -> Array:
    """Whole numbers from 0 to count - 1, int32; of 2^16 draws the shares differ by less than one."""
    return ((random_bits(key, shape) >> 16) * jnp.uint32(count) >> 16).astype(jnp.int32)


def _spread(each: Array, x: Array) -> Array:
    """`(batch,)` with axes of one behind it, to go with x."""
    return each.reshape(len(x), *(1,) * (x.ndim - 1))


def _taken(x: Array, rows: Array, columns: Array) -> Array:
    """`x[b, rows[b, i, j], columns[b, i, j]]`.

    One flat gather with indices known to be inside takes 1 us for 32 images of 28x28 on CPU, a slice of its own for
    each image 8 us, matrices of zeros and ones 90 us.
    """
    flat = x.reshape(len(x), x.shape[1] * x.shape[2], *x.shape[3:])  # (batch, height * width, ...)
    index = (rows * x.shape[2] + columns).reshape(len(x), -1)
    taken = jax.vmap(lambda one, at: one.at[at].get(mode="promise_in_bounds"))(flat, index)
    return taken.reshape(len(x), rows.shape[1], columns.shape[2], *x.shape[3:])


def _between(x: Array, row: Array, column: Array) -> Array:
    """x at places between pixels, by bilinear interpolation; places outside take the edge. `row`: (batch, h, w)."""
    height, width = x.shape[1:3]
    row, column = jnp.clip(row, 0, height - 1), jnp.clip(column, 0, width - 1)
    top, left = (jnp.floor(place).astype(jnp.int32) for place in (row, column))
    below, right = jnp.minimum(top + 1, height - 1), jnp.minimum(left + 1, width - 1)
    tail = (1,) * (x.ndim - 3)
    down = (row - top.astype(row.dtype)).astype(x.dtype).reshape(*row.shape, *tail)
    across = (column - left.astype(row.dtype)).astype(x.dtype).reshape(*row.shape, *tail)
    upper = (1 - across) * _taken(x, top, left) + across * _taken(x, top, right)
    lower = (1 - across) * _taken(x, below, left) + across * _taken(x, below, right)
    return (1 - down) * upper + down * lower


def _mixed(one: Array, other: Array, share: Array) -> Array:
    own = _spread(share, one).astype(one.dtype)
    return own * one + (1 - own) * other


def _beta(key: Key, count: int, alpha: float) -> Array:
    """Draws of Beta(alpha, alpha), float32 (count,): the inverse of its distribution, from a table.

    A draw by rejection, as `jax.random.beta` does it, is a loop of its own for every image.
    """
    place = _uniform(key, (count,)) * (_QUANTILES - 1)
    low = jnp.floor(place).astype(jnp.int32)
    table = jnp.asarray(_quantiles(alpha))
    part = place - low.astype(jnp.float32)
    return (1 - part) * table[low] + part * table[low + 1]


@lru_cache(64)
def _quantiles(alpha: float) -> np.ndarray:
    from scipy.special import betaincinv

    return betaincinv(alpha, alpha, np.linspace(0, 1, _QUANTILES)).astype(np.float32)
