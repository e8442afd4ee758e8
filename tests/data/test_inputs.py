import datetime as dt
import json

import numpy as np
import polars
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from columns import EVERY_KIND, numeric, numerics, series
from jaxnn.checks import JaxnnError
from jaxnn.data.columnjson import from_json, to_json
from jaxnn.data.columns import Categories, Date, Dropped, Levels, Numeric
from jaxnn.data.inputs import encode
from jaxnn.data.kinds import learn_all
from jaxnn.data.wishes import Wishes

RNG = np.random.default_rng(0)


def learnt(frame, **wishes):
    return [column for column in learn_all(frame, Wishes(**wishes)) if not isinstance(column, Dropped)]


def with_gaps(values, share=0.2):
    return np.where(RNG.random(len(values)) < share, np.nan, values)


def as_text(values):
    return ["" if np.isnan(value) else repr(float(value)) for value in values]


@pytest.mark.parametrize(("scaling", "scaler"), [("z-score", StandardScaler), ("min-max", MinMaxScaler)])
def test_inputs_are_those_of_scikit_learn(scaling, scaler):
    """Impute by the median with an indicator, scale, one-hot; of scikit-learn the indicator of a full column lacks."""
    words = RNG.choice(["red", "green", "blue", "lilac", "ochre"], 200, p=[0.5, 0.3, 0.185, 0.01, 0.005])
    words[:3] = ["lilac", "ochre", "mauve"]  # two, and one that is there once
    words[words == "ochre"] = "red"
    x = np.stack(
        [RNG.normal(5, 3, 200), with_gaps(RNG.exponential(7, 200)), with_gaps(RNG.normal(-1, 1e-3, 200))], axis=1
    )
    new = np.stack(
        [RNG.normal(5, 3, 50), with_gaps(RNG.exponential(7, 50)), with_gaps(RNG.normal(-1, 1e-3, 50))], axis=1
    )
    later = np.concatenate([words[:49], ["never seen"]])

    def frame(values, names):
        cells = {f"n{column}": as_text(values[:, column]) for column in range(3)}
        return polars.DataFrame({**cells, "word": names.tolist()})

    columns = learnt(frame(x, words), scaling=scaling)
    found = encode(columns, frame(new, later))

    numbers = make_pipeline(SimpleImputer(strategy="median"), scaler())
    encoder = OneHotEncoder(min_frequency=2, handle_unknown="infrequent_if_exist", sparse_output=False)
    theirs = ColumnTransformer(
        [
            ("numbers", numbers, [0, 1, 2]),
            ("gaps", make_pipeline(SimpleImputer(strategy="median", add_indicator=True)), [0, 1, 2]),
            ("words", encoder, [3]),
        ]
    )
    theirs.fit(np.concatenate([x.astype(object), words[:, None]], axis=1))
    expected = np.asarray(theirs.transform(np.concatenate([new.astype(object), later[:, None]], axis=1)), float)
    expected = np.delete(expected, [3, 4, 5], axis=1)  # the numbers of the second imputer, unscaled
    # center and scale are of the known numbers, those of scikit-learn of the imputed ones: an affine map of each other
    for column in (1, 2):
        known = x[~np.isnan(x[:, column]), column]
        filled = np.where(np.isnan(x[:, column]), np.median(known), x[:, column])
        pairs = [(known.mean(), known.std()), (filled.mean(), filled.std())]
        if scaling == "min-max":
            pairs = [(known.min(), np.ptp(known)), (filled.min(), np.ptp(filled))]
        (ours, width), (other, wide) = pairs
        expected[:, column] = (expected[:, column] * wide + other - ours) / width
    assert found.x.shape == expected.shape
    order = sorted(range(len(expected.T)), key=lambda column: expected[:, column].tolist())
    ours = sorted(range(len(expected.T)), key=lambda column: found.x[:, column].tolist())
    np.testing.assert_allclose(found.x[:, ours], expected[:, order], rtol=1e-4, atol=1e-4)


