"""The threshold unit, what a tie means, and what a bias is: rows N01-N03, N25, N26."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import activations, neurons

pytestmark = pytest.mark.usefixtures("quick_compiles")

ROWS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)  # in the course's order


def fires(weights, threshold, rows):
    return neurons.threshold_unit(weights, threshold)(rows)[:, 0].tolist()


@pytest.mark.course("N01")
def test_and_or_and_not_are_threshold_units_and_a_tie_fires():
    assert fires([1, 1], 2, ROWS) == [0, 0, 0, 1]
    assert fires([1, 1], 1, ROWS) == [0, 1, 1, 1]
    assert fires([-1], 0, np.array([[0.0], [1.0]], np.float32)) == [1, 0]
    below, above = np.nextafter(np.float32(0.7), np.float32([0, 1]))
    assert fires([1], 0.7, np.array([[below], [0.7], [above]], np.float32)) == [0, 1, 1]


def test_a_threshold_unit_needs_weights():
    with pytest.raises(nn.JaxnnError, match=r"weights: got shape \(0,\); needed one weight for each input"):
        neurons.threshold_unit([], 1)


@pytest.mark.course("N02")
@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_a_unit_is_a_function_of_the_weighted_sum_with_the_bias_as_a_weight_or_not(name, x64):
    random = np.random.default_rng(0)
    w, b, x = random.normal(size=(4, 1)), random.normal(size=1), random.uniform(-1, 1, (20, 4))
    f = activations.by_name(name)
    unit, extended = nn.Chain(nn.Dense(1), f), nn.Chain(nn.Dense(1, use_bias=False), f)
    own = {"kernel": jnp.asarray(w), "bias": jnp.asarray(b)}
    y, _ = unit.apply({"dense_0": own}, {}, jnp.asarray(x))
    same, _ = extended.apply({"dense_0": {"kernel": neurons.extended_weights(own)}}, {}, neurons.extended_inputs(x))
    expected = f(np.array([[sum(w[i, 0] * row[i] for i in range(4)) + b[0]] for row in x]))
    np.testing.assert_allclose(y, expected, rtol=1e-15, atol=1e-15)
    np.testing.assert_allclose(same, expected, rtol=1e-15, atol=1e-15)


@pytest.mark.course("N03")
def test_a_tie_goes_where_the_caller_says_and_nothing_else_depends_on_it():
    z = [-2.0, -1e-30, 0.0, -0.0, 1e-30, 3.0]
    found = [neurons.side(z, tie).tolist() for tie in (-1, 0, 1)]
    assert found == [[-1, -1, tie, tie, 1, 1] for tie in (-1, 0, 1)]
    assert neurons.side(0.0) == -1
    with pytest.raises(nn.JaxnnError, match="tie: got 2; needed one of -1, 0, 1"):
        neurons.side(0.0, tie=2)


@pytest.mark.course("N25")
def test_a_bias_moves_the_value_of_its_node_by_as_much_whatever_the_inputs(x64):
    random = np.random.default_rng(1)
    x, kernel = jnp.asarray(random.normal(size=(50, 3))), jnp.asarray(random.normal(size=(3, 2)))
    for d in (1.0, -1.0, 0.3, -0.125):
        at = [nn.Dense(2).apply({"kernel": kernel, "bias": jnp.full(2, b)}, {}, x)[0] for b in (0.0, d)]
        np.testing.assert_allclose(at[1] - at[0], d, rtol=0, atol=1e-15)


@pytest.mark.course("N26")
def test_extended_notation_there_and_back_changes_no_output_and_no_gradient(x64):
    random = np.random.default_rng(2)
    params = {"kernel": jnp.asarray(random.normal(size=(3, 2))), "bias": jnp.asarray(random.normal(size=2))}
    x = jnp.asarray(random.uniform(-1, 1, (5, 3)))
    weights = neurons.extended_weights(params)
    assert weights.shape == (4, 2)
    assert jax.tree.map(jnp.array_equal, neurons.dense_params(weights), params) == {"kernel": True, "bias": True}

    plain = jax.value_and_grad(lambda p: jnp.tanh(nn.Dense(2).apply(p, {}, x)[0]).mean())(params)
    own = jax.value_and_grad(lambda w: jnp.tanh(neurons.extended_inputs(x) @ w).mean())(weights)
    assert float(own[0]) == pytest.approx(float(plain[0]), rel=0, abs=1e-15)
    np.testing.assert_allclose(own[1], neurons.extended_weights(plain[1]), rtol=0, atol=1e-15)
    with pytest.raises(nn.JaxnnError, match=r"weights: got shape \(3,\); needed a matrix with the bias in its first"):
        neurons.dense_params(jnp.ones(3))
    with pytest.raises(nn.JaxnnError, match="x: got a number; needed features on the last axis"):
        neurons.extended_inputs(1.0)
