"""Cases of the normalizations."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import jaxnn as nn
from cases.case import Case
from jaxnn.initializers import Normal, Uniform

_DRAWN: dict[str, Any] = {"scale_init": Uniform(0.5, 2.0), "bias_init": Normal(1.0)}
"""Scales of 1 and biases of 0 would let a layer pass that has neither."""


def _flax(name: str, **fields: Any) -> Callable[[Any, Any, Any], Any]:
    def run(params: Any, state: Any, x: Any) -> Any:
        import flax.linen

        statistics = {"batch_stats": {key: state[key] for key in ("mean", "var")}} if state else {}
        return getattr(flax.linen, name)(**fields).apply({"params": params} | statistics, x)

    return run


def _torch_batch(params: Any, state: Any, x: Any) -> Any:
    import torch

    flat = x.reshape(-1, x.shape[-1])
    y = torch.nn.functional.batch_norm(flat, state["mean"], state["var"], params["scale"], params["bias"])
    return y.reshape(x.shape)


def _torch_layer(params: Any, state: Any, x: Any) -> Any:
    import torch

    return torch.nn.functional.layer_norm(x, x.shape[-1:], params["scale"], params["bias"], 1e-6)


def _torch_rms(params: Any, state: Any, x: Any) -> Any:
    import torch

    return torch.nn.functional.rms_norm(x, x.shape[-1:], params["scale"], 1e-6)


def _torch_group(params: Any, state: Any, x: Any) -> Any:
    import torch

    y = torch.nn.functional.group_norm(x.movedim(-1, 1), 2, params["scale"], params["bias"], 1e-6)
    return y.movedim(1, -1)


def _batch(params: Any, state: Any, x: Any) -> Any:
    factor = params["scale"] / jnp.sqrt(state["var"] + 1e-5)
    return (x - state["mean"]) * factor + params["bias"]


def _layer(params: Any, state: Any, x: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    var = jnp.square(x - mean).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(var + 1e-6) * params["scale"] + params["bias"]


def _rms(params: Any, state: Any, x: Any) -> Any:
    return x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-6) * params["scale"]


def _group(params: Any, state: Any, x: Any) -> Any:
    groups = x.reshape(*x.shape[:-1], 2, -1)
    axes = (-4, -3, -1)
    mean = groups.mean(axes, keepdims=True)
    var = jnp.square(groups - mean).mean(axes, keepdims=True)
    y = ((groups - mean) * jax.lax.rsqrt(var + 1e-6)).reshape(x.shape)
    return y * params["scale"] + params["bias"]


_FLAX_BATCH = _flax("BatchNorm", use_running_average=True, epsilon=1e-5)

LAYERS = [
    Case("batch norm", nn.BatchNorm(**_DRAWN), (3,), flax=_FLAX_BATCH, torch=_torch_batch, formula=_batch),
    Case("batch norm of images", nn.BatchNorm(3, **_DRAWN), (2, 2, 3), flax=_FLAX_BATCH, formula=_batch),
    Case("batch norm over time", nn.BatchNorm(2, **_DRAWN), (5, 3), time=True, torch=_torch_batch),
    Case("batch norm of integers without scale and bias", nn.BatchNorm(use_scale=False, use_bias=False), (3,), True),
    Case("layer norm", nn.LayerNorm(**_DRAWN), (6,), flax=_flax("LayerNorm"), torch=_torch_layer, formula=_layer),
    Case("layer norm over time", nn.LayerNorm(use_bias=False, scale_init=Uniform(0.5, 2.0)), (5, 6), time=True),
    Case(
        "layer norm of whole sequences", nn.LayerNorm(2, **_DRAWN), (5, 3), time=True,
        flax=_flax("LayerNorm", reduction_axes=(-2, -1)),
    ),
    Case(
        "rms norm", nn.RMSNorm(scale_init=Uniform(0.5, 2.0)), (4, 6), time=True,
        flax=_flax("RMSNorm"), torch=_torch_rms, formula=_rms,
    ),
    Case(
        "group norm of images", nn.GroupNorm(2, 3, **_DRAWN), (3, 2, 6),
        flax=_flax("GroupNorm", num_groups=2), torch=_torch_group, formula=_group,
    ),
    Case("group norm of sequences", nn.GroupNorm(2, 2, **_DRAWN), (5, 4), time=True),
]  # fmt: skip
