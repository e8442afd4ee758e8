"""One answer of many networks: the mean of their probabilities or values, as outputs of the kind that they have."""

from typing import Any

import numpy as np


def combined(loss: Any, outputs: Any, weight: Any = None) -> np.ndarray:
    """Return the outputs of a network that says what several say on average, so that losses and metrics take them.

    Logits: the logarithm of the mean probability of each class, or its log-odds where every output is a yes or no.
    Log-rates: the logarithm of the mean rate. Mean and log variance: those of the mixture, whose variance is the mean
    variance and the variance of the means together. Any others: their mean.

    Args:
        loss: that of the networks; its `on` and `kind` say what outputs are.
        outputs: `(members, rows, ..., outputs)`.
        weight: `(members, rows)` of each member's answer for a row; None for all alike.

    Returns:
        float64 `(rows, ..., outputs)`; NaN for a row whose weights are all 0.

    >>> import jaxnn as nn
    >>> z = np.log([[[0.2, 0.8]], [[0.6, 0.4]]])
    >>> np.exp(combined(nn.losses.softmax_cross_entropy, z)).round(12).tolist()
    [[0.4, 0.6]]
    >>> combined(nn.losses.squared_error, [[[1.0]], [[5.0]]], weight=[[3], [1]]).tolist()
    [[2.0]]
    """
    z = np.asarray(outputs, np.float64)
    weight = np.ones(z.shape[:2]) if weight is None else np.asarray(weight, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (weight / weight.sum(axis=0)).reshape(*weight.shape, *[1] * (z.ndim - 2))
        on, kind = getattr(loss, "on", None), getattr(loss, "kind", None)
        if on == "logits" and kind == "classification":
            return _log_mean(z - np.logaddexp.reduce(z, axis=-1, keepdims=True), share)
        if on == "logits" and kind == "binary":
            return _log_mean(-np.logaddexp(0, -z), share) - _log_mean(-np.logaddexp(0, z), share)
        if on == "log_rates":
            return _log_mean(z, share)
        if on == "mean_and_log_variance":
            mean = (share * z[..., :1]).sum(axis=0)
            variance = (share * (np.exp(z[..., 1:]) + (z[..., :1] - mean) ** 2)).sum(axis=0)
            return np.concatenate([mean, np.log(variance)], axis=-1)
        return (share * z).sum(axis=0)


def _log_mean(z: np.ndarray, share: np.ndarray) -> np.ndarray:
    """log sum_m share_m exp(z_m), without under- or overflow."""
    z = np.where(share > 0, z, -np.inf)
    most = z.max(axis=0)
    return most + np.log((share * np.exp(z - most)).sum(axis=0))
