"""`SearchCV` gives what scikit-learn's searches give with the same estimator, from a few compiled programs."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from jaxnn.estimators import MLPClassifier, MLPRegressor, SearchCV
from jaxnn.train import compiled

X, Y = load_iris(return_X_y=True)
HOW = {"max_iter": 12, "learning_rate_init": 0.02, "n_iter_no_change": 3, "tol": 0.05, "random_state": 0}
GRID = {"alpha": [1e-4, 1.0], "learning_rate_init": [0.005, 0.02]}

pytestmark = [
    pytest.mark.usefixtures("quick_compiles"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def same_tables(one, other, exact=True):
    left, right = one.cv_results_, other.cv_results_
    timed = {name for name in right if "time" in name}
    assert set(left) == set(right)
    for name in set(right) - timed:
        if name == "params":
            assert left[name] == right[name]
        elif left[name].dtype == object:
            assert left[name].tolist() == right[name].tolist(), name
        elif exact:
            np.testing.assert_array_equal(left[name], right[name], err_msg=name)
        else:
            np.testing.assert_allclose(left[name], right[name], atol=1e-6, err_msg=name)
    assert all((left[name] >= 0).all() for name in timed)


def test_all_fits_are_one_population_and_every_score_is_that_of_a_loop():
    model = MLPClassifier((6,), **HOW)
    theirs = GridSearchCV(model, GRID, cv=3, return_train_score=True).fit(X, Y)
    before = compiled._compile.cache_info().misses
    ours = SearchCV(model, GRID, cv=3, return_train_score=True).fit(X, Y)
    assert compiled._compile.cache_info().misses <= before + 1
    same_tables(ours, theirs)
    assert ours.best_params_ == theirs.best_params_ and ours.best_score_ == theirs.best_score_
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    assert ours.strategy_.startswith("mapped: 1 program for 12 runs")
    assert ours.n_features_in_ == 4 and list(ours.classes_) == [0, 1, 2]


def test_widths_are_padded_and_score_the_same():
    grid = {"hidden_layer_sizes": [(3,), (7,), (5,)], "activation": ["tanh"]}
    model = MLPClassifier(**HOW | {"max_iter": 5})
    padded, apart = (SearchCV(model, grid, cv=2, strategy=how).fit(X, Y) for how in ("pad", "bucket"))
    assert "1 program for 6 runs" in padded.strategy_ and "3 programs for 6 runs" in apart.strategy_
    same_tables(padded, apart, exact=False)
    loop = GridSearchCV(model, grid, cv=2).fit(X, Y)
    same_tables(apart, loop)


def test_epochs_are_a_parameter_like_any_other():
    grid = {"max_iter": [2, 5], "alpha": [0.1, 0.1]}
    ours, theirs = (one(MLPClassifier((4,), **HOW), grid, cv=2).fit(X, Y) for one in (SearchCV, GridSearchCV))
    same_tables(ours, theirs)


def test_a_pipeline_is_scaled_fold_by_fold():
    pipe = make_pipeline(StandardScaler(), MLPClassifier((5,), **HOW))
    grid = {"mlpclassifier__alpha": [1e-4, 1.0], "standardscaler__with_mean": [True, False]}
    ours, theirs = (one(pipe, grid, cv=3).fit(X, Y) for one in (SearchCV, GridSearchCV))
    same_tables(ours, theirs)
    assert ours.strategy_.startswith("mapped")


def test_early_stopping_weights_several_scores_and_groups():
    model = MLPClassifier((5,), early_stopping=True, class_weight="balanced", **HOW)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X))
    how = {"scoring": ["accuracy", "neg_log_loss"], "refit": "neg_log_loss", "cv": GroupKFold(3)}
    groups = np.arange(len(X)) % 7
    ours, theirs = (
        one(model, {"alpha": [1e-4, 1.0]}, **how).fit(X, Y, groups=groups, sample_weight=weight)
        for one in (SearchCV, GridSearchCV)
    )
    same_tables(ours, theirs)
    assert ours.strategy_.startswith("mapped")


def test_a_regressor_and_candidates_drawn_at_random():
    x, y = make_regression(60, 4, noise=1.0, random_state=0)
    model = MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=9, random_state=0)
    values = {"alpha": [1e-4, 1e-2, 1.0, 10.0]}
    ours = SearchCV(model, values, n_iter=2, random_state=3, cv=2).fit(x, y)
    theirs = RandomizedSearchCV(model, values, n_iter=2, random_state=3, cv=2).fit(x, y)
    same_tables(ours, theirs)


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_setting_that_is_impossible_has_the_score_of_an_error():
    model = MLPClassifier((5,), **HOW)
    grid = {"alpha": [1e-4, -1.0]}
    with pytest.warns(FitFailedWarning, match="alpha: got -1.0"):
        ours = SearchCV(model, grid, cv=2).fit(X, Y)
    assert np.isnan(ours.cv_results_["mean_test_score"]).tolist() == [False, True]
    with pytest.raises(ValueError, match=r"alpha: got -1\.0"):
        SearchCV(model, grid, cv=2, error_score="raise").fit(X, Y)


def test_what_cannot_be_mapped_says_so_and_is_fitted_as_ever():
    grid = {"C": [0.1, 1.0]}
    ours, theirs = (one(LogisticRegression(max_iter=500), grid, cv=2).fit(X, Y) for one in (SearchCV, GridSearchCV))
    same_tables(ours, theirs)
    assert ours.strategy_ == "one after another: LogisticRegression is no estimator of jaxnn"


def test_halving_goes_on_where_the_rung_before_ended():
    model = MLPClassifier((5,), **HOW | {"max_iter": 9, "tol": 0.0, "n_iter_no_change": 99})
    grid = {"learning_rate_init": [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.2, 0.3]}
    search = SearchCV(model, grid, cv=2, schedule="halving", refit=False).fit(X, Y)
    assert search.n_resources_ == [1, 3, 9] and search.n_candidates_ == [9, 3, 1]
    assert search.cv_results_["iter"].tolist() == [0] * 9 + [1] * 3 + [2]
    assert search.cv_results_["n_resources"].tolist() == [1] * 9 + [3] * 3 + [9]
    assert search.best_index_ == 12 and search.n_remaining_candidates_ == 1
    best = search.best_params_
    assert best["max_iter"] == 9
    whole = GridSearchCV(model, {"learning_rate_init": [best["learning_rate_init"]]}, cv=2, refit=False).fit(X, Y)
    assert whole.best_score_ == search.best_score_  # twelve steps here and there are the same twelve steps
    means = search.cv_results_["mean_test_score"]
    kept = {one["learning_rate_init"] for one in search.cv_results_["params"][9:12]}
    order = np.argsort(-means[:9], kind="stable")[:3]
    assert kept == {grid["learning_rate_init"][i] for i in order}


def test_hyperband_has_several_beginnings():
    model = MLPClassifier((4,), **HOW | {"max_iter": 9, "tol": 0.0, "n_iter_no_change": 99})
    grid = {"learning_rate_init": np.geomspace(1e-3, 0.1, 11).tolist()}
    search = SearchCV(model, grid, cv=2, schedule="hyperband", refit=False).fit(X, Y)
    first = search.cv_results_["n_resources"][search.cv_results_["iter"] == 0]
    assert sorted(set(first.tolist())) == [1, 3, 9] and len(first) == 11
    assert search.best_params_["max_iter"] == 9


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"schedule": "halvng"}, "Did you mean halving"),
        ({"factor": 1}, "SearchCV.factor: got 1"),
        ({"strategy": "padd"}, "Did you mean pad"),
        ({"schedule": "halving", "param_grid": {"max_iter": [3, 4]}}, "It is dealt out"),
    ],
)
def test_wrong_parameters_are_named(how, said):
    given = {"param_grid": {"alpha": [1e-4]}} | how
    with pytest.raises(ValueError, match=said):
        SearchCV(MLPClassifier((3,), **HOW), cv=2, **given).fit(X, Y)


@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks_it_as_its_own():
    """The two that scikit-learn itself expects `GridSearchCV` to fail, and no other."""
    model = MLPClassifier((20,), max_iter=60, learning_rate_init=0.03, random_state=0)
    said = check_estimator(SearchCV(model, {"alpha": [1e-4]}, cv=2), on_fail=None, on_skip=None)
    failed = {one["check_name"]: str(one["exception"]) for one in said if one["status"] == "failed"}
    assert set(failed) <= {"check_supervised_y_2d", "check_requires_y_none"}, failed
    assert sum(one["status"] == "passed" for one in said) > 50
