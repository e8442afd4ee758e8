"""What hidden units are for: rows N27-N29 and W18."""

import functools

import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons

pytestmark = pytest.mark.usefixtures("quick_compiles")

ROWS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
XOR = np.array([0, 1, 1, 0])


@functools.cache
def trained_on_xor():
    """A 2-4-1 network of sigmoids after 2000 steps: 11 of 12 keys end below 0.001, one stays where half are right."""
    net = nn.models.mlp((4,), 1, nn.sigmoid)
    return nn.fit(
        net, (ROWS, XOR), nn.losses.sigmoid_cross_entropy, learning_rate=0.05, batch_size=None, epochs=2000,
        metrics=["accuracy"],
    )  # fmt: skip


@pytest.mark.course("N28")
def test_a_perceptron_fails_where_a_network_with_a_hidden_layer_succeeds():
    alone = neurons.perceptron(ROWS, XOR, passes=1000)
    assert not alone.separated and int(alone.mistakes.min()) >= 1
    assert trained_on_xor().history["loss"][-1] < 0.01


@pytest.mark.course("N29")
@pytest.mark.parametrize(
    "net",
    [nn.Chain(nn.Dense(1)), nn.Chain(nn.Dense(4), nn.Dense(3), nn.Dense(1)), nn.Chain(nn.Dense(1), nn.sigmoid)],
    ids=["linear", "deep linear", "linear and a sigmoid"],
)
def test_without_adaptive_hidden_units_xor_stays_out_of_reach(net):
    squashed = len(net.layers) == 2
    loss = nn.losses.binary_cross_entropy if squashed else nn.losses.sigmoid_cross_entropy
    accuracy = nn.metrics.Accuracy(threshold=0.5 if squashed else 0.0)
    run = nn.fit(net, (ROWS, XOR), loss, learning_rate=0.05, batch_size=None, epochs=500, metrics=[accuracy])
    assert run.history["accuracy"].max() <= 0.75
    assert run.history["loss"].min() >= np.log(2) - 1e-6  # float32
    assert run.history["loss"][-1] == pytest.approx(np.log(2), abs=1e-4)


@pytest.mark.course("N29")
def test_with_them_xor_is_learnt():
    assert trained_on_xor().history["accuracy"][-1] == 1


@pytest.mark.course("N27")
def test_more_capacity_fits_the_examples_better_and_other_examples_not_always():
    random = np.random.default_rng(0)
    x = np.sort(random.uniform(-1, 1, (40, 1)), axis=0).astype(np.float32)
    y = (2 * x[:, 0] + random.normal(scale=0.5, size=40)).astype(np.float32)
    x, held, y, truth = x[::4], np.delete(x, np.s_[::4], 0), y[::4], np.delete(y, np.s_[::4])

    def errors(params, net=nn.Chain(nn.Dense(1))):  # noqa: B008 (layers never change)
        said = [net.apply(params, {}, of)[0][:, 0] for of in (x, held)]
        return [float(np.mean((a - to) ** 2)) for a, to in zip(said, (y, truth), strict=True)]

    constant = [float(np.mean((y.mean() - to) ** 2)) for to in (y, truth)]
    line = errors(neurons.delta_rule(x, y, learning_rate=0.05, epochs=2000).params)
    net = nn.models.mlp((30,), 1, nn.tanh)
    run = nn.fit(net, (x, y), nn.losses.squared_error, learning_rate=0.03, batch_size=None, epochs=3000)
    wide = errors(run.params, net)
    slope = np.polyfit(x[:, 0], y, 1)
    assert line[0] == pytest.approx(np.mean((np.polyval(slope, x[:, 0]) - y) ** 2), rel=1e-3)
    assert constant[0] > line[0] > 3 * wide[0]  # on the examples seen, ever better
    assert constant[1] > 1.5 * line[1] and wide[1] > 1.5 * line[1]  # on others, too little and too much


AMOUNTS = np.linspace(0, 1, 21, dtype=np.float32)[:, None]  # chocolate eaten, normalised
HAPPY = {
    "the more the better": (AMOUNTS[:, 0] > 0.52).astype(int),
    "neither too little nor too much": (np.abs(AMOUNTS[:, 0] - 0.5) < 0.22).astype(int),
}


def happiness(net, y, **settings):
    loss = nn.losses.sigmoid_cross_entropy
    return nn.fit(net, (AMOUNTS, y), loss, optimizer="sgd", batch_size=None, metrics=["accuracy"], **settings)


@pytest.mark.course("W18")
@pytest.mark.parametrize("kind", HAPPY)
def test_chocolate_makes_happy_by_way_of_a_hidden_layer(kind):
    net = nn.models.mlp((4,), 1, nn.tanh)
    small_steps = happiness(net, HAPPY[kind], learning_rate=0.05, epochs=300)
    assert (np.diff(small_steps.history["loss"]) < 0).all()
    trained = happiness(net, HAPPY[kind], learning_rate=0.5, epochs=2000)
    assert trained.history["accuracy"][-1] == 1
    # the forward pass, node by node, is that of the formulas
    seen = {name: np.asarray(values) for name, values in net.outputs(trained.params, {}, AMOUNTS).items()}
    first, last = trained.params["dense_0"], trained.params["dense_1"]
    z = AMOUNTS * np.asarray(first["kernel"]) + np.asarray(first["bias"])
    np.testing.assert_allclose(seen["dense_0"], z, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(seen["activation_0"], np.tanh(z), rtol=1e-5, atol=1e-5)
    out = np.tanh(z) @ np.asarray(last["kernel"]) + np.asarray(last["bias"])
    np.testing.assert_allclose(seen["dense_1"], out, rtol=1e-4, atol=1e-4)


@pytest.mark.course("W18")
def test_only_the_medium_amount_needs_the_hidden_layer():
    more, medium = HAPPY.values()
    assert neurons.separable(AMOUNTS, more)
    assert not neurons.separable(AMOUNTS, medium)
    # without one the best is one side of a threshold, of which there are 22
    right = [np.mean((AMOUNTS[:, 0] > cut) == medium) for cut in np.arange(-0.025, 1.05, 0.05)]
    assert max(max(right), 1 - min(right)) == 15 / 21
