"""Gradients by the hand-written rules beside those that JAX derives: seconds, operations and memory of each layer."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import jaxnn as nn
from bench.interleaved import compare, measure
from bench.result import Grid, Line, Result
from jaxnn import backprop
from jaxnn.layers.base import walk
from jaxnn.ops import fold_in

AT_MOST = 1.05

LAYERS: dict[str, tuple[Any, tuple[int, ...], int]] = {
    "dense 256": (nn.Dense(256), (256,), 64),
    "tanh": (nn.Activation(nn.tanh), (1024,), 64),
    "gelu": (nn.Activation(nn.gelu), (1024,), 64),
    "softmax": (nn.Activation(nn.softmax), (1024,), 64),
    "dropout": (nn.Dropout(0.3), (1024,), 64),
    "drop connect": (nn.DropConnect(nn.Dense(256), 0.3), (256,), 64),
    "stochastic depth": (nn.StochasticDepth(0.3), (1024,), 64),
    "gaussian noise": (nn.GaussianNoise(0.1), (1024,), 64),
    "batch norm": (nn.BatchNorm(), (256,), 64),
    "batch norm of images": (nn.BatchNorm(3), (14, 14, 32), 32),
    "layer norm": (nn.LayerNorm(), (128, 128), 16),
    "rms norm": (nn.RMSNorm(), (128, 128), 16),
    "group norm": (nn.GroupNorm(8), (14, 14, 32), 32),
    "conv 1 -> 32": (nn.Conv(32, 3), (28, 28, 1), 64),
    "conv 32 -> 64": (nn.Conv(64, 3), (14, 14, 32), 32),
    "transposed conv": (nn.ConvTranspose(16, 3, strides=2), (14, 14, 32), 32),
    "max pool": (nn.MaxPool(2), (28, 28, 32), 32),
    "avg pool": (nn.AvgPool(2), (28, 28, 32), 32),
    "global max pool": (nn.GlobalMaxPool(), (14, 14, 32), 32),
    "global avg pool": (nn.GlobalAvgPool(), (14, 14, 32), 32),
    "flatten": (nn.Chain(nn.Flatten(3), nn.Dense(64)), (14, 14, 32), 32),
    "embedding": (nn.Embedding(1000, 64), (64,), 32),
    "embedding of columns": (nn.ColumnEmbedding(((8, 100, 16),)), (108,), 256),
    "tied logits": (nn.Chain(nn.Embedding(1000, 64), nn.Tied("embedding_0", nn.Unembedding(1000))), (64,), 8),
    "learned positions": (nn.LearnedPositions(128), (128, 128), 16),
    "sinusoidal positions": (nn.SinusoidalPositions(), (128, 128), 16),
    "rnn 128": (nn.RNN(128), (64, 64), 32),
    "lstm 128": (nn.LSTM(128), (64, 64), 32),
    "gru 128": (nn.GRU(128), (64, 64), 32),
    "bidirectional": (nn.Bidirectional(nn.GRU(64)), (64, 64), 32),
    "attention": (nn.MultiHeadAttention(4, causal=True), (128, 128), 16),
    "transformer block": (nn.TransformerBlock(128, 4, causal=True, context=128), (128, 128), 16),
    "residual": (nn.Residual(nn.Chain(nn.Dense(256), nn.relu)), (256,), 64),
    "parallel": (nn.Parallel(nn.Dense(128), nn.Dense(128)), (256,), 64),
    "frozen": (nn.Chain(nn.Frozen(nn.Dense(256)), nn.Dense(256)), (256,), 64),
    "mlp": (nn.models.mlp((64, 64), 10), (64,), 32),
}
"""Layer, shape of an example, batch."""

SECONDS = 0.05
"""What one run is to take: so many steps are taken in a scan."""


def by_hand(layer: Any, params: Any, state: Any, x: Any, key: Any) -> Any:
    """Output and pull by the rules."""
    y, _, pull = backprop.pullback(layer, params, state, x, train=True, key=key)
    return y, pull


def by_autodiff(layer: Any, params: Any, state: Any, x: Any, key: Any) -> Any:
    """Output and pull by `jax.vjp`."""
    return jax.vjp(lambda p, x: layer.apply(p, state, x, train=True, key=key)[0], params, x)


def program(how: Callable[..., Any], layer: Any, shape: tuple[int, ...], batch: int) -> tuple[Any, Any, Any]:
    """Return steps of descent on half the square of the outputs, in parameters and input, and one step alone."""
    tokens = any(isinstance(inside, nn.Embedding) for _, inside in walk(layer))
    params, state = layer.init(jax.random.key(0), jax.ShapeDtypeStruct(shape, jnp.int32 if tokens else jnp.float32))
    x = jax.random.normal(jax.random.key(1), (batch, *shape))
    x = (jnp.abs(x) * 100).astype(jnp.int32) % 1000 if tokens else x

    def step(i: Any, now: Any) -> Any:
        params, x = now
        y, pull = how(layer, params, state, x, fold_in(jax.random.key(2), i))
        dparams, dx = pull(y)
        return jax.tree.map(lambda w, d: w - 1e-6 * d, params, dparams), x if tokens else x - 1e-6 * dx

    steps = jax.jit(lambda count, now: jax.lax.fori_loop(0, count, step, now))
    return steps, (params, x), jax.jit(step).lower(0, (params, x)).compile()


def _seconds(steps: Any, count: int, given: Any) -> float:
    start = time.perf_counter()
    jax.block_until_ready(steps(count, given))
    return time.perf_counter() - start


def table(rounds: int | None) -> Result:
    """Measure every layer both ways, in turn."""
    runs, lines = {}, []
    for name, case in LAYERS.items():
        hand, autodiff = (program(how, *case) for how in (by_hand, by_autodiff))
        _seconds(autodiff[0], 1, autodiff[1])  # compiles
        count = max(1, round(10 * SECONDS / _seconds(autodiff[0], 10, autodiff[1])))
        for title, (steps, given, _) in (("hand", hand), ("autodiff", autodiff)):
            _seconds(steps, 1, given)
            runs[f"{title}, {name}"] = lambda _, steps=steps, given=given, count=count: _seconds(steps, count, given)
        flops, theirs = (one[2].cost_analysis()["flops"] for one in (hand, autodiff))
        memory = [f"{one[2].memory_analysis().temp_size_in_bytes:,}" for one in (hand, autodiff)]
        lines.append((name, f"{flops / max(theirs, 1):.3f}", *memory))
    title = "gradients of layers, by hand and by autodiff, a loop of training steps"
    timings = measure(title, runs, rounds or 20, "hand, dense 256")
    rows = [
        compare(timings, f"gradient of {name}: by hand / autodiff", f"hand, {name}", f"autodiff, {name}", AT_MOST)
        for name in LAYERS
    ]
    columns: Line = ("layer", "FLOPs, hand / autodiff", "bytes of temporary memory, hand", "autodiff")
    return Result(timings, rows, [Grid("One step, as XLA counts it", columns, lines)], [])
