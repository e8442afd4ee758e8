"""Layers that drop values, weights or branches at random, or add noise, while training."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.config import config, number
from jaxnn.layers.base import Layer, as_float, memory, run_child, step
from jaxnn.ops import fold_in, keep_with_probability, normal
from jaxnn.pytypes import Array, Example, Key, Memory, Params, State

Drop = Callable[[Any], Any]
"""What one call drops: a linear function of values, each of which it multiplies by 0 or by 1 / (1 - rate)."""


def _needed(where: str, key: Key | None) -> Key:
    """The key, without which a layer cannot train."""
    return fail(where, "key=None with train=True", "a random key", "Pass key=jax.random.key(0)") if key is None else key


def _same(x: Any) -> Any:
    """Nothing dropped."""
    return x


def _drawn(key: Key, rate: Array, shape: tuple[int, ...]) -> Drop:
    """Put zeros at random, one draw for every element of `shape`; the rest is scaled by 1 / (1 - rate)."""
    keep = keep_with_probability(key, rate, shape)
    # 1 / (1 - rate) would be infinite at rate 1, where nothing is kept, and its gradient NaN (measured.md)
    scale = jnp.where(rate < 1, 1 / jnp.where(rate < 1, 1 - rate, 1), 0)
    return lambda x: jnp.where(keep, x, jnp.zeros_like(x)) * scale.astype(x.dtype)


@config
class Dropout:
    """Values dropped at random while training, the rest scaled so that the expectation stays.

    `y = x * keep / (1 - rate)` with `keep ~ Bernoulli(1 - rate)` while training, `y = x` otherwise.

    Args:
        rate: the share dropped, from 0 to 1; a population may vary it. None leaves dropout out of the program.

    Input and output `(...)`; floating dtypes are kept, integers become the default float. State: `rate`, a float32
    scalar.

    Raises:
        JaxnnError: if `rate` is outside 0 to 1, or `apply` trains without a key.

    Reference: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.

    >>> import jax
    >>> layer = Dropout(0.5)
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros(8))
    >>> layer.apply(params, state, jnp.ones(8), train=True, key=jax.random.key(1))[0].tolist()
    [2.0, 0.0, 2.0, 0.0, 0.0, 2.0, 0.0, 0.0]
    """

    rate: float | None = number(default=0.5)

    def __post_init__(self) -> None:
        if self.rate is not None:
            number_in("Dropout.rate", self.rate, 0, 1)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Return no parameters, and the rate as state."""
        return {}, {} if self.rate is None else {"rate": jnp.asarray(self.rate, jnp.float32)}

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return `x` with values dropped if `train`, else `x`; and the unchanged state."""
        x = as_float(x)  # the scale of integers would be rounded
        return self.dropping(state, x.shape, train, key)(x), state

    def dropping(self, state: State, shape: tuple[int, ...], train: bool, key: Key | None) -> Drop:
        """Return what this call does to values, drawn once."""
        if not train or self.rate is None:
            return _same
        return _drawn(_needed(f"Dropout(rate={self.rate})", key), state["rate"], shape)


@config
class DropConnect:
    """A layer whose weights are dropped at random while training, the rest scaled so that the expectation stays.

    `kernel * keep / (1 - rate)` in place of `kernel` with `keep ~ Bernoulli(1 - rate)` while training.

    Every leaf named `kernel` is masked, those of layers inside too; biases stay. All examples of a batch share one
    draw: a kernel for each example would cost as many times the memory.

    Args:
        layer: a layer with kernels.
        rate: the share dropped, from 0 to 1; a population may vary it. None leaves the dropping out of the program.

    Input and output: those of `layer`. Parameters: `layer`. State: `rate`, a float32 scalar, and `layer`, the layer's
    state where it has any.

    Raises:
        JaxnnError: if `rate` is outside 0 to 1, the layer has no kernel, or `apply` trains without a key.

    Reference: L. Wan and others, "Regularization of Neural Networks using DropConnect", 2013.

    >>> import jaxnn as nn
    >>> layer = DropConnect(nn.Dense(1), 0.5)
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros(8))
    >>> params = {"layer": {"kernel": jnp.ones((8, 1)), "bias": jnp.zeros(1)}}
    >>> x, key = jnp.eye(8), jax.random.key(1)
    >>> layer.apply(params, state, x, train=True, key=key)[0][:, 0].tolist()
    [2.0, 0.0, 0.0, 2.0, 2.0, 2.0, 0.0, 0.0]
    """

    layer: Layer
    rate: float | None = number(default=0.5)

    def __post_init__(self) -> None:
        if not isinstance(self.layer, Layer):
            fail("DropConnect.layer", repr(self.layer), "a layer")
        if self.rate is not None:
            number_in("DropConnect.rate", self.rate, 0, 1)

    def children(self) -> dict[str, Layer]:
        """Return the layer, whose parameters and numbers lie in this one's."""
        return {"layer": self.layer}

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Draw the layer's parameters, and return the rate as state."""
        params, own = self.layer.init(key, example)
        if not any(map(_is_kernel, jax.tree.leaves_with_path(params))):
            fail(repr(self), "a layer without a kernel", "one with weights, such as Dense", "Use Dropout for values")
        state = {} if self.rate is None else {"rate": jnp.asarray(self.rate, jnp.float32)}
        return {"layer": params}, state | ({"layer": own} if own else {})

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return the layer's output, with weights dropped if `train`; and its state."""
        own = self.dropping(params, state, train, key)(params["layer"])
        inner = self.inner_key(key)
        y, after = run_child("layer", self.layer, own, state.get("layer", {}), x, train=train, key=inner, mask=mask)
        return y, state | {"layer": after} if "layer" in state else state

    def dropping(self, params: Params, state: State, train: bool, key: Key | None) -> Drop:
        """Return what this call does to the layer's parameters, drawn once."""
        if not train or self.rate is None:
            return _same
        return _drawn_for_kernels(_needed(repr(self), key), state["rate"], params["layer"])

    def inner_key(self, key: Key | None) -> Key | None:
        """Return the key of the layer inside; the kernels draw with 0, 1, ..."""
        return None if key is None else fold_in(key, -1)

    def memory(self, params: Params, state: State, batch_shape: tuple[int, ...]) -> Memory:
        """Return what the layer knows before the first position."""
        return memory(self.layer, params["layer"], state.get("layer", {}), batch_shape)

    def step(self, params: Params, state: State, memory: Memory, x: Array) -> tuple[Array, Memory]:
        """Return the layer's output for one position."""
        return step(self.layer, params["layer"], state.get("layer", {}), memory, x)


