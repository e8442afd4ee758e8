"""Beside scikit-learn's own: the same seed, order and settings give the same weights, losses, scores and answers."""

import warnings

import numpy as np
import pytest
from sklearn import neural_network as theirs
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning

from jaxnn import estimators as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(90, 6))
SEVERAL = np.array(["ant", "bee", "cow"])[np.argmax(X[:, :3] + 0.3 * RANDOM.normal(size=(90, 3)), axis=1)]
TWO = np.where(X[:, 0] + 0.5 * X[:, 1] > 0.2, 7, -3)
LABELS = make_multilabel_classification(90, 6, n_classes=4, random_state=0)
VALUES = X @ np.array([1.0, -2.0, 0.5, 0.0, 0.0, 1.0]) + np.sin(X[:, 0])
COUNTS = RANDOM.poisson(np.exp(X[:, 0] / 2)).astype(float)
WEIGHT = RANDOM.uniform(0.2, 2.0, 90)
COMMON = {"hidden_layer_sizes": (8, 5), "max_iter": 12, "shuffle": False, "random_state": 3}

CASES = {
    "several classes": ("MLPClassifier", {}, X, SEVERAL),
    "two classes": ("MLPClassifier", {"activation": "tanh"}, X, TWO),
    "several labels": ("MLPClassifier", {"activation": "logistic"}, *LABELS),
    "no hidden layer": ("MLPClassifier", {"hidden_layer_sizes": ()}, X, SEVERAL),
    "minibatches, the last one short": ("MLPClassifier", {"batch_size": 25, "alpha": 0.1}, X, SEVERAL),
    "alpha 0": ("MLPClassifier", {"alpha": 0.0}, X, TWO),
    "adam's numbers": ("MLPClassifier", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2}, X, TWO),
    "sgd": ("MLPClassifier", {"solver": "sgd", "learning_rate_init": 0.1, "batch_size": 25}, X, SEVERAL),
    "sgd without looking ahead": (
        "MLPClassifier", {"solver": "sgd", "learning_rate_init": 0.1, "nesterovs_momentum": False}, X, SEVERAL,
    ),
    "sgd, no momentum": ("MLPClassifier", {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.0}, X, TWO),
    "inverse scaling": (
        "MLPClassifier",
        {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5, "power_t": 0.3, "batch_size": 40},
        X, SEVERAL,
    ),
    "adaptive": (
        "MLPClassifier",
        {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.5, "tol": 0.2, "n_iter_no_change": 1,
         "max_iter": 40},
        X, SEVERAL,
    ),
    "stops by itself": ("MLPClassifier", {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 100}, X, SEVERAL),
    "early stopping": (
        "MLPClassifier", {"early_stopping": True, "max_iter": 60, "learning_rate_init": 0.05, "n_iter_no_change": 4},
        X, SEVERAL,
    ),
    "early stopping, two classes": (
        "MLPClassifier", {"early_stopping": True, "max_iter": 60, "learning_rate_init": 0.05, "n_iter_no_change": 4},
        X, TWO,
    ),
    "early stopping, several labels": (
        "MLPClassifier", {"early_stopping": True, "learning_rate_init": 0.02, "n_iter_no_change": 4}, *LABELS,
    ),
    "values": ("MLPRegressor", {}, X, VALUES),
    "two columns of values": ("MLPRegressor", {"alpha": 0.01}, X, np.column_stack([VALUES, X[:, 1]])),
    "poisson": ("MLPRegressor", {"loss": "poisson", "solver": "sgd"}, X, COUNTS),
    "early stopping of values": (
        "MLPRegressor", {"early_stopping": True, "max_iter": 60, "learning_rate_init": 0.05, "n_iter_no_change": 3},
        X, VALUES,
    ),
}  # fmt: skip


def pair(name, how, x, y, **given):
    """Both fitted to the same."""
    return [getattr(home, name)(**(COMMON | how)).fit(x, y, **given) for home in (ours, theirs)]


