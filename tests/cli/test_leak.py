"""What the rows of validation and test hold changes nothing that is learnt; a fit that looks at them is caught."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxnn.cli.pipeline import make_plan, train_plan
from jaxnn.cli.settings import Settings
from jaxnn.data import Preprocessing
from jaxnn.data.csvfile import parse
from jaxnn.data.preprocessing import Preprocessing as Learnt
from jaxnn.data.tables import to_table
from jaxnn.data.wishes import Wishes

ROWS = 120
SETTINGS = Settings(hidden=(4,), epochs=3)
RNG = np.random.default_rng(0)

COLUMNS = ("number", "gaps", "word", "size", "day", "mark", "id")


def row_of(row):
    """Cells of every kind; nothing in them tells the rows of one part from those of another."""
    number, gaps = RNG.normal(3, 2), RNG.exponential(5)
    word = RNG.choice(["red", "green", "blue", "lilac"], p=[0.5, 0.3, 0.15, 0.05])
    size = RNG.choice(["low", "medium", "high"])
    day = np.datetime64("2021-01-01") + int(RNG.integers(900))
    return [
        f"{number:.3f}",
        "" if RNG.random() < 0.2 else f"{gaps:.3f}",
        word,
        size,
        str(day),
        f"{7.25:.2f}",
        f"k{row}",
    ]


CELLS = [row_of(row) for row in range(ROWS)]
KINDS = ["xyz"[row % 3] for row in range(ROWS)]
VALUES = [f"{RNG.normal(100, 30):.2f}" for _ in range(ROWS)]


def table_of(cells, target):
    lines = [",".join((*COLUMNS, "t")), *(",".join((*row, value)) for row, value in zip(cells, target, strict=True))]
    return to_table(parse("\n".join(lines).encode(), "x.csv"), "t")


def changed(cells, rows):
    """The same table with everything different in some rows: numbers x 1000, other words, days, missing cells."""
    made = [list(row) for row in cells]
    for place, row in enumerate(rows.tolist()):
        number, gaps, *_ = made[row]
        made[row] = [
            f"{1000 * float(number):.3f}" if place % 3 else "", f"{1000 * float(gaps or 1):.3f}", f"new{place % 2}",
            "" if place % 2 else "low", f"{1800 + place}-02-03", f"{place}.5", f"k{row % 2}",
        ]  # fmt: skip
    return made


@pytest.mark.course("D02", "D18")
@pytest.mark.parametrize("scaling", ["z-score", "min-max"])
@pytest.mark.parametrize("target", [KINDS, VALUES], ids=["classes", "values"])
def test_preprocessing_does_not_see_the_rows_that_are_held_out(target, scaling):
    settings = dataclasses.replace(SETTINGS, scaling=scaling)
    plan = make_plan(table_of(CELLS, target), settings)
    held = np.concatenate([plan.validation.rows, plan.test.rows])
    other = list(target)
    if target is VALUES:
        for row in held.tolist():
            other[row] = f"{1000 * float(target[row]):.2f}"
    again = make_plan(table_of(changed(CELLS, held), other), settings)
    assert again.preprocessing == plan.preprocessing
    assert np.array_equal(again.train.rows, plan.train.rows)
    assert again.train.x.tobytes() == plan.train.x.tobytes()
    assert again.train.y.tobytes() == plan.train.y.tobytes()
    assert not np.array_equal(again.test.x, plan.test.x)
    # kinds, too, are those of the training: nothing that is constant there is learnt of the others
    assert [column.name for column in plan.preprocessing.dropped] == ["mark", "id"]


@pytest.mark.course("D02", "D18")
@pytest.mark.parametrize("target", [KINDS, VALUES], ids=["classes", "values"])
def test_a_fit_on_all_rows_is_caught(target):
    """The same comparison with a preprocessing that looks at all rows: it differs in every column."""
    table = table_of(CELLS, target)
    plan = make_plan(table, SETTINGS)
    held = np.concatenate([plan.validation.rows, plan.test.rows])
    leaking = Preprocessing.fit(table)
    again = Preprocessing.fit(table_of(changed(CELLS, held), target))
    assert leaking != plan.preprocessing
    assert again != leaking
    before = {column.name: column for column in (*leaking.used, *leaking.dropped)}
    after = {column.name: column for column in (*again.used, *again.dropped)}
    assert [name for name in COLUMNS if before[name] == after[name]] == []


@pytest.mark.course("D18")
def test_a_pipeline_that_is_fitted_on_all_rows_fails_the_test(monkeypatch):
    """What the leak test is worth: with `fit` given the whole table, it fails."""
    fit = Learnt.fit.__func__

    def leaking(cls, table, task="auto", wishes=None, target_log=False):
        return fit(cls, whole, task, wishes or Wishes(), target_log)

    table = table_of(CELLS, KINDS)
    held = np.concatenate([make_plan(table, SETTINGS).validation.rows, make_plan(table, SETTINGS).test.rows])
    monkeypatch.setattr(Learnt, "fit", classmethod(leaking))
    whole = table
    plan = make_plan(table, SETTINGS)
    whole = table_of(changed(CELLS, held), KINDS)
    assert make_plan(whole, SETTINGS).preprocessing != plan.preprocessing


@pytest.mark.course("D18")
@pytest.mark.parametrize("target", [KINDS, VALUES], ids=["classes", "values"])
def test_weights_do_not_see_the_rows_of_the_test(target):
    plan = make_plan(table_of(CELLS, target), SETTINGS)
    first = train_plan(plan)
    other = make_plan(table_of(changed(CELLS, plan.test.rows), target), SETTINGS)
    assert np.array_equal(other.validation.x, plan.validation.x)
    assert not np.array_equal(other.test.x, plan.test.x)
    # and other targets, of the same classes: put in after the split, which goes by the classes
    truth = np.array(other.table.target)
    truth[plan.test.rows] = np.roll(truth[plan.test.rows], 1)
    part = dataclasses.replace(other.test, y=np.roll(other.test.y, 1))
    second = train_plan(dataclasses.replace(other, test=part, table=dataclasses.replace(other.table, target=truth)))
    for one, two in zip(jax.tree.leaves(first.run.params), jax.tree.leaves(second.run.params), strict=True):
        assert np.asarray(one).tobytes() == np.asarray(two).tobytes()
    assert first.run.history.keys() == second.run.history.keys()
    for name, values in first.run.history.items():
        assert np.array_equal(values, second.run.history[name])
    assert first.validation == second.validation
    assert first.test != second.test


def test_cells_of_validation_rows_do_change_the_epoch_that_is_kept():
    """The other direction: the validation is looked at, and a change there is seen in its history."""
    plan = make_plan(table_of(CELLS, KINDS), SETTINGS)
    first = train_plan(plan)
    second = train_plan(make_plan(table_of(changed(CELLS, plan.validation.rows), KINDS), SETTINGS))
    assert np.array_equal(first.run.history["loss"], second.run.history["loss"])
    assert not np.array_equal(first.run.history["val_loss"], second.run.history["val_loss"])
