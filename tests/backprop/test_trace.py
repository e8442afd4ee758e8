"""A trace has every number of a pass under its name, is a pytree, and is written as a table."""

import operator
import re
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from cases import LAYERS
from jaxnn import losses
from jaxnn.backprop.trace import trace
from jaxnn.layers.graph import edges, nodes
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

NET = nn.Chain(nn.Dense(4), nn.tanh, nn.Dropout(0.3), nn.Dense(2))
LOSS = losses.softmax_cross_entropy


def drawn(net, key, shape):
    """Parameters and state of the shapes of `init`, drawn by NumPy, which compiles nothing."""
    rng = np.random.default_rng(5)
    shapes = jax.eval_shape(lambda key: net.init(key, jnp.zeros(shape)), key)
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(leaf.dtype), shapes)


def batch(seed=0, examples=3, inputs=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(examples, inputs)).astype(jnp.zeros(()).dtype), rng.integers(0, 2, examples)


def traced(net, loss, *given, **how):
    """What `trace` returns, by one compiled program; its arrays in NumPy."""
    return jax.device_get(jit(partial(trace, net, loss, **how))(*given))


def test_a_trace_is_what_autodiff_says_of_every_intermediate(getkey, x64):
    """Every dE/dy is the derivative of the mean loss by something added to y."""
    (params, state), (x, y), key = drawn(NET, getkey(), 5), batch(), getkey()
    weight, how = np.array([1.0, 2.0, 0.5]), {"train": True, "key": key}
    done = traced(NET, LOSS, params, state, x, y, learning_rate=0.1, weight=weight, **how)

    def error(added):
        def child(name, layer, params, state, x, **how):
            y, after = layer.apply(params, state, x, **how)
            return y + added[name], after

        *_, (_, outputs, _) = NET.run(params, state, x, mask=None, child=child, **how)
        return (weight * LOSS(outputs, y)).sum() / weight.sum()

    names = [one.path for one in done.layers]
    assert names == ["dense_0", "activation_0", "dropout_0", "dense_1"]
    slopes = jit(jax.grad(error))({one.path: np.zeros_like(one.y) for one in done.layers})
    outputs = jit(partial(NET.outputs, **how))(params, state, x)
    for one in done.layers:
        np.testing.assert_allclose(one.y, outputs[one.path], rtol=1e-12)
        np.testing.assert_allclose(one.dy, slopes[one.path], rtol=1e-9, atol=1e-12)
    for before, after in zip(done.layers, done.layers[1:], strict=False):
        np.testing.assert_array_equal(before.y, after.x)
        np.testing.assert_array_equal(before.dy, after.dx)
    np.testing.assert_allclose(done["activation_0"].slope, 1 - np.tanh(done["dense_0"].y) ** 2, atol=1e-12)

    def objective(params):
        return (weight * LOSS(NET.apply(params, state, x, **how)[0], y)).sum() / weight.sum()

    grads = jit(jax.grad(objective))(params)
    chex.assert_trees_all_close(done.grads, grads, rtol=1e-9, atol=1e-12)
    chex.assert_trees_all_close(done.new_params, jax.tree.map(lambda w, g: w - 0.1 * g, params, grads), rtol=1e-9)
    chex.assert_trees_all_equal({one.path: one.new_params for one in done.layers if one.params}, done.new_params)
    np.testing.assert_allclose(done.losses, LOSS(done.outputs, y), rtol=1e-12)
    np.testing.assert_allclose(done.value, (weight * done.losses).sum() / 3.5, rtol=1e-12)


