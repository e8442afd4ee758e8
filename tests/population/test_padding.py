"""Padded networks against the networks that they stand for, trained by the same program without padding."""

from itertools import islice

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxnn as nn
import quick
from jaxnn import ops
from jaxnn.activations import ACTIVATIONS
from jaxnn.layers.base import layer_numbers
from jaxnn.population.padding import cut, pad, padded
from jaxnn.population.truewidth import at_width
from jaxnn.train import prepare

LOSS = nn.losses.softmax_cross_entropy
EPOCHS = 25  # of 4 minibatches, the last of which is short


def mlp(a, b, *between):
    return nn.Chain(nn.Dense(a), *between, nn.Dense(b), *between, nn.Dense(3))


def sequences(a, b):
    inner = nn.Chain(nn.Dense(a), nn.LayerNorm(use_scale=False, use_bias=False), nn.swish, nn.Dense(4, use_bias=False))
    return nn.Chain(inner, nn.Dense(b), nn.RMSNorm(), nn.Dropout(0.3), nn.Elu(), nn.Dense(3), nn.GlobalAvgPool(rank=1))


BOTH, ONE = ((4, 9), (9, 4)), ((5, 3), (5, 8))
CASES = {
    "relu": (BOTH, lambda a, b: mlp(a, b, nn.relu), {
        "optimizer": nn.optimizers.SGD(momentum=0.9, clip=0.5), "learning_rate": 0.05,
        "penalties": [nn.penalties.L1(1e-3)],
    }),
    "sigmoid": (BOTH, lambda a, b: mlp(a, b, nn.sigmoid), {
        "optimizer": nn.optimizers.Adam(clip=0.1), "learning_rate": 0.01, "penalties": [nn.penalties.L2(1e-3)],
    }),
    "layer norm": (ONE, lambda a, b: mlp(a, b, nn.LayerNorm(), nn.GaussianNoise(0.2), nn.tanh), {"optimizer": "adamw"}),
    "batch norm": (ONE, lambda a, b: mlp(a, b, nn.sigmoid, nn.BatchNorm(), nn.Dropout(0.4)), {"optimizer": "momentum"}),
    "sequences": (BOTH, sequences, {"optimizer": "sgd", "learning_rate": 0.03}),
}  # fmt: skip


def table(name):
    random = np.random.default_rng(5)
    x, y = random.normal(size=(27, 6, 5) if name == "sequences" else (27, 5)), random.integers(0, 3, 27)
    mask = {"mask": random.random((27, 6)) < 0.7} if name == "sequences" else {}
    return (np.asarray(x, jnp.result_type(float)), y), mask


def shapes_of(net, data):
    example = jax.ShapeDtypeStruct(data[0].shape[1:], data[0].dtype)
    return prepare.weight_shapes(net, example, jax.config.jax_enable_x64)


def weights_of(net, data, seed):
    """A network's own initial weights; biases too are drawn, because zeros would hide a wrong place."""
    params, state = quick.jit(lambda key: net.init(key, data[0][0]))(jax.random.key(seed))
    random = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: leaf + 0.1 * random.normal(size=leaf.shape).astype(leaf.dtype), params), state


def both_ways(name, **changes):
    """For every network of a case: its run, its padded run, and the latter's weights cut."""
    widths, make, how = CASES[name]
    data, mask = table(name)
    nets = [make(*one) for one in widths]
    example = jax.ShapeDtypeStruct(data[0].shape[1:], data[0].dtype)
    wide = padded(nets, example)
    assert wide is not None
    assert all(one == wide[0] and hash(one) == hash(wide[0]) for one in wide)
    for seed, (net, one) in enumerate(zip(nets, wide, strict=True)):
        start = weights_of(net, data, seed)
        options = {"epochs": EPOCHS, "batch_size": 8, "key": seed} | how | mask | changes
        run = nn.fit(net, data, LOSS, start=start, **options)
        other = nn.fit(one, data, LOSS, start=pad(start, shapes_of(one, data)), **options)
        yield run, other, cut((other.params, other.state), shapes_of(net, data))


def equal(run, weights, tolerance):
    """Everything but the widths, which the network itself has not."""
    one, other = (jax.tree.leaves_with_path(tree) for tree in ((run.params, run.state), weights))
    assert [path for path, _ in one] == [path for path, _ in other]
    for (path, expected), (_, leaf) in zip(one, other, strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=tolerance, atol=tolerance, err_msg=jax.tree_util.keystr(path))


