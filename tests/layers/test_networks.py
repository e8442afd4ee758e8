"""Networks against their formulas: the course's forward pass (area F), in float64."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from quick import jit

pytestmark = pytest.mark.usefixtures("x64", "quick_compiles")


def drawn(net, features, key=0, dtype=jnp.float64):
    """Parameters with biases that are not 0."""
    params, _ = jit(lambda key: net.init(key, jax.ShapeDtypeStruct((features,), dtype)))(jax.random.key(key))
    leaves, structure = jax.tree.flatten(params)
    random = np.random.default_rng(99)
    return jax.tree.unflatten(structure, [np.asarray(leaf) + 0.1 * random.normal(size=leaf.shape) for leaf in leaves])


def run(net, params, x):
    return np.asarray(net.apply(params, {}, jnp.asarray(x))[0])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.course("F01")
def test_a_summary_lists_sizes_activations_and_parameters():
    net = nn.Chain(nn.Dense(4), nn.sigmoid, nn.Dense(1))
    listed = nn.summary(net, jnp.zeros(3))
    assert [(row.layer, row.output, row.parameters) for row in listed.rows] == [
        ("Dense(4)", (4,), 16), ("sigmoid", (4,), 0), ("Dense(1)", (1,), 5),
    ]  # fmt: skip
    assert listed.parameters == 21 == nn.count(drawn(net, 3))
    assert nn.summary(nn.Chain(nn.Dense(2), nn.sigmoid, nn.Dense(1)), jnp.zeros(2)).parameters == 9
    assert "dense_1       Dense(1)  (1,)             5" in str(listed)


@pytest.mark.course("F02")
def test_two_two_one_in_scalars_and_in_matrices():
    net = nn.Chain(nn.Dense(2), nn.sigmoid, nn.Dense(1), nn.sigmoid)
    params = drawn(net, 2)
    (w, b), (v, c) = (
        map(np.asarray, (params[name]["kernel"], params[name]["bias"])) for name in ("dense_0", "dense_1")
    )
    for x1, x2 in [(0.0, 0.0), (0.3, -1.2), (2.0, 5.0)]:
        h1 = 1 / (1 + math.exp(-(w[0, 0] * x1 + w[1, 0] * x2 + b[0])))
        h2 = 1 / (1 + math.exp(-(w[0, 1] * x1 + w[1, 1] * x2 + b[1])))
        y = 1 / (1 + math.exp(-(v[0, 0] * h1 + v[1, 0] * h2 + c[0])))
        assert run(net, params, [x1, x2])[0] == pytest.approx(y, abs=1e-15)


@pytest.mark.course("F03")
def test_every_unit_is_g_of_its_weighted_inputs_plus_bias():
    params = drawn(nn.Dense(3), 4)
    x = np.array([0.5, -1.0, 2.0, 0.25])
    kernel, bias = np.asarray(params["kernel"]), np.asarray(params["bias"])
    assert kernel.shape == (4, 3)  # (in, out), as in Flax: the transpose of the course's destination-first rows
    a = [math.tanh(sum(kernel[k, j] * x[k] for k in range(4)) + bias[j]) for j in range(3)]
    np.testing.assert_allclose(run(nn.Chain(nn.Dense(3), nn.tanh), {"dense_0": params}, x), a, rtol=0, atol=1e-15)


@pytest.mark.course("F04")
def test_pre_activations_and_activations_are_both_to_be_had():
    net = nn.Chain(nn.Dense(4), nn.tanh, nn.Dense(2), nn.sigmoid)
    params = drawn(net, 3)
    x = jnp.array([[0.1, -2.0, 0.7], [1.0, 0.0, 3.0]])
    outputs = net.outputs(params, {}, x)
    assert list(outputs) == ["dense_0", "activation_0", "dense_1", "activation_1"]
    np.testing.assert_array_equal(outputs["activation_0"], nn.tanh(outputs["dense_0"]))
    np.testing.assert_array_equal(outputs["activation_1"], nn.sigmoid(outputs["dense_1"]))
    np.testing.assert_array_equal(outputs["activation_1"], run(net, params, x))


@pytest.mark.course("F05")
def test_the_triple_loop_the_matrix_form_and_vmap_agree():
    net = nn.Chain(nn.Dense(5), nn.sigmoid, nn.Dense(3), nn.tanh)
    params = drawn(net, 4)
    x = np.random.default_rng(0).normal(size=(6, 4))
    looped = np.zeros((6, 3))
    for n, example in enumerate(x):
        values = list(example)
        for name, g in (("dense_0", lambda z: 1 / (1 + math.exp(-z))), ("dense_1", math.tanh)):
            kernel, bias = np.asarray(params[name]["kernel"]), np.asarray(params[name]["bias"])
            values = [g(sum(kernel[k, j] * values[k] for k in range(len(values))) + bias[j]) for j in range(len(bias))]
        looped[n] = values
    batched = run(net, params, x)
    mapped = jax.vmap(lambda example: net.apply(params, {}, example)[0])(jnp.asarray(x))
    np.testing.assert_allclose(batched, looped, rtol=0, atol=1e-12)
    np.testing.assert_allclose(mapped, looped, rtol=0, atol=1e-12)


@pytest.mark.course("F06")
@pytest.mark.parametrize("depth", range(1, 6))
def test_a_chain_is_the_nested_composition(depth):
    net = nn.Chain(*[layer for _ in range(depth) for layer in (nn.Dense(3, use_bias=False), nn.tanh)])
    params = drawn(net, 3)
    x = np.array([0.2, -0.4, 1.0])
    nested = functools.reduce(lambda a, i: np.tanh(a @ np.asarray(params[f"dense_{i}"]["kernel"])), range(depth), x)
    np.testing.assert_allclose(run(net, params, x), nested, rtol=0, atol=1e-14)


@pytest.mark.course("F07", "A19")
def test_linear_layers_collapse_to_one():
    net = nn.Chain(*[nn.Dense(width) for width in (5, 4, 6, 3, 5, 2)])
    params = drawn(net, 4)
    flat = nn.collapse(net, params)
    x = np.random.default_rng(1).normal(size=(10, 4))
    one = x @ np.asarray(flat["kernel"]) + np.asarray(flat["bias"])
    np.testing.assert_allclose(one, run(net, params, x), rtol=0, atol=1e-12)
    with pytest.raises(nn.JaxnnError, match="relu at activation_0"):
        nn.collapse(nn.Chain(nn.Dense(2), nn.relu), {"dense_0": flat})


@pytest.mark.course("F08")
def test_two_layers_of_weights_with_a_linear_output():
    net = nn.models.mlp((6,), 3, nn.sigmoid)
    params = drawn(net, 4)
    assert len([name for name in params if "kernel" in params[name]]) == 2
    x = np.random.default_rng(2).normal(size=(5, 4))
    extended = np.concatenate([np.ones((5, 1)), x], axis=1)  # x_0 = 1: the bias as a weight
    first = np.concatenate([np.asarray(params["dense_0"]["bias"])[None], np.asarray(params["dense_0"]["kernel"])])
    hidden = np.concatenate([np.ones((5, 1)), sigmoid(extended @ first)], axis=1)
    second = np.concatenate([np.asarray(params["dense_1"]["bias"])[None], np.asarray(params["dense_1"]["kernel"])])
    np.testing.assert_allclose(run(net, params, x), hidden @ second, rtol=0, atol=1e-12)


@pytest.mark.course("F09")
def test_inputs_may_be_boolean_whole_or_real_and_outputs_several():
    net = nn.Chain(nn.Dense(4), nn.relu, nn.Dense(3))
    params = drawn(net, 2)
    bits = np.array([[False, True], [True, True]])
    expected = run(net, params, bits.astype(np.float64))
    assert expected.shape == (2, 3)
    for kind in (bool, np.int32, np.uint8, np.float32):
        np.testing.assert_array_equal(run(net, params, bits.astype(kind)), expected)
    drawn_for_bits, _ = net.init(jax.random.key(0), jax.ShapeDtypeStruct((2,), jnp.bool_))
    assert drawn_for_bits["dense_0"]["kernel"].dtype == jnp.float64
