"""What scikit-learn's own estimators do not have: each does what its name says."""

import copy
import pickle
import warnings

import jax
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import jaxnn as nn
from jaxnn.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(8)
X = RANDOM.normal(size=(80, 5))
Y = np.argmax(X[:, :3] + 0.5 * RANDOM.normal(size=(80, 3)), axis=1)
VALUES = X @ np.array([1.0, 2.0, -1.0, 0.0, 0.5])
COMMON = {"hidden_layer_sizes": (7,), "max_iter": 6, "random_state": 2}


def same_bits(one, other):
    jax.tree.map(np.testing.assert_array_equal, (one.coefs_, one.intercepts_), (other.coefs_, other.intercepts_))


WARM = {
    "adam": {},
    "dropout and batch norm": {"dropout": 0.3, "batch_norm": True, "batch_size": 16},
    "sgd adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
    "sgd inverse scaling": {
        "solver": "sgd",
        "learning_rate": "invscaling",
        "learning_rate_init": 0.5,
        "batch_size": 30,
    },
    "early stopping": {"early_stopping": True, "n_iter_no_change": 20},
}


@pytest.mark.parametrize("case", WARM, ids=str)
def test_warm_start_continues_exactly(case, quick_compiles):
    """Twice 6 epochs are 12 epochs, bit for bit; a pickled or deep-copied estimator goes on just so."""
    how = COMMON | WARM[case]
    whole = MLPClassifier(**how | {"max_iter": 12}).fit(X, Y)
    pickled = lambda model: pickle.loads(pickle.dumps(model))  # noqa: E731, S301 (our own bytes)
    for between in (lambda model: model, pickled, copy.deepcopy):
        model = between(MLPClassifier(**how, warm_start=True).fit(X, Y)).fit(X, Y)
        same_bits(model, whole)
        assert model.loss_curve_ == whole.loss_curve_ and model.t_ == whole.t_ and model.n_iter_ == 6
        assert model.validation_scores_ == whole.validation_scores_


def test_warm_start_goes_on_from_weights_put_in_by_hand(quick_compiles):
    model = MLPClassifier(**COMMON, warm_start=True).fit(X, Y)
    model.coefs_[0][:] = 0.0
    model.set_params(learning_rate_init=1e-12).fit(X, Y)
    assert np.abs(model.coefs_[0]).max() < 1e-9


def test_another_network_cannot_go_on():
    model = MLPClassifier(**COMMON, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"MLPClassifier: got another network, .*to go on with"):
        model.set_params(hidden_layer_sizes=(9,)).fit(X, Y)


def test_dropout_of_each_layer(quick_compiles):
    """A layer of which nothing is dropped learns as without dropout; with dropout the loss in training is higher."""
    plain = MLPClassifier(**COMMON).fit(X, Y)
    same_bits(MLPClassifier(**COMMON, dropout=[0.0]).fit(X, Y), plain)
    dropped = MLPClassifier(**COMMON, dropout=0.8).fit(X, Y)
    assert dropped.loss_ > plain.loss_ and not np.array_equal(dropped.coefs_[0], plain.coefs_[0])
    assert (dropped.predict_proba(X) == dropped.predict_proba(X)).all()  # nothing is dropped in predict
    for wrong, message in [(1.0, "a number of at least 0 and below 1"), ([0.1, 0.2], "2 values for 1 hidden layers")]:
        with pytest.raises(ValueError, match=message):
            MLPClassifier(**COMMON, dropout=wrong).fit(X, Y)


