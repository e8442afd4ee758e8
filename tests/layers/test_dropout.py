"""Layers that drop or add at random, against binomial counts, enumerated masks and the course's numbers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import jaxnn as nn
from jaxnn import ops
from jaxnn.layers.base import layer_numbers, put_numbers

pytestmark = pytest.mark.usefixtures("quick_compiles")

H, W = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0])
"""The course's linear unit: hidden values, and weights to one output."""


def started(layer, shape, dtype=jnp.float32):
    return layer.init(jax.random.key(0), jax.ShapeDtypeStruct(shape, dtype))


def drawn(layer, x, count, seed=5, params=None):
    """(count, ...) outputs while training, each with a key of its own."""
    made, state = started(layer, x.shape)
    return np.asarray(nn.monte_carlo(layer, params or made, state, x, key=jax.random.key(seed), passes=count))


def within_three_errors(dropped, count, rate):
    return abs(dropped / count - rate) < 3 * np.sqrt(rate * (1 - rate) / count)


@pytest.mark.course("R13")
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_drops_its_share_by_an_explicit_key(rate):
    layer, x = nn.Dropout(rate), jnp.ones((100, 100))
    _, state = started(layer, (100,))
    y, again, other = (
        np.asarray(layer.apply({}, state, x, train=True, key=jax.random.key(seed))[0]) for seed in (1, 1, 2)
    )
    assert within_three_errors((y == 0).sum(), y.size, rate)
    np.testing.assert_array_equal(y, again)
    assert (y != other).any()
    assert (y[0] != y[1]).any()  # each example has a mask of its own


@pytest.mark.course("R13")
def test_each_layer_has_a_mask_of_its_own_and_rate_0_is_the_identity():
    net = nn.Chain(nn.Dropout(0.5), nn.Dropout(0.5))
    _, state = started(net, (100,))
    passed = net.outputs({}, state, jnp.ones(100), train=True, key=jax.random.key(1))
    first, second = passed["dropout_0"] == 0, (passed["dropout_1"] == 0)
    assert 0.1 < float((second & ~first).mean()) < 0.4  # a quarter; with one mask for both, none
    x = jnp.asarray(np.random.default_rng(0).normal(size=50), jnp.float32)
    _, none = started(nn.Dropout(0.0), (50,))
    y, _ = nn.Dropout(0.0).apply({}, none, x, train=True, key=jax.random.key(1))
    np.testing.assert_array_equal(np.asarray(y).view(np.uint32), np.asarray(x).view(np.uint32))


def all_masks():
    """The output of the course's unit for each of the 8 masks, found among what the layer draws."""
    net = nn.Chain(nn.Dropout(0.5), nn.Dense(1, use_bias=False))
    params, state = {"dense_0": {"kernel": jnp.asarray(W[:, None], jnp.float32)}}, started(net, (3,))[1]
    x = jnp.asarray(H, jnp.float32)
    kept = drawn(nn.Dropout(0.5), x, 200)  # (200, 3)
    masks = np.unique(kept, axis=0)
    outputs = [net.apply(params, state, jnp.asarray(one))[0][0] for one in masks]
    return masks, np.array(outputs, np.float64), float(net.apply(params, state, x)[0][0])


@pytest.mark.course("R14")
def test_inverted_scaling_while_training_and_weight_scaling_afterwards_agree():
    masks, inverted, predicted = all_masks()
    np.testing.assert_array_equal(masks, sorted(itertools.product([0, 2], [0, 4], [0, 6])))  # kept values are doubled
    assert predicted == inverted.mean() == 4.5
    plain = inverted / 2  # without the scale while training, half of the weights afterwards
    assert plain.mean() == 2.25 == 0.5 * 4.5
    assert plain.std() == pytest.approx(3.1721443851, abs=1e-9)


