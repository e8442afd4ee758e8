"""Searches in which fits do not come one by one as they were made ready: scores are those of a loop all the same."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, SequentialFeatureSelector
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection

from jaxnn.estimators import MLPClassifier, SearchCV, prefit

X, Y = load_iris(return_X_y=True)
HOW = {"max_iter": 8, "learning_rate_init": 0.02, "random_state": 0}
MODEL = MLPClassifier((5,), **HOW)

pytestmark = [
    pytest.mark.usefixtures("quick_compiles"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning"),
    pytest.mark.filterwarnings("ignore:One or more of the test scores"),
]


def scores(search):
    return search.cv_results_["mean_test_score"]


def both(model, grid, **how):
    ours, theirs = (one(model, grid, **{"cv": 3, "refit": False} | how).fit(X, Y) for one in (SearchCV, GridSearchCV))
    np.testing.assert_array_equal(scores(ours), scores(theirs))
    return ours


@pytest.mark.parametrize("splitter", [KFold(3, shuffle=True), ShuffleSplit(3, random_state=np.random.RandomState(0))])
def test_rows_that_are_scored_are_never_learnt(splitter, monkeypatch):
    """Labels at random: a network that had seen its test rows would know them by heart."""
    noise = np.random.default_rng(0)
    x, y = noise.normal(size=(90, 40)), noise.integers(0, 2, 90)
    model = MLPClassifier((32,), max_iter=80, learning_rate_init=0.02, random_state=0)
    search = SearchCV(model, {"alpha": [1e-4]}, cv=splitter, refit=False, return_train_score=True).fit(x, y)
    assert search.cv_results_["mean_train_score"][0] > 0.95 and scores(search)[0] < 0.7
    assert search.strategy_.startswith("mapped")


def test_an_impossible_candidate_shifts_no_other():
    found = both(MODEL, {"alpha": [1e-4, -1.0, 1.0, 100.0]})
    assert np.isnan(scores(found)).tolist() == [False, True, False, False]
    assert len(set(scores(found)[[0, 3]])) == 2


def test_a_scorer_that_fits_takes_no_fit_of_the_search():
    def clumsy(model, x, y):
        other = clone(model).fit(x, y)
        return get_scorer("accuracy")(model, x, y) + 0.01 * get_scorer("accuracy")(other, x, y)

    found = both(MODEL, {"alpha": [1e-4, 100.0]}, scoring=clumsy)
    assert found.strategy_.startswith("mapped")


def test_steps_that_draw_or_hold_networks_go_one_after_another():
    draws = make_pipeline(GaussianRandomProjection(3), MODEL)
    search = SearchCV(draws, {"mlpclassifier__alpha": [0.1]}, cv=3, refit=False).fit(X, Y)
    assert search.strategy_ == "one after another: a step of the pipeline draws at random: give it a random_state"
    holds = make_pipeline(SequentialFeatureSelector(MODEL, n_features_to_select=2, cv=2), MODEL)
    search = SearchCV(holds, {"mlpclassifier__alpha": [0.1]}, cv=2, refit=False).fit(X, Y)
    assert search.strategy_.endswith("a step before the last one is a network, or has one")
    fixed = make_pipeline(StandardScaler(), PCA(2), MODEL)  # PCA has a random_state, and does not use it
    assert both(fixed, {"mlpclassifier__alpha": [0.1, 10.0]}).strategy_.startswith("mapped")


def test_a_step_that_fails_has_the_score_of_an_error():
    pipe = make_pipeline(SelectKBest(k=2), MODEL)
    with pytest.warns(UserWarning, match="k=9 is greater"):
        found = both(pipe, {"selectkbest__k": [2, 9], "mlpclassifier__max_iter": [3]})
    assert scores(found).shape == (2,)
    pipe = make_pipeline(PCA(2), MODEL)
    assert np.isnan(scores(both(pipe, {"pca__n_components": [2, 50]}))).tolist() == [False, True]


def test_rungs_know_candidates_by_number():
    """Two lists of first weights whose printed forms are the same, as NumPy shortens them."""
    first = [np.full((4, 300), 0.01), np.full((300, 3), 0.01)]
    second = [np.full((4, 300), 0.01), np.full((300, 3), 0.01)]
    second[0][:, 100:200] = np.random.default_rng(0).normal(size=(4, 100))
    assert repr(first) == repr(second)
    model = MLPClassifier((300,), max_iter=4, tol=0.0, n_iter_no_change=99, random_state=0)
    grid = {"coefs_init": [first, second]}
    how = {"cv": 2, "refit": False, "scoring": "neg_log_loss"}
    search = SearchCV(model, grid, schedule="halving", factor=2, **how).fit(X, Y)
    best = search.cv_results_["params"][-1]["coefs_init"]
    alone = GridSearchCV(model, {"coefs_init": [best]}, **how).fit(X, Y)
    assert scores(search)[-1] == scores(alone)[0]


def test_unequal_folds_of_lbfgs():
    both(MLPClassifier((4,), solver="lbfgs", max_iter=5, random_state=0), {"alpha": [0.1, 1.0]}, cv=4)


def test_numbers_of_threads_and_interrupts(monkeypatch):
    assert scores(SearchCV(MODEL, {"alpha": [0.1]}, cv=2, n_jobs=-2).fit(X, Y)).shape == (1,)
    with pytest.raises(ValueError, match="n_jobs: got 0"):
        SearchCV(MODEL, {"alpha": [0.1]}, cv=2, n_jobs=0).fit(X, Y)
    train = prefit.train

    def interrupted(ready, **how):
        made = train(ready, **how)
        ready[-1].run = None
        return made

    monkeypatch.setattr(prefit, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        SearchCV(MODEL, {"alpha": [0.1]}, cv=2, schedule="halving").fit(X, Y)
    monkeypatch.undo()
    alone = MLPClassifier((5,), **HOW).fit(X, Y)
    np.testing.assert_array_equal(SearchCV(MODEL, {"alpha": [1e-4]}, cv=2).fit(X, Y).predict(X), alone.predict(X))
