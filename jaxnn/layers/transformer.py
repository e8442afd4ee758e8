"""The block of a transformer, made of other layers."""

from collections.abc import Callable

import jax.numpy as jnp

from jaxnn.activations import gelu
from jaxnn.checks import fail, number_in, whole_number
from jaxnn.config import config, number
from jaxnn.layers.attention import MultiHeadAttention
from jaxnn.layers.base import Layer
from jaxnn.layers.branches import Residual
from jaxnn.layers.combinators import Chain
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.linear import Dense
from jaxnn.layers.normalization import LayerNorm
from jaxnn.pytypes import Array, Example, Key, Memory, Params, State


@config
class TransformerBlock:
    """Attention, then a small network for every position, each normalized before and added to its input.

    `x = x + attention(norm(x))`, `y = x + dense_1(g(dense_0(norm(x))))`

    Args:
        features: width of input and output.
        heads: of the attention.
        widening: how many times wider the hidden layer is.
        causal, rotary, context: of the attention, see `MultiHeadAttention`.
        dropout: share of what both parts add dropped while training; a population may vary it. None for no dropout.
        activation: g.
        norm: the normalization; a layer such as `RMSNorm()`.

    Input and output `(..., time, features)`. Parameters: `attention` and `network`, each with one `layer`. With
    `causal=True` and a context it goes from step to step. State: that of the dropout, and `dropout` itself.

    Raises:
        JaxnnError: if a number is outside its range, or the input is of another width.

    Reference: A. Vaswani and others, "Attention Is All You Need", 2017; normalized first, as in R. Xiong and others,
    "On Layer Normalization in the Transformer Architecture", 2020.

    >>> import jax, jaxnn as nn
    >>> params, state = TransformerBlock(64, 4).init(jax.random.key(0), jnp.zeros((8, 64)))
    >>> nn.count(params)
    49984
    """

    features: int
    heads: int
    widening: int = 4
    causal: bool = False
    rotary: bool = False
    context: int | None = None
    dropout: float | None = number(default=None)
    activation: Callable[[Array], Array] = gelu
    norm: Layer = LayerNorm()

    def __post_init__(self) -> None:
        whole_number("TransformerBlock.features", self.features, 1)
        whole_number("TransformerBlock.widening", self.widening, 1)
        if self.dropout is not None:
            number_in("TransformerBlock.dropout", self.dropout, 0, 1)
        self.chain()  # whose layers check the rest

    def chain(self) -> Chain:
        """Return the layers that it is made of."""
        attention = MultiHeadAttention(self.heads, self.causal, self.rotary, self.context)
        network = [Dense(self.widening * self.features), self.activation, Dense(self.features)]
        noise = [] if self.dropout is None else [Dropout(self.dropout)]
        return Chain(
            ("attention", Residual(Chain(self.norm, attention, *noise))),
            ("network", Residual(Chain(self.norm, *network, *noise))),
        )

    def children(self) -> dict[str, Layer]:
        """Return the two parts."""
        return self.chain().children()

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Initialise both parts."""
        if len(example.shape) < 2 or example.shape[-1] != self.features:
            fail(repr(self), f"an example of shape {example.shape}", f"(time, {self.features})")
        params, state = self.chain().init(key, example)
        # every number of a layer lies in its state; the one that counts is the dropout layers' own
        return params, state if self.dropout is None else state | {"dropout": jnp.asarray(self.dropout, jnp.float32)}

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
        """Return the output of both parts one after the other, and the state after them."""
        return self.chain().apply(params, state, x, train=train, key=key, mask=mask)

    def memory(self, params: Params, state: State, batch_shape: tuple[int, ...]) -> Memory:
        """Return what the attention knows before the first position."""
        return self.chain().memory(params, state, batch_shape)

    def step(self, params: Params, state: State, memory: Memory, x: Array) -> tuple[Array, Memory]:
        """Return the output for one position, and what the attention knows after it."""
        return self.chain().step(params, state, memory, x)
