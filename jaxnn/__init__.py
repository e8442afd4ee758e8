"""Functional neural networks in JAX whose whole training run is one compiled program."""

from jaxnn import activations, initializers, losses, metrics, models, optimizers, penalties
from jaxnn.activations import (
    Elu,
    LeakyRelu,
    Sign,
    Step,
    gelu,
    gelu_exact,
    identity,
    relu,
    scaled_tanh,
    sigmoid,
    softmax,
    softplus,
    square,
    swish,
    tanh,
)  # fmt: skip
from jaxnn.checks import JaxnnError
from jaxnn.layers import Activation, Chain, Dense, Dropout, Flatten, Layer, Summary, collapse, count, summary
from jaxnn.train import EarlyStopping, History, Run, fit
from jaxnn.version import __version__

__all__ = [
    "Activation", "Chain", "Dense", "Dropout", "EarlyStopping", "Elu", "Flatten", "History", "JaxnnError", "Layer",
    "LeakyRelu", "Run", "Sign", "Step", "Summary", "__version__", "activations", "collapse", "count", "fit", "gelu",
    "gelu_exact", "identity", "initializers", "losses", "metrics", "models", "optimizers", "penalties", "relu",
    "scaled_tanh", "sigmoid", "softmax", "softplus", "square", "summary", "swish", "tanh",
]  # fmt: skip
