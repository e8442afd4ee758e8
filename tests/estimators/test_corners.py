"""Inputs and calls at the edge, beside scikit-learn's own estimators where it has an answer."""

import json

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

import jaxnn as nn
from jaxnn import estimators
from jaxnn.estimators import ConvClassifier, MLPClassifier, MLPRegressor, prediction
from jaxnn.tensorfile import opened, pack

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(60, 4))
Y = np.argmax(X[:, :3], axis=1)
VALUES = X @ np.array([1.0, -1.0, 2.0, 0.0])
QUICK = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 1}


@pytest.mark.parametrize("case", ["a constant column", "mostly zeros"])
def test_scores_of_constant_targets_are_theirs(case, quick_compiles):
    """R2 is 1 or 0 where the held-out targets do not vary, and the run stops where theirs does."""
    y = np.column_stack([VALUES, np.zeros(60)]) if case == "a constant column" else (np.arange(60) % 20 == 0) * 3.0
    how = QUICK | {"max_iter": 300, "early_stopping": True, "shuffle": False, "learning_rate_init": 0.02}
    mine, their = (home.MLPRegressor(**how).fit(X, y) for home in (estimators, theirs))
    np.testing.assert_allclose(mine.validation_scores_, their.validation_scores_, rtol=1e-6)
    assert mine.n_iter_ == their.n_iter_ < 300


def test_every_partial_fit_drops_other_units(quick_compiles):
    """Linear units whose bias nothing but a gradient moves: after many calls of one seed each of them has learnt."""
    model = MLPRegressor(hidden_layer_sizes=(16,), activation="identity", dropout=0.5, random_state=0, alpha=0.0)
    model.partial_fit(X[:1], VALUES[:1])
    first = model.coefs_[0].copy()
    for _ in range(14):
        model.partial_fit(X[:1], VALUES[:1])
    still = ((model.coefs_[0] - first) == 0).all(axis=0)  # Adam moves a unit by its momentum even while it is dropped
    assert not still.any()


def test_labels_of_other_numbers_and_kinds(quick_compiles):
    """0 and 255 are no and yes, as for theirs; labels after classes, or classes after labels, are refused."""
    labels = np.column_stack([Y == 0, Y > 0]).astype("uint8")
    mine, their = (
        home.MLPClassifier(**QUICK | {"shuffle": False}).fit(X, labels * 255) for home in (estimators, theirs)
    )
    np.testing.assert_allclose(mine.coefs_[0], their.coefs_[0], rtol=1e-8)
    one_hot = np.eye(3, dtype=int)[Y]
    with pytest.raises(ValueError, match="not fitted with multilabel input"):
        MLPClassifier(**QUICK).fit(X, Y).partial_fit(X, one_hot)
    with pytest.raises(ValueError, match="not fitted with multilabel input"):
        MLPClassifier(**QUICK).fit(X, Y, X_val=X, y_val=one_hot)
    with pytest.raises(ValueError, match="fitted with multilabel input"):
        MLPClassifier(**QUICK).fit(X, one_hot).partial_fit(X, Y)
    many = MLPClassifier(**QUICK).fit(X, sparse.csr_matrix(one_hot))
    assert sparse.issparse(many.predict(X)) and many.predict_proba(X).shape == (60, 3)


def test_parameters_set_after_fit_change_no_answer(tmp_path, quick_compiles):
    model = MLPRegressor(**QUICK).fit(X, VALUES)
    before = model.predict(X)
    model.set_params(loss="poisson", activation="tanh")
    np.testing.assert_array_equal(model.predict(X), before)
    with pytest.raises(nn.JaxnnError, match="parameters that were changed after fit"):
        estimators.save(tmp_path / "model.safetensors", model)


def test_penalty_switched_on_and_off_while_warm(quick_compiles):
    model = MLPClassifier(**QUICK, warm_start=True).fit(X, Y)
    for alpha in (0.0, 0.1):
        model.set_params(alpha=alpha).fit(X, Y)
    assert len(model.loss_curve_) == 12 and np.isfinite(model.loss_curve_).all()


def test_max_iter_without_end(quick_compiles):
    model = MLPClassifier(**QUICK | {"max_iter": 10**10, "tol": 0.5, "n_iter_no_change": 1}).fit(X, Y)
    assert model.n_iter_ < 100


def test_lbfgs_that_spends_its_evaluations(quick_compiles):
    with pytest.warns(ConvergenceWarning, match=r"lbfgs: Maximum evaluations \(3\) reached"):
        model = MLPClassifier(**QUICK | {"max_iter": 100}, solver="lbfgs", max_fun=3).fit(X, Y)
    assert model.stopped_because_ == "more than 3 evaluations" and model.t_ == 0
    assert model._continuation is None  # it begins anew in a later fit: nothing is kept, pickles stay small


def test_a_fork_is_refused(monkeypatch):
    """Waiting for JAX in a fork has no end."""
    model = MLPClassifier(**QUICK).fit(X, Y)
    monkeypatch.setattr(prediction, "_PROCESS", [prediction._PROCESS[0] + 1])
    for ask in (lambda: model.predict(X), lambda: model.fit(X, Y)):
        with pytest.raises(nn.JaxnnError, match="a fork of one in which JAX was running"):
            ask()


