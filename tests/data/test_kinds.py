"""What a column is taken for: a table of cases, each with what a person would say of it."""

import datetime as dt
import json
import random

import numpy as np
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.checks import JaxnnError
from jaxnn.data.columnjson import from_json, to_json
from jaxnn.data.columns import Categories, Date, Dropped, Levels, Numeric
from jaxnn.data.inputs import encode
from jaxnn.data.kinds import learn, learn_all, learn_numbers, spread
from jaxnn.data.wishes import MOST_CATEGORIES, Wishes

RANDOM = random.Random(0)
LOREM = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "and", "runs", "away"]


def column(cells, name="x"):
    return polars.Series(name, cells, strict=False)


def some(*words, rows=40):
    """A column of these words over and over."""
    return [words[row % len(words)] for row in range(rows)]


def numbers(count, low=0.0, high=100.0, digits=2):
    return [f"{RANDOM.uniform(low, high):.{digits}f}" for _ in range(count)]


def sentences(count):
    return [" ".join(RANDOM.sample(LOREM, 6)) for _ in range(count)]


def days(form, count=40, step=11):
    return [(dt.datetime(2020, 1, 1, 6, 30) + dt.timedelta(days=step * row)).strftime(form) for row in range(count)]


# name of the column, cells, and what it is: the label of its kind, and the number of its inputs
KINDS = {
    "measurements": ("length", numbers(40), "numeric", 1),
    "decimal comma": ("x", some("1,5", "2,25", "0,125", "7"), "numeric", 1),
    "thousands": ("salary", some("1,200", "950", "12,345,678", "7.5"), "numeric", 1),
    "currency": ("price", [f"${number}" for number in numbers(40, 0, 999)], "numeric", 1),
    "percent": ("rate", [f"{number} %" for number in numbers(40)], "numeric", 1),
    "accounting dashes": ("balance", some("1,250.50", "-", "3,000.25", "7.5"), "numeric", 2),
    "blanks among numbers": ("TotalCharges", [*numbers(39), " "], "numeric", 2),
    "ARFF's question marks": ("x", ["?", *numbers(39)], "numeric", 2),
    "a few stray words": ("x", ["n.b.", "see note", *numbers(38)], "numeric", 2),
    "too many words for numbers": ("x", some("1.5", "2.5", "broken", "3.5", "off"), "categorical", 5),
    "0 and 1": ("flag", some("0", "1", "1"), "Boolean", 1),
    "0, 1 and blanks": ("flag", some("0", "1", ""), "Boolean", 2),
    "0.0 and 1.0": ("flag", some("0.0", "1.0"), "Boolean", 1),
    "yes and no": ("x", some("yes", "no", "no"), "Boolean", 1),
    "Yes and NO": ("x", some("Yes", "NO"), "Boolean", 1),
    "true and False": ("x", some("true", "False"), "Boolean", 1),
    "y, n and ?": ("x", some("y", "n", "?"), "Boolean", 2),
    "ratings": ("stars", some("1", "5", "3", "2", "4"), "ordinal", 1),
    "counts": ("rooms", some(*map(str, range(15)), rows=60), "numeric", 1),
    "years": ("year", [str(1950 + row) for row in range(40)], "numeric", 1),
    "steps of ten": ("dose", [str(10 * row) for row in range(40)], "numeric", 1),
    "low, medium, high": ("x", some("Low", "medium", "HIGH"), "ordinal", 1),
    "age brackets": ("age", some("18-25", "<18", "26-35", "65+"), "ordinal", 1),
    "marks of houses": ("KitchenQual", some("TA", "Gd", "Ex", "Fa"), "ordinal", 1),
    "an order with gaps": ("x", some("low", "medium", "high", "NA"), "ordinal", 2),
    "zip codes": ("zip", some("01234", "02139", "90210"), "categorical", 3),
    "area codes with one zero": ("code", some("030", "40", "89", "221"), "categorical", 4),
    "colours": ("x", some("red", "green", "blue"), "categorical", 3),
    "two words": ("sex", some("male", "female"), "categorical", 2),
    "two words and gaps": ("x", some("a", "b", ""), "categorical", 3),
    "one word and gaps": ("x", some("grvl", "", ""), "categorical", 2),
    "codes of German credit": ("status", some("A11", "A12", "A13", "A14"), "categorical", 4),
    "a rare word": ("x", [*some("a", "b", rows=39), "c"], "categorical", 3),
    "ids": ("id", [str(1000 + 7 * row) for row in range(40)], "identifier", 0),
    "customerID": ("customerID", [str(RANDOM.randrange(10**6)) for _ in range(40)], "identifier", 0),
    "keys of letters": ("x", [f"{row:04}-XKCD" for row in range(40)], "identifier", 0),
    "a counter from 1": ("n", [str(row + 1) for row in range(40)], "identifier", 0),
    "a counter of rows of which some are elsewhere": ("n", [str(row + row // 5) for row in range(40)], "identifier", 0),
    "names": ("Name", [f"Person {row}" for row in range(40)], "identifier", 0),
    "notes": ("note", sentences(40), "text", 0),
    "always the same": ("x", some("a"), "constant", 0),
    "always 7": ("x", some("7"), "constant", 0),
    "7 and 7.0": ("x", some("7", "7.0"), "constant", 0),
    "7 or missing": ("x", some("7", ""), "numeric", 2),
    "empty": ("x", some(""), "empty", 0),
    "all missing": ("x", some("NA", "?", "", "null"), "empty", 0),
    "a day": ("born", days("%Y-%m-%d"), "date", 6),
    "a German day": ("x", days("%d.%m.%Y"), "date", 6),
    "days of one month": ("x", days("%d/%m/%Y", 28, 1), "date", 3),
    "a time": ("x", days("%Y-%m-%d %H:%M", 40, 0.1), "date", 5),
    "two-digit years": ("x", days("%m/%d/%y"), "date", 6),
    "days with gaps": ("x", [*days("%Y-%m-%d", 39), ""], "date", 7),
    "numbers that are dates by their name": ("date", days("%Y%m%d"), "date", 6),
    "numbers that might be dates": ("x", [str(20_000_000 + 137 * row) for row in range(40)], "numeric", 1),
    "always the same day": ("x", some("2024-01-01"), "constant", 0),
    "Booleans with a type": ("x", [True, False] * 20, "Boolean", 1),
    "whole numbers with a type": ("x", [RANDOM.randrange(900) for _ in range(40)], "numeric", 1),
    "floats with gaps": ("x", [0.5, None, 2.5, 7.25] * 10, "numeric", 2),
    "days with a type": ("x", [dt.date(2020, 1, 1) + dt.timedelta(11 * row) for row in range(40)], "date", 6),
    "times with a type": ("x", [dt.datetime(2020, 1, 1, row % 24) for row in range(40)], "date", 2),
    "nothing with a type": ("x", [None] * 40, "empty", 0),
    "floats with a type, all gaps": ("x", polars.Series([None] * 40, dtype=polars.Float64), "empty", 0),
}


@pytest.mark.parametrize("case", KINDS)
def test_kinds_of_columns(case):
    name, cells, label, width = KINDS[case]
    series = column(cells, name)
    found = learn(series, Wishes())
    inputs = () if isinstance(found, Dropped) else found.inputs
    assert (found.name, found.fate.kind, len(inputs)) == (name, label, width)
    # all columns at once are what each is alone
    assert learn_all(series.to_frame(), Wishes()) == [found]
    assert from_json(json.loads(json.dumps(to_json(found)))) == found
    if not isinstance(found, Dropped):
        encoded = encode([found], polars.DataFrame({name: series}))
        assert encoded.x.shape == (40 if width else 0, width) or len(series) != 40
        assert np.isfinite(encoded.x).all()


def test_numbers_that_are_learnt_are_those_by_hand():
    found = learn(column(["1.000,50", "3", "-", "5.000", "n.b.", *["3"] * 30], "€"), Wishes())
    values = np.array([1000.5, 3, 5000, *[3] * 30])
    assert isinstance(found, Numeric)
    assert (found.fill, found.low, found.high, found.missing) == (3, 3, 5000, pytest.approx(2 / 35))
    assert (found.center, found.scale) == (pytest.approx(values.mean()), pytest.approx(values.std()))
    assert (found.style, found.inputs) == ("decimal comma, thousands point", ("€", "€ is missing"))


def test_a_column_with_outliers_is_measured_by_its_quartiles():
    values = [*range(100), 10**6]  # 10 standard deviations from the mean
    found = learn(column([f"{value}.5" for value in RANDOM.sample(values, len(values))]), Wishes())
    assert isinstance(found, Numeric)
    assert (found.robust, found.center, found.fill) == (True, 50.5, 50.5)
    assert found.scale == pytest.approx(50 / 1.349)  # from 25.5 to 75.5
    bare = learn(column([f"{value}.5" for value in range(101)]), Wishes())
    assert isinstance(bare, Numeric)
    assert not bare.robust
    assert not getattr(learn(column([f"{value}.5" for value in values]), Wishes(scaling="min-max")), "robust", None)


def test_places_in_an_order_are_those_by_hand():
    found = learn(column(["low", "HIGH", " medium ", "low", "?"]), Wishes())
    assert isinstance(found, Levels)
    assert found.levels == ("low", "medium", "high")
    assert (found.center, found.fill, found.missing) == (0.75, 0.5, pytest.approx(0.2))  # of 0, 2, 1, 0
    assert found.scale == pytest.approx(np.std([0, 2, 1, 0]))


def test_days_are_those_by_hand():
    found = learn(column(["2024-01-01", "2024-01-03"]), Wishes())
    assert isinstance(found, Date)
    assert found.parts == ("weekday sine", "weekday cosine", "days")  # of one year and month, without a time
    assert found.centers[2] == 19724.0  # (2024-01-02 - 1970-01-01) in days
    assert (found.scales[2], found.missing) == (1.0, 0.0)


def test_categories_are_counted_and_the_rare_ones_share_an_input():
    words = [*["b"] * 3, *["a"] * 3, *["c"] * 2, "d", "e", "", "?"]
    found = learn(column(words), Wishes())
    assert isinstance(found, Categories)
    assert found.categories == ("a", "b", "c")  # equally frequent ones by name
    assert (found.other, found.missing) == (pytest.approx(2 / 12), pytest.approx(2 / 12))
    assert found.inputs == ("x = a", "x = b", "x = c", "x = other", "x is missing")


def test_at_most_fifty_categories():
    words = [f"w{word}" for word in range(80) for _ in range(80 - word + 1)]
    found = learn(column(words), Wishes())
    assert isinstance(found, Categories)
    assert found.categories == tuple(f"w{word}" for word in range(MOST_CATEGORIES))  # the most frequent, in order
    assert found.other == pytest.approx(sum(80 - word + 1 for word in range(50, 80)) / len(words))
    assert len(found.inputs) == 51


def test_the_order_of_rows_changes_nothing():
    words = some("b", "a", "c", "c", rows=40)
    assert learn(column(words), Wishes()) == learn(column(words[::-1]), Wishes())


@pytest.mark.parametrize(
    ("cells", "wish", "label", "more"),
    [
        (some("1", "2", "3"), "categorical", "categorical", {"categories": ("1", "2", "3")}),
        (some("01", "02"), "numeric", "numeric", {"low": 1.0, "high": 2.0}),
        ([str(row) for row in range(40)], "numeric", "numeric", {"high": 39.0}),  # a counter that matters
        (some("1", "2", "x", "3"), "numeric", "numeric", {"missing": 0.25}),
        (some("cold", "hot", "warm"), "cold < warm < hot", "ordinal", {"levels": ("cold", "warm", "hot")}),
        (some("A", "b", "c"), "c<B<a", "ordinal", {"levels": ("c", "b", "a")}),
        (some("low", "high", "mid"), "ordinal", "ordinal", {"levels": ("low", "mid", "high")}),
        (some("3", "1", "2"), "ordinal", "ordinal", {"low": 1.0}),
        (days("%Y%m%d"), "date", "date", {"form": "%Y%m%d"}),
        (sentences(40), "categorical", "identifier", {}),  # even so: no sentence is there twice
        (some("7"), "numeric", "numeric", {"scale": 1.0}),
        (some("7"), "categorical", "constant", {}),
        (some(""), "numeric", "empty", {}),
        ([1.0, 2.0, None] * 10, "categorical", "categorical", {"categories": ("1", "2")}),
        ([dt.date(2024, 1, 1), dt.date(2024, 1, 2)] * 10, "categorical", "categorical", {}),
    ],
)
def test_the_user_knows_better(cells, wish, label, more):
    found = learn(column(cells), Wishes({"x": wish}))
    assert found.fate.kind == label
    assert {name: getattr(found, name) for name in more} == more


@pytest.mark.parametrize(
    ("cells", "wish", "message"),
    [
        (
            some("red", "blue"),
            "numeric",
            "types of 'x': got cells of which 0% are numbers, such as 'red'; needed mostly",
        ),
        (some("red", "blue", "green"), "ordinal", "types of 'x': got words without a known order, .* Give it: --types"),
        (some("red", "blue"), "date", "types of 'x': got cells such as 'red'; needed dates such as 2024-12-31"),
        (some("red", "blue"), "a < b", "types of 'x': got an order without 'red'; needed the words of the column"),
        (some("red"), "a<a", "types of 'x': got 'a<a'; needed different words"),
        (some("red"), "small<", "types of 'x': got 'small<'; needed different words"),
        (some("red"), "number", "types of 'x': got 'number'; .* Did you mean numeric"),
    ],
)
def test_wishes_that_the_cells_do_not_fit_are_refused(cells, wish, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        learn(column(cells), Wishes({"x": wish}))


@pytest.mark.course("D02")
@pytest.mark.parametrize(
    ("scaling", "expected"), [("z-score", [-1.3416, -0.4472, 0.4472, 1.3416]), ("min-max", [0, 1 / 3, 2 / 3, 1])]
)
def test_scalings_of_the_course_for_cells_of_every_kind(scaling, expected):
    wishes = Wishes(types={"levels": "a<b<c<d"}, scaling=scaling)
    frame = polars.DataFrame(
        {
            "numbers": ["1", "2", "3", "4"], "typed": [1.0, 2.0, 3.0, 4.0], "levels": ["a", "b", "c", "d"],
            "dates": ["2001-01-01", "2002-01-01", "2003-01-01", "2004-01-01"], "same": ["5"] * 4,
        }
    )  # fmt: skip
    found = learn_all(frame, wishes)
    assert found[-1] == Dropped("same", "constant", "always 5")
    used = [learnt for learnt in found if not isinstance(learnt, Dropped)]
    x = encode(used, frame).x
    names = [name for learnt in used for name in learnt.inputs]
    for name in ("numbers", "typed", "levels", "dates: year"):
        np.testing.assert_allclose(x[:, names.index(name)], expected, atol=5e-5)
    assert np.isfinite(x).all()


def test_numbers_are_all_used_whatever_is_in_them():
    x = np.array([[1.0, 5.0, np.nan, np.nan], [2.0, 5.0, 7.0, np.nan], [3.0, 5.0, 9.0, np.nan]])
    found = learn_numbers(tuple("abcd"), x)
    assert [learnt.inputs for learnt in found] == [("a",), ("b",), ("c", "c is missing"), ("d", "d is missing")]
    assert [learnt.missing for learnt in found] == [0, 0, pytest.approx(1 / 3), 1]
    assert [(learnt.center, learnt.scale, learnt.fill) for learnt in found[1:]] == [(5, 1, 5), (8, 1, 8), (0, 1, 0)]


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20))
def test_min_max_of_any_numbers_lies_between_0_and_1(values):
    (low,), (width,) = spread(np.array(values)[:, None], "min-max")
    scaled = np.array(values) / width - low / width
    assert (scaled >= -1e-9).all()
    assert (scaled <= 1 + 1e-9).all()
    assert low == min(values)


CELLS = st.one_of(
    st.sampled_from(
        ["", "NA", "yes", "no", "low", "high", "2024-01-01", "1,5", "$3", "01", "1e999", "inf", "\0", "😀"]
    ),
    st.floats(allow_nan=False).map(repr),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
)


@given(
    st.lists(st.lists(CELLS, min_size=6, max_size=6), min_size=1, max_size=4), st.sampled_from(["z-score", "min-max"])
)
def test_any_text_is_learnt_and_encoded_or_refused_by_our_own_error(cells, scaling):
    frame = polars.DataFrame({f"^{position}$": entries for position, entries in enumerate(cells)})
    used = [found for found in learn_all(frame, Wishes(scaling=scaling)) if not isinstance(found, Dropped)]
    for learnt in used:
        assert from_json(json.loads(json.dumps(to_json(learnt)))) == learnt
    if not used:
        return
    x, message = None, ""
    try:
        x = encode(used, frame).x
    except JaxnnError as error:
        message = str(error)
    assert x is not None or "finite number" in message or "exceeds float32" in message
    if x is not None:
        assert x.dtype == np.float32
        assert np.isfinite(x).all()
        assert x.shape == (6, sum(len(learnt.inputs) for learnt in used))


@pytest.mark.parametrize("typed", [False, True])
def test_one_date_or_none_tells_as_much_as_one_word_or_none(typed):
    days = [dt.date(2024, 1, 1), None] * 10
    cells = polars.Series("day", days if typed else [str(day or "") for day in days])
    found = learn(cells, Wishes())
    assert found.inputs == ("day = 2024-01-01", "day is missing")
    assert found.missing == 0.5
    known = learn(cells.filter(cells.is_not_null() & (cells.cast(polars.String) != "")), Wishes())
    assert (known.label, known.why) == ("constant", "always '2024-01-01'")


@pytest.mark.parametrize(
    ("name", "dropped"),
    # a name that says identifier is one, whatever else is in it; a counter is one unless its name tells of time
    [
        ("message_id", True),
        ("time_id", True),
        ("session id", True),
        ("page", True),
        ("n", True),
        ("year", False),
        ("t", False),
    ],
)
def test_counters_and_identifiers_by_their_names(name, dropped):
    cells = polars.Series(name, [str(number) for number in range(1, 31)])
    assert isinstance(learn(cells, Wishes()), Dropped) == dropped
