"""Sequences written token by token by a network that goes from step to step; the whole loop is one compiled program."""

from functools import lru_cache
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.layers import LearnedPositions
from jaxnn.layers.base import Layer, memory, step, walk
from jaxnn.ops import fold_in, random_bits
from jaxnn.pytypes import Array, Key, Params, State
from jaxnn.train.prepare import seed_of

_SHORTEST = 64
"""Room for prompt and new tokens is a power of two from here on, so that few lengths have a program of their own."""


class Trained(Protocol):
    """What `generate` needs of a model or a run."""

    @property
    def net(self) -> Layer:
        """The network."""
        ...

    @property
    def params(self) -> Params:
        """Its parameters."""
        ...

    @property
    def state(self) -> State:
        """Its state."""
        ...


def generate(
    model: Trained, prompt: Any, length: int, temperature: float = 1.0, top_k: int | None = None, key: Any = 0
) -> Any:
    """Continue a prompt by what a trained network finds likely, token by token.

    `token[t + 1] ~ softmax(logits(token[0], ..., token[t]) / temperature)`

    Args:
        model: a `Model` or a `Run` whose network maps tokens `(..., time)` to logits `(..., time, vocabulary)` and goes
            from step to step.
        prompt: text, if the model knows how text becomes tokens (its preprocessing has `tokens` and `text`), else
            tokens `(..., time)`, at least one.
        length: how many tokens to add, at least 1.
        temperature: at least 0; 1 draws as the network says, less makes likely tokens likelier, 0 takes the likeliest.
        top_k: draw among so many likeliest tokens only; None for all.
        key: a whole number or a `jax.random.key`; the same key gives the same tokens.

    Returns:
        What was added, without the prompt: text if the prompt is text, else int32 `(..., length)`.

    Raises:
        JaxnnError: if something given does not fit, or the network cannot go from step to step.

    >>> import jaxnn as nn
    >>> x = np.array([[0, 1, 2, 3, 0, 1, 2, 3]])
    >>> net = nn.Chain(nn.Embedding(4, 8), nn.Dense(4))
    >>> run = nn.fit(net, (x[:, :-1], x[:, 1:]), nn.losses.softmax_cross_entropy, learning_rate=0.1, epochs=20)
    >>> generate(run, [0, 1], 6, temperature=0).tolist()
    [2, 3, 0, 1, 2, 3]
    """
    if not isinstance(prompt, str):
        return generate_tokens(model.net, model.params, model.state, prompt, length, temperature, top_k, key)
    coding: Any = getattr(model, "preprocessing", None)
    if not hasattr(coding, "tokens") or not hasattr(coding, "text"):
        fail("prompt", "text, for a model that does not know how text becomes tokens", "whole numbers (..., time)")
    tokens = generate_tokens(
        model.net, model.params, model.state, coding.tokens(prompt), length, temperature, top_k, key
    )
    return coding.text(tokens)


def generate_tokens(
    net: Layer,
    params: Params,
    state: State,
    prompt: Any,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    key: Any = 0,
) -> np.ndarray:
    """Continue tokens; see `generate`.

    One program serves all temperatures, keys and k, and all prompts and lengths that together fit into the same power
    of two; the prompt is read step by step too.

    Args:
        net: the network, from tokens `(...,)` to logits `(..., vocabulary)` at each step.
        params, state: its weights.
        prompt: whole numbers `(..., time)`, at least one at each sequence.
        length, temperature, top_k, key: as for `generate`.

    Returns:
        int32 `(..., length)`.

    Raises:
        JaxnnError: if something given does not fit, the network cannot go from step to step, or a logit is NaN.

    >>> import jaxnn as nn
    >>> params = {"embedding": jnp.array([[0.0, 9.0], [9.0, 0.0]])}
    >>> generate_tokens(nn.Embedding(2, 2), params, {}, [0], 4, temperature=0).tolist()
    [1, 0, 1, 0]
    """
    prompt = _checked_prompt(prompt)
    whole_number("length", length, 1, 2**30)
    heat = number_in("temperature", temperature, 0, float("inf"), open_high=True)
    given, total = prompt.shape[-1], prompt.shape[-1] + length
    for path, layer in walk(net):
        if isinstance(layer, LearnedPositions) and total - 1 > layer.length:
            said = f"a prompt of {given} and {length} new tokens, which take {total - 1} positions"
            fail(f"in {path}: {layer!r}", said, f"at most {layer.length} positions", "Ask for fewer tokens")
    vocabulary = _vocabulary(net, params, state, prompt.shape[:-1])
    if top_k is not None:
        whole_number("top_k", top_k, 1, vocabulary)
    wrong = prompt[(prompt < 0) | (prompt >= vocabulary)]
    if wrong.size:
        fail("prompt", f"the token {wrong.flat[0]}", f"tokens from 0 to {vocabulary - 1}")
    room = max(_SHORTEST, 1 << (total - 1).bit_length())
    tokens = np.zeros((*prompt.shape[:-1], room), np.int32)
    tokens[..., :given] = prompt
    words, impl = seed_of(key)
    kept = None if top_k is None else np.int32(top_k)
    written, sound = _writer(net, impl)(params, state, tokens, np.int32(given), np.int32(total), np.float32(heat), kept,
                                        words)  # fmt: skip
    if not sound:
        fail("generate", "logits of NaN", "numbers", "The weights diverged")
    return np.asarray(written)[..., given:total]


