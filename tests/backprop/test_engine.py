"""Whole objectives by hand: networks, losses, weights, masks, penalties, and the training that uses them."""

import importlib
import importlib.util
import os

import chex
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import activations, backprop, losses
from jaxnn.ops import on_cpu
from jaxnn.train.gradient import Objective, value_and_grad
from losscases import WIDTHS, targets_for, width_of
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

RANDOM = np.random.default_rng(5)


def by_both(net, loss, penalties, params, state, x, y, weight=None, mask=None, key=None):
    """((value, state, terms), gradient) of the training program, by autodiff and by hand."""
    objective = Objective(net, loss, tuple(penalties), ({},) * len(penalties))
    key = jax.random.key(0) if key is None else key
    return [
        jit(lambda *given, how=how: value_and_grad(objective, how, *given))(params, state, x, y, weight, mask, key)
        for how in ("autodiff", "backprop")
    ]


def by_rule_and_vjp(one, inputs, cotangent, *targets):
    """(values, gradient) of a loss or an activation: by its rule, and by autodiff."""

    @jit
    def both(inputs, cotangent):
        values, pull = backprop.rule_of(one)(one, inputs, *targets)
        expected, pull_back = jax.vjp(lambda z: one(z, *targets), inputs)
        return (values, pull(cotangent)), (expected, pull_back(cotangent)[0])

    return both(inputs, cotangent)


def started(net, example, dtype=jnp.float64):
    return jit(lambda key: net.init(key, jax.ShapeDtypeStruct(example, dtype)))(jax.random.key(3))


@pytest.mark.course("L15")
@pytest.mark.parametrize("name", losses.LOSSES)
def test_the_rule_of_a_loss_is_its_gradient(name, x64):
    loss = losses.LOSSES[name]
    outputs, targets = RANDOM.normal(size=(6, width_of(name, 3))), targets_for(name, RANDOM, 6, 3)
    if loss.on == "probabilities":
        outputs = np.exp(outputs) / np.exp(outputs).sum(axis=-1, keepdims=True)
    (values, hand), (expected, auto) = by_rule_and_vjp(loss, outputs, np.arange(1.0, 7), targets)
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    np.testing.assert_allclose(hand, auto, rtol=1e-9, atol=1e-12)


@pytest.mark.course("L15")
def test_gradients_of_the_three_objectives_of_the_course(x64):
    """Quadratic: y - t. Binary: (y - t) / (y (1 - y)); the course prints it without its minus (erratum E16)."""
    y, t = np.array([[0.25]]), np.array([[1.0]])

    def by_hand(loss, outputs, targets):
        return np.asarray(by_rule_and_vjp(loss, outputs, np.ones(1), targets)[0][1])

    quadratic, binary = (by_hand(loss, y, t) for loss in (losses.half_squared_error, losses.binary_cross_entropy))
    np.testing.assert_allclose([quadratic[0, 0], binary[0, 0]], [-0.75, -4.0], rtol=1e-12)
    printed = 1 / 0.25 + (1 - 1) / (0.25 - 1)  # y*/y + (1 - y*)/(y - 1): up is where the loss falls
    assert printed == -binary[0, 0]
    down = losses.binary_cross_entropy(y - 0.01 * binary, t)[0]
    assert down < losses.binary_cross_entropy(y, t)[0] < losses.binary_cross_entropy(y - 0.01 * printed, t)[0]
    p = np.exp([[1.0, 2.0, 3.0]]) / np.exp([1.0, 2.0, 3.0]).sum()
    many = by_hand(losses.categorical_cross_entropy, p, np.array([2]))
    np.testing.assert_allclose(many, [[0, 0, -1 / p[0, 2]]], rtol=1e-12)


@pytest.mark.course("A21", "A05")
@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_the_derivative_of_an_activation_by_hand(name, x64):
    f = activations.ACTIVATIONS[name]
    z = np.concatenate([RANDOM.uniform(-6, 6, 1000), [40.0, -40.0, 710.0, -710.0]]).reshape(-1, 4)
    (a, hand), (expected, auto) = by_rule_and_vjp(f, z, RANDOM.normal(size=z.shape))
    np.testing.assert_allclose(a, expected, rtol=1e-14)
    np.testing.assert_allclose(hand, auto, rtol=1e-9, atol=1e-12)


