"""Normalizations while training, which the table's oracles do not see: statistics, masks, running averages."""

import importlib
import importlib.util
import itertools
import os

import chex
import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

RANDOM = np.random.default_rng(7)
IMAGES = RANDOM.normal(size=(6, 3, 2, 4)).astype(np.float32) * 3 + 1


def started(layer, shape, dtype=jnp.float32):
    return jit(lambda key: layer.init(key, jax.ShapeDtypeStruct(shape, dtype)))(jax.random.key(0))


@pytest.mark.course("R18")
def test_a_batch_of_four(x64):
    layer = nn.BatchNorm(epsilon=0)
    params, state = started(layer, (1,), jnp.float64)
    x = jnp.array([[1.0], [2.0], [3.0], [4.0]])
    y, _ = layer.apply(params, state, x, train=True)
    expected = [-1.3416407865, -0.4472135955, 0.4472135955, 1.3416407865]
    np.testing.assert_allclose(y[:, 0], expected, rtol=0, atol=5e-11)


@pytest.mark.course("R18")
def test_running_statistics_are_used_without_train_and_agree_for_a_constant_stream(x64):
    layer = nn.BatchNorm(momentum=0.5)
    params, state = started(layer, (1,), jnp.float64)
    x = jnp.array([[1.0], [2.0], [3.0], [4.0]])
    for _ in range(60):
        trained, state = layer.apply(params, state, x, train=True)
    assert (float(state["mean"][0]), float(state["var"][0])) == pytest.approx((2.5, 1.25), abs=1e-12)
    y, _ = layer.apply(params, state, x)
    np.testing.assert_allclose(y, trained, rtol=0, atol=1e-12)
    moved, _ = layer.apply(params, state, x + 100)  # not the batch's own mean
    np.testing.assert_allclose(moved, trained + 100 / np.sqrt(1.25 + 1e-5), rtol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
def test_training_agrees_with_flax(masked):
    ours, theirs = nn.BatchNorm(3), flax.linen.BatchNorm(use_running_average=False, momentum=0.9)
    params, state = started(ours, IMAGES.shape[1:])
    params = {"scale": jnp.array([0.5, 1, 2, 3]), "bias": jnp.array([1.0, -1, 0, 2])}
    real = np.arange(6) < 4 if masked else None
    known = {name: state[name] for name in ("mean", "var")}

    @jit
    def both(state, known, x):
        wide = None if real is None else jnp.broadcast_to(real[:, None, None, None], x.shape)
        given = {"params": params, "batch_stats": known}
        return (
            ours.apply(params, state, x, train=True, mask=None if real is None else jnp.asarray(real)),
            theirs.apply(given, x, mutable=["batch_stats"], mask=wide),
        )

    for step in range(3):
        (y, state), (expected, updated) = both(state, known, jnp.asarray(IMAGES + step))
        known = updated["batch_stats"]
        kept = slice(None) if real is None else slice(0, 4)
        np.testing.assert_allclose(y[kept], expected[kept], rtol=2e-5, atol=2e-6)
        chex.assert_trees_all_close({name: state[name] for name in known}, known, rtol=1e-5)


def test_training_agrees_with_pytorch_but_for_its_unbiased_running_variance():
    if importlib.util.find_spec("torch") is None and "torch" not in os.environ.get("JAXNN_TESTS_NEED", ""):
        pytest.skip("PyTorch is not installed: pip install torch==2.13.0")
    torch = importlib.import_module("torch")
    theirs = torch.nn.BatchNorm2d(4, momentum=0.1).train()
    ours = nn.BatchNorm(3, momentum=0.9)
    params, state = started(ours, IMAGES.shape[1:])
    y, state = ours.apply(params, state, jnp.asarray(IMAGES), train=True)
    expected = theirs(torch.tensor(IMAGES).movedim(-1, 1)).movedim(1, -1).detach()
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(state["mean"], theirs.running_mean, rtol=1e-5, atol=1e-7)
    n = IMAGES.size // 4
    biased = 0.9 + (theirs.running_var.numpy() - 0.9) * (n - 1) / n
    np.testing.assert_allclose(state["var"], biased, rtol=1e-5)


def test_positions_that_the_mask_leaves_out_count_in_no_statistic():
    layer = nn.BatchNorm(2, momentum=0.0)
    params, state = started(layer, (3, 2))
    x = RANDOM.normal(size=(2, 3, 2)).astype(np.float32)
    mask = np.array([[True, True, False], [True, False, False]])
    x[~mask] = np.nan  # not even as 0 * NaN
    y, after = layer.apply(params, state, jnp.asarray(x), train=True, mask=jnp.asarray(mask))
    np.testing.assert_allclose(after["mean"], x[mask].mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(after["var"], x[mask].var(0), rtol=1e-5, atol=1e-6)
    assert np.isfinite(np.asarray(y)[mask]).all()


@pytest.mark.parametrize("layer", [nn.BatchNorm(2), nn.LayerNorm(2), nn.RMSNorm(2), nn.GroupNorm(2, 2)])
def test_a_batch_without_a_real_row_gives_no_nan_and_moves_nothing(layer):
    params, state = started(layer, (3, 2))
    x, nobody = jnp.ones((4, 3, 2)), jnp.zeros((4, 3), bool)

    def loss(params, x):
        y, after = layer.apply(params, state, x, train=True, mask=nobody)
        return jnp.square(y).sum(), after

    (value, after), grads = jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(params, x)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((value, grads)))
    chex.assert_trees_all_equal(after, state)


@pytest.mark.parametrize("layer", [nn.BatchNorm(), nn.LayerNorm(), nn.RMSNorm(), nn.GroupNorm(1)])
def test_float16_sums_in_float32(layer):
    params, state = started(layer, (512,), jnp.float16)
    x = jnp.asarray(RANDOM.normal(size=(64, 512)) * 300, jnp.float16)  # a square is beyond float16
    y, after = layer.apply(params, state, x, train=True)
    wide = np.asarray(x, np.float64)
    axis = 0 if isinstance(layer, nn.BatchNorm) else 1
    mean = 0 if isinstance(layer, nn.RMSNorm) else wide.mean(axis, keepdims=True)
    square = np.square(wide - mean).mean(axis, keepdims=True)
    np.testing.assert_allclose(np.asarray(y, np.float64), (wide - mean) / np.sqrt(square), rtol=2e-3, atol=2e-3)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(after))


