import dataclasses

import numpy as np
import pytest

from jaxnn import penalties
from jaxnn.checks import JaxnnError
from jaxnn.cli import pipeline
from jaxnn.cli.pipeline import make_plan, train_plan, train_table
from jaxnn.cli.settings import Settings
from jaxnn.data import Table, load

QUICK = Settings(hidden=(4,), epochs=3)


def test_the_parts_share_no_row_and_have_their_shares():
    plan = make_plan(load("digits"), Settings())
    rows = np.concatenate([plan.train.rows, plan.validation.rows, plan.test.rows])
    assert np.array_equal(np.sort(rows), np.arange(1797))
    assert abs(len(plan.test) - 0.2 * 1797) <= 1
    assert abs(len(plan.validation) - 0.1 * 1797) <= 1


@pytest.mark.course("D18")
def test_scaling_is_learnt_from_training_rows_alone():
    table = load("iris")
    plan = make_plan(table, QUICK)
    seen, used = table.features[plan.train.rows], plan.preprocessing.used
    means = [column.center for column in used]
    assert means == pytest.approx(seen.mean(axis=0))
    assert [column.scale for column in used] == pytest.approx(seen.std(axis=0))
    assert means != pytest.approx(table.features.mean(axis=0), rel=1e-6)
    # and these are what the rows of the test are scaled with
    expected = (table.features[plan.test.rows] - seen.mean(axis=0)) / seen.std(axis=0)
    np.testing.assert_allclose(plan.test.x, expected, rtol=1e-5, atol=1e-6)


def test_no_step_of_the_training_sees_a_test_row():
    table = load("iris")
    plan = make_plan(table, QUICK)
    other = table.features.copy()
    other[plan.test.rows] += 1000
    changed = train_table(dataclasses.replace(table, features=other), QUICK)
    same = train_plan(plan)
    for name, values in same.run.history.items():
        assert np.array_equal(values, changed.run.history[name])
    assert changed.test.accuracy != same.test.accuracy


def test_numbers_that_float32_cannot_hold_are_refused_before_the_training():
    table = load("iris")
    row = make_plan(table, QUICK).test.rows[3]
    far = table.features.copy()
    far[row, 1] = 1e300
    with pytest.raises(JaxnnError, match=rf"features, row {row}, 'sepal width \(cm\)': got 1e\+300"):
        make_plan(dataclasses.replace(table, features=far), QUICK)


def test_the_validation_score_is_what_was_logged_of_the_best_epoch():
    outcome = train_table(load("iris"), QUICK)
    logged = outcome.run.history["val_accuracy"][outcome.run.best_epoch]
    assert outcome.validation.accuracy == pytest.approx(logged, abs=1e-6)
    assert outcome.validation.cross_entropy == pytest.approx(min(outcome.run.history["val_loss"]), rel=1e-5)


def test_a_regression_answers_in_the_targets_unit():
    outcome = train_table(load("diabetes"), QUICK)
    target = load("diabetes").target[outcome.plan.test.rows]
    assert outcome.test.rmse_of_mean == pytest.approx(target.std(), rel=0.05)
    scale = outcome.preprocessing.target_scale
    validation = outcome.validation.rmse**2 / scale**2
    assert validation == pytest.approx(outcome.run.history["val_loss"][outcome.run.best_epoch], rel=1e-4)


def test_every_setting_reaches_the_run(monkeypatch):
    class AskedError(Exception):
        pass

    def fit(*arguments, **options):
        raise AskedError(str(arguments[0]), arguments[1], options)

    monkeypatch.setattr(pipeline, "fit", fit)

    def asked(**changes):
        with pytest.raises(AskedError) as seen:
            train_table(load("iris"), Settings(**changes))
        return seen.value.args

    relu = ", kernel_init=HeNormal()"
    net, (x, _), options = asked(
        hidden=(5, 6), dropout=0.25, epochs=7, batch_size=16, optimizer="sgd", learning_rate=0.5, l1=0.1, l2=0.2,
        patience=9, class_weight="balanced", seed=11, test=0.3, validation=0.2,
    )  # fmt: skip
    hidden = f"Dense(5{relu}), relu, Dropout(rate=0.25), Dense(6{relu}), relu, Dropout(rate=0.25)"
    assert net == f"Chain({hidden}, Dense(3))"
    assert (len(x), len(options.pop("validation")[0])) == (75, 30)
    assert options.pop("penalties") == [penalties.l1(0.1), penalties.l2(0.2)]
    assert repr(options.pop("stop")) == "EarlyStopping(patience=9)"
    assert options == {
        "optimizer": "sgd", "learning_rate": 0.5, "epochs": 7, "batch_size": 16, "metrics": ["accuracy"], "key": 11,
        "class_weight": "balanced", "augment": (), "progress": False,
    }  # fmt: skip

    net, _, options = asked(hidden=(), activation="tanh")
    assert net == "Chain(Dense(3))"
    assert (options["class_weight"], options["learning_rate"]) == (None, 0.001)
    assert options["penalties"] == [penalties.l2(0.01)]  # 2 / 105 rows would be more
    assert asked(l2=0.0)[2]["penalties"] == []
    assert "tanh" in asked(activation="tanh")[0]
    assert not np.array_equal(asked()[1][0], asked(seed=1)[1][0])  # the seed is that of the split too


