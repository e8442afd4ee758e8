"""scikit-learn's own checks, and its tools around the estimators."""

import numpy as np
import polars
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import jaxnn as nn
from jaxnn import estimators
from jaxnn.estimators import ConvClassifier, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
QUICK = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0}
X, Y = load_iris(return_X_y=True)
SMALL_CONV = ConvClassifier(channels=(3,), hidden_layer_sizes=(), max_iter=40, learning_rate_init=0.05)


@pytest.mark.filterwarnings("ignore")  # what the checks do on purpose
@pytest.mark.parametrize(
    ("estimator", "least"),
    [(MLPClassifier(), 65), (MLPRegressor(), 60), (SMALL_CONV, 60)],
    ids=["classifier", "regressor", "conv"],
)
def test_their_checks_pass(estimator, least, quick_compiles):
    """No expected failure; what is skipped needs pandas, the array API or a decision function."""
    done = check_estimator(estimator, on_skip=None, on_fail=None)
    wrong = [(one["check_name"], one["exception"]) for one in done if one["status"] not in ("passed", "skipped")]
    assert wrong == []
    assert sum(one["status"] == "passed" for one in done) >= least
    allowed = ("pandas", "SCIPY_ARRAY_API", "decision_function")
    skipped = [str(one["exception"]) for one in done if one["status"] == "skipped"]
    assert all(any(word in said for word in allowed) for said in skipped), skipped


def test_no_hidden_layer_is_logistic_regression_ridge_and_poisson_regression(quick_compiles):
    """Their minimum, found by other means; alpha / (2 n) |w|^2 is 1 / (2 C n), alpha / (2 n) or alpha / 2 |w|^2."""
    x = StandardScaler().fit_transform(load_breast_cancer().data)[:, :8]
    y = load_breast_cancer().target
    how = {"hidden_layer_sizes": (), "solver": "lbfgs", "max_iter": 2000, "tol": 1e-8, "random_state": 0}
    for targets in (y, np.digitize(x[:, 0] + x[:, 3], [-1, 1])):
        theirs = LogisticRegression(C=1 / 2.0, tol=1e-10, max_iter=5000).fit(x, targets)
        ours = MLPClassifier(**how, alpha=2.0).fit(x, targets)
        np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=5e-4)
    x, y = load_diabetes(return_X_y=True)
    x, y = x * 20, y / 100
    ridge = Ridge(alpha=3.0).fit(x, y)
    ours = MLPRegressor(**how, alpha=3.0).fit(x, y)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], ridge.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercepts_[0], ridge.intercept_, atol=1e-4)
    counts = np.round(y)
    poisson = PoissonRegressor(alpha=0.5, tol=1e-10, max_iter=5000).fit(x, counts)
    ours = MLPRegressor("poisson", **how, alpha=0.5 * len(x)).fit(x, counts)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], poisson.coef_, atol=1e-4)


def test_pipeline_search_and_scores(quick_compiles):
    model = make_pipeline(StandardScaler(), MLPClassifier(**QUICK | {"max_iter": 30, "learning_rate_init": 0.05}))
    assert cross_val_score(model, X, Y, cv=3).mean() > 0.9
    grid = {"mlpclassifier__alpha": [1e-4, 1.0], "mlpclassifier__dropout": [0.0, 0.2]}
    found = GridSearchCV(model, grid, cv=2).fit(X, Y)
    assert len(found.cv_results_["params"]) == 4 and found.best_estimator_.score(X, Y) > 0.9


def test_search_in_two_processes():
    """Estimators travel to other processes and back; the scores are those of one process."""
    grid = {"learning_rate_init": [1e-3, 1e-1]}
    scores = [GridSearchCV(MLPClassifier(**QUICK), grid, cv=2, n_jobs=jobs).fit(X, Y) for jobs in (1, 2)]
    one, two = (found.cv_results_["mean_test_score"] for found in scores)
    np.testing.assert_allclose(one, two)


