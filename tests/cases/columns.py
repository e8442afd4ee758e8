"""Cases of the layers that know the columns of a table."""

from typing import Any

import jax.numpy as jnp

import jaxnn as nn
from cases.case import Case
from jaxnn import initializers


def _columns(params: Any, state: Any, x: Any) -> Any:
    first, second = (
        params[f"embedding_{i}"].at[x[..., p]].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
        for i, p in ((0, 1), (1, 3))
    )
    numbers = x.astype(first.dtype)
    return jnp.concatenate([numbers[..., :1], first, numbers[..., 2:3], second, numbers[..., 4:]], axis=-1)


def _torch_columns(params: Any, state: Any, x: Any) -> Any:
    import torch

    embed = torch.nn.functional.embedding
    vectors = embed(x[:, 1], params["embedding_0"]), embed(x[:, 3], params["embedding_1"])
    return torch.cat([x[:, :1], vectors[0], x[:, 2:3], vectors[1], x[:, 4:]], dim=1)


LAYERS = [
    Case(
        "embedding of columns",
        nn.ColumnEmbedding(((1, 4, 3), (3, 6, 2)), embedding_init=initializers.Normal(1.0)), (5,),
        integer=True, low=0, high=4, torch=_torch_columns, formula=_columns,
    ),
]  # fmt: skip
