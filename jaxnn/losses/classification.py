"""Losses of classification: cross-entropies and their focal forms, from logits or from probabilities."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.config import config, number
from jaxnn.pytypes import Array
from jaxnn.shapes import class_targets, paired_targets


@config
class SoftmaxCrossEntropy:
    """The negative log-likelihood of the right class, from logits: the loss of a choice among K classes.

    L = -sum_k t_k log softmax(z)_k = logsumexp(z) - z_label, gradient softmax(z) - t; with smoothing
    `(1 - smoothing) t + smoothing / K` in place of t, so that no logit gains from growing without end.

    Args:
        smoothing: the share of every target that goes to all classes alike, from 0 to 1; a population may vary it. None
            for none.

    Args (of the call):
        outputs: logits (..., K), K >= 2.
        targets: integer labels (...,) from 0 to K - 1, or one-hot or soft rows (..., K) that sum to 1.

    Returns:
        (...). A label out of range gives NaN, never the loss of another class; see `check_labels`.

    Raises:
        JaxnnError: if the shapes or dtypes do not fit, or the smoothing is out of its range.

    Reference: for `smoothing`, C. Szegedy and others, "Rethinking the Inception architecture", 2016, section 7.

    >>> f"{softmax_cross_entropy([1.0, 2.0, 3.0], 2):.4f}", f"{SoftmaxCrossEntropy(0.3)([1.0, 2.0, 3.0], 2):.4f}"
    ('0.4076', '0.7076')
    """

    smoothing: float | None = number(default=None)
    kind: ClassVar[str] = "classification"
    on: ClassVar[str] = "logits"
    minimisable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.smoothing is not None:
            number_in("SoftmaxCrossEntropy.smoothing", self.smoothing, 0, 1)

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...)."""
        z, t = class_targets("softmax_cross_entropy", outputs, targets)
        if t.ndim == z.ndim:
            t = smoothed(t, self.smoothing)
            return optax.losses.safe_softmax_cross_entropy(z, t)  # a logit of -inf with a target of 0 counts 0, not NaN
        # not by optax: the gradient of its lookup is a scatter, with which XLA folds no loop (`jaxnn train --fold`)
        own = jnp.sum(jnp.where(jax.nn.one_hot(t, z.shape[-1], dtype=bool), z, 0), axis=-1)  # z_t, (...)
        if self.smoothing is not None:
            share = jnp.asarray(self.smoothing, z.dtype)
            own = (1 - share) * own + share * z.mean(axis=-1)
        return _nan_outside(t, z.shape[-1], jax.nn.logsumexp(z, axis=-1) - own)


def smoothed(targets: Array, smoothing: Any) -> Array:
    """Return rows of shares of classes with a part of each given to all classes alike.

    >>> print(smoothed(jnp.array([0.0, 1.0]), 0.5))
    [0.25 0.75]
    """
    if smoothing is None:
        return targets
    share = jnp.asarray(smoothing, targets.dtype)
    return (1 - share) * targets + share / targets.shape[-1]


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
class Focal:
    """Softmax cross-entropy that counts less what is already right: for classes of which one is rare.

    L = -sum_k t_k (1 - p_k)^gamma log p_k, p = softmax(z); its gradient is p_j sum_k t_k g_k - t_j g_j with
    g_k = (1 - p_k)^gamma - gamma p_k (1 - p_k)^(gamma - 1) log p_k. For gamma = 0 it equals `SoftmaxCrossEntropy`.

    Args:
        gamma: how fast an example loses weight as it gets right, at least 0.

    Args (of the call):
        outputs: logits (..., K), K >= 2.
        targets: integer labels (...,) from 0 to K - 1, or one-hot or soft rows (..., K) that sum to 1.

    Returns:
        (...). A label out of range gives NaN.

    Raises:
        JaxnnError: if the shapes or dtypes do not fit, or gamma is below 0.

    Source: Lin et al., "Focal loss for dense object detection", 2017.

    >>> [f"{one:.4f}" for one in Focal(2.0)([[0.0, 0.0], [0.0, 3.0]], [1, 1])]  # 1/4 ln 2, and 0.0022 of 0.0486
    ['0.1733', '0.0001']
    """

    gamma: float = 2.0
    kind: ClassVar[str] = "classification"
    on: ClassVar[str] = "logits"
    minimisable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", _checked_gamma("Focal", self.gamma))

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...)."""
        z, t = class_targets("focal", outputs, targets)
        classes = z.shape[-1]
        shares = t if t.ndim == z.ndim else jax.nn.one_hot(t, classes, dtype=z.dtype)  # (..., K)
        log_p = jnp.where(shares == 0, 0, jax.nn.log_softmax(z, axis=-1))  # -inf with a target of 0 counts 0, not NaN
        q = -jnp.expm1(log_p)  # 1 - p
        # a power below 1 has an infinite slope at 0, which the inner where keeps out of the gradient
        weight = jnp.where(q > 0, jnp.where(q > 0, q, 1) ** self.gamma, 0)
        each = jnp.sum(shares * weight * -log_p, axis=-1)
        return each if t.ndim == z.ndim else _nan_outside(t, classes, each)


@config
class BinaryFocal:
    """Sigmoid cross-entropy that counts less what is already right: for labels that are seldom yes.

    L = sum_k -t_k (1 - p_k)^gamma log p_k - (1 - t_k) p_k^gamma log(1 - p_k), p = sigmoid(z), gradient
    t (1 - p)^gamma (gamma p log p - (1 - p)) + (1 - t) p^gamma (p - gamma (1 - p) log(1 - p)).
    For gamma = 0 it equals `SigmoidCrossEntropy`.

    Args:
        gamma: how fast a label loses weight as it gets right, at least 0.

    Args (of the call):
        outputs: logits (..., K).
        targets: (..., K) from 0 to 1, Booleans too; or (...,) where K is 1.

    Returns:
        (...). A target outside [0, 1] gives NaN.

    Raises:
        JaxnnError: if the shapes do not fit, or gamma is below 0.

    Source: Lin et al., "Focal loss for dense object detection", 2017.

    >>> f"{BinaryFocal(2.0)([0.0], 1):.4f}"  # 1/4 ln 2
    '0.1733'
    """

    gamma: float = 2.0
    kind: ClassVar[str] = "binary"
    on: ClassVar[str] = "logits"
    minimisable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", _checked_gamma("BinaryFocal", self.gamma))

    def __call__(self, outputs: Any, targets: Any) -> Array:
        """Return the loss of each example (...), summed over its labels."""
        z, t = paired_targets("binary_focal", outputs, targets)
        log_p, log_q = jax.nn.log_sigmoid(z), jax.nn.log_sigmoid(-z)
        # powers by their logarithms, which have a finite slope everywhere
        yes, no = jnp.exp(self.gamma * log_q) * log_p, jnp.exp(self.gamma * log_p) * log_q
        return jnp.sum(_nan_unless_share(t, -t * yes - (1 - t) * no), axis=-1)


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


def _checked_epsilon(where: str, epsilon: float) -> float:
    return number_in(f"{where}.epsilon", epsilon, 0, 0.5, open_low=True, open_high=True)


def _checked_gamma(where: str, gamma: float) -> float:
    return number_in(f"{where}.gamma", gamma, 0, float("inf"), open_high=True)


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


softmax_cross_entropy = SoftmaxCrossEntropy()
sigmoid_cross_entropy = SigmoidCrossEntropy()
binary_cross_entropy = BinaryCrossEntropy()
categorical_cross_entropy = CategoricalCrossEntropy()
focal = Focal()
binary_focal = BinaryFocal()
