"""Rows of the course on the chain rule, backpropagation, first weights and descent, by the hand-written rules."""

import itertools
from functools import cache

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jaxnn as nn
from jaxnn import activations, backprop, losses
from jaxnn.backprop.rules import watching
from losscases import targets_for, width_of
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

RANDOM = np.random.default_rng(11)


@cache
def drawn(*widths):
    """Weights of dense layers in float64: one program for all networks of these widths."""
    net = nn.Chain(*(nn.Dense(width) for width in widths[1:]))
    return jit(lambda key: net.init(key, jax.ShapeDtypeStruct(widths[:1], jnp.float64))[0])(jax.random.key(4))


def mlp(*widths, activation=nn.sigmoid, last=None):
    """Dense layers with an activation after each but the last; and its weights in float64."""
    hidden = [part for width in widths[1:-1] for part in (nn.Dense(width), activation)]
    return nn.Chain(*hidden, nn.Dense(widths[-1]), *([last] if last else [])), drawn(*widths)


def deltas_of(net, params, x, loss, y):
    """By path, what every layer is told of its output on the way back; and the gradients."""

    @jit
    def watched(params, x, y):
        seen = {}
        with watching(lambda path, layer, params, x, y, dy, dparams, dx: seen.setdefault("/".join(path), dy)):
            _, gradient = backprop.value_and_grad(net, loss)(params, {}, x, y)
        return seen, gradient

    return watched(params, x, y)


@pytest.mark.course("F10", "F11")
def test_the_chain_rule_along_one_path_and_over_several(x64):
    def through(parts, x):
        pulls = []
        for part in parts:
            x, pull = backprop.rule_of(part)(part, x)
            pulls.append(pull)
        d = jnp.ones(())
        for pull in reversed(pulls):
            d = pull(d)
        return x, d

    class Sine:
        def __call__(self, z):
            return jnp.sin(z)

    backprop.register(Sine)(lambda f, z: (jnp.sin(z), lambda da: jnp.cos(z) * da))
    try:
        value, slope = through([nn.square, Sine()], jnp.asarray(1.3))
    finally:
        del backprop.rules.RULES[Sine]
    np.testing.assert_allclose([value, slope], [np.sin(1.69), 2.6 * np.cos(1.69)], rtol=1e-14)
    np.testing.assert_allclose(slope, jax.grad(lambda x: jnp.sin(x**2))(1.3), rtol=1e-12)
    # three paths from x to z = sum of f(x): the slopes add up; Parallel is a node with fan-out
    net = nn.Parallel(nn.tanh, nn.sigmoid, nn.square, how="add")
    _, _, pull = backprop.pullback(net, {}, {}, jnp.array([0.7]))
    s = 1 / (1 + np.exp(-0.7))
    np.testing.assert_allclose(pull(jnp.ones(1))[1], [1 - np.tanh(0.7) ** 2 + s * (1 - s) + 1.4], rtol=1e-12)


@pytest.mark.course("F12", "F18", "F19")
def test_deltas_of_the_worked_example(x64):
    """i = (.05, .10), t = (.01, .99): delta = o (1 - o) (o - t); deck 004 writes t - o and adds (row O30)."""
    net, _ = mlp(2, 2, 2, last=nn.sigmoid)
    params = {
        "dense_0": {"kernel": jnp.array([[0.15, 0.25], [0.20, 0.30]]), "bias": jnp.array([0.35, 0.35])},
        "dense_1": {"kernel": jnp.array([[0.40, 0.50], [0.45, 0.55]]), "bias": jnp.array([0.60, 0.60])},
    }
    x, t = jnp.array([[0.05, 0.10]]), jnp.array([[0.01, 0.99]])
    deltas, gradient = deltas_of(net, params, x, losses.half_squared_error, t)
    np.testing.assert_allclose(deltas["dense_1"][0], [0.138498561629, -0.038098236517], atol=1e-12)
    np.testing.assert_allclose(gradient["dense_1"]["kernel"][0, 0], 0.0821670406, atol=1e-10)
    h = 1 / (1 + np.exp(-np.array([0.3775, 0.3925])))
    o = 1 / (1 + np.exp(-(h @ np.asarray(params["dense_1"]["kernel"]) + 0.6)))
    additive = o * (1 - o) * (np.asarray(t[0]) - o)
    hidden = h * (1 - h) * (np.asarray(params["dense_1"]["kernel"]) @ additive)
    np.testing.assert_allclose(deltas["dense_1"][0], -additive, rtol=1e-12)
    np.testing.assert_allclose(deltas["dense_0"][0], -hidden, rtol=1e-12)


