"""Losses by scikit-learn's names: what is minimised, how wide the output is, and what an output means."""

from typing import Any, NamedTuple

import jax

from jaxnn import losses, metrics
from jaxnn.checks import fail, one_of
from jaxnn.estimators.scores import ExactMatch, Explained
from jaxnn.pytypes import Array


class Objective(NamedTuple):
    """What an estimator asks of the last layer."""

    loss: Any
    width: int
    """Outputs of the network."""
    out_activation: str
    """scikit-learn's name for what turns outputs into answers."""
    score: Any
    """The metric that `score` is, of the outputs."""


def for_classes(owner: str, loss: Any, kind: str, width: int) -> Objective:
    """Return the objective of a classifier.

    Args:
        owner: the estimator's name.
        loss: "log_loss", "focal", a loss of `jaxnn.losses` on logits, or a function of (logits, targets).
        kind: "binary", "multiclass" or "multilabel".
        width: outputs of the network.

    Returns:
        The objective.

    Raises:
        JaxnnError: if the loss is not for such classes.

    >>> for_classes("MLPClassifier", "log_loss", "binary", 1).loss
    SigmoidCrossEntropy()
    """
    several = kind == "multiclass"
    named = {
        "log_loss": losses.softmax_cross_entropy if several else losses.sigmoid_cross_entropy,
        "focal": losses.focal if several else losses.binary_focal,
    }
    made = named[one_of(f"{owner}.loss", loss, named)] if isinstance(loss, str) else _callable(owner, loss, named)
    needed = "classification" if several else "binary"
    if getattr(made, "kind", needed) != needed or getattr(made, "on", "logits") != "logits":
        fail(f"{owner}.loss", repr(made), f"a {needed} loss on logits, as these are {kind} targets")
    score = ExactMatch() if kind == "multilabel" else metrics.Accuracy()
    name = "softmax" if several else "logistic"
    return Objective(made, width, name, score)


def probability(out_activation: str) -> Any:
    """Return what turns logits into probabilities, by scikit-learn's name.

    >>> probability("logistic") is jax.nn.sigmoid
    True
    """
    return {"softmax": jax.nn.softmax, "logistic": jax.nn.sigmoid}[out_activation]


def for_values(owner: str, loss: Any, targets: int) -> Objective:
    """Return the objective of a regressor.

    Args:
        owner: the estimator's name.
        loss: "squared_error", "poisson", "absolute_error", "huber", "quantile", "gaussian_nll", a loss of
            `jaxnn.losses` such as `Quantile((0.1, 0.5, 0.9))`, or a function of (outputs, targets).
        targets: columns of y.

    Returns:
        The objective.

    Raises:
        JaxnnError: if the loss is not for values, or takes one target and there are several.

    >>> for_values("MLPRegressor", "poisson", 1).out_activation
    'exp'
    """
    named = {
        "squared_error": losses.half_squared_error, "poisson": losses.poisson, "absolute_error": losses.absolute_error,
        "huber": losses.huber, "quantile": losses.quantile, "gaussian_nll": losses.gaussian_nll,
    }  # fmt: skip
    made = named[one_of(f"{owner}.loss", loss, named)] if isinstance(loss, str) else _callable(owner, loss, named)
    if getattr(made, "kind", "regression") != "regression" or not getattr(made, "minimisable", True):
        fail(f"{owner}.loss", repr(made), "a loss for values")
    if isinstance(made, losses.Quantile | losses.GaussianNLL) and targets != 1:
        fail(f"{owner}.loss", f"{made!r} and y of {targets} columns", "one column", "Fit one regressor for each")
    if isinstance(made, losses.PoissonDeviance):
        return Objective(made, targets, "exp", Explained(as_is))
    if isinstance(made, losses.Quantile):
        return Objective(made, len(made.quantiles), "identity", Explained(_Column(middle(made.quantiles))))
    if isinstance(made, losses.GaussianNLL):
        return Objective(made, 2, "identity", Explained(as_is))
    return Objective(made, targets, "identity", Explained(as_is))


def middle(quantiles: Any) -> int:
    """Return which of several quantiles is nearest to the median; the first of equals.

    >>> middle((0.1, 0.5, 0.9))
    1
    """
    return min(range(len(quantiles)), key=lambda i: abs(quantiles[i] - 0.5))


def as_is(outputs: Array) -> Array:
    """Return outputs that are answers already."""
    return outputs


class _Column(NamedTuple):
    """A function that takes one of several outputs."""

    which: int

    def __call__(self, outputs: Array) -> Array:
        return outputs[..., self.which : self.which + 1]


def _callable(owner: str, loss: Any, named: Any) -> Any:
    if isinstance(loss, type) or not callable(loss):
        fail(f"{owner}.loss", repr(loss), f"a name ({', '.join(named)}), one of jaxnn.losses, or a function")
    return loss