def test_class_weight_is_the_weight_of_each_example(quick_compiles):
    counts = np.bincount(Y)
    balanced = (len(Y) / (3 * counts))[Y]
    how = COMMON | {"batch_size": 80}
    one = MLPClassifier(**how, class_weight="balanced").fit(X, Y)
    same_bits(one, MLPClassifier(**how).fit(X, Y, sample_weight=balanced))
    both = MLPClassifier(**how, class_weight={0: 2.0, 2: 0.5}).fit(X, Y, sample_weight=balanced)
    same_bits(both, MLPClassifier(**how).fit(X, Y, sample_weight=balanced * np.array([2.0, 1.0, 0.5])[Y]))
    with pytest.raises(ValueError, match="'balanced' in partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


def test_validation_data_of_ones_own(quick_compiles):
    """Measured without being learnt: the weights are those of a run without it; the last row is `log_loss` by hand."""
    plain = MLPClassifier(**COMMON).fit(X[:50], Y[:50])
    model = MLPClassifier(**COMMON).fit(X[:50], Y[:50], X_val=X[50:], y_val=Y[50:])
    same_bits(model, plain)
    by_hand = -np.mean(np.log(model.predict_proba(X[50:])[np.arange(30), Y[50:]]))
    np.testing.assert_allclose(model.validation_loss_curve_[-1], by_hand, rtol=1e-9)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == 6
    assert abs(model.validation_scores_[-1] - model.score(X[50:], Y[50:])) < 1e-12
    decided = MLPClassifier(**COMMON | {"max_iter": 40, "learning_rate_init": 0.05}, early_stopping=True)
    decided.fit(X[:50], Y[:50], X_val=X[50:], y_val=Y[50:])
    assert decided.t_ == 50 * decided.n_iter_  # nothing of X was held out
    assert decided.score(X[50:], Y[50:]) == max(decided.validation_scores_) == decided.best_validation_score_
    with pytest.raises(ValueError, match="X_val and y_val: got one of them"):
        model.fit(X, Y, X_val=X)


@pytest.mark.parametrize(
    ("loss", "slope"),
    [
        ("absolute_error", lambda e: np.sign(e)),
        ("huber", lambda e: np.clip(e, -1, 1)),
        (nn.losses.Huber(0.3), lambda e: np.clip(e, -0.3, 0.3)),
        ("quantile", lambda e: 0.5 * np.sign(e)),
        (nn.losses.Quantile((0.9,)), lambda e: np.where(e > 0, 0.1, -0.9)),
        (lambda outputs, targets: (outputs - targets)[..., 0] ** 4, lambda e: 4 * e**3),
    ],
    ids=["absolute", "huber", "huber 0.3", "median", "quantile 0.9", "own"],
)
def test_other_losses_of_values(loss, slope, quick_compiles):
    """One step of plain gradient descent on the bias of a linear model, against the slope of the loss by hand."""
    how = {"hidden_layer_sizes": (), "solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1, "alpha": 0.0}
    begin = {"coefs_init": [np.zeros((5, 1))], "intercepts_init": [np.array([0.25])]}
    model = MLPRegressor(loss, **how, **begin, max_iter=1).fit(X, VALUES)
    np.testing.assert_allclose(model.intercepts_[0], 0.25 - 0.1 * slope(0.25 - VALUES).mean(), rtol=1e-9)


def test_several_quantiles_and_a_learnt_spread(quick_compiles):
    """Without features, quantiles are those of the targets, and mean and spread theirs."""
    x, y = np.zeros((99, 1)), np.arange(1.0, 100.0)
    how = {"hidden_layer_sizes": (), "learning_rate_init": 0.5, "max_iter": 500, "tol": 0.0, "n_iter_no_change": 500}
    model = MLPRegressor(nn.losses.Quantile((0.1, 0.5, 0.9)), **how).fit(x, y)
    np.testing.assert_allclose(model.predict_quantiles(x[:1]), [[10, 50, 90]], atol=1.0)
    assert model.predict(x).shape == (99,) and model.n_outputs_ == 1
    normal = MLPRegressor("gaussian_nll", **how | {"learning_rate_init": 0.05}).fit(x, (y - 50) / 10)
    mean, spread = normal.predict(x[:1], return_std=True)
    np.testing.assert_allclose([mean[0], spread[0]], [0, np.std((y - 50) / 10)], atol=0.02)
    with pytest.raises(ValueError, match="loss='gaussian_nll', which learns it"):
        model.predict(x, return_std=True)
    with pytest.raises(ValueError, match="2 columns"):
        MLPRegressor("quantile").fit(X, np.column_stack([VALUES, VALUES]))


def test_focal_loss_learns_hard_examples_more(quick_compiles):
    """Gamma 0 is the log loss; a larger gamma weighs sure examples less, so that probabilities stay nearer to even."""
    how = COMMON | {"max_iter": 30, "learning_rate_init": 0.01, "dtype": "float64"}
    plain = MLPClassifier(**how).fit(X, Y)
    same = MLPClassifier(**how, loss=nn.losses.Focal(0.0)).fit(X, Y)
    np.testing.assert_allclose(same.coefs_[0], plain.coefs_[0], rtol=1e-6)
    focal = MLPClassifier(**how, loss="focal").fit(X, Y)
    assert focal.predict_proba(X).max(axis=1).mean() < plain.predict_proba(X).max(axis=1).mean()
    MLPClassifier(**how, loss="focal").fit(X, Y > 0)
    with pytest.raises(ValueError, match="a binary loss on logits"):
        MLPClassifier(**how, loss=nn.losses.softmax_cross_entropy).fit(X, Y > 0)


def test_activations_by_name_list_and_function(quick_compiles):
    how = COMMON | {"hidden_layer_sizes": (6, 4)}
    by_name = MLPClassifier(**how, activation=["tanh", "gelu"]).fit(X, Y)
    by_function = MLPClassifier(**how, activation=[nn.tanh, nn.gelu]).fit(X, Y)
    same_bits(by_name, by_function)
    z = np.tanh(X @ by_name.coefs_[0] + by_name.intercepts_[0])
    np.testing.assert_allclose(by_name.transform(X, layer=0), z, rtol=1e-9)
    own = MLPClassifier(**how, activation=lambda z: jax.numpy.sin(z)).fit(X, Y)
    np.testing.assert_allclose(own.transform(X, layer=0), np.sin(X @ own.coefs_[0] + own.intercepts_[0]), rtol=1e-9)
    with pytest.raises(ValueError, match=r"needed one of identity, logistic, .*Did you mean relu"):
        MLPClassifier(activation="rellu").fit(X, Y)


def test_hidden_activations_by_transform(quick_compiles):
    model = MLPRegressor(**COMMON, activation="relu").fit(X, VALUES)
    hidden = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)
    np.testing.assert_allclose(model.transform(X), hidden, rtol=1e-9, atol=1e-12)
    assert list(model.get_feature_names_out()) == [f"mlpregressor{i}" for i in range(7)]
    linear = MLPRegressor(**COMMON | {"hidden_layer_sizes": ()}).fit(X, VALUES)
    np.testing.assert_array_equal(linear.transform(X), X)
    with pytest.raises(ValueError, match="layer: got 3"):
        model.transform(X, layer=3)


def test_initializers_and_given_weights(quick_compiles):
    how = COMMON | {"learning_rate_init": 1e-30, "max_iter": 1}
    zeros = MLPClassifier(**how, init="zeros").fit(X, Y)
    assert max(np.abs(one).max() for one in zeros.coefs_) < 1e-20
    drawn = MLPClassifier(**how | {"hidden_layer_sizes": (400,)}, init="he_normal").fit(X, Y)
    np.testing.assert_allclose(drawn.coefs_[0].std(), np.sqrt(2 / 5), rtol=0.1)
    assert np.abs(drawn.intercepts_[0]).max() < 1e-20
    with pytest.raises(ValueError, match=r"coefs_init: got 1 arrays of shapes \[\(2, 2\)\]"):
        MLPClassifier(**how, coefs_init=[np.zeros((2, 2))]).fit(X, Y)


def test_batch_norm_normalises_with_running_statistics(quick_compiles):
    """Shifted and scaled inputs are no trouble; the answers by hand in NumPy."""
    far = 10 + 5 * X
    model = MLPClassifier(**COMMON | {"max_iter": 60, "learning_rate_init": 0.01, "batch_size": 16}, batch_norm=True)
    model.fit(far, Y)
    assert model.score(far, Y) > 0.7
    params, state = model._norms[0]["batch_norm_0"], model._norms[1]["batch_norm_0"]
    z = far @ model.coefs_[0] + model.intercepts_[0]
    normal = (z - state["mean"]) / np.sqrt(state["var"] + 1e-5) * params["scale"] + params["bias"]
    np.testing.assert_allclose(model.transform(far), np.maximum(normal, 0), rtol=1e-6, atol=1e-6)
    same_bits(clone(model).fit(far, Y), model)


def test_divergence_keeps_the_last_finite_weights_and_says_where(quick_compiles):
    for early in (False, True):
        model = MLPRegressor(solver="sgd", learning_rate_init=1e6, early_stopping=early, random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, 1e3 * VALUES)
        said = [str(one.message) for one in caught if one.category is ConvergenceWarning]
        assert len(said) == 1 and "not finite at epoch" in said[0] and "are kept" in said[0]
        assert all(np.isfinite(one).all() for one in (*model.coefs_, *model.intercepts_))
        assert np.isfinite(model.predict(X)).all()


def test_lines_of_progress(capsys):
    MLPClassifier(**COMMON | {"max_iter": 3}, verbose=True, early_stopping=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[::2]] == ["Iteration 1", "Iteration 2", "Iteration 3"]
    assert all(line.startswith("Validation score: ") for line in lines[1::2])


def test_parameters_are_checked_in_fit_with_name_value_and_range():
    for wrong, message in [
        ({"alpha": -1}, r"MLPClassifier.alpha: got -1; needed a number of at least 0"),
        ({"solver": "adagrad"}, r"MLPClassifier.solver: got 'adagrad'; needed one of lbfgs, sgd, adam"),
        ({"batch_size": 0}, r"MLPClassifier.batch_size: got 0; needed a whole number"),
        ({"beta_1": 1.0}, r"MLPClassifier.beta_1: got 1.0"),
        ({"n_iter_no_change": 0.5}, r"MLPClassifier.n_iter_no_change: got 0.5"),
        ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be > 0, got \[3, 0\]"),
        ({"dtype": "float16"}, r"MLPClassifier.dtype: got 'float16'"),
        ({"init": "he"}, r"MLPClassifier.init: got 'he'"),
        ({"loss": "hinge"}, r"MLPClassifier.loss: got 'hinge'"),
        ({"shuffle": 1}, r"MLPClassifier.shuffle: got 1; needed True or False"),
    ]:
        with pytest.raises(ValueError, match=message):
            MLPClassifier(**wrong).fit(X, Y)


def test_a_fit_that_fails_changes_nothing(quick_compiles):
    """An estimator that was fitted stays so; one that was not is not fitted."""
    model = MLPClassifier(**COMMON).fit(X, Y)
    answers, settings = model.predict_proba(X), vars(model).copy()
    wrong = lambda outputs, targets: outputs.sum()  # noqa: E731 (one number for all)
    with pytest.raises(ValueError, match="one loss for each example"):
        model.set_params(loss=wrong).fit(X[:40], Y[:40])
    np.testing.assert_array_equal(model.predict_proba(X), answers)
    assert {name for name in vars(model) if vars(model)[name] is not settings.get(name)} == {"loss"}
    fresh = MLPClassifier(**COMMON, dropout=0.5, solver="lbfgs")
    with pytest.raises(ValueError, match=r"MLPClassifier\.dropout: got 0\.5 with solver='lbfgs'"):
        fresh.fit(X, Y)
    assert not [name for name in vars(fresh) if name.endswith("_")]


def test_warnings_point_at_the_line_that_fits(quick_compiles):
    with pytest.warns(ConvergenceWarning) as caught:
        MLPClassifier(**COMMON).fit(X, Y)
    assert caught[0].filename == __file__
