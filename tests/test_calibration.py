"""Calibration against hand-worked bins, scikit-learn, SciPy and a temperature that is known."""

import jax
import numpy as np
import pytest
import scipy.optimize
import scipy.special
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator

import jaxnn
from jaxnn.calibration import Temperature, brier_score, fit_temperature, reliability
from jaxnn.checks import JaxnnError
from jaxnn.curves import calibration as yes_or_no


class Passes(ClassifierMixin, BaseEstimator):
    """A classifier of scikit-learn whose decision function is what it is asked about."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, x):
        z = self.decision_function(x)
        return self.classes_[(z > 0).astype(int) if z.ndim == 1 else z.argmax(axis=1)]

    def decision_function(self, x):
        return x[:, 0] if x.shape[1] == 1 else x[:, 1] - x[:, 0] if x.shape[1] == 2 else x


def drawn(rows=2000, classes=4, seed=0):
    """Logits, and labels drawn from the softmax of them: calibrated as they are."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 2, (rows, classes))
    p = scipy.special.softmax(z, axis=1)
    return z, (p.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)


def loss(z, labels):
    """The mean cross-entropy of logits."""
    return -scipy.special.log_softmax(z, axis=1)[np.arange(len(labels)), labels].mean()


def test_bins_by_hand():
    # sure 0.95, 0.9 (right, wrong), 0.55 (right), 0.4 (wrong) of three classes, in four bins of a quarter
    p = [[0.95, 0.05, 0.0], [0.05, 0.9, 0.05], [0.2, 0.25, 0.55], [0.4, 0.3, 0.3]]
    found = reliability(p, [0, 2, 2, 1], bins=4)
    assert found.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.count.tolist() == [0, 1, 1, 2]
    np.testing.assert_allclose(found.confidence, [np.nan, 0.4, 0.55, 0.925])
    np.testing.assert_allclose(found.accuracy, [np.nan, 0, 1, 0.5])
    # of the four rows one is off by 0.4, one by 0.45 and two by 0.425
    assert found.expected_calibration_error == pytest.approx(0.425)
    assert found.maximum_calibration_error == pytest.approx(0.45)
    assert repr(found) == (
        "Reliability(4 bins, 4 rows, expected_calibration_error=0.425, maximum_calibration_error=0.45)"
    )


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.parametrize("rounded", [False, True])
def test_bins_are_those_of_scikit_learn(strategy, rounded):
    rng = np.random.default_rng(3)
    p = rng.beta(0.5, 0.5, 500)
    p = p.round(1) if rounded else p  # ties, and probabilities on the edges of bins
    yes = (rng.random(500) < p**2).astype(int)
    found = reliability(p, yes, bins=10, strategy=strategy)
    accuracy, confidence = calibration_curve(yes, p, n_bins=10, strategy=strategy)
    filled = found.count > 0
    np.testing.assert_allclose(found.accuracy[filled], accuracy, rtol=1e-12)
    np.testing.assert_allclose(found.confidence[filled], confidence, rtol=1e-12)
    assert found.rows == 500
    if not rounded and strategy == "quantile":
        assert set(found.count) == {50}


def test_yes_or_no_is_the_curve_of_reports():
    rng = np.random.default_rng(5)
    p, yes = rng.random(300), rng.integers(0, 2, 300)
    ours, theirs = reliability(p, yes, bins=10), yes_or_no(p, yes, bins=10)
    assert ours.expected_calibration_error == pytest.approx(theirs.expected_calibration_error, rel=1e-12)
    column = reliability(p[:, None], yes, bins=10)
    np.testing.assert_array_equal(ours.accuracy, column.accuracy)


def test_answers_that_are_as_sure_as_right_have_a_small_error():
    z, labels = drawn(20_000)
    as_right = reliability(scipy.special.softmax(z, axis=1), labels)
    too_sure = reliability(scipy.special.softmax(3 * z, axis=1), labels)
    assert as_right.expected_calibration_error < 0.02 < 0.1 < too_sure.expected_calibration_error
    assert too_sure.expected_calibration_error <= too_sure.maximum_calibration_error


def test_an_error_of_one_bin_is_the_distance_of_the_means():
    z, labels = drawn(200)
    p = scipy.special.softmax(z, axis=1)
    found = reliability(p, labels, bins=1)
    expected = abs(p.max(axis=1).mean() - (p.argmax(axis=1) == labels).mean())
    assert found.expected_calibration_error == pytest.approx(expected, rel=1e-12)
    assert found.maximum_calibration_error == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("known", [0.3, 1.0, 2.5, 40.0])
