import numpy as np
import pytest
import sklearn.metrics as theirs
from scipy.stats import binomtest

from jaxnn.scores import class_scores, value_scores, wilson


def test_three_rows_by_hand():
    logits = np.log([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.7, 0.1]])
    scores = class_scores(logits, np.array([0, 1, 0]), ("a", "b", "c"))
    assert scores.confusion == ((1, 1, 0), (0, 1, 0), (0, 0, 0))
    assert (scores.rows, scores.correct) == (3, 2)
    assert scores.cross_entropy == pytest.approx(-np.log([0.5, 0.6, 0.2]).mean(), rel=1e-12)
    a, b, c = scores.by_class()
    assert (a.rows, a.recall, a.precision, a.taken_for, a.mistakes) == (2, 0.5, 1.0, "b", 1)
    assert (b.rows, b.recall, b.precision, b.taken_for, b.mistakes) == (1, 1.0, 0.5, None, 0)
    assert (c.rows, c.recall, c.precision, c.taken_for) == (0, None, None, None)


def test_classes_agree_with_scikit_learn():
    generator = np.random.default_rng(1)
    logits, truth = generator.normal(size=(200, 4)) * 3, generator.integers(0, 4, 200)
    scores, called = class_scores(logits, truth, (0, 1, 2, 3)), logits.argmax(1)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.array_equal(scores.confusion, theirs.confusion_matrix(truth, called))
    assert scores.accuracy == theirs.accuracy_score(truth, called)
    assert scores.cross_entropy == pytest.approx(theirs.log_loss(truth, shares), rel=1e-12)
    assert [row.recall for row in scores.by_class()] == pytest.approx(theirs.recall_score(truth, called, average=None))
    precision = theirs.precision_score(truth, called, average=None)
    assert [row.precision for row in scores.by_class()] == pytest.approx(precision)


@pytest.mark.parametrize(("correct", "rows"), [(0, 5), (5, 5), (351, 360), (1, 2), (1, 1)])
def test_intervals_agree_with_scipy(correct, rows):
    theirs = binomtest(correct, rows).proportion_ci(method="wilson")
    assert wilson(correct, rows) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_values_agree_with_scikit_learn():
    generator = np.random.default_rng(2)
    target = generator.normal(size=50) * 7 + 100
    predicted = target + generator.normal(size=50)
    scores = value_scores(predicted, target, 99.0)
    assert scores.r2 == pytest.approx(theirs.r2_score(target, predicted), rel=1e-12)
    assert scores.rmse == pytest.approx(theirs.root_mean_squared_error(target, predicted), rel=1e-12)
    assert scores.mae == pytest.approx(theirs.mean_absolute_error(target, predicted), rel=1e-12)
    always = theirs.root_mean_squared_error(target, np.full(50, 99.0))
    assert scores.rmse_of_mean == pytest.approx(always, rel=1e-12)


def test_equal_values_have_no_r2():
    assert value_scores(np.array([1.0, 2.0]), np.array([3.0, 3.0]), 3.0).r2 is None


def test_huge_values_do_not_overflow():
    scores = value_scores(np.array([1e200, 0.0]), np.array([1e200, 1e200]), 0.0)
    assert scores.rmse == pytest.approx(1e200 / np.sqrt(2))


def test_json_has_no_nan():
    assert value_scores(np.array([np.inf, 1.0]), np.array([1.0, 2.0]), None).to_json()["rmse"] is None
    scores = class_scores(np.array([[np.inf, np.inf]]), np.array([0]), ("a", "b"))
    assert scores.to_json()["cross_entropy"] is None
