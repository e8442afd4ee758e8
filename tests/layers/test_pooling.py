"""Pooling against numbers by hand, its gradient, and what it refuses (the course, C20-C22)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

BOARD = jnp.array([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])[..., None]


def pooled(layer, x, **more):
    return np.asarray(jit(lambda x: layer.apply({}, {}, x, **more)[0])(x))


@pytest.mark.course("C20")
def test_channels_are_independent_and_the_gradient_goes_to_the_largest():
    random = np.random.default_rng(0)
    x, order = jnp.asarray(random.normal(size=(2, 4, 4, 5)), jnp.float32), random.permutation(5)
    for layer in (nn.MaxPool(2), nn.AvgPool(2), nn.MaxPool(3, strides=1)):
        np.testing.assert_array_equal(pooled(layer, x[..., order]), pooled(layer, x)[..., order])
    gradient = jit(jax.grad(lambda x: nn.MaxPool(2).apply({}, {}, x)[0].sum()))(BOARD)[..., 0]
    np.testing.assert_array_equal(gradient, [[0, 0, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("layer", [nn.MaxPool(2), nn.MaxPool((2, 2), strides=1)], ids=["side by side", "overlapping"])
def test_of_equals_the_first_has_the_gradient(layer):
    gradient = jit(jax.grad(lambda x: layer.apply({}, {}, x)[0].sum()))(jnp.zeros((2, 4, 1)))[..., 0]
    first = [[1, 0, 1, 0], [0, 0, 0, 0]] if layer.strides is None else [[1, 1, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(gradient, first)


def test_a_value_that_is_no_number_is_seen():
    for place in range(4):
        x = jnp.zeros(4).at[place].set(jnp.nan).reshape(2, 2, 1)
        assert np.isnan(pooled(nn.MaxPool(2), x)).all()


@pytest.mark.course("C21")
def test_max_against_average():
    assert pooled(nn.MaxPool(2), BOARD)[..., 0].tolist() == [[6, 8], [3, 4]]
    assert pooled(nn.AvgPool(2), BOARD)[..., 0].tolist() == [[3.25, 5.25], [2, 2]]


@pytest.mark.course("C22")
def test_sizes_and_no_parameters():
    layer, x = nn.MaxPool(2, strides=2), jnp.zeros((28, 28, 6))
    assert layer.init(jax.random.key(0), x) == ({}, {})
    assert pooled(layer, x).shape == (14, 14, 6)


def test_what_is_left_over():
    with pytest.raises(nn.JaxnnError, match=r"MaxPool\(2\): got a size that does not fit: \(5 - 2\)/2 \+ 1 = 2\.5000"):
        pooled(nn.MaxPool(2), jnp.zeros((5, 5, 1)))
    assert pooled(nn.MaxPool((2,), fit="floor"), jnp.array([1.0, 3, 2, 4, 9])[:, None])[:, 0].tolist() == [3, 4]


def test_padding_counts_as_zeros_in_a_mean_and_never_in_a_maximum():
    x = jnp.array([-4.0, -2.0])[:, None]
    assert pooled(nn.AvgPool((2,), strides=1, padding=1), x)[:, 0].tolist() == [-2, -3, -1]
    assert pooled(nn.MaxPool((2,), strides=1, padding=1), x)[:, 0].tolist() == [-4, -2, -2]


def test_a_sequence_without_a_position_gives_zero():
    x, mask = jnp.ones((2, 3, 1)), jnp.array([[True, True, False], [False] * 3])
    for layer in (nn.GlobalMaxPool(1), nn.GlobalAvgPool(1)):
        assert pooled(layer, x, mask=mask)[:, 0].tolist() == [1, 0]
    gradient = jit(jax.grad(lambda x: nn.GlobalMaxPool(1).apply({}, {}, x, mask=mask)[0].sum()))(x)
    assert np.isfinite(np.asarray(gradient)).all() and not np.asarray(gradient)[1].any()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nn.MaxPool(0), "MaxPool.window: got 0"),
        (lambda: nn.AvgPool(2, padding=2), "AvgPool.padding: got 2; needed less than the window"),
        (lambda: nn.MaxPool(2, strides=(1,)), "MaxPool.strides"),
        (lambda: nn.GlobalAvgPool(4), "GlobalAvgPool.rank: got 4"),
        (lambda: pooled(nn.MaxPool(3), jnp.zeros((3,))), r"shape \(3,\); needed \(\.\.\., height, width, channels\)"),
        (lambda: pooled(nn.GlobalMaxPool(1), jnp.zeros(3)), r"needed \(\.\.\., time, channels\)"),
        (lambda: pooled(nn.MaxPool((2,)), jnp.zeros((4, 1)), mask=jnp.ones(4, bool)), "mask over 4 positions"),
        (lambda: pooled(nn.GlobalAvgPool(1), jnp.zeros((4, 1)), mask=jnp.ones(3, bool)), r"mask of shape \(3,\)"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused(make, said):
    with pytest.raises(nn.JaxnnError, match=said):
        make()
