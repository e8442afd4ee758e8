"""Logistic and softmax regression: rows N11-N14 and O04-O06, errata E05 and E28."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

ROWS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)
AND, XOR = np.array([0, 0, 0, 1]), np.array([0, 1, 1, 0])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def model(random, features, outputs):
    return {
        "dense_0": {
            "kernel": jnp.asarray(random.normal(size=(features, outputs))),
            "bias": jnp.asarray(random.normal(size=outputs)),
        }
    }


def zeros(features, outputs):
    return {"dense_0": {"kernel": jnp.zeros((features, outputs)), "bias": jnp.zeros(outputs)}}


def weights(params):
    return neurons.extended_weights(params["dense_0"])


@pytest.mark.course("N11")
def test_the_sigmoid_makes_a_probability_of_any_activation(x64):
    assert nn.sigmoid(0.0) == 0.5
    assert nn.sigmoid(40.0) > 1 - 1e-15
    assert nn.sigmoid(-40.0) < 1e-15
    assert (np.diff(nn.sigmoid(np.linspace(-30, 30, 601))) > 0).all()
    values, slopes = jax.vmap(jax.value_and_grad(nn.sigmoid))(jnp.array([-1000.0, 1000.0]))
    assert values.tolist() == [0, 1] and slopes.tolist() == [0, 0]


@pytest.mark.course("N12")
def test_the_likelihood_and_its_gradient_are_those_of_the_formula(x64):
    random = np.random.default_rng(0)
    x, y, params = random.normal(size=(30, 3)), random.integers(0, 2, 30), model(random, 3, 1)
    p = sigmoid(x @ np.asarray(params["dense_0"]["kernel"])[:, 0] + float(params["dense_0"]["bias"][0]))
    assert float(neurons.log_likelihood(params, x, y)) == pytest.approx(np.log(np.where(y, p, 1 - p)).sum(), rel=1e-13)
    by_hand = np.column_stack([np.ones(30), x]).T @ (y - p)
    for gradient in (neurons.likelihood_gradient(params, x, y), jax.grad(neurons.log_likelihood)(params, x, y)):
        np.testing.assert_allclose(weights(gradient)[:, 0], by_hand, rtol=0, atol=1e-13)
    assert float(neurons.log_likelihood(zeros(2, 1), ROWS, AND)) == pytest.approx(-2.772588722, abs=1e-9)


@pytest.mark.course("N12")
def test_on_xor_nothing_is_better_than_a_half():
    gradient = neurons.likelihood_gradient(zeros(2, 1), ROWS, XOR)
    assert weights(gradient).tolist() == [[0], [0], [0]]  # and the likelihood is concave
    away = ({"dense_0": {"kernel": jnp.array([[2.0], [-1.0]]), "bias": jnp.array([0.5])}}, {})
    net = nn.Chain(nn.Dense(1, kernel_init=nn.initializers.Zeros()))
    run = nn.fit(
        net, (ROWS.astype(np.float32), XOR.astype(np.float32)), nn.losses.sigmoid_cross_entropy, optimizer="sgd",
        learning_rate=2.0, batch_size=4, epochs=500, start=away,
    )  # fmt: skip
    np.testing.assert_allclose(sigmoid(run.logits(ROWS)), 0.5, rtol=0, atol=1e-6)
    assert -float(neurons.log_likelihood(run.params, ROWS, XOR)) == pytest.approx(2.772588722, abs=1e-6)


@pytest.mark.course("N12")
def test_separable_classes_have_no_best_weights():
    likelihoods, lengths = [], []
    for epochs in (100, 1000, 10000):
        run = neurons.logistic_regression(ROWS, AND, learning_rate=1.0, epochs=epochs)
        likelihoods.append(float(neurons.log_likelihood(run.params, ROWS, AND)))
        lengths.append(float(jnp.linalg.norm(weights(run.params))))
    assert likelihoods[0] < likelihoods[1] < likelihoods[2] < 0 and likelihoods[2] > -0.01
    assert lengths[1] > lengths[0] + 3 and lengths[2] > lengths[1] + 3


def test_e05_labels_of_minus_1_do_not_go_into_the_formula_for_0_and_1(x64):
    at_2 = {"dense_0": {"kernel": jnp.array([[2.0]]), "bias": jnp.zeros(1)}}
    p = sigmoid(2.0)
    right = np.log(1 - p)  # the other class, whatever its label is called
    printed = -1 * np.log(p) + (1 - -1) * np.log(1 - p)  # y log p + (1 - y) log (1 - p) at y = -1
    assert (right, printed) == pytest.approx((-2.1269280110, -4.1269280110), abs=1e-3) and printed < right - 1.9
    for label in (0, -1):
        assert float(neurons.log_likelihood(at_2, [[1.0]], [label])) == pytest.approx(right, rel=1e-14)
    assert right == pytest.approx(np.log(sigmoid(-1 * 2.0)), rel=1e-14)  # sigma(y w.x)
    assert weights(neurons.likelihood_gradient(at_2, [[1.0]], [-1]))[1, 0] == pytest.approx(-p)  # not -1 - p


def test_e28_a_signed_difference_is_no_loss():
    y = np.array([0.0, 1.0])
    wrong, right = np.array([1.0, 0.0]), y
    assert (y - wrong).sum() == (y - right).sum() == 0  # all wrong looks as good as all right
    ours = [float(nn.losses.binary_cross_entropy(a[:, None], y).sum()) for a in (wrong, right)]
    assert ours[0] == pytest.approx(2 * 16.1181, abs=1e-3) and ours[1] == pytest.approx(0, abs=1e-6)


@pytest.mark.course("N13")
def test_softmax_regression_gives_probabilities_of_classes_with_straight_borders(x64):
    random = np.random.default_rng(1)
    params, x, y = model(random, 2, 3), random.normal(size=(200, 2)), random.integers(0, 3, 200)
    z = np.asarray(nn.Chain(nn.Dense(3)).apply(params, {}, jnp.asarray(x))[0])
    p = np.asarray(nn.softmax(z))
    np.testing.assert_allclose(p, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), rtol=1e-13)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(p.argmax(axis=1), z.argmax(axis=1))
    own = p[np.arange(200), y]
    assert float(neurons.log_likelihood(params, x, y)) == pytest.approx(np.log(own).sum(), rel=1e-13)
    rest = np.eye(3)[y] - p
    by_hand = np.column_stack([np.ones(200), x]).T @ rest
    for gradient in (neurons.likelihood_gradient(params, x, y), jax.grad(neurons.log_likelihood)(params, x, y)):
        np.testing.assert_allclose(weights(gradient), by_hand, rtol=0, atol=1e-12)

    # K = 2 is the logistic model of the difference of the weights
    two = model(random, 2, 2)
    difference = jax.tree.map(lambda leaf: leaf[..., 1:] - leaf[..., :1], two)
    labels = y % 2
    assert float(neurons.log_likelihood(two, x, labels)) == pytest.approx(
        float(neurons.log_likelihood(difference, x, labels)), rel=1e-13
    )

    # on the way from a point of one class to one of another, the class changes where the two largest scores are equal
    w, called = np.asarray(weights(params)), p.argmax(axis=1)
    for a, b in itertools.pairwise(range(40)):
        if called[a] != called[b]:
            along = np.linspace(0, 1, 2001)[:, None] * (x[b] - x[a]) + x[a]
            scores = np.column_stack([np.ones(2001), along]) @ w
            changes = np.flatnonzero(np.diff(scores.argmax(axis=1)))
            best = np.sort(scores[changes], axis=1)
            assert 1 <= len(changes) <= 2 and (best[:, -1] - best[:, -2]).max() < 0.02


@pytest.mark.course("N14")
def test_softmax_regression_is_a_network_without_hidden_layers():
    random = np.random.default_rng(2)
    x, y = random.normal(size=(20, 4)).astype(np.float32), random.integers(0, 3, 20)
    net, params = nn.models.mlp((), 3), jax.tree.map(np.float32, model(random, 4, 3))

    def loss(p):
        return jnp.sum(nn.losses.softmax_cross_entropy(net.apply(p, {}, x)[0], y))

    network = jit(jax.value_and_grad(loss))(params)
    regression = jit(jax.value_and_grad(lambda p: -neurons.log_likelihood(p, x, y)))(params)
    assert jax.tree.all(jax.tree.map(np.array_equal, network, regression))
    run = neurons.softmax_regression(x, y, learning_rate=0.01, epochs=1)
    step = neurons.likelihood_gradient(zeros(4, 3), x, y)
    np.testing.assert_allclose(weights(run.params), 0.01 * weights(step), rtol=1e-5, atol=1e-7)


@pytest.mark.course("O04", "O06")
def test_one_batch_step_from_0_is_the_rate_times_the_gradient(x64):
    random = np.random.default_rng(4)
    x, y = random.normal(size=(12, 2)), random.integers(0, 2, 12)
    step = 0.1 * np.column_stack([np.ones(12), x]).T @ (y - 0.5)
    for size in (None, 12):
        run = neurons.logistic_regression(x, y, learning_rate=0.1, epochs=1, batch_size=size)
        np.testing.assert_allclose(weights(run.params)[:, 0], step, rtol=0, atol=1e-14)
    mean = neurons.logistic_regression(x, y, learning_rate=0.1, epochs=1, reduction="mean")
    np.testing.assert_allclose(weights(mean.params)[:, 0], step / 12, rtol=0, atol=1e-14)
    # steps so small that the weights stay near 0: the mini-batches of an epoch have the terms of the whole sum
    small = neurons.logistic_regression(x, y, learning_rate=1e-8, epochs=1, batch_size=4)
    assert small.steps == 3
    np.testing.assert_allclose(weights(small.params)[:, 0] / 1e-8, step / 0.1, rtol=0, atol=1e-6)


@pytest.mark.course("O05", "O06")
def test_stochastic_steps_take_one_example_at_a_time_and_on_average_the_batch_gradient(x64):
    random = np.random.default_rng(5)
    x, y, params = random.normal(size=(6, 2)), random.integers(0, 2, 6), model(random, 2, 1)
    each = [weights(neurons.likelihood_gradient(params, x[j : j + 1], y[j : j + 1])) for j in range(6)]
    whole = weights(neurons.likelihood_gradient(params, x, y))
    np.testing.assert_allclose(6 * np.mean(each, axis=0), whole, rtol=0, atol=1e-10)

    x, y = x[:3], np.array([0, 1, 1])
    orders = []
    for order in itertools.permutations(range(3)):
        w = np.zeros(3)
        for j in order:
            row = np.r_[1, x[j]]
            w = w + 0.7 * (y[j] - sigmoid(w @ row)) * row
        orders.append(w)
    ends = [
        weights(neurons.logistic_regression(x, y, learning_rate=0.7, epochs=1, batch_size=1, key=key).params)[:, 0]
        for key in range(4)
    ]
    distances = np.abs(np.array(ends)[:, None] - np.array(orders)).max(axis=-1)
    assert distances.min(axis=1).max() < 1e-14
    assert len(set(distances.argmin(axis=1))) > 1  # not always the same order


def test_what_does_not_fit_is_refused():
    with pytest.raises(nn.JaxnnError, match="y: got the labels 1, 2; needed -1 and"):
        neurons.logistic_regression(ROWS, [1, 2, 2, 2], learning_rate=0.1, epochs=1)
    with pytest.raises(nn.JaxnnError, match="batch_size: got 3 for 4 examples; needed a size that divides them"):
        neurons.logistic_regression(ROWS, AND, learning_rate=0.1, epochs=1, batch_size=3)
    with pytest.raises(nn.JaxnnError, match="reduction: got 'Sum'"):
        neurons.logistic_regression(ROWS, AND, learning_rate=0.1, epochs=1, reduction="Sum")
    with pytest.raises(nn.JaxnnError, match="learning_rate: got -1"):
        neurons.logistic_regression(ROWS, AND, learning_rate=-1, epochs=1)
    with pytest.raises(nn.JaxnnError, match="got the label 2 in row 3; needed labels from 0 to 1"):
        neurons.softmax_regression(ROWS, [0, 0, 1, 2], learning_rate=0.1, epochs=1, classes=2)
