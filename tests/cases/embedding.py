"""Cases of the layers that take whole numbers, and of positions."""

from typing import Any

import jax.numpy as jnp

import jaxnn as nn
from cases.case import Case


def _flax_embedding(params: Any, state: Any, x: Any) -> Any:
    import flax.linen

    return flax.linen.Embed(*params["embedding"].shape).apply({"params": params}, x)


def _torch_embedding(params: Any, state: Any, x: Any) -> Any:
    import torch

    return torch.nn.functional.embedding(x, params["embedding"])


def _embedding(params: Any, state: Any, x: Any) -> Any:
    return params["embedding"].at[x].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)


def _flax_tied(params: Any, state: Any, x: Any) -> Any:
    import flax.linen

    table = {"params": params["embedding_0"]}
    embed = flax.linen.Embed(*params["embedding_0"]["embedding"].shape)
    return embed.apply(table, embed.apply(table, x), method="attend")


def _torch_unembedding(params: Any, state: Any, x: Any) -> Any:
    return x @ params["embedding"].T


LAYERS = [
    Case(
        "embedding", nn.Embedding(7, 4), (5,), integer=True, low=0, high=7, time=True,
        flax=_flax_embedding, torch=_torch_embedding, formula=_embedding,
    ),
    Case("unembedding", nn.Unembedding(6), (5, 3), time=True, torch=_torch_unembedding, formula=_torch_unembedding),
    Case(
        "embedding tied to logits", nn.Chain(nn.Embedding(6, 4), nn.Tied("embedding_0", nn.Unembedding(6))), (5,),
        integer=True, low=0, high=6, time=True, flax=_flax_tied,
    ),
]  # fmt: skip