def test_a_large_mean_leaves_the_variance_its_digits():
    layer = nn.BatchNorm(momentum=0.0)
    params, state = started(layer, (1,))
    x = (10_000 + RANDOM.normal(size=(1000, 1))).astype(np.float32)
    _, after = jit(lambda x: layer.apply(params, state, x, train=True))(x)
    assert float(after["var"][0]) == pytest.approx(x.astype(np.float64).var(), rel=1e-3)


def test_second_derivatives_are_those_of_the_formula(x64):
    layer = nn.LayerNorm(epsilon=0.1)
    params, state = started(layer, (4,), jnp.float64)
    x = jnp.array([0.3, -1.0, 2.0, 0.5])

    def formula(x):
        return ((x - x.mean()) / jnp.sqrt(x.var() + 0.1))[0]

    ours = jit(jax.hessian(lambda x: layer.apply(params, state, x)[0][0]))(x)
    np.testing.assert_allclose(ours, jit(jax.hessian(formula))(x), rtol=1e-10, atol=1e-12)


@pytest.mark.course("R18")
def test_a_population_varies_the_momentum():
    slow, fast = nn.BatchNorm(momentum=0.9), nn.BatchNorm(momentum=0.2)
    assert slow == fast  # they share one compiled program
    _, state = started(slow, (1,))
    momenta = jnp.array([0.9, 0.2])
    moved = jax.vmap(lambda m: slow.apply({}, state | {"momentum": m}, jnp.full((4, 1), 10.0), train=True)[1]["mean"])
    np.testing.assert_allclose(moved(momenta)[:, 0], [1.0, 8.0], rtol=1e-6)


@pytest.mark.course("I11")
def test_batch_norm_lessens_the_impact_of_initial_weights():
    x = jnp.asarray(RANDOM.normal(size=(128, 2)), jnp.float32)
    y = (jnp.square(x).sum(1) > 1.4).astype(jnp.float32)
    spreads = []
    for norm in ([], [nn.BatchNorm()]):
        net = nn.Chain(nn.Dense(16), *norm, nn.relu, nn.Dense(16), *norm, nn.relu, nn.Dense(1))
        params, state = started(net, (2,))

        def loss(params, state, net=net):
            z, after = net.apply(params, state, x, train=True)
            return nn.losses.sigmoid_cross_entropy(z, y).mean(), after

        def final(scale, params=params, state=state, loss=loss):
            def step(both, _):
                (value, after), grads = jax.value_and_grad(loss, has_aux=True)(*both)
                return (jax.tree.map(lambda leaf, g: leaf - 0.3 * g, both[0], grads), after), value

            grown = jax.tree.map(lambda leaf: leaf * scale if leaf.ndim == 2 else leaf, params)
            return jax.lax.scan(step, (grown, state), None, length=200)[1][-1]

        losses = jit(jax.vmap(final))(jnp.array([0.1, 0.3, 1.0, 3.0, 10.0]))
        spreads.append(float(losses.max() - losses.min()))
    assert spreads[1] < 0.25 * spreads[0]


def test_the_short_last_batch_of_an_epoch_is_the_running_mean_without_its_padding():
    x = RANDOM.normal(size=(10, 1)).astype(np.float32) + 5
    net = nn.Chain(nn.BatchNorm(momentum=0.0), nn.Dense(1))
    run = nn.fit(net, (x, x[:, 0]), nn.losses.squared_error, epochs=1, batch_size=8)
    pairs = [(x[i] + x[j]) / 2 for i, j in itertools.combinations(range(10), 2)]
    assert np.abs(np.asarray(pairs) - run.state["batch_norm_0"]["mean"]).min() < 1e-5


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nn.BatchNorm(momentum=1.5), r"BatchNorm.momentum: got 1.5; needed a number from 0 to 1"),
        (lambda: nn.LayerNorm(epsilon=-1), r"LayerNorm.epsilon: got -1"),
        (lambda: nn.GroupNorm(0), r"GroupNorm.groups: got 0"),
        (lambda: started(nn.GroupNorm(4), (6,)), r"GroupNorm\(4\): got 6 channels; needed a number that 4 groups"),
        (lambda: started(nn.BatchNorm(3), (6,)), r"BatchNorm\(rank=3\): got an example of shape \(6,\)"),
        (lambda: used(nn.BatchNorm(), (3,), (2, 4)), r"BatchNorm\(\): got an input of shape \(2, 4\); needed 3 feat"),
        (lambda: used(nn.LayerNorm(), (3,), (2, 4)), r"LayerNorm\(\): got an input of shape \(2, 4\)"),
        (lambda: used(nn.BatchNorm(), (3,), (2, 3), jnp.ones(5, bool)), r"got a mask of shape \(5,\)"),
    ],
)
def test_what_does_not_fit_is_refused(make, said):
    with pytest.raises(nn.JaxnnError, match=said):
        make()


def used(layer, example, shape, mask=None):
    return layer.apply(*started(layer, example), jnp.zeros(shape), train=True, mask=mask)