def test_a_known_temperature_is_found(known):
    z, labels = drawn(20_000)
    # the labels are drawn from softmax(z): of 20,000 of them the estimate has a standard error of 1 %
    assert fit_temperature(known * z, labels).value == pytest.approx(known, rel=0.03)
    ratio = fit_temperature(known * z, labels).value / fit_temperature(z, labels).value
    assert ratio == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize("classes", [1, 2, 7])
def test_the_temperature_is_that_of_other_libraries(classes):
    z, labels = drawn(400, max(classes, 2), seed=classes)
    z = 3 * (z[:, 1:] - z[:, :1] if classes == 1 else z)
    both = np.concatenate([0 * z, z], axis=1) if classes == 1 else z
    found = fit_temperature(z, labels)
    best = scipy.optimize.minimize_scalar(
        lambda log_t: loss(both / np.exp(log_t), labels), bounds=(-5, 5), options={"xatol": 1e-10}
    )
    assert found.value == pytest.approx(np.exp(best.x), rel=1e-5)  # the loss is flat there: half its digits
    theirs = CalibratedClassifierCV(FrozenEstimator(Passes().fit(z, labels)), method="temperature", ensemble=False)
    p = theirs.fit(z, labels).predict_proba(z)
    np.testing.assert_allclose(found(z), p[:, 1:] if classes == 1 else p, rtol=1e-4)


def test_calibrated_probabilities():
    z, labels = drawn(300)
    temperature = fit_temperature(4 * z, labels)
    p = temperature(4 * z)
    np.testing.assert_allclose(p, scipy.special.softmax(4 * z / temperature.value, axis=1), rtol=1e-5)
    np.testing.assert_array_equal(np.argmax(p, axis=1), z.argmax(axis=1))
    assert loss(np.log(p), labels) < loss(4 * z, labels)
    np.testing.assert_allclose(jax.jit(temperature)(4 * z), p, rtol=1e-6)
    one = Temperature(2.0)
    for logits in (z[:, 0], z[:, :1]):
        np.testing.assert_allclose(one(logits), scipy.special.expit(logits / 2), rtol=1e-5)
    assert (one, hash(one)) == (Temperature(2), hash(Temperature(2))) and one != Temperature(2.1)
    assert jaxnn.calibration.Temperature is Temperature


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 5]), st.floats(1e-3, 1e3))
def test_cross_entropy_never_rises(seed, classes, scale):
    rng = np.random.default_rng(seed)
    z, labels = scale * rng.normal(size=(20, classes)), rng.integers(0, max(classes, 2), 20)
    both = np.concatenate([0 * z, z], axis=1) if classes == 1 else z
    truth = both[np.arange(20), labels]
    if not ((truth - both.mean(axis=1)).mean() > 0 and (truth < both.max(axis=1)).any()):
        with pytest.raises(JaxnnError, match=r"which is guessing|without a mistake"):
            fit_temperature(z, labels)
        return
    value = fit_temperature(z, labels).value
    at = [loss(both / (value * by), labels) for by in (0.99, 1, 1.01)]
    assert at[1] <= min(at[0], at[2]) + 1e-12
    assert at[1] <= loss(both, labels) + 1e-12


def test_temperatures_of_extreme_logits():
    z, labels = drawn(50)
    base = fit_temperature(z, labels).value
    for scale in (1e-200, 1e200):
        assert fit_temperature(scale * z, labels).value == pytest.approx(scale * base, rel=1e-9)
    moved = z + 1e6 * np.arange(50)[:, None]  # the same number on every logit of a row changes nothing
    assert fit_temperature(moved, labels).value == pytest.approx(base, rel=1e-4)
    # one mistake by a hair: 1 / T is large, and found
    almost = np.array([[1.0, 0], [0, 1], [1e-9, 0]])
    assert 0 < fit_temperature(almost, [0, 1, 1]).value < 0.1


def test_the_brier_score_is_that_of_scikit_learn():
    z, labels = drawn(100)
    p = scipy.special.softmax(z, axis=1)
    expected = sklearn.metrics.brier_score_loss(labels, p, labels=range(4), scale_by_half=False)
    assert brier_score(p, labels) == pytest.approx(expected, rel=1e-12)
    yes = labels == 0
    assert brier_score(p[:, 0], yes) == pytest.approx(sklearn.metrics.brier_score_loss(yes, p[:, 0]), rel=1e-12)
    assert brier_score(np.eye(3)[[2, 0]], [0, 1]) == 2.0  # sure, and wrong
    assert brier_score(p.astype(np.float32), labels) == pytest.approx(expected, rel=1e-6)


