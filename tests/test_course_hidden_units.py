"""Rows of the course on what hidden units need to learn: errors of their own, and first weights that differ."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import backprop, losses
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])


def sigmoid_net():
    """2-2-1 with weights in float64."""
    net = nn.Chain(nn.Dense(2), nn.sigmoid, nn.Dense(1))
    return net, jit(lambda key: net.init(key, jax.ShapeDtypeStruct((2,), jnp.float64))[0])(jax.random.key(4))


def xor_solved(hidden, gradient_of, keys=100):
    """How many of so many keys solve XOR in 5000 steps of 0.5 of descent on all four rows (section 5.6)."""
    wide = nn.initializers.Uniform(-(0.5**0.5), 0.5**0.5)  # by the two inputs
    out = nn.initializers.Uniform(-(hidden**-0.5), hidden**-0.5)
    net = nn.Chain(nn.Dense(hidden, kernel_init=wide), nn.sigmoid, nn.Dense(1, kernel_init=out))
    x, y = jnp.float32(XOR), jnp.float32([0, 1, 1, 0])

    def trained(key):
        params, _ = net.init(key, x[0])

        def step(params, _):
            return jax.tree.map(lambda w, d: w - 0.5 * d, params, gradient_of(net, params, x, y)), None

        params, _ = jax.lax.scan(step, params, length=5000)
        return ((net.apply(params, {}, x)[0][:, 0] > 0) == (y > 0)).all()

    return int(jit(jax.vmap(trained))(jax.random.split(jax.random.key(0), keys)).sum())


def all_layers(net, params, x, y):
    return backprop.value_and_grad(net, losses.sigmoid_cross_entropy)(params, {}, x, y)[1]


def last_layer(net, params, x, y):
    gradient = all_layers(net, params, x, y)
    return gradient | {"dense_0": jax.tree.map(jnp.zeros_like, gradient["dense_0"])}


def output_error_everywhere(net, params, x, y):
    """The naive idea: every hidden unit is told the error of the output, and learns by the perceptron's rule."""
    gradient = all_layers(net, params, x, y)
    error = (jax.nn.sigmoid(net.apply(params, {}, x)[0]) - y[:, None]) / len(y)  # (4, 1)
    naive = {
        "kernel": x.T @ jnp.broadcast_to(error, (4, params["dense_0"]["bias"].size)),
        "bias": error.sum() + 0 * params["dense_0"]["bias"],
    }
    return gradient | {"dense_0": naive}


@pytest.mark.course("F24", "F25")
@pytest.mark.parametrize("hidden", [2, 4, 8])
def test_hidden_units_need_errors_of_their_own(hidden):
    """Calibration: 69, 100, 100 of 100 keys with all layers trained; 0, 4, 30 with the last; 16, 16, 13 naively."""
    full, last, naive = (xor_solved(hidden, how) for how in (all_layers, last_layer, output_error_everywhere))
    assert full >= (50 if hidden == 2 else 95)
    assert last < full - 40 and naive < 40


def running(net, *example):
    """A network with weights drawn."""
    params, state = jit(lambda key: net.init(key, jnp.ones(example)))(jax.random.key(0))
    return jit(lambda x: net.apply(params, state, x)[0])


@pytest.mark.course("F29")
def test_networks_that_feed_forward_and_that_return(x64):
    """Layers run in the order of their Chain and see only what lies before them: a cycle cannot be written down."""
    single, multi, recurrent = nn.Chain(nn.Dense(2)), nn.models.mlp((3,), 2), nn.Chain(nn.RNN(3), nn.Dense(2))
    for net, example in ((single, (4,)), (multi, (4,)), (recurrent, (5, 4))):
        run = running(net, *example)
        assert run(np.ones((2, *example))).shape == (2, *example[:-1], 2)
    # an output can change no earlier one; that of a recurrent layer changes those after it
    x = np.ones((5, 4))
    moved = np.asarray(run(x + (np.arange(5) == 2)[:, None])) != np.asarray(run(x))
    assert moved.any(axis=1).tolist() == [False, False, True, True, True]
    back = nn.Chain(("first", nn.Tied("second", nn.Dense(4))), ("second", nn.Dense(4)))
    with pytest.raises(nn.JaxnnError, match="siblings with parameters before it: none; needed one named 'second'"):
        back.init(jax.random.key(0), jnp.ones(4))