def test_at_most_fifty_categories_as_scikit_learn():
    words = np.concatenate([[f"w{word:02}"] * (3 + 80 - word) for word in range(80)])
    (column,) = learnt(polars.DataFrame({"word": words.tolist()}))
    later = [f"w{word:02}" for word in range(80)] + ["new"]
    found = encode([column], {"word": later}).x
    encoder = OneHotEncoder(max_categories=51, handle_unknown="infrequent_if_exist", sparse_output=False)
    expected = encoder.fit(words[:, None]).transform(np.array(later)[:, None])
    assert found.shape == (81, 51)
    np.testing.assert_array_equal(found[:, :50], expected[:, :50])
    np.testing.assert_array_equal(found[:, 50], expected[:, 50])


DAYS = [dt.date(2023, 1, 1) + dt.timedelta(9 * row) for row in range(40)]
TIMES = [dt.datetime(2023, 1, 1, 5, 30) + dt.timedelta(hours=31 * row) for row in range(40)]
TYPED = polars.DataFrame(
    {
        "flag": [None, *[row % 3 == 0 for row in range(39)]],
        "whole": [row * row for row in range(40)],
        "gaps": [None, *[row / 7 for row in range(39)]],
        "day": DAYS,
        "time": TIMES,
        "word": [None, *["ab"[row % 2] for row in range(39)]],
        "code": [float(row % 3) for row in range(40)],
    }
)


def test_files_that_have_types_give_the_inputs_of_the_same_table_as_text():
    texts = polars.DataFrame(
        {
            "flag": ["", *[str(row % 3 == 0) for row in range(39)]],
            "whole": [str(row * row) for row in range(40)],
            "gaps": ["", *[repr(row / 7) for row in range(39)]],
            "day": [day.isoformat() for day in DAYS],
            "time": [time.isoformat(sep=" ") for time in TIMES],
            "word": ["NA", *["ab"[row % 2] for row in range(39)]],
            "code": [f"{row % 3}.0" for row in range(40)],
        }
    )
    wishes = {"types": {"code": "categorical"}}
    typed, written = learnt(TYPED, **wishes), learnt(texts, **wishes)
    assert [column.inputs for column in typed] == [column.inputs for column in written]
    x = encode(typed, TYPED).x
    assert x.shape == (40, 2 + 1 + 2 + 5 + 7 + 3 + 3)
    np.testing.assert_array_equal(x, encode(written, texts).x)
    # what was learnt of the one reads the other
    np.testing.assert_array_equal(x[1:], encode(written, TYPED).x[1:])
    np.testing.assert_array_equal(x[1:], encode(typed, texts).x[1:])


def test_every_kind_of_table_is_read_alike():
    columns = numerics("ab", [1.0, 2.0], [2.0, 4.0])
    expected = [[0.0, 0.5], [1.0, 0.0]]

    class Frame:
        """What has columns, as a frame of pandas."""

        columns = ("b", "c", "a")

        def __getitem__(self, name):
            return {"a": [1.0, 3.0], "b": [4, None], "c": [0, 0]}[name]

    tables = (
        np.array([[1, 4], [3, np.nan]]), [[1.0, 4.0], [3.0, np.nan]], Frame(),
        polars.DataFrame({"b": ["4", "?"], "a": ["1", "3"]}), {"b": ["4", ""], "a": [1, 3]},
    )  # fmt: skip
    for table in tables:
        assert encode(columns, table).x.tolist() == expected


