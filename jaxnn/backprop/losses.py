"""Back through losses: from the gradient of each example's loss to that of its outputs.

Losses from logits have the simplest gradients: the derivative of the squashing function, which is small where a unit is
sure, cancels against that of the logarithm. A loss of NaN, such as of a label out of range, has gradient 0, as in
autodiff: the loss itself stops the run.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn import losses
from jaxnn.backprop.rules import register, to_input
from jaxnn.losses.classification import smoothed
from jaxnn.pytypes import Array
from jaxnn.shapes import class_targets, paired_targets, single_targets

Pulled = tuple[Array, Callable[[Array], Any]]
"""The loss of each example `(...)`, and a function from their gradients `(...)` to those of the outputs `(..., K)`."""


def _pulled(loss: Any, outputs: Any, targets: Any, slope: Callable[[], Array]) -> Pulled:
    """The losses, and `dE/dy_k = dE/dL dL/dy_k`."""
    outputs = jnp.asarray(outputs)
    return loss(outputs, targets), lambda dloss: to_input(outputs, dloss[..., None] * slope())


@register(losses.SoftmaxCrossEntropy)
def softmax_cross_entropy(loss: Any, outputs: Any, targets: Any) -> Pulled:
    """L = -sum_k t_k log p_k = sum_k t_k (log sum_j e^z_j - z_k), so dL/dz_k = p_k sum_j t_j - t_k = p_k - t_k.

    t is what smoothing leaves of the targets.
    """
    z, t = class_targets("softmax_cross_entropy", outputs, targets)

    def slope() -> Array:
        p, classes = jax.nn.softmax(z, axis=-1), z.shape[-1]
        if t.ndim == z.ndim:
            shares = smoothed(t, loss.smoothing)
            return p * shares.sum(axis=-1, keepdims=True) - shares
        return _if_label(t, classes, p - smoothed(jax.nn.one_hot(t, classes, dtype=z.dtype), loss.smoothing))

    return _pulled(loss, outputs, targets, slope)


@register(losses.SigmoidCrossEntropy)
def sigmoid_cross_entropy(loss: Any, outputs: Any, targets: Any) -> Pulled:
    """L = -t log p - (1 - t) log(1 - p) with p = sigmoid(z), dp/dz = p (1 - p): dL/dz = (p - t) / (p (1 - p)) dp/dz."""
    z, t = paired_targets("sigmoid_cross_entropy", outputs, targets)
    return _pulled(loss, outputs, targets, lambda: jnp.where(_share(t), jax.nn.sigmoid(z) - t, 0))


@register(losses.BinaryCrossEntropy)
def binary_cross_entropy(loss: losses.BinaryCrossEntropy, outputs: Any, targets: Any) -> Pulled:
    """L = -t log p - (1 - t) log(1 - p), so dL/dp = -t / p + (1 - t) / (1 - p) = (p - t) / (p (1 - p))."""
    p, t = paired_targets("binary_cross_entropy", outputs, targets)
    no = jnp.where(1 - p > loss.epsilon, 1 / jnp.maximum(1 - p, loss.epsilon), 0)
    yes = _inverse(p, loss.epsilon)
    return _pulled(loss, outputs, targets, lambda: jnp.where(_share(t), -t * yes + (1 - t) * no, 0))


@register(losses.CategoricalCrossEntropy)
def categorical_cross_entropy(loss: losses.CategoricalCrossEntropy, outputs: Any, targets: Any) -> Pulled:
    """L = -sum_k t_k log p_k, so dL/dp_k = -t_k / p_k."""
    p, t = class_targets("categorical_cross_entropy", outputs, targets)
    shares = t if t.ndim == p.ndim else jax.nn.one_hot(t, p.shape[-1], dtype=p.dtype)
    return _pulled(loss, outputs, targets, lambda: -shares * _inverse(p, loss.epsilon))


@register(losses.SquaredError)
def squared_error(loss: Any, outputs: Any, targets: Any) -> Pulled:
    """L = sum_k (y_k - t_k)^2, so dL/dy = 2 (y - t)."""
    y, t = paired_targets("squared_error", outputs, targets)
    return _pulled(loss, outputs, targets, lambda: 2 * (y - t))


@register(losses.HalfSquaredError)
def half_squared_error(loss: Any, outputs: Any, targets: Any) -> Pulled:
    """L = 1/2 sum_k (y_k - t_k)^2, so dL/dy = y - t."""
    y, t = paired_targets("half_squared_error", outputs, targets)
    return _pulled(loss, outputs, targets, lambda: y - t)


@register(losses.MeanSquaredError)
def mean_squared_error(loss: Any, outputs: Any, targets: Any) -> Pulled:
    """L = 1/K sum_k (y_k - t_k)^2, so dL/dy = 2/K (y - t)."""
    y, t = paired_targets("mean_squared_error", outputs, targets)
    return _pulled(loss, outputs, targets, lambda: 2 / y.shape[-1] * (y - t))


@register(losses.AbsoluteError)
def absolute_error(loss: Any, outputs: Any, targets: Any) -> Pulled:
    """L = sum_k |y_k - t_k|, so dL/dy = sign(y - t)."""
    y, t = paired_targets("absolute_error", outputs, targets)
    return _pulled(loss, outputs, targets, lambda: jnp.sign(y - t))


@register(losses.Huber)
def huber(loss: losses.Huber, outputs: Any, targets: Any) -> Pulled:
    """L = e^2 / 2 up to |e| = d, then d (|e| - d/2), so dL/dy = e up to d, then d sign(e): e clipped to d."""
    y, t = paired_targets("huber", outputs, targets)
    return _pulled(loss, outputs, targets, lambda: jnp.clip(y - t, -loss.delta, loss.delta))


@register(losses.SignedError)
def signed_error(loss: Any, outputs: Any, targets: Any) -> Pulled:
    """L = sum_k (t_k - y_k), so dL/dy = -1."""
    y, _ = paired_targets("signed_error", outputs, targets)
    return _pulled(loss, outputs, targets, lambda: -jnp.ones_like(y))


@register(losses.PoissonDeviance)
def poisson(loss: Any, outputs: Any, targets: Any) -> Pulled:
    """L = sum_k exp(z_k) - t_k z_k + t_k log t_k - t_k, so dL/dz = exp(z) - t."""
    z, t = paired_targets("poisson", outputs, targets)
    return _pulled(loss, outputs, targets, lambda: jnp.where(t >= 0, jnp.exp(z) - t, 0))


@register(losses.Quantile)
def quantile(loss: losses.Quantile, outputs: Any, targets: Any) -> Pulled:
    """L = sum_j q_j e_j where e_j = t - y_j > 0, (q_j - 1) e_j where e_j < 0: dL/dy_j = -q_j above, 1 - q_j below."""
    y, t = single_targets("quantile", outputs, targets, len(loss.quantiles), "one for each quantile")
    q = jnp.broadcast_to(np.asarray(loss.quantiles, y.dtype), y.shape)
    return _pulled(loss, outputs, targets, lambda: jnp.where(y < t, -q, jnp.where(y > t, 1 - q, 0)))


@register(losses.GaussianNLL)
def gaussian_nll(loss: losses.GaussianNLL, outputs: Any, targets: Any) -> Pulled:
    """L = 1/2 (log 2 pi + s + e^2 exp(-s)), e = t - m, so dL/dm = -e exp(-s) and dL/ds = 1/2 (1 - e^2 exp(-s))."""
    y, t = single_targets("gaussian_nll", outputs, targets, 2, "mean and log variance")
    e, s, low = t[..., 0] - y[..., 0], y[..., 1], math.log(loss.least_variance)

    def slope() -> Array:
        inverse = jnp.exp(-jnp.maximum(s, low))
        return jnp.stack([-e * inverse, jnp.where(s < low, 0, 0.5 * (1 - e**2 * inverse))], axis=-1)  # (..., 2)

    return _pulled(loss, outputs, targets, slope)


@register(losses.Focal)
def focal(loss: losses.Focal, outputs: Any, targets: Any) -> Pulled:
    """L = -sum_k t_k q_k^c log p_k, q = 1 - p: dL/dz_j = p_j sum_k t_k g_k - t_j g_j, g = q^c - c p q^(c-1) log p.

    As for the cross-entropy, d log p_k / dz_j = (1 if j is k, else 0) - p_j; and g_k = d(q_k^c log p_k) / d log p_k,
    as dq_k / d log p_k = -p_k.
    """
    z, t = class_targets("focal", outputs, targets)
    c, shares = loss.gamma, t if t.ndim == z.ndim else jax.nn.one_hot(t, z.shape[-1], dtype=z.dtype)

    def slope() -> Array:
        p, log_p = jax.nn.softmax(z, axis=-1), jnp.where(shares == 0, 0, jax.nn.log_softmax(z, axis=-1))
        q = -jnp.expm1(log_p)
        g = shares * jnp.where(q > 0, jnp.where(q > 0, q, 1) ** (c - 1) * (q - c * p * log_p), 0)
        return p * g.sum(axis=-1, keepdims=True) - g  # 0 for a label out of range, of which no share is 1

    return _pulled(loss, outputs, targets, slope)


@register(losses.BinaryFocal)
def binary_focal(loss: losses.BinaryFocal, outputs: Any, targets: Any) -> Pulled:
    """L = -t q^c log p - (1 - t) p^c log q, q = 1 - p: dL/dz = t q^c (c p log p - q) + (1 - t) p^c (p - c q log q).

    With dp/dz = p q: d(q^c log p)/dz = -c q^(c-1) p q log p + q^c q; what belongs to 1 - t is its mirror image.
    """
    z, t = paired_targets("binary_focal", outputs, targets)

    def slope() -> Array:
        p, q = jax.nn.sigmoid(z), jax.nn.sigmoid(-z)
        yes = q**loss.gamma * (loss.gamma * p * jax.nn.log_sigmoid(z) - q)
        no = p**loss.gamma * (p - loss.gamma * q * jax.nn.log_sigmoid(-z))
        return jnp.where(_share(t), t * yes + (1 - t) * no, 0)

    return _pulled(loss, outputs, targets, slope)


def _inverse(p: Array, epsilon: float) -> Array:
    """d log max(p, epsilon) / dp: 1 / p, and 0 where the logarithm sees epsilon in its place or p is no probability."""
    rounding = 4 * jnp.finfo(p.dtype).eps
    return jnp.where((p > epsilon) & (p <= 1 + rounding), 1 / jnp.maximum(p, epsilon), 0)


def _if_label(labels: Array, classes: int, slope: Array) -> Array:
    return jnp.where(((labels >= 0) & (labels < classes))[..., None], slope, 0)


def _share(targets: Array) -> Array:
    return (targets >= 0) & (targets <= 1)
