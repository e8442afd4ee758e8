"""Cases of the layers that drop or add something at random; plain `Dropout` is in `dense.py`."""

from typing import Any

import jax.numpy as jnp

import jaxnn as nn
from cases.case import Case


def _dense(params: Any, state: Any, x: Any) -> Any:
    return x @ params["layer"]["kernel"] + params["layer"]["bias"]


def _flax_dense(params: Any, state: Any, x: Any) -> Any:
    import flax.linen

    return flax.linen.Dense(params["layer"]["kernel"].shape[1]).apply({"params": params["layer"]}, x)


def _torch_dense(params: Any, state: Any, x: Any) -> Any:
    import torch

    return torch.nn.functional.linear(x, params["layer"]["kernel"].T, params["layer"]["bias"])


def _identity(params: Any, state: Any, x: Any) -> Any:
    return jnp.asarray(x)


_NET = nn.Chain(nn.Dense(4), nn.tanh, nn.Dropout(0.2), nn.Dense(2))

LAYERS = [
    Case("drop connect", nn.DropConnect(nn.Dense(5)), (3,), flax=_flax_dense, torch=_torch_dense, formula=_dense),
    Case("drop connect of a network", nn.DropConnect(_NET, 0.3), (3,)),
    Case("drop connect over time", nn.Chain(nn.DropConnect(nn.Dense(4)), nn.relu), (5, 3), time=True),
    Case("drop connect left out", nn.DropConnect(nn.Chain(nn.Dense(4), nn.Dropout(0.2)), None), (3,), integer=True),
    Case("stochastic depth", nn.StochasticDepth(0.5), (6,), integer=True),
    Case("stochastic depth of images", nn.StochasticDepth(0.3, rank=3), (2, 2, 3), formula=_identity),
    Case(
        "stochastic depth of a branch over time",
        nn.Residual(nn.Chain(nn.Dense(3), nn.StochasticDepth(0.5, rank=2))),
        (5, 3),
        time=True,
    ),
    Case("gaussian noise", nn.GaussianNoise(0.3), (6,), formula=_identity),
    Case("gaussian noise of integers", nn.GaussianNoise(1.0), (2, 3), integer=True),
    Case("gaussian noise left out", nn.GaussianNoise(None), (6,)),
]
