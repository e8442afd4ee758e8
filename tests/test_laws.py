"""The laws that every layer obeys (the contract, jaxnn/layers/base.py), over the table of cases."""

import importlib
import importlib.util
import os
from functools import lru_cache, partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from cases import CASES, KINDS, LAYERS, Case
from jaxnn import backprop, layers
from jaxnn.layers.base import Layer, memory, step, walk
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_layer = pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
# rows of a kind differ in their formula: laws on keys, states, members and tracing are held by the first of each
each_kind = pytest.mark.parametrize("case", KINDS, ids=lambda case: case.name)
close = {"rtol": 2e-6, "atol": 1e-6}


def train(case: Case):
    """apply while training, as a function of arrays alone."""
    return lambda params, state, x, key: case.layer.apply(params, state, x, train=True, key=key)


@lru_cache(None)
def weights(case: Case):
    """Parameters and state, drawn once for all laws."""
    return jit(lambda key: case.layer.init(key, case.example()))(jax.random.key(20260901))


def weights64(case: Case):
    """The same in float64."""
    with jax.enable_x64(False):
        drawn = weights(case)
    wanted = jax.eval_shape(lambda: case.layer.init(jax.random.key(0), case.example(jnp.float64)))
    return jax.tree.map(lambda leaf, like: np.asarray(leaf, like.dtype), drawn, wanted)


@lru_cache(None)
def training(case: Case):
    """apply while training, compiled once for all laws that give it a batch of 5."""
    return jit(train(case))


@lru_cache(None)
def applied(case: Case):
    """apply with `train=False`, compiled."""
    return jit(lambda params, state, x, mask=None: case.layer.apply(params, state, x, mask=mask)[0])


def test_every_exported_layer_is_in_the_table():
    exported = {getattr(layers, name) for name in layers.__all__}
    kinds = {kind for kind in exported if isinstance(kind, type) and hasattr(kind, "apply") and kind is not Layer}
    inside = {type(layer) for case in LAYERS for _, layer in walk(case.layer)}
    # what is tied has no parameters but in a Chain
    assert kinds - {nn.Tied} == {type(case.layer) for case in LAYERS} and nn.Tied in inside


@each_case
def test_prints_as_the_call_that_makes_it(case, getkey):
    if case.name == "activation of one's own":
        return
    names = {name: getattr(nn, name) for name in nn.__all__} | vars(nn.initializers) | {"step": nn.activations.Step()}
    names |= nn.activations.ACTIVATIONS
    again = eval(repr(case.layer), names)  # noqa: S307 (our own text)
    again = again if isinstance(again, Layer) else nn.Activation(again)
    assert again == case.layer and hash(again) == hash(case.layer) and repr(again) == repr(case.layer)


@each_kind
def test_law_1_jit_equals_eager(case, getkey):
    params, state = weights(case)
    x, key = case.batch(getkey(), 5), getkey()
    chex.assert_trees_all_close(training(case)(params, state, x, key), train(case)(params, state, x, key), **close)


@each_case
def test_law_2_batch_equals_vmap_over_examples(case, getkey):
    params, state = weights(case)
    x = case.batch(getkey(), 2, 3)
    y = applied(case)(params, state, x)
    one = jit(jax.vmap(jax.vmap(lambda example: case.layer.apply(params, state, example)[0])))
    chex.assert_trees_all_close(one(x), y, **close)


@each_kind
def test_law_3_vmap_over_members_equals_a_loop(case, getkey):
    keys = jax.random.split(getkey(), 3)
    members = jit(jax.vmap(lambda key: case.layer.init(key, case.example())))(keys)
    x, noise = case.batch(getkey(), 3, 5), jax.random.split(getkey(), 3)
    together = jit(jax.vmap(train(case)))(*members, x, noise)
    one = training(case)
    for i in range(3):
        alone = one(*_member(members, i), np.asarray(x)[i], noise[i])
        chex.assert_trees_all_close(_member(together, i), alone, **close)


def _member(tree, i):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[i], tree)