@pytest.mark.course("F13")
@pytest.mark.parametrize("depth", range(1, 9))
def test_all_deltas_equal_the_gradient_by_a_probe_of_zeros(depth, x64):
    f = list(activations.ACTIVATIONS.values())[depth]
    net, params = mlp(3, *[2 + depth % 2] * depth, 2, activation=f)
    x, y = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(4, 2))
    deltas, _ = deltas_of(net, params, x, losses.half_squared_error, y)
    dense = [f"dense_{i}" for i in range(depth + 1)]

    def probed(probes):
        a = x
        for i, name in enumerate(dense):
            z = a @ params[name]["kernel"] + params[name]["bias"] + probes[name]
            a = f(z) if i < depth else z
        return losses.half_squared_error(a, y).mean()

    expected = jit(jax.grad(probed))({name: np.zeros((4, params[name]["bias"].size)) for name in dense})
    chex.assert_trees_all_close({name: deltas[name] for name in dense}, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.course("F13")
@pytest.mark.parametrize("name", losses.LOSSES)
def test_every_pair_of_activation_and_loss(name, x64):
    loss, x, y = losses.LOSSES[name], RANDOM.normal(size=(3, 2)), targets_for(name, RANDOM, 3, 2)
    last = nn.softmax if loss.on == "probabilities" else None
    nets = [mlp(2, 2, width_of(name, 2), activation=f, last=last)[0] for f in set(activations.ACTIVATIONS.values())]
    params = drawn(2, 2, width_of(name, 2))

    @jit
    def both(params, x):
        hand = [backprop.value_and_grad(net, loss)(params, {}, x, y)[1] for net in nets]
        return hand, [jax.grad(lambda p, net=net: loss(net.apply(p, {}, x)[0], y).mean())(params) for net in nets]

    chex.assert_trees_all_close(*both(params, x), rtol=1e-9, atol=1e-12)


@pytest.mark.course("F14", "F20", "O01", "O03")
def test_one_epoch_of_the_algorithm_is_per_example_descent(x64):
    net, params = mlp(2, 3, 1)
    x, y, eta = RANDOM.normal(size=(6, 2)), RANDOM.normal(size=6), 0.1
    loss = losses.half_squared_error

    def forward(params, x):  # three pure functions, and their composition
        return backprop.pullback(net, params, {}, x[None], train=True)

    def cost(outputs, y):
        return backprop.rule_of(loss)(loss, outputs, y[None])

    def update(params, gradient):
        return jax.tree.map(lambda w, d: w - eta * d, params, gradient)

    def step(params, now):
        outputs, _, pull = forward(params, now[0])
        _, pull_cost = cost(outputs, now[1])
        return update(params, pull(pull_cost(jnp.ones(1)))[0]), None

    scanned, _ = jit(lambda p: jax.lax.scan(step, p, (x, y)))(params)
    looped = params
    gradient = jit(jax.grad(lambda p, x, y: loss(net.apply(p, {}, x[None])[0], y[None]).sum()))
    for one in zip(x, y, strict=True):
        looped = update(looped, gradient(looped, *one))
    chex.assert_trees_all_close(scanned, looped, rtol=1e-12, atol=1e-14)
    run = nn.fit(
        net, (x, y), loss, optimizer="sgd", learning_rate=eta, epochs=1, batch_size=1, shuffle=False,
        start=(params, {}), gradient="backprop",
    )  # fmt: skip
    chex.assert_trees_all_close(run.params, looped, rtol=1e-12, atol=1e-14)
    # on 1/2 10 x^2 a step of 0.19 multiplies x by -0.9, one of 0.21 by -1.1; the limit is 2 / 10
    bowl = nn.Chain(nn.Dense(1, use_bias=False))
    at, target = np.array([[np.sqrt(10.0)]]), np.zeros(1)
    for rate, factor in ((0.19, -0.9), (0.21, -1.1)):
        given = {
            "optimizer": "sgd",
            "learning_rate": rate,
            "epochs": 3,
            "start": ({"dense_0": {"kernel": jnp.ones((1, 1))}}, {}),
        }
        stepped = nn.fit(bowl, (at, target), loss, **given).params["dense_0"]["kernel"][0, 0]
        np.testing.assert_allclose(stepped, factor**3, rtol=1e-12)


@pytest.mark.course("F15")
def test_matrix_form_equals_sums_over_indices(x64):
    net, params = mlp(3, 4, 2, activation=nn.tanh)
    x, y = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 2))
    deltas, gradient = deltas_of(net, params, x, losses.half_squared_error, y)
    w0, w1 = (np.asarray(params[f"dense_{i}"]["kernel"]) for i in range(2))
    z0 = x @ w0 + np.asarray(params["dense_0"]["bias"])
    out = np.tanh(z0) @ w1 + np.asarray(params["dense_1"]["bias"])
    by_index = np.zeros((5, 4))
    for n, i in itertools.product(range(5), range(4)):
        slope = 1 - np.tanh(z0[n, i]) ** 2
        by_index[n, i] = slope * sum((out[n, j] - y[n, j]) / 5 * w1[i, j] for j in range(2))
    np.testing.assert_allclose(deltas["dense_0"], by_index, rtol=1e-12)
    weights = [[sum(by_index[n, i] * x[n, k] for n in range(5)) for i in range(4)] for k in range(3)]
    np.testing.assert_allclose(gradient["dense_0"]["kernel"], weights, rtol=1e-12)