@pytest.mark.course("A05")
def test_the_derivative_of_relu_at_zero_is_zero():
    slope = backprop.rule_of(nn.relu)(nn.relu, jnp.zeros(1))[1](jnp.ones(1))
    assert slope[0] == 0 == jax.grad(nn.relu)(0.0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_derivatives_stay_finite_far_out_in_every_dtype(dtype):
    z = jnp.asarray([0.0, 3.0, -3.0, 300.0, -300.0, 6e4, -6e4], dtype)
    for f in activations.ACTIVATIONS.values():
        if f is not nn.square:  # 2 z beyond the range of float16 is infinite
            dz = backprop.rule_of(f)(f, z)[1](jnp.ones_like(z))
            assert dz.dtype == z.dtype and jnp.isfinite(dz).all(), f


def test_weights_masks_penalties_and_dropout_as_in_training(x64):
    net = nn.Chain(nn.Dense(5), nn.tanh, nn.Dropout(0.3), nn.Dense(2))
    params, state = started(net, (4, 3))
    x, y = RANDOM.normal(size=(6, 4, 3)), RANDOM.integers(0, 2, (6, 4))
    penalties = [nn.penalties.l2(0.1), nn.penalties.l1(0.2, leaves=("bias", "kernel"))]
    weight = np.array([1.0, 0, 2, 0.5, 0, 3])
    lengths = np.arange(4) < np.array([4, 1, 2, 3, 2, 1])[:, None]
    for settings in [(None, None), (weight, None), (None, lengths), (weight, lengths), (weight, lengths[:, 1])]:
        auto, hand = by_both(net, losses.softmax_cross_entropy, penalties, params, state, x, y, *settings)
        chex.assert_trees_all_close(auto, hand, rtol=1e-10, atol=1e-13)


def test_one_number_from_positions_that_the_mask_tells_apart(x64):
    net = nn.Chain(nn.GRU(3, outputs="last"), nn.Dense(1))
    params, state = started(net, (4, 2))
    x, y, mask = RANDOM.normal(size=(3, 4, 2)), RANDOM.normal(size=3), np.arange(4) < np.array([4, 2, 0])[:, None]
    auto, hand = by_both(net, losses.huber, [], params, state, x, y, None, mask)
    chex.assert_trees_all_close(auto, hand, rtol=1e-10, atol=1e-13)


def test_a_minibatch_that_weighs_nothing_teaches_nothing():
    net = nn.Chain(nn.Dense(1))
    params, state = started(net, (2,), jnp.float32)
    x, y = np.ones((3, 2), np.float32), np.ones(3, np.float32)
    _, (_, gradient) = by_both(net, losses.squared_error, [], params, state, x, y, np.zeros(3, np.float32))
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(gradient))


def test_the_public_function_is_value_and_grad_of_the_mean_loss(x64):
    net = nn.Chain(nn.Dense(4), nn.sigmoid, nn.BatchNorm(), nn.Dense(3))
    params, state = started(net, (2,))
    x, y = RANDOM.normal(size=(5, 2)), np.arange(5) % 3
    by_hand = jit(backprop.value_and_grad(net, losses.softmax_cross_entropy))(params, state, x, y)

    def mean(params):
        outputs, after = net.apply(params, state, x, train=True)
        return losses.softmax_cross_entropy(outputs, y).mean(), after

    chex.assert_trees_all_close(by_hand, jit(jax.value_and_grad(mean, has_aux=True))(params), rtol=1e-10)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_training_by_hand_ends_at_the_weights_of_autodiff(dtype, tolerance):
    with jax.enable_x64(dtype == "float64"):
        net = nn.Chain(nn.Dense(8), nn.tanh, nn.Dropout(0.2), nn.LayerNorm(), nn.Dense(3))
        x, y = RANDOM.normal(size=(80, 5)).astype(dtype), RANDOM.integers(0, 3, 80)
        settings = {"optimizer": "momentum", "learning_rate": 0.05, "epochs": 10, "batch_size": 8, "key": 1}
        settings |= {"penalties": [nn.penalties.l2(1e-3)], "sample_weight": RANDOM.uniform(size=80).astype(dtype)}
        runs = [
            nn.fit(net, (x, y), losses.softmax_cross_entropy, gradient=how, **settings)
            for how in ("autodiff", "backprop")
        ]
        assert runs[0].steps == 100
        chex.assert_trees_all_close(runs[0].params, runs[1].params, rtol=tolerance, atol=tolerance)


def test_training_by_hand_needs_rules_and_a_registered_one_will_do():
    def cube(z):
        return z**3

    net, x = nn.Chain(nn.Dense(2), ("mine", nn.Activation(cube)), nn.Dense(1)), np.ones((4, 2), np.float32)
    told = r"in mine: gradient by hand: cube has no rule. Register one: @jaxnn.backprop.register\(cube\)"
    with pytest.raises(nn.JaxnnError, match=told):
        nn.fit(net, (x, x[:, 0]), losses.squared_error, gradient="backprop", epochs=1)
    backprop.register(cube)(lambda f, z: (f(z), lambda da: 3 * z**2 * da))
    try:
        settings = {"epochs": 3, "optimizer": "sgd", "learning_rate": 0.01}
        hand = nn.fit(net, (x, x[:, 0]), losses.squared_error, gradient="backprop", **settings)
        chex.assert_trees_all_close(hand.params, nn.fit(net, (x, x[:, 0]), losses.squared_error, **settings).params)
    finally:
        del backprop.rules.RULES[cube]


