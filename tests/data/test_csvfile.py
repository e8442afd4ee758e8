import csv
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.checks import JaxnnError
from jaxnn.data.csvfile import parse

CELL = st.text(st.sampled_from('ab1 ",\n;é\t'), max_size=6)
GOOD = b'length,"wi""dth",kind\r\n1.5,2,small\n3,-4e1,"big, very"\n\n5,6,small\n.5,1,"big, very"\n'


def columns(raw):
    return {name: raw.cells[name].to_list() for name in raw.columns}


@given(st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1)))
def test_cells_are_those_that_the_csv_module_reads(rows):
    names = [f"c{index}" for index in range(len(rows[0]))]
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows([names, *rows])
    raw = parse(written.getvalue().encode(), "x.csv")
    assert [list(row) for row in raw.cells.rows()] == rows
    assert raw.columns == tuple(names)


def test_a_good_file_is_read_with_its_lines_and_its_digest():
    raw = parse(GOOD, "x.csv")
    assert raw.columns == ("length", 'wi"dth', "kind")
    assert raw.lines.tolist() == [2, 3, 5, 6]
    assert columns(raw)["kind"] == ["small", "big, very", "small", "big, very"]
    assert raw.sha256 == hashlib.sha256(GOOD).hexdigest()
    assert raw.place(2, "kind") == "x.csv:5:kind"
    assert columns(raw)["length"] == ["1.5", "3", "5", ".5"]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfa,b\n1,2\n",  # byte order mark
        b"a,b\r\n1,2\r\n",
        b"a,b\n1,2",  # no final newline
        b"\n\na,b\n\n1,2\n\n",
        b" a , b\n1,2\n",
        b'"a","b"\n"1","2"\n',
    ],
)
def test_harmless_differences_do_not_matter(data):
    assert columns(parse(data, "x.csv")) == {"a": ["1"], "b": ["2"]}


def test_blank_lines_of_one_column_are_empty_cells():
    assert columns(parse(b"a\n1\n\n2\n", "x.csv")) == {"a": ["1", "", "2"]}


@pytest.mark.parametrize(
    "data",
    [
        b"a;b\n1,5;x,y\n2,5;z\n",
        b"sep=;\r\na;b\r\n1,5;x,y\r\n2,5;z\r\n",
        b"\xef\xbb\xbfa|b\n1,5|x,y\n2,5|z\n",
        b"a\tb\n1,5\tx,y\n2,5\tz\n",
        b'a,b\n"1,5","x,y"\n"2,5",z\n',
        b"'a','b'\n'1,5','x,y'\n'2,5','z'\n",
        b"a;b;\n1,5;x,y;\n2,5;z;\n",
        b"a;b;;; \n1,5;x,y;;;\n2,5;z;;;\n",
    ],
)
def test_separators_and_quotes_are_told_from_the_content(data):
    raw = parse(data, "x.csv")
    assert columns(raw) == {"a": ["1,5", "2,5"], "b": ["x,y", "z"]}
    assert raw.notes == ()


def test_an_apostrophe_stays_text_between_single_quotes_and_without():
    assert columns(parse(b"a,b\nO'Brien,1\n'tis,2\n", "x.csv"))["a"] == ["O'Brien", "'tis"]
    raw = parse(b"'a','b'\n'O''Brien',O'Hara\n'rock'n'roll','x'\n", "x.csv")
    assert columns(raw) == {"a": ["O'Brien", "rock'n'roll"], "b": ["O'Hara", "x"]}


@pytest.mark.parametrize("names", ["012", "123", "519", "xyz"])
def test_names_of_rows_are_left_out_and_said(names):
    data = "\n,a,b\n" + "".join(f"{name},x,{row}\n" for row, name in enumerate(names))
    raw = parse(data.encode(), "x.csv")
    assert columns(raw) == {"a": ["x"] * 3, "b": ["0", "1", "2"]}
    assert raw.notes == ("x.csv:2:1: left out the first column, which has no name and names the rows",)


