import dataclasses
import json

import numpy as np
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from columns import EVERY_KIND, UNUSED, numeric, series
from jaxnn.checks import JaxnnError
from jaxnn.data import dates, numerals
from jaxnn.data.columnjson import from_json, to_json
from jaxnn.data.columns import Categories, Date, Dropped, Levels, Numeric

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
NAMES = st.lists(TEXTS, min_size=1, max_size=4, unique=True).map(tuple)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(5e-324, 1.7e308)
SHARES = st.floats(0, 1)


@st.composite
def date_columns(draw):
    parts = tuple(draw(st.lists(st.sampled_from(dates.PARTS), min_size=1, unique=True)))
    centers, scales = (draw(st.tuples(*[numbers] * len(parts))) for numbers in (FLOATS, POSITIVE))
    return Date(draw(TEXTS), draw(st.sampled_from((*dates.FORMATS, dates.TYPED))), parts, centers, scales, draw(SHARES))


COLUMNS = st.one_of(
    st.builds(
        Numeric,
        TEXTS,
        FLOATS,
        POSITIVE,
        FLOATS,
        FLOATS,
        FLOATS,
        SHARES,
        st.sampled_from(numerals.STYLES),
        TEXTS,
        st.booleans(),
    ),
    st.builds(Levels, TEXTS, NAMES, FLOATS, POSITIVE, FLOATS, SHARES, TEXTS),
    st.builds(Categories, TEXTS, NAMES, SHARES, SHARES),
    st.builds(Dropped, TEXTS, TEXTS, TEXTS),
    date_columns(),
)


@given(COLUMNS)
def test_any_column_comes_back_from_json_to_the_last_bit(column):
    again = from_json(json.loads(json.dumps(to_json(column))))
    assert again == column
    assert type(again) is type(column)
    # equality takes -0.0 for 0.0; the text of a float has every bit
    assert repr(dataclasses.astuple(again)) == repr(dataclasses.astuple(column))
    assert all(isinstance(word, str) for word in column.fate)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from([*EVERY_KIND, *UNUSED]), st.data())
def test_any_json_is_a_column_or_our_own_error(column, data):
    document = to_json(column)
    name = data.draw(st.sampled_from(sorted(document)))
    found, message = None, ""
    try:
        found = from_json(document | {name: data.draw(JSON)})
    except JaxnnError as error:
        message = str(error)
    assert len(message) < 500
    if found is not None:
        # whatever is accepted can be used and written down again
        assert json.loads(json.dumps(to_json(found)), parse_constant=pytest.fail)
        assert isinstance(found.name, str)


INPUTS = {
    "price": ("price", "price is missing"),
    "size, EU": ("size, EU", "size, EU is missing"),
    "<script>": ("<script> = ß", "<script> = a = b", "<script> = 😀", "<script> = other", "<script> is missing"),
    "day": ("day: year", "day: days", "day is missing"),
}


@pytest.mark.parametrize("column", EVERY_KIND, ids=lambda column: column.name)
def test_inputs_have_names(column):
    assert column.inputs == INPUTS[column.name]
    assert dataclasses.replace(column, missing=0.0).inputs == INPUTS[column.name][:-1]


FATES = {
    "price": (
        "numeric", "2 inputs",
        (
            "written with decimal comma, thousands point, a currency or percent sign; "
            "-1e-05 to 7, mean 0.1; 12.5 % missing, taken as -2e-300"
        ),
    ),
    "size, EU": ("ordinal", "2 inputs", "s < m < l; 25 % missing"),
    "<script>": ("categorical", "5 inputs", "3: 'ß', 'a = b', '😀', 12.5 % other; 6.25 % missing"),
    "day": ("date", "3 inputs", "written %d.%m.%Y; year, days; 3.12 % missing"),
    "id": ("identifier", "dropped", "a different whole number in every row"),
    '"': ("constant", "dropped", "always 'x'"),
}  # fmt: skip


@pytest.mark.parametrize("column", [*EVERY_KIND, *UNUSED], ids=lambda column: column.name)
def test_what_became_of_a_column_is_said(column):
    assert tuple(column.fate) == (column.name, *FATES[column.name])


def test_long_lists_are_shortened():
    words = tuple(f"w{word}" for word in range(20))
    assert Levels("x", words, 0.0, 1.0, 0.0).fate.note == " < ".join(words[:8]) + " < ..."
    assert Categories("x", words).fate.note == "20: 'w0', 'w1', 'w2', 'w3', 'w4' and 15 more"
    assert Categories("x", ("a",)).fate.became == "1 input"


def test_levels_are_found_in_any_case():
    column = Levels("x", ("low", "high"), 0.0, 1.0, 0.0)
    places, odd, infinite = column.values(series(" LOW", "High", "n/a", "", "huge"))
    np.testing.assert_array_equal(places[:, 0], [0, 1, np.nan, np.nan, np.nan])
    assert (odd.tolist(), infinite.any()) == ([False, False, False, False, True], False)


@pytest.mark.parametrize(
    ("other", "missing", "places", "width"),
    # of: the first, the second, an unknown one, a missing one
    [
        (0.0, 0.0, [0, 1, -1, -1], 2),
        (0.1, 0.0, [0, 1, 2, 2], 3),
        (0.0, 0.1, [0, 1, -1, 2], 3),
        (0.1, 0.1, [0, 1, 2, 3], 4),
    ],
)
def test_categories_and_the_places_of_unknown_and_missing_ones(other, missing, places, width):
    column = Categories("x", ("a", "b"), other, missing)
    found, unknown = column.places(series("a", " b ", "new", "NA"))
    assert (found.tolist(), len(column.inputs)) == (places, width)
    assert unknown.tolist() == [False, False, True, False]
    assert found.dtype == np.int64


def test_a_category_may_be_a_word_for_missing():
    column = Categories("x", ("none", "-"), 0.0, 0.5)
    assert column.places(series("none", "-", "?"))[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("cells", [["1", "2.0", "03", ""], [1.0, 2.0, 3.0, None], [1, 2, 3, None]])
def test_whole_numbers_of_pandas_are_the_same_categories(cells):
    column = Categories("x", ("1", "2", "3", "03"), 0.0, 0.25)
    found = column.places(polars.Series("x", cells))[0].tolist()
    assert found == [0, 1, 3 if cells[0] == "1" else 2, 4]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: numeric("x", scale=0.0), "column 'x': scale: got 0.0; needed a positive number"),
        (lambda: numeric("x", mean=np.inf), "column 'x': center: got inf; needed a finite number"),
        (lambda: numeric("x", mean=1), "column 'x': center: got 1; needed a finite number"),
        (lambda: numeric("x", missing=1.5), "column 'x': missing: got 1.5; needed a share from 0 to 1"),
        (lambda: numeric("x", style="hex"), "column 'x': got 'hex'; needed a known way to write numbers"),
        (lambda: numeric(b"x"), "column b'x': name: got b'x'; needed text"),
        (lambda: Levels("x", (), 0.0, 1.0, 0.0), "column 'x': got no names"),
        (lambda: Categories("x", ("a", "a")), "column 'x': got no names, or one more than once"),
        (lambda: Categories("x", ["a"]), "column 'x': categories: got ..a..; needed a tuple"),
        (lambda: Date("x", "%Q", ("year",), (0.0,), (1.0,)), "column 'x': got a date of unknown format"),
        (lambda: Date("x", "typed", ("year", "year"), (0.0,) * 2, (1.0,) * 2), "column 'x': got a date of unknown"),
    ],
)
def test_columns_that_cannot_be_are_refused(make, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        make()
