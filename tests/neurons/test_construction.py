"""Constructed networks are ordinary ones: sizes, hyperplanes, softening, training on, model files; rows B30 and B31."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons
from jaxnn.neurons.construction import weights
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = np.array([[0], [1], [1], [0]], np.float32)


def fit(net, x, y, **settings):
    return nn.fit(net, (x, np.float32(y)), nn.losses.sigmoid_cross_entropy, batch_size=None, **settings)


@pytest.mark.course("B30")
def test_the_two_lines_of_a_trained_xor_network_separate_the_classes():
    net = nn.Chain(nn.Dense(2), nn.sigmoid, nn.Dense(1))
    run = fit(net, X, XOR, learning_rate=0.1, epochs=500, key=1)
    assert ((run.logits(X) > 0) == XOR).all()
    w, b = map(np.asarray, neurons.hyperplanes(run.params))
    np.testing.assert_array_equal(w.T, run.params["dense_0"]["kernel"])
    np.testing.assert_array_equal(b, run.params["dense_0"]["bias"])
    region = [tuple(side) for side in (X @ w.T + b > 0).tolist()]  # on which side of each line a corner lies
    assert {region[0], region[3]}.isdisjoint({region[1], region[2]})
    a, f = -b[0] / w[0, 0], nn.sigmoid(0.0)  # where the first line meets the axis x2 = 0 its unit is half on
    hidden = net.outputs(run.params, {}, jnp.array([a, 0.0]))["activation_0"]
    assert hidden[0] == pytest.approx(float(f), abs=1e-5)


@pytest.mark.course("B31")
def test_three_logistic_regressions_trained_apart_compose_xor():
    """h1 = x1' x2 and h2 = x1 x2' are linear, and so is y = h1 or h2 of them: nothing flows back from y to h1, h2."""
    targets = {"h1": [[0], [1], [0], [0]], "h2": [[0], [0], [1], [0]]}
    settings = {"optimizer": "adam", "learning_rate": 0.5, "epochs": 100}
    h1, h2 = (fit(nn.Dense(1), X, y, **settings).params for y in targets.values())
    y = fit(nn.Dense(1), np.hstack([*targets.values()]).astype(np.float32), XOR, **settings).params
    both = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=-1), h1, h2)
    for hidden in (nn.Step(), nn.sigmoid):  # the classes that the regressions choose, or their probabilities
        net = nn.Chain(nn.Dense(2), hidden, nn.Dense(1), nn.Step())
        answers, _ = net.apply({"dense_0": both, "dense_1": y}, {}, X)
        np.testing.assert_array_equal(answers, XOR)


@pytest.mark.parametrize(
    "network",
    [
        neurons.xor_network("gates"), neurons.xor_network("skip"), neurons.dnf_network([0, 1, 1, 0], "-1/+1"),
        neurons.parity_chain(3), neurons.parity_tree(3), neurons.parity_counting(3),
    ],
    ids=["gates", "skip", "signs", "chain", "tree", "counting"],
)  # fmt: skip
def test_a_softened_network_says_nearly_the_same_and_has_gradients(network):
    soft = neurons.soften(network, 30.0)
    assert jax.tree.map(jnp.shape, soft.params) == jax.tree.map(jnp.shape, network.params)
    signs = any(isinstance(getattr(layer, "function", None), nn.Sign) for _, layer in network.net.layers)
    inputs = 3 if network.params.keys() & {"level_1"} or network.net.layers[0][1] == nn.Dense(3) else 2
    x = neurons.truth_rows(inputs, "-1/+1" if signs else "0/1")
    np.testing.assert_allclose(soft(x), network(x), atol=2e-4)
    assert neurons.size_of(soft) == neurons.size_of(network)
    softer = neurons.soften(network, 2.0)
    gradient = jit(jax.grad(lambda params: softer.net.apply(params, softer.state, x)[0].sum()))
    assert all(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient(softer.params)))


def test_a_gate_that_is_softened_is_half_on_at_its_threshold():
    assert neurons.soften(neurons.and_gate([1, 1]))([[1, 1]]).tolist() == [[0.5]]


@pytest.mark.parametrize(
    ("net", "params"),
    [
        (nn.Chain(nn.Dense(1), nn.Step(0.5)), {"dense_0": weights([[1]], [0])}),
        (nn.Chain(nn.Step()), {}),
        (nn.Chain(nn.Residual(nn.Chain(nn.Dense(1), nn.Sign()))), {}),
    ],
)
def test_a_jump_that_cannot_be_softened_is_an_error(net, params):
    needed = "needed every jump right behind a Dense layer, with threshold 0."
    with pytest.raises(nn.JaxnnError, match=re.escape(needed)):
        neurons.soften(neurons.Construction(net, params, {}))


def test_a_constructed_network_is_saved_loaded_and_trained_on(tmp_path):
    net, params, state = neurons.parity_tree(3)
    bits = neurons.truth_rows(3)
    example = jax.ShapeDtypeStruct((3,), np.dtype("float32"))
    nn.save(tmp_path / "tree.safetensors", nn.Model(net, params, state, example, nn.losses.squared_error))
    loaded = nn.load(tmp_path / "tree.safetensors")
    assert loaded.net == net
    np.testing.assert_array_equal(loaded.predict(bits)[:, 0], bits.sum(axis=1) % 2)
    # as a smooth network that is not sure of its answers yet, training makes it surer, and leaves the wires alone
    soft = neurons.soften(neurons.Construction(loaded.net, loaded.params, loaded.state), slope=3.0)
    target = bits.sum(axis=1, keepdims=True) % 2
    before = float(np.square(np.asarray(soft(bits)) - target).mean())
    run = nn.fit(
        soft.net, (bits, target), nn.losses.squared_error, epochs=60, batch_size=None, learning_rate=0.05,
        start=(soft.params, soft.state), metrics=["mse"],
    )  # fmt: skip
    assert run.evaluate(bits, target)["loss"] < before / 10
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), run.state, state))
    nn.save(tmp_path / "trained.safetensors", run)
    np.testing.assert_array_equal(nn.load(tmp_path / "trained.safetensors").logits(bits), run.logits(bits))


def test_training_goes_on_from_a_network_without_state():
    soft = neurons.soften(neurons.xor_network(), slope=2.0)
    run = nn.fit(
        soft.net, (X, XOR), nn.losses.squared_error, epochs=100, batch_size=None, learning_rate=0.05,
        start=(soft.params, {}),
    )  # fmt: skip
    said = run.logits(X)
    assert np.square(said - XOR).mean() < 0.1 * np.square(np.asarray(soft(X)) - XOR).mean()
    assert ((said > 0.5) == XOR).all()


def test_least_squares_of_the_output_layer_is_that_of_its_normal_equations():
    draw = np.random.default_rng(0)
    x, y = np.float32(draw.normal(size=(50, 3))), draw.normal(size=(50, 2))
    kernels = draw.normal(size=(3, 4)), np.zeros((4, 2))
    network = neurons.layered([(kernels[0], draw.normal(size=4)), (kernels[1], [0, 0])], nn.tanh, linear=True)
    fitted = neurons.fit_outputs(network, x, y)
    a = np.hstack(
        [np.asarray(network.net.outputs(network.params, {}, x)["activation_0"], np.float64), np.ones((50, 1))]
    )
    best = np.linalg.solve(a.T @ a, a.T @ y)
    np.testing.assert_allclose(fitted.params["dense_1"]["kernel"], best[:-1], atol=1e-5)
    np.testing.assert_allclose(fitted.params["dense_1"]["bias"], best[-1], atol=1e-5)
    np.testing.assert_array_equal(fitted.params["dense_0"]["kernel"], network.params["dense_0"]["kernel"])
    without = neurons.fit_outputs(neurons.xor_network("relu"), X, XOR)  # no bias to fit; the formula's weights are best
    np.testing.assert_allclose(without.params["dense_1"]["kernel"], [[1], [-2]], atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: neurons.hyperplanes({"conv_0": {}}), "hyperplanes: got parameters named conv_0; needed those of"),
        (lambda: neurons.fit_outputs(neurons.and_gate([1]), X[:, :1], XOR), "needed a Chain with a hidden layer and a"),
        (lambda: neurons.fit_outputs(neurons.xor_network(), X, XOR[:3]),
         "fit_outputs: got x (4, 2) and y (3, 1); needed (examples, inputs) and (examples, 1)."),
        (lambda: neurons.soften(neurons.xor_network(), 0), "slope: got 0; needed a number above 0"),
    ],
)  # fmt: skip
def test_bad_input(make, message):
    with pytest.raises(nn.JaxnnError, match=re.escape(message)):
        make()