@pytest.mark.course("F16")
def test_two_logistic_layers_and_the_sign_of_the_printed_gradient(x64):
    """Errata E01 and E02: the deck prints (y - s(u)), and with it one step of 0.1 climbs."""
    net, params = mlp(2, 3, 1, last=nn.sigmoid)
    x, y, n = RANDOM.normal(size=(7, 2)), RANDOM.integers(0, 2, 7).astype(float), 7
    loss = losses.binary_cross_entropy
    (value, _), gradient = jit(backprop.value_and_grad(net, loss))(params, {}, x, y)
    w1, b1, w2, b2 = (np.asarray(params[f"dense_{i}"][part]) for i in range(2) for part in ("kernel", "bias"))
    h = 1 / (1 + np.exp(-(x @ w1 + b1)))
    p = 1 / (1 + np.exp(-(h @ w2 + b2)))
    delta2 = (p - y[:, None]) / n
    delta1 = (delta2 @ w2.T) * h * (1 - h)
    by_hand = {
        "dense_0": {"kernel": x.T @ delta1, "bias": delta1.sum(0)},
        "dense_1": {"kernel": h.T @ delta2, "bias": delta2.sum(0)},
    }
    chex.assert_trees_all_close(gradient, by_hand, rtol=1e-9, atol=1e-12)

    def after(sign):
        moved = jax.tree.map(lambda w, d: w - sign * 0.1 * d, params, gradient)
        return loss(net.apply(moved, {}, x)[0], y).mean()

    assert after(1) < value < after(-1)


@pytest.mark.course("F17")
def test_what_is_computed_once_serves_all_layers_before_it(x64):
    """L deltas for L layers, where following every path through layers of two units would take 2^L."""
    counts = []
    for depth in (2, 4, 8, 16):
        net, params = mlp(2, *[2] * depth, 1)
        seen = []
        with watching(lambda path, *_, seen=seen: seen.append(path)):
            jax.eval_shape(lambda p, net=net: backprop.value_and_grad(net, losses.squared_error)(
                p, {}, np.ones((1, 2)), np.ones(1))[1], params)  # fmt: skip
        counts.append(sum(path[0].startswith("dense") for path in seen))
    assert counts == [3, 5, 9, 17]


@pytest.mark.course("F19")
def test_in_a_chain_of_single_units_delta_is_a_product(x64):
    net, params = mlp(1, 1, 1, 1, activation=nn.tanh)
    deltas, _ = deltas_of(net, params, np.array([[0.4]]), losses.half_squared_error, np.array([1.0]))
    z = net.outputs(params, {}, np.array([[0.4]]))
    weight = [float(params[f"dense_{i}"]["kernel"][0, 0]) for i in range(3)]
    error = float(z["dense_2"][0, 0]) - 1
    for i in (1, 0):
        error = (1 - np.tanh(float(z[f"dense_{i}"][0, 0])) ** 2) * error * weight[i + 1]
        np.testing.assert_allclose(deltas[f"dense_{i}"][0, 0], error, rtol=1e-12)


