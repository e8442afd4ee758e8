"""Cases of attention, of what is made of it, and of positions."""

from typing import Any

import jax.numpy as jnp
import numpy as np

import jaxnn as nn
from cases.case import Case


def _attention(params: Any, state: Any, x: Any) -> Any:
    """The textbook's, for heads side by side; three products in one as in ours."""
    width, heads, depth = params["query"]["kernel"].shape
    parts = [params[name] for name in ("query", "key", "value")]
    kernel = jnp.concatenate([part["kernel"].reshape(width, width) for part in parts], axis=1)
    y = x @ kernel + jnp.concatenate([part["bias"].reshape(width) for part in parts])
    split = (part.reshape(*x.shape[:-1], heads, depth) for part in jnp.split(y, 3, axis=-1))
    q, k, v = (jnp.swapaxes(part, -3, -2) for part in split)
    scores = jnp.einsum("...td,...sd->...ts", q * depth**-0.5, k)
    scores = jnp.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -1e30)
    shares = jnp.exp(scores - jnp.max(scores, axis=-1, keepdims=True))
    mixed = jnp.einsum("...ts,...sd->...td", shares, v) / shares.sum(-1, keepdims=True)
    together = jnp.swapaxes(mixed, -3, -2).reshape(x.shape)
    return together @ params["out"]["kernel"].reshape(width, width) + params["out"]["bias"]


def _flax_attention(causal: bool) -> Any:
    def run(params: Any, state: Any, x: Any) -> Any:
        import flax.linen

        mask = flax.linen.make_causal_mask(x[..., 0]) if causal else None
        attention = flax.linen.MultiHeadDotProductAttention(params["query"]["kernel"].shape[1])
        return attention.apply({"params": params}, x, mask=mask)

    return run


def _torch_attention(causal: bool) -> Any:
    def run(params: Any, state: Any, x: Any) -> Any:
        import torch

        width, heads, _ = params["query"]["kernel"].shape
        parts = [params[name] for name in ("query", "key", "value")]
        hidden = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1) if causal else None
        x = x.transpose(0, 1)  # time first
        y, _ = torch.nn.functional.multi_head_attention_forward(
            x, x, x, width, heads,
            torch.cat([part["kernel"].reshape(width, width).T for part in parts]),
            torch.cat([part["bias"].reshape(width) for part in parts]), None, None, False, 0.0,
            params["out"]["kernel"].reshape(width, width).T, params["out"]["bias"], attn_mask=hidden,
        )  # fmt: skip
        return y.transpose(0, 1)

    return run


def _torch_block(params: Any, state: Any, x: Any) -> Any:
    import torch

    attention, network = params["attention"]["layer"], params["network"]["layer"]

    def norm(x: Any, of: Any) -> Any:
        return torch.nn.functional.layer_norm(x, x.shape[-1:], of["scale"], of["bias"], 1e-6)

    def dense(x: Any, of: Any) -> Any:
        return x @ of["kernel"] + of["bias"]

    x = x + _torch_attention(False)(attention["multi_head_attention_0"], {}, norm(x, attention["layer_norm_0"]))
    hidden = dense(norm(x, network["layer_norm_0"]), network["dense_0"])
    return x + dense(torch.nn.functional.gelu(hidden, approximate="tanh"), network["dense_1"])


LAYERS = [
    Case("attention", nn.MultiHeadAttention(2), (5, 6), time=True,
         flax=_flax_attention(False), torch=_torch_attention(False)),
    Case("causal attention", nn.MultiHeadAttention(2, causal=True, context=6), (5, 6), time=True,
         flax=_flax_attention(True), torch=_torch_attention(True), formula=_attention),
    Case("rotary attention past its context",
         nn.MultiHeadAttention(2, causal=True, rotary=True, context=3, use_bias=False), (7, 8), time=True),
    Case("transformer block", nn.TransformerBlock(6, 2, 2), (4, 6), time=True, torch=_torch_block),
    Case("transformer block from step to step",
         nn.TransformerBlock(6, 2, 1, causal=True, context=2, dropout=0.3, norm=nn.RMSNorm()), (4, 6), time=True),
    Case("learned positions", nn.LearnedPositions(6), (5, 3), time=True,
         formula=lambda params, state, x: x + params["embedding"][: x.shape[-2]]),
    Case("sinusoidal positions", nn.SinusoidalPositions(), (5, 3), time=True),
]  # fmt: skip
