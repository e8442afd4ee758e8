"""Losses of regression: of values, of the rate of counts, of quantiles, of mean and variance."""

import math
from itertools import pairwise
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnn.checks import fail, number_in
from jaxnn.config import config
from jaxnn.pytypes import Array
from jaxnn.shapes import paired_targets, single_targets


@config
class SquaredError:
    """The squared distance between outputs and targets.

    L = sum_k (y_k - t_k)^2, gradient 2 (y - t).

    >>> squared_error([[1.0, 4.0]], [[1.5, 2.0]])
    Array([4.25], dtype=float32)
    """

    kind: ClassVar[str] = "regression"
    on: ClassVar[str] = "values"
    minimisable: ClassVar[bool] = True

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...), summed over its outputs."""
        return jnp.sum(optax.losses.squared_error(*paired_targets("squared_error", outputs, targets)), axis=-1)


@config
class HalfSquaredError:
    """Half the squared distance, whose gradient is the plain difference.

    L = 1/2 sum_k (y_k - t_k)^2, gradient y - t.

    >>> f"{half_squared_error([0.45], [1.0]):.4f}"
    '0.1513'
    """

    kind: ClassVar[str] = "regression"
    on: ClassVar[str] = "values"
    minimisable: ClassVar[bool] = True

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...), summed over its outputs."""
        return jnp.sum(optax.losses.l2_loss(*paired_targets("half_squared_error", outputs, targets)), axis=-1)


@config
class MeanSquaredError:
    """The mean over the outputs of the squared differences.

    L = 1/K sum_k (y_k - t_k)^2, gradient 2/K (y - t). For K = 2 it equals `HalfSquaredError`.

    >>> mean_squared_error([[1.0, 4.0]], [[1.5, 2.0]])
    Array([2.125], dtype=float32)
    """

    kind: ClassVar[str] = "regression"
    on: ClassVar[str] = "values"
    minimisable: ClassVar[bool] = True

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...), averaged over its outputs."""
        return jnp.mean(optax.losses.squared_error(*paired_targets("mean_squared_error", outputs, targets)), axis=-1)


@config
class AbsoluteError:
    """The sum of absolute differences, which an outlier moves no more than any other example.

    L = sum_k |y_k - t_k|, gradient sign(y - t), 0 where they are equal.

    >>> absolute_error([[1.0, 4.0]], [[1.5, 2.0]])
    Array([2.5], dtype=float32)
    """

    kind: ClassVar[str] = "regression"
    on: ClassVar[str] = "values"
    minimisable: ClassVar[bool] = True

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...), summed over its outputs."""
        y, t = paired_targets("absolute_error", outputs, targets)
        e = y - t
        return jnp.sum(e * jnp.sign(e), axis=-1)  # |e|; the derivative of jnp.abs at 0 is 1 in JAX


@config
class Huber:
    """Half the squared error near the target, linear beyond delta: robust to outliers, smooth at zero.

    L = sum_k e^2/2 for |e| <= delta, else delta (|e| - delta/2), e = y_k - t_k; its gradient is e clipped to delta.

    Args:
        delta: where the parabola ends, above 0, in the unit of the target, else a `JaxnnError`.

    Source: Huber, "Robust estimation of a location parameter", 1964.

    >>> Huber(1.0)([[0.5], [3.0]], [0.0, 0.0])
    Array([0.125, 2.5  ], dtype=float32)
    """

    delta: float = 1.0
    kind: ClassVar[str] = "regression"
    on: ClassVar[str] = "values"
    minimisable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        delta = number_in("Huber.delta", self.delta, 0, float("inf"), open_low=True, open_high=True)
        object.__setattr__(self, "delta", delta)

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...), summed over its outputs."""
        y, t = paired_targets("huber", outputs, targets)
        return jnp.sum(optax.losses.huber_loss(y, t, delta=self.delta), axis=-1)


@config
class SignedError:
    """The plain difference: a diagnostic of bias, no loss to minimise, because errors of both signs cancel.

    L = sum_k t_k - y_k, positive where the outputs are too low.
    Its `minimisable` is False: pushing it down only raises the outputs for ever.

    >>> signed_error([[0.25], [0.75]], [1.0, 0.0])
    Array([ 0.75, -0.75], dtype=float32)
    """

    kind: ClassVar[str] = "regression"
    on: ClassVar[str] = "values"
    minimisable: ClassVar[bool] = False

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the difference of each example (...), summed over its outputs."""
        y, t = paired_targets("signed_error", outputs, targets)
        return jnp.sum(t - y, axis=-1)