@pytest.mark.course("F22", "O02")
def test_an_element_of_the_gradient_is_a_sensitivity(x64):
    net, params = mlp(2, 3, 1)
    x, y = RANDOM.normal(size=(4, 2)), RANDOM.normal(size=4)
    _, gradient = jit(backprop.value_and_grad(net, losses.half_squared_error))(params, {}, x, y)
    flat, put = ravel_pytree(params)
    slopes = ravel_pytree(gradient)[0]
    value = jit(jax.vmap(lambda w: losses.half_squared_error(net.apply(put(w), {}, x)[0], y).mean()))
    moved = value(flat + 1e-6 * jnp.eye(flat.size)) - value(flat[None])
    assert np.argsort(np.abs(moved)).tolist() == np.argsort(np.abs(slopes)).tolist()
    directions = RANDOM.normal(size=(1000, flat.size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    steepest = -slopes / jnp.linalg.norm(slopes)
    np.testing.assert_allclose(slopes @ steepest, -jnp.linalg.norm(slopes), rtol=1e-12)
    assert (directions @ slopes > slopes @ steepest).all()


@pytest.mark.course("F26")
def test_the_gradient_of_the_sum_is_the_sum_of_the_gradients(x64):
    net, params = mlp(2, 3, 2)
    x, y = RANDOM.normal(size=(5, 2)), RANDOM.integers(0, 2, 5)
    function = backprop.value_and_grad(net, losses.softmax_cross_entropy)
    each = jit(jax.vmap(lambda x, y: function(params, {}, x[None], y[None])[1]))(x, y)
    mean = jit(function)(params, {}, x, y)[1]
    chex.assert_trees_all_close(jax.tree.map(lambda g: g.sum(0) / 5, each), mean, rtol=1e-10, atol=1e-14)


@pytest.mark.course("F27")
def test_products_of_jacobians_are_the_gradient(x64):
    net, params = mlp(2, 3, 1)
    x, y = jnp.array([0.3, -0.8]), jnp.array([0.4])
    w1, w2 = params["dense_0"], params["dense_1"]
    z1 = x @ w1["kernel"] + w1["bias"]
    a1 = jax.nn.sigmoid(z1)
    z2 = a1 @ w2["kernel"] + w2["bias"]
    dj_dz2 = jit(jax.jacobian(lambda z: losses.half_squared_error(z, y)))(z2)  # (1,)
    dz2_dw2 = jit(jax.jacobian(lambda w: a1 @ w + w2["bias"]))(w2["kernel"])  # (1, 3, 1)
    dz2_da1 = jit(jax.jacobian(lambda a: a @ w2["kernel"] + w2["bias"]))(a1)  # (1, 3)
    da1_dz1 = jit(jax.jacobian(jax.nn.sigmoid))(z1)  # (3, 3)
    dz1_dw1 = jit(jax.jacobian(lambda w: x @ w + w1["bias"]))(w1["kernel"])  # (3, 2, 3)
    _, gradient = jit(backprop.value_and_grad(net, losses.half_squared_error))(params, {}, x[None], y[None])
    np.testing.assert_allclose(gradient["dense_1"]["kernel"], jnp.tensordot(dj_dz2, dz2_dw2, 1), rtol=1e-10)
    chained = jnp.tensordot(dj_dz2 @ dz2_da1 @ da1_dz1, dz1_dw1, 1)
    np.testing.assert_allclose(gradient["dense_0"]["kernel"], chained, rtol=1e-10)


@pytest.mark.course("F28")
def test_the_chain_of_four_parameters(x64):
    """Erratum E32: the printed loss squares the prediction alone."""
    net = nn.Chain(nn.Dense(1), nn.Dense(1))
    w1, b1, w2, b2 = 0.5, 0.1, -0.3, 0.2
    params = {
        "dense_0": {"kernel": jnp.array([[w1]]), "bias": jnp.array([b1])},
        "dense_1": {"kernel": jnp.array([[w2]]), "bias": jnp.array([b2])},
    }
    x, y = np.array([[0.0], [0.25], [0.5], [0.75], [1.0]]), np.array([0.0, 0, 1, 1, 1])
    function = jit(backprop.value_and_grad(net, losses.squared_error))
    (value, _), gradient = function(params, {}, x, y)
    found = [gradient[f"dense_{i}"][part].item() for i in range(2) for part in ("kernel", "bias")]
    np.testing.assert_allclose(value, 0.5428375, rtol=1e-12)
    np.testing.assert_allclose(found, [0.25275, 0.303, -0.52225, -1.01], rtol=1e-12)
    after = jax.tree.map(lambda w, d: w - 0.1 * d, params, gradient)
    np.testing.assert_allclose(function(after, {}, x, y)[0][0], 0.4177037658, atol=1e-10)
    printed = np.mean(y - (w2 * (w1 * x[:, 0] + b1) + b2) ** 2)
    assert abs(printed - value) > 0.01


@pytest.mark.course("O30")
def test_the_additive_and_the_subtractive_update_are_one(x64):
    """w + eta (t - o) ... and w - eta (o - t) ...: the sign of delta and that of the update change together."""
    net, params = mlp(2, 2, 1, last=nn.sigmoid)
    x, t, eta = RANDOM.normal(size=(1, 2)), np.array([[0.7]]), 0.5
    deltas, gradient = deltas_of(net, params, x, losses.half_squared_error, t)
    h = jax.nn.sigmoid(x @ params["dense_0"]["kernel"] + params["dense_0"]["bias"])
    o = jax.nn.sigmoid(h @ params["dense_1"]["kernel"] + params["dense_1"]["bias"])
    additive = params["dense_1"]["kernel"] + eta * h.T @ (o * (1 - o) * (t - o))
    np.testing.assert_allclose(params["dense_1"]["kernel"] - eta * gradient["dense_1"]["kernel"], additive, rtol=1e-13)
    np.testing.assert_allclose(deltas["dense_1"], -(o * (1 - o) * (t - o)), rtol=1e-13)