def test_the_rule_is_taken_by_itself_for_layers_for_which_it_is_faster(monkeypatch):
    x, y = RANDOM.normal(size=(8, 3)).astype("float32"), RANDOM.normal(size=8).astype("float32")
    net = nn.Chain(nn.Dense(4), nn.Residual(nn.LayerNorm()), nn.Dense(1))
    params, state = started(net, (3,), jnp.float32)
    used = []

    def noted(kind):
        rule = backprop.rules.RULES[kind]

        def note(layer, *given, **how):
            used.append(kind)
            return rule(layer, *given, **how)

        monkeypatch.setitem(backprop.rules.RULES, kind, note)

    noted(nn.LayerNorm)
    noted(nn.Dense)
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 3, "start": (params, state)}
    auto = nn.fit(net, (x, y), losses.squared_error, **settings)
    assert set(used) == ({nn.LayerNorm} if on_cpu() else set())  # it was measured on CPU alone
    used.clear()
    nn.fit(nn.Chain(nn.Dense(1)), (x, y), losses.squared_error, epochs=1)
    plain = nn.fit(net, (x, y), losses.squared_error, gradient="autodiff", **settings)
    assert not used
    chex.assert_trees_all_close(auto.params, plain.params, rtol=1e-5, atol=1e-6)


def test_an_unknown_way_to_a_gradient_is_refused():
    with pytest.raises(nn.JaxnnError, match="gradient: got 'hand'; needed one of auto, autodiff, backprop"):
        nn.fit(nn.Dense(1), (np.ones((4, 2)), np.ones(4)), losses.squared_error, gradient="hand")


@pytest.mark.course("F30", "F13")
@hypothesis.given(
    depth=st.integers(0, 4), width=st.just(3), inputs=st.just(2), batch=st.just(4),  # other shapes: compiled again
    names=st.lists(st.sampled_from(sorted(set(activations.ACTIVATIONS) - {"step", "sign"})), min_size=4, max_size=4),
    name=st.sampled_from(sorted(set(losses.LOSSES) - set(WIDTHS))), seed=st.integers(0, 2**31 - 1), bias=st.booleans(),
)  # fmt: skip
def test_random_networks(depth, width, inputs, batch, names, name, seed, bias):
    """Depth, width, activation and loss by chance; manual gradients to 1e-8 of autodiff."""
    loss, random = losses.LOSSES[name], np.random.default_rng(seed)
    with jax.enable_x64(True):
        hidden = [part for f in names[:depth] for part in (nn.Dense(width, use_bias=bias), activations.by_name(f))]
        last = [nn.softmax] if loss.on == "probabilities" else []
        net = nn.Chain(*hidden, nn.Dense(width), *last)
        params, state = net.init(jax.random.key(seed), jax.ShapeDtypeStruct((inputs,), jnp.float64))
        x = random.normal(size=(batch, inputs))
        targets = targets_for(name, random, batch, width)
        _, hand = backprop.value_and_grad(net, loss)(params, state, x, targets)
        auto = jax.grad(lambda params: loss(net.apply(params, state, x)[0], targets).mean())(params)
        largest = max(np.abs(leaf).max() for leaf in jax.tree.leaves(auto))
        for a, b in zip(jax.tree.leaves(hand), jax.tree.leaves(auto), strict=True):
            error = np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), max(1e-6 * largest, 1e-300))
            assert error.max() < 1e-8


def test_batches_of_none_and_axes_of_one(x64):
    net = nn.Chain(nn.Dense(1), nn.tanh, nn.LayerNorm(), nn.Dense(2))
    params, state = started(net, (1,))
    for shape in [(0, 1), (1, 1), (2, 0, 1), (1, 1, 1, 1)]:

        @jit
        def both(params, x, dy):
            by_hand = backprop.pullback(net, params, state, x)[2](dy)
            return by_hand, jax.vjp(lambda p, x: net.apply(p, state, x)[0], params, x)[1](dy)

        by_hand, expected = both(params, np.ones(shape), np.ones((*shape[:-1], 2)))
        chex.assert_trees_all_close(by_hand, expected, rtol=1e-10, atol=1e-12)


