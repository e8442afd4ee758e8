"""The rules of layers over space and of normalizations against numbers worked by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import backprop, ops
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

KEY = jax.random.key(3)


def pulled(layer, params, x, dy, **how):
    """The output, and the gradients of parameters and input for a gradient of the output."""

    @jit
    def run(params, x, dy):
        _, state = layer.init(KEY, jax.ShapeDtypeStruct(x.shape[1:], x.dtype))
        y, _, pull = backprop.pullback(layer, params, state, x, **how)
        return y, *pull(dy)

    return run(params, x, dy)


def image(*rows):
    """One image of one channel."""
    return np.array(rows, np.float32)[None, ..., None]


IMAGE = image([1, 2, 3], [4, 5, 6], [7, 8, 9])
KERNEL = np.array([[1, 2], [3, 4]], np.float32)[..., None, None]  # of one input and one output
DELTA = image([1, 0], [2, 10])


@pytest.mark.parametrize("cpu", [True, False])
def test_a_convolution_of_3_by_3(monkeypatch, cpu):
    """Delta at (p, q) sees the 2 x 2 values from (p, q) on, and hands them its kernel."""
    monkeypatch.setattr(ops, "on_cpu", lambda: cpu)
    layer = nn.Conv(1, 2, padding="VALID")
    _, dparams, dx = pulled(layer, {"kernel": KERNEL, "bias": np.zeros(1)}, IMAGE, DELTA)
    # dW_00 = 1*1 + 0*2 + 2*4 + 10*5 = 59, dW_01 = 1*2 + 2*5 + 10*6, dW_10 = 1*4 + 2*7 + 10*8, dW_11 = 1*5 + 2*8 + 10*9
    np.testing.assert_array_equal(dparams["kernel"][..., 0, 0], [[59, 72], [98, 111]])
    np.testing.assert_array_equal(dparams["bias"], [13])
    # [1 2; 3 4] at (0, 0), twice at (1, 0), ten times at (1, 1)
    np.testing.assert_array_equal(dx[0, ..., 0], [[1, 2, 0], [5, 18, 20], [6, 38, 40]])


@pytest.mark.parametrize("cpu", [True, False])
def test_a_transposed_convolution_puts_windows_side_by_side(monkeypatch, cpu):
    """y = [x_0 W, x_1 W] with W = [5, 7] as it is turned: each x learns its window's sum, W the sum of both windows."""
    monkeypatch.setattr(ops, "on_cpu", lambda: cpu)
    layer = nn.ConvTranspose(1, (2,), strides=2, use_bias=False)
    params, x = {"kernel": np.array([[[7.0]], [[5.0]]])}, np.array([[[2.0], [3.0]]])
    y, dparams, dx = pulled(layer, params, x, np.array([[[1.0], [10.0], [100.0], [1000.0]]]))
    np.testing.assert_array_equal(y[0, :, 0], [10, 14, 15, 21])
    np.testing.assert_array_equal(dx[0, :, 0], [1 * 5 + 10 * 7, 100 * 5 + 1000 * 7])
    np.testing.assert_array_equal(dparams["kernel"][:, 0, 0], [2 * 10 + 3 * 1000, 2 * 1 + 3 * 100])


LAYERS = [
    (nn.Conv(4, (3, 2), strides=2, padding=((1, 3), 0), dilation=(1, 2), groups=2, fit="floor"), (6, 6, 4)),
    (nn.Conv(4, 3, strides=2, groups=2), (5, 4, 2)),  # each channel makes two
    (nn.ConvTranspose(2, 3, strides=2, padding=4), (4, 3, 2)),  # padding beyond the window's reach
]