@pytest.mark.course("R16")
def test_monte_carlo_dropout_has_the_spread_of_all_masks():
    net = nn.Chain(nn.Dropout(0.5), nn.Dense(1, use_bias=False))
    params = {"dense_0": {"kernel": jnp.asarray(W[:, None], jnp.float32)}}
    y = drawn(net, jnp.asarray(H, jnp.float32), 4000, params=params)
    assert y.shape == (4000, 1)
    assert y.mean() == pytest.approx(4.5, abs=3 * 6.3443 / np.sqrt(4000))
    assert y.std() == pytest.approx(6.3442887702, rel=0.03)  # twice 3.1721: the scaling is inverted
    low, high = np.quantile(y, [0.025, 0.975])
    assert (low, high) == (-4.0, 13.0)  # the least and the most of the 8 sums, each with a chance of 1/8


@pytest.mark.course("R16")
def test_the_interval_is_wider_off_the_training_range():
    x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    net = nn.Chain(nn.Dense(64), nn.relu, nn.Dropout(0.2), nn.Dense(1))
    run = nn.fit(net, (x, np.sin(3 * x[:, 0])), nn.losses.squared_error, learning_rate=0.01, epochs=100, batch_size=16)
    where = jnp.array([[0.0], [4.0]])
    y = nn.monte_carlo(net, run.params, run.state, where, key=jax.random.key(1), passes=200)
    low, high = jnp.quantile(y[..., 0], jnp.array([0.025, 0.975]), axis=0)
    assert (high - low)[1] > 2 * (high - low)[0] > 0


@pytest.mark.course("R17")
@pytest.mark.parametrize("units", [3, 8])
def test_the_geometric_mean_over_all_masks_is_the_scaled_network(units, x64):
    net = nn.Chain(nn.Dropout(0.5), nn.Dense(4), nn.softmax)
    params, state = started(net, (units,), jnp.float64)
    x = jnp.asarray(np.random.default_rng(units).normal(size=units))
    masks = np.array(list(itertools.product([0.0, 2.0], repeat=units)))  # kept values are doubled
    assert len(masks) == 2**units
    y, _ = net.apply(params, state, masks * x)  # (masks, 4), each with one mask
    committee = np.exp(np.log(y).mean(0))
    np.testing.assert_allclose(committee / committee.sum(), net.apply(params, state, x)[0], rtol=0, atol=1e-10)
    trained, _ = net.apply(params, state, x, train=True, key=jax.random.key(3))
    assert np.abs(np.asarray(y) - np.asarray(trained)).max(1).min() < 1e-12  # training runs one of the committee


@pytest.mark.course("R15")
@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_drop_connect_drops_single_weights(rate):
    layer = nn.DropConnect(nn.Dense(100, use_bias=False), rate)
    _, state = started(layer, (100,))
    params = {"layer": {"kernel": jnp.ones((100, 100))}}

    def weights(params, key):  # a row of the identity shows a row of the kernel
        return layer.apply(params, state, jnp.eye(100), train=True, key=key)[0]

    used = np.asarray(weights(params, jax.random.key(1)))
    np.testing.assert_allclose(np.unique(used), [0, 1 / (1 - rate)], rtol=1e-6)
    assert within_three_errors((used == 0).sum(), used.size, rate)
    rows = (used == 0).sum(1)  # single weights, not whole rows (as of Dropout) or columns
    assert scipy.stats.kstest(scipy.stats.binom.cdf(rows, 100, rate), "uniform").pvalue > 1e-4
    assert (used == 0).sum(0).min() > 0 and (used == 0).sum(0).max() < 100
    grads = jax.grad(lambda p: weights(p, jax.random.key(1)).sum())(params)["layer"]["kernel"]
    np.testing.assert_array_equal(np.asarray(grads) == 0, used == 0)


