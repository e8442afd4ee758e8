"""Cross-validation, nested and not, learning curves and seeds, against runs done alone and formulas by hand."""

import itertools

import numpy as np
import pytest
from scipy import stats

import jaxnn as nn
from jaxnn.population import crossval, seed_study
from jaxnn.population import folds as made_folds
from jaxnn.population.folds import seeds
from jaxnn.train import compiled

pytestmark = pytest.mark.usefixtures("quick_compiles")

LOSS = nn.losses.squared_error
NET = nn.Chain(nn.Dense(5), nn.tanh, nn.Dense(1))
HOW = {"epochs": 6, "batch_size": 8, "learning_rate": 0.05}


def table(rows=31):
    random = np.random.default_rng(3)
    x = random.normal(size=(rows, 3)).astype(np.float32)
    return x, (x[:, 0] - np.sin(2 * x[:, 1]) + 0.1 * random.normal(size=rows)).astype(np.float32)


X, Y = table()


def same(one, other):
    """Whether two trees of weights are the same bits."""
    pairs = zip(*(sorted(tree.items()) for tree in (one, other)), strict=True)
    return all(np.array_equal(a[name], b[name]) for (_, a), (_, b) in pairs for name in a)


def programs():
    return compiled._compile.cache_info().misses


def residuals(run, rows):
    return run.logits(X[rows])[:, 0] - Y[rows]


def test_each_fold_is_the_run_of_its_rows_alone():
    before = programs()
    found = nn.cross_validate(NET, (X, Y), LOSS, folds=4, metrics=["mae", "r_squared"], key=7, **HOW)
    assert programs() == before + 1 and found.plans[0].programs == 1  # folds of 7 and 8 rows share it
    assert [len(fold.test) for fold in found.folds] == [8, 8, 8, 7]
    assert sorted(np.concatenate([fold.test for fold in found.folds])) == list(range(31))
    for k, (run, fold) in enumerate(zip(found.runs, found.folds, strict=True)):
        alone = nn.fit(NET, (X[fold.train], Y[fold.train]), LOSS, key=seeds(7, 4)[k], **HOW)
        assert same(run.params, alone.params)
        far = residuals(alone, fold.test)
        by_hand = {
            "loss": np.mean(far**2), "mae": np.abs(far).mean(), "r_squared": 1 - np.mean(far**2) / Y[fold.test].var()
        }  # fmt: skip
        for name, value in by_hand.items():
            np.testing.assert_allclose(found.measures[name][k], value, rtol=2e-5)
        np.testing.assert_allclose(found.out_of_fold[fold.test, 0], far + Y[fold.test], rtol=1e-5, atol=1e-6)
    assert found.mean == found.scores.mean() and found.std == found.scores.std()
    assert found.curves().shape == (4, 6) and (found.curves()[:, -1] == found.scores).all()


def test_the_interval_of_nadeau_and_bengio():
    scores, given = np.random.default_rng(1).random(6), made_folds(Y, LOSS, 3, repeats=2)
    found = crossval.CrossValidation("loss", False, {"loss": scores}, [None] * 6, given, [{}] * 6)
    assert not np.array_equal(found.folds[0].test, found.folds[3].test)
    s2 = found.scores.var(ddof=1)
    ratio = np.mean([len(fold.test) / len(fold.train) for fold in found.folds])
    low, high = stats.t(5, loc=found.scores.mean(), scale=np.sqrt((1 / 6 + ratio) * s2)).interval(0.9)
    np.testing.assert_allclose(found.interval(0.9), (low, high), rtol=1e-9)
    assert str(found).startswith(f"CrossValidation(loss {found.mean:.4g}, 95 % interval ")


def test_a_search_within_each_fold():
    x, y = table(32)
    grid, groups = {"learning_rate": [0.002, 0.05], "l2": [0.0, 0.3]}, np.arange(32) // 2
    how = HOW | {"learning_rate": 0.01, "key": 2}
    before = programs()
    found = nn.cross_validate(NET, (x, y), LOSS, folds=4, inner_folds=2, grid=grid, groups=groups, **how)
    assert programs() == before + 2  # the searches of all folds, and the runs of what they chose
    assert found.inner_scores.shape == (4, 4, 2) and [plan.runs for plan in found.plans] == [32, 4]
    for k, (fold, inside) in enumerate(zip(found.folds, found.inner_folds, strict=True)):
        assert sorted(np.concatenate([one.test for one in inside])) == sorted(fold.train)
        assert all(not set(fold.test) & {*one.train, *one.test} for one in inside)
        assert all(not set(groups[one.train]) & set(groups[one.test]) for one in (fold, *inside))
        setting = found.settings[k]
        assert setting == found.tried[int(found.inner_scores[:, k].mean(axis=1).argmin())]
        own = {"learning_rate": setting["learning_rate"], "penalties": [nn.penalties.l2(setting["l2"])]}
        alone = nn.fit(NET, (x[fold.train], y[fold.train]), LOSS, **how | own | {"key": seeds(2, 4)[k]})
        assert same(found.runs[k].params, alone.params)
        far = alone.logits(x[fold.test])[:, 0] - y[fold.test]
        np.testing.assert_allclose(found.scores[k], np.mean(far**2), rtol=2e-5)
    # the first fold's search is the search of its inner folds
    alone = nn.search(NET, (x, y), LOSS, grid=grid, folds=found.inner_folds[0], refit=False, **how)
    assert np.array_equal(alone.scores, found.inner_scores[:, 0]) and alone.best == found.settings[0]