@each_kind
def test_law_4_without_train_the_key_is_ignored_and_the_state_unchanged(case, getkey):
    params, state = weights(case)
    x = case.batch(getkey(), 5)

    @jit
    def both(x, key):
        return case.layer.apply(params, state, x), case.layer.apply(params, state, x, key=key)[0]

    (y, after), again = both(x, getkey())
    chex.assert_trees_all_equal(y, again)
    chex.assert_trees_all_equal(after, state)


@each_kind
def test_law_5_the_state_keeps_its_structure(case, getkey):
    params, state = weights(case)
    _, after = training(case)(params, state, case.batch(getkey(), 5), getkey())
    chex.assert_trees_all_equal_structs(after, state)
    chex.assert_trees_all_equal_shapes_and_dtypes(after, state)


@each_layer
def test_law_6_a_masked_padded_batch_equals_the_short_one(case, getkey):
    params, state = weights(case)
    x, key = case.batch(getkey(), 8), getkey()
    masked = jit(lambda x, mask: case.layer.apply(params, state, x, train=True, key=key, mask=mask))
    y, after = masked(x, np.arange(8) < 5)
    short, short_after = training(case)(params, state, x[:5], key)
    chex.assert_trees_all_close(y[:5], short, **close)
    chex.assert_trees_all_close(after, short_after, **close)


@pytest.mark.parametrize("case", [case for case in CASES if case.time], ids=lambda case: case.name)
def test_law_6_masked_padded_sequences_equal_the_short_ones(case, getkey):
    params, state = weights(case)
    x, long = case.batch(getkey(), 3), case.shape[0]
    lengths = np.array([long, 2, 1])
    apply = applied(case)
    y = apply(params, state, x, np.arange(long) < lengths[:, None])
    for i, length in enumerate(lengths):
        alone = apply(params, state, x[i, :length])
        kept = y[i, :length] if y.ndim == x.ndim + case.integer and alone.shape[0] == length else y[i]
        chex.assert_trees_all_close(kept, alone, **close)


@each_kind
def test_law_7_init_depends_on_key_shape_and_dtype_alone(case, getkey):
    both = jit(lambda key, x: (case.layer.init(key, case.example()), case.layer.init(key, x)))
    key = getkey()
    (by_shape, by_values), (again, by_others) = (both(key, case.batch(getkey())) for _ in range(2))
    for other in (by_values, again, by_others):
        chex.assert_trees_all_equal(other, by_shape)


@each_case
def test_law_8_the_gradient_equals_central_differences_and_the_rule_by_hand(case, getkey, x64):
    params, state = weights64(case)
    x, noise = case.batch(getkey(), 3, dtype=jnp.float64), getkey()
    # the state is held (a dropout rate moves a threshold, which has no derivative), and so are whole numbers
    inputs = (params,) if case.integer else (params, x)

    def outputs(*moved):
        return case.layer.apply(moved[0], state, *(moved[1:] or (x,)), train=True, key=noise)[0]

    cotangent = np.random.default_rng(9).normal(size=jax.eval_shape(outputs, *inputs).shape)

    @jit
    def both(*inputs):  # in one program, which is compiled once
        y, pull = jax.vjp(outputs, *inputs)
        pulled = by_hand = pull(cotangent)
        if case.name != "activation of one's own":  # its rule is its author's
            given = inputs if len(inputs) == 2 else (*inputs, x)
            by_hand = backprop.pullback(case.layer, given[0], state, given[1], train=True, key=noise)[2](cotangent)
        return jnp.vdot(cotangent, y), pulled, by_hand[: len(inputs)]

    _, pulled, by_hand = both(*inputs)
    chex.assert_trees_all_close(tuple(by_hand), pulled, rtol=1e-9, atol=1e-11)
    for i in range(3):
        step = jax.tree.map(partial(_direction, np.random.default_rng(i)), inputs)
        rise = both(*_moved(inputs, step, 1e-6))[0] - both(*_moved(inputs, step, -1e-6))[0]
        exact = sum(jax.tree.leaves(jax.tree.map(np.vdot, pulled, step)))
        np.testing.assert_allclose(rise / 2e-6, exact, rtol=1e-6, atol=1e-8)