def sample(logits: Array, temperature: Array, top_k: Array | None, key: Key) -> Array:
    """Draw one token for each row of logits.

    `argmax(logits / temperature + g)` with Gumbel noise `g = -log(-log(u))`, which draws from the softmax; temperature
    0 leaves the noise out.

    Args:
        logits: `(..., vocabulary)`.
        temperature: float32 scalar, at least 0.
        top_k: whole number, how many of the largest logits may be drawn (with all that equal the last); None for all.
        key: one random key, used for this draw only.

    Returns:
        int32 `(...)`.

    >>> sample(jnp.array([1.0, 3.0, 2.0]), jnp.float32(0), None, jax.random.key(0)).tolist()
    1
    """
    logits = logits.astype(jnp.float32)
    if top_k is not None:
        ranked = jnp.sort(logits, axis=-1)  # from the smallest on
        least = jnp.take_along_axis(ranked, jnp.broadcast_to(logits.shape[-1] - top_k, (*logits.shape[:-1], 1)), -1)
        logits = jnp.where(logits < least, -jnp.inf, logits)
    # 23 bits and a half, which float32 has: u is neither 0 nor 1
    u = ((random_bits(key, logits.shape) >> 9).astype(jnp.float32) + 0.5) * jnp.float32(2**-23)
    drawn = logits / jnp.where(temperature > 0, temperature, 1) - jnp.log(-jnp.log(u))
    return jnp.argmax(jnp.where(temperature > 0, drawn, logits), axis=-1).astype(jnp.int32)


@lru_cache(64)
def _writer(net: Layer, impl: str) -> Any:
    """The program that fills the room behind the prompt; JAX keeps one for each shape."""

    def write(
        params: Params, state: State, tokens: Array, given: Array, total: Array, temperature: Array,
        top_k: Array | None, words: Array,
    ) -> tuple[Array, Array]:  # fmt: skip
        key = jax.random.wrap_key_data(words, impl=impl)

        def one(position: Array, carry: Any) -> Any:
            known, tokens, sound = carry
            now = jax.lax.dynamic_index_in_dim(tokens, position, tokens.ndim - 1, keepdims=False)  # (...)
            logits, known = step(net, params, state, known, now)
            drawn = sample(logits, temperature, top_k, fold_in(key, position))
            after = jax.lax.dynamic_index_in_dim(tokens, position + 1, tokens.ndim - 1, keepdims=False)
            following = jnp.where(position + 1 < given, after, drawn)
            tokens = jax.lax.dynamic_update_index_in_dim(tokens, following, position + 1, tokens.ndim - 1)
            return known, tokens, sound & ~jnp.isnan(logits).any()

        start = memory(net, params, state, tokens.shape[:-1]), tokens, jnp.bool_(True)
        _, tokens, sound = jax.lax.fori_loop(0, total - 1, one, start)
        return tokens, sound

    return jax.jit(write)


def _checked_prompt(prompt: Any) -> np.ndarray:
    try:
        tokens = np.asarray(prompt)
    except ValueError:
        fail("prompt", "sequences of different lengths", "one length, (..., time)")
    if tokens.ndim < 1 or tokens.size == 0:
        fail("prompt", f"nothing: shape {tokens.shape}", "at least one token")
    if not np.issubdtype(tokens.dtype, np.integer):
        fail("prompt", f"dtype {tokens.dtype}", "whole numbers (..., time)")
    return tokens


def _vocabulary(net: Layer, params: Params, state: State, batch: tuple[int, ...]) -> int:
    """How many logits the network gives for one token; fails where it cannot go from step to step."""

    def one(params: Params, state: State, token: Array) -> Array:
        return step(net, params, state, memory(net, params, state, batch), token)[0]

    logits = jax.eval_shape(one, params, state, jax.ShapeDtypeStruct(batch, jnp.int32))
    if logits.ndim != len(batch) + 1:
        fail("net", f"outputs of shape {logits.shape} for tokens of shape {batch}", "one row of logits for each token")
    return logits.shape[-1]