def test_eager_jit_scan_and_remat_agree(x64):
    net = nn.Chain(nn.Dense(4), nn.gelu, nn.Dense(1))
    params, state = started(net, (3,))
    x, y = RANDOM.normal(size=(4, 6, 3)), RANDOM.normal(size=(4, 6))
    function = backprop.value_and_grad(net, losses.half_squared_error)

    def gradient(x, y):
        return function(params, state, x, y)[1]

    eager = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(gradient(a, b) for a, b in zip(x, y, strict=True)))
    scanned = jit(lambda: jax.lax.scan(lambda _, now: (None, gradient(*now)), None, (x, y))[1])()
    mapped = jax.vmap(jit(gradient))(x, y)
    saved = jit(jax.vmap(jax.checkpoint(gradient)))(x, y)
    for other in (scanned, mapped, saved):
        chex.assert_trees_all_close(other, eager, rtol=1e-12, atol=1e-14)
    # reverse mode over the rules: the gradient of |gradient|^2 is 2 H g
    norm = jit(jax.grad(lambda p: _square(function(p, state, x[0], y[0])[1])))(params)

    def plain(params):
        return losses.half_squared_error(net.apply(params, state, x[0])[0], y[0]).mean()

    chex.assert_trees_all_close(norm, jit(jax.grad(lambda p: _square(jax.grad(plain)(p))))(params), rtol=1e-9)


def _square(tree):
    return sum(jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(tree))


def test_apply_stays_plain_for_forward_mode_hessians_and_linearize(x64):
    net = nn.Chain(nn.Dense(3), nn.tanh, nn.LayerNorm(), nn.RNN(2), nn.Dense(1))
    params, state = started(net, (4, 2))
    x = RANDOM.normal(size=(4, 2))

    def value(x):
        return (net.apply(params, state, x)[0] ** 2).sum()

    @jit
    def along(x, v):
        _, push = jax.linearize(value, x)
        return push(v), jax.jvp(value, (x,), (v,))[1], jax.jvp(jax.grad(value), (x,), (v,))[1]

    hessian = np.asarray(jit(jax.hessian(value))(x))  # forward over reverse
    np.testing.assert_allclose(hessian, hessian.transpose(2, 3, 0, 1), atol=1e-10)
    v = RANDOM.normal(size=x.shape)
    pushed, by_jvp, twice = along(x, v)
    np.testing.assert_allclose(pushed, by_jvp, rtol=1e-10)
    np.testing.assert_allclose(np.tensordot(hessian, v, 2), twice, rtol=1e-8, atol=1e-10)


def test_a_hundred_steps_are_those_of_pytorch(x64):
    """Same weights, forward pass, gradients and steps of Adam in float64, to 1e-10."""
    if importlib.util.find_spec("torch") is None and "torch" not in os.environ.get("JAXNN_TESTS_NEED", ""):
        pytest.skip("PyTorch is not installed: pip install torch==2.13.0")
    torch = importlib.import_module("torch")
    optax = importlib.import_module("optax")
    net = nn.Chain(nn.Dense(7), nn.tanh, nn.Dense(5), nn.sigmoid, nn.Dense(3))
    params, state = started(net, (4,))
    x, y = RANDOM.normal(size=(16, 4)), RANDOM.integers(0, 3, 16)
    layers = []
    for name in ("dense_0", "dense_1", "dense_2"):
        layer = torch.nn.Linear(*params[name]["kernel"].shape, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(np.asarray(params[name]["kernel"]).T))
            layer.bias.copy_(torch.tensor(np.asarray(params[name]["bias"])))
        layers.append(layer)
    theirs = torch.nn.Sequential(layers[0], torch.nn.Tanh(), layers[1], torch.nn.Sigmoid(), layers[2])
    rule, adam = torch.optim.Adam(theirs.parameters(), lr=0.01, eps=1e-8), optax.adam(0.01)
    function = backprop.value_and_grad(net, losses.softmax_cross_entropy, [nn.penalties.l2(1e-3)])
    opt_state, their_losses, firsts = adam.init(params), [], None
    for _ in range(100):
        rule.zero_grad()
        loss = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(y))
        loss = loss + 1e-3 * sum((layer.weight**2).sum() for layer in layers)
        loss.backward()
        firsts = firsts or [layer.weight.grad.numpy().T.copy() for layer in layers]
        rule.step()
        their_losses.append(loss.item())

    @jit
    def steps(params, opt_state):
        def one(carry, _):
            params, opt_state = carry
            (value, _), gradient = function(params, state, x, y)
            with jax.numpy_dtype_promotion("standard"):  # optax raises float32 to an int32 power
                updates, opt_state = adam.update(gradient, opt_state, params)
            return (optax.apply_updates(params, updates), opt_state), (value, gradient)

        return jax.lax.scan(one, (params, opt_state), length=100)

    (ours, _), (values, gradients) = steps(params, opt_state)
    np.testing.assert_allclose(values, their_losses, rtol=1e-10)
    for i, layer in enumerate(layers):
        np.testing.assert_allclose(gradients[f"dense_{i}"]["kernel"][0], firsts[i], rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(
            ours[f"dense_{i}"]["kernel"], layer.weight.detach().numpy().T, rtol=1e-10, atol=1e-12
        )
