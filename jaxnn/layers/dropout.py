"""Layers that drop values at random while training."""

import jax.numpy as jnp

from jaxnn.checks import fail, number_in
from jaxnn.config import config, number
from jaxnn.layers.base import as_float
from jaxnn.ops import keep_with_probability
from jaxnn.pytypes import Array, Example, Key, Params, State


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
    [0.0, 2.0, 0.0, 2.0, 0.0, 0.0, 2.0, 0.0]
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
        if not train or self.rate is None:
            return x, state
        if key is None:
            fail(f"Dropout(rate={self.rate})", "key=None with train=True", "a random key", "Pass key=jax.random.key(0)")
        rate = state["rate"]
        keep = keep_with_probability(key, rate, x.shape)
        # 1 / (1 - rate) would be infinite at rate 1, where nothing is kept, and its gradient NaN (measured.md)
        scale = jnp.where(rate < 1, 1 / jnp.where(rate < 1, 1 - rate, 1), 0).astype(x.dtype)
        return jnp.where(keep, x, jnp.zeros_like(x)) * scale, state