def test_columns_of_every_kind_with_missing_cells_words_and_dates():
    cells = {
        "price": ["€ 1.000,5", "-", "n.b.", "7"],
        "size, EU": ["S", "L", "", "XXL"],
        "<script>": ["a = b", "", "new", "ß"],
        "day": ["01.01.2021", "NA", "02.01.2021", "03.01.2021"],
    }
    found = encode(EVERY_KIND, cells)
    price = EVERY_KIND[0]
    fill = (price.fill - price.center) / price.scale
    expected = np.zeros((4, 12))
    expected[:, 0] = [(1000.5 - 0.1) * 3, fill, fill, (7 - 0.1) * 3]
    expected[:, 1] = [0, 1, 1, 0]
    expected[:, 2] = [(0 - 1.1) / 0.7, (2 - 1.1) / 0.7, (1 - 1.1) / 0.7, (1 - 1.1) / 0.7]
    expected[:, 3] = [0, 0, 1, 1]
    expected[[0, 1, 2, 3], [5, 8, 7, 4]] = 1
    expected[:, 9] = [1, 0, 1, 1]  # (2021 - 2020.5) / 0.5
    expected[:, 10] = [(18628 - 18500.25) / 182.6, 0, (18629 - 18500.25) / 182.6, (18630 - 18500.25) / 182.6]
    expected[:, 11] = [0, 1, 0, 0]
    np.testing.assert_allclose(found.x, expected, rtol=1e-6)
    assert found.notes == (
        "price: 1 cell that is no number counts as missing, such as 'n.b.'",
        "size, EU: 1 cell that is no known word counts as missing, such as 'XXL'",
    )
    # cell by cell, rows do not depend on those beside them
    for row in range(4):
        alone = {name: ["7" if name == "price" and row == 2 else entries[row]] for name, entries in cells.items()}
        if row != 2:
            np.testing.assert_array_equal(encode(EVERY_KIND, alone).x[0], found.x[row])


def test_numbers_of_a_robust_column_are_bent_towards_three():
    columns = [numeric("a", 10.0, 2.0, robust=True), numeric("b", 10.0, 2.0)]
    found = encode(columns, {name: ["10", "14", "16", "4", "1e9"] for name in "ab"}).x
    z = np.array([0, 2, 3, -3])
    np.testing.assert_allclose(found[:4], np.stack([z / np.sqrt(1 + (z / 3) ** 2), z], axis=1), rtol=1e-6)
    assert found[4].tolist() == [3.0, np.float32((1e9 - 10) / 2)]
    far = encode(columns[:1], {"a": ["1e308", "-1e308"]}).x
    assert far.ravel().tolist() == [3.0, -3.0]


NOTES = [
    ([numeric("x")], {"x": ["1", "2", "a", "b"]}, "x: 2 cells that are no number count as missing, such as 'a'"),
    (
        [Date("x", "%Y-%m-%d", ("year",), (2020.0,), (1.0,))],
        {"x": ["2020-01-01", "2020-31-12"]},
        "x: 1 cell that is no date counts as missing, such as '2020-31-12'",
    ),
    (
        [Categories("x", ("a", "b"))],
        {"x": ["a", "<b>", "<b>"]},
        "x: 2 cells with a category that the training did not have, such as '<b>'",
    ),
    ([Categories("x", ("a", "b"), other=0.1)], {"x": ["a", "c"]}, None),  # that is what "other" is for
    ([Levels("x", ("a", "b"), 0.0, 1.0, 0.0)], {"x": ["c", "c"]}, "x: 2 cells that are no known word count as missing"),
    ([numeric("x")], {"x": ["1", "", "NA", "?"]}, None),
]


@pytest.mark.parametrize(("columns", "cells", "note"), NOTES)
def test_cells_that_could_not_be_taken_as_they_are_are_said(columns, cells, note):
    notes = encode(columns, cells).notes
    assert len(notes) == (note is not None)
    assert note is None or notes[0].startswith(note)


REFUSED = [
    ([numeric("x")], {"x": ["1", "inf"]}, "features, row 1, 'x': got 'inf'; needed a finite number, at most 1.79e308"),
    (
        [numeric("x")],
        {"x": ["1", "a", "b"]},
        "features, row 1, 'x': got 'a'; needed a number. Write it in plain digits",
    ),
    ([numeric("x")], {"x": ["", "a"]}, "features, row 1, 'x': got 'a'; needed a number"),
    (
        [numeric("x", style="decimal comma")],
        {"x": ["1.5", "2.5"]},
        "features, row 0, 'x': got '1.5'; needed a number written with decimal comma",
    ),
    (
        [Date("x", "%d.%m.%Y", ("year",), (2020.0,), (1.0,))],
        {"x": ["2020-01-01"]},
        "features, row 0, 'x': got '2020-01-01'; needed a date, written %d.%m.%Y",
    ),
    (
        [numeric("x", scale=1e-30)],
        {"x": ["1e10"]},
        "features, row 0, 'x': got 10000000000.0; needed a number nearer to",
    ),
    ([numeric("x")], {"y": ["1"]}, "features: got no column 'x'; needed all 1 columns that the model was trained on"),
    ([numeric("x")], [["a"]], "features: got what is no array of numbers"),
    ([numeric("x")], np.zeros((2, 2)), r"features: got shape \(2, 2\); needed \(rows, 1\)"),
    ([numeric("x")], np.zeros(2), r"features: got shape \(2,\)"),
    (
        [Categories("x", ("a",))],
        np.zeros((1, 1)),
        "features: got an array; needed columns with names, because 'x' is cat",
    ),
    ([numeric("x")], np.array([[0.0], [-np.inf]]), "features, row 1, 'x': got -inf; needed a finite number"),
]


