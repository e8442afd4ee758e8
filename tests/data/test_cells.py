import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.checks import JaxnnError
from jaxnn.data.cells import class_values, number_values, target_values
from jaxnn.data.csvfile import parse
from jaxnn.data.rawtable import RawTable


def raw(*cells, name="x.csv"):
    return parse(("a,b\n" + "".join(f"{cell},0\n" for cell in cells)).encode(), name)


def numbers(table, column="a"):
    return number_values(table, column).values


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_float_is_read_to_its_last_bit(values):
    assert numbers(raw(*map(repr, values))).tobytes() == np.array(values).tobytes()


@given(st.from_regex(r"[+-]?([0-9]{1,25}\.?[0-9]{0,25}|\.[0-9]{1,25})([eE][+-]?[0-9]{1,2})?", fullmatch=True))
def test_every_decimal_number_is_what_python_reads(text):
    assert numbers(raw(text))[0] == float(text)


@pytest.mark.parametrize(
    "text", [" 1 ", "\t1", "+1", "1.", "01", "1e0", "1E+0", "1.000000000000000000001", '"1,0"', "$1"]
)
def test_ways_to_write_one(text):
    assert numbers(raw(text)).tolist() == [1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inf", "x.csv:3:a: got 'inf'; needed a finite number, at most 1.79e308 in size"),
        ("-Infinity", "x.csv:3:a: got '-Infinity'; needed a finite number"),
        ("1e999", "x.csv:3:a: got '1e999'; needed a finite number"),
        ("9" * 400, r"x.csv:3:a: got '9999.*[.]{3}' \(400 characters\); needed a finite number"),
        ("1_000", "x.csv:3:a: got '1_000'; needed a number. Write it in plain digits, .* or leave the cell empty"),
        ("0x10", "x.csv:3:a: got '0x10'; needed a number"),
        ('"1,5"', "x.csv:3:a: got '1,5'; needed a number"),  # as the others are written otherwise
        ("１", "x.csv:3:a: got '１'; needed a number"),  # a digit, but not ASCII
        ("true", "x.csv:3:a: got 'true'; needed a number"),
        ("--1", "x.csv:3:a: got '--1'; needed a number"),
        ("1e", "x.csv:3:a: got '1e'; needed a number"),
    ],
)
def test_what_is_no_number_is_refused_with_its_place(text, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        number_values(raw("1.5", text, "2"), "a")


@pytest.mark.parametrize("text", ["", "NA", "nan", "NaN", "?", "-", "n.a."])
def test_rows_without_a_number_are_left_out(text):
    found = number_values(raw("1", text, "2"), "a")
    assert (found.values.tolist(), found.rows.tolist()) == ([1.0, 2.0], [0, 2])
    assert found.rows.dtype == np.int64
    with pytest.raises(JaxnnError, match=r"^x.csv:2:a: got a target without a value in any row; needed a number in"):
        number_values(raw(text, text), "a")


def test_line_numbers_count_lines_inside_quotes():
    table = parse(b'note,a\n"one\ntwo\n",1\n"three",x\n', "x.csv")
    with pytest.raises(JaxnnError, match=r"^x.csv:5:a: "):
        number_values(table, "a")


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["yes", " no ", "yes"], "U", ["yes", "no", "yes"]),
        (["True", "false", "TRUE"], "b", [True, False, True]),
        (["1", "2.0", "1"], "f", [1.0, 2.0, 1.0]),
        (["None", "mild", "-"], "U", ["None", "mild", "-"]),  # words among words are classes
        (["x", "", "y", "NA", "?"], "U", ["x", "y"]),
        (["1", "", "2", "."], "f", [1.0, 2.0]),
        (["true", "NaN", "FALSE"], "b", [True, False]),
        (['"1,5"', '"2,5"', "n/a"], "f", [1.5, 2.5]),
        (['"$1,200"', "$950"], "f", [1200.0, 950.0]),
        (["25 %", "50 %"], "f", [25.0, 50.0]),
        (["1", "x", "y"], "U", ["1", "x", "y"]),
    ],
)
def test_types_of_a_target(cells, kind, values):
    found = target_values(raw(*cells), "a")
    assert found.values.dtype.kind == kind
    assert found.values.tolist() == values
    assert len(found.rows) == len(values)


