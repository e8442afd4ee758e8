"""Cases of the layers that carry a state through a sequence."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

import jaxnn as nn
from cases.case import Case


def _parts(params: Any, count: int) -> Any:
    """The gates' parts of kernel, recurrent kernel and bias."""
    return [jnp.split(params[name], count, axis=-1) for name in ("kernel", "recurrent_kernel", "bias")]


def _flax(cell: str, weights: Callable[[Any], Any], params: Any, state: Any, x: Any) -> Any:
    import flax.linen

    made = getattr(flax.linen, cell)(params["recurrent_kernel"].shape[0])
    return flax.linen.RNN(made).apply({"params": {"cell": weights(params)}}, x)


def _simple_cell(params: Any) -> Any:
    return {"i": {"kernel": params["kernel"], "bias": params["bias"]}, "h": {"kernel": params["recurrent_kernel"]}}


def _lstm_cell(params: Any) -> Any:
    parts = zip("ifgo", *_parts(params, 4), strict=True)
    return {
        name: leaf
        for gate, k, r, b in parts
        for name, leaf in ((f"i{gate}", {"kernel": k}), (f"h{gate}", {"kernel": r, "bias": b}))
    }


def _gru_cell(params: Any) -> Any:
    parts = zip("rzn", *_parts(params, 3), strict=True)
    cell = {
        name: leaf
        for gate, k, r, b in parts
        for name, leaf in ((f"i{gate}", {"kernel": k, "bias": b}), (f"h{gate}", {"kernel": r}))
    }
    cell["hn"] |= {"bias": params["recurrent_bias"]}
    return cell


def _torch(kind: str, params: Any, state: Any, x: Any, last: bool = False, flip: bool = False, **options: Any) -> Any:
    """PyTorch's own module with our weights; `params` of one layer or of both directions."""
    import torch

    both = [params["forward"], params["backward"]] if "forward" in params else [params]
    (width, gates), hidden = both[0]["kernel"].shape, both[0]["recurrent_kernel"].shape[0]
    given = {"bidirectional": len(both) == 2, "batch_first": True, "bias": "bias" in both[0]}
    module = getattr(torch.nn, kind)(width, hidden, **given, **options)
    for one, suffix in zip(both, ("", "_reverse"), strict=False):
        module.get_parameter(f"weight_ih_l0{suffix}").data = one["kernel"].T
        module.get_parameter(f"weight_hh_l0{suffix}").data = one["recurrent_kernel"].T
        if "bias" in one:
            own = one.get("recurrent_bias", torch.zeros(0))
            module.get_parameter(f"bias_ih_l0{suffix}").data = one["bias"]
            module.get_parameter(f"bias_hh_l0{suffix}").data = torch.cat([torch.zeros(gates - len(own)), own])
    y = module(x.flip(-2) if flip else x)[0].detach()
    if last and len(both) == 2:
        return y[:, -1, :hidden] + y[:, 0, hidden:]  # the sum of the two last states
    return y[:, -1] if last else y


def _in_time(x: Any, kernel: Any, bias: Any) -> Any:
    """What the input adds at each step, (time, batch, gates): one product."""
    steps = jnp.swapaxes(x, 0, 1)
    z = steps.reshape(-1, x.shape[-1]) @ kernel + bias
    return z.reshape(*steps.shape[:2], -1)


def _kernel_gradient(hs: Any, dz: Any) -> Any:
    before = jnp.concatenate([jnp.zeros_like(hs[:1]), hs[:-1]])
    return before.reshape(-1, hs.shape[-1]).T @ dz.reshape(-1, dz.shape[-1])


# Backpropagation through time as one writes it by hand; the gradient of the input's product is JAX's own.


@jax.custom_vjp
def _rnn(xs: Any, kernel: Any) -> Any:
    return _rnn_forward(xs, kernel)[0]


def _rnn_forward(xs: Any, kernel: Any) -> Any:
    def step(h: Any, x: Any) -> Any:
        h = jnp.tanh(x + h @ kernel)
        return h, h

    hs = jax.lax.scan(step, jnp.zeros(xs.shape[1:2] + kernel.shape[:1]), xs)[1]
    return hs, (hs, kernel)


def _rnn_backward(kept: Any, cotangent: Any) -> Any:
    hs, kernel = kept

    def step(dh: Any, now: Any) -> Any:
        of_y, h = now
        dz = (dh + of_y) * (1 - h * h)
        return dz @ kernel.T, dz

    dz = jax.lax.scan(step, jnp.zeros_like(hs[0]), (cotangent, hs), reverse=True)[1]
    return dz, _kernel_gradient(hs, dz)


_rnn.defvjp(_rnn_forward, _rnn_backward)


@jax.custom_vjp
def _lstm(xs: Any, kernel: Any) -> Any:
    return _lstm_forward(xs, kernel)[0]