@pytest.mark.parametrize("form", ["patches", "patches in parts", "accelerators'"])
def test_central_differences_of_convolutions(form, monkeypatch, x64):
    """Along one direction of all weights and inputs; positions that no window reaches, strides, groups."""
    monkeypatch.setattr(ops, "on_cpu", lambda: form != "accelerators'")
    monkeypatch.setattr("jaxnn.convolutions.PATCHES", 2**10 if form == "patches in parts" else 2**21)

    def drawn(random):
        draw = jax.eval_shape(lambda: [layer.init(KEY, jax.ShapeDtypeStruct(s, jnp.float64))[0] for layer, s in LAYERS])
        x = [random.normal(size=(3, *shape)) for _, shape in LAYERS]
        return jax.tree.map(lambda leaf: random.normal(size=leaf.shape), draw), x

    at, step = (drawn(np.random.default_rng(seed)) for seed in (0, 1))

    def values(params, x):
        """Of each layer, of outputs weighted by sines."""
        outputs = [layer.apply(one, {}, here)[0] for (layer, _), one, here in zip(LAYERS, params, x, strict=True)]
        return jnp.stack([jnp.vdot(y, weights(y)) for y in outputs])

    def weights(y):
        return jnp.sin(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)

    def slope(layer, params, x, step):
        y, _, pull = backprop.pullback(layer, params, {}, x)
        return sum(map(jnp.vdot, jax.tree.leaves(pull(weights(y))), jax.tree.leaves(step)))

    @jit
    def both(at, step):
        each = zip(LAYERS, *at, zip(*step, strict=True), strict=True)
        slopes = [slope(layer, params, x, along) for (layer, _), params, x, along in each]
        after, before = (jax.tree.map(lambda leaf, one, h=h: leaf + h * one, at, step) for h in (1e-4, -1e-4))
        return jnp.stack(slopes), (values(*after) - values(*before)) / 2e-4

    np.testing.assert_allclose(*both(at, step), rtol=1e-9)


TIED = image([1, 5, 2, 2], [5, 3, 0, 2], [7, 8, 1, 9], [6, 8, 9, 9])


def test_of_equals_the_first_in_reading_order_takes_the_gradient():
    _, _, dx = pulled(nn.MaxPool(2), {}, TIED, image([1, 2], [3, 4]))
    np.testing.assert_array_equal(dx[0, ..., 0], [[0, 1, 2, 0], [0, 0, 0, 0], [0, 3, 0, 4], [0, 0, 0, 0]])


def test_windows_that_overlap_add_up_what_they_send_to_their_largest():
    x, dy = image([1, 5, 2], [5, 3, 0], [4, 8, 1]), image([1, 2], [4, 8])
    _, _, dx = pulled(nn.MaxPool(2, strides=1), {}, x, dy)
    np.testing.assert_array_equal(dx[0, ..., 0], [[0, 1 + 2, 0], [0, 0, 0], [0, 4 + 8, 0]])
    _, _, dx = pulled(nn.AvgPool(2, strides=1), {}, x, dy)
    np.testing.assert_array_equal(dx[0, ..., 0] * 4, [[1, 3, 2], [5, 15, 10], [4, 12, 8]])


def test_equals_of_a_whole_image_share_the_gradient():
    _, _, dx = pulled(nn.GlobalMaxPool(), {}, TIED, np.array([[6.0]]))
    np.testing.assert_array_equal(dx[0, ..., 0], np.where(TIED[0, ..., 0] == 9, 2, 0))


def test_two_examples_are_always_at_minus_one_and_one_so_nothing_reaches_them():
    """Statistics absorb shift and scale, and two numbers have nothing else: y = [-1, 1] g + b whatever they are."""
    layer = nn.BatchNorm(epsilon=0.0)
    params = {"scale": np.array([3.0]), "bias": np.array([0.5])}
    _, dparams, dx = pulled(layer, params, np.array([[2.0], [8.0]]), np.array([[1.0], [5.0]]), train=True)
    np.testing.assert_allclose(dx, 0, atol=1e-6)
    np.testing.assert_allclose([dparams["scale"][0], dparams["bias"][0]], [-1 * 1 + 1 * 5, 1 + 5], rtol=1e-6)
    _, _, dx = pulled(layer, params, np.array([[2.0], [8.0]]), np.array([[1.0], [5.0]]), train=False)
    np.testing.assert_allclose(dx[:, 0], [3, 15])  # the running variance is 1 still


NORMS = [nn.LayerNorm, partial(nn.GroupNorm, 2), nn.RMSNorm, nn.BatchNorm]


