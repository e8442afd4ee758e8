"""The delta rule: its limit, its largest step, and how it differs from the perceptron: rows N08-N10, erratum E20."""

import warnings

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

ROWS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)
LIMIT = 2 / 6.372281323269014  # lambda_max of the four rows is (7 + sqrt 33) / 2


def weights(run):
    return neurons.extended_weights(run.params["dense_0"])[:, 0]


def least_squares(x, y):
    return np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), np.asarray(y, float), rcond=None)[0]


def cycle(x, y, eta):
    """The weights that one round of online steps leaves where they were: the fixed point of an affine map."""
    m, c = np.eye(x.shape[1] + 1), np.zeros(x.shape[1] + 1)
    for row, target in zip(np.column_stack([np.ones(len(x)), x]), y, strict=True):
        shrink = np.eye(len(row)) - eta * np.outer(row, row)
        m, c = shrink @ m, shrink @ c + eta * target * row
    return np.linalg.solve(np.eye(len(m)) - m, c)


@pytest.mark.course("N08")
@pytest.mark.parametrize(
    ("x", "y", "end", "error"),
    [
        (ROWS, [0, 0, 0, 1], [-0.25, 0.5, 0.5], 0.25),
        (ROWS, [0, 1, 1, 1], [0.25, 0.5, 0.5], 0.25),
        (ROWS, [0, 1, 1, 0], [0.5, 0, 0], 1.0),
        (2 * ROWS - 1, [-1, 1, 1, -1], [0, 0, 0], 4.0),
    ],
    ids=["and", "or", "xor", "xor of signs"],
)
def test_the_limit_is_the_least_squares_solution(x, y, end, error, x64):
    run = neurons.delta_rule(x, y, learning_rate=0.3, epochs=2000)
    np.testing.assert_allclose(weights(run), end, rtol=0, atol=1e-9)
    np.testing.assert_allclose(weights(run), least_squares(x, y), rtol=0, atol=1e-9)
    assert float(run.errors[-1]) == pytest.approx(error, abs=1e-9)


@pytest.mark.course("N08")
def test_the_batch_rule_is_stable_below_two_over_the_largest_eigenvalue_and_not_above(x64):
    assert float(neurons.stability_limit(ROWS)) == pytest.approx(LIMIT, rel=1e-12) == pytest.approx(0.313859, abs=5e-7)
    with warnings.catch_warnings(action="error"):
        below = neurons.delta_rule(ROWS, [0, 0, 0, 1], learning_rate=0.99 * LIMIT, epochs=2000)
    with pytest.warns(UserWarning, match=r"0\.316998; the batch rule needs less than 2 / lambda_max = 0\.313859"):
        above = neurons.delta_rule(ROWS, [0, 0, 0, 1], learning_rate=1.01 * LIMIT, epochs=2000)
    assert float(below.errors[-1]) == pytest.approx(0.25, abs=1e-9)
    # along the eigenvector the error is multiplied by 1 - 1.01 * 2 = -1.02 at every step
    assert float(above.errors[-1] / above.errors[-101]) == pytest.approx(1.02**200, rel=1e-6)


def test_the_online_rule_warns_where_a_step_undoes_more_than_it_does(x64):
    assert float(neurons.stability_limit(ROWS, "online")) == pytest.approx(2 / 3)
    with pytest.warns(UserWarning, match=r"0\.7; the online rule needs less than 2 / max \|x\|\^2 = 0\.666667"):
        neurons.delta_rule(ROWS, [0, 0, 0, 1], learning_rate=0.7, epochs=1, rule="online")


def test_e20_a_constant_online_step_ends_beside_the_least_squares_solution_and_a_decaying_one_at_it(x64):
    target = [0, 0, 0, 1]
    best = least_squares(ROWS, target)
    distances = []
    for eta in (0.3, 0.1, 0.03):
        run = neurons.delta_rule(ROWS, target, learning_rate=eta, epochs=3000, rule="online")
        np.testing.assert_allclose(weights(run), cycle(ROWS, target, eta), rtol=0, atol=1e-9)
        distances.append(np.linalg.norm(weights(run) - best))
    assert 0.3 > distances[0] > distances[1] > distances[2] > 0.005
    decaying = neurons.delta_rule(ROWS, target, learning_rate=0.3, epochs=30000, rule="online", decay=0.02)
    assert np.linalg.norm(weights(decaying) - best) < 1e-3


