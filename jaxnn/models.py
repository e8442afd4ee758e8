"""Networks that people build, as functions that return a `Chain`; and which output and loss a task asks for."""

from collections.abc import Callable, Sequence
from typing import Any

from jaxnn import activations, losses
from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.config import config
from jaxnn.initializers import GlorotUniform, HeNormal, Initializer, LecunNormal
from jaxnn.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNorm,
    Chain,
    Conv,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    LearnedPositions,
    MaxPool,
    Residual,
    SinusoidalPositions,
    TransformerBlock,
)
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

    `code = encoder(x)`, `x' = decoder(code)`; the decoder has the encoder's widths in reverse; both ends are linear.

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


def transformer_lm(
    vocabulary: int, width: int = 128, depth: int = 4, heads: int = 4, context: int = 128,
    dropout: float | None = None, positions: str = "rotary",
) -> Chain:  # fmt: skip
    """Return a language model: tokens in, logits of the next token out, through blocks of causal attention.

    `x_0 = embedding[token]`, `x_l = block_l(x_{l-1})`, `logits = norm(x_L) K + b`.

    Args:
        vocabulary: how many tokens there are.
        width: features of a position.
        depth: how many blocks.
        heads: of each attention; they divide the width.
        context: how many positions each attention sees, itself included.
        dropout: share dropped of what each part of a block adds, while training; None for no dropout.
        positions: "rotary" (in the attention; text may go on without end), "sinusoidal", or "learned" (no sequence may
            be longer than `context`).

    Returns:
        The network: whole numbers `(..., time)` in, `(..., time, vocabulary)` out; it goes from step to step.

    Raises:
        JaxnnError: if a number is outside its range or the heads do not divide the width.

    Reference: A. Radford and others, "Language Models are Unsupervised Multitask Learners", 2019, without tied weights.

    >>> transformer_lm(64, width=32, depth=1, context=16)
    Chain(Embedding(64, 32), TransformerBlock(32, 4, causal=True, rotary=True, context=16), LayerNorm(), Dense(64))
    """
    one_of("positions", positions, ["rotary", "sinusoidal", "learned"])
    whole_number("depth", depth, 1)
    if whole_number("width", width, 1) % whole_number("heads", heads, 1):
        fail("heads", f"{heads} for a width of {width}", "a number that divides the width")
    added = {"rotary": [], "sinusoidal": [SinusoidalPositions()], "learned": [LearnedPositions(context)]}[positions]
    block = TransformerBlock(width, heads, causal=True, rotary=positions == "rotary", context=context, dropout=dropout)
    return Chain(Embedding(vocabulary, width), *added, *[block] * depth, LayerNorm(), Dense(vocabulary))


def char_rnn(
    vocabulary: int, hidden: int = 128, layers: int = 1, cell: str = "lstm", dropout: float | None = None,
    embedding: int = 64,
) -> Chain:  # fmt: skip
    """Return a language model: tokens in, logits of the next token out, through recurrent layers.

    `x = embedding[token]`, `h_l = cell_l(h_{l-1})` over time, `logits = h_L K + b`.

    Args:
        vocabulary: how many tokens there are.
        hidden: width of every recurrent layer.
        layers: how many of them.
        cell: "lstm", "gru" or "rnn".
        dropout: share of every recurrent layer's outputs dropped while training; None for no dropout.
        embedding: width of a token's vector.

    Returns:
        The network: whole numbers `(..., time)` in, `(..., time, vocabulary)` out; it goes from step to step.

    Raises:
        JaxnnError: if a number is outside its range, or the cell unknown.

    >>> char_rnn(64, cell="gru", dropout=0.2)
    Chain(Embedding(64, 64), GRU(128), Dropout(rate=0.2), Dense(64))
    """
    kind = {"lstm": LSTM, "gru": GRU, "rnn": RNN}[one_of("cell", cell, ["lstm", "gru", "rnn"])]
    chosen: list[Any] = []
    for _ in range(whole_number("layers", layers, 1)):
        chosen += [kind(hidden)] if dropout is None else [kind(hidden), Dropout(dropout)]
    return Chain(Embedding(vocabulary, embedding), *chosen, Dense(vocabulary))


def lenet(
    classes: int, channels: Sequence[int] = (32, 64), hidden: Sequence[int] = (128,), kernel_size: int = 3,
    padding: str = "SAME", dropout: float | None = None,
) -> Chain:  # fmt: skip
    """Return a convolutional network for small images: convolution, relu and pooling in turn, then dense layers.

    Pooling halves height and width; where one is odd, its last row or column is left out.

    Args:
        classes: width of the last layer.
        channels: of each convolution.
        hidden: widths of the dense layers in between.
        kernel_size: height and width of the windows.
        padding: of the convolutions, "SAME" or "VALID".
        dropout: share of every dense hidden layer's activations dropped while training; None for no dropout.

    Returns:
        The network; it takes `(..., height, width, channels)`, such as 8 x 8 x 1 or 28 x 28 x 1.

    Raises:
        JaxnnError: if a number is outside its range.

    Reference: Y. LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of the IEEE 1998.

    >>> lenet(10, channels=(6,), hidden=())
    Chain(Conv(6, 3, kernel_init=HeNormal()), relu, MaxPool(2, fit='floor'), Flatten(3), Dense(10))
    """
    layers: list[Any] = []
    for width in channels:
        conv = Conv(width, kernel_size, padding=padding, kernel_init=HeNormal())
        layers += [conv, activations.relu, MaxPool(2, fit="floor")]
    return Chain(*layers, Flatten(3), *(layer for _, layer in mlp(hidden, classes, dropout=dropout).layers))


def small_resnet(classes: int, channels: Sequence[int] = (16, 32, 64), blocks: int = 1) -> Chain:
    """Return a residual network: stages of blocks of two convolutions, each stage on half the height and width.

    `x_{l+1} = relu(x_l + norm(conv(relu(norm(conv(x_l))))))`; where a stage begins, x_l passes a 1 x 1 convolution.

    Args:
        classes: width of the last layer.
        channels: of each stage.
        blocks: in each stage.

    Returns:
        The network; it takes `(..., height, width, channels)`.

    Raises:
        JaxnnError: if a number is outside its range.

    Reference: K. He et al., "Deep residual learning for image recognition", 2016.

    >>> len(small_resnet(10).layers), small_resnet(10, (4,)).layers[3][1].children()["shortcut"]
    (11, identity)
    """

    def conv(width: int, size: int = 3, strides: int = 1) -> list[Any]:
        return [Conv(width, size, strides=strides, use_bias=False, kernel_init=HeNormal()), BatchNorm(3)]

    whole_number("blocks", blocks, 1)
    layers = [*conv(channels[0]), activations.relu]
    for stage, width in enumerate(channels):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            shortcut = Chain(*conv(width, 1, strides)) if strides == 2 else None
            inner = Chain(*conv(width, 3, strides), activations.relu, *conv(width))
            layers += [Residual(inner, shortcut), activations.relu]
    return Chain(*layers, GlobalAvgPool(), Dense(classes))


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
