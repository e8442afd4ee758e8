"""Cases of the pooling layers."""

from collections.abc import Callable
from typing import Any

import jax

import jaxnn as nn
from cases.case import Case


def _flax(pool: str, *arguments: Any) -> Callable[[Any, Any, Any], Any]:
    def run(params: Any, state: Any, x: Any) -> Any:
        import flax.linen

        with jax.numpy_dtype_promotion("standard"):  # it divides by an integer
            return getattr(flax.linen, pool)(x, *arguments)

    return run


def _torch(pool: str, *arguments: Any) -> Callable[[Any, Any, Any], Any]:
    def run(params: Any, state: Any, x: Any) -> Any:
        import torch

        return getattr(torch.nn.functional, pool)(x.movedim(-1, 1), *arguments).movedim(1, -1)

    return run


def _by_hand(params: Any, state: Any, x: Any) -> Any:
    """Windows of 2 x 2 that lie side by side, on 4 x 4: the pairs of each row, then of rows."""
    n, _, _, channels = x.shape
    pairs = x.reshape(n, 4, 2, 2 * channels)
    x = pairs[..., :channels] + pairs[..., channels:]
    pairs = x.reshape(n, 2, 4 * channels)
    return (pairs[..., : 2 * channels] + pairs[..., 2 * channels :]).reshape(n, 2, 2, channels) * 0.25


_SIDE = ((1, 1), (0, 0))

LAYERS = [
    Case(
        "max pool", nn.MaxPool(2), (4, 6, 3),
        flax=_flax("max_pool", (2, 2), (2, 2)), torch=_torch("max_pool2d", 2),
    ),
    Case(
        "max pool of windows that overlap", nn.MaxPool((3, 2), strides=(2, 1), padding=(1, 0)), (5, 4, 2),
        flax=_flax("max_pool", (3, 2), (2, 1), _SIDE), torch=_torch("max_pool2d", (3, 2), (2, 1), (1, 0)),
    ),
    Case("max pool over time", nn.MaxPool((3,), strides=1, padding="SAME"), (5, 2), time=True),
    Case("max pool of integers", nn.MaxPool((2,), fit="floor"), (5, 2), integer=True, low=-99, high=99),
    Case(
        "avg pool", nn.AvgPool(2), (4, 4, 3), formula=_by_hand,
        flax=_flax("avg_pool", (2, 2), (2, 2)), torch=_torch("avg_pool2d", 2),
    ),
    Case(
        "avg pool of volumes", nn.AvgPool((2, 1, 3), strides=1, padding="SAME"), (3, 2, 4, 2),
        flax=_flax("avg_pool", (2, 1, 3), (1, 1, 1), "SAME"),
    ),
    Case("avg pool over time", nn.AvgPool((3,), strides=1, padding="SAME"), (5, 2), time=True),
    Case("global max pool", nn.GlobalMaxPool(), (3, 4, 2), torch=lambda params, state, x: x.amax((1, 2))),
    Case("global max pool over time", nn.GlobalMaxPool(1), (5, 2), time=True, formula=lambda p, s, x: x.max(axis=1)),
    Case("global avg pool", nn.GlobalAvgPool(), (3, 4, 2), torch=lambda params, state, x: x.mean((1, 2))),
    Case("global avg pool over time", nn.GlobalAvgPool(1), (5, 2), time=True, formula=lambda p, s, x: x.mean(axis=1)),
]  # fmt: skip
