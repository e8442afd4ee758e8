"""Recurrent layers in both directions of time."""

from dataclasses import replace
from typing import Any, Literal

from jaxnn.checks import fail, one_of
from jaxnn.config import config
from jaxnn.layers.base import Layer
from jaxnn.layers.branches import Parallel
from jaxnn.layers.recurrent import GRU, LSTM, RNN
from jaxnn.pytypes import Array, Example, Key, Params, State


@config
class Bidirectional:
    """A recurrent layer and its like that goes the other way; their outputs are concatenated or added.

    `y_t = [forward_t, backward_t]`, so that every output knows the whole sequence.

    With `outputs="last"` each gives the output of the step it ends with: the last real one forward, the first backward.

    Args:
        layer: an `RNN`, `LSTM` or `GRU` that is not reversed itself.
        how: "concatenate" (the last axis) or "add".

    Input: what `layer` takes; output: `(..., 2 features)` concatenated, `(..., features)` added. Parameters: `forward`
    and `backward`, each those of `layer`, drawn apart. It has no `step`: it needs the whole sequence.

    Raises:
        JaxnnError: if `layer` is no recurrent layer, or reversed.

    Reference: M. Schuster and K. Paliwal, "Bidirectional recurrent neural networks", 1997.

    >>> import jax, jax.numpy as jnp, jaxnn as nn
    >>> layer = Bidirectional(nn.GRU(3))
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros((5, 2)))
    >>> sorted(params), layer.apply(params, state, jnp.ones((8, 5, 2)))[0].shape
    (['backward', 'forward'], (8, 5, 6))
    """

    layer: Layer
    how: Literal["concatenate", "add"] = "concatenate"

    step = None

    def __post_init__(self) -> None:
        one_of("Bidirectional.how", self.how, ["concatenate", "add"])
        if not isinstance(self.layer, RNN | LSTM | GRU) or self.layer.reverse:
            fail("Bidirectional.layer", repr(self.layer), "an RNN, LSTM or GRU that is not reversed")

    def children(self) -> dict[str, Layer]:
        """Return both layers by name."""
        return self.both.children()

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Draw the parameters of both."""
        return self.both.init(key, example)

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
        """Return the outputs of both joined, and the unchanged state."""
        return self.both.apply(params, state, x, train=train, key=key, mask=mask)

    @property
    def both(self) -> Parallel:
        """The layer and its like that goes the other way, side by side."""
        other: Any = self.layer
        return Parallel(("forward", self.layer), ("backward", replace(other, reverse=True)), how=self.how)