def test_meta_estimators(quick_compiles):
    bagged = BaggingClassifier(MLPClassifier(**QUICK), n_estimators=3, random_state=0).fit(X, Y)
    assert bagged.predict_proba(X).shape == (150, 3)
    calibrated = CalibratedClassifierCV(MLPClassifier(**QUICK), cv=2).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)


def test_metadata_routing(quick_compiles):
    weight = np.linspace(0.1, 2, 150)
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier(**QUICK).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [1e-4]}, cv=2).fit(X, Y, sample_weight=weight)
    alone = MLPClassifier(**QUICK).fit(X, Y, sample_weight=weight)
    np.testing.assert_array_equal(search.best_estimator_.coefs_[0], alone.coefs_[0])


def test_frames_in_and_out(quick_compiles):
    frame = polars.DataFrame(X, schema=["a", "b", "c", "d"], orient="row")
    model = MLPClassifier(**QUICK).set_output(transform="polars").fit(frame, polars.Series(Y))
    assert list(model.feature_names_in_) == ["a", "b", "c", "d"]
    hidden = model.transform(frame)
    assert isinstance(hidden, polars.DataFrame) and hidden.columns == [f"mlpclassifier{i}" for i in range(6)]
    np.testing.assert_array_equal(model.predict(frame), MLPClassifier(**QUICK).fit(X, Y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename({"a": "z"}))


def test_sparse_input(quick_compiles, monkeypatch):
    x = np.where(X > 2, X, 0.0)
    for form in (sparse.csr_matrix, sparse.csc_matrix):
        model = MLPClassifier(**QUICK).fit(form(x), Y)
        np.testing.assert_array_equal(model.coefs_[0], MLPClassifier(**QUICK).fit(x, Y).coefs_[0])
        np.testing.assert_allclose(model.predict_proba(form(x)), model.predict_proba(x))
    monkeypatch.setattr(estimators.base, "DENSE_LIMIT", 1000)
    with pytest.raises(ValueError, match=r"a sparse matrix \(150, 4\).*TruncatedSVD"):
        MLPClassifier(**QUICK).fit(sparse.csr_matrix(x), Y)


class Recorder:
    """A callback of scikit-learn 1.9 that counts tasks and ends the fit after some epochs."""

    def __init__(self, stop_after=None):
        self.begun, self.ended, self.scores, self.stop_after = 0, 0, [], stop_after

    def setup(self, estimator, context):
        self.open = True

    def teardown(self, estimator, context):
        self.open = False

    def on_fit_task_begin(self, estimator, context):
        self.begun += 1

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.ended += 1
        if context.task_name == "epoch" and fitted_estimator is not None:
            self.scores.append(fitted_estimator.score(X, y))
            return len(self.scores) == self.stop_after
        return None


def test_callbacks(quick_compiles):
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9 has no callbacks")
    watching, ending = Recorder(), Recorder(stop_after=3)
    model = MLPClassifier(**QUICK).set_callbacks(watching).fit(X, Y)
    assert len(watching.scores) == 8 and watching.scores[-1] == model.score(X, Y)
    assert watching.begun == watching.ended == 9 and not watching.open  # eight epochs and the whole
    short = MLPClassifier(**QUICK).set_callbacks(ending).fit(X, Y)
    assert short.n_iter_ == 3 and short.stopped_because_ == "Tasks ended it after 3 epochs"
    assert ending.begun == ending.ended
    np.testing.assert_array_equal(short.coefs_[0], MLPClassifier(**QUICK | {"max_iter": 3}).fit(X, Y).coefs_[0])


LABELLED = (np.column_stack([Y > 0, Y < 2]).astype(int), {})
SAVED = {
    "classes": (MLPClassifier(**QUICK, dropout=0.1, batch_norm=True), Y),
    "text": (MLPClassifier(**QUICK, class_weight={"ant": 2.0}, loss="focal"), np.array(["ant", "bee", "cow"])[Y]),
    "two": (MLPClassifier(**QUICK, early_stopping=True, n_iter_no_change=np.inf), Y > 0),
    "labels": (MLPClassifier(**QUICK, activation=("gelu",)), LABELLED[0]),
    "values": (MLPRegressor(loss=nn.losses.Huber(0.5), **QUICK), X[:, 0]),
    "quantiles": (MLPRegressor(loss=nn.losses.Quantile((0.1, 0.9)), **QUICK, dtype="float32"), X[:, 0]),
    "images": (clone(SMALL_CONV).set_params(max_iter=2), Y),
}


@pytest.mark.parametrize("case", SAVED, ids=str)
def test_saved_and_loaded(case, tmp_path, quick_compiles):
    model, y = clone(SAVED[case][0]), SAVED[case][1]
    model.fit(X, y)
    estimators.save(tmp_path / "model.safetensors", model)
    loaded = estimators.load(tmp_path / "model.safetensors")
    assert type(loaded) is type(model) and repr(loaded) == repr(model)
    for ask in ("predict", "predict_proba", "transform"):
        if hasattr(model, ask):
            np.testing.assert_array_equal(getattr(loaded, ask)(X), getattr(model, ask)(X))
    gone = {"_continuation", "_split_random", "_one_epoch"}
    public = {name for name in vars(model) if name not in gone}
    assert public <= set(vars(loaded)) | {"_labels"}
    for name in ("loss_", "best_loss_", "validation_scores_", "best_validation_score_", "loss_curve_", "n_iter_", "t_"):
        assert getattr(loaded, name) == getattr(model, name), name
    np.testing.assert_array_equal(getattr(loaded, "classes_", 0), getattr(model, "classes_", 0))
    assert loaded.fit(X, y).n_iter_ == model.n_iter_


def test_a_flipped_bit_or_another_kind_of_file_is_noticed(tmp_path, quick_compiles):
    path = tmp_path / "model.safetensors"
    model = MLPClassifier(**QUICK).fit(X, Y)
    estimators.save(path, model)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    for place in [*random.integers(0, len(whole), 25), len(whole) - 1]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(nn.JaxnnError, match=r"model\.safetensors"):
            estimators.load(path)
    nn.save(path, nn.fit(nn.Dense(1), (X.astype(np.float32), X[:, :1]), nn.losses.squared_error, epochs=1))
    with pytest.raises(nn.JaxnnError, match="an estimator: one of MLPClassifier"):
        estimators.load(path)
    for wrong, message in [(MLPClassifier(), "not fitted"), (Ridge(), "got Ridge")]:
        with pytest.raises(nn.JaxnnError, match=message):
            estimators.save(path, wrong)
    own = MLPClassifier(**QUICK, activation=lambda z: z).fit(X, Y)
    estimators.save(path, own, custom={"line": own.activation})
    with pytest.raises(nn.JaxnnError, match="nothing named 'line'"):
        estimators.load(path)
    assert estimators.load(path, custom={"line": own.activation}).score(X, Y) == own.score(X, Y)


def test_images_as_rows(quick_compiles):
    """A shape that does not fit is refused; colours are the last axis of each row."""
    rows = np.random.default_rng(0).normal(size=(40, 2 * 6 * 3))
    labels = (rows.reshape(40, 2, 6, 3)[..., 1].mean(axis=(1, 2)) > 0).astype(int)
    model = ConvClassifier((2, 6, 3), (4,), hidden_layer_sizes=(), max_iter=2, random_state=0).fit(rows, labels)
    assert model.params_["conv_0"]["kernel"].shape == (3, 3, 3, 4) and model.image_shape_ == (2, 6, 3)
    assert model.transform(rows).shape == (40, 1 * 3 * 4)
    with pytest.raises(ValueError, match=r"image_shape: got \(5, 5\) for rows of 36 features"):
        ConvClassifier((5, 5)).fit(rows, labels)
