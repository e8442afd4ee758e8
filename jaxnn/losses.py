"""Losses: the error of each example, as named frozen dataclasses over optax; sums and means are the caller's.

A loss is called with outputs (..., K) and targets and returns (...), in float32 or float64: the last axis is that of
the outputs or classes, every axis in front of it a batch axis. Targets have the shape of the outputs, or no last axis
where K is 1; losses of kind "classification" take integer labels (...) or rows of shares (..., K). Shapes and dtypes
are checked before any arithmetic, and a `JaxnnError` tells both shapes. What only the numbers show cannot raise in a
compiled program: labels and probabilities out of range give NaN, which stops a run.
"""

from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.config import config
from jaxnn.pytypes import Array
from jaxnn.shapes import class_targets, paired_targets


class Loss(Protocol):
    """What every loss is: outputs (..., outputs) and targets go in, one number for each example (...) comes out.

    `kind` is "classification", "binary" or "regression"; `on` is what the outputs are: "logits", "probabilities" or
    "values"; `minimisable` is False for a diagnostic whose minimum means nothing.
    """

    kind: ClassVar[str]
    on: ClassVar[str]
    minimisable: ClassVar[bool]

    def __call__(self, outputs: Any, targets: Any, /) -> Array:
        """Return the loss of each example, of shape outputs.shape[:-1]."""
        ...


def _checked_epsilon(where: str, epsilon: float) -> float:
    return number_in(f"{where}.epsilon", epsilon, 0, 0.5, open_low=True, open_high=True)


@config
class SoftmaxCrossEntropy:
    """The negative log-likelihood of the right class, from logits: the loss of a choice among K classes.

    L = -sum_k t_k log softmax(z)_k = logsumexp(z) - z_label, gradient softmax(z) - t.

    Args (of the call):
        outputs: logits (..., K), K >= 2.
        targets: integer labels (...,) from 0 to K - 1, or one-hot or soft rows (..., K) that sum to 1.

    Returns:
        (...). A label out of range gives NaN, never the loss of another class; see `check_labels`.

    Raises:
        JaxnnError: if the shapes or dtypes do not fit.

    >>> f"{softmax_cross_entropy([1.0, 2.0, 3.0], 2):.4f}"
    '0.4076'
    """

    kind: ClassVar[str] = "classification"
    on: ClassVar[str] = "logits"
    minimisable: ClassVar[bool] = True

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...)."""
        z, t = class_targets("softmax_cross_entropy", outputs, targets)
        if t.ndim == z.ndim:
            return optax.losses.safe_softmax_cross_entropy(z, t)  # a logit of -inf with a target of 0 counts 0, not NaN
        # not by optax: the gradient of its lookup is a scatter, with which XLA folds no loop (`jaxnn train --fold`)
        own = jnp.sum(jnp.where(jax.nn.one_hot(t, z.shape[-1], dtype=bool), z, 0), axis=-1)  # z_t, (...)
        return _nan_outside(t, z.shape[-1], jax.nn.logsumexp(z, axis=-1) - own)


@config
class SigmoidCrossEntropy:
    """The negative log-likelihood of independent yes-or-no labels, from logits: binary and multi-label classification.

    L = sum_k -t_k log sigmoid(z_k) - (1 - t_k) log(1 - sigmoid(z_k)), gradient sigmoid(z) - t.

    Args (of the call):
        outputs: logits (..., K).
        targets: (..., K) from 0 to 1, Booleans too; or (...,) where K is 1.

    Returns:
        (...). A target outside [0, 1], such as the -1 of -1/+1 labels, gives NaN.

    >>> f"{sigmoid_cross_entropy([0.0], 1):.4f}"
    '0.6931'
    """

    kind: ClassVar[str] = "binary"
    on: ClassVar[str] = "logits"
    minimisable: ClassVar[bool] = True

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...), summed over its labels."""
        z, t = paired_targets("sigmoid_cross_entropy", outputs, targets)
        return jnp.sum(_nan_unless_share(t, optax.losses.sigmoid_binary_cross_entropy(z, t)), axis=-1)