def test_a_shared_generator_gives_theirs_weights(quick_compiles):
    """Two estimators one after another, as in a script that passes one RandomState around."""
    how = QUICK | {"shuffle": False, "solver": "sgd"}
    for home in (estimators, theirs):
        random = np.random.RandomState(7)
        pairs = [home.MLPRegressor(**how | {"random_state": random}).fit(X, VALUES) for _ in range(2)]
        if home is estimators:
            mine = pairs
    for one, other in zip(mine, pairs, strict=True):
        np.testing.assert_allclose(one.coefs_[0], other.coefs_[0], rtol=1e-9)


def test_verbose_says_why_it_stopped(capsys, quick_compiles):
    how = QUICK | {"max_iter": 200, "tol": 0.5, "n_iter_no_change": 2, "verbose": True, "shuffle": False}
    said = []
    for home in (estimators, theirs):
        home.MLPClassifier(**how).fit(X, Y)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] and said[0].endswith("for 2 consecutive epochs. Stopping.\n")
    with pytest.raises(ValueError, match=r"MLPClassifier\.verbose: got 'loud'"):
        MLPClassifier(verbose="loud").fit(X, Y)


def test_weights_of_mixed_precision_and_outputs_of_nan(quick_compiles):
    model = MLPClassifier(**QUICK, dtype=np.float32).fit(X, Y)
    assert model.coefs_[0].dtype == np.float32 and isinstance(model.loss_curve_[0], np.float64)
    model.coefs_ = [one.astype(np.float64) for one in model.coefs_]
    assert model.predict_proba(X).dtype == np.float64
    model.coefs_[0][0, 0] = np.nan
    for ask in (model.predict, model.predict_proba):
        with pytest.raises(nn.JaxnnError, match="row 0: got an output of NaN"):
            ask(X)


def rewritten(path, change):
    """The file again, whole and with right checksums, after a change of its document or arrays."""
    with opened(path, "a file") as file:
        document, arrays = json.loads(json.dumps(file.document)), dict(file.arrays())
    change(document, arrays)
    path.write_bytes(pack(document, arrays))


HOSTILE = {
    "wide": lambda d, a: d["parameters"].update(hidden_layer_sizes=[10**9]),
    "deep": lambda d, a: d["parameters"].update(hidden_layer_sizes=[1] * 3000),
    "many features": lambda d, a: d["facts"].update(n_features_in_=2**70),
    "no features": lambda d, a: d["facts"].update(n_features_in_=0),
    "names": lambda d, a: d.update(feature_names=5),
    "too few names": lambda d, a: d.update(feature_names=["a"]),
    "no classes": lambda d, a: d.update(classes=None),
    "classes in another order": lambda d, a: a.update({"fitted.classes_": a["fitted.classes_"][::-1]}),
    "classes of NaN": lambda d, a: a.update({"fitted.classes_": np.array([0.0, np.nan, 2.0])}),
    "a curve of one number": lambda d, a: a.update({"fitted.loss_curve_": np.float64(1.0)}),
    "no curve": lambda d, a: a.pop("fitted.loss_curve_"),
    "an array too many": lambda d, a: a.update({"more": np.zeros(3)}),
    "outputs": lambda d, a: d["facts"].update(n_outputs_=99),
    "negative": lambda d, a: d["facts"].update(n_iter_=-3),
    "a wrong alpha": lambda d, a: d["parameters"].update(alpha=-1),
    "class weights": lambda d, a: d["parameters"].update(class_weight=[[1]]),
    "another class": lambda d, a: d.update(estimator=["MLPClassifier"]),
    "weights": lambda d, a: a.update({"params.dense_0.bias": np.zeros(6)}),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.safetensors"
    estimators.save(path, MLPClassifier(**QUICK).fit(X, Y))
    return path.read_bytes()


@pytest.mark.parametrize("case", HOSTILE, ids=str)
def test_hostile_files(case, saved, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(saved)
    rewritten(path, HOSTILE[case])
    with pytest.raises(nn.JaxnnError, match=r"model\.safetensors: "):
        estimators.load(path)


def test_a_window_that_would_fill_the_memory(tmp_path, quick_compiles):
    path = tmp_path / "model.safetensors"
    estimators.save(path, ConvClassifier(channels=(2,), hidden_layer_sizes=(), max_iter=1).fit(X, Y))
    rewritten(path, lambda d, a: d["parameters"].update(kernel_size=10**9))
    with pytest.raises(nn.JaxnnError, match="widths of layers for"):
        estimators.load(path)


def test_a_loaded_estimator_goes_on(tmp_path, quick_compiles):
    """From its weights, with a fresh optimiser, also with early stopping."""
    path = tmp_path / "model.safetensors"
    how = QUICK | {"warm_start": True, "early_stopping": True}
    estimators.save(path, MLPClassifier(**how).fit(X, Y))
    loaded = estimators.load(path).fit(X, Y)
    assert len(loaded.loss_curve_) == 8
    estimators.load(path).set_params(early_stopping=False).partial_fit(X, Y)