def test_the_arguments_stay_as_they_are():
    z, labels = drawn(20)
    p, before = scipy.special.softmax(z, axis=1), z.copy()
    for call in (brier_score, reliability):
        call(p, labels)
    fit_temperature(z, labels)
    np.testing.assert_array_equal(p, scipy.special.softmax(before, axis=1))
    np.testing.assert_array_equal(z, before)


def test_arrays_of_jax_and_half_precision():
    z, labels = drawn(200)
    half = jax.numpy.asarray(z, jax.numpy.bfloat16)
    assert fit_temperature(half, jax.numpy.asarray(labels)).value == pytest.approx(
        fit_temperature(z, labels).value, rel=0.01
    )
    assert reliability(jax.nn.softmax(half, axis=-1), labels).rows == 200


P, Z = np.full((4, 3), 1 / 3), np.eye(4, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: reliability(P, [0, 1, 3, 2]), r"targets, row 2: got 3; needed whole-number labels from 0 to 2"),
        (lambda: reliability(P, [0, 1, -1, 2]), r"row 2: got -1"),
        (lambda: reliability(P, [0, 1, 0.5, 2]), r"row 2: got 0.5"),
        (lambda: reliability(P, [0, 1, np.nan, 2]), r"row 2: got nan"),
        (lambda: reliability(P, [0, 1, 2]), r"targets: got an array of int64, shape \(3,\)"),
        (lambda: reliability(P, [[0], [1], [2], [0]]), r"shape \(4, 1\); needed .* shape \(4,\)"),
        (lambda: reliability(P, ["a", "b", "c", "a"]), r"an array of <U1"),
        (lambda: reliability(P, [[0], [1, 2], 0, 0]), r"rows of different lengths"),
        (lambda: reliability(3 * P, [0, 1, 2, 0]), r"probabilities, row 0: got \[1. 1. 1.\]; needed .* sum to 1"),
        (lambda: reliability([0.5, np.nan], [0, 1]), r"probabilities, row 1: got nan; needed numbers from 0 to 1. "),
        (lambda: reliability([0.5, 1.5], [0, 1]), r"row 1: got 1.5; .* of one logit the sigmoid"),
        (lambda: reliability([0.5, 0.5], [0, 2]), r"targets, row 1: got 2; needed whole-number labels from 0 to 1"),
        (lambda: reliability([], []), r"an array of float64, shape \(0,\); needed at least one row"),
        (lambda: reliability(["0.5"], [0]), r"an array of <U3"),
        (lambda: reliability([0.5 + 0j], [0]), r"an array of complex128"),
        (lambda: reliability(P, [0, 1, 2, 0], bins=0), r"bins: got 0; needed a whole number of at least 1"),
        (lambda: reliability(P, [0, 1, 2, 0], strategy="quantiles"), r"uniform, quantile. Did you mean quantile"),
        (lambda: brier_score(P, [0, 1, 3, 2]), r"targets, row 2: got 3"),
        (lambda: fit_temperature([[0.0, np.inf], [0, 1]], [0, 1]), r"logits, row 0: got \[ 0. inf\]; needed finite"),
        (lambda: fit_temperature([0.0, np.nan], [0, 1]), r"logits, row 1: got nan; needed finite"),
        (lambda: fit_temperature(np.zeros((0, 3)), []), r"shape \(0, 3\); needed at least one row"),
        (lambda: fit_temperature(Z, [1, 1, 1, 1]), r"targets: got 4 rows, all of class 1; needed rows of at least two"),
        (lambda: fit_temperature(Z, [0, 1, 2, 5]), r"targets, row 3: got 5"),
        (lambda: fit_temperature(Z[:3], [0, 1, 2]), r"logits: got 3 rows without a mistake; needed at least one"),
        (lambda: fit_temperature(Z[:3], [1, 2, 0]), r"3 rows whose true class has -0.333 of .* which is guessing"),
        (lambda: fit_temperature(0.1 * np.ones((4, 3)), [0, 1, 2, 0]), r"which is guessing"),
        (lambda: Temperature(0.0), r"Temperature.value: got 0.0; needed a number above 0"),
        (lambda: Temperature(1.0)(3.0), r"logits: got a single number"),
    ],
)  # fmt: skip
def test_bad_input_is_said_with_numbers(call, words):
    with pytest.raises(JaxnnError, match=words):
        call()