def test_with_one_setting_there_is_nothing_to_choose():
    flat = nn.cross_validate(NET, (X, Y), LOSS, folds=4, key=7, **HOW)
    one = nn.cross_validate(NET, (X, Y), LOSS, folds=4, key=7, grid={"learning_rate": [0.05]}, **HOW)
    assert np.array_equal(one.scores, flat.scores) and one.settings == [{"learning_rate": 0.05}] * 4


def test_the_best_setting_of_each_fold():
    scores = np.array([[0.1, np.nan], [0.5, 0.2], [0.5, 0.1]])
    assert crossval._best(scores, higher_is_better=True) == [1, 1]
    assert crossval._best(scores, higher_is_better=False) == [0, 2]
    with pytest.raises(nn.JaxnnError, match="got 2 settings for fold 1, none of them finite"):
        crossval._best(np.array([[1.0, np.nan], [2.0, np.nan]]), higher_is_better=False)


def test_early_stopping_never_sees_the_fold():
    how = HOW | {"stop": nn.EarlyStopping(2), "epochs": 40, "learning_rate": 0.2}
    data = X[:30], Y[:30]
    found = nn.cross_validate(NET, data, LOSS, folds=3, metrics=["mae"], inner_validation=0.3, **how)
    assert min(run.history.epochs for run in found.runs) < 40
    for k, (run, fold) in enumerate(zip(found.runs, found.folds, strict=True)):
        rows = X[fold.train], Y[fold.train]
        assert same(run.params, nn.fit(NET, rows, LOSS, key=seeds(0, 3)[k], validation=0.3, **how).params)
        np.testing.assert_allclose(found.measures["mae"][k], np.abs(residuals(run, fold.test)).mean(), rtol=2e-5)


def test_runs_that_stop_being_finite():
    wild, data = {"learning_rate": 1e30, "optimizer": "sgd"}, (X[:30], Y[:30])
    with pytest.raises(nn.JaxnnError, match=r"3 of 3 runs that stopped being finite.*The first: the .* not finite"):
        nn.cross_validate(nn.Dense(1), data, LOSS, folds=3, **HOW | wild)
    grid = {"learning_rate": [1e30, 0.01], "l2": [0.0]}
    found = nn.cross_validate(nn.Dense(1), data, LOSS, folds=3, inner_folds=2, grid=grid, **HOW | {"optimizer": "sgd"})
    assert np.isnan(found.inner_scores[0]).all() and {one["learning_rate"] for one in found.settings} == {0.01}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"validation": 0.2}, "Early stopping takes inner_validation="),
        ({"metrics": "mae"}, "Put square brackets around it"),
        ({"folds": 40}, "folds: got 40 of 31 rows"),
        ({"grid": {"learning_rate": [0.1]}, "inner_folds": 30}, "inner_folds, of 23 rows learnt: folds: got 30 of 23"),
        ({"grid": {"lerning_rate": [0.1]}}, "Did you mean learning_rate"),
        ({"grid": {"learning_rate": [0.1]}, "space": {"l2": [0.1]}}, "got grid and space"),
        ({"folds": [(np.arange(9), np.array([99]))]}, "from 0 to 30"),
    ],
)
def test_wrong_use_of_cross_validate(given, said):
    with pytest.raises(nn.JaxnnError, match=said):
        nn.cross_validate(NET, (X, Y), LOSS, **{"folds": 4} | HOW | given)