@pytest.mark.parametrize("data", [b"2019,2020\n1,2\n", b"0,1,2\n5,6,7\n", b"1,kind\n5,x\n", b"a,b\na,b\n"])
def test_names_that_are_numbers_or_stand_in_their_column_are_fine(data):
    assert len(parse(data, "x.csv")) == 1


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.csv", b"", "x.csv: got an empty file"),
        ("x.csv", b"\xef\xbb\xbf", "x.csv: got an empty file"),
        ("x.csv", b"a,b\n", "x.csv: got a header and no rows"),
        ("x.csv", b"a,b", "x.csv: got a header and no rows"),
        ("x.csv", b"a,b\n\n\n", "x.csv: got a header and no rows"),
        ("x.csv", b"a,b,a\n1,2,3\n", "x.csv:1:a: got 'a' more than once"),
        ("x.csv", b"\na, a\n1,2\n", "x.csv:2:a: got 'a' more than once"),
        ("x.csv", b",a\n3,1\n3,2\n", "x.csv:1:1: got an empty column name; .* Name the column or remove it"),
        ("x.csv", b"a,,b\n1,,1\n", "x.csv:1:2: got an empty column name"),
        ("x.csv", b"a,b,\n1,2,3\n", "x.csv:1:3: got an empty column name"),
        ("x.csv", b"a,b\n1,2,\n", "x.csv:2:3: got 3 fields"),
        ("x.csv", b"5.1,3.5\n4.9,3.0\n", "x.csv:1: got cells of a row, '5.1', '3.5', as the first line; .* Add a line"),
        ("x.csv", b"5,1;3,5\n4,9;3,0\n", "x.csv:1: got cells of a row, '5,1', '3,5', as the first line"),
        ("x.csv", b"\n1,0,1\n0,0,1\n", "x.csv:2: got cells of a row, '1', '0', '1', as the first line"),
        ("x.csv", b"5,3,setosa\n4,3,setosa\n4,3,other\n", "x.csv:1: got cells of a row, '5', '3', 'setosa', as the"),
        ("x.csv", b'a," "\n0,1\n', "x.csv:1:2: got an empty column name"),
        ("x.csv", b"sep=#\na#b\n1#2\n", "x.csv:1: got '#' as separator; needed a comma, semicolon, tab or bar"),
        ("x.csv", b"sep=;\na;b\n1;2;3\n", "x.csv:3:3: got 3 fields; needed 2"),
        ("x.csv", b"sep=;\n", "x.csv: got an empty file"),
        ("x.csv", b"'a','b'\n'1,'2'\n", "x.csv:2:1: got a quoted field that is not closed"),
        ("x.csv", "a,b\n1,2\n".encode("utf-16"), "x.csv:1: got text in UTF-16"),
        ("x.csv", b"a,b\n1,\0\n", "x.csv:2: got a NUL byte"),
        ("x.csv", b"PK\x03\x04\x14\x00\x06\x00", "x.csv:1: got a NUL byte"),
        ("a\nb.csv", b"a,b\n1\n", r"'a\\nb.csv':2:2: got 1 field"),
    ],
)
def test_bad_files_are_refused(name, data, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        parse(data, name)


def outcome(data):
    """Nothing for a table, or the message of our own error; any other exception is a failure of the test."""
    try:
        raw = parse(data, "x.csv")
        return "" if raw.cells.shape == (len(raw), len(raw.columns)) and not raw.cells.null_count().row(0)[0] else None
    except JaxnnError as error:
        return str(error)


def is_sound(message):
    return message is not None and message.isprintable() and len(message) < 2000


@given(st.binary(max_size=200))
def test_random_bytes_give_a_table_or_our_own_error(data):
    assert is_sound(outcome(data))


@given(st.text(st.sampled_from("01,\"\n\r\x00é;. \t-e|'s=p"), max_size=60))
def test_random_symbols_of_csv_give_a_table_or_our_own_error(text):
    assert is_sound(outcome(b"a,b\n" + text.encode()))


@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 3), st.binary(min_size=1, max_size=3)), max_size=4))
def test_mutated_files_give_a_table_or_our_own_error(changes):
    data = GOOD
    for start, length, replacement in changes:
        data = data[:start] + replacement + data[start + length :]
    assert is_sound(outcome(data))