def test_a_trace_is_a_pytree_under_jit_and_vmap(getkey):
    params, state = drawn(NET, getkey(), 5)
    members = jax.tree.map(lambda leaf: np.stack([leaf, leaf - 0.5]), (params, state))
    x, y = batch()
    run = jit(partial(trace, NET, LOSS))
    every = jit(jax.vmap(partial(trace, NET, LOSS), in_axes=(0, 0, None, None)))(*members, x, y)
    for i in range(2):
        alone = run(*jax.tree.map(operator.itemgetter(i), members), x, y)
        assert jax.tree.structure(alone) == jax.tree.structure(every)
        chex.assert_trees_all_close(jax.tree.map(operator.itemgetter(i), every), alone, rtol=1e-5, atol=1e-6)
    assert alone.updates is alone.new_params is None
    assert [one.path for one in every.layers] == ["dense_0", "activation_0", "dropout_0", "dense_1"]
    assert re.search(rf"E +error: their mean +{every.value[0]:.6f} +{every.value[1]:.6f}\n", str(every))


def test_names_of_the_board(getkey):
    params, state = drawn(NET, getkey(), 5)
    x, y = batch()
    named = traced(NET, LOSS, params, state, x, y, learning_rate=0.1).named()
    dense = ["x", "w", "b", "z", "delta", "dE/dw", "dE/db", "-eta dE/dw", "-eta dE/db", "w new", "b new", "dE/dx"]
    assert {path: list(numbers) for path, numbers in named.items()} == {
        "dense_0": dense,
        "activation_0": ["a", "dE/da", "da/dz", "dE/dz"],
        "dropout_0": ["x", "y", "dE/dy", "dE/dx"],
        "dense_1": dense,
        "loss": ["t", "L", "E", "dE/dy"],
    }
    np.testing.assert_array_equal(named["dense_0"]["delta"], named["activation_0"]["dE/dz"])


def test_softmax_has_the_matrix_of_its_derivatives(x64):
    z = jnp.array([[0.5, -1.0, 2.0]])
    done = traced(nn.Chain(nn.softmax), losses.categorical_cross_entropy, {}, {}, z, jnp.array([2]))
    p = np.asarray(done.outputs)[0]
    np.testing.assert_allclose(done["activation_0"].slope[0], np.diag(p) - np.outer(p, p), rtol=1e-12)
    assert done["activation_0"].slope.shape == (1, 3, 3)


def test_layers_inside_layers_and_a_layer_by_itself(getkey):
    net = nn.Chain(
        nn.Residual(nn.Chain(nn.Dense(5), nn.relu)), ("last", nn.Dense(5)), nn.Tied("last", nn.Dense(5)),
        nn.Frozen(nn.Dense(2)),
    )  # fmt: skip
    params, state = drawn(net, getkey(), 5)
    x, y = batch()
    done = traced(net, LOSS, params, state, x, y, learning_rate=0.5)
    assert [(one.path, one.number) for one in done.layers] == [
        ("residual_0/layer/dense_0", 1), ("residual_0/layer/activation_0", 1), ("residual_0/shortcut", 1),
        ("last", 2), ("tied_0/layer", 3), ("frozen_0/layer", 4),
    ]  # fmt: skip
    chex.assert_trees_all_equal(done["last"].new_params, done.new_params["last"])
    both = jax.tree.map(jnp.add, done["last"].grads, done["tied_0/layer"].grads)  # what both uses teach
    chex.assert_trees_all_close(both, done.grads["last"], rtol=1e-5)
    frozen = done["frozen_0/layer"]
    assert frozen.updates == frozen.new_params == {}  # its weights are no parameters
    alone = traced(nn.Dense(2), LOSS, frozen.params, {}, x, y, learning_rate=0.5)
    assert [one.path for one in alone.layers] == ["dense"]
    chex.assert_trees_all_equal(alone["dense"].new_params, alone.new_params)
    assert alone.new_params["kernel"].shape == (5, 2)


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_every_layer_is_traced(case):
    """Nothing that is traced inside a loop gets out of it, and the table shows what there is."""
    if case.name == "activation of one's own":
        pytest.skip("its rule is its author's")
    params, state = jax.eval_shape(lambda key: case.layer.init(key, case.example(jnp.float32)), jax.random.key(0))
    net = nn.Chain(("one", case.layer))
    x = jax.ShapeDtypeStruct((4, *case.shape), case.example(jnp.float32).dtype)
    whole = {"one": params} if params else {}, {"one": state} if state else {}
    y = jax.eval_shape(lambda p, s, x: net.apply(p, s, x)[0], *whole, x)
    said = []

    def run(params, state, x, y):
        done = trace(net, losses.half_squared_error, params, state, x, y, learning_rate=0.1)
        said.append(str(done))
        return done

    done = jax.eval_shape(run, *whole, x, y)
    assert done.outputs.shape == y.shape
    assert all(one.path.startswith("one") for one in done.layers)
    assert f"float32[{','.join(map(str, y.shape))}]" in said[0]


