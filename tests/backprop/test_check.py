"""The check of hand-written rules: it passes on ours, and each rule that is broken on purpose is named."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import backprop, layers, losses
from jaxnn.backprop.check import Row
from jaxnn.backprop.rules import RULES
from jaxnn.layers.base import children, is_layer_class, walk
from losscases import targets_for, width_of
from quick import jit

RANDOM = np.random.default_rng(2)
NETS = {
    "features": nn.Chain(
        nn.ColumnEmbedding(((1, 3, 2),)), nn.Dense(6), nn.tanh, nn.LayerNorm(), nn.GroupNorm(2), nn.RMSNorm(),
        nn.BatchNorm(), nn.Dropout(0.3), nn.GaussianNoise(0.1), nn.StochasticDepth(0.2), nn.Dense(2),
    ),
    "images": nn.Chain(
        nn.Conv(3, 3), nn.MaxPool(2), nn.ConvTranspose(2, 3), nn.AvgPool(2),
        nn.Parallel(nn.GlobalAvgPool(), nn.GlobalMaxPool(), nn.Flatten(3)),
    ),
    "time": nn.Chain(
        nn.Embedding(5, 4), nn.LearnedPositions(3), nn.SinusoidalPositions(), nn.MultiHeadAttention(2), nn.RNN(4),
        nn.LSTM(4), nn.GRU(4), nn.Unembedding(5),
    ),
    "layers of layers": nn.Chain(
        ("chain", nn.Chain(nn.Dense(4))), nn.Residual(nn.tanh), nn.Parallel(nn.sigmoid, how="add"),
        nn.DropConnect(nn.Dense(4), 0.3), nn.Frozen(nn.Dense(4)), nn.Dense(4), nn.Tied("dense_0", nn.Dense(4)),
        nn.Bidirectional(nn.RNN(2)),
    ),
    "a block": nn.Chain(nn.TransformerBlock(4, 2)),
}  # fmt: skip
EXAMPLES = {"features": (5,), "images": (4, 4, 2), "time": (3,), "layers of layers": (3, 4), "a block": (3, 4)}


@pytest.fixture(autouse=True)
def quick_check(quick_compiles, monkeypatch):
    """The check is one program, which takes many times longer to compile than to run."""
    monkeypatch.setattr(jax, "jit", jit)


@pytest.fixture
def broken():
    """A function that puts a wrong rule in the place of a right one; all are put back."""
    before = dict(RULES)
    yield lambda kind, wrong: RULES.__setitem__(kind, partial(wrong, before[kind]))
    RULES.clear()
    RULES.update(before)


def off_by_a_thousandth(rule, *given, **how):
    """The gradients of a layer, times 1.001: of its parameters, or where it has none, of its input."""
    y, state, pull = rule(*given, **how)

    def wrong(dy):
        dparams, dx = pull(dy)
        return jax.tree.map(lambda leaf: 1.001 * leaf, dparams), dx if jax.tree.leaves(dparams) else 1.001 * dx

    return y, state, wrong


def holds(layer):
    return bool(children(layer)) or isinstance(layer, nn.Bidirectional | nn.TransformerBlock)


@pytest.mark.parametrize("name", NETS)
def test_every_broken_rule_is_named_by_three_oracles(name, broken):
    """All at once, as each layer is tried alone: of layers in layers the inner is named where both are wrong."""
    net, outer = NETS[name], name in ("layers of layers", "a block")
    kinds = {type(layer) for _, layer in (net.layers if outer else walk(net)[1:]) if holds(layer) == outer}
    for kind in kinds:
        broken(kind, off_by_a_thousandth)
    example = jax.ShapeDtypeStruct(EXAMPLES[name], jnp.int32 if name == "time" else jnp.float32)
    x = RANDOM.integers(0, 3, (4, *example.shape)).astype(example.dtype)
    params, state = jax.jit(lambda key: net.init(key, example))(jax.random.key(2))
    y = np.ones(jax.eval_shape(lambda: net.apply(params, state, x)[0]).shape)
    done = backprop.check(net, losses.half_squared_error, params, state, x, y, key=jax.random.key(4))
    expected = {path for path, layer in walk(net)[1:] if type(layer) in kinds}
    assert expected <= set(done.wrong), str(done)
    for path in expected:
        worst = max((row for row in done.rows if row.path == path), key=lambda row: row.reverse)
        whole = max(row.differences for row in done.rows if row.path == "network")
        differences = whole if worst.differences is None else worst.differences
        assert worst.reverse > 1e-4 and worst.forward > 1e-6 and differences > 1e-5, str(done)


def test_each_kind_of_layer_is_broken_once():
    kinds = {type(layer) for net in NETS.values() for _, layer in walk(net)}
    assert {getattr(layers, name) for name in layers.__all__ if is_layer_class(getattr(layers, name))} == kinds


@pytest.mark.parametrize("name", losses.LOSSES)
def test_a_broken_rule_of_a_loss_is_named(name, broken):
    def wrong(rule, *given):
        values, pull = rule(*given)
        return values, lambda dloss: 1.001 * pull(dloss)

    loss, outputs = losses.LOSSES[name], RANDOM.uniform(0.1, 0.9, (4, width_of(name, 3)))
    y = targets_for(name, RANDOM, 4, 3)
    broken(type(loss), wrong)
    done = backprop.check(nn.Chain(), loss, {}, {}, outputs, y)
    assert done.wrong == ["loss"], str(done)


@pytest.mark.parametrize("penalty", [nn.penalties.l1(0.1), nn.penalties.l2(0.1)], ids=["l1", "l2"])
def test_a_broken_rule_of_a_penalty_is_named(penalty, broken):
    net = nn.Chain(nn.Dense(2))
    params, state = net.init(jax.random.key(0), jnp.zeros(2))
    given = (net, losses.squared_error, params, state, np.ones((3, 2)), np.zeros((3, 2)))
    broken(type(penalty), lambda rule, *a: (rule(*a)[0], jax.tree.map(lambda leaf: 1.001 * leaf, rule(*a)[1])))
    assert backprop.check(*given, penalties=[penalty]).wrong == ["penalty"]


def test_a_wrong_layer_in_the_middle_is_named_and_not_those_before_it(broken):
    net = nn.Chain(nn.Dense(3), nn.tanh, ("block", nn.Residual(nn.Chain(nn.LayerNorm(), nn.sigmoid))), nn.Dense(2))
    params, state = net.init(jax.random.key(0), jnp.zeros(2))
    given = (net, losses.softmax_cross_entropy, params, state, RANDOM.normal(size=(5, 2)), np.arange(5) % 2)

    def wrong(rule, *given, **how):
        y, state, pull = rule(*given, **how)
        return y, state, lambda dy: (pull(dy)[0], pull(dy)[1] + 1e-3)

    broken(nn.LayerNorm, wrong)
    done = backprop.check(*given)
    assert done.wrong == ["block/layer/layer_norm_0"]
    spoilt = [row.of for row in done.rows if row.path == "network" and row.wrong]
    assert spoilt == ["dense_0/bias", "dense_0/kernel"]


def test_a_wrong_output_is_an_error_too(broken):
    broken(nn.Dense, lambda rule, *given, **how: (rule(*given, **how)[0] + 1, *rule(*given, **how)[1:]))
    net = nn.Chain(nn.Dense(2))
    params, state = net.init(jax.random.key(0), jnp.zeros(2))
    done = backprop.check(net, losses.squared_error, params, state, np.ones((3, 2)), np.zeros((3, 2)))
    assert [row.of for row in done.rows if row.path == "dense_0" and row.wrong] == ["output"]


def test_kinks_and_whole_numbers_are_left_to_the_other_oracles():
    """At 0, relu has no derivative for differences to find; a token has none at all."""
    net = nn.Chain(nn.Embedding(4, 3), nn.relu)
    _, state = net.init(jax.random.key(0), jnp.zeros(2, int))
    params = {"embedding_0": {"embedding": jnp.zeros((4, 3))}}
    done = backprop.check(net, losses.half_squared_error, params, state, np.array([[0, 1]]), np.ones((1, 2, 3)))
    assert done.passed, str(done)
    assert {row.of for row in done.rows if row.path == "embedding_0"} == {"output", "parameters"}


def test_float64_is_used_whatever_the_flags_say():
    net = nn.Chain(nn.Dense(4), nn.gelu, nn.Dense(1))
    params, state = net.init(jax.random.key(0), jnp.zeros(3))
    given = (net, losses.squared_error, params, state, RANDOM.normal(size=(5, 3)), RANDOM.normal(size=5))
    assert not jax.config.jax_enable_x64
    done = backprop.check(*given)
    assert not jax.config.jax_enable_x64 and done.passed and max(row.reverse for row in done.rows) < 1e-11
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    assert str(done).endswith("1e-6 of the largest gradient))") and "all rules agree" in str(done)


@pytest.mark.parametrize("oracle", ["reverse", "forward", "differences"])
def test_nan_is_wrong_whichever_oracle_says_it(oracle):
    row = Row("dense_0", "Dense(1)", "input", 0.0, 0.0, 0.0)
    assert not row.wrong and row._replace(**{oracle: float("nan")}).wrong


def test_differences_say_nothing_of_codes():
    """Beside a whole number there is no code, so no difference; the rule is right, and NaN of a rule is not."""
    net = nn.Chain(nn.ColumnEmbedding(((1, 3, 2),)), nn.Dense(2))
    x = RANDOM.normal(size=(4, 5))
    x[:, 1] = [0, 1, 2, 1]
    params, state = net.init(jax.random.key(0), jnp.zeros(5))
    done = backprop.check(net, losses.softmax_cross_entropy, params, state, x, np.array([0, 1, 0, 1]))
    row = next(row for row in done.rows if row.path == "column_embedding_0" and row.of == "input")
    assert done.passed and row.differences is None and row.reverse == 0


def test_a_rule_that_says_nan_is_wrong(broken):
    def undefined(rule, *given, **how):
        y, state, pull = rule(*given, **how)
        return y, state, lambda dy: jax.tree.map(lambda leaf: leaf * jnp.nan, pull(dy))

    broken(nn.Dense, undefined)
    net = nn.Chain(nn.Dense(2))
    params, state = net.init(jax.random.key(0), jnp.zeros(3))
    done = backprop.check(net, losses.softmax_cross_entropy, params, state, np.ones((2, 3)), np.array([0, 1]))
    assert "dense_0" in done.wrong
