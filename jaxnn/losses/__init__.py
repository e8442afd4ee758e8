"""Losses: the error of each example, as named frozen dataclasses over optax; sums and means are the caller's.

A loss is called with outputs (..., K) and targets and returns (...), in float32 or float64: the last axis is that of
the outputs or classes, every axis in front of it a batch axis. Targets have the shape of the outputs, or no last axis
where K is 1; losses of kind "classification" take integer labels (...) or rows of shares (..., K), `Quantile` and
`GaussianNLL` one target for all outputs of an example. Shapes and dtypes are checked before any arithmetic, and a
`JaxnnError` tells both shapes. What only the numbers show cannot raise in a compiled program: labels, probabilities
and counts out of range give NaN, which stops a run.
"""

from jaxnn.checks import one_of
from jaxnn.losses.base import Loss, values_of
from jaxnn.losses.classification import (
    BinaryCrossEntropy,
    BinaryFocal,
    CategoricalCrossEntropy,
    Focal,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    binary_cross_entropy,
    binary_focal,
    categorical_cross_entropy,
    check_labels,
    focal,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
)
from jaxnn.losses.regression import (
    AbsoluteError,
    GaussianNLL,
    HalfSquaredError,
    Huber,
    MeanSquaredError,
    PoissonDeviance,
    Quantile,
    SignedError,
    SquaredError,
    absolute_error,
    gaussian_nll,
    half_squared_error,
    huber,
    mean_squared_error,
    poisson,
    quantile,
    signed_error,
    squared_error,
)

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "CategoricalCrossEntropy",
    "Focal",
    "GaussianNLL",
    "HalfSquaredError",
    "Huber",
    "Loss",
    "MeanSquaredError",
    "PoissonDeviance",
    "Quantile",
    "SigmoidCrossEntropy",
    "SignedError",
    "SoftmaxCrossEntropy",
    "SquaredError",
    "absolute_error",
    "binary_cross_entropy",
    "binary_focal",
    "by_name",
    "categorical_cross_entropy",
    "check_labels",
    "focal",
    "gaussian_nll",
    "half_squared_error",
    "huber",
    "mean_squared_error",
    "poisson",
    "quantile",
    "sigmoid_cross_entropy",
    "signed_error",
    "softmax_cross_entropy",
    "squared_error",
    "values_of",
]

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
    "poisson": poisson,
    "quantile": quantile,
    "gaussian_nll": gaussian_nll,
    "focal": focal,
    "binary_focal": binary_focal,
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