def test_a_learning_curve_is_least_squares_on_more_and_more_rows():
    """A linear network trained to its optimum, against `numpy.linalg.lstsq`; sizes as scikit-learn counts them."""
    from sklearn.dummy import DummyRegressor
    from sklearn.model_selection import learning_curve

    before = programs()
    found = nn.learning_curve(
        nn.Dense(1), (X, Y), LOSS, sizes=(0.3, 0.77, 1.0), folds=3, metric="mse", optimizer=nn.optimizers.LBFGS(),
        batch_size=None, epochs=60,
    )  # fmt: skip
    assert programs() == before + 1
    pairs = [(fold.train, fold.test) for fold in found.folds]
    theirs = learning_curve(DummyRegressor(), X, Y, cv=pairs, train_sizes=[0.3, 0.77, 1.0])[0]
    assert found.sizes == theirs.tolist() == [6, 15, 20]
    wide = np.concatenate([X, np.ones((31, 1))], axis=1).astype(np.float64)
    for i, k in itertools.product(range(3), range(3)):
        rows, test = found.rows[k][: found.sizes[i]], found.folds[k].test
        assert set(rows) <= set(found.folds[k].train) and len(set(rows)) == found.sizes[i]
        weights = np.linalg.lstsq(wide[rows], Y[rows], rcond=None)[0]
        for scores, of in ((found.train, rows), (found.test, test)):
            np.testing.assert_allclose(scores[i, k], np.mean((wide[of] @ weights - Y[of]) ** 2), rtol=2e-3, atol=1e-6)
    assert str(found).splitlines()[0] == "LearningCurve(mse over 3 folds)" and len(str(found).splitlines()) == 5


def test_the_first_rows_of_a_learning_curve_have_their_share_of_every_class():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    x = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    loss = nn.losses.softmax_cross_entropy
    found = nn.learning_curve(nn.Dense(3), (x, y), loss, sizes=[10, 20, 30], folds=2, epochs=1, metric="accuracy")
    for order in found.rows:
        for size in (10, 20, 30):
            exact = np.array([0.6, 0.3, 0.1]) * size
            assert (np.abs(np.bincount(y[order[:size]], minlength=3) - exact) < 1.01).all()
    with pytest.raises(nn.JaxnnError, match="sizes: got 51; needed a whole number from 1 to 50"):
        nn.learning_curve(nn.Dense(3), (x, y), loss, sizes=[8, 51], folds=2)
    with pytest.raises(nn.JaxnnError, match=r"sizes: got 1.5; needed a number above 0 and at most 1"):
        nn.learning_curve(nn.Dense(3), (x, y), loss, sizes=[1.5], folds=2)


def test_a_study_of_seeds():
    before = programs()
    held = X[20:], Y[20:]
    study = seed_study(NET, (X[:20], Y[:20]), LOSS, count=6, test=held, metric="mae", **HOW)
    assert programs() == before + 1
    for key, run in enumerate(study.runs):
        alone = nn.fit(NET, (X[:20], Y[:20]), LOSS, key=key, **HOW)
        assert same(run.params, alone.params)
        np.testing.assert_allclose(study.scores[key], np.abs(residuals(alone, slice(20, 31))).mean(), rtol=2e-5)
    assert study.mean == study.scores.mean() and study.std == study.scores.std()
    np.testing.assert_array_equal(study.quantiles([0.1, 0.9]), np.quantile(study.scores, [0.1, 0.9]))
    order = np.argsort(study.scores)
    assert study.table["key"] == order.tolist() and study.best_key == order[0]
    assert study.best is study.runs[order[0]]
    middle = float(np.sort(study.scores)[2:4].mean())
    assert study.share(middle) == 0.5
    threes = list(itertools.combinations(study.scores, 3))  # every way to draw 3 of the 6
    assert np.isclose(study.best_of(3, middle), np.mean([min(three) < middle for three in threes]))
    # what is watched and restored is the validation data, and where it is one table also what is measured
    watched = seed_study(NET, (X[:20], Y[:20]), LOSS, keys=[4, 9], validation=held, **HOW)
    for run, score in zip(watched.runs, watched.scores, strict=True):
        np.testing.assert_allclose(score, run.history["val_loss"][run.best_epoch], rtol=1e-5)
    assert watched.keys == [4, 9]
    doubled = seed_study(NET, (X[:20], Y[:20]), LOSS, keys=[4], validation=held, test=(held[0], 2 * held[1]), **HOW)
    far = watched.runs[0].logits(held[0])[:, 0] - 2 * held[1]
    np.testing.assert_allclose(doubled.scores, [np.mean(far**2)], rtol=1e-5)


def test_folds_given_as_pairs():
    pairs = [(fold.train[::-1], fold.test) for fold in made_folds(Y, LOSS, 3)]
    found = nn.cross_validate(NET, (X, Y), LOSS, folds=pairs, **HOW | {"epochs": 1})
    assert all(np.array_equal(fold.train, train) for fold, (train, _) in zip(found.folds, pairs, strict=True))