def _is_kernel(named: tuple[tuple, Array]) -> bool:
    """Whether a leaf with its path is called "kernel"."""
    return named[0][-1] == jax.tree_util.DictKey("kernel")


def _drawn_for_kernels(key: Key, rate: Array, params: Params) -> Drop:
    """Put zeros at random into every kernel of parameters such as these."""
    leaves, structure = jax.tree.flatten_with_path(params)
    drops = [
        _drawn(fold_in(key, i), rate, leaf.shape) if _is_kernel((path, leaf)) else _same
        for i, (path, leaf) in enumerate(leaves)
    ]
    drop = jax.tree.unflatten(structure, drops)
    return lambda params: jax.tree.map(lambda one, leaf: one(leaf), drop, params)


@config
class StochasticDepth:
    """Whole examples dropped at random while training: the last layer of a residual branch, which it skips.

    `y = x * keep / (1 - rate)` with a `keep ~ Bernoulli(1 - rate)` for each example while training, `y = x` otherwise.

    In `Residual(Chain(..., StochasticDepth(rate)))` an example that is dropped goes through the shortcut alone.

    Args:
        rate: the share dropped, from 0 to 1; a population may vary it. None leaves the dropping out of the program.
        rank: how many axes one example has: 3 for images, 2 for `(time, features)`.

    Input and output `(...)`; floating dtypes are kept, integers become the default float. State: `rate`, a float32
    scalar.

    Raises:
        JaxnnError: if a number is outside its range, an example has fewer axes, or `apply` trains without a key.

    Reference: G. Huang and others, "Deep Networks with Stochastic Depth", 2016.

    >>> layer = StochasticDepth(0.5)
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros(2))
    >>> layer.apply(params, state, jnp.ones((4, 2)), train=True, key=jax.random.key(1))[0].tolist()
    [[2.0, 2.0], [0.0, 0.0], [2.0, 2.0], [0.0, 0.0]]
    """

    rate: float | None = number(default=0.5)
    rank: int = 1

    def __post_init__(self) -> None:
        whole_number("StochasticDepth.rank", self.rank, 1)
        if self.rate is not None:
            number_in("StochasticDepth.rate", self.rate, 0, 1)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Return no parameters, and the rate as state."""
        if len(example.shape) < self.rank:
            fail(repr(self), f"an example of shape {example.shape}", f"at least {self.rank} axes", "Give its rank")
        return {}, {} if self.rate is None else {"rate": jnp.asarray(self.rate, jnp.float32)}

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return `x` with examples dropped if `train`, else `x`; and the unchanged state."""
        x = as_float(x)
        return self.dropping(state, x.shape, train, key)(x), state

    def dropping(self, state: State, shape: tuple[int, ...], train: bool, key: Key | None) -> Drop:
        """Return what this call does to values, drawn once for each example."""
        if not train or self.rate is None:
            return _same
        if len(shape) < self.rank:
            fail(repr(self), f"an input of shape {shape}", f"at least {self.rank} axes", "Give the rank of an example")
        examples = (*shape[: len(shape) - self.rank], *[1] * self.rank)
        return _drawn(_needed(repr(self), key), state["rate"], examples)


