"""Embeddings and positions: what the laws do not know."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")


def test_the_gradient_adds_up_where_a_number_comes_twice():
    table = jnp.arange(6.0).reshape(3, 2)
    x, weight = jnp.array([2, 0, 2]), jnp.array([[1.0], [10.0], [100.0]])
    gradient = jax.grad(lambda table: (nn.Embedding(3, 2).apply({"embedding": table}, {}, x)[0] * weight).sum())(table)
    np.testing.assert_array_equal(gradient, [[10, 10], [0, 0], [101, 101]])


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_number_without_a_row_is_refused_and_nan_inside_a_program(wrong):
    layer, params = nn.Embedding(3, 2), {"embedding": jnp.ones((3, 2))}
    x = jnp.array([0, wrong])
    with pytest.raises(nn.JaxnnError, match=rf"Embedding\(3, 2\): got the number {wrong}; needed whole .* 0 to 2"):
        layer.apply(params, {}, x)
    y = jit(lambda x: layer.apply(params, {}, x)[0])(x)
    np.testing.assert_array_equal(y, [[1, 1], [np.nan, np.nan]])


def test_numbers_with_a_point_are_refused():
    with pytest.raises(nn.JaxnnError, match="float32; needed whole numbers from 0 to 2"):
        nn.Embedding(3, 2).init(jax.random.key(0), jnp.zeros(4))


def test_tied_logits_share_one_table_with_both_gradients():
    net = nn.Chain(nn.Embedding(3, 2), nn.Tied("embedding_0", nn.Unembedding(3)))
    table = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)

    def second_logit_of_token_0(table):
        return net.apply({"embedding_0": {"embedding": table}}, {}, jnp.array([0]))[0][0, 1]

    # e_0 . e_1 has gradient e_1 for row 0 and e_0 for row 1
    assert second_logit_of_token_0(jnp.asarray(table)) == 11
    np.testing.assert_array_equal(jax.grad(second_logit_of_token_0)(jnp.asarray(table)), [[3, 4], [1, 2], [0, 0]])


def test_a_sequence_longer_than_the_table_is_refused_and_nan_from_step_to_step():
    net = nn.Chain(nn.LearnedPositions(2))
    params, state = net.init(jax.random.key(0), jnp.zeros((2, 3)))
    needed = (
        r"in learned_positions_0: LearnedPositions\(2\): got an input of shape \(3, 3\); needed at most 2 positions"
    )
    with pytest.raises(nn.JaxnnError, match=needed):
        net.apply(params, state, jnp.zeros((3, 3)))
    known = net.memory(params, state, ())
    outputs = []
    for _ in range(3):
        y, known = net.step(params, state, known, jnp.zeros(3))
        outputs.append(bool(jnp.isnan(y).any()))
    assert outputs == [False, False, True]


def test_sinusoidal_positions_are_those_of_the_paper():
    y = nn.SinusoidalPositions().apply({}, {}, jnp.zeros((50, 6)))[0]
    for t in (0, 1, 49):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            assert y[t, 2 * i] == pytest.approx(np.sin(angle), abs=1e-6)
            assert y[t, 2 * i + 1] == pytest.approx(np.cos(angle), abs=1e-6)


@pytest.mark.parametrize("layer", [nn.LSTM(3), nn.GRU(3, reverse=True), nn.RNN(3, outputs="last")], ids=str)
@pytest.mark.parametrize(("time", "height"), [(7, 4), (2, 2)])
def test_a_recurrent_layer_multiplies_the_rows_or_the_table_whichever_are_fewer(layer, time, height):
    net = nn.Chain(nn.Embedding(4, 2), layer)
    name = type(layer).__name__.lower() + "_0"
    x = jnp.asarray(np.random.default_rng(1).integers(0, 4, time, np.int32))
    params, _ = jit(lambda key: net.init(key, x))(jax.random.key(0))

    def one_by_one(params):
        return layer.apply(params[name], {}, params["embedding_0"]["embedding"][x])[0]

    def chained(params):
        return net.apply(params, {}, x)[0]

    def squares(params, f):
        return (f(params) ** 2).sum(), f(params)

    found = jit(lambda params: [jax.grad(squares, has_aux=True)(params, f) for f in (chained, one_by_one)])(params)
    sums, outputs = zip(*found, strict=True)
    np.testing.assert_allclose(*outputs, rtol=1e-6, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), *sums)
    products = [e for e in jax.make_jaxpr(chained)(params).jaxpr.eqns if e.primitive.name == "dot_general"]
    assert [e.outvars[0].aval.shape for e in products] == [(height, 3 * layer.gates)]  # those outside the loop
    wrong = jit(lambda x: net.apply(params, {}, x)[0])(np.concatenate([[np.int32(4)], x[1:]]))
    assert jnp.isnan(wrong).any()