def printed(text):
    """What a table says of both passes: (order in the heading, numbers and names of layers in the order printed)."""
    forward, backward = text.split("BACKWARD PASS")
    orders = re.findall(r"PASS, layers? ([\d, ]+):", text)
    return orders, *(re.findall(r"^ ?(\d| )  (\w+)(?:$|:)", part, re.M) for part in (forward, backward))


@pytest.mark.course("F21")
def test_layers_are_printed_forward_1_to_l_and_backward_l_to_1(getkey):
    net = nn.Chain(nn.Dense(4), nn.relu, nn.Dense(3), nn.tanh, nn.Dense(2))
    x, y = batch()
    text = str(traced(net, LOSS, *drawn(net, getkey(), 5), x, y))
    orders, forward, backward = printed(text)
    assert orders == ["1, 2, 3", "3, 2, 1"]
    layers = [("1", "dense_0"), (" ", "activation_0"), ("2", "dense_1"), (" ", "activation_1"), ("3", "dense_2")]
    assert forward == [*layers, (" ", "error")]
    layers = [("3", "dense_2"), ("2", "activation_1"), (" ", "dense_1"), ("1", "activation_0"), (" ", "dense_0")]
    assert backward == [(" ", "error"), *layers]
    for word in ("FORWARD PASS", "BACKWARD PASS", "purpose", "mathematics", "focus"):
        assert text.count(word) == (1 if word.isupper() else 2)


def test_the_table_has_the_numbers_of_one_pass(x64):
    net = nn.Chain(nn.Dense(1), nn.sigmoid)
    params = {"dense_0": {"kernel": jnp.array([[2.0], [-1.0]]), "bias": jnp.array([0.5])}}
    done = traced(
        net, losses.half_squared_error, params, {}, jnp.array([[1.0, 2.0]]), jnp.array([[1.0]]), learning_rate=0.1
    )
    lines = [" ".join(line.split()) for line in str(done).splitlines()]
    a = 1 / (1 + np.exp(-0.5))
    delta = (a - 1) * a * (1 - a)
    for line in (
        "x input 1.000000000 2.000000000",
        "w weights 2.000000000",
        "-1.000000000",
        "z weighted sum and bias 0.500000000",
        f"a activation {a:.9f}",
        f"E error: their mean {(a - 1) ** 2 / 2:.9f}",
        f"dE/da by the activation {a - 1:.9f}",
        f"da/dz slope of the activation {a * (1 - a):.9f}",
        f"delta dE/dz {delta:.9f}",
        f"-eta dE/db update of b {-0.1 * delta:.9f}",
        f"b new b after {0.5 - 0.1 * delta:.9f}",
        f"dE/dx by the input {2 * delta:.9f} {-delta:.9f}",
    ):
        assert line in lines
    starts = {len(line) - len(line.lstrip()) for line in str(done).splitlines() if re.match(r" {6}\S", line)}
    assert starts == {6}
    assert max(map(len, str(done).splitlines())) <= 110


def test_large_arrays_are_told_by_shape_and_range(getkey):
    net = nn.Chain(nn.Dense(20))
    x, y = batch(examples=40, inputs=9)
    text = str(traced(net, LOSS, *drawn(net, getkey(), 9), x, y))
    assert re.search(r"z +weighted sum and bias +\(40, 20\): from -\d\.\d{6} to \d\.\d{6}, root mean square", text)
    assert re.search(r"t +target +\(40,\): from", text)