@pytest.mark.parametrize("layer", [norm(epsilon=0.0) for norm in NORMS])
def test_what_only_shifts_or_scales_the_input_has_no_gradient(layer, x64):
    """sum_i dx_i = 0 and sum_i x_i dx_i = 0, over the values that share statistics; RMSNorm sees a shift."""
    random = np.random.default_rng(1)
    x, dy, scale = (random.normal(1.0, 2.0, shape) for shape in ((5, 6), (5, 6), (6,)))
    params = {"scale": scale} if isinstance(layer, nn.RMSNorm) else {"scale": scale, "bias": scale}
    _, _, dx = pulled(layer, params, x, dy, train=True)
    shape = (5, 2, 3) if isinstance(layer, nn.GroupNorm) else x.shape
    axis = 0 if isinstance(layer, nn.BatchNorm) else -1
    along, level = (dx * x).reshape(shape).sum(axis), dx.reshape(shape).sum(axis)
    np.testing.assert_allclose(along, 0, atol=1e-12)
    assert (np.abs(level).max() < 1e-12) != isinstance(layer, nn.RMSNorm)
    assert np.abs(dx).max() > 0.1


def test_values_that_the_mask_leaves_out_of_the_statistics_move_only_themselves():
    """Row 2 is normalized with the statistics of rows 0 and 1, which its own gradient therefore reaches."""
    x, mask = np.array([[0.0], [2.0], [5.0]]), np.array([True, True, False])
    layer, params = nn.BatchNorm(epsilon=0.0), {"scale": np.ones(1), "bias": np.zeros(1)}
    _, _, dx = pulled(layer, params, x, np.array([[0.0], [0.0], [1.0]]), train=True, mask=mask)
    # y = (x_2 - m) / s with m = (x_0 + x_1) / 2 and s = (x_1 - x_0) / 2: d/dx_0 = (-1 + y) / 2s, d/dx_1 = (-1 - y) / 2s
    np.testing.assert_allclose(dx[:, 0], [(-1 + 4) / 2, (-1 - 4) / 2, 1], rtol=1e-6)


@pytest.mark.parametrize("layer", [nn.Dropout(1.0), nn.StochasticDepth(1.0)])
def test_nothing_comes_back_through_what_is_dropped_for_certain(layer):
    _, _, dx = pulled(layer, {}, np.ones((3, 2)), np.ones((3, 2)), train=True, key=KEY)
    np.testing.assert_array_equal(dx, 0)


def test_the_gradient_is_dropped_where_the_values_were():
    x, dy = np.ones((50, 2)), np.full((50, 2), 7.0)
    for layer in (nn.Dropout(0.5), nn.StochasticDepth(0.5)):
        y, _, dx = pulled(layer, {}, x, dy, train=True, key=KEY)
        assert set(np.unique(y)) == {0, 2}
        np.testing.assert_array_equal(dx, 7 * y)


def test_a_dropped_weight_learns_nothing_and_the_others_twice_as_much():
    layer = nn.DropConnect(nn.Dense(1, use_bias=False), 0.5)
    params, x = {"layer": {"kernel": np.ones((40, 1))}}, np.arange(1.0, 41.0)[None]
    _, dparams, dx = pulled(layer, params, x, np.ones((1, 1)), train=True, key=KEY)
    kept = np.asarray(dx[0] / 2)  # dx_i = w'_i, which is 0 or 2
    assert set(kept) == {0, 1}
    np.testing.assert_array_equal(dparams["layer"]["kernel"][:, 0], 2 * kept * np.arange(1, 41))


def test_a_row_of_a_table_sums_over_the_examples_that_have_its_code():
    layer = nn.ColumnEmbedding(((1, 3, 2),))
    x = np.array([[0.5, 2.0], [0.5, 0.0], [0.5, 2.0]])
    dy = np.array([[1.0, 10, 20], [2, 30, 40], [3, 50, 60]])
    _, dparams, dx = pulled(layer, {"embedding_0": np.zeros((3, 2))}, x, dy)
    np.testing.assert_array_equal(dparams["embedding_0"], [[30, 40], [0, 0], [60, 80]])
    np.testing.assert_array_equal(dx, [[1, 0], [2, 0], [3, 0]])


def test_flattened_axes_part_again():
    _, _, dx = pulled(nn.Flatten(2), {}, np.zeros((1, 2, 3)), np.arange(6.0)[None])
    np.testing.assert_array_equal(dx, [[[0, 1, 2], [3, 4, 5]]])
