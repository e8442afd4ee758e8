import datetime
import math

import numpy as np
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from columns import series
from jaxnn.data import numerals
from jaxnn.data.numerals import MISSING, STYLES, is_missing, parse, parse_plain, stripped, style_of

NAN = math.nan
SPACES = " \u00a0\u202f'’"


@pytest.mark.parametrize(
    ("cells", "style", "values"),
    [
        (["1", "-2.5", "+3", ".5", "4.", "1e3", "2E-2"], "plain", [1, -2.5, 3, 0.5, 4, 1000, 0.02]),
        (["1,5", "2,25", "-,5", "3"], "decimal comma", [1.5, 2.25, -0.5, 3]),
        (["0,125", "0,250"], "decimal comma", [0.125, 0.25]),  # no thousand begins with 0
        (["1,234", "950", "12,345,678"], "thousands comma", [1234, 950, 12345678]),
        (["1,234.50", "-3.25"], "thousands comma", [1234.5, -3.25]),
        (["1.234,50", "7", "1.234.567"], "decimal comma, thousands point", [1234.5, 7, 1234567]),
        (["1 234", "12 345 678.5", "3"], "thousands space", [1234, 12345678.5, 3]),
        (["1'234", "5’678"], "thousands space", [1234, 5678]),  # as in Switzerland
        (["1\u00a0234,5", "7\u202f890", "0,5"], "decimal comma, thousands space", [1234.5, 7890, 0.5]),
        (["$1", "$2.50", "-$3", "$-4"], "plain, unit", [1, 2.5, -3, -4]),
        (["$1,200", "$950"], "thousands comma, unit", [1200, 950]),
        (["1.200,50 €", "3 €", "€ 4"], "decimal comma, thousands point, unit", [1200.5, 3, 4]),
        (["50%", "12.5 %", "0%"], "plain, unit", [50, 12.5, 0]),
        (["12,5 %", "7 %"], "decimal comma, unit", [12.5, 7]),
        (["−5", "3", "−0.5"], "plain, unit", [-5, 3, -0.5]),  # a minus sign that is no hyphen
        (["£1 000", "£2"], "thousands space, unit", [1000, 2]),
        (["₹5", "¥7"], "plain, unit", [5, 7]),
        (["1.234", "2.345"], "plain", [1.234, 2.345]),  # of several that fit, the plainest
        (["007", "012"], "plain", [7, 12]),
        ([" 5 ", "\t6\u00a0"], "plain", [5, 6]),
    ],
)
def test_ways_to_write_numbers(cells, style, values):
    found, share = style_of(stripped(series(*cells)))
    assert (found, share) == (style, 1)
    # accounting tables write a dash where there is nothing
    parsed = parse(series(*cells, "-", "n/a", "soon"), found)
    assert parsed.values.tolist() == pytest.approx([*values, NAN, NAN, NAN], nan_ok=True)
    nothing = [False] * len(cells)
    assert parsed.missing.tolist() == [*nothing, True, True, False]
    assert parsed.odd.tolist() == [*nothing, False, False, True]
    assert not parsed.infinite.any()


@pytest.mark.parametrize(
    ("cells", "style", "share"),
    [
        (["1,5", "2,5", "unknown", "x"], "decimal comma", 0.5),
        (["1", "2", "3", "4,5"], "decimal comma", 1.0),
        (["1.5", "2,5"], "plain", 0.5),
        (["a", "b"], "plain", 0.0),
        ([], "plain", 0.0),
        (["1,23,456"], "plain", 0.0),  # no group of three: not read as another number
        (["1 2"], "plain", 0.0),
        (["$"], "plain", 0.0),
        (["1_000", "0x10", "１", "1e", "--1", "1.2.3", "1,2,3"], "plain", 0.0),
    ],
)
def test_the_style_of_a_column_is_that_of_most_cells(cells, style, share):
    assert style_of(series(*cells)) == (style, share)


@pytest.mark.parametrize("word", MISSING)
def test_words_for_a_missing_value(word):
    cells = series(word, word.upper(), f"  {word} ", "7")
    assert is_missing(stripped(cells)).tolist() == [True, True, True, False]
    for style in STYLES:
        parsed = parse(cells, style)
        assert np.isnan(parsed.values[:3]).all()
        assert parsed.missing.tolist() == [True, True, True, False]
        assert not parsed.odd.any()


@pytest.mark.parametrize("word", ["0", "no", "unknown", "nano", "nane", "x", "inf", "---", "- -"])
def test_words_that_are_values(word):
    assert is_missing(series(word)).tolist() == [False]


@pytest.mark.parametrize("text", ["inf", "-Inf", "+INFINITY", "1e999", "-1e400", "9" * 400])
def test_infinite_numbers_are_told_from_words(text):
    parsed = parse(series(text, "1"))
    assert parsed.infinite.tolist() == [True, False]
    assert not parsed.odd.any()
    assert not parsed.missing.any()
    assert np.isnan(parsed.values[0])