def test_patience_ends_a_run():
    outcome = train_table(load("iris"), dataclasses.replace(QUICK, patience=1, epochs=50, learning_rate=0.5))
    assert outcome.run.stopped_because == "no better validation loss for 1 epoch"


def test_without_validation_and_test_all_rows_are_trained_on():
    outcome = train_table(load("iris"), Settings(hidden=(), epochs=3, test=0.0, validation=0.0))
    assert len(outcome.plan.train) == 150
    assert (outcome.validation, outcome.test) == (None, None)
    assert outcome.run.best_epoch == 2


def test_what_was_decided_is_written_down():
    plan = make_plan(load("iris"), QUICK)
    assert (plan.settings.task, plan.settings.learning_rate) == ("classification", 0.001)
    assert make_plan(load("diabetes"), QUICK).settings.task == "regression"


def small(target):
    return Table(("x",), np.arange(len(target), dtype=float)[:, None], np.array(target), "y")


@pytest.mark.parametrize(
    ("target", "settings", "message"),
    [
        ([1.5, 2.5], {}, "data: got 2 rows; needed at least 10"),
        ([i + 0.5 for i in range(9)], {}, "data: got 9 rows; .* --test 0 --validation 0"),
        ([i + 0.5 for i in range(10)], {"validation": 0.01}, r"--validation: got 0.01 of 10 rows, which is none"),
        (["a", "b"] * 2, {}, r"--validation: got 0.1 of 4 rows, which is none; .* --validation 0.38 or more"),
        (["a", "b"] * 10, {"test": 0.01}, r"--test: got 0.01 of 20 rows, which is none"),
    ],
)
def test_too_few_rows_are_refused_in_the_words_of_the_settings(target, settings, message):
    with pytest.raises(JaxnnError, match=message):
        make_plan(small(target), dataclasses.replace(QUICK, **settings))


@pytest.mark.parametrize(
    ("rare", "settings", "said"),
    [
        (1, {}, "(1 row)"),
        (2, {"test": 0.45, "validation": 0.45}, "(2 rows)"),
        (1, {"test": 0, "validation": 0}, None),
        (20, {}, None),
    ],
)
def test_every_class_is_trained_on_and_those_that_are_not_scored_are_said(rare, settings, said):
    target = ["a"] * 30 + ["b"] * rare
    plan = make_plan(small(target), dataclasses.replace(QUICK, **settings))
    assert "b" in np.array(target)[plan.train.rows]
    rows = np.concatenate([plan.train.rows, plan.validation.rows, plan.test.rows])
    assert np.array_equal(np.sort(rows), np.arange(30 + rare))
    parts = ("validation", "test") if said else ()
    assert plan.notes == tuple(
        f"too few rows for the {part} part: b {said}; its score says nothing about them" for part in parts
    )


@pytest.mark.parametrize(
    ("target", "offered"),
    [
        (np.exp(np.arange(40) / 8), True),
        (np.arange(1.0, 41.0), False),  # not skewed
        (np.exp(np.arange(40) / 8) - 1, False),  # 0 has no logarithm
        (100 + np.exp(np.arange(40) / 8), False),  # less than ten times the least
    ],
)
def test_a_skewed_target_is_offered_its_logarithm(target, offered):
    table = dataclasses.replace(small(target), target_name="price")
    everything = dataclasses.replace(QUICK, test=0.0, validation=0.0)
    centered = target - target.mean()
    skew = np.mean(centered**3) / np.mean(centered**2) ** 1.5
    note = f"price is positive and skewed ({skew:.1f}): --target-scale log may do better"
    assert make_plan(table, everything).notes == ((note,) if offered else ())


def test_the_logarithm_of_a_target_is_learnt_and_undone():
    target = np.exp(np.arange(40) / 8)
    plan = make_plan(small(target), dataclasses.replace(QUICK, target_scale="log", test=0.0, validation=0.0))
    logs = np.arange(40) / 8
    np.testing.assert_allclose(plan.train.y, (logs - logs.mean()) / logs.std(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(plan.preprocessing.decode_values(plan.train.y), target, rtol=1e-5)
    assert plan.notes == ()
    assert plan.preprocessing.decode_values(0.0) == pytest.approx(np.exp(logs.mean()))


def test_the_skew_of_large_targets_is_that_of_small_ones():
    target = np.exp(np.arange(40) ** 2 / 300)
    everything = dataclasses.replace(QUICK, test=0.0, validation=0.0)
    small_notes, large_notes = (make_plan(small(target * size), everything).notes for size in (1.0, 1e300))
    assert small_notes == large_notes
    assert "positive and skewed" in small_notes[0]


def test_classes_of_two_rows_each_are_trained_on_all_of_them():
    kinds = np.array([f"k{row // 2}" for row in range(40)])
    plan = make_plan(small(kinds), QUICK)
    assert set(plan.preprocessing.classes) == set(kinds)
    assert sorted(np.concatenate([plan.train.rows, plan.validation.rows, plan.test.rows]).tolist()) == list(range(40))
    assert len(plan.validation)
    assert len(plan.test)


def test_classes_of_so_few_rows_that_a_part_would_be_empty():
    with pytest.raises(JaxnnError, match=r"^data: got classes of so few rows that none can be set aside"):
        make_plan(small(np.array(["a", "b", "c", "d", "d"])), dataclasses.replace(QUICK, validation=0.2))
