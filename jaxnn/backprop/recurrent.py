"""Back through time: a recurrent layer is one cell used again at each step, and shares its kernels over all of them.

Forward, with `W` the kernel, `U` the recurrent kernel and `b` the bias, for t = 1 .. T from `h_0 = 0`:

    z_t = x_t W + h_{t-1} U + b        h_t = cell(z_t, ...)

E depends on `h_t` in two ways: through the output `y_t = h_t`, and through all that the steps after it make of it. So

    delta_t = dE/dh_t = dE/dy_t + (what comes back from step t+1),        what comes back after the last step is 0

and going from T to 1 each step needs the delta of one other, which is known by then. The cell's own equations turn
delta_t into `dE/dz_t` and into what goes back to `h_{t-1}`. The kernels are used at each step, so their gradients are
sums over the steps; these are one product each, after the loop, in which one product a step is left:

    dE/dW = sum_t x_t^T dE/dz_t        dE/dU = sum_t h_{t-1}^T dE/dz_t
    dE/db = sum_t dE/dz_t              dE/dx_t = dE/dz_t W^T

A masked step keeps the state, `h_t = h_{t-1}`: its delta goes back unchanged, and `dE/dz_t = 0`.

Arrays in the loops are time-major, `(time, batch, ...)`, as in `layers/recurrence.py`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.activations import tanh
from jaxnn.backprop.linear import by_examples
from jaxnn.backprop.rules import Pull, Rule, register, rule_of, to_input
from jaxnn.checks import whole_number
from jaxnn.layers import GRU, LSTM, RNN
from jaxnn.layers.recurrence import before, gru_steps, kept, lstm_steps, rnn_steps
from jaxnn.ops import product
from jaxnn.pytypes import Array, Key, Params, State


class Unrolled(NamedTuple):
    """What a cell did at all steps, and how a gradient goes back through one."""

    hs: Array
    """`(time, batch, hidden)`, the state after each step."""
    carried: int
    """How many arrays go from step to step; the first is h."""
    slopes: Any
    """For each step what `back` needs of the forward pass; time is the first axis of every array."""
    back: Callable[[Any, Any], tuple[Any, Array]]
    """From dE/d(what is carried after a step) and the slopes to dE/d(what was carried before it), and what to keep."""
    finish: Callable[[Array], tuple[Array, Params]]
    """From what was kept of all steps to dE/dz of all, and the gradients of the recurrent parameters."""


def rnn(layer: RNN, params: Params, zs: Array, real: Array | None) -> Unrolled:
    """`h_t = f(z_t)`, so `dE/dz_t = f'(z_t) delta_t`, and `dE/dz_t U^T` goes back to `h_{t-1}`.

    What is kept of each step is `f'(z_t)`, by the rule of f. With f = tanh it is `1 - h_t^2`, so h is enough: not
    writing the slopes beside it saves a tenth of the time.
    """
    kernel, f = params["recurrent_kernel"], layer.activation

    def cell(h: Array, x: Array) -> tuple[Array, Array | None]:
        a, pull = rule_of(f)(f, x + h @ kernel)
        return a, None if f is tanh else pull(jnp.ones_like(a))  # f is of each number alone, and so is its pull

    hs, slopes = rnn_steps(cell, layer.reverse, zs, kernel, real)

    def back(deltas: Any, now: Any) -> Any:
        (delta,), (h, slope) = deltas, now
        dz = delta - h * (h * delta) if slope is None else slope * delta
        return (dz @ kernel.T,), dz

    def finish(dzs: Array) -> tuple[Array, Params]:
        # The first step begins with zeros, from which U learns nothing: left out, not added. So XLA's CPU runs the
        # products after the loop in an order that fills both cores: 1.05 of the time of autodiff, 1.13 with the zeros.
        began, dz = (hs[1:], dzs[:-1]) if layer.reverse else (hs[:-1], dzs[1:])
        return dzs, {"recurrent_kernel": by_examples(began, dz)}

    return Unrolled(hs, 1, (hs if f is tanh else None, slopes), back, finish)


def lstm(layer: LSTM, params: Params, zs: Array, real: Array | None) -> Unrolled:
    """Two things are carried, the output h and the cell c, and each has its delta.

    With `i, f, o = sigmoid(z_i, z_f, z_o)` and `g = tanh(z_g)`:

        c_t = f c_{t-1} + i g        h_t = o tanh(c_t)

    c_t is seen by h_t and by step t+1, so `dE/dc_t = (what comes back to it) + delta_t o (1 - tanh^2(c_t))`, and

        dE/dz_i = dE/dc_t g i (1 - i)        dE/dz_f = dE/dc_t c_{t-1} f (1 - f)
        dE/dz_g = dE/dc_t i (1 - g^2)        dE/dz_o = delta_t tanh(c_t) o (1 - o)

    To `h_{t-1}` goes back `dE/dz_t U^T`, to `c_{t-1}` goes `f dE/dc_t`: no matrix on that way and, with f = 1, nothing
    that shrinks the gradient, which is what the cell is for.
    """
    kernel = params["recurrent_kernel"]
    hs, cs, gates = lstm_steps(layer.reverse, zs, kernel, real)
    i, f, g, o = jnp.split(gates, 4, axis=-1)
    squashed = jnp.tanh(cs)  # of a masked step it is not that of its gates, but there nothing asks for it
    into_c = i * (1 - i) * g, f * (1 - f) * before(cs, layer.reverse), i * (1 - g * g)
    # what needs no delta is computed of all steps at once, before the loop
    slopes = jnp.concatenate([*into_c, o * (1 - o) * squashed], axis=-1), f, o * (1 - squashed * squashed)

    def back(deltas: Any, slopes: Any) -> Any:
        (delta, dc), (slope, f, through) = deltas, slopes
        dc = dc + through * delta
        dz = jnp.concatenate([dc, dc, dc, delta], axis=-1) * slope
        return (dz @ kernel.T, f * dc), dz

    def finish(dzs: Array) -> tuple[Array, Params]:
        return dzs, {"recurrent_kernel": by_examples(before(hs, layer.reverse), dzs)}

    return Unrolled(hs, 2, slopes, back, finish)


def gru(layer: GRU, params: Params, zs: Array, real: Array | None) -> Unrolled:
    """The state reaches the next one past the cell too, by the gate z, and through the candidate n.

    With `r, z = sigmoid(...)`, `q = h_{t-1} U_n + c` (c the recurrent bias) and `n = tanh(x_t W_n + b_n + r q)`:

        h_t = (1 - z) n + z h_{t-1}

    Write `d_n` for the gradient of what stands inside the tanh, `d_r` and `d_z` inside the sigmoids:

        d_n = delta_t (1 - z) (1 - n^2)        d_r = d_n q r (1 - r)        d_z = delta_t (h_{t-1} - n) z (1 - z)

    x_t adds to these three places: dE/d(x_t W) = [d_r, d_z, d_n]. h_{t-1} U adds to r, z and q, and dE/dq = d_n r:
    there it is [d_r, d_z, d_n r], which `U^T` takes back to `h_{t-1}`, where `z delta_t` from past the cell is added.
    """
    kernel, bias = params["recurrent_kernel"], params.get("recurrent_bias")
    hs, r, z, n, q = gru_steps(layer.reverse, zs, kernel, bias, real)
    began = before(hs, layer.reverse)
    of_n = (1 - z) * (1 - n * n)  # d_n / delta, and so on
    of_r, of_z = of_n * q * r * (1 - r), (began - n) * z * (1 - z)
    slopes = jnp.concatenate([of_r, of_z, of_n * r], axis=-1)

    def back(deltas: Any, slopes: Any) -> Any:
        (delta,), (slope, z) = deltas, slopes
        return ((jnp.concatenate([delta] * 3, axis=-1) * slope) @ kernel.T + z * delta,), delta

    def finish(deltas: Array) -> tuple[Array, Params]:
        d_r, d_z, d_n = deltas * of_r, deltas * of_z, deltas * of_n
        d_q = d_n * r
        own = {"recurrent_kernel": by_examples(began, jnp.concatenate([d_r, d_z, d_q], axis=-1))}
        if bias is not None:
            own["recurrent_bias"] = d_q.sum((0, 1))
        return jnp.concatenate([d_r, d_z, d_n], axis=-1), own

    return Unrolled(hs, 1, (slopes, z), back, finish)


_CELLS: dict[type, Callable[..., Unrolled]] = {RNN: rnn, LSTM: lstm, GRU: gru}


@register(RNN, LSTM, GRU)
def through_time(
    layer: Any, params: Params, state: State, x: Array, *, train: bool, key: Key | None, mask: Array | None,
    steps: int | None = None,
) -> tuple[Array, State, Pull]:  # fmt: skip
    """Return the outputs, and the pull from their gradients through all steps to the parameters and the inputs.

    Args:
        layer, params, state, x, train, key, mask: as in every rule.
        steps: after how many the way back is cut, see `truncated`; None for never.

    Returns:
        As every rule of a layer.
    """
    zs, real = layer.entering(params, x, mask)
    done = _CELLS[type(layer)](layer, params, zs, real)
    y = layer.leaving(done.hs, x)
    kernel, time = params["kernel"], x.shape[-2]

    def pull(dy: Array) -> tuple[Params, Any]:
        dzs, dparams = done.finish(_backwards(layer, done, real, _goes_on(layer, time, steps), dy))
        xs = jnp.moveaxis(x.reshape(-1, *x.shape[-2:]), 1, 0)  # (..., time, in) -> (time, batch, in)
        dparams = {"kernel": by_examples(xs.astype(kernel.dtype), dzs), **dparams}
        if layer.use_bias:
            dparams["bias"] = dzs.sum((0, 1))
        dx = jnp.moveaxis(product(dzs, kernel.T), 0, 1).reshape(x.shape)
        return dparams, to_input(x, dx)

    return y, state, pull


def _backwards(layer: Any, done: Unrolled, real: Array | None, goes_on: Any, dy: Array) -> Array:
    """Go from the last step to the first; what the cell keeps of each."""
    width = done.hs.shape[-1]
    nothing = (jnp.zeros_like(done.hs[0]),) * done.carried
    if layer.outputs == "last":  # the output is seen after the last step alone
        dys, first = None, (dy.reshape(nothing[0].shape), *nothing[1:])
    else:
        dys, first = jnp.moveaxis(dy.reshape(-1, dy.shape[-2], width), 1, 0), nothing  # -> (time, batch, hidden)

    def step(came_back: Any, now: Any) -> Any:
        dy, slopes, real, goes_on = now
        deltas = came_back if dy is None else (came_back[0] + dy, *came_back[1:])
        goes_back, keep = done.back(deltas, slopes)
        goes_back = tuple(kept(real, new, old) for new, old in zip(goes_back, deltas, strict=True))
        if goes_on is not None:
            goes_back = tuple(jnp.where(goes_on, one, 0) for one in goes_back)
        return goes_back, kept(real, keep, 0)

    return jax.lax.scan(step, first, (dys, done.slopes, real, goes_on), reverse=not layer.reverse)[1]


def truncated(steps: int) -> Rule:
    """Return a rule of RNN, LSTM and GRU that follows gradients back through a limited number of steps.

    The sequence is cut into stretches of `steps` steps, counted from the one that is taken first. The state goes on
    from stretch to stretch, its gradient does not: backpropagation as if `stop_gradient` stood on the state between
    them, which is what is meant where texts are trained on piece by piece. The outputs stay the same. Left out of the
    gradient is all that an input or a use of the kernels did to outputs of later stretches: nothing is learnt of what
    lies further apart than `steps`, and of what lies nearer only where no cut is between. With as many steps as the
    sequence has, nothing is left out.

    Args:
        steps: at least 1; with 1 each step learns from its own output alone.

    Returns:
        The rule: `register(nn.LSTM)(truncated(20))` puts it in the place of the exact one.

    Raises:
        JaxnnError: if `steps` is not a whole number of at least 1.

    Reference: R. Williams and J. Peng, "An efficient gradient-based algorithm for on-line training of recurrent network
    trajectories", 1990.

    >>> import jaxnn as nn
    >>> params = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), 0.5)}
    >>> layer, x = nn.RNN(1, nn.identity, "last", use_bias=False), jnp.ones((4, 1))  # h = 1, 1.5, 1.75, 1.875
    >>> for steps in 4, 2, 1:
    ...     y, _, pull = truncated(steps)(layer, params, {}, x, train=True, key=None, mask=None)
    ...     print(y, pull(jnp.ones(1))[0]["kernel"][0], pull(jnp.ones(1))[1][:, 0])
    [1.875] [1.875] [0.125 0.25  0.5   1.   ]
    [1.875] [1.5] [0.  0.  0.5 1. ]
    [1.875] [1.] [0. 0. 0. 1.]
    """
    return partial(through_time, steps=whole_number("truncated.steps", steps, 1))


def _goes_on(layer: Any, time: int, steps: int | None) -> np.ndarray | None:
    """Whether a gradient goes from each step to the one before it, `(time,)`; None where it always does."""
    if steps is None:
        return None
    taken = np.arange(time)[:: -1 if layer.reverse else 1]
    return taken % steps != 0