@pytest.mark.parametrize(
    ("cells", "values", "missing", "infinite"),
    [
        (polars.Series([1, None, -3]), [1, NAN, -3], [0, 1, 0], [0, 0, 0]),
        (polars.Series([1.5, None, NAN]), [1.5, NAN, NAN], [0, 1, 1], [0, 0, 0]),
        (polars.Series([math.inf, -math.inf, 0.0]), [NAN, NAN, 0], [0, 0, 0], [1, 1, 0]),
        (polars.Series([True, False, None]), [1, 0, NAN], [0, 0, 1], [0, 0, 0]),
        (polars.Series([255, 0, None], dtype=polars.UInt8), [255, 0, NAN], [0, 0, 1], [0, 0, 0]),
        (polars.Series([None, None], dtype=polars.Float32), [NAN, NAN], [1, 1], [0, 0]),
    ],
)
def test_numbers_of_files_that_have_types(cells, values, missing, infinite):
    parsed = parse(cells)
    np.testing.assert_array_equal(parsed.values, values)
    assert parsed.missing.tolist() == list(map(bool, missing))
    assert parsed.infinite.tolist() == list(map(bool, infinite))
    assert not parsed.odd.any()


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        (polars.Series([1.0, 2.0, None, NAN]), ["1", "2", "", ""]),  # a whole number among gaps, as pandas keeps it
        (polars.Series([1.0, 2.5]), ["1.0", "2.5"]),
        (polars.Series([1, None]), ["1", ""]),
        (polars.Series([True, None]), ["true", ""]),
        (polars.Series([datetime.date(2024, 5, 4)]), ["2024-05-04"]),
        (polars.Series([" a\u00a0", None, "b"]), ["a", "", "b"]),
        (polars.Series([2.0**60, 1.0]), ["1.152921504606847e+18", "1.0"]),
    ],
)
def test_cells_of_any_type_as_text(cells, texts):
    assert stripped(cells).to_list() == texts


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
MONEY = st.integers(-(10**14), 10**14)  # in cents, which a float64 holds


def written(cents, style):
    """A number of cents, in a style."""
    sign, size = "-" if cents < 0 else "", abs(cents)
    whole, rest = f"{size // 100:,}", f"{size % 100:02}"
    if style.startswith("plain"):
        text = f"{whole.replace(',', '')}.{rest}"
    elif style.startswith("thousands comma"):
        text = f"{whole}.{rest}"
    elif style.startswith("decimal comma, thousands point"):
        text = f"{whole.replace(',', '.')},{rest}"
    elif style.startswith("decimal comma, thousands space"):
        text = f"{whole.replace(',', SPACES[size % 5])},{rest}"
    elif style.startswith("thousands space"):
        text = f"{whole.replace(',', SPACES[size % 5])}.{rest}"
    else:
        text = f"{whole.replace(',', '')},{rest}"
    if style.endswith("unit"):
        return sign + (f"${text}", f"€ {text}", f"{text} %", f"{text}£")[size % 4]
    return sign + text


@given(st.lists(MONEY, min_size=1), st.sampled_from(STYLES))
def test_numbers_written_in_a_style_are_read_back(cents, style):
    parsed = parse(series(*(written(number, style) for number in cents)), style)
    assert parsed.values.tolist() == [number / 100 for number in cents]
    assert not parsed.odd.any()


@given(st.lists(st.integers(10**8, 10**14), min_size=1), st.sampled_from(STYLES))
def test_the_style_is_found_or_one_that_reads_the_same(cents, style):
    """Numbers of a million and more have two marks of thousands, which no decimal number has."""
    cells = series(*(written(number, style) for number in cents))
    found, share = style_of(cells)
    assert share == 1
    assert parse(cells, found).values.tolist() == [number / 100 for number in cents]


@given(st.lists(st.one_of(FLOATS.map(repr), st.sampled_from(["", "NA", "x", "1,5", "inf", " 7 "])), min_size=1))
def test_many_columns_at_once_are_read_as_one_by_one(cells):
    frame = polars.DataFrame({"a": cells, "^b$": cells[::-1]})
    values, good = parse_plain(frame)
    for position, column in enumerate(frame):
        alone = parse(column)
        np.testing.assert_array_equal(values[:, position], alone.values)
        assert bool(good[position]) == (not (alone.odd | alone.infinite).any())


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1))
def test_any_text_is_a_number_missing_odd_or_infinite(cells):
    column = series(*cells)
    style, share = style_of(stripped(column))
    assert 0 <= share <= 1
    parsed = parse(column, style)
    number = np.isfinite(parsed.values)
    assert (number.astype(int) + parsed.missing + parsed.odd + parsed.infinite == 1).all()


def test_a_name_like_a_pattern_is_a_name():
    for name in ("^a.*$", "*", "^$"):
        cells = polars.Series(name, ["1", "x"])
        assert parse(cells).odd.tolist() == [False, True]
        assert stripped(cells).to_list() == ["1", "x"]
        assert parse(polars.Series(name, [1.0, None])).missing.tolist() == [False, True]


def test_the_styles_are_all_there_are():
    assert len(STYLES) == len(set(STYLES)) == 12
    assert numerals.STYLES[0] == "plain"


def test_dates_are_no_numbers():
    import datetime

    found = parse(polars.Series([datetime.date(2024, 1, 1), None]))
    assert np.isnan(found.values).all()
    assert (found.odd.tolist(), found.missing.tolist()) == ([True, False], [False, True])
