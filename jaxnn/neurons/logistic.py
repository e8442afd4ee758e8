"""Logistic and softmax regression: the log-likelihood, its gradient, and ascent by batches of any size."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.initializers import Zeros
from jaxnn.layers import Chain, Dense
from jaxnn.losses import check_labels, sigmoid_cross_entropy, softmax_cross_entropy
from jaxnn.neurons.labels import examples, signs
from jaxnn.ops import product
from jaxnn.pytypes import Array, Params
from jaxnn.train import Run, fit


def log_likelihood(params: Params, x: Any, y: Any) -> Array:
    """Return the logarithm of the probability that a linear model gives to the labels.

    One output: `ll = sum_n log P(y_n)` with `P(1) = sigmoid(z_n)`; for labels -1 and +1 that is `sum_n log sigmoid(y_n
    z_n)`. K outputs: `P(c) = exp(z_nc) / sum_k exp(z_nk)`. It is the cross-entropy, summed, with its sign changed.

    Args:
        params: of `Chain(Dense(1))`, or `Chain(Dense(K))` for K classes.
        x: (examples, features).
        y: (examples,), 0 and 1 or -1 and +1; for K classes their numbers from 0 to K - 1.

    Returns:
        A scalar, at most 0.

    Raises:
        JaxnnError: if labels or shapes do not fit.

    >>> start = {"dense_0": {"kernel": jnp.zeros((1, 1)), "bias": jnp.zeros(1)}}
    >>> f"{log_likelihood(start, [[0.0], [1.0]], [0, 1]):.4f}"  # -2 log 2
    '-1.3863'
    """
    return _log_likelihood(params, *_data(params, x, y))


@jax.jit
def _log_likelihood(params: Params, x: Array, t: Array) -> Array:
    z = _logits(params, x)
    loss = sigmoid_cross_entropy if z.shape[-1] == 1 else softmax_cross_entropy
    return -jnp.sum(loss(z, t))


def likelihood_gradient(params: Params, x: Any, y: Any) -> Params:
    """Return the gradient of the log-likelihood, in closed form: each input by how wrong the probability is.

    `d ll / d kernel = X^T (T - P)`, `d ll / d bias = sum_n (t_n - p_n)`, with the probabilities P and the truth T, both
    (examples, outputs); T is one-hot where there are K classes.

    Args:
        params, x, y: as for `log_likelihood`.

    Returns:
        What to go along to make the labels more probable, in the structure of `params`.

    Raises:
        JaxnnError: if labels or shapes do not fit.

    >>> start = {"dense_0": {"kernel": jnp.zeros((1, 1)), "bias": jnp.zeros(1)}}
    >>> likelihood_gradient(start, [[0.0], [3.0]], [0, 1])["dense_0"]["kernel"].tolist()
    [[1.5]]
    """
    return _likelihood_gradient(params, *_data(params, x, y))


@jax.jit
def _likelihood_gradient(params: Params, x: Array, t: Array) -> Params:
    z = _logits(params, x)
    if z.shape[-1] == 1:
        rest = t[:, None].astype(z.dtype) - jax.nn.sigmoid(z)
    else:
        rest = jax.nn.one_hot(t, z.shape[-1], dtype=z.dtype) - jax.nn.softmax(z, axis=-1)
    return {"dense_0": {"kernel": x.T @ rest, "bias": jnp.sum(rest, axis=0)}}  # rest: (examples, outputs)


def logistic_regression(
    x: Any, y: Any, *, learning_rate: float, epochs: int, batch_size: int | None = None, reduction: str = "sum",
    key: Any = 0,
) -> Run:  # fmt: skip
    """Fit the probability of one of two classes by gradient ascent on the log-likelihood, from weights of 0.

    `w = w + learning_rate sum over the batch of (t_n - sigmoid(w.x_n)) x_n`. For classes that a hyperplane separates
    there are no best weights: the likelihood tends to 1, and they grow for ever.

    Args:
        x: (examples, features).
        y: (examples,), 0 and 1 or -1 and +1.
        learning_rate: above 0.
        epochs: passes over the examples, at least 1.
        batch_size: None for all examples at once (batch), 1 for one at a time (stochastic), else mini-batches, drawn
            anew in every epoch; with "sum" it must divide the number of examples.
        reduction: "sum" of the gradients in the batch, as in the formula, or their "mean".
        key: of the order of the examples.

    Returns:
        The run of `jaxnn.fit`; `logits(x)` are z, (examples, 1). Its loss is the negative log-likelihood per example.

    Raises:
        JaxnnError: if something given does not fit.

    >>> corners = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> run = logistic_regression(corners, [0, 0, 0, 1], learning_rate=0.5, epochs=200)
    >>> (run.logits(corners)[:, 0] > 0).tolist(), f"{log_likelihood(run.params, corners, [0, 0, 0, 1]):.2f}"
    ([False, False, False, True], '-0.17')
    """
    rows, labels = examples(x, y)
    return _ascend(1, rows, _shares(labels), sigmoid_cross_entropy, learning_rate, epochs, batch_size, reduction, key)


def softmax_regression(
    x: Any, y: Any, *, learning_rate: float, epochs: int, batch_size: int | None = None, reduction: str = "sum",
    key: Any = 0, classes: int | None = None,
) -> Run:  # fmt: skip
    """Fit the probabilities of K classes by gradient ascent on the log-likelihood, from weights of 0.

    `w_c = w_c + learning_rate sum over the batch of ((y_n = c) - P(c given x_n)) x_n`. The class with the largest w_c.x
    wins, so that regions meet along hyperplanes.

    Args:
        x: (examples, features).
        y: (examples,), whole numbers from 0 to K - 1.
        learning_rate, epochs, batch_size, reduction, key: as for `logistic_regression`.
        classes: K, at least 2; None for one more than the largest label.

    Returns:
        The run of `jaxnn.fit`; `logits(x)` are z, (examples, K).

    Raises:
        JaxnnError: if something given does not fit.

    >>> run = softmax_regression([[-2.0], [0.0], [2.0]], [0, 1, 2], learning_rate=0.5, epochs=200)
    >>> run.logits([[-3.0], [0.1], [3.0]]).argmax(axis=1).tolist()
    [0, 1, 2]
    """
    rows, labels = examples(x, y)
    count = max(int(jnp.max(labels)) + 1, 2) if classes is None else whole_number("classes", classes, 2)
    numbers = check_labels(labels, count)
    return _ascend(count, rows, numbers, softmax_cross_entropy, learning_rate, epochs, batch_size, reduction, key)


def _ascend(
    outputs: int, x: Array, y: Any, loss: Any, learning_rate: float, epochs: int, batch_size: int | None,
    reduction: str, key: Any,
) -> Run:  # fmt: skip
    """Minimise the mean loss by `fit`, whose steps are those of the sum if the learning rate has the factor for it."""
    one_of("reduction", reduction, ["sum", "mean"])
    number_in("learning_rate", learning_rate, 0, float("inf"), open_low=True)
    size = len(x) if batch_size is None else whole_number("batch_size", batch_size, 1, len(x))
    if reduction == "sum" and len(x) % size:
        needed = "a size that divides them, so that every sum has as many terms"
        fail("batch_size", f"{size} for {len(x)} examples", needed, "Or take reduction='mean'")
    net = Chain(Dense(outputs, kernel_init=Zeros()))
    rate = learning_rate * size if reduction == "sum" else learning_rate
    data = (np.asarray(x), np.asarray(y))
    return fit(net, data, loss, optimizer="sgd", learning_rate=rate, epochs=epochs, batch_size=size, key=key)


def _data(params: Params, x: Any, y: Any) -> tuple[Array, Array]:
    """The examples in the dtype of the parameters, and the labels: 0.0 and 1.0 for one output, else class numbers."""
    rows, labels = examples(x, y)
    kernel = params["dense_0"]["kernel"]
    return rows.astype(kernel.dtype), _shares(labels) if kernel.shape[1] == 1 else labels


def _logits(params: Params, x: Array) -> Array:
    """The outputs of the linear model, (examples, outputs)."""
    return product(x, params["dense_0"]["kernel"]) + params["dense_0"]["bias"]


def _shares(y: Array) -> Array:
    """Labels of two classes as 0.0 and 1.0, (examples,)."""
    return (signs(y) + 1) / 2
