"""The compiled program: chunk boundaries and other members change no bit, numbers recompile nothing."""

import dataclasses
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.train import compiled, placing, prepare, program, stopping
from jaxnn.train import tables as checked

LOSS = nn.losses.softmax_cross_entropy
NET = nn.Chain(nn.Dense(7), nn.relu, nn.Dropout(0.2), nn.Dense(3))


def table(rows=53, features=4, seed=0):
    """Three classes that overlap; 53 rows leave a short last batch of every size that divides 48."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, rows).astype(np.int32)
    return (random.normal(size=(rows, features)) + y[:, None]).astype(np.float32), y


def arguments(net=NET, seed=0, epochs=6, patience=2, validation=0.25, batch_size=8):
    """What `fit` gives the program, for one member."""
    rule, rate = nn.optimizers.resolve("adam", 0.01)
    words, impl = prepare.seed_of(seed)
    tables = checked.tables(table(), validation, None, None, seed=words, loss=LOSS)
    stop = nn.EarlyStopping(patience) if validation else None
    penalties = [nn.penalties.l2(1e-3)]
    rows = len(tables.train.rows)
    recipe = prepare.recipe(net, LOSS, rule, penalties, ["accuracy"], stop, batch_size, True, rows, tables, impl)
    return recipe, words[None], prepare.hyper(net, recipe, rate, epochs, stop), placing.on_device([tables])


def run_in_chunks(sizes, **given):
    """Run to the end in chunks of these many minibatches, again and again; return the state and all logs."""
    recipe, seeds, hyper, data = arguments(**given)
    made = compiled.compiled(recipe, seeds, hyper, data, None, np.int32(0))
    now, logs, i = made.init(seeds, hyper, data, None), [], 0
    while int(now.stopped[0]) == stopping.RUNNING:
        before = int(now.epoch[0])
        now, said = made.chunk(now, data, hyper, np.int32(sizes[i % len(sizes)]))
        i += 1
        logs.append({name: np.asarray(value)[0, : int(now.epoch[0]) - before] for name, value in said.items()})
    return now, {name: np.concatenate([part[name] for part in logs]) for name in logs[0]}


def same_bits(one, other):
    raw = [jax.tree.map(_raw, tree) for tree in (one, other)]
    chex.assert_trees_all_equal(*raw)


def _raw(leaf):
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


@pytest.fixture(scope="module")
def whole():
    return run_in_chunks([10_000])


@settings(max_examples=12)
@given(st.lists(st.integers(1, 17), min_size=1, max_size=5))
def test_chunk_boundaries_anywhere_change_no_bit(whole, sizes):
    same_bits(run_in_chunks(sizes), whole)


def test_the_last_short_batch_is_part_of_every_epoch(whole):
    now, logs = whole
    assert int(now.step[0]) == 5 * len(logs["loss"])  # 40 of 53 rows in batches of 8: 5 of them


@pytest.mark.parametrize("net", [NET, nn.Chain(nn.Dense(5), nn.sigmoid, nn.Dense(3))], ids=["dropout", "sigmoid"])
def test_three_members_mapped_have_the_bits_of_three_runs_alone(net):
    def with_rate(rate):
        return nn.Chain(*(nn.Dropout(rate) if isinstance(layer, nn.Dropout) else layer for _, layer in net.layers))

    nets = [with_rate(rate) for rate in (0.1, 0.3, 0.5)]
    alone, members = [], []
    for seed, own in enumerate(nets):
        recipe, seeds, hyper, data = arguments(own, seed, epochs=3 + seed, patience=9)
        hyper["learning_rate"] = np.full(1, 0.01 * (seed + 1), np.float32)
        members.append((seeds, hyper, data.train.rows, data.validation.rows))
        made = compiled.compiled(recipe, seeds, hyper, data, None, np.int32(0))
        alone.append(made.chunk(made.init(seeds, hyper, data, None), data, hyper, np.int32(100)))
    seeds, hyper, train, held = jax.tree.map(lambda *leaves: np.concatenate(leaves), *members)
    data = data._replace(train=data.train._replace(rows=train), validation=data.validation._replace(rows=held))
    made = compiled.compiled(recipe, seeds, hyper, data, None, np.int32(0))
    together = made.chunk(made.init(seeds, hyper, data, None), data, hyper, np.int32(100))
    for i, one in enumerate(alone):
        same_bits(jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], together), one)
    assert len({int(step) for step in np.asarray(together[0].step)}) > 1, "members should stop at times of their own"


def test_vmapped_members_equal_the_mapped_ones_up_to_rounding():
    recipe, seeds, hyper, data = arguments()
    by = {}
    for mapping in ("map", "vmap"):
        made = compiled.compiled(dataclasses.replace(recipe, mapping=mapping), seeds, hyper, data, None, np.int32(0))
        by[mapping] = made.chunk(made.init(seeds, hyper, data, None), data, hyper, np.int32(100))
    chex.assert_trees_all_close(by["map"][0].params, by["vmap"][0].params, rtol=1e-4, atol=1e-5)


def test_numbers_recompile_nothing_and_two_rates_keep_their_own():
    x, y = table()
    before = compiled._compile.cache_info().misses
    runs = {}
    for rate, step, strength, epochs in [(0.1, 0.01, 1e-3, 30), (0.9, 0.02, 1e-2, 40), (0.1, 0.01, 1e-3, 30)]:
        net = nn.Chain(nn.Dense(7), nn.relu, nn.Dropout(rate), nn.Dense(3))
        runs[rate] = nn.fit(
            net, (x, y), LOSS, learning_rate=step, penalties=[nn.penalties.l2(strength)], epochs=epochs, key=epochs
        )
        assert float(runs[rate].state["dropout_0"]["rate"]) == pytest.approx(rate)
    assert compiled._compile.cache_info().misses == before + 1
    assert runs[0.1].history["loss"][29] < runs[0.9].history["loss"][29]  # nine of ten units dropped learn little


def test_what_is_not_asked_for_is_not_in_the_program():

    assert arguments(validation=None)[3].validation is None
    recipe, seeds, hyper, data = arguments(nn.Chain(nn.Dense(3)), validation=None)
    now = jax.eval_shape(lambda *a: program.init_members(recipe, *a), seeds, hyper, data, None)
    assert now.best is None and now.patience is None and now.state == {}


@pytest.mark.parametrize("rows", [1, 2, 1500])
def test_evaluation_in_pieces_equals_evaluation_at_once(rows, monkeypatch):
    x, y = table(rows)
    weight = np.linspace(0.0, 2.0, rows).astype(np.float32) + 0.1
    recipe = arguments()[0]
    params, state = NET.init(jax.random.key(0), jax.ShapeDtypeStruct((4,), jnp.float32))
    data = program.Rows(jnp.asarray(x), jnp.asarray(y), jnp.asarray(weight), jnp.arange(rows))
    measured = jax.jit(partial(program.evaluate, NET, LOSS, recipe.metrics))(params, state, data)
    outputs = NET.apply(params, state, x)[0]
    losses = optax.softmax_cross_entropy_with_integer_labels(outputs, y)
    assert float(measured["loss"]) == pytest.approx(np.average(losses, weights=weight), rel=1e-5)
    hits = np.argmax(outputs, axis=-1) == y
    assert float(measured["accuracy"]) == pytest.approx(np.average(hits, weights=weight), rel=1e-5)
