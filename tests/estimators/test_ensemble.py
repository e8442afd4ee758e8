"""`n_estimators=`: networks of other random numbers, each as if it were fitted alone, which answer together."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.metrics import log_loss

from jaxnn.estimators import ConvClassifier, MLPClassifier, MLPRegressor, SearchCV, save

X, Y = load_iris(return_X_y=True)
HOW = {"hidden_layer_sizes": (6,), "max_iter": 15, "learning_rate_init": 0.02, "random_state": 3}

pytestmark = [
    pytest.mark.usefixtures("quick_compiles"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def test_a_classifier_answers_with_the_mean_of_networks_fitted_alone():
    many = MLPClassifier(n_estimators=3, **HOW).fit(X, Y)
    seeds = [one.random_state for one in many.estimators_]
    assert len(set(seeds)) == 3
    alone = [MLPClassifier(**HOW | {"random_state": seed}).fit(X, Y) for seed in seeds]
    every = np.stack([one.predict_proba(X) for one in alone])
    np.testing.assert_array_equal(many.predict_proba(X), every.mean(axis=0))
    np.testing.assert_array_equal(many.predict(X), every.mean(axis=0).argmax(axis=1))
    np.testing.assert_array_equal(many.coefs_[0], alone[0].coefs_[0])
    assert log_loss(Y, many.predict_proba(X)) <= np.mean([log_loss(Y, one) for one in every])  # Jensen
    again = MLPClassifier(n_estimators=3, **HOW).fit(X, Y)
    np.testing.assert_array_equal(again.predict_proba(X), many.predict_proba(X))
    for other in (pickle.loads(pickle.dumps(many)), copy.deepcopy(many)):  # noqa: S301 (our own bytes)
        np.testing.assert_array_equal(other.predict_proba(X), many.predict_proba(X))
    assert not hasattr(many.set_params(n_estimators=1).fit(X, Y), "estimators_")


def test_a_regressor_tells_the_spread_of_its_networks():
    x, y = make_regression(50, 3, random_state=0)
    y = y / y.std()
    many = MLPRegressor(n_estimators=4, **HOW).fit(x, y)
    every = np.stack([one.predict(x) for one in many.estimators_])
    mean, spread = many.predict(x, return_std=True)
    np.testing.assert_allclose(mean, every.mean(axis=0))
    np.testing.assert_allclose(spread, every.std(axis=0))
    both = MLPRegressor("gaussian_nll", n_estimators=2, **HOW).fit(x, y)
    pairs = [one.predict(x, return_std=True) for one in both.estimators_]
    second = np.mean([mean**2 + std**2 for mean, std in pairs], axis=0)  # E[y^2] of the mixture
    mean, spread = both.predict(x, return_std=True)
    np.testing.assert_allclose(mean**2 + spread**2, second, rtol=1e-9)


def test_images_and_a_search_over_ensembles():
    images = np.random.default_rng(0).normal(size=(24, 36))
    labels = np.arange(24) % 2
    many = ConvClassifier(image_shape=(6, 6), channels=(2,), max_iter=2, n_estimators=2, random_state=0)
    assert many.fit(images, labels).predict_proba(images).shape == (24, 2)
    search = SearchCV(MLPClassifier(n_estimators=2, **HOW | {"max_iter": 3}), {"alpha": [0.1]}, cv=2).fit(X, Y)
    assert search.strategy_ == "one after another: the estimator is an ensemble, whose networks are trained together"


def watched(model):
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")
    return model.set_callbacks(callback.ProgressBar())


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: MLPClassifier(n_estimators=0, **HOW).fit(X, Y), "n_estimators: got 0"),
        (lambda: MLPClassifier(n_estimators=2, warm_start=True, **HOW).fit(X, Y), "An ensemble learns in one call"),
        (lambda: MLPClassifier(n_estimators=2, **HOW).partial_fit(X, Y, classes=[0, 1, 2]), "2 with partial_fit"),
        (lambda: MLPClassifier(n_estimators=2, **HOW).fit(X, Y).transform(X), r"estimators_\[0\].transform"),
        (lambda: save("never.safetensors", MLPClassifier(n_estimators=2, **HOW).fit(X, Y)), "an ensemble of 2"),
        (lambda: MLPClassifier(n_estimators=2, **HOW | {"alpha": -1}).fit(X, Y), "alpha: got -1"),
        (lambda: watched(MLPClassifier(n_estimators=2, **HOW)).fit(X, Y), "2 with callbacks"),
    ],
)
def test_what_an_ensemble_cannot_do_is_said(call, said):
    with pytest.raises(ValueError, match=said):
        call()
