"""Layers that go through a sequence and carry a state from each step to the next."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp

from jaxnn.activations import tanh
from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.config import config
from jaxnn.initializers import Initializer, LecunNormal, Orthogonal, Zeros
from jaxnn.layers.base import parameter_dtype
from jaxnn.layers.looked_up import LookedUp
from jaxnn.layers.recurrence import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell
from jaxnn.ops import fold_in, product
from jaxnn.pytypes import Array, Example, Key, Memory, Params, State


class _Recurrent:
    """What recurrent layers have in common; each says how many gates it has, what it carries, and how it runs."""

    features: Any
    outputs: Any
    reverse: Any
    use_bias: Any
    kernel_init: Any
    recurrent_kernel_init: Any
    bias_init: Any
    gates: ClassVar[int]
    carried: ClassVar[tuple[str, ...]] = ("h",)
    takes_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        name = type(self).__name__
        whole_number(f"{name}.features", self.features, 1)
        one_of(f"{name}.outputs", self.outputs, ["all", "last"])

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Draw `kernel` and `recurrent_kernel`, each gate's part by itself, and make `bias`."""
        if len(example.shape) < 2:
            fail(repr(self), f"an example of shape {example.shape}", "axes (time, features)")
        dtype = parameter_dtype(example)

        def drawn(initializer: Initializer, key: Key, inputs: int) -> Array:
            keys = jax.vmap(lambda i: fold_in(key, i))(jnp.arange(self.gates))
            parts = jax.vmap(lambda k: initializer(k, (inputs, self.features), dtype))(keys)
            return jnp.moveaxis(parts, 0, 1).reshape(inputs, -1)  # (gates, in, hidden) -> (in, gates * hidden)

        params = {
            "kernel": drawn(self.kernel_init, fold_in(key, 0), example.shape[-1]),
            "recurrent_kernel": drawn(self.recurrent_kernel_init, fold_in(key, 1), self.features),
        }
        return params | (self._biases(key, dtype) if self.use_bias else {}), {}

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
        """Return the outputs of all steps or of the last, and the unchanged state."""
        return self.leaving(self._run(params, *self.entering(params, x, mask)), x), state

    def entering(self, params: Params, x: Array | LookedUp, mask: Array | None) -> tuple[Array, Array | None]:
        """Return what the inputs add to the gates, and which steps are real, as the loop over time takes them.

        Args:
            params, x, mask: as for `apply`.

        Returns:
            `(time, batch, gates * features)`, and `(time, batch, 1)` or None; all leading axes are one batch.
        """
        self._check(params, x, 2)
        real = None
        if mask is not None and mask.ndim == x.ndim - 1:  # one without time masks whole sequences, which are apart
            real = jnp.moveaxis(mask.reshape(-1, x.shape[-2], 1), 1, 0)  # (..., time) -> (time, batch, 1)
        return self._project(params, x, x.ndim - 2), real

    def leaving(self, hs: Array, x: Array | LookedUp) -> Array:
        """Return the layer's output, made of the states after each step.

        Args:
            hs: `(time, batch, features)`.
            x: the input.

        Returns:
            `(..., time, features)`, or `(..., features)` of the last step.
        """
        *lead, time, _ = x.shape
        if self.outputs == "last":
            return hs[0 if self.reverse else -1].reshape(*lead, self.features)
        return jnp.moveaxis(hs, 0, 1).reshape(*lead, time, self.features)

    def memory(self, params: Params, state: State, batch_shape: tuple[int, ...]) -> Memory:
        """Return zeros `(*batch_shape, features)`, what is carried before the first step."""
        zeros = jnp.zeros((*batch_shape, self.features), params["kernel"].dtype)
        return dict.fromkeys(self.carried, zeros)

    @property
    def step(self) -> Callable[[Params, State, Memory, Array], tuple[Array, Memory]] | None:
        """A function that takes one step, with any memory of the right shapes; None if `reverse`."""
        return None if self.reverse else self._step

    def _step(self, params: Params, state: State, memory: Memory, x: Array) -> tuple[Array, Memory]:
        self._check(params, x, 1)
        after = self._cell(params, memory, self._from_input(params, x))
        return after["h"], after

    def _project(self, params: Params, x: Array | LookedUp, lead: int) -> Array:
        """What the inputs add to the gates, `(time, batch, gates * features)`: one product for all, before the loop."""

        def steps(a: Array) -> Array:
            return jnp.moveaxis(a.reshape(-1, *a.shape[lead:]), 1, 0)  # (..., time, in) -> (time, batch, in)

        if isinstance(x, LookedUp):
            return LookedUp(x.table, steps(x.numbers)).map(lambda rows: self._from_input(params, rows))
        return self._from_input(params, steps(x))

    def _from_input(self, params: Params, x: Array) -> Array:
        """What an input adds to the gates."""
        z = product(x.astype(params["kernel"].dtype), params["kernel"])
        return z + params["bias"] if self.use_bias else z

    def _check(self, params: Params, x: Array | LookedUp, axes: int) -> None:
        width = params["kernel"].shape[0]
        if x.ndim < axes or x.shape[-1] != width:
            needed = "(..., time, features)" if axes == 2 else "(..., features)"
            fail(repr(self), f"an input of shape {x.shape}", f"{needed} with {width} features, as the kernel has")

    def _biases(self, key: Key, dtype: Any) -> Params:
        # constant, as every initializer that is usual for a bias
        return {"bias": self.bias_init(key, (self.gates * self.features,), dtype)}

    def _run(self, params: Params, xs: Array, real: Array | None) -> Array:
        raise NotImplementedError

    def _cell(self, params: Params, memory: Memory, x: Array) -> Memory:
        raise NotImplementedError


