"""`search`: every setting on every fold as `fit` trains it, schedules that drop the worse, errors that say which."""

import csv
import io

import numpy as np
import pytest
from scipy import stats

import jaxnn as nn
from jaxnn.population import LogUniform, Uniform, Whole, folds, holdout, space
from jaxnn.population.asking import tune
from jaxnn.population.races import brackets
from jaxnn.train import compiled

LOSS = nn.losses.softmax_cross_entropy
RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(91, 3)).astype(np.float32)
Y = (X[:, 0] + 0.5 * RANDOM.normal(size=91) > 0).astype(np.int32) + (X[:, 1] > 0.8)
GRID = {"width": [3, 6], "learning_rate": [0.003, 0.03], "l2": [0, 1e-2]}
HOW = {"folds": 3, "epochs": 4, "batch_size": 16}

pytestmark = pytest.mark.usefixtures("quick_compiles")


def network(width):
    return nn.models.mlp((width,), 3, nn.tanh)


def test_every_score_is_that_of_a_fit_on_the_fold_alone():
    found = nn.search(network, (X, Y), LOSS, grid=GRID, metric="accuracy", strategy="bucket", verify=True, **HOW)
    assert len(found.settings) == 8 and found.scores.shape == (8, 3) and found.gap == 0
    setting, fold = found.settings[5], found.folds[1]
    assert setting == {"width": 6, "learning_rate": 0.003, "l2": 1e-2}
    run = found.runs[5 * 3 + 1]
    alone = nn.fit(
        network(6), (X[fold.train], Y[fold.train]), LOSS, learning_rate=0.003, epochs=4, batch_size=16,
        penalties=[nn.penalties.l2(1e-2)], key=folding_key(1),
    )  # fmt: skip
    np.testing.assert_array_equal(run.params["dense_0"]["kernel"], alone.params["dense_0"]["kernel"])
    right = alone.logits(X[fold.test]).argmax(axis=1) == Y[fold.test]
    assert found.scores[5, 1] == pytest.approx(right.mean())
    means = found.scores.mean(axis=1)
    assert found.best == found.settings[int(means.argmax())] and found.best_score == means.max()
    assert found.table["mean"] == sorted(means.tolist(), reverse=True)
    rows = list(csv.DictReader(io.StringIO(found.table.csv())))
    assert float(rows[0]["mean"]) == found.best_score and rows[0]["status"] == "done" and len(rows) == 8
    assert found.refit.steps == 4 * -(-91 // 16) and found.refit.logits(X).shape == (91, 3)
    assert found.curves(5).shape == (3, 4)


def folding_key(place):
    from jaxnn.population.folds import seeds

    return seeds(0, 3)[place]


def test_padded_widths_score_as_networks_of_their_own():
    padded, apart = (
        nn.search(network, (X, Y), LOSS, grid=GRID, strategy=how, refit=False, verify=True, **HOW)
        for how in ("pad", "bucket")
    )
    assert padded.gap == apart.gap == 0
    assert (padded.plan.programs, apart.plan.programs) == (1, 2) and padded.plan.waste > 0
    np.testing.assert_allclose(padded.scores, apart.scores, rtol=1e-4)
    assert padded.runs[0].params["dense_0"]["kernel"].shape == (3, 3)
    assert "padding" in repr(padded.plan) and "1 program for 24 runs" in repr(padded.plan)


def test_a_hundred_and_eighty_fits_compile_no_more_programs_than_there_are_buckets():
    grid = {"learning_rate": np.geomspace(1e-3, 0.1, 9).tolist(), "l2": [0.0, 0.1], "momentum": [0.5, 0.9]}
    before = compiled._compile.cache_info().misses
    found = nn.search(network(4), (X, Y), LOSS, grid=grid, folds=5, epochs=1, refit=False)
    assert len(found.runs) == 180 and found.plan.programs == 1
    assert compiled._compile.cache_info().misses - before <= found.plan.programs


def test_halving_trains_those_that_go_on_as_if_nobody_had_looked():
    grid = {"learning_rate": np.geomspace(1e-4, 0.3, 9).tolist()}
    how = {"grid": grid, "folds": 2, "epochs": 9, "batch_size": 16, "refit": False}
    full = nn.search(network(4), (X, Y), LOSS, **how)
    before = compiled._compile.cache_info().misses
    half = nn.search(network(4), (X, Y), LOSS, schedule="halving", verify=True, **how)
    assert half.gap == 0
    assert compiled._compile.cache_info().misses - before <= 2  # smaller slices in all rungs, and one run alone
    assert half.rungs == [(1, 9), (3, 3), (9, 1)] and half.table["status"] == ["done"] + ["dropped"] * 8
    place = half.settings.index(half.best)
    np.testing.assert_array_equal(half.scores[place], full.scores[place])
    np.testing.assert_array_equal(half.curves(place), full.curves(place))
    first = np.array([full.curves(i)[:, 0].mean() for i in range(9)])
    assert {i for i in range(9) if half.runs[2 * i].history.epochs > 1} == set(np.argsort(first, kind="stable")[:3])


def test_hyperband_deals_settings_to_brackets_of_its_paper():
    given = brackets("hyperband", 49, 81, 3, None)
    assert [b.ladder for b in given] == [[1, 3, 9, 27, 81], [3, 9, 27, 81], [9, 27, 81], [27, 81], [81]]
    counts = np.array([len(b.alive) for b in given])
    np.testing.assert_allclose(counts / 49, np.array([81, 34, 15, 8, 5]) / 143, atol=0.02)  # table 1, R = 81
    assert sorted(i for b in given for i in b.alive) == list(range(49))
    drawn = {"learning_rate": LogUniform(1e-3, 0.1), "l2": stats.loguniform(1e-6, 1e-2), "width": Whole(2, 5)}
    found = nn.search(network, (X, Y), LOSS, space=drawn, n=11, epochs=9, schedule="hyperband", refit=False)
    assert len(found.settings) == 11 and found.rungs[-1][0] == 9
    again = nn.search(network, (X, Y), LOSS, space=drawn, n=11, epochs=9, schedule="hyperband", refit=False)
    assert again.table.csv() == found.table.csv()


def test_early_stopping_looks_at_rows_of_its_own_never_at_the_fold():
    stop = nn.EarlyStopping(patience=2)
    found = nn.search(
        network(4), (X, Y), LOSS, grid={"patience": [1, 30], "learning_rate": [0.1]}, stop=stop, folds=3, epochs=30,
        metric="accuracy", refit=False,
    )  # fmt: skip
    for place, run in enumerate(found.runs):
        fold = found.folds[place % 3]
        right = run.logits(X[fold.test]).argmax(axis=1) == Y[fold.test]
        assert found.scores.reshape(-1)[place] == pytest.approx(right.mean())
    epochs = np.array([run.history.epochs for run in found.runs]).reshape(2, 3)
    assert (epochs[0] < 30).all() and (epochs[1] == 30).all()


def test_grids_and_spaces():
    assert len(space.grid([{"a": [1, 2]}, {"b": [1], "c": [1, 2]}])) == 4
    drawn = space.draws({"a": LogUniform(1e-4, 1), "b": Uniform(2, 3), "c": Whole(1, 64, log=True), "d": ["x"]}, 200, 0)
    a, b, c = (np.array([one[name] for one in drawn]) for name in "abc")
    assert stats.kstest(np.log10(a), stats.uniform(-4, 4).cdf).pvalue > 0.01 and ((b >= 2) & (b < 3)).all()
    assert stats.kstest(np.log(c + RANDOM.uniform(-0.5, 0.5, 200)), "uniform", (np.log(0.5), np.log(129))).pvalue > 0.01
    assert space.draws({"a": LogUniform(1e-4, 1)}, 3, 7) == space.draws({"a": LogUniform(1e-4, 1)}, 9, 7)[:3]
    assert len(space.draws({"d": [1, 2]}, 10, 0)) == 2


def test_groups_stay_on_one_side_and_repeats_differ():
    groups = np.arange(91) // 7
    for fold in folds(Y, LOSS, 4, groups=groups):
        assert not set(groups[fold.train]) & set(groups[fold.test])
    twice = folds(Y, LOSS, 3, repeats=2, key=1)
    assert len(twice) == 6 and not np.array_equal(twice[0].test, twice[3].test)
    assert len(holdout(Y, LOSS, 0.25)[0].test) == 23
    own = [(np.arange(50), np.arange(50, 91))]
    found = nn.search(network(3), (X, Y), LOSS, grid={"key": [1, 2]}, folds=own, epochs=1, refit=False)
    np.testing.assert_array_equal(found.folds[0].test, np.arange(50, 91))


def test_a_setting_that_diverges_is_last_and_said():
    grid = {"learning_rate": [1e30, 0.01], "optimizer": ["sgd"]}
    found = nn.search(nn.models.mlp((4,), 3), (X, Y), LOSS, grid=grid, refit=False, **HOW)
    assert found.table["status"] == ["done", "diverged"] and np.isnan(found.table["mean"][1])
    with pytest.raises(nn.JaxnnError, match=r"3 of 3 runs that stopped being finite.*not finite at epoch 1, step"):
        nn.search(nn.models.mlp((4,), 3), (X, Y), LOSS, grid={"learning_rate": [1e30]}, optimizer="sgd", **HOW)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"grid": {"widht": [3]}}, "hyper-parameter: got 'widht'.* Did you mean width"),
        ({"grid": {"learning_rate": [0.1]}}, "no value for width"),
        ({"grid": {"width": [3], "learning_rate": [0.1, -1.0]}}, "setting width=3, learning_rate=-1.0: .*got -1.0"),
        ({"grid": {"width": [0]}}, "setting width=0: "),
        ({"grid": {"width": [3], "b1": [0.5]}, "optimizer": "sgd"}, "b1 with optimizer=SGD.*momentum, nesterov, clip"),
        ({"grid": {"width": [3], "patience": [3]}}, "patience with stop=None"),
        ({"grid": {"width": []}}, "an empty list"),
        ({"grid": {"width": 3}}, "Write \\[3\\] for one"),
        ({"grid": {"width": [3]}, "folds": 92}, "92 of 91 rows|every class in every fold"),
        ({"grid": {"width": [3]}, "space": {}}, "one of the two"),
        ({"space": {"width": [3]}}, "how many settings"),
        ({"grid": {"width": [3]}, "schedule": "halvin"}, "Did you mean halving"),
        ({"grid": {"width": [3], "epochs": [3]}, "schedule": "halving"}, "deals epochs out"),
        ({"grid": {"width": [3]}, "folds": 3, "validation": 0.2}, "beside folds"),
        ({"grid": {"width": [3]}, "strategy": "padd"}, "Did you mean pad"),
        ({"grid": {"width": [3]}, "metric": "acuracy"}, "Did you mean accuracy"),
    ],
)
def test_what_is_impossible_is_named(how, said):
    with pytest.raises(nn.JaxnnError, match=said):
        nn.search(network, (X, Y), LOSS, **how)