@pytest.mark.parametrize(("columns", "cells", "message"), REFUSED)
def test_features_that_are_refused(columns, cells, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        encode(columns, cells)


def test_messages_name_the_cell_as_the_caller_calls_it():
    with pytest.raises(JaxnnError, match=r"^new.csv:9:x: got 'inf'"):
        encode([numeric("x")], {"x": ["inf"]}, lambda row, column: f"new.csv:{row + 9}:{column}")


NASTY = [
    "<script>alert(1)</script>",
    '"',
    "'",
    "a,b",
    "a=b",
    "😀",
    "ß",
    "\u202ertl",
    "a\nb",
    "^a.*$",
    "*",
    "",
    "none ",
    "%s{x}",
]


def test_names_and_words_of_any_kind():
    names = [name.strip() or "x" for name in NASTY]
    rows = [names[row % len(names)] for row in range(len(names) * 3)]
    frame = polars.DataFrame(dict.fromkeys(names, rows))
    columns = learnt(frame)
    assert [column.name for column in columns] == list(dict.fromkeys(names))
    again = [from_json(json.loads(json.dumps(to_json(column)))) for column in columns]
    x = encode(again, frame).x
    assert x.sum() == len(rows) * len(columns)  # each cell is in one input
    assert all(isinstance(column, Categories) and len(column.inputs) == 14 for column in columns)


def test_no_rows_are_no_inputs_and_many_columns_are_read_at_once():
    columns = learnt(polars.DataFrame({f"c{column}": ["1", "2.5", "-3", ""] for column in range(500)}))
    assert encode(columns, polars.DataFrame({f"c{column}": ["7"] for column in range(500)})).x.shape == (1, 1000)
    empty = polars.DataFrame({f"c{column}": series() for column in range(500)})
    assert encode(columns, empty).x.shape == (0, 1000)
    assert all(isinstance(column, Numeric) for column in columns)


def test_a_column_of_other_words_is_said_even_where_there_is_an_input_for_others():
    town = Categories("town", ("Bern", "Rom"), other=0.1)
    assert encode([town], {"town": ["Bern", "Rom", "Oslo"]}).notes == ()
    said = encode([town], {"town": ["bern", "rom", "Rom"]}).notes
    assert said == ("town: 2 cells with a category that is none of the model's, such as 'bern', taken as other",)


@pytest.mark.parametrize(("unknown", "refused"), [(4, False), (7, True)])
def test_a_column_of_mostly_unknown_words_is_another_column(unknown, refused):
    column = Levels("size", ("low", "high"), 0.5, 0.5, 0.0)
    cells = {"size": ["klein"] * unknown + ["high"] * (12 - unknown)}
    if refused:
        with pytest.raises(JaxnnError, match="'size': got 'klein'; needed one of 'low', 'high', as in the training"):
            encode([column], cells)
    else:
        x, notes = encode([column], cells)
        assert x[:, 0].tolist() == [-1.0] * unknown + [1.0] * (12 - unknown)
        assert notes == ("size: 4 cells that are no known word count as missing, such as 'klein'",)


def test_yes_may_be_true_elsewhere():
    column = Levels("smoker", ("no", "yes"), 0.5, 0.5, 0.0, label="Boolean")
    for cells in (["no", "YES"], ["false", "True"], [False, True], [0, 1], ["n", "y"]):
        x, notes = encode([column], {"smoker": cells})
        assert (x[:, 0].tolist(), notes) == ([-1.0, 1.0], ())