@config
class RNN(_Recurrent):
    """A simple recurrent layer.

    `h_t = f(x_t @ kernel + h_{t-1} @ recurrent_kernel + bias)`, `h_0 = 0`, output `y_t = h_t`

    A step that is masked out changes nothing: the state stays, and the output with it. So the last output is that of
    the last real step, and a reversed layer begins at it.

    Flax's `SimpleCell` has `i/kernel`, `i/bias` and `h/kernel`; PyTorch's `RNN` has `weight_ih_l0 = kernel.T`,
    `weight_hh_l0 = recurrent_kernel.T`, and `bias_ih_l0 + bias_hh_l0 = bias`.

    Args:
        features: width of the state and of the output.
        activation: f, of each number alone.
        outputs: "all", or "last" for that of the last step.
        reverse: True goes from the last step to the first; the outputs stay at their steps.
        use_bias: False leaves the bias out.
        kernel_init, recurrent_kernel_init, bias_init: how the parameters are drawn. The recurrent kernel is orthogonal,
            as in Flax and Keras: it keeps the length of what it is applied to again and again.

    Input `(..., time, in)`, any dtype; output `(..., time, features)` or `(..., features)` in the dtype of the
    parameters. Parameters: `kernel` `(in, features)`, `recurrent_kernel` `(features, features)`, `bias` `(features,)`.
    Memory: `h` `(..., features)`; another one than zeros is an initial state of one's own for `step`.

    Raises:
        JaxnnError: if a field is out of range, or an input has another width than the kernel.

    Reference: J. Elman, "Finding structure in time", 1990.

    >>> import jax, jax.numpy as jnp
    >>> layer = RNN(1)
    >>> params = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), 0.5), "bias": jnp.zeros(1)}
    >>> y, _ = layer.apply(params, {}, jnp.array([[1.0], [0.0]]))
    >>> print(y[:, 0].round(4))  # tanh(1), tanh(tanh(1) / 2)
    [0.7616 0.3634]
    """

    features: int
    activation: Callable[[Array], Array] = tanh
    outputs: Literal["all", "last"] = "all"
    reverse: bool = False
    use_bias: bool = True
    kernel_init: Initializer = LecunNormal()
    recurrent_kernel_init: Initializer = Orthogonal()
    bias_init: Initializer = Zeros()
    gates: ClassVar[int] = 1

    def _run(self, params: Params, xs: Array, real: Array | None) -> Array:
        return rnn(self.activation, self.reverse, xs, params["recurrent_kernel"], real)

    def _cell(self, params: Params, memory: Memory, x: Array) -> Memory:
        return {"h": rnn_cell(self.activation, memory["h"], x, params["recurrent_kernel"])[0]}