def test_folds_that_cannot_be_made_say_why():
    y = np.array([0] * 20 + [1] * 3)
    with pytest.raises(nn.JaxnnError, match=r"5 with 3 rows of class 1.*at most 3 folds"):
        folds(y, LOSS, 5)
    with pytest.raises(nn.JaxnnError, match="3 of 2 groups"):
        folds(y, LOSS, 3, groups=y)


def test_somebody_else_may_steer():
    class Study:
        def __init__(self):
            self.asked, self.told = 0, {}

        def ask(self):
            self.asked += 1
            return self.asked

        def tell(self, trial, value):
            self.told[trial] = value

    rates = {1: 1e-4, 2: 0.03, 3: 1e30, 4: 0.01}
    study = tune(
        Study(), lambda trial: {"learning_rate": rates[trial]}, nn.models.mlp((4,), 3), (X, Y), LOSS, batch=2, rounds=2,
        optimizer="sgd", **HOW,
    )  # fmt: skip
    assert list(study.told) == [1, 2, 3, 4] and study.told[3] == np.inf and study.told[2] < study.told[1]
    alone = nn.search(nn.models.mlp((4,), 3), (X, Y), LOSS, grid={"learning_rate": [0.03]}, optimizer="sgd", **HOW)
    assert alone.best_score == study.told[2]
