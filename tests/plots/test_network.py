"""The picture of a traced network: an edge for each weight, and the numbers of the trace beside it."""

from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.backprop.trace import trace
from jaxnn.plots.network import network, not_drawn, page


def traced(net, inputs, loss=nn.losses.softmax_cross_entropy, targets=None, examples=2, **how):
    """A trace of a network with weights from NumPy, compiled once."""
    rng = np.random.default_rng(3)
    shapes = jax.eval_shape(lambda key: net.init(key, jnp.zeros(inputs)), jax.random.key(0))
    params, state = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype("float32"), shapes)
    x = rng.normal(size=(examples, *np.atleast_1d(inputs))).astype("float32")
    y = np.arange(examples) % 2 if targets is None else targets
    return jax.device_get(jax.jit(lambda *given: trace(net, loss, *given, **how))(params, state, x, y))


def elements(svg):
    return ElementTree.fromstring(svg)


def said(svg):
    """Every text, and what is shown while the pointer rests on something."""
    texts = ["".join(one.itertext()) if len(one) == 0 else one[0].tail for one in elements(svg).iter("text")]
    return texts, [one.text for one in elements(svg).iter("title")]


def test_the_largest_network_that_is_drawn_has_an_edge_for_each_weight():
    done = traced(nn.Chain(nn.Dense(8), nn.tanh, nn.Dropout(0.2), nn.Dense(8)), 8, learning_rate=0.1)
    svg = network(done)
    edges = [one for one in elements(svg).iter("path") if one.get("class", "").startswith("edge")]
    assert len(edges) == 8 * 8 + 8 * 8 + 8  # and one from each output to the error
    minus = sum("minus" in one.get("class") for one in edges)
    assert minus == sum(int((own["kernel"] < 0).sum()) for own in (done["dense_0"].params, done["dense_1"].params))
    width = float(elements(svg).get("width"))
    assert all(0 <= float(one.get("x")) <= width for one in elements(svg).iter("text"))
    assert min(len(text) for text in said(svg)[0]) > 0


def test_numbers_at_units_and_edges_are_those_of_the_trace():
    done = traced(
        nn.Chain(nn.Dense(2), nn.tanh, nn.Dense(1)), 3, nn.losses.half_squared_error, np.ones((2, 1), "float32"),
        learning_rate=0.5,
    )  # fmt: skip
    for example in (0, 1):
        texts, titles = said(network(done, example))
        for path, values in (("dense_0", "y"), ("activation_0", "y"), ("activation_0", "slope"), ("dense_1", "dy")):
            for value in np.asarray(getattr(done[path], values))[example]:
                assert f"{value:.5g}".replace("-", "−") in texts
    kernel, grads = done["dense_0"].params["kernel"], done["dense_0"].grads["kernel"]
    after = done["dense_0"].new_params["kernel"]
    numbers = (f"{n:.6g}".replace("-", "−") for n in map(float, (kernel[2, 1], grads[2, 1], after[2, 1])))
    w, slope, new = numbers
    assert f"from x3 to unit 2: w = {w}, dE/dw = {slope}, new w = {new}" in titles


@pytest.mark.parametrize(
    ("net", "inputs", "why"),
    [
        (nn.Chain(nn.Dense(11)), 3, "Not drawn: dense_0 has 11 units, and a picture has room for 10 in a layer."),
        (nn.Chain(nn.Conv(2, 3), nn.Flatten(3), nn.Dense(2)), (6, 6, 1), "Not drawn: conv_0 is no layer of single"),
        (nn.Chain(nn.Residual(nn.Dense(3)), nn.Dense(2)), 3, "Not drawn: residual_0/layer is no layer of single"),
        (nn.Chain(*[nn.Dense(2)] * 7), 3, "Not drawn: 7 layers, and a picture has room for 6."),
    ],
)
def test_other_networks_are_a_table_alone(net, inputs, why):
    done = traced(net, inputs)
    assert not_drawn(done).startswith(why)
    assert network(done) == ""
    text = page(done, "a < b")
    assert why in text and "<svg" not in text and "BACKWARD PASS" in text and "<title>a &lt; b</title>" in text
