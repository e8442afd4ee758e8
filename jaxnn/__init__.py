"""Functional neural networks in JAX whose whole training run is one compiled program."""

from typing import TYPE_CHECKING

from jaxnn import activations, initializers, lazy, losses
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
from jaxnn.version import __version__

if TYPE_CHECKING:
    from jaxnn import data, metrics, models, optimizers, penalties, train
    from jaxnn.model import Model
    from jaxnn.modelfile import load, save
    from jaxnn.train import EarlyStopping, History, Run, fit

__getattr__ = lazy.attributes(
    __name__,
    {"Model": "jaxnn.model", "load": "jaxnn.modelfile", "save": "jaxnn.modelfile"}
    | dict.fromkeys(["data", "metrics", "models", "optimizers", "penalties", "train"], __name__)
    | dict.fromkeys(["EarlyStopping", "History", "Run", "fit"], "jaxnn.train"),
)

__all__ = [
    "Activation",
    "Chain",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Elu",
    "Flatten",
    "History",
    "JaxnnError",
    "Layer",
    "LeakyRelu",
    "Model",
    "Run",
    "Sign",
    "Step",
    "Summary",
    "__version__",
    "activations",
    "collapse",
    "count",
    "data",
    "fit",
    "gelu",
    "gelu_exact",
    "identity",
    "initializers",
    "load",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "penalties",
    "relu",
    "save",
    "scaled_tanh",
    "sigmoid",
    "softmax",
    "softplus",
    "square",
    "summary",
    "swish",
    "tanh",
    "train",
]  # fmt: skip
