"""A small language model (4 blocks of width 128, 128 tokens, batch 16): `fit` beside PyTorch; its share of a GPU."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

import jaxnn as nn
from bench.digits import installed
from bench.interleaved import compare, measure
from bench.peers import PEERS
from bench.problem import TRANSFORMER
from bench.result import Grid, Result, agreement
from bench.workers import Worker

TOGETHER = ("transformer_fit", "transformer_pytorch")
AIM = 1.10, "at most 1.10, better 1.00"
WITHIN = 0.05
"""Of the median loss."""

WIDE = {"vocabulary": 8192, "width": 1024, "depth": 8, "heads": 16, "context": 1024}
"""A model that an accelerator has something to do with, in bfloat16; 16 sequences a step."""


def table(rounds: int | None) -> Result:
    """Measure; the first runs, which compile, do not count."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_workers:
        present, notes = installed(TOGETHER)
        workers: dict[str, Worker] = {}
        for peer in present:
            workers[peer] = open_workers.enter_context(Worker(Path(folder)))
            workers[peer].prepare(peer, TRANSFORMER)
        timings = measure(
            "language model, 4 blocks of width 128, 128 tokens, batch 16, Adam, 32 steps, running processes",
            {PEERS[peer].title: worker.runner(PEERS[peer].title) for peer, worker in workers.items()},
            rounds or 8, PEERS["transformer_fit"].title,
        )  # fmt: skip
    titles = {peer: PEERS[peer].title for peer in present}
    ours = titles["transformer_fit"]
    rows = [compare(timings, f"language model: {ours} / {t}", ours, t, *AIM) for t in titles.values() if t != ours]
    steps = TRANSFORMER.epochs * TRANSFORMER.batches
    lines = [(title, f"{timings.least(title) / steps * 1e3:.1f}") for title in titles.values()]
    said, differing = agreement({titles[peer]: workers[peer].losses[titles[peer]] for peer in present}, WITHIN)
    grids = [Grid("Milliseconds of a step, the least", ("who", "ms"), lines)]
    if jax.default_backend() == "cpu":
        notes.append("No accelerator: the share of its bfloat16 peak is left out.")
    else:
        grids.append(accelerator())
    return Result(timings, rows, grids, [*notes, said], differing)


def accelerator(wide: dict[str, int] = WIDE, side: int = 8192) -> Grid:
    """Measure forward and backward pass and a step of gradient descent of a wide model in bfloat16.

    Operations: 6 for each weight of a kernel and token, and 12 width x context for each block and token of attention.

    Args:
        wide: the model's sizes.
        side: of the square matrices whose product is the limit.

    Returns:
        TFLOP/s, and the share of what the product reaches.
    """
    batch, time_ = 16, wide["context"]
    net = nn.models.transformer_lm(**wide, positions="learned")
    params, state = net.init(jax.random.key(0), jax.ShapeDtypeStruct((time_,), jnp.int32))
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    tokens = jax.random.randint(jax.random.key(1), (batch, time_ + 1), 0, wide["vocabulary"], jnp.int32)

    def loss(params: Any) -> jax.Array:
        logits, _ = net.apply(params, state, tokens[:, :-1])
        return nn.losses.softmax_cross_entropy(logits.astype(jnp.float32), tokens[:, 1:]).mean()

    @jax.jit
    def train(params: Any) -> Any:
        def step(params: Any, _: Any) -> Any:
            return jax.tree.map(lambda p, g: p - jnp.asarray(1e-3, p.dtype) * g, params, jax.grad(loss)(params)), None

        return jax.lax.scan(step, params, length=10)[0]

    named = jax.tree_util.tree_leaves_with_path(params)
    kernels = sum(leaf.size for path, leaf in named if path[-1].key == "kernel")
    operations = batch * time_ * (6 * kernels + 12 * wide["depth"] * wide["width"] * time_)
    seconds = _least(train, params) / 10
    square = jnp.ones((side, side), jnp.bfloat16)
    most = 2 * side**3 / _least(jax.jit(jnp.dot), square, square)
    reached = operations / seconds
    line = f"{seconds * 1e3:.1f}", f"{reached / 1e12:.1f}", f"{most / 1e12:.1f}", f"{reached / most:.1%}"
    return Grid(
        f"Share of the accelerator's bfloat16 peak, {wide}", ("ms a step", "TFLOP/s", "a product's", "share"), [line]
    )


def _least(run: Any, *arguments: Any) -> float:
    taken = []
    for _ in range(6):
        since = time.perf_counter()
        jax.block_until_ready(run(*arguments))
        taken.append(time.perf_counter() - since)
    return min(taken[1:])