def same(mine, their, rtol=1e-9):
    for name in ("coefs_", "intercepts_"):
        for one, other in zip(getattr(mine, name), getattr(their, name), strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(mine, name) == getattr(their, name), name


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_same_run_as_theirs(case, quick_compiles):
    name, how, x, y = CASES[case]
    mine, their = pair(name, how, x, y)
    same(mine, their)
    np.testing.assert_allclose(mine.loss_curve_[-1], mine.loss_, rtol=0)
    if case != "two columns of values":  # theirs reports the mean over columns and minimises the sum
        np.testing.assert_allclose(mine.loss_curve_, their.loss_curve_, rtol=1e-8)
    if their.validation_scores_ is not None:
        np.testing.assert_allclose(mine.validation_scores_, their.validation_scores_, rtol=1e-8)
        assert abs(mine.best_validation_score_ - their.best_validation_score_) < 1e-9
        assert mine.best_loss_ is None
    elif case != "two columns of values":
        np.testing.assert_allclose(mine.best_loss_, their.best_loss_, rtol=1e-8)
    np.testing.assert_array_equal(getattr(mine, "classes_", 0), getattr(their, "classes_", 0))
    for ask in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(their, ask):
            one, other = getattr(mine, ask)(x), getattr(their, ask)(x)
            assert one.shape == other.shape and one.dtype == other.dtype, ask
            np.testing.assert_allclose(one, other, rtol=1e-7) if one.dtype.kind == "f" else None
            np.testing.assert_array_equal(one, other) if one.dtype.kind != "f" else None
    assert abs(mine.score(x, y) - their.score(x, y)) < 1e-9


@pytest.mark.parametrize("case", ["several classes", "two classes", "several labels", "values", "poisson"])
def test_sample_weights_as_theirs(case, quick_compiles):
    name, how, x, y = CASES[case]
    same(*pair(name, how | {"batch_size": 90}, x, y, sample_weight=WEIGHT))
    same(*pair(name, how | {"batch_size": 25}, x, y, sample_weight=WEIGHT))


@pytest.mark.parametrize("case", ["several classes", "sgd", "inverse scaling", "adaptive", "several labels", "values"])
def test_partial_fit_as_theirs(case, quick_compiles):
    """Batches of different sizes, one after another; the optimiser goes on."""
    name, how, x, y = CASES[case]
    mine, their = (getattr(home, name)(**(COMMON | how)) for home in (ours, theirs))
    first = {"classes": np.unique(y)} if name == "MLPClassifier" and case != "several labels" else {}
    first = {"classes": np.arange(4)} if case == "several labels" else first
    for part in (slice(0, 40), slice(40, 90), slice(0, 40), slice(10, 50)):
        for model in (mine, their):
            model.partial_fit(x[part], y[part], **first)
        first = {}
    same(mine, their)
    np.testing.assert_allclose(mine.loss_curve_, their.loss_curve_, rtol=1e-8)


def test_the_same_seed_draws_the_same_weights():
    """Theirs, after one step of a learning rate of nothing; ours may be asked for float32 too."""
    how = {"hidden_layer_sizes": (8, 5), "max_iter": 1, "learning_rate_init": 1e-300, "random_state": 11}
    mine, their = (home.MLPClassifier(**how).fit(X, SEVERAL) for home in (ours, theirs))
    same(mine, their, rtol=0)
    small = ours.MLPClassifier(**how | {"learning_rate_init": 1e-30}, dtype="float32").fit(X, SEVERAL)
    assert {one.dtype.name for one in (*small.coefs_, *small.intercepts_)} == {"float32"}
    np.testing.assert_allclose(small.coefs_[0], their.coefs_[0], rtol=1e-6)


def test_float32_in_float32_out():
    mine, their = pair("MLPRegressor", {}, X.astype(np.float32), VALUES.astype(np.float32))
    same(mine, their, rtol=2e-4)
    assert mine.predict(X.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("case", ["several classes", "two classes", "several labels", "values", "poisson"])
def test_their_coefficients_give_their_answers(case, quick_compiles):
    name, how, x, y = CASES[case]
    their = getattr(theirs, name)(**(COMMON | how | {"max_iter": 40})).fit(x, y)
    mine = getattr(ours, name)(**(COMMON | how | {"max_iter": 1})).fit(x, y)
    mine.coefs_, mine.intercepts_ = their.coefs_, their.intercepts_
    ask = "predict_proba" if name == "MLPClassifier" else "predict"
    np.testing.assert_allclose(getattr(mine, ask)(x), getattr(their, ask)(x), rtol=1e-6)
    mine.coefs_[0][:] = 0.0  # in place too, as with theirs
    assert np.ptp(np.asarray(getattr(mine, ask)(x)), axis=0).max() < 1e-12


def test_first_update_by_hand():
    """One step of gradient descent on one example, no hidden layer: w - rate (p - t) x, worked here in NumPy."""
    x, y = np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([1, 0])
    how = {"hidden_layer_sizes": (), "solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.5, "alpha": 0.3,
           "max_iter": 1, "coefs_init": [np.array([[0.1], [-0.2]])], "intercepts_init": [np.array([0.05])]}  # fmt: skip
    model = ours.MLPClassifier(**how).fit(x, y)
    p = 1 / (1 + np.exp(-np.array([0.1 - 0.4 + 0.05, 0.05])))
    slope = (p - [1, 0]) @ x / 2 + 0.3 * np.array([0.1, -0.2]) / 2
    np.testing.assert_allclose(model.coefs_[0][:, 0], [0.1, -0.2] - 0.5 * slope, rtol=1e-12)
    np.testing.assert_allclose(model.intercepts_[0], 0.05 - 0.5 * (p - [1, 0]).sum() / 2, rtol=1e-12)


def test_warnings_are_theirs():
    for home in (ours, theirs):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            home.MLPClassifier((4,), batch_size=1000, max_iter=2).fit(X, TWO)
        said = sorted((str(one.message), one.category) for one in caught)
        assert [category for _, category in said] == [UserWarning, ConvergenceWarning]
        assert said[0][0].startswith("Got `batch_size` less than 1 or larger than sample size.")
        assert said[1][0].startswith("Stochastic Optimizer: Maximum iterations (2) reached")