@pytest.mark.course("N09")
def test_least_squares_misses_a_class_that_the_perceptron_separates(x64):
    x, y = np.array([[0.0], [1.0], [2.0], [3.0], [20.0]]), np.array([-1, -1, 1, 1, 1])
    squares = neurons.delta_rule(x, y, learning_rate=0.9 * float(neurons.stability_limit(x)), epochs=5000)
    b, w = weights(squares)
    assert -b / w == pytest.approx(2.2340, abs=5e-5)
    np.testing.assert_array_equal(np.sign(w * x[:, 0] + b) == y, [True, True, False, True, True])
    found = neurons.perceptron(x, y)
    assert (weights(found).tolist(), bool(found.separated)) == ([-1, 1], True)


@pytest.mark.course("N10")
@pytest.mark.parametrize("rule", ["batch", "online"])
def test_the_delta_rule_finds_a_line_from_points_on_it(rule, x64):
    x = np.linspace(-1, 1, 11)
    run = neurons.delta_rule(x[:, None], 3 * x - 2, learning_rate=0.1, epochs=500, rule=rule)
    np.testing.assert_allclose(weights(run), [-2, 3], rtol=0, atol=1e-6)


def test_batch_steps_are_those_of_fit(x64):
    x = np.random.default_rng(0).normal(size=(8, 3))
    y = x @ [1.0, -2.0, 0.5] + 0.3
    run = neurons.delta_rule(x, y, learning_rate=0.01, epochs=20)
    net = nn.Chain(nn.Dense(1, kernel_init=nn.initializers.Zeros()))
    mean = nn.fit(
        net, (x, y), nn.losses.half_squared_error, optimizer="sgd", learning_rate=0.08, batch_size=None, epochs=20
    )
    np.testing.assert_allclose(weights(run), weights(mean), rtol=0, atol=1e-12)


def test_several_outputs_and_several_rates_at_once(x64):
    targets = np.stack([[0, 0, 0, 1], [0, 1, 1, 1]], axis=1)
    both = neurons.delta_rule(ROWS, targets, learning_rate=0.3, epochs=50)
    alone = [neurons.delta_rule(ROWS, column, learning_rate=0.3, epochs=50) for column in targets.T]
    np.testing.assert_allclose(
        neurons.extended_weights(both.params["dense_0"]), np.stack([weights(run) for run in alone], axis=1), atol=1e-14
    )
    rates = np.array([0.1, 0.3, 0.4])
    mapped = jit(
        jax.vmap(lambda eta: neurons.delta_rule(ROWS, targets[:, 0], learning_rate=eta, epochs=50).errors[-1])
    )(rates)
    assert float(mapped[1]) == pytest.approx(float(alone[0].errors[-1])) and mapped[2] > 1e3 > mapped[0]


def test_what_does_not_fit_is_refused():
    with pytest.raises(nn.JaxnnError, match="learning_rate: got 0; needed a number above 0"):
        neurons.delta_rule(ROWS, [0, 0, 0, 1], learning_rate=0, epochs=1)
    with pytest.raises(nn.JaxnnError, match=r"rule: got 'Batch'.*Did you mean batch"):
        neurons.delta_rule(ROWS, [0, 0, 0, 1], learning_rate=0.1, epochs=1, rule="Batch")
    with pytest.raises(nn.JaxnnError, match="epochs: got 0"):
        neurons.delta_rule(ROWS, [0, 0, 0, 1], learning_rate=0.1, epochs=0)
    with pytest.raises(nn.JaxnnError, match="decay: got -1"):
        neurons.delta_rule(ROWS, [0, 0, 0, 1], learning_rate=0.1, epochs=1, decay=-1)
    with pytest.raises(nn.JaxnnError, match="y, row 2: got a number that is not finite"):
        neurons.delta_rule(ROWS, [0, 0, np.inf, 1], learning_rate=0.1, epochs=1)
    with pytest.raises(nn.JaxnnError, match=r"y: got shape \(4, 1, 1\)"):
        neurons.delta_rule(ROWS, np.zeros((4, 1, 1)), learning_rate=0.1, epochs=1)