@pytest.mark.course("R15")
def test_drop_connect_reaches_every_kernel_inside_and_no_bias():
    layer = nn.DropConnect(nn.Chain(nn.Dense(40), nn.Dropout(0.3), nn.Chain(nn.Dense(40))), 0.5)
    params, state = started(layer, (40,))
    assert layer_numbers(layer) == {"rate": 0.5, "layer": {"dropout_0": {"rate": 0.3}}}
    state = put_numbers(state, {"rate": 0.5, "layer": {"dropout_0": {"rate": 0.0}}})
    params = jax.tree.map(jnp.ones_like, params)
    grads = jax.grad(
        lambda p: layer.apply(p, state, jnp.ones(40), train=True, key=jax.random.key(1))[0].sum()
    )(params)["layer"]  # fmt: skip
    first, second = (np.asarray(grads[name]["kernel"]) for name in ("dense_0",)), grads["chain_0"]["dense_0"]
    for kernel in (*first, np.asarray(second["kernel"])):
        assert 0.4 < (kernel == 0).mean() < 0.6
    assert (np.asarray(second["bias"]) == 1).all() and (np.asarray(grads["dense_0"]["bias"]) > 0).all()
    masks = [np.asarray(leaf) == 0 for leaf in (grads["dense_0"]["kernel"], second["kernel"])]
    assert (masks[0] != masks[1]).any()


def test_stochastic_depth_drops_whole_examples_of_a_branch():
    net = nn.Residual(nn.Chain(nn.Activation(jnp.ones_like), nn.StochasticDepth(0.25, rank=2)))
    _, state = started(net, (3, 2))
    y, _ = net.apply({}, state, jnp.zeros((4000, 3, 2)), train=True, key=jax.random.key(1))
    branch = np.asarray(y).reshape(4000, 6)
    assert (branch == branch[:, :1]).all()  # one draw for each example
    np.testing.assert_allclose(np.unique(branch), [0, 4 / 3], rtol=1e-6)
    assert within_three_errors((branch[:, 0] == 0).sum(), 4000, 0.25)
    again, _ = net.apply({}, state, jnp.zeros((4000, 3, 2)))
    assert (np.asarray(again) == 1).all()


def test_gaussian_noise_is_normal_with_its_scale():
    layer = nn.GaussianNoise(0.5)
    _, state = started(layer, (1000,))
    y, _ = layer.apply({}, state, jnp.full((20, 1000), 3.0), train=True, key=jax.random.key(1))
    noise = np.asarray(y) - 3
    assert scipy.stats.kstest(noise.ravel() / 0.5, "norm").pvalue > 1e-4
    neighbours = np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(19_000)


def test_normal_numbers_are_symmetric_and_end_where_24_bits_do(monkeypatch):
    bits = jnp.array([0, 2**32 - 1, 2**31, 2**31 - 1], jnp.uint32)
    monkeypatch.setattr(ops, "random_bits", lambda key, shape, width: bits)
    z = ops.normal(jax.random.key(0), (4,))
    end = scipy.stats.norm.ppf(1 - 2**-25)
    np.testing.assert_allclose(z, [-end, end, 7.47e-8, -7.47e-8], rtol=1e-3)


@pytest.mark.parametrize("layer", [nn.DropConnect(nn.Dense(2)), nn.StochasticDepth(), nn.GaussianNoise()])
def test_what_is_random_needs_a_key_to_train(layer):
    with pytest.raises(nn.JaxnnError, match=f"{type(layer).__name__}.*got key=None with train=True"):
        layer.apply(*started(layer, (3,)), jnp.ones(3), train=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: started(nn.DropConnect(nn.Dropout(0.5)), (3,)), "got a layer without a kernel"),
        (lambda: started(nn.DropConnect(nn.Frozen(nn.Dense(2))), (3,)), "got a layer without a kernel"),
        (lambda: nn.DropConnect(nn.Dense(2), 1.5), r"DropConnect.rate: got 1.5; needed a number from 0 to 1"),
        (lambda: nn.DropConnect(3), r"DropConnect.layer: got 3; needed a layer"),
        (lambda: nn.StochasticDepth(-0.1), r"StochasticDepth.rate: got -0.1"),
        (lambda: started(nn.StochasticDepth(0.1, rank=2), (3,)), r"rank=2\): got an example of shape \(3,\)"),
        (lambda: nn.GaussianNoise(float("inf")), r"GaussianNoise.scale: got inf"),
    ],
)
def test_what_does_not_fit_is_refused(make, said):
    with pytest.raises(nn.JaxnnError, match=said):
        make()