@config
class LSTM(_Recurrent):
    """Long short-term memory: a cell that gates write, keep and read.

    `i, f, g, o = split(x_t @ kernel + h_{t-1} @ recurrent_kernel + bias)`,
    `c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)`, `h_t = sigmoid(o) tanh(c_t)`, `h_0 = c_0 = 0`, output `y_t = h_t`

    A step that is masked out changes nothing, as for `RNN`.

    Flax's `OptimizedLSTMCell` has the four parts of `kernel` as `ii`, `if`, `ig`, `io`, those of `recurrent_kernel` and
    `bias` as `hi`, `hf`, `hg`, `ho`; PyTorch's `LSTM` has `weight_ih_l0 = kernel.T`, `weight_hh_l0 =
    recurrent_kernel.T` and `bias_ih_l0 + bias_hh_l0 = bias`, the gates in this order.

    Args:
        features: width of the cell and of the output.
        outputs: "all", or "last" for that of the last step.
        reverse: True goes from the last step to the first; the outputs stay at their steps.
        use_bias: False leaves the bias out.
        forget_bias: added to the forget gate's bias when it is made. With 1, as in Keras, a new cell keeps 0.73 of what
            it holds at each step; with 0, as in Flax and PyTorch, it keeps half, and a thousandth after ten steps.
        kernel_init, recurrent_kernel_init, bias_init: how the parameters are drawn, each gate's part by itself.

    Input `(..., time, in)`, any dtype; output `(..., time, features)` or `(..., features)` in the dtype of the
    parameters. Parameters: `kernel` `(in, 4 features)`, `recurrent_kernel` `(features, 4 features)`, `bias`
    `(4 features,)`. Memory: `h` and `c` `(..., features)`; others than zeros are an initial state for `step`.

    Raises:
        JaxnnError: if a field is out of range, or an input has another width than the kernel.

    Reference: S. Hochreiter and J. Schmidhuber, "Long short-term memory", 1997; for the forget gate's bias R.
    Jozefowicz and others, "An empirical exploration of recurrent network architectures", 2015.

    >>> import jax, jax.numpy as jnp
    >>> layer = LSTM(3, outputs="last")
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros((5, 2)))
    >>> print(params["bias"])
    [0. 0. 0. 1. 1. 1. 0. 0. 0. 0. 0. 0.]
    >>> layer.apply(params, state, jnp.ones((8, 5, 2)))[0].shape
    (8, 3)
    """

    features: int
    outputs: Literal["all", "last"] = "all"
    reverse: bool = False
    use_bias: bool = True
    forget_bias: float = 1.0
    kernel_init: Initializer = LecunNormal()
    recurrent_kernel_init: Initializer = Orthogonal()
    bias_init: Initializer = Zeros()
    gates: ClassVar[int] = 4
    carried: ClassVar[tuple[str, ...]] = ("h", "c")

    def __post_init__(self) -> None:
        super().__post_init__()
        limits = {"open_low": True, "open_high": True}
        forget = number_in("LSTM.forget_bias", self.forget_bias, float("-inf"), float("inf"), **limits)
        object.__setattr__(self, "forget_bias", forget)

    def _biases(self, key: Key, dtype: Any) -> Params:
        bias = super()._biases(key, dtype)["bias"]
        return {"bias": bias.at[self.features : 2 * self.features].add(self.forget_bias)}

    def _run(self, params: Params, xs: Array, real: Array | None) -> Array:
        return lstm(self.reverse, xs, params["recurrent_kernel"], real)

    def _cell(self, params: Params, memory: Memory, x: Array) -> Memory:
        h, c, _ = lstm_cell(memory["h"], memory["c"], x, params["recurrent_kernel"])
        return {"h": h, "c": c}