@config
class BinaryCrossEntropy:
    """The negative log-likelihood of independent yes-or-no labels, from probabilities.

    L = sum_k -t_k log max(p_k, epsilon) - (1 - t_k) log max(1 - p_k, epsilon), gradient (p - t) / (p (1 - p)).
    Prefer `SigmoidCrossEntropy`, whose gradient does not vanish where the network is sure and wrong.

    Args:
        epsilon: the least probability that a logarithm sees; above 0 and below 0.5.

    Args (of the call):
        outputs: probabilities (..., K).
        targets: (..., K) from 0 to 1, Booleans too; or (...,) where K is 1.

    Returns:
        (...). Outputs (logits by mistake) or targets outside [0, 1] give NaN.

    Raises:
        JaxnnError: if the shapes do not fit, or epsilon is not in its range.

    >>> [f"{one:.4f}" for one in binary_cross_entropy([[0.45], [0.0]], [1, 1])]
    ['0.7985', '16.1181']
    """

    epsilon: float = 1e-7
    kind: ClassVar[str] = "binary"
    on: ClassVar[str] = "probabilities"
    minimisable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", _checked_epsilon("BinaryCrossEntropy", self.epsilon))

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...), summed over its labels."""
        p, t = paired_targets("binary_cross_entropy", outputs, targets)
        no = jnp.log(jnp.maximum(1 - p, self.epsilon))
        each = -t * _clipped_log(p, self.epsilon) - (1 - t) * no
        return jnp.sum(_nan_unless_share(t, each), axis=-1)


@config
class CategoricalCrossEntropy:
    """The negative log-likelihood of the right class, from probabilities.

    L = -sum_k t_k log max(p_k, epsilon). Prefer `SoftmaxCrossEntropy`, which needs no epsilon.

    Args:
        epsilon: the least probability that the logarithm sees; above 0 and below 0.5.

    Args (of the call):
        outputs: probabilities (..., K), K >= 2, each row summing to 1.
        targets: integer labels (...,) from 0 to K - 1, or one-hot or soft rows (..., K) that sum to 1.

    Returns:
        (...). A label out of range, and outputs outside [0, 1] (logits by mistake), give NaN.

    Raises:
        JaxnnError: if the shapes or dtypes do not fit, or epsilon is not in its range.

    >>> [f"{one:.4f}" for one in categorical_cross_entropy([[0.25, 0.75], [0.0, 1.0]], [1, 0])]
    ['0.2877', '16.1181']
    """

    epsilon: float = 1e-7
    kind: ClassVar[str] = "classification"
    on: ClassVar[str] = "probabilities"
    minimisable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", _checked_epsilon("CategoricalCrossEntropy", self.epsilon))

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...)."""
        p, t = class_targets("categorical_cross_entropy", outputs, targets)
        classes = p.shape[-1]
        shares = t if t.ndim == p.ndim else jax.nn.one_hot(t, classes, dtype=p.dtype)  # (..., K)
        each = -jnp.sum(shares * _clipped_log(p, self.epsilon), axis=-1)
        return each if t.ndim == p.ndim else _nan_outside(t, classes, each)


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


softmax_cross_entropy = SoftmaxCrossEntropy()
sigmoid_cross_entropy = SigmoidCrossEntropy()
binary_cross_entropy = BinaryCrossEntropy()
categorical_cross_entropy = CategoricalCrossEntropy()
squared_error = SquaredError()
half_squared_error = HalfSquaredError()
mean_squared_error = MeanSquaredError()
absolute_error = AbsoluteError()
huber = Huber()
signed_error = SignedError()

LOSSES: dict[str, Loss] = {
    "softmax_cross_entropy": softmax_cross_entropy,
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "categorical_cross_entropy": categorical_cross_entropy,
    "squared_error": squared_error,
    "half_squared_error": half_squared_error,
    "mean_squared_error": mean_squared_error,
    "absolute_error": absolute_error,
    "huber": huber,
    "signed_error": signed_error,
}
"""Every loss with its default settings, by the name that files and commands use."""


def by_name(name: str) -> Loss:
    """Return the loss of a name.

    Args:
        name: a key of `LOSSES`.

    Returns:
        The instance.

    Raises:
        JaxnnError: with the list of names and the nearest.

    >>> by_name("huber")
    Huber()
    """
    return LOSSES[one_of("loss", name, LOSSES)]


def check_labels(targets: Any, classes: int) -> np.ndarray:
    """Return integer labels if all are from 0 to classes - 1; a compiled loss can only answer NaN to one that is not.

    Args:
        targets: labels on the host (...,), of an integer dtype, or Boolean where there are two classes.
        classes: how many there are, at least 2.

    Returns:
        The labels, as a NumPy array.

    Raises:
        JaxnnError: naming the first row that is out of range, or the dtype.

    >>> check_labels([0, 2, 3], 3)
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: targets: got the label 3 in row 2; needed labels from 0 to 2, as there are 3 classes.
    """
    count = whole_number("classes", classes, 2)
    labels = np.asarray(targets)
    if labels.dtype.kind not in "iu" and not (labels.dtype.kind == "b" and count == 2):
        fail("targets", f"labels of dtype {labels.dtype}", "labels of an integer dtype", "Number the classes from 0")
    wrong = np.argwhere((labels.astype(np.int64) < 0) | (labels >= count))
    if len(wrong):
        row = ", ".join(str(i) for i in wrong[0]) or "0"
        given = f"the label {labels[tuple(wrong[0])]} in row {row}"
        fail("targets", given, f"labels from 0 to {count - 1}, as there are {count} classes")
    return labels


def _clipped_log(p: Array, epsilon: float) -> Array:
    """log max(p, epsilon); NaN where p is no probability, so that logits given by mistake are not a negative loss."""
    rounding = 4 * jnp.finfo(p.dtype).eps  # a softmax may sum to a little more than 1
    return jnp.where((p >= 0) & (p <= 1 + rounding), jnp.log(jnp.maximum(p, epsilon)), jnp.nan)


def _nan_outside(labels: Array, classes: int, losses: Array) -> Array:
    """NaN where a label is out of range: JAX takes -1 as the last class, which would be silently wrong."""
    return jnp.where((labels >= 0) & (labels < classes), losses, jnp.nan)


def _nan_unless_share(targets: Array, losses: Array) -> Array:
    """NaN where a target is not from 0 to 1: the cross-entropy of a target of -1 falls without end."""
    return jnp.where((targets >= 0) & (targets <= 1), losses, jnp.nan)
