"""Metrics against the course's exercise, scikit-learn, and the law that batches and weights add up."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from jaxnn import metrics
from jaxnn.checks import JaxnnError
from jaxnn.metrics import (
    METRICS,
    Accuracy,
    MeanAbsoluteError,
    MeanSquaredError,
    MultilabelAccuracy,
    RootMeanSquaredError,
    RSquared,
    sum_squared_error,
)
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

ORACLES = {
    "mse": sklearn.metrics.mean_squared_error,
    "rmse": sklearn.metrics.root_mean_squared_error,
    "mae": sklearn.metrics.mean_absolute_error,
    "r_squared": sklearn.metrics.r2_score,
}


@pytest.fixture(autouse=True)
def strict_ranks():
    with jax.numpy_rank_promotion("raise"):
        yield


@functools.cache
def compiled(metric):
    return jit(metric)


def measured(metric, outputs, targets, weight=None):
    """The metric from one program: one compilation instead of one for each operation. A list becomes one array."""
    weight = None if weight is None else np.asarray(weight)
    return compiled(metric)(np.asarray(outputs), np.asarray(targets), weight)


def example(name, rows=6, width=3):
    """Outputs and targets that a metric accepts."""
    rng = np.random.default_rng(5)
    outputs, targets = rng.normal(size=(rows, width)), rng.normal(size=(rows, width))
    if name == "accuracy":
        return outputs, rng.integers(0, width, rows)
    return outputs, (targets > 0).astype(int) if name == "multilabel_accuracy" else targets


@pytest.mark.course("M01")
def test_accuracy_of_the_sign_exercise():
    # course.md, section 5.4: I2 is the first printed column, I1 the second, the class the loose row.
    i2 = np.array([1, 1, -1, -1, 1, 1, -1, 1, -1, 1])
    i1 = np.array([-1, 1, -1, 1, 1, 1, -1, -1, -1, 1])
    classes = np.array([1, 1, -1, -1, 1, 1, -1, 1, -1, -1])
    h1, h2, h3 = np.sign(0.4 * i1 + 0.1 * i2 - 0.2), np.sign(-0.4 * i2 - 0.2), np.sign(-0.1 * i1 + 0.4 * i2 - 0.2)
    predictions = np.sign(0.2 * h1 + 0.2 * h2 + 0.3 * h3 - 0.2)
    np.testing.assert_array_equal(predictions, [-1, 1, -1, -1, 1, 1, -1, -1, -1, 1])
    assert float(measured(Accuracy(), predictions[:, None], classes > 0)) == pytest.approx(0.7)
    two = np.stack([-predictions, predictions], axis=-1)  # the same answers as scores of two classes
    assert float(measured(Accuracy(), two, (classes > 0).astype(int))) == pytest.approx(0.7)


def test_accuracy_takes_integer_one_hot_and_soft_targets():
    outputs, labels = np.array([[0.1, 0.9, 0.0], [0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [1, 1, 0]]), np.array([1, 2, 2, 1])
    for targets in (labels, labels.astype(np.uint8), np.eye(3)[labels], 0.2 / 3 + 0.8 * np.eye(3)[labels]):
        assert float(measured(Accuracy(), outputs, targets)) == 0.5  # of equals the first, so the last row answers 0


def test_accuracy_of_one_output_is_strict_at_its_threshold():
    logits = np.array([[-1.0], [0.0], [1e-6], [2.0]])
    for targets in (np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1], bool), np.array([[0.0], [0.5], [0.6], [1.0]])):
        assert float(measured(Accuracy(), logits, targets)) == 1
    probabilities = np.array([[0.2], [0.5], [0.6], [0.9]])
    assert float(measured(Accuracy(threshold=0.5), probabilities, np.array([0, 0, 1, 1]))) == 1
    assert float(measured(Accuracy(), probabilities, np.array([0, 0, 1, 1]))) == 0.5


@pytest.mark.parametrize("width", [1, 3])
def test_a_network_that_answers_nan_is_not_right_by_chance(width):
    assert float(measured(Accuracy(), np.full((4, width), np.nan), np.zeros(4, int))) == 0
    assert float(measured(MultilabelAccuracy(), np.full((4, width), np.nan), np.zeros((4, width)))) == 0


def test_multilabel_accuracy_is_one_minus_the_hamming_loss():
    logits, targets = example("multilabel_accuracy")
    expected = 1 - sklearn.metrics.hamming_loss(targets, logits > 0)
    assert float(measured(MultilabelAccuracy(), logits, targets)) == pytest.approx(expected, rel=1e-6)
    assert float(measured(MultilabelAccuracy(threshold=0.5), [[0.4, 0.6]], [[0, 1]])) == 1


@pytest.mark.course("M07")
@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_regression_errors_are_those_of_scikit_learn(name, width, weighted, x64):
    outputs, targets = example(name, rows=12, width=width)
    weight = np.arange(12.0) if weighted else None
    expected = ORACLES[name](targets, outputs, sample_weight=weight)
    if name == "rmse":  # ours is the root over all outputs together, theirs the mean of one root an output
        expected = np.sqrt(sklearn.metrics.mean_squared_error(targets, outputs, sample_weight=weight))
    assert float(compiled(METRICS[name])(outputs, targets, weight)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.course("M07")
def test_the_mean_predictor_explains_nothing(x64):
    targets = np.array([[1.0], [2.0], [6.0], [3.5]])
    mean = np.full_like(targets, targets.mean())
    assert float(measured(RSquared(), mean, targets)) == pytest.approx(0, abs=1e-14)
    assert float(measured(RSquared(), targets, targets)) == 1
    assert float(measured(sum_squared_error, mean, targets)) == pytest.approx(((targets - mean) ** 2).sum(), rel=1e-14)
    assert float(measured(MeanSquaredError(), mean, targets)) == pytest.approx(
        ((targets - mean) ** 2).mean(), rel=1e-14
    )
    assert float(measured(sum_squared_error, mean, targets[:, 0], [0, 2, 0, 0])) == pytest.approx(
        2 * 1.125**2, rel=1e-14
    )


def test_r_squared_of_constant_targets_is_not_defined():
    for constant in (0.0, 0.1, 0.7, 3.3, 1e6):
        assert np.isnan(measured(RSquared(), np.full((7, 1), constant), np.full(7, constant)))
    assert np.isnan(measured(RSquared(), [[1.0, 1.0], [2.0, 2.0]], [[1.0, 5.0], [2.0, 5.0]]))


@pytest.mark.parametrize("name", METRICS)
@given(cut=st.integers(1, 5), weights=st.lists(st.integers(0, 5), min_size=6, max_size=6).filter(any))
def test_weighted_means_of_two_batches_add_up(name, cut, weights):
    metric, w = METRICS[name], np.array(weights, np.float32)
    outputs, targets = example(name)
    statistics = np.asarray(compiled(metric.statistics)(outputs, targets))
    total = w[:cut] @ statistics[:cut] + w[cut:] @ statistics[cut:]
    got, expected = compiled(metric)(outputs, targets, w), compiled(metric.value)(total / w.sum())
    np.testing.assert_allclose(got, expected, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("name", METRICS)
def test_a_weight_is_a_repetition_and_zero_weight_is_absence(name):
    metric = METRICS[name]
    outputs, targets = example(name)
    outputs_padded = np.concatenate([outputs, np.full((1, 3), np.nan)])  # padding may hold anything
    targets_padded = np.concatenate([targets, targets[:1]])
    weight = np.array([1, 2, 1, 3, 1, 1, 0])
    repeated = compiled(metric)(np.repeat(outputs, weight[:6], 0), np.repeat(targets, weight[:6], 0))
    np.testing.assert_allclose(compiled(metric)(outputs_padded, targets_padded, weight), repeated, rtol=1e-5)


@pytest.mark.parametrize("name", METRICS)
def test_statistics_are_one_row_an_example_under_every_batch_axis(name):
    metric = METRICS[name]
    outputs, targets = example(name)

    def statistics(y, t):
        return metric.statistics(y, t), metric.statistics(y.reshape(2, 3, 3), t.reshape(2, 3, *t.shape[1:]))

    flat, shaped = jit(statistics)(outputs, targets)
    width = 9 if name == "r_squared" else 1
    assert flat.shape == (6, width)
    assert flat.dtype == jnp.float32
    np.testing.assert_array_equal(shaped, np.reshape(flat, (2, 3, width)))
    eager, jitted = metric(outputs, targets), compiled(metric)(outputs, targets)
    assert jitted.shape == ()
    np.testing.assert_allclose(eager, jitted, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in METRICS if name != "accuracy"])
@pytest.mark.parametrize(("outputs", "targets"), [((5, 1), (5, 5)), ((5, 3), (5,)), ((5, 3), (5, 1))])
def test_shapes_that_numpy_would_broadcast_are_refused(name, outputs, targets):
    with pytest.raises(JaxnnError, match=f"{name}: got outputs of shape"):
        METRICS[name](np.zeros(outputs), np.zeros(targets))


def test_accuracy_refuses_what_a_loss_refuses():
    for outputs, targets in ((np.zeros((5, 3)), np.zeros((5, 1), int)), (np.zeros((5, 1)), np.zeros((5, 5), int))):
        with pytest.raises(JaxnnError, match="accuracy: got outputs of shape"):
            Accuracy()(outputs, targets)
    with pytest.raises(JaxnnError, match="accuracy: got labels of dtype float32"):
        Accuracy()(np.zeros((5, 3)), np.zeros(5))


@pytest.mark.parametrize("name", METRICS)
def test_weights_have_one_number_an_example(name):
    with pytest.raises(
        JaxnnError, match=r"weight: got shape \(6, 1\); needed one weight for each example, shape \(6,\)"
    ):
        METRICS[name](*example(name), np.ones((6, 1)))


def test_narrow_outputs_are_averaged_in_float32():
    ones, zeros = np.ones((1000, 1), jnp.bfloat16), np.zeros((1000, 1), jnp.bfloat16)
    assert float(measured(sum_squared_error, ones, zeros)) == 1000  # bfloat16 stops at 256


def test_names_and_settings():
    assert list(METRICS) == ["accuracy", "multilabel_accuracy", "mse", "rmse", "mae", "r_squared"]
    for name, metric in METRICS.items():
        assert metrics.by_name(name) is metric
        assert metric.name == name
        assert metric.higher_is_better == (name in ("accuracy", "multilabel_accuracy", "r_squared"))
    assert Accuracy() == Accuracy(0)
    assert Accuracy() != Accuracy(0.5)
    assert repr(Accuracy(0.5)) == "Accuracy(threshold=0.5)"
    assert MeanAbsoluteError() != RootMeanSquaredError()
    with pytest.raises(JaxnnError, match=r"Did you mean accuracy\?"):
        metrics.by_name("acuracy")
    with pytest.raises(JaxnnError, match=r"Accuracy.threshold: got nan"):
        Accuracy(float("nan"))