@pytest.mark.course("F23")
def test_a_small_change_spreads_downstream_and_nowhere_else(getkey, x64):
    """The butterfly: each activation changes by its derivative times the step; those before the weight stay."""
    net = nn.Chain(nn.Dense(6), nn.tanh, nn.Dense(5), nn.tanh, nn.Dense(4), nn.tanh)
    params, state = drawn(net, getkey(), 3)
    x = batch(examples=7, inputs=3)[0]
    outputs = partial(net.outputs, state=state, x=x)
    run = jit(outputs)
    slope = jit(lambda params, direction: jax.jvp(outputs, (params,), (direction,)))
    for name in ("dense_0", "dense_1"):
        direction = jax.tree.map(np.zeros_like, params)
        direction[name]["kernel"][1, 2] = 1.0
        before, slopes = slope(params, direction)
        after = run(jax.tree.map(lambda w, d: w + 1e-3 * d, params, direction))
        order = list(net.children())
        changes = {path: np.abs(after[path] - before[path]).max() for path in order}
        for path in order:
            np.testing.assert_allclose(after[path] - before[path], 1e-3 * slopes[path], rtol=0, atol=1e-5)
        assert all(changes[path] == 0 for path in order[: order.index(name)])  # exactly
        assert min(changes[path] for path in order[order.index(name) :]) > 1e-5  # every layer downstream feels it


@pytest.mark.course("F31")
def test_weights_are_on_the_edges_and_biases_at_the_nodes(getkey):
    net = nn.Chain(nn.Dense(4), nn.relu, nn.Chain(nn.Dense(2, use_bias=False), nn.tanh), nn.Dropout(0.1), nn.Dense(1))
    params, _ = drawn(net, getkey(), 3)
    found = edges(net, params)
    kernels = [params["dense_0"]["kernel"], params["chain_0"]["dense_0"]["kernel"], params["dense_1"]["kernel"]]
    assert len(found) == sum(kernel.size for kernel in kernels) == 3 * 4 + 4 * 2 + 2 * 1
    assert len({(edge.source, edge.target) for edge in found}) == len(found)
    for (layer, i), (after, j), weight in found:
        assert after == layer + 1
        assert weight == float(kernels[layer][i, j])
    units = nodes(net, params)
    assert set(units) == {edge.source for edge in found} | {edge.target for edge in found}
    assert [sum(layer == k for layer, _ in units) for k in range(4)] == [3, 4, 2, 1]
    biases = {(1, j): float(b) for j, b in enumerate(params["dense_0"]["bias"])}
    biases |= {(3, 0): float(params["dense_1"]["bias"][0])}
    assert {node: bias for node, bias in units.items() if bias is not None} == biases
    with pytest.raises(nn.JaxnnError, match=r"edges: got Conv\(2, 3\); needed a Chain of Dense layers"):
        edges(nn.Chain(nn.Conv(2, 3)), {})


def test_the_edges_are_the_network(getkey):
    """Running over edges and nodes one by one gives what the network gives."""
    net = nn.Chain(nn.Dense(3), nn.tanh, nn.Dense(2), nn.tanh)
    params, state = drawn(net, getkey(), 2)
    x = [0.5, -1.5]
    values = {(0, i): number for i, number in enumerate(x)}
    for layer in (1, 2):
        for node, bias in nodes(net, params).items():
            if node[0] == layer:
                total = sum(values[e.source] * e.weight for e in edges(net, params) if e.target == node)
                values[node] = np.tanh(total + bias)
    np.testing.assert_allclose([values[2, 0], values[2, 1]], net.apply(params, state, jnp.array(x))[0], rtol=1e-5)


def test_a_layer_without_a_rule_is_named():
    net = nn.Chain(nn.Dense(2), ("mine", nn.Activation(jnp.sin)))
    params, state = drawn(net, jax.random.key(0), 3)
    with pytest.raises(nn.JaxnnError, match=r"in mine: gradient by hand: sin has no rule. Register one"):
        trace(net, LOSS, params, state, jnp.ones((1, 3)), jnp.zeros(1, int))