def _lstm_forward(xs: Any, kernel: Any) -> Any:
    hidden = kernel.shape[0]
    half = jnp.concatenate([jnp.full(2 * hidden, 0.5), jnp.ones(hidden), jnp.full(hidden, 0.5)])

    def step(carry: Any, x: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(jnp.tanh((x + h @ kernel) * half) * half + (1 - half), 4, axis=-1)
        c = f * c + i * g
        h = o * jnp.tanh(c)
        return (h, c), (h, c, jnp.concatenate([i, f, g, o], axis=-1))

    zeros = jnp.zeros(xs.shape[1:2] + kernel.shape[:1])
    hs, cs, gates = jax.lax.scan(step, (zeros, zeros), xs)[1]
    return hs, (hs, cs, gates, kernel)


def _lstm_backward(kept: Any, cotangent: Any) -> Any:
    hs, cs, gates, kernel = kept
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    t, before = jnp.tanh(cs), jnp.concatenate([jnp.zeros_like(cs[:1]), cs[:-1]])
    slopes = jnp.concatenate([i * (1 - i) * g, f * (1 - f) * before, i * (1 - g * g), o * (1 - o) * t], axis=-1)

    def step(carry: Any, now: Any) -> Any:
        (dh, dc), (of_y, slope, f, through) = carry, now
        dh = dh + of_y
        dc = dc + through * dh
        dz = jnp.concatenate([dc, dc, dc, dh], axis=-1) * slope
        return (dz @ kernel.T, f * dc), dz

    zeros = jnp.zeros_like(hs[0])
    dz = jax.lax.scan(step, (zeros, zeros), (cotangent, slopes, f, o * (1 - t * t)), reverse=True)[1]
    return dz, _kernel_gradient(hs, dz)


_lstm.defvjp(_lstm_forward, _lstm_backward)


@jax.custom_vjp
def _gru(xs: Any, kernel: Any, bias: Any) -> Any:
    return _gru_forward(xs, kernel, bias)[0]


def _gru_forward(xs: Any, kernel: Any, bias: Any) -> Any:
    def sigmoid(z: Any) -> Any:
        return 0.5 * jnp.tanh(0.5 * z) + 0.5

    def step(h: Any, x: Any) -> Any:
        xr, xz, xn = jnp.split(x, 3, axis=-1)
        hr, hz, q = jnp.split(h @ kernel, 3, axis=-1)
        q = q + bias
        r, z = sigmoid(xr + hr), sigmoid(xz + hz)
        n = jnp.tanh(xn + r * q)
        h = (1 - z) * n + z * h
        return h, (h, r, z, n, q)

    kept = jax.lax.scan(step, jnp.zeros(xs.shape[1:2] + kernel.shape[:1]), xs)[1]
    return kept[0], (*kept, kernel)


def _gru_backward(kept: Any, cotangent: Any) -> Any:
    hs, r, z, n, q, kernel = kept
    before = jnp.concatenate([jnp.zeros_like(hs[:1]), hs[:-1]])
    of_n = (1 - z) * (1 - n * n)
    of_r, of_z = of_n * q * r * (1 - r), (before - n) * z * (1 - z)
    slopes = jnp.concatenate([of_r, of_z, of_n * r], axis=-1)

    def step(dh: Any, now: Any) -> Any:
        of_y, slope, z = now
        dh = dh + of_y
        return (jnp.concatenate([dh, dh, dh], axis=-1) * slope) @ kernel.T + z * dh, dh

    dh = jax.lax.scan(step, jnp.zeros_like(hs[0]), (cotangent, slopes, z), reverse=True)[1]
    thrice = jnp.concatenate([dh, dh, dh], axis=-1)
    dx = thrice * jnp.concatenate([of_r, of_z, of_n], axis=-1)
    return dx, _kernel_gradient(hs, thrice * slopes), (dh * of_n * r).sum((0, 1))


_gru.defvjp(_gru_forward, _gru_backward)


def _formula(run: Callable[..., Any], params: Any, state: Any, x: Any) -> Any:
    own = [params[name] for name in ("recurrent_kernel", "recurrent_bias") if name in params]
    return jnp.swapaxes(run(_in_time(x, params["kernel"], params["bias"]), *own), 0, 1)


LAYERS = [
    Case(
        "rnn", nn.RNN(8), (5, 3), time=True,
        flax=partial(_flax, "SimpleCell", _simple_cell), torch=partial(_torch, "RNN"), formula=partial(_formula, _rnn),
    ),
    Case(
        "rnn of relu to its last output without bias",
        nn.RNN(4, activation=nn.relu, outputs="last", use_bias=False),
        (5, 3),
        time=True,
        torch=partial(_torch, "RNN", last=True, nonlinearity="relu"),
    ),
    Case(
        "lstm", nn.LSTM(4), (5, 3), time=True,
        flax=partial(_flax, "OptimizedLSTMCell", _lstm_cell), torch=partial(_torch, "LSTM"),
        formula=partial(_formula, _lstm),
    ),
    Case(
        "lstm reversed to its last output", nn.LSTM(4, outputs="last", reverse=True), (5, 3), time=True,
        torch=partial(_torch, "LSTM", last=True, flip=True),
    ),
    Case(
        "gru", nn.GRU(4), (5, 3), time=True,
        flax=partial(_flax, "GRUCell", _gru_cell), torch=partial(_torch, "GRU"), formula=partial(_formula, _gru),
    ),
    Case("bidirectional", nn.Bidirectional(nn.LSTM(4)), (5, 3), time=True, torch=partial(_torch, "LSTM")),
    Case(
        "bidirectional sum of the last outputs", nn.Bidirectional(nn.GRU(4, outputs="last"), how="add"), (5, 3),
        time=True, torch=partial(_torch, "GRU", last=True),
    ),
]  # fmt: skip