def _direction(random, leaf):
    return random.normal(size=leaf.shape)


def _moved(inputs, step, length):
    return jax.tree.map(lambda leaf, d: np.asarray(leaf) + length * d, inputs, step)


@each_case
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_law_9_the_dtype_of_the_example_is_that_of_parameters_and_output(case, dtype, getkey):
    with jax.enable_x64(dtype == "float64"):
        key, dtype = jax.random.key(0), jnp.dtype(dtype)
        params, state = jax.eval_shape(lambda k: case.layer.init(k, case.example(dtype)), key)
        x = jax.ShapeDtypeStruct((5, *case.shape), case.example(dtype).dtype)
        y, _ = jax.eval_shape(train(case), params, state, x, key)
        needed = jnp.result_type(float) if case.integer else dtype
    assert y.dtype == needed and all(leaf.dtype == needed for leaf in jax.tree.leaves(params))


@each_kind
def test_law_9_one_trace_for_each_shape_and_forward_mode(case, getkey):
    params, state = weights(case)
    key, traces = getkey(), []

    @jit
    def traced(*arguments):
        traces.append(1)
        return train(case)(*arguments)

    for _ in range(2):
        traced(params, state, case.batch(getkey(), 5), key)
    assert len(traces) == 1
    if case.integer:
        return
    x, tangent, cotangent = (case.batch(getkey(), 5) for _ in range(3))

    def forward(x):
        return case.layer.apply(params, state, x, train=True, key=key)[0]

    @jit
    def both(x, tangent, cotangent):
        pushed, (pulled,) = jax.jvp(forward, (x,), (tangent,))[1], jax.vjp(forward, x)[1](cotangent)
        return jnp.vdot(cotangent, pushed), jnp.vdot(pulled, tangent)

    cotangent = jnp.asarray(np.resize(cotangent, jax.eval_shape(forward, x).shape))
    np.testing.assert_allclose(*both(x, tangent, cotangent), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", [case for case in CASES if case.flax], ids=lambda case: case.name)
def test_law_10_values_agree_with_flax(case, getkey):
    params, state = weights(case)
    x = case.batch(getkey(), 5)
    chex.assert_trees_all_close(applied(case)(params, state, x), jit(case.flax)(params, state, x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case.torch], ids=lambda case: case.name)
def test_law_10_values_agree_with_pytorch(case, getkey):
    if importlib.util.find_spec("torch") is None and "torch" not in os.environ.get("JAXNN_TESTS_NEED", ""):
        pytest.skip("PyTorch is not installed: pip install torch==2.13.0")
    torch = importlib.import_module("torch")
    params, state = weights(case)
    x = case.batch(getkey(), 5)
    tensors = jax.tree.map(lambda leaf: torch.tensor(np.asarray(leaf)), (params, state, x))
    np.testing.assert_allclose(applied(case)(params, state, x), case.torch(*tensors), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if case.time], ids=lambda case: case.name)
def test_law_11_step_over_time_equals_apply_on_the_sequence(case, getkey):
    params, state = weights(case)
    x = case.batch(getkey(), 2, 3)
    known = memory(case.layer, params, state, (2, 3))
    if _whole_only(case.layer):
        with pytest.raises(nn.JaxnnError, match="whole"):
            step(case.layer, params, state, known, x[:, :, 0])
        return
    whole = applied(case)(params, state, x)
    one = jit(lambda known, x: step(case.layer, params, state, known, x))
    outputs = []
    for time in range(case.shape[0]):
        y, after = one(known, x[:, :, time])
        chex.assert_trees_all_equal_shapes_and_dtypes(after, known)
        outputs.append(y)
        known = after
    kept = jnp.stack(outputs, axis=2)
    chex.assert_trees_all_close(kept if whole.ndim == kept.ndim else outputs[-1], whole, **close)


def _whole_only(layer):
    return any(getattr(inside, "step", 0) is None for _, inside in walk(layer))
