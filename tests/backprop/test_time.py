"""Gradients through time, attention, tables and shared weights, against what one computes by hand."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.backprop import pullback
from jaxnn.backprop.recurrent import truncated
from jaxnn.backprop.rules import looking_up, registered
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

CELLS = [nn.RNN(3), nn.RNN(3, nn.sigmoid, use_bias=False), nn.LSTM(3), nn.GRU(3), nn.GRU(3, use_bias=False)]
each_cell = pytest.mark.parametrize("layer", CELLS, ids=repr)


def drawn(layer, *shape, seed=0):
    """Parameters of generic numbers, an input and a gradient of the output, in float64."""
    random = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda key: layer.init(key, jnp.zeros(shape[-2:])), jax.random.key(0))[0]
    params = jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape)), shapes)
    x = jnp.asarray(random.normal(size=shape))
    out = jax.eval_shape(lambda: layer.apply(params, {}, x)[0])
    return params, x, jnp.asarray(random.normal(size=out.shape))


def textbook(layer, params, x):
    """The recurrences as the slides have them, one step after the other; JAX differentiates each operation."""
    u, size = params["recurrent_kernel"], layer.features
    z = x @ params["kernel"] + params.get("bias", 0.0)

    def lstm(carry, z):
        h, c = carry
        i, f, g, o = jnp.split(z + h @ u, 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def gru(h, now):
        a, b = now[: 2 * size] + h @ u[:, : 2 * size], now[2 * size :]
        reset, kept = jnp.split(jax.nn.sigmoid(a), 2)
        new = jnp.tanh(b + reset * (h @ u[:, 2 * size :] + params.get("recurrent_bias", 0.0)))
        h = (1 - kept) * new + kept * h
        return h, h

    def rnn(h, z):
        h = layer.activation(z + h @ u)
        return h, h

    h = jnp.zeros(size)
    step, first = {nn.RNN: (rnn, h), nn.LSTM: (lstm, (h, h)), nn.GRU: (gru, h)}[type(layer)]
    return jax.lax.scan(step, first, z)[1]


@pytest.mark.course("Q14")
@each_cell
def test_backpropagation_through_time_is_the_gradient_for_up_to_20_steps(layer, x64):
    params, x, dy = drawn(layer, 20, 2)

    def by_hand(length):
        real = jnp.arange(20) < length
        return pullback(layer, params, {}, x, mask=real)[2](jnp.where(real[:, None], dy, 0))

    def by_grad(length):
        def error(params, x):
            return jnp.sum(jnp.where(jnp.arange(20)[:, None] < length, dy * textbook(layer, params, x), 0))

        return jax.grad(error, argnums=(0, 1))(params, x)

    lengths = jnp.arange(1, 21)
    hand, grad = (jit(jax.vmap(one))(lengths) for one in (by_hand, by_grad))
    assert jnp.abs(grad[1][:, 0]).min() > 0  # the first input still counts after 20 steps
    chex.assert_trees_all_close(hand, grad, rtol=1e-10, atol=1e-12)


def stopped(layer, steps, params, x):
    """One step after the other; the gradient of what is carried stops before every `steps`-th."""
    time = range(x.shape[-2])[:: -1 if layer.reverse else 1]
    forward = type(layer)(layer.features)
    memory, ys = forward.memory(params, {}, x.shape[:-2]), {}
    for taken, t in enumerate(time):
        if taken % steps == 0:
            memory = jax.lax.stop_gradient(memory)
        ys[t], memory = forward.step(params, {}, memory, x[..., t, :])
    return ys[time[-1]] if layer.outputs == "last" else jnp.stack([ys[t] for t in sorted(ys)], axis=-2)


@pytest.mark.course("Q14")
@pytest.mark.parametrize(
    "layer", [nn.RNN(3), nn.LSTM(3, reverse=True), nn.LSTM(3, outputs="last"), nn.GRU(3, outputs="last", reverse=True)]
)
def test_truncated_stops_the_gradient_of_the_state_between_stretches(layer, x64):
    params, x, dy = drawn(layer, 2, 7, 2)

    def by_hand(steps):
        y, _, pull = truncated(steps)(layer, params, {}, x, train=True, key=None, mask=None)
        return y, *pull(dy)

    def by_stopping(steps):
        y, pull = jax.vjp(partial(stopped, layer, steps), params, x)
        return y, *pull(dy)

    hand, expected = (jit(lambda one=one: [one(steps) for steps in (1, 3, 7)])() for one in (by_hand, by_stopping))
    chex.assert_trees_all_close(hand, expected, rtol=1e-10, atol=1e-12)
    all_of_it = jit(lambda: pullback(layer, params, {}, x)[2](dy))()
    chex.assert_trees_all_close(hand[-1][1:], all_of_it, rtol=1e-12)
    assert jnp.abs(hand[1][1]["recurrent_kernel"] - all_of_it[0]["recurrent_kernel"]).max() > 1e-3


@pytest.mark.course("Q14")
def test_the_truncated_rule_serves_inside_a_network():
    net = nn.Chain(nn.RNN(1, nn.identity, "last", use_bias=False), nn.Dense(1, use_bias=False))
    params = {
        "rnn_0": {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), 0.5)},
        "dense_0": {"kernel": jnp.full((1, 1), 2.0)},
    }
    with looking_up(lambda one: truncated(2) if isinstance(one, nn.RNN) else registered(one)):
        _, _, pull = pullback(net, params, {}, jnp.ones((1, 4, 1)))
        dparams, dx = pull(jnp.ones((1, 1)))
    assert dx.ravel().tolist() == [0, 0, 1, 2]  # exact: 1/4, 1/2, 1, 2
    assert dparams["rnn_0"]["kernel"].item() == 3  # exact: 3.75
    assert dparams["rnn_0"]["recurrent_kernel"].item() == 2 * 1.75 + 1 * 1.5  # h_3 and h_2, the state after the cut


@pytest.mark.parametrize("steps", [0, 2.5])
def test_a_stretch_has_at_least_one_step(steps):
    with pytest.raises(nn.JaxnnError, match=r"truncated\.steps"):
        truncated(steps)


def test_two_steps_of_one_unit_by_hand():
    """z_1 = w x_1 = 1, h_1 = z_1^2 = 1, z_2 = w x_2 + u h_1 = -1 + 2 = 1, h_2 = 1, and f'(z) = 2 z = 2 at both.

    E = h_1 + h_2: delta_2 = 1, dE/dz_2 = 2; delta_1 = 1 + 2 u = 5, dE/dz_1 = 10.
    """
    layer = nn.RNN(1, nn.square)
    params = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), 2.0), "bias": jnp.zeros(1)}
    y, _, pull = pullback(layer, params, {}, jnp.array([[1.0], [-1.0]]))
    dparams, dx = pull(jnp.ones((2, 1)))
    assert y.ravel().tolist() == [1, 1]
    assert dparams["kernel"].item() == 10 * 1 + 2 * -1
    assert dparams["recurrent_kernel"].item() == 2 * 1
    assert dparams["bias"].item() == 10 + 2
    assert dx.ravel().tolist() == [10, 2]


def test_a_masked_step_passes_its_gradient_on_and_learns_nothing():
    """The step between two is not there: the same numbers as above, and none at it but in delta_1."""
    layer = nn.RNN(1, nn.square)
    params = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), 2.0), "bias": jnp.zeros(1)}
    x, real = jnp.array([[1.0], [100.0], [-1.0]]), jnp.array([True, False, True])
    dparams, dx = pullback(layer, params, {}, x, mask=real)[2](jnp.array([[1.0], [0.0], [1.0]]))
    assert dparams["kernel"].item() == 8
    assert dparams["recurrent_kernel"].item() == 2
    assert dx.ravel().tolist() == [10, 0, 2]
    repeated = pullback(layer, params, {}, x, mask=real)[2](jnp.array([[0.0], [1.0], [0.0]]))[1]
    assert repeated.ravel().tolist() == [2, 0, 0]  # the output there is h_1 again


def test_attention_to_one_key_teaches_queries_and_keys_nothing(x64):
    """A softmax of one number is 1 whatever the number: y = x W_v W_o."""
    layer = nn.MultiHeadAttention(2)
    params, x, dy = drawn(layer, 5, 1, 4)
    dparams, dx = jit(lambda: pullback(layer, params, {}, x)[2](dy))()
    assert not any(jnp.any(leaf) for leaf in jax.tree.leaves((dparams["query"], dparams["key"])))
    value, out = (np.asarray(params[name]["kernel"]).reshape(4, 4) for name in ("value", "out"))
    rows, dvalues = np.asarray(x)[:, 0], np.asarray(dy)[:, 0] @ out.T
    np.testing.assert_allclose(dparams["value"]["kernel"].reshape(4, 4), rows.T @ dvalues, rtol=1e-12)
    np.testing.assert_allclose(dx[:, 0], dvalues @ value.T, rtol=1e-12)


def test_two_keys_that_fit_equally_share_the_gradient_by_hand():
    """Of one head of depth 1 with all kernels 1 and x = (0, 2): Q_1 = 0, so P_1 = (1/2, 1/2) and y_1 = 1.

    From dE/dy_1 = 1: dE/dV = (1/2, 1/2), dE/dP = (0, 2), dE/dS = (0 - 1, 2 - 1) / 2, so dE/dQ_1 = 1/2 * 2 = 1.
    """
    params = {name: {"kernel": jnp.ones((1, 1, 1))} for name in ("query", "key", "value", "out")}
    layer = nn.MultiHeadAttention(1, use_bias=False)

    @jit
    def both(x, dy):
        y, _, pull = pullback(layer, params, {}, x)
        return y, *pull(dy)

    y, dparams, dx = both(jnp.array([[0.0], [2.0]]), jnp.array([[1.0], [0.0]]))
    assert y[0].item() == 1
    assert dx.ravel().tolist() == [1.5, 0.5]
    assert dparams["query"]["kernel"].item() == 0  # 1 * x_1
    assert dparams["key"]["kernel"].item() == 0  # dE/dK = dE/dS Q_1
    assert dparams["value"]["kernel"].item() == 0.5 * 0 + 0.5 * 2


@pytest.mark.parametrize("causal", [False, True])
def test_a_sequence_of_padding_has_the_gradient_of_a_plain_mean(causal, x64):
    layer = nn.MultiHeadAttention(2, causal=causal, rotary=True)
    params, x, dy = drawn(layer, 2, 3, 4)
    mask = jnp.array([[True, True, False], [False, False, False]])

    @jit
    def by_hand(dy):
        y, _, pull = pullback(layer, params, {}, x, mask=mask)
        return y, *pull(dy)

    @jit
    def by_autodiff(dy):
        y, pull = jax.vjp(lambda params, x: layer.apply(params, {}, x, mask=mask)[0], params, x)
        return y, *pull(dy)

    chex.assert_trees_all_close(by_hand(dy), by_autodiff(dy), rtol=1e-10, atol=1e-12)
    _, dparams, _ = by_hand(dy.at[0].set(0))
    assert not jnp.any(dparams["query"]["kernel"])  # nobody is seen: there is nothing to ask
    assert jnp.any(dparams["value"]["kernel"])


def test_a_row_that_is_looked_up_twice_gets_the_sum():
    layer = nn.Embedding(3, 2)
    delta = jnp.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    _, _, pull = pullback(layer, {"embedding": jnp.zeros((3, 2))}, {}, jnp.array([2, 0, 2]))
    dparams, dx = pull(delta)
    assert dparams["embedding"].tolist() == [[2, 20], [0, 0], [5, 50]]
    assert dx.dtype == jax.dtypes.float0


def test_a_number_without_a_row_teaches_none():
    layer = nn.Embedding(3, 1)

    @jit
    def gradient(x):
        return pullback(layer, {"embedding": jnp.zeros((3, 1))}, {}, x)[2](jnp.ones((3, 1)))[0]["embedding"]

    assert gradient(jnp.array([0, -1, 3])).ravel().tolist() == [1, 0, 0]


def test_tied_weights_get_the_sum_of_both_uses():
    """y = (x w) w = 12 with x = 3 and w = 2: the first use says x w, the second x w, so dE/dw = 12; dE/dx = w^2."""
    net = nn.Chain(nn.Dense(1, use_bias=False), nn.Tied("dense_0", nn.Dense(1, use_bias=False)))
    y, _, pull = pullback(net, {"dense_0": {"kernel": jnp.array([[2.0]])}}, {}, jnp.array([3.0]))
    dparams, dx = pull(jnp.ones(1))
    assert (y.item(), dparams["dense_0"]["kernel"].item(), dx.item()) == (12, 6 + 6, 4)


def test_a_table_tied_to_its_logits_gets_what_two_tables_get_together(x64):
    tied = nn.Chain(nn.Embedding(5, 3), nn.tanh, nn.Tied("embedding_0", nn.Unembedding(5)))
    apart = nn.Chain(nn.Embedding(5, 3), nn.tanh, nn.Unembedding(5))
    random = np.random.default_rng(1)
    table, dy = jnp.asarray(random.normal(size=(5, 3))), jnp.asarray(random.normal(size=(4, 5)))
    x = jnp.array([1, 3, 3, 0])
    one = pullback(tied, {"embedding_0": {"embedding": table}}, {}, x)[2](dy)[0]
    both = {"embedding_0": {"embedding": table}, "unembedding_0": {"embedding": table}}
    two = pullback(apart, both, {}, x)[2](dy)[0]
    assert all(jnp.any(leaf) for leaf in jax.tree.leaves(two))
    np.testing.assert_allclose(one["embedding_0"]["embedding"], sum(jax.tree.leaves(two)), rtol=1e-12)


def test_a_frozen_layer_passes_the_gradient_on_and_keeps_none():
    layer = nn.Frozen(nn.Dense(1))
    state = {"params": {"kernel": jnp.array([[2.0], [3.0]]), "bias": jnp.zeros(1)}}
    _, _, pull = pullback(layer, {}, state, jnp.array([1.0, 1.0]), train=True)
    dparams, dx = pull(jnp.array([10.0]))
    assert (dparams, dx.tolist()) == ({}, [20, 30])


def test_a_branch_that_does_nothing_passes_the_gradient_itself():
    """y = x + 3 x, and side by side [x, 3 x]: dE/dx = 1 + 3, and 10 + 3."""
    params = {"kernel": jnp.array([[3.0]])}
    dense = nn.Dense(1, use_bias=False)
    residual = pullback(nn.Residual(dense), {"layer": params}, {}, jnp.array([2.0]))[2](jnp.ones(1))
    assert (residual[0]["layer"]["kernel"].item(), residual[1].item()) == (2, 4)
    beside = nn.Parallel(nn.identity, dense)
    parallel = pullback(beside, {"dense_0": params}, {}, jnp.array([2.0]))[2](jnp.array([10.0, 1.0]))
    assert (parallel[0]["dense_0"]["kernel"].item(), parallel[1].item()) == (2, 13)


def test_both_directions_add_to_the_input_by_hand():
    """h_1 = x_1, h_2 = x_2 + h_1 / 2 forward; h_2 = x_2, h_1 = x_1 + h_2 / 2 backward; each output counts 1."""
    layer = nn.Bidirectional(nn.RNN(1, nn.identity, use_bias=False))
    own = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), 0.5)}
    x = jnp.array([[2.0], [4.0]])
    dparams, dx = pullback(layer, {"forward": own, "backward": own}, {}, x)[2](jnp.ones((2, 2)))
    assert dx.ravel().tolist() == [1.5 + 1, 1 + 1.5]
    assert dparams["forward"]["recurrent_kernel"].item() == 2  # h_1
    assert dparams["backward"]["recurrent_kernel"].item() == 4  # h_2


def test_positions_that_no_sequence_reached_learn_nothing():
    dparams, dx = pullback(nn.LearnedPositions(3), {"embedding": jnp.zeros((3, 1))}, {}, jnp.zeros((4, 2, 1)))[2](
        jnp.arange(8.0).reshape(4, 2, 1)
    )
    assert dparams["embedding"].ravel().tolist() == [0 + 2 + 4 + 6, 1 + 3 + 5 + 7, 0]
    assert dx.ravel().tolist() == list(range(8))
