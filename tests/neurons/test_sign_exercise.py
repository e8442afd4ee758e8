"""Small networks of the course computed node by node: rows W12-W17, errata E22, E23 and E27."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons
from jaxnn.curves import confusion_matrix, precision_recall

pytestmark = pytest.mark.usefixtures("quick_compiles")

SIGNS = {
    "dense_0": {"kernel": jnp.array([[0.4, 0.0, -0.1], [0.1, -0.4, 0.4]]), "bias": jnp.zeros(3)},
    "dense_1": {"kernel": jnp.array([[0.2], [0.2], [0.3]]), "bias": jnp.zeros(1)},
}
CASES = np.array([[-1, 1], [1, 1], [-1, -1], [1, -1]], np.float32)


def signs(threshold, x):
    """The hidden outputs and the output of the exercise's network, row by row."""
    net = nn.Chain(nn.Dense(3), nn.Sign(threshold), nn.Dense(1), nn.Sign(threshold))
    seen = net.outputs(SIGNS, {}, jnp.asarray(x))
    return seen["activation_0"].tolist(), seen["activation_1"][:, 0].tolist(), seen


@pytest.mark.course("W12")
def test_e23_the_worked_row_of_the_sign_exercise_has_the_result_that_was_cut_off():
    hidden, y, seen = signs(0.2, CASES[:1])
    np.testing.assert_allclose(seen["dense_0"] - 0.2, [[-0.5, -0.6, 0.3]], atol=1e-7)
    assert hidden == [[-1, -1, 1]]
    np.testing.assert_allclose(seen["dense_1"] - 0.2, [[-0.3]], atol=1e-7)
    assert y == [-1]


@pytest.mark.course("W13")
def test_the_network_of_the_sign_exercise_is_and():
    hidden, y, seen = signs(0.2, CASES)
    assert hidden == [[-1, -1, 1], [1, -1, 1], [-1, 1, -1], [1, 1, -1]]
    assert y == [-1, 1, -1, -1] == np.where((CASES == 1).all(axis=1), 1, -1).tolist()
    np.testing.assert_allclose(
        seen["dense_0"] - 0.2, [[-0.5, -0.6, 0.3], [0.3, -0.6, 0.1], [-0.7, 0.2, -0.5], [0.1, 0.2, -0.7]], atol=1e-7
    )
    np.testing.assert_allclose(seen["dense_1"][:, 0] - 0.2, [-0.3, 0.1, -0.5, -0.1], atol=1e-7)


@pytest.mark.course("W14")
def test_e23_the_test_table_of_the_sign_exercise_as_it_can_be_read():
    first = np.array([1, 1, -1, -1, 1, 1, -1, 1, -1, 1], np.float32)
    second = np.array([-1, 1, -1, 1, 1, 1, -1, -1, -1, 1], np.float32)
    loose = [1, 1, -1, -1, 1, 1, -1, 1, -1, -1]
    for columns in ((second, first), (first, second)):
        _, called, _ = signs(0.2, np.stack(columns, axis=1))
        assert called == [-1, 1, -1, -1, 1, 1, -1, -1, -1, 1]
    counts = confusion_matrix(np.array(loose), np.array(called, int), (1, -1))
    assert counts.tolist() == [[3, 2], [1, 4]]  # TP, FN; FP, TN
    found = precision_recall(counts)
    assert np.mean(np.array(called) == loose) == 7 / 10
    assert (found.precision.tolist(), found.recall.tolist()) == ([3 / 4, 2 / 3], [3 / 5, 4 / 5])


@pytest.mark.course("W15")
def test_the_second_sign_exercise_has_a_sign_with_three_values():
    hidden, y, _ = signs(0.0, np.concatenate([CASES, [[0, 0]]]).astype(np.float32))
    assert hidden == [[-1, -1, 1], [1, -1, 1], [-1, 1, -1], [1, 1, -1], [0, 0, 0]]
    assert y == [-1, 1, -1, 1, 0]
    assert y[:4] == CASES[:, 0].tolist()  # without its threshold the network returns I1


def test_e22_the_sign_is_minus_1_for_negative_values():
    assert nn.Sign()([-0.3, 0.0, 0.3]).tolist() == [-1, 0, 1]


def test_e27_the_hidden_unit_of_the_class_attendance_network_is_0_6986(x64):
    unit = {"kernel": jnp.array([[0.5], [0.1], [0.0058]]), "bias": jnp.array([0.2])}
    z, _ = nn.Dense(1).apply(unit, {}, jnp.array([0.4, 2.0, 17.0]))
    assert float(z[0]) == pytest.approx(0.6986, abs=1e-15)
    assert round(float(z[0]), 1) == 0.7 != float(z[0])  # what is printed is rounded


XOR_ROWS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
HIDDEN = np.array([[0, 0], [0, 1], [1, 0], [0, 0]], np.float32)  # h1 = AND(not x1, x2), h2 = AND(x1, not x2)
XOR = np.array([0, 1, 1, 0])


@pytest.mark.course("W16")
def test_xor_of_threshold_units_has_the_hidden_columns_of_the_table():
    net = nn.Chain(nn.Dense(2), nn.Step(), nn.Dense(1), nn.Step())
    params = {
        "dense_0": {"kernel": jnp.array([[-1.0, 1.0], [1.0, -1.0]]), "bias": jnp.array([-1.0, -1.0])},
        "dense_1": {"kernel": jnp.array([[1.0], [1.0]]), "bias": jnp.array([-1.0])},
    }
    seen = net.outputs(params, {}, jnp.asarray(XOR_ROWS))
    np.testing.assert_array_equal(seen["activation_0"], HIDDEN)
    np.testing.assert_array_equal(seen["activation_1"][:, 0], XOR)


@pytest.mark.course("W16")
def test_xor_of_three_logistic_regressions_trained_apart():
    given = {"learning_rate": 2.0, "epochs": 400}
    parts = [neurons.logistic_regression(XOR_ROWS, column.astype(int), **given).params for column in HIDDEN.T]
    last = neurons.logistic_regression(HIDDEN, XOR, **given).params
    params = {
        "dense_0": jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=-1), *(part["dense_0"] for part in parts)),
        "dense_1": last["dense_0"],
    }
    net = nn.Chain(nn.Dense(2), nn.sigmoid, nn.Dense(1), nn.sigmoid)
    seen = net.outputs(params, {}, jnp.asarray(XOR_ROWS))
    np.testing.assert_allclose(seen["activation_0"], HIDDEN, atol=0.2)
    np.testing.assert_array_equal(seen["activation_0"] > 0.5, HIDDEN == 1)
    np.testing.assert_array_equal(seen["activation_1"][:, 0] > 0.5, XOR == 1)


@pytest.mark.course("W17")
def test_a_network_of_zeros_says_one_half_whatever_it_is_asked():
    zero = nn.initializers.Zeros()
    net = nn.Chain(nn.Dense(2, kernel_init=zero), nn.sigmoid, nn.Dense(1, kernel_init=zero), nn.sigmoid)
    params, _ = net.init(jax.random.key(0), jnp.zeros(2))
    seen = net.outputs(params, {}, jnp.array([*XOR_ROWS.tolist(), [-7.0, 1e6]]))
    assert seen["activation_0"].tolist() == [[0.5, 0.5]] * 5
    assert seen["activation_1"].tolist() == [[0.5]] * 5
