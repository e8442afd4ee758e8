"""Attention and transformers: the course's rows T01 to T05, and what the laws do not know."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.layers import attention as module
from jaxnn.layers.attention import attend
from jaxnn.layers.positions import rotated
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")


def drawn(net, shape, key=0):
    """Weights with biases that are not 0, and an input of that shape."""
    example = jax.ShapeDtypeStruct(shape[-2:], jnp.float32)
    params, state = jit(lambda key: net.init(key, example))(jax.random.key(key))
    random = np.random.default_rng(key)
    moved = jax.tree.map(
        lambda leaf: leaf + 0.1 * random.normal(size=leaf.shape).astype(np.float32), jax.device_get(params)
    )
    return moved, state, jnp.asarray(random.normal(size=shape), jnp.float32)


@pytest.mark.course("T01")
def test_four_architectures_learn_one_task():
    x = np.random.default_rng(0).normal(size=(192, 8, 2)).astype(np.float32)
    y = (x.mean(axis=(1, 2)) > 0).astype(np.int32)
    nets = {
        "fully connected": nn.models.mlp((16,), 2),
        "convolutional": nn.Chain(nn.Conv(8, (3,)), nn.relu, nn.Flatten(2), nn.Dense(2)),
        "recurrent": nn.Chain(nn.RNN(12, outputs="last"), nn.Dense(2)),
        "transformer": nn.Chain(nn.Dense(8), nn.TransformerBlock(8, 2), nn.Flatten(2), nn.Dense(2)),
    }
    nets["fully connected"] = nn.Chain(nn.Flatten(2), *nets["fully connected"].layers)
    for name, net in nets.items():
        run = nn.fit(net, (x, y), nn.losses.softmax_cross_entropy, learning_rate=0.01, epochs=40)
        assert np.mean(np.argmax(run.logits(x), axis=-1) == y) > 0.95, name


@pytest.mark.course("T02")
def test_a_block_of_width_64_has_the_weights_of_the_course_and_its_gelu():
    block = nn.TransformerBlock(64, 4)
    params, _ = jax.eval_shape(lambda: block.init(jax.random.key(0), jnp.zeros((2, 64))))
    named = jax.tree_util.tree_leaves_with_path(params)
    kernels = sum(leaf.size for path, leaf in named if path[-1].key == "kernel")
    assert (kernels, nn.count(params)) == (49152, 49984)
    assert nn.gelu in [layer.function for _, layer in walked(block) if isinstance(layer, nn.Activation)]
    assert float(nn.gelu(jnp.float32(1))) == pytest.approx(0.8411919906, abs=1e-6)  # row A10


def walked(layer):
    return importlib.import_module("jaxnn.layers.base").walk(layer)


@pytest.mark.course("T03")
def test_scaled_dot_products_of_the_course(x64):
    eye = jnp.eye(2)[:, None]  # two positions, one head
    rows = attend(eye, eye, eye)[:, 0]
    expected = [[0.6697615493, 0.3302384507], [0.3302384507, 0.6697615493]]
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-10)
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=0, atol=1e-15)
    random = np.random.default_rng(0)
    query, key, value = (jnp.asarray(random.normal(size=(6, 2, 4))) for _ in range(3))
    order = random.permutation(6)
    np.testing.assert_allclose(attend(query, key[order], value[order]), attend(query, key, value), rtol=0, atol=1e-14)


@pytest.mark.parametrize("seen", [None, "causal", "padding"])
def test_by_hand_and_by_jax_are_the_same(seen, monkeypatch):
    random = np.random.default_rng(0)
    query, key, value = (jnp.asarray(random.normal(size=(2, 3, 5, 2, 4)), jnp.float32) for _ in range(3))
    seen = {"causal": np.tril(np.ones((5, 5), bool)), "padding": random.random((2, 3, 1, 1, 5)) > 0.3}.get(seen)
    ours = attend(query, key, value, seen)
    monkeypatch.setattr(module, "on_cpu", lambda: False)
    np.testing.assert_allclose(attend(query, key, value, seen), ours, rtol=2e-6, atol=2e-6)


@pytest.mark.course("T04")
@pytest.mark.parametrize("rotary", [False, True])
def test_the_future_changes_no_bit(rotary):
    block = nn.TransformerBlock(8, 2, causal=True, rotary=rotary)
    params, state, x = drawn(block, (2, 7, 8))
    run = jit(lambda x: block.apply(params, state, x)[0])
    y, other = run(x), run(x.at[:, 4:].add(100.0))
    np.testing.assert_array_equal(y[:, :4], other[:, :4])
    assert not np.allclose(y[:, 4:], other[:, 4:])


@pytest.mark.course("T04")
def test_without_positions_a_block_that_sees_all_does_not_know_the_order():
    block = nn.TransformerBlock(8, 2)
    params, state, x = drawn(block, (7, 8))
    order = np.random.default_rng(1).permutation(7)
    run = jit(lambda x: block.apply(params, state, x)[0])
    np.testing.assert_allclose(run(x[order]), run(x)[order], rtol=1e-5, atol=1e-5)
    placed = nn.Chain(nn.SinusoidalPositions(), block)
    run = jit(lambda x: placed.apply({"transformer_block_0": params}, state, x)[0])
    assert not np.allclose(run(x[order]), run(x)[order], atol=1e-2)


def test_a_row_that_may_see_nothing_is_finite_with_its_gradient():
    layer = nn.MultiHeadAttention(2)
    params, state, x = drawn(layer, (2, 3, 4))
    mask = jnp.array([[True, True, False], [False, False, False]])

    @jit
    @jax.value_and_grad
    def squares(params):
        return jnp.square(layer.apply(params, state, x, mask=mask)[0]).sum()

    value, gradient = squares(params)
    assert np.isfinite(value) and all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_turned_products_depend_on_the_distance_alone():
    random = np.random.default_rng(0)
    q, k = (jnp.asarray(random.normal(size=(1, 1, 6)), jnp.float32) for _ in range(2))

    def product(i, j):
        return float((rotated(q, np.array([i])) * rotated(k, np.array([j]))).sum())

    assert product(3, 1) == pytest.approx(product(52, 50), abs=1e-4)
    assert product(3, 1) != pytest.approx(product(3, 2), abs=1e-2)
    np.testing.assert_allclose(rotated(q, jnp.array([7])), rotated(q, np.array([7])), rtol=0, atol=1e-6)


def test_wrong_attention_says_why():
    key, x = jax.random.key(0), jnp.zeros((3, 6))
    with pytest.raises(nn.JaxnnError, match=r"shape \(3, 6\); needed .* a multiple of 4 heads"):
        nn.MultiHeadAttention(4).init(key, x)
    with pytest.raises(nn.JaxnnError, match="3 for each head; needed an even number"):
        nn.MultiHeadAttention(2, rotary=True).init(key, x)
    with pytest.raises(nn.JaxnnError, match="context: got 4 with causal=False; needed causal=True"):
        nn.MultiHeadAttention(2, context=4)
    params, state = nn.MultiHeadAttention(2).init(key, x)
    with pytest.raises(nn.JaxnnError, match=r"input of shape \(3, 5\); needed \(..., time, 6\)"):
        nn.MultiHeadAttention(2).apply(params, state, jnp.zeros((3, 5)))


def test_dropout_of_a_block_is_a_number_that_a_run_may_change():
    block = nn.TransformerBlock(4, 2, dropout=0.25)
    assert block == nn.TransformerBlock(4, 2, dropout=0.5) != nn.TransformerBlock(4, 2)
    _, state = block.init(jax.random.key(0), jnp.zeros((3, 4)))
    rates = [float(leaf) for leaf in jax.tree.leaves(state)]
    assert rates == [0.25] * 3
    with pytest.raises(nn.JaxnnError, match=r"TransformerBlock.dropout: got 2; needed a number from 0 to 1"):
        nn.TransformerBlock(4, 2, dropout=2)


def test_the_language_model_is_the_chain_one_would_write():
    block = nn.TransformerBlock(8, 2, causal=True, context=16)
    net = nn.models.transformer_lm(5, width=8, depth=2, heads=2, context=16, positions="learned")
    ends = nn.LayerNorm(), nn.Dense(5)
    assert net == nn.Chain(nn.Embedding(5, 8), nn.LearnedPositions(16), block, block, *ends)
    with pytest.raises(nn.JaxnnError, match="heads: got 3 for a width of 8; needed a number that divides the width"):
        nn.models.transformer_lm(5, width=8, heads=3)
    with pytest.raises(nn.JaxnnError, match=r"positions: got 'rotated'; .* Did you mean rotary"):
        nn.models.transformer_lm(5, positions="rotated")


def test_a_batch_of_none():
    layer = nn.MultiHeadAttention(2)
    params, state = layer.init(jax.random.key(0), jnp.zeros((3, 4)))
    assert layer.apply(params, state, jnp.zeros((0, 3, 4)))[0].shape == (0, 3, 4)
