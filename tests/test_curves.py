import warnings

import numpy as np
import pytest
import sklearn.metrics as theirs
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from jaxnn import JaxnnError
from jaxnn.curves import calibration, confusion_matrix, precision_recall, roc_curve, threshold_sweep

# The sign exercise: the network is AND, the labels are those printed in the course (W14).
CALLED = [-1, 1, -1, -1, 1, 1, -1, -1, -1, 1]
TRUTH = [-1, 1, 1, -1, 1, -1, 1, -1, -1, 1]

# Probabilities with many ties, the ends among them, and a yes or no for each.
BINARY = st.lists(st.tuples(st.integers(0, 8).map(lambda n: n / 8), st.booleans()), min_size=1, max_size=40)


def random_rows(seed, rows=300, digits=2):
    """Probabilities that tell something, rounded so that some are equal."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, rows)
    return np.round(np.clip(generator.normal(0.35 + 0.3 * truth, 0.25), 0, 1), digits), truth


@pytest.mark.course("W14", "M03")
def test_confusion_of_the_sign_exercise():
    table = confusion_matrix(TRUTH, CALLED, (1, -1))
    assert table.tolist() == [[3, 2], [1, 4]]
    assert table.dtype == np.int64
    assert table.trace() / table.sum() == 0.7
    assert confusion_matrix(TRUTH, CALLED, (-1, 1)).tolist() == [[4, 1], [2, 3]]


@pytest.mark.course("W14", "M02")
def test_precision_and_recall_of_the_sign_exercise():
    found = precision_recall(confusion_matrix(TRUTH, CALLED, (1, -1)))
    assert found.precision.tolist() == [3 / 4, 4 / 6]
    assert found.recall.tolist() == [3 / 5, 4 / 5]
    assert found.f1 == pytest.approx([2 / 3, 8 / 11], rel=1e-15)
    assert not (found.undefined_precision | found.undefined_recall | found.undefined_f1).any()


@pytest.mark.course("M02")
def test_nothing_of_nothing_is_0_with_a_flag():
    # class 0: never called; class 1: no rows; class 2: neither; class 3: found
    found = precision_recall([[0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 5]])
    assert found.precision.tolist() == [0, 0, 0, 1]
    assert found.recall.tolist() == [0, 0, 0, 1]
    assert found.f1.tolist() == [0, 0, 0, 1]
    assert found.undefined_precision.tolist() == [True, False, True, False]
    assert found.undefined_recall.tolist() == [False, True, True, False]
    assert found.undefined_f1.tolist() == [False, False, True, False]


@pytest.mark.course("M03")
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), max_size=30))
def test_confusion_counts_every_row_once(pairs):
    truth, called = [a for a, _ in pairs], [b for _, b in pairs]
    table = confusion_matrix(truth, called, list("dbac"))
    assert table.sum() == len(pairs)
    assert table.sum(axis=1).tolist() == [truth.count(name) for name in "dbac"]
    assert table.sum(axis=0).tolist() == [called.count(name) for name in "dbac"]
    if pairs:
        assert np.array_equal(table, theirs.confusion_matrix(truth, called, labels=list("dbac")))


@pytest.mark.parametrize("classes", [range(5), [4, 2, 0, 1, 3]])
def test_shares_agree_with_scikit_learn(classes):
    generator = np.random.default_rng(3)
    truth, called = generator.integers(0, 5, 100), generator.integers(0, 4, 100)  # class 4 is never called
    found = precision_recall(confusion_matrix(truth, called, classes))
    precision, recall, f1, _ = theirs.precision_recall_fscore_support(
        truth, called, labels=list(classes), zero_division=0
    )
    assert found.precision == pytest.approx(precision, rel=1e-14)
    assert found.recall == pytest.approx(recall, rel=1e-14)
    assert found.f1 == pytest.approx(f1, rel=1e-14)


def test_classes_may_be_booleans_numbers_or_text():
    assert confusion_matrix([True, False], [True, True], [False, True]).tolist() == [[0, 1], [0, 1]]
    assert confusion_matrix([0.5, 2.0], [0.5, 0.5], [0.5, 2.0]).tolist() == [[1, 0], [1, 0]]
    assert confusion_matrix(np.array(["a"], object), ["b"], ["b", "a"]).tolist() == [[0, 0], [1, 0]]
    assert confusion_matrix([], [], ["a", "b"]).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("truth", "called", "classes", "message"),
    [
        ([0, 2], [0, 1], [0, 1], "truth, row 1: got 2; needed one of the classes"),
        ([0, 1], [0, -1], [0, 1], "called, row 1: got -1"),
        ([0, 1], [0, np.nan], [0, 1], "called, row 1: got nan"),
        ([0, 1], [0], [0, 1], "called: got 1 rows; needed 2"),
        (["a"], [0], ["a"], "called: got an array of int64"),
        ([0], [0], [0, 0], "classes: got 2 with 1 different"),
        ([0], [0], [], "classes: got 0"),
        ([[0]], [0], [0], "truth: got an array of int64, shape"),
        ([None], [0], [0], "truth: got an array of object"),
        ([0], [[0], [0, 1]], [0], "called: got rows of different lengths"),
        ([0], [0], None, "classes: got an array of object"),
    ],
)
def test_confusion_refuses(truth, called, classes, message):
    with pytest.raises(JaxnnError, match=message):
        confusion_matrix(truth, called, classes)


@pytest.mark.parametrize("table", [[1, 2], [[1, 2]], [[1.0]], [[-1]], [[True]], [[1, 2], [3]], None])
def test_shares_refuse_what_are_no_counts(table):
    with pytest.raises(JaxnnError, match="confusion: got"):
        precision_recall(table)


@pytest.mark.course("M04")
def test_yes_is_strictly_above_the_threshold():
    # 0.5 is not above 0.5
    sweep = threshold_sweep([0.5, 0.5, 0.6, 0.2], [1, 0, 1, 0])
    assert sweep.thresholds.tolist() == [0, 0.2, 0.5, 0.6]
    assert sweep.called.tolist() == [4, 3, 1, 0]
    assert sweep.precision.tolist() == [1 / 2, 2 / 3, 1, 0]
    assert sweep.recall.tolist() == [1, 1, 1 / 2, 0]
    assert sweep.accuracy.tolist() == [1 / 2, 3 / 4, 3 / 4, 1 / 2]
    assert sweep.undefined_precision.tolist() == [False, False, False, True]
    assert not sweep.undefined_recall.any()


@pytest.mark.course("M04")
@given(BINARY)
def test_every_threshold_is_a_table_of_confusion(rows):
    probability, truth = np.array([p for p, _ in rows]), np.array([t for _, t in rows])
    sweep = threshold_sweep(probability, truth)
    assert set(sweep.thresholds) == {0.0, 0.5, *probability}
    for i, threshold in enumerate(sweep.thresholds):
        table = confusion_matrix(truth, probability > threshold, [False, True])
        at = precision_recall(table)
        assert (sweep.precision[i], sweep.recall[i], sweep.f1[i]) == (at.precision[1], at.recall[1], at.f1[1])
        assert sweep.undefined_precision[i] == at.undefined_precision[1]
        assert sweep.undefined_recall[i] == at.undefined_recall[1]
        assert sweep.accuracy[i] == pytest.approx(table.trace() / table.sum(), abs=1e-15)
        assert sweep.called[i] == table[:, 1].sum()
    assert (np.diff(sweep.recall) <= 0).all()  # a higher threshold finds no more


def test_sweep_agrees_with_scikit_learn():
    probability, truth = random_rows(4)
    precision, recall, thresholds = theirs.precision_recall_curve(truth, probability)
    sweep = threshold_sweep(probability, truth)
    # theirs is called from the threshold on: ours from the next lower value that occurs
    at = np.searchsorted(sweep.thresholds, thresholds[1:]) - 1
    assert sweep.precision[at] == pytest.approx(precision[1:-1], rel=1e-14)
    assert sweep.recall[at] == pytest.approx(recall[1:-1], rel=1e-14)


@given(BINARY)
def test_area_is_the_share_of_pairs_in_order(rows):
    yes, no = [p for p, t in rows if t], [p for p, t in rows if not t]
    probability, truth = [p for p, _ in rows], [t for _, t in rows]
    if not yes or not no:
        with pytest.raises(JaxnnError, match="needed at least one of each"):
            roc_curve(probability, truth)
        return
    roc = roc_curve(probability, truth)
    wins = sum((a > b) + (a == b) / 2 for a in yes for b in no)
    assert roc.area == pytest.approx(wins / (len(yes) * len(no)), abs=1e-15)
    assert (roc.false_positive_rate[0], roc.true_positive_rate[0]) == (0, 0)
    assert (roc.false_positive_rate[-1], roc.true_positive_rate[-1]) == (1, 1)
    assert np.trapezoid(roc.true_positive_rate, roc.false_positive_rate) == pytest.approx(roc.area, abs=1e-12)
    for threshold, false, true in zip(roc.thresholds, roc.false_positive_rate, roc.true_positive_rate, strict=True):
        assert false == np.mean(np.array(no) > threshold)
        assert true == np.mean(np.array(yes) > threshold)
    turned = roc_curve([1 - p for p in probability], [not t for t in truth])
    assert turned.area == roc.area


@pytest.mark.parametrize("digits", [1, 2, 12])
def test_roc_agrees_with_scikit_learn(digits):
    probability, truth = random_rows(5, digits=digits)
    false, true, _ = theirs.roc_curve(truth, probability, drop_intermediate=False)
    roc = roc_curve(probability, truth)
    assert roc.area == pytest.approx(theirs.roc_auc_score(truth, probability), rel=1e-14)
    assert roc.false_positive_rate == pytest.approx(false, abs=1e-15)
    assert roc.true_positive_rate == pytest.approx(true, abs=1e-15)


def test_area_by_hand():
    assert roc_curve([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1]).area == 1
    assert roc_curve([0.4, 0.3, 0.2, 0.1], [0, 0, 1, 1]).area == 0
    assert roc_curve([0.5] * 4, [0, 0, 1, 1]).area == 0.5


def test_area_of_many_rows_does_not_overflow():
    # 10^5 of each make 10^10 pairs; the rank of each no equals that of its yes: half a tie too few or many
    p = np.repeat(np.arange(100_000) / 1e5, 2)
    assert roc_curve(p, np.tile([0, 1], 100_000)).area == 0.5


@pytest.mark.parametrize("points", [3, 4, 50, 200])
def test_thinned_curves_keep_their_ends_and_their_shape(points):
    probability, truth = random_rows(6, rows=5000, digits=9)
    whole, thin = roc_curve(probability, truth), roc_curve(probability, truth, points=points)
    assert len(whole.thresholds) > 4000
    assert 0.8 * points < len(thin.thresholds) <= points  # equal probabilities are one step, and no points between
    assert (thin.false_positive_rate[0], thin.true_positive_rate[0]) == (0, 0)
    assert (thin.false_positive_rate[-1], thin.true_positive_rate[-1]) == (1, 1)
    assert thin.area == whole.area
    drawn = np.interp(whole.false_positive_rate, thin.false_positive_rate, thin.true_positive_rate)
    assert np.abs(drawn - whole.true_positive_rate).max() < 4 / points
    sweep, few = threshold_sweep(probability, truth), threshold_sweep(probability, truth, points=points)
    assert points - 1 <= len(few.thresholds) <= points
    assert (few.thresholds[0], few.thresholds[-1]) == (0, probability.max())
    assert 0.5 in few.thresholds
    kept = np.isin(sweep.thresholds, few.thresholds)
    assert np.array_equal(sweep.precision[kept], few.precision)
    assert np.diff(few.thresholds).max() < 4 / points


def test_short_curves_are_not_thinned():
    assert len(roc_curve([0.1, 0.9], [0, 1], points=3).thresholds) == 3
    assert len(threshold_sweep([0.1, 0.9], [0, 1], points=4).thresholds) == 4


def test_calibration_by_hand():
    # bins (0, 0.25], (0.25, 0.5], (0.5, 0.75], (0.75, 1]: an edge belongs below it, 0 to the first
    found = calibration([0.0, 0.25, 0.5, 0.9, 1.0], [0, 1, 0, 1, 1], bins=4)
    assert found.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.counts.tolist() == [2, 1, 0, 2]
    assert found.predicted == pytest.approx([0.125, 0.5, np.nan, 0.95], nan_ok=True)
    assert found.observed == pytest.approx([0.5, 0, np.nan, 1], nan_ok=True)
    by_hand = (2 * 0.375 + 1 * 0.5 + 2 * 0.05) / 5
    assert found.expected_calibration_error == pytest.approx(by_hand, rel=1e-14)


@pytest.mark.parametrize("bins", [1, 5, 10, 33])
def test_calibration_agrees_with_scikit_learn(bins):
    probability, truth = random_rows(7)
    observed, predicted = calibration_curve(truth, probability, n_bins=bins)
    found = calibration(probability, truth, bins)
    seen = found.counts > 0
    assert found.predicted[seen] == pytest.approx(predicted, rel=1e-12)
    assert found.observed[seen] == pytest.approx(observed, rel=1e-12)
    assert np.isnan(found.observed[~seen]).all()


@given(BINARY, st.integers(1, 12))
def test_calibration_keeps_the_totals(rows, bins):
    probability, truth = [p for p, _ in rows], [t for _, t in rows]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = calibration(probability, truth, bins)
    assert found.counts.sum() == len(rows)
    assert np.nansum(found.counts * found.predicted) == pytest.approx(sum(probability), abs=1e-12)
    assert np.nansum(found.counts * found.observed) == pytest.approx(sum(truth), abs=1e-12)
    assert 0 <= found.expected_calibration_error <= 1
    seen = found.counts > 0
    assert (found.predicted[seen] >= found.edges[:-1][seen] - 1e-12).all()
    assert (found.predicted[seen] <= found.edges[1:][seen] + 1e-12).all()
    assert calibration(truth, truth, bins).expected_calibration_error == 0


@pytest.mark.parametrize("curve", [threshold_sweep, roc_curve, calibration])
@pytest.mark.parametrize(
    ("probability", "truth", "message"),
    [
        ([0.5, np.nan], [0, 1], "probability, row 1: got nan; needed a number from 0 to 1"),
        ([0.5, 1.1], [0, 1], "probability, row 1: got 1.1"),
        ([-0.1, 1], [0, 1], "probability, row 0: got -0.1"),
        ([], [], "probability: got an array of float64, shape"),
        (["a"], [1], "probability: got an array of <U1"),
        ([[0.5]], [[1]], "probability: got an array of float64, shape"),
        ([0.5, 0.5], [1], "truth: got shape"),
        ([0.5, [0.5]], [1, 0], "probability: got rows of different lengths"),
        ([0.5, 0.5], [1, 2], "truth: got an array of int64; needed Booleans, or 0 and 1"),
        ([0.5, 0.5], ["no", "yes"], "truth: got an array of <U3"),
        ([0.5, 0.5], [1, np.nan], "truth: got an array of float64"),
    ],
)
def test_curves_refuse(curve, probability, truth, message):
    with pytest.raises(JaxnnError, match=message):
        curve(probability, truth)


def test_limits_are_checked():
    for curve, points in ((threshold_sweep, 2), (roc_curve, 1), (roc_curve, True), (threshold_sweep, 3.5)):
        with pytest.raises(JaxnnError, match="points: got"):
            curve([0.1, 0.9], [0, 1], points=points)
    with pytest.raises(JaxnnError, match="bins: got 0"):
        calibration([0.1], [0], bins=0)
