"""Networks that people build, as functions that return a `Chain`; and which output and loss a task asks for."""

from collections.abc import Callable, Sequence
from typing import Any

from jaxnn import activations, losses
from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.config import config
from jaxnn.initializers import GlorotUniform, HeNormal, Initializer, LecunNormal
from jaxnn.layers import Chain, Dense, Dropout
from jaxnn.pytypes import Array


@config
class Objective:
    """What a task asks of the last layer: its width, the activation that turns logits into answers, and the loss.

    >>> objective("binary").width
    1
    """

    width: int
    activation: Callable[[Array], Array]
    loss: Any


def mlp(
    hidden: Sequence[int], outputs: int, activation: Callable[[Array], Array] = activations.relu,
    dropout: float | None = None,
) -> Chain:  # fmt: skip
    """Return a multilayer perceptron: dense hidden layers with an activation, and a dense layer of logits.

    `a_l = g(a_{l-1} K_l + b_l)` for every hidden layer, `logits = a_L K + b`.

    Hidden kernels are drawn for their activation: He's for rectifiers, Glorot's for sigmoid and tanh, else LeCun's.

    Args:
        hidden: widths of the hidden layers; () for a linear model.
        outputs: width of the last layer.
        activation: the hidden layers' function.
        dropout: share of every hidden layer's activations dropped while training; None for no dropout.

    Returns:
        The network; it takes `(..., features)`.

    Raises:
        JaxnnError: if a width is not at least 1 or the dropout not from 0 to 1.

    >>> mlp((64, 32), 10, dropout=0.2)
    Chain(Dense(64, kernel_init=HeNormal()), relu, Dropout(rate=0.2), Dense(32, kernel_init=HeNormal()), relu, \
Dropout(rate=0.2), Dense(10))
    """
    if not isinstance(hidden, list | tuple):
        fail("hidden", repr(hidden), "a list of widths", f"Write ({hidden},) for one hidden layer")
    for width in hidden:
        whole_number("hidden", width, 1)
    if dropout is not None:
        number_in("dropout", dropout, 0, 1)
    layers: list[Any] = []
    for width in hidden:
        layers += [Dense(width, kernel_init=_kernel_init(activation)), activation]
        layers += [] if dropout is None else [Dropout(dropout)]
    return Chain(*layers, Dense(outputs))


def autoencoder(
    inputs: int, hidden: Sequence[int] = (64, 16), activation: Callable[[Array], Array] = activations.relu
) -> Chain:
    """Return a network that squeezes an example through a narrow layer and rebuilds it; its targets are its inputs.

    `code = encoder(x)`, `x' = decoder(code)`; the decoder has the encoder's widths in reverse, and both ends are linear.

    Args:
        inputs: width of an example.
        hidden: widths of the encoder's layers, the code's last.
        activation: the function between layers.

    Returns:
        A `Chain` of two named `encoder` and `decoder`; it takes and returns `(..., inputs)`.

    Raises:
        JaxnnError: if a width is not at least 1 or there is none.

    >>> autoencoder(64, (32, 2))
    Chain(('encoder', Chain(Dense(32, kernel_init=HeNormal()), relu, Dense(2))), \
('decoder', Chain(Dense(32, kernel_init=HeNormal()), relu, Dense(64))))
    """
    whole_number("inputs", inputs, 1)
    if not hidden:
        fail("hidden", repr(hidden), "at least one width, the code's", "Write (2,) for a code of two numbers")
    *outer, code = hidden
    encoder, decoder = mlp(outer, code, activation), mlp(outer[::-1], inputs, activation)
    return Chain(("encoder", encoder), ("decoder", decoder))


def objective(task: str, classes: int | None = None) -> Objective:
    """Return width, activation and loss of the output for a task.

    regression: one linear output, squared error. binary: one logit, sigmoid, cross-entropy. classification: a logit for
    each of K classes, softmax, cross-entropy. multilabel: a logit for each of K labels, sigmoid, the sum of K binary
    cross-entropies.

    Args:
        task: "regression", "binary", "classification" or "multilabel".
        classes: K, at least 2 for classification and 1 for multilabel; not used by the other two.

    Returns:
        The objective; the losses take logits.

    Raises:
        JaxnnError: for an unknown task or a K that does not fit.

    >>> objective("classification", 3).width, objective("binary").loss
    (3, SigmoidCrossEntropy())
    """
    one_of("task", task, ["regression", "binary", "classification", "multilabel"])
    if task == "regression":
        return Objective(1, activations.identity, losses.squared_error)
    if task == "binary":
        return Objective(1, activations.sigmoid, losses.sigmoid_cross_entropy)
    if classes is None:
        fail("classes", "None", "how many classes or labels there are")
    if task == "multilabel":
        return Objective(whole_number("classes", classes, 1), activations.sigmoid, losses.sigmoid_cross_entropy)
    return Objective(whole_number("classes", classes, 2), activations.softmax, losses.softmax_cross_entropy)


def _kernel_init(activation: Any) -> Initializer:
    if activation in (activations.relu, activations.swish, activations.gelu, activations.gelu_exact):
        return HeNormal()
    if activation in (activations.softplus,) or isinstance(activation, activations.LeakyRelu | activations.Elu):
        return HeNormal()
    return GlorotUniform() if activation in (activations.sigmoid, activations.tanh) else LecunNormal()