@config
class GRU(_Recurrent):
    """A gated recurrent unit: a state of which gates say how much is replaced, and by what.

    `r, z = sigmoid(parts of x_t @ kernel + bias + h_{t-1} @ recurrent_kernel)`,
    `n = tanh(x_t @ kernel_n + bias_n + r (h_{t-1} @ recurrent_kernel_n + recurrent_bias))`,
    `h_t = (1 - z) n + z h_{t-1}`, `h_0 = 0`, output `y_t = h_t`

    The reset gate comes after the product, as in PyTorch, cuDNN and Flax, not before it as in the first paper. A step
    that is masked out changes nothing, as for `RNN`.

    Flax's `GRUCell` has the three parts of `kernel` and `bias` as `ir`, `iz`, `in`, those of `recurrent_kernel` as
    `hr`, `hz`, `hn`, and `recurrent_bias` as `hn/bias`; PyTorch's `GRU` has `weight_ih_l0 = kernel.T`, `weight_hh_l0 =
    recurrent_kernel.T`, and two biases whose first two parts add up to those of `bias`; the last part of `bias_ih_l0`
    is `bias_n`, that of `bias_hh_l0` is `recurrent_bias`.

    Args:
        features: width of the state and of the output.
        outputs: "all", or "last" for that of the last step.
        reverse: True goes from the last step to the first; the outputs stay at their steps.
        use_bias: False leaves both biases out.
        kernel_init, recurrent_kernel_init, bias_init: how the parameters are drawn, each gate's part by itself.

    Input `(..., time, in)`, any dtype; output `(..., time, features)` or `(..., features)` in the dtype of the
    parameters. Parameters: `kernel` `(in, 3 features)`, `recurrent_kernel` `(features, 3 features)`, `bias`
    `(3 features,)`, `recurrent_bias` `(features,)`. Memory: `h` `(..., features)`, as for `RNN`.

    Raises:
        JaxnnError: if a field is out of range, or an input has another width than the kernel.

    Reference: K. Cho and others, "Learning phrase representations using RNN encoder-decoder", 2014.

    >>> import jax, jax.numpy as jnp
    >>> layer = GRU(3)
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros((5, 2)))
    >>> {name: leaf.shape for name, leaf in params.items()}
    {'kernel': (2, 9), 'recurrent_kernel': (3, 9), 'bias': (9,), 'recurrent_bias': (3,)}
    >>> layer.apply(params, state, jnp.ones((8, 5, 2)))[0].shape
    (8, 5, 3)
    """

    features: int
    outputs: Literal["all", "last"] = "all"
    reverse: bool = False
    use_bias: bool = True
    kernel_init: Initializer = LecunNormal()
    recurrent_kernel_init: Initializer = Orthogonal()
    bias_init: Initializer = Zeros()
    gates: ClassVar[int] = 3

    def _biases(self, key: Key, dtype: Any) -> Params:
        return super()._biases(key, dtype) | {"recurrent_bias": self.bias_init(key, (self.features,), dtype)}

    def _run(self, params: Params, xs: Array, real: Array | None) -> Array:
        return gru(self.reverse, xs, params["recurrent_kernel"], params.get("recurrent_bias"), real)

    def _cell(self, params: Params, memory: Memory, x: Array) -> Memory:
        return {"h": gru_cell(memory["h"], x, params["recurrent_kernel"], params.get("recurrent_bias"))[0]}