@config
class PoissonDeviance:
    """Half the Poisson deviance of counts, from the logarithm of their rate: a log-likelihood that is 0 where it fits.

    L = sum_k exp(z_k) - t_k z_k + t_k log t_k - t_k, gradient exp(z) - t. The prediction is exp(z).

    Args (of the call):
        outputs: log-rates (..., K).
        targets: counts or rates (..., K), at least 0; or (...,) where K is 1.

    Returns:
        (...). A target below 0 gives NaN.

    Raises:
        JaxnnError: if the shapes do not fit.

    Source: McCullagh and Nelder, "Generalized linear models", 1989.

    >>> [f"{one:.4f}" for one in poisson([[0.0], [0.0]], [0, 3])]  # 1, and 1 + 3 ln 3 - 3
    ['1.0000', '1.2958']
    """

    kind: ClassVar[str] = "regression"
    on: ClassVar[str] = "log_rates"
    minimisable: ClassVar[bool] = True

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...), summed over its outputs."""
        z, t = paired_targets("poisson", outputs, targets)
        each = jnp.exp(z) - t * z + (jax.scipy.special.xlogy(t, t) - t)  # 0 log 0 is 0
        return jnp.sum(jnp.where(t >= 0, each, jnp.nan), axis=-1)


@config
class Quantile:
    """The pinball loss: its least mean is at quantiles of the target, one output for each.

    L = sum_j max(q_j e_j, (q_j - 1) e_j), e_j = t - y_j; its gradient is -q_j where e_j > 0, 1 - q_j where e_j < 0 and
    0 where they are equal. For q = 1/2 it is half of `AbsoluteError`. Nothing keeps the outputs in order.

    Args:
        quantiles: above 0 and below 1, each greater than the one before.

    Args (of the call):
        outputs: (..., Q), one for each quantile.
        targets: (...,) or (..., 1), one for each example.

    Returns:
        (...).

    Raises:
        JaxnnError: if the shapes do not fit, or the quantiles are not in their range and order.

    Source: Koenker and Bassett, "Regression quantiles", 1978.

    >>> Quantile((0.25, 0.75))([[1.0, 2.0], [3.0, 5.0]], [4.0, 1.0])  # 3/4 + 6/4, and 6/4 + 4/4
    Array([2.25, 2.5 ], dtype=float32)
    """

    quantiles: tuple[float, ...] = (0.5,)
    kind: ClassVar[str] = "regression"
    on: ClassVar[str] = "values"
    minimisable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        where, given = "Quantile.quantiles", self.quantiles
        if not isinstance(given, tuple | list) or not given:
            fail(where, repr(given)[:60], "a tuple of numbers above 0 and below 1", "Write (0.5,) for the median")
        numbers = [number_in(f"{where}[{i}]", q, 0, 1, open_low=True, open_high=True) for i, q in enumerate(given)]
        for one, after in pairwise(numbers):
            if one >= after:
                fail(where, f"{after} after {one}", "numbers that increase", "Sort them, each once")
        object.__setattr__(self, "quantiles", tuple(numbers))

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...), summed over its quantiles."""
        y, t = single_targets("quantile", outputs, targets, len(self.quantiles), "one for each quantile")
        e = t - y  # (..., Q)
        q = jnp.broadcast_to(np.asarray(self.quantiles, e.dtype), e.shape)
        return jnp.sum(e * jnp.where(e > 0, q, jnp.where(e < 0, q - 1, 0)), axis=-1)


@config
class GaussianNLL:
    """The negative log-likelihood of a normal distribution whose mean and log variance are the outputs.

    L = 1/2 (log 2 pi + s + (t - m)^2 exp(-s)), s = max(log variance, log least_variance); gradient (m - t) exp(-s) of
    the mean and 1/2 (1 - (t - m)^2 exp(-s)) of the log variance, 0 where it is below the least. The prediction is m.

    Args:
        least_variance: below which a variance counts as this, in the squared unit of the target; at least 1e-30. An
            example that the mean meets exactly would push its variance down for ever.

    Args (of the call):
        outputs: (..., 2), mean and log variance.
        targets: (...,) or (..., 1), one for each example.

    Returns:
        (...), negative where the density is above 1.

    Raises:
        JaxnnError: if the shapes do not fit, or the least variance is not in its range.

    Source: Nix and Weigend, "Estimating the mean and variance of the target probability distribution", 1994.

    >>> [f"{one:.4f}" for one in gaussian_nll([[0.0, 0.0], [3.0, 0.0]], [0.0, 1.0])]  # 1/2 ln 2 pi, and 2 more
    ['0.9189', '2.9189']
    """

    least_variance: float = 1e-6
    kind: ClassVar[str] = "regression"
    on: ClassVar[str] = "mean_and_log_variance"
    minimisable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        # 1e-30: its inverse is finite in float32
        least = number_in("GaussianNLL.least_variance", self.least_variance, 1e-30, float("inf"), open_high=True)
        object.__setattr__(self, "least_variance", least)

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...)."""
        y, t = single_targets("gaussian_nll", outputs, targets, 2, "mean and log variance")
        m, s, low = y[..., 0], y[..., 1], math.log(self.least_variance)
        s = jnp.where(s < low, low, s)
        return 0.5 * (math.log(2 * math.pi) + s + jnp.square(t[..., 0] - m) * jnp.exp(-s))


squared_error = SquaredError()
half_squared_error = HalfSquaredError()
mean_squared_error = MeanSquaredError()
absolute_error = AbsoluteError()
huber = Huber()
signed_error = SignedError()
poisson = PoissonDeviance()
quantile = Quantile()
gaussian_nll = GaussianNLL()