@pytest.mark.course("F32")
def test_one_program_for_an_architecture_whatever_its_parameters():
    net = nn.models.mlp((3,), 2)
    traces = []

    @jit
    def gradient(params, x, y):
        traces.append(1)
        return backprop.value_and_grad(net, losses.softmax_cross_entropy)(params, {}, x, y)[1]

    for seed in range(10):
        params, _ = net.init(jax.random.key(seed), jnp.zeros(4))
        gradient(params, np.ones((5, 4), np.float32), np.zeros(5, np.int32))
    assert len(traces) == 1


@pytest.mark.course("F33")
def test_the_same_network_does_regression_and_classification():
    x = np.linspace(-np.pi, np.pi, 64, dtype=np.float32)[:, None]
    settings = {"learning_rate": 0.02, "epochs": 200, "batch_size": 16, "gradient": "backprop"}
    curve = nn.fit(nn.models.mlp((16,), 1, activation=nn.tanh), (x, np.sin(x[:, 0])), losses.squared_error, **settings)
    residual = np.var(np.sin(x[:, 0]) - curve.logits(x)[:, 0]) / np.var(np.sin(x[:, 0]))
    assert 1 - residual > 0.99
    bits, same = XOR.astype(np.float32), np.array([0, 1, 1, 0])
    settings |= {"batch_size": None}
    head = nn.fit(nn.models.mlp((16,), 2, activation=nn.tanh), (bits, same), losses.softmax_cross_entropy, **settings)
    assert (head.logits(bits).argmax(axis=1) == same).all()


def trained_from(params, y, steps, rate=0.5):
    """A 2-2-1 sigmoid network after full-batch descent: losses of each step, weights, and the first gradient."""
    net, _ = sigmoid_net()
    function = backprop.value_and_grad(net, losses.sigmoid_cross_entropy)

    def step(params, _):
        (value, _), gradient = function(params, {}, jnp.asarray(XOR), jnp.asarray(y))
        return jax.tree.map(lambda w, d: w - rate * d, params, gradient), value

    last, values = jit(lambda p: jax.lax.scan(step, p, length=steps))(params)
    return values, last, jit(function)(params, {}, XOR, np.asarray(y))[1]


def filled(value):
    net, params = sigmoid_net()
    return net, jax.tree.map(lambda w: jnp.full_like(w, value), params)


@pytest.mark.course("I01", "I02")
def test_weights_of_zero(x64):
    net, zeros = filled(0.0)
    assert (jax.nn.sigmoid(net.apply(zeros, {}, XOR)[0]) == 0.5).all()  # whatever the input is
    values, _, first = trained_from(zeros, [0.0, 1, 1, 0], 2000)
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(first))
    np.testing.assert_allclose(values, np.log(2), atol=1e-12)
    values, last, first = trained_from(zeros, [0.0, 0, 0, 1], 2001)
    np.testing.assert_allclose(first["dense_1"]["kernel"].ravel(), [0.125, 0.125], rtol=1e-12)
    np.testing.assert_allclose(first["dense_1"]["bias"], [0.25], rtol=1e-12)
    assert (first["dense_0"]["kernel"] == 0).all()
    np.testing.assert_array_equal(last["dense_0"]["kernel"][:, 0], last["dense_0"]["kernel"][:, 1])  # twins for ever
    np.testing.assert_allclose(values[2000], 0.00524, atol=5e-6)


@pytest.mark.course("I03")
def test_equal_weights_stay_equal(x64):
    _, params = filled(0.3)
    values, last, _ = trained_from(params, [0.0, 1, 1, 0], 20001)
    np.testing.assert_array_equal(last["dense_0"]["kernel"][:, 0], last["dense_0"]["kernel"][:, 1])
    np.testing.assert_allclose(values[20000], 0.47826, atol=5e-6)
    assert values[20000] > 0.4773856  # 3/4 H(2/3), which one hidden unit cannot pass
