"""Cases of the convolutions."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import jaxnn as nn
from cases.case import Case


def _flax(layer: Any) -> Callable[[Any, Any, Any], Any]:
    def run(params: Any, state: Any, x: Any) -> Any:
        import flax.linen

        common = {
            "features": layer.features, "strides": layer.strides, "padding": layer.padding,
            "kernel_size": params["kernel"].shape[:-2], "use_bias": layer.use_bias, "kernel_dilation": layer.dilation,
        }  # fmt: skip
        if isinstance(layer, nn.ConvTranspose):
            return flax.linen.ConvTranspose(**common).apply({"params": params}, x)
        return flax.linen.Conv(**common, feature_group_count=layer.groups).apply({"params": params}, x)

    return run


def _torch(layer: Any, padding: Any = 0, output_padding: Any = 0) -> Callable[[Any, Any, Any], Any]:
    """PyTorch has channels before space; kernels (out, in, *window), transposed ones (in, out, *window) and flipped."""

    def run(params: Any, state: Any, x: Any) -> Any:
        import torch

        f, kernel = torch.nn.functional, params["kernel"]
        rank, x = kernel.ndim - 2, x.movedim(-1, 1)
        space = tuple(range(rank))
        more = {"stride": layer.strides, "padding": padding, "dilation": layer.dilation, "groups": layer.groups}
        if isinstance(layer, nn.ConvTranspose):
            kernel = kernel.flip(space).permute(rank, rank + 1, *space)
            known = (f.conv_transpose1d, f.conv_transpose2d, f.conv_transpose3d)[rank - 1]
            y = known(x, kernel, params.get("bias"), output_padding=output_padding, **more)
        else:
            kernel = kernel.permute(rank + 1, rank, *space)
            y = (f.conv1d, f.conv2d, f.conv3d)[rank - 1](x, kernel, params.get("bias"), **more)
        return y.movedim(1, -1)

    return run


def _by_hand(params: Any, state: Any, x: Any) -> Any:
    """3 x 3, SAME, for images of 6 x 6 with 3 channels."""
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    patches = jnp.concatenate([padded[:, i : i + 6, j : j + 6] for i in range(3) for j in range(3)], axis=-1)
    y = patches.reshape(-1, 27) @ params["kernel"].reshape(27, -1)
    return y.reshape(*x.shape[:-1], -1) + params["bias"]


def _transposed_by_hand(params: Any, state: Any, x: Any) -> Any:
    """Window and stride 2: what every place of the window adds, put between zeros."""
    kernel = params["kernel"].reshape(4, x.shape[-1], -1)
    y = jnp.einsum("nhwc,kcf->knhwf", x, kernel)
    zero, none = jnp.float32(0), (0, 0, 0)
    places = [(none, (1 - i, i, 1), (1 - j, j, 1), none) for i in (0, 1) for j in (0, 1)]
    return sum(jax.lax.pad(one, zero, place) for one, place in zip(y, places, strict=True)) + params["bias"]


def _case(name: str, layer: Any, shape: tuple[int, ...], padding: Any = 0, **more: Any) -> Case:
    return Case(name, layer, shape, flax=_flax(layer), torch=_torch(layer, padding), **more)


_UP = nn.ConvTranspose(2, (2, 2), strides=2)

LAYERS = [
    _case("conv", nn.Conv(4, 3), (6, 6, 3), 1, formula=_by_hand),
    _case("conv over time", nn.Conv(3, (3,)), (5, 2), 1, time=True),
    _case("conv of volumes", nn.Conv(2, (2, 1, 3), padding="VALID"), (3, 2, 4, 2)),
    _case(
        "conv in groups with strides and dilation",
        nn.Conv(4, (3, 2), strides=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2, use_bias=False),
        (5, 4, 2), (1, 2),
    ),
    Case(
        "conv depthwise, padded unevenly", nn.Conv(4, (3, 3), strides=2, padding=((1, 0), 1), groups=2), (6, 5, 2),
        flax=_flax(nn.Conv(4, (3, 3), strides=2, padding=((1, 0), (1, 1)), groups=2)),
    ),
    Case("conv of integers", nn.Conv(2, (1, 1)), (2, 2, 3), integer=True, flax=None),
    Case(
        "transposed conv", _UP, (3, 2, 3), flax=_flax(_UP), torch=_torch(_UP), formula=_transposed_by_hand,
    ),
    _case("transposed conv over time", nn.ConvTranspose(3, (3,), padding=1), (5, 2), 1, time=True),
    _case(
        "transposed conv with strides and dilation",
        nn.ConvTranspose(2, (3, 2), strides=(3, 2), padding=((3, 3), (1, 1)), dilation=(2, 1)), (2, 3, 2), (1, 0),
    ),
]  # fmt: skip