def zeros_around(other, weights, data):
    """What was not cut out is 0: padding the cut weights again gives the same, to the bit."""
    params, state = pad(weights, shapes_of(other.net, data))
    jax.tree.map(np.testing.assert_array_equal, other.params, params)
    for (path, leaf), (_, expected) in zip(*map(jax.tree.leaves_with_path, (other.state, state)), strict=True):
        if path[-1].key != "width":
            np.testing.assert_array_equal(leaf, expected)


@pytest.mark.parametrize("name", CASES)
def test_100_steps_are_those_of_the_network_without_padding(name, x64, quick_compiles):
    data, _ = table(name)
    for run, other, weights in islice(both_ways(name), 2 if name in ("relu", "sigmoid") else 1):
        assert run.steps == other.steps == 100
        equal(run, weights, 1e-12)
        zeros_around(other, weights, data)
        np.testing.assert_allclose(other.history["loss"], run.history["loss"], rtol=1e-12)


def test_100_steps_are_those_of_the_network_in_float32_as_compiled_for_users():
    run, other, weights = next(both_ways("sigmoid"))
    equal(run, weights, 1e-5)
    zeros_around(other, weights, table("sigmoid")[0])


def test_a_search_along_a_line_leaves_the_padding_alone(x64, quick_compiles):
    changes = {"optimizer": nn.optimizers.LBFGS(), "batch_size": None, "learning_rate": None, "epochs": 12}
    run, other, weights = next(both_ways("sigmoid", **changes))
    equal(run, weights, 1e-7)  # a search may end elsewhere by a rounding
    zeros_around(other, weights, table("sigmoid")[0])


def test_a_run_that_diverges_does_so_at_the_same_step(x64, quick_compiles):
    rule = nn.optimizers.SGD(momentum=0.9, clip=1e300)  # the programs of the case, with other numbers
    run, other, weights = next(both_ways("relu", optimizer=rule, learning_rate=1e60))
    assert run.diverged and other.diverged and run.steps == other.steps < 100
    zeros_around(other, weights, table("relu")[0])


THREE = jax.ShapeDtypeStruct((3,), "float32")


def three(a, b):
    return padded([mlp(*widths, nn.LayerNorm(), nn.sigmoid) for widths in ((a, b), (6, 7), (1, 1))], THREE)


SHARED = three(6, 7)[0]


@quick.jit
def _outputs_and_gradients(params, state, x):
    y, pull = jax.vjp(lambda params: SHARED.apply(params, state, x)[0], params)
    return y, pull(jnp.ones_like(y))[0]


@pytest.fixture(scope="module")
def shapes_of_three():
    return prepare.weight_shapes(SHARED, THREE, False)