@pytest.mark.parametrize(
    ("cells", "task", "message"),
    [
        (["", "?", "NA"], "auto", "x.csv:2:a: got a target without a value in any row; needed a value in most rows"),
        (["", ""], "classification", "x.csv:2:a: got a target without a value in any row"),
        (["1", "inf", "2"], "auto", "x.csv:3:a: got 'inf'; needed a finite number"),
        (["1", "1e999", "2"], "auto", "x.csv:3:a: got '1e999'; needed a finite number"),
        (["1", "2", "3", "4x"], "auto", "x.csv:5:a: got '4x'; needed a number"),
        (["a", "b", "a"], "regression", "x.csv:2:a: got 'a'; needed a number"),
        (["true", "false"], "regression", "x.csv:2:a: got 'true'; needed a number"),
        (["a", "b" * 201], "auto", "x.csv:3:a: got a class of 201 characters; needed at most 200"),
    ],
)
def test_bad_targets_are_refused_with_their_place(cells, task, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        target_values(raw(*cells), "a", task)


def test_numbers_and_words_are_classes_where_the_user_says_so():
    assert target_values(raw("1", "2", "3", "4x"), "a", "classification").values.tolist() == ["1", "2", "3", "4x"]


@pytest.mark.parametrize(
    ("cells", "classes", "values"),
    [
        (["b", " a"], ("a", "b"), ["b", "a"]),
        (["1.0", "+2", "1e0"], (1, 2), [1, 2, 1]),
        (["TRUE", "false"], (False, True), [True, False]),
        (["1", "x"], ("1", "x"), ["1", "x"]),
        (["-", "none"], ("none", "-"), ["-", "none"]),
    ],
)
def test_known_classes_keep_their_type(cells, classes, values):
    found = class_values(raw(*cells, "", "NA"), "a", classes)
    assert found.values.tolist() == values
    assert found.rows.tolist() == list(range(len(values)))
    assert type(found.values.tolist()[0]) is type(classes[0])


@pytest.mark.parametrize(
    ("cell", "classes"),
    [
        ("c", ("a", "b")),
        ("A", ("a", "b")),
        ("3", (1, 2)),
        ("1.5", (1, 2)),
        ("x", (1, 2)),
        ("1e999", (1, 2)),
        ("1", (False, True)),
    ],
)
def test_unknown_classes_are_refused_with_their_place(cell, classes):
    with pytest.raises(JaxnnError, match=rf"^x.csv:3:a: got '{cell}'; needed one of the classes"):
        class_values(raw(str(classes[0]), cell), "a", classes)
    with pytest.raises(
        JaxnnError, match=r"^x.csv:2:a: got a target without a value in any row; needed one of the classes"
    ):
        class_values(raw(""), "a", classes)


def test_names_that_look_like_patterns_are_plain_names():
    table = parse(b"^a.*$,ab,*,t\n1,2,3,0\n", "x.csv")
    assert [numbers(table, name).tolist() for name in ("^a.*$", "*", "ab")] == [[1.0], [3.0], [2.0]]
    assert target_values(table, "*").values.tolist() == [3.0]


def test_what_is_missing_in_the_training_is_missing_in_the_evaluation():
    table = raw("1", "none", "-", "2", "1")
    trained = target_values(table, "a")
    assert trained.rows.tolist() == [0, 3, 4]
    found = class_values(table, "a", (1, 2))
    assert (found.values.tolist(), found.rows.tolist()) == ([1, 2, 1], [0, 3, 4])


def test_dates_are_words_and_no_numbers():
    import datetime

    import polars

    days = [datetime.date(2024, 1, day) for day in (1, 2, 1)]
    table = RawTable("x.parquet", ("day",), polars.DataFrame({"day": days}), np.arange(1, 4), "", "parquet")
    assert target_values(table, "day").values.tolist() == ["2024-01-01", "2024-01-02", "2024-01-01"]
    with pytest.raises(JaxnnError, match=r"^x.parquet:row 1:day: got datetime.date\(2024, 1, 1\); needed a number"):
        target_values(table, "day", "regression")