@config
class GaussianNoise:
    """Normal random numbers added while training.

    `y = x + scale * z` with `z ~ N(0, 1)` for every value while training, `y = x` otherwise.

    Args:
        scale: the standard deviation of the noise, at least 0; a population may vary it. None leaves the noise out of
            the program.

    Input and output `(...)`; floating dtypes are kept, integers become the default float. State: `scale`, a float32
    scalar.

    Raises:
        JaxnnError: if `scale` is negative or not finite, or `apply` trains without a key.

    Reference: C. M. Bishop, "Training with Noise is Equivalent to Tikhonov Regularization", 1995.

    >>> layer = GaussianNoise(0.5)
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros(1000))
    >>> y, _ = layer.apply(params, state, jnp.zeros(1000), train=True, key=jax.random.key(1))
    >>> print(f"{abs(y.mean()):.1f} {y.std():.1f}")
    0.0 0.5
    """

    scale: float | None = number(default=0.1)

    def __post_init__(self) -> None:
        if self.scale is not None:
            number_in("GaussianNoise.scale", self.scale, 0, float("inf"), open_high=True)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Return no parameters, and the scale as state."""
        return {}, {} if self.scale is None else {"scale": jnp.asarray(self.scale, jnp.float32)}

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return `x` with noise added if `train`, else `x`; and the unchanged state."""
        x = as_float(x)
        if not train or self.scale is None:
            return x, state
        noise = normal(_needed(f"GaussianNoise(scale={self.scale})", key), x.shape)
        return x + (state["scale"] * noise).astype(x.dtype), state


def monte_carlo(
    net: Layer, params: Params, state: State, x: Array, *, key: Key, passes: int = 100, mask: Array | None = None
) -> Array:
    """Return a network's outputs with its noise left on: their mean is a prediction, their spread its uncertainty.

    Every pass runs as while training, with a key of its own: `Dropout` drops, and a `BatchNorm` takes the statistics of
    `x`. The state does not move.

    Args:
        net: the network.
        params, state: its weights.
        x: `(..., features)`, a batch of inputs.
        key: one random key, used for these passes only.
        passes: how many.
        mask: as for `apply`.

    Returns:
        `(passes, ..., out)`; `jnp.quantile(y, jnp.array([0.025, 0.975]), axis=0)` is a 95 % interval.

    Raises:
        JaxnnError: if `passes` is not a whole number of at least 1.

    Reference: Y. Gal and Z. Ghahramani, "Dropout as a Bayesian Approximation", 2016.

    >>> layer = Dropout(0.5)
    >>> _, state = layer.init(jax.random.key(0), jnp.zeros(1))
    >>> y = monte_carlo(layer, {}, state, jnp.array([3.0]), key=jax.random.key(1), passes=1000)
    >>> print(y.shape, f"{y.mean():.1f} {y.std():.1f}")
    (1000, 1) 3.1 3.0
    """
    keys = jax.vmap(lambda i: fold_in(key, i))(jnp.arange(whole_number("passes", passes, 1)))
    return jax.vmap(lambda one: net.apply(params, state, x, train=True, key=one, mask=mask)[0])(keys)