@given(a=st.integers(1, 6), b=st.integers(1, 7), seed=st.integers(0, 9))
def test_any_widths_compute_the_formula_in_one_program(shapes_of_three, a, b, seed):
    random = np.random.default_rng(seed)
    sizes = {"dense_0": (3, a), "dense_1": (a, b), "dense_2": (b, 3)}
    params = {name: {"kernel": random.normal(size=n), "bias": random.normal(size=n[1])} for name, n in sizes.items()}
    for name, n in (("layer_norm_0", a), ("layer_norm_1", b)):
        params[name] = {"scale": random.normal(size=n), "bias": random.normal(size=n)}
    one = three(a, b)[0]
    assert one == SHARED
    wide, state = pad((params, {}), shapes_of_three)
    state = jax.tree.map(lambda leaf, width: leaf + np.float32(width), state, layer_numbers(one))
    h = x = random.normal(size=(4, 3)).astype(np.float32)
    y, grads = _outputs_and_gradients(wide, state, x)
    for i in range(2):
        dense, norm = params[f"dense_{i}"], params[f"layer_norm_{i}"]
        z = h @ dense["kernel"] + dense["bias"]
        z = (z - z.mean(1, keepdims=True)) / np.sqrt(z.var(1, keepdims=True) + 1e-6) * norm["scale"] + norm["bias"]
        h = 1 / (1 + np.exp(-z))
    expected = h @ params["dense_2"]["kernel"] + params["dense_2"]["bias"]
    np.testing.assert_allclose(y, expected, rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(grads["dense_2"]["kernel"][:b], h.sum(0)[:, None].repeat(3, 1), rtol=2e-4, atol=2e-4)
    own, _ = pad(cut((grads, {}), (params, {})), (wide, {}))
    jax.tree.map(np.testing.assert_array_equal, grads, own)


def test_activations_are_0_in_the_padding_and_so_is_their_gradient():
    layers = {name: at_width(nn.Activation(function), 2) for name, function in ACTIVATIONS.items()}
    assert [name for name, layer in layers.items() if layer is None] == ["softmax"]
    del layers["softmax"]
    as_they_are = {name for name, layer in layers.items() if layer == nn.Activation(ACTIVATIONS[name])}
    assert as_they_are == set(layers) - {"sigmoid", "softplus", "soft_exponential_linear_unit", "step", "sign"}

    @quick.jit
    def padded_and_not(z, dy):
        found = {}
        for name, layer in layers.items():
            state = {"width": jnp.float32(2)}
            y, pull = jax.vjp(lambda z, layer=layer, state=state: layer.apply({}, state, z)[0], z)
            own, own_pull = jax.vjp(ACTIVATIONS[name], z[:, :2])
            found[name] = (y, own), (pull(dy)[0], own_pull(dy[:, :2])[0])
        return found

    z, dy = jnp.array([[0.5, -1.5, 0.0, 0.0, 0.0]]), jnp.array([[1.0, 1.0, 0.0, 0.0, 0.0]])
    for name, pairs in padded_and_not(z, dy).items():
        for whole, part in pairs:
            np.testing.assert_allclose(whole[:, :2], part, rtol=1e-6, err_msg=name)
            np.testing.assert_array_equal(whole[:, 2:], 0, err_msg=name)


DRAWS = [nn.Dropout(0.5), nn.Dropout(0.0), nn.Dropout(1.0), nn.GaussianNoise(0.5)]


def test_draws_are_those_of_an_array_of_the_true_width(getkey):
    key, shapes = getkey(), [((4, 6), 5), ((2, 3, 6), 4), ((6,), 6), ((3, 6), 1)]

    @quick.jit
    def drawn(widths):
        """Of every layer and shape: what the wide layer draws, and what the layer draws of the true width."""
        pairs = []
        for i, layer in enumerate(DRAWS):
            wide, own = at_width(layer, 1), layer.init(key, THREE)[1]
            for (shape, width), traced in zip(shapes, widths, strict=True):
                x = jnp.ones((*shape[:-1], width))
                padding = [(0, 0)] * (len(shape) - 1) + [(0, shape[-1] - width)]
                state = own | {"width": traced}
                y, after = wide.apply({}, state, jnp.pad(x, padding), train=True, key=ops.fold_in(key, i))
                assert after is state
                pairs.append((y, jnp.pad(layer.apply({}, own, x, train=True, key=ops.fold_in(key, i))[0], padding)))
        return pairs

    pairs = drawn([jnp.float32(width) for _, width in shapes])
    assert len(pairs) == 16
    for i, (y, expected) in enumerate(pairs):  # noise is rounded where it is computed, dropout not at all
        np.testing.assert_allclose(y, expected, rtol=1e-6 if isinstance(DRAWS[i // 4], nn.GaussianNoise) else 0)


@pytest.mark.parametrize("layer", DRAWS[::3])
def test_nothing_is_drawn_but_while_training(layer):
    wide, x = at_width(layer, 2), jnp.ones((2, 3))
    state = wide.init(jax.random.key(0), THREE)[1]
    assert state["width"] == 2
    np.testing.assert_array_equal(wide.apply({}, state, x)[0], x)
    with pytest.raises(nn.JaxnnError, match="key=None with train=True"):
        wide.apply({}, state, x, train=True)


def test_bits_of_the_first_columns(getkey):
    key = getkey()
    wide, own = quick.jit(lambda width: (ops.random_bits(key, (3, 7), width), ops.random_bits(key, (3, 4))))(4.0)
    np.testing.assert_array_equal(wide[:, :4], own)


def test_networks_that_are_equal_stay_as_they_are():
    nets = [mlp(4, 4, nn.sigmoid, nn.Dropout(rate)) for rate in (0.1, 0.2)]
    assert padded(nets, THREE) == nets and padded(nets, THREE)[1] is nets[1]
    assert padded(nets[:1], THREE) == nets[:1]


def test_only_what_needs_its_width_is_another_layer():
    nets = [nn.Chain(nn.Dense(n), nn.relu, nn.Dense(5), nn.sigmoid, ("head", nn.Dense(2))) for n in (3, 8)]
    assert padded(nets, THREE) == [nets[1], nets[1]]
    nets = [mlp(3, n, nn.BatchNorm(momentum=0.1 * n), nn.sigmoid) for n in (2, 5)]
    made = padded(nets, THREE)
    assert repr(made[0]) == (
        "Chain(Dense(3), BatchNorm(momentum=0.2), sigmoid, Dense(5), BatchNorm(momentum=0.2), "
        "('activation_1', TrueActivation(sigmoid, width=2.0)), Dense(3))"
    )
    assert layer_numbers(made[1])["activation_1"] == {"width": 5.0}


def cube(z):
    return z**3


def conv(n):
    return nn.Chain(nn.Conv(n, (3, 3)), nn.relu, nn.Flatten(3), nn.Dense(2))


UNPADDABLE = {
    "softmax": [mlp(n, n, nn.softmax) for n in (3, 4)],
    "a function of the user's": [mlp(n, n, cube) for n in (3, 4)],
    "depth": [nn.Chain(nn.Dense(3), nn.relu, nn.Dense(2)), mlp(3, 3, nn.relu)],
    "outputs": [nn.Chain(nn.Dense(3), nn.relu, nn.Dense(n)) for n in (2, 3)],
    "outputs after an activation": [nn.Chain(nn.Dense(n), nn.relu) for n in (2, 3)],
    "activations": [mlp(n, n, function) for n, function in ((3, nn.relu), (4, nn.tanh))],
    "activations before": [nn.Chain(one, nn.Dense(n), nn.Dense(2)) for n, one in ((3, nn.relu), (4, nn.tanh))],
    "bias": [nn.Chain(nn.Dense(n, use_bias=n == 3), nn.relu, nn.Dense(2)) for n in (3, 4)],
    "names": [nn.Chain((f"hidden_{n}", nn.Dense(n)), nn.Dense(2)) for n in (3, 4)],
    "dropout or none": [mlp(n, n, nn.Dropout(rate)) for n, rate in ((3, 0.5), (4, None))],
    "convolutions": [conv(n) for n in (3, 4)],
    "no chains": [nn.Dense(n) for n in (3, 4)],
    "one chain": [mlp(3, 3, nn.relu), nn.Dense(3)],
    "a chain between": [nn.Chain(nn.Dense(n), nn.Chain(nn.relu), nn.Dense(2)) for n in (3, 4)],
    "groups": [mlp(n, n, nn.GroupNorm(2)) for n in (4, 6)],
    "statistics over positions": [mlp(n, n, nn.LayerNorm(rank=2)) for n in (3, 4)],
    "0 / 0": [mlp(n, n, nn.BatchNorm(epsilon=0.0)) for n in (3, 4)],
    "recurrent": [nn.Chain(nn.RNN(n), nn.Dense(2)) for n in (3, 4)],
    "weights used twice": [
        nn.Chain(nn.Dense(n), nn.Dense(3), nn.Tied("dense_0", nn.Dense(n)), nn.Dense(2)) for n in (3, 4)
    ],
    "residual": [nn.Chain(nn.Residual(nn.Chain(nn.Dense(n), nn.relu, nn.Dense(3)))) for n in (3, 4)],
}


@pytest.mark.parametrize("name", UNPADDABLE)
def test_what_cannot_be_padded_says_none(name):
    assert padded(UNPADDABLE[name], THREE) is None
    assert padded(UNPADDABLE[name][::-1], THREE) is None


def test_cut_takes_views_and_undoes_pad():
    weights = ({"a": {"kernel": np.arange(6.0).reshape(2, 3)}}, {"count": np.array(3), "none": np.zeros((0, 2))})
    state = {"count": jnp.zeros((), int), "none": jnp.zeros((2, 2)), "width": jnp.zeros(())}
    shapes = jax.eval_shape(lambda: ({"a": {"kernel": jnp.zeros((4, 3))}}, state))
    wide = pad(weights, shapes)
    assert jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), wide) == shapes
    assert wide[0]["a"]["kernel"].tolist() == [[0, 1, 2], [3, 4, 5], [0, 0, 0], [0, 0, 0]] and wide[1]["width"] == 0
    back = cut(wide, weights)
    jax.tree.map(np.testing.assert_array_equal, back, weights)
    assert np.shares_memory(back[0]["a"]["kernel"], wide[0]["a"]["kernel"]) and "width" not in back[1]
    assert isinstance(back[1]["count"], np.ndarray)
