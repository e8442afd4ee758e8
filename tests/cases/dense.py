"""Cases of the layers that work on the features of one position, and of what holds layers."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

import jaxnn as nn
from cases.case import Case
from jaxnn import activations, initializers


def _flax_dense(params: Any, state: Any, x: Any) -> Any:
    import flax.linen

    return flax.linen.Dense(params["kernel"].shape[1], use_bias="bias" in params).apply({"params": params}, x)


def _dense(params: Any, state: Any, x: Any) -> Any:
    return x @ params["kernel"] + params["bias"]


def _chain(params: Any, state: Any, x: Any) -> Any:
    return _dense(params["dense_1"], {}, jnp.maximum(_dense(params["dense_0"], {}, x), 0))


def _sum(*names: str) -> Callable[[Any, Any, Any], Any]:
    return lambda params, state, x: _dense(params[names[0]], {}, x) + _dense(params[names[1]], {}, x)


def _tied(params: Any, state: Any, x: Any) -> Any:
    return _dense(params["dense_0"], {}, jnp.tanh(_dense(params["dense_0"], {}, x)))


def _frozen(params: Any, state: Any, x: Any) -> Any:
    return _dense(state["params"]["dense_0"], {}, x)


def _torch_dense(params: Any, state: Any, x: Any) -> Any:
    import torch

    return torch.nn.functional.linear(x, params["kernel"].T, params.get("bias"))


def _flax_chain(params: Any, state: Any, x: Any) -> Any:
    import flax.linen

    hidden = flax.linen.relu(_flax_dense(params["dense_0"], {}, x))
    return _flax_dense(params["dense_1"], {}, hidden)


def _torch_activation(name: str) -> Callable[[Any, Any, Any], Any]:
    def run(params: Any, state: Any, x: Any) -> Any:
        import torch

        f = torch.nn.functional
        known = {
            "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": f.relu, "leaky_relu": f.leaky_relu, "elu": f.elu,
            "softmax": lambda v: f.softmax(v, -1), "swish": f.silu, "softplus": f.softplus, "gelu_exact": f.gelu,
            "gelu": lambda v: f.gelu(v, approximate="tanh"), "identity": lambda v: v, "square": torch.square,
            "soft_exponential_linear_unit": f.softplus, "sign": torch.sign,
        }  # fmt: skip
        return known[name](x)

    return run


_WITHOUT_TORCH = {"step", "scaled_tanh"}

LAYERS = [
    Case("dense", nn.Dense(5), (3,), flax=_flax_dense, torch=_torch_dense, formula=_dense),
    Case("dense without bias", nn.Dense(5, use_bias=False), (3,), flax=_flax_dense, torch=_torch_dense),
    Case("dense over the last axis", nn.Dense(2), (4, 3), flax=_flax_dense, torch=_torch_dense),
    Case("dense of integers", nn.Dense(2), (3,), integer=True),
    Case(
        "dense with other initializers",
        nn.Dense(4, kernel_init=initializers.HeNormal(), bias_init=initializers.Constant(0.5)),
        (3,),
        flax=_flax_dense,
    ),
    Case("flatten grey images", nn.Flatten(2), (3, 2)),
    Case("flatten images", nn.Flatten(3), (2, 2, 3), formula=lambda params, state, x: x.reshape(len(x), -1)),
    Case("dropout", nn.Dropout(0.5), (6,)),
    Case("dropout of integers", nn.Dropout(0.2), (6,), integer=True),
    Case("dropout of everything", nn.Dropout(1.0), (6,)),
    Case("dropout left out", nn.Dropout(None), (6,)),
    Case("activation of one's own", nn.Activation(jnp.sin), (4,)),
    Case("chain", nn.Chain(nn.Dense(4), nn.relu, nn.Dense(2)), (3,), flax=_flax_chain, formula=_chain),
    Case("chain with dropout", nn.Chain(nn.Dense(8), nn.tanh, nn.Dropout(0.3), nn.Dense(2)), (3,)),
    Case("residual", nn.Residual(nn.Chain(nn.Dense(3), nn.tanh, nn.Dropout(0.3))), (3,)),
    Case("residual with a shortcut", nn.Residual(nn.Dense(4), nn.Dense(4)), (3,), formula=_sum("layer", "shortcut")),
    Case("residual of integers", nn.Residual(nn.tanh), (3,), integer=True),
    Case("parallel", nn.Parallel(nn.Dense(4), nn.tanh, ("noisy", nn.Dropout(0.3))), (3,)),
    Case(
        "parallel sum over time",
        nn.Parallel(nn.Dense(4), nn.Dense(4), how="add"),
        (5, 3),
        time=True,
        formula=_sum("dense_0", "dense_1"),
    ),
    Case("tied", nn.Chain(nn.Dense(3), nn.tanh, nn.Tied("dense_0", nn.Dense(3))), (3,), formula=_tied),
    Case(
        "tied to a layer inside a sibling over time",
        nn.Chain(("inner", nn.Chain(nn.Dense(3))), nn.Tied("inner/dense_0", nn.Dense(3))),
        (5, 3),
        time=True,
    ),
    Case("frozen", nn.Frozen(nn.Chain(nn.Dense(4), nn.Dropout(0.5))), (3,), formula=_frozen),
    Case("frozen over time", nn.Chain(nn.Frozen(nn.Dense(4)), nn.relu), (5, 3), time=True),
    Case("chain in a chain", nn.Chain(nn.Flatten(2), ("inner", nn.Chain(nn.Dense(3), nn.Dropout(0.2)))), (2, 2)),
]

ACTIVATIONS = [
    Case(
        f"activation {name}", nn.Activation(function), (4,),
        torch=None if name in _WITHOUT_TORCH else _torch_activation(name),
    )
    for name, function in activations.ACTIVATIONS.items()
]  # fmt: skip
