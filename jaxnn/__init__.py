"""Functional neural networks in JAX whose whole training run is one compiled program."""

import gc
from typing import TYPE_CHECKING

# looking for cycles among the many objects that JAX makes took 70 of the 130 ms that this import adds to its own
_collecting = gc.isenabled()
gc.disable()
try:
    from jaxnn import activations, initializers, layers, lazy, losses
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
    from jaxnn.layers import *  # noqa: F403 (layers.__all__ is the one list)
    from jaxnn.version import __version__
finally:
    if _collecting:
        gc.enable()

if TYPE_CHECKING:
    from jaxnn import (
        augmentation,
        backprop,
        calibration,
        data,
        estimators,
        metrics,
        models,
        neurons,
        optimizers,
        penalties,
        population,
        train,
    )
    from jaxnn.cache import enable_cache
    from jaxnn.generation import generate
    from jaxnn.model import Model
    from jaxnn.modelfile import load, save
    from jaxnn.population import bag, cross_validate, ensemble, learning_curve, search
    from jaxnn.train import EarlyStopping, History, Run, fit, fit_many

__getattr__ = lazy.attributes(
    __name__,
    {"Model": "jaxnn.model", "load": "jaxnn.modelfile", "save": "jaxnn.modelfile", "generate": "jaxnn.generation"}
    | {"enable_cache": "jaxnn.cache"}
    | dict.fromkeys(["augmentation", "backprop", "data", "estimators", "metrics", "models", "neurons"], __name__)
    | {"population": __name__}
    | dict.fromkeys(["bag", "cross_validate", "ensemble", "learning_curve", "search"], "jaxnn.population")
    | dict.fromkeys(["calibration", "optimizers", "penalties", "train"], __name__)
    | dict.fromkeys(["EarlyStopping", "History", "Run", "fit", "fit_many"], "jaxnn.train"),
)

__all__ = [
    "EarlyStopping",
    "Elu",
    "History",
    "JaxnnError",
    "LeakyRelu",
    "Model",
    "Run",
    "Sign",
    "Step",
    "__version__",
    "activations",
    "augmentation",
    "backprop",
    "bag",
    "calibration",
    "cross_validate",
    "data",
    "enable_cache",
    "ensemble",
    "estimators",
    "fit",
    "fit_many",
    "gelu",
    "gelu_exact",
    "generate",
    "identity",
    "initializers",
    "layers",
    "learning_curve",
    "load",
    "losses",
    "metrics",
    "models",
    "neurons",
    "optimizers",
    "penalties",
    "population",
    "relu",
    "save",
    "scaled_tanh",
    "search",
    "sigmoid",
    "softmax",
    "softplus",
    "square",
    "swish",
    "tanh",
    "train",
]  # fmt: skip
__all__ += layers.__all__
