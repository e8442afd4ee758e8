import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.checks import JaxnnError
from jaxnn.data.csvfile import parse
from jaxnn.data.dialect import find_dialect

MANY = b"".join(b"%d,5;%d,25;it's\n" % (i, i) for i in range(40_000))  # more than the sample


@pytest.mark.parametrize(
    ("text", "separator", "quote"),
    [
        (b"a,b\n1,2\n", ",", '"'),
        (b"a;b\n1;2\n", ";", '"'),
        (b"a\tb\n1\t2\n", "\t", '"'),
        (b"a|b\n1|2\n", "|", '"'),
        (b"a;b\n1,5;2,3\n2,5;3,25\n", ";", '"'),  # decimal commas
        (b"Temp, C;Hum, %;Wind, m\n1,5;2,5;3,5\n", ";", '"'),  # and commas in the header, one more than semicolons
        (b"a;b;c\n1,5;2,3;x\n" + MANY, ";", '"'),
        (b'"a;x";"b"\n"1,5";"2;2"\n', ";", '"'),
        (b"name,age\nO'Brien,3\nD'Arcy,4\n", ",", '"'),
        (b"name,age\n'tis,3\n'twas,4\n", ",", '"'),
        (b"name,age\ndogs',3\ncats',4\n", ",", '"'),
        (b"'name','age'\n'O''Brien','3'\n", ",", "'"),
        (b"'name';'age'\n'a;b';3\n", ";", "'"),
        (b"name,age\n'Ann',3\n'Bob',4\n", ",", "'"),
        (b"name,age\nAnn,3\n'Bob, jr',4\n", ",", "'"),  # the lines are equally long only so
        (b"name,age\nAnn,3\n'Bob',4\n", ",", '"'),  # one cell of a column only: text
        (b"\"name\",age\n'Ann',3\n'Bob',4\n", ",", '"'),
        (b"'a','b'\n'x','y\n", ",", "'"),  # not closed, which the next step refuses
        (b"\n\r\na;b\n\n1;2\n", ";", '"'),
        (b"when;x\n2020-01-01 10:00,5;1\n", ";", '"'),
        (b"a,b\n1,2\n3\n4,5\n", ",", '"'),  # ragged
        (b"a,b,c\n1;2,3\n", ",", '"'),
        (b"a\nhello, world\nfoo\n", ",", '"'),  # refused as ragged, not taken for one column
        (b"'a\nb','c'\n'x\ny, z','1'\n", ",", "'"),
    ],
)
def test_separator_and_quote_are_told_from_the_lines(text, separator, quote):
    assert find_dialect(text, "x.csv")[:2] == (separator, quote)
    crlf = text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert find_dialect(crlf, "x.csv")[:2] == (separator, quote)


def test_the_suffix_decides_where_the_lines_do_not():
    assert find_dialect(b"a\tb,c\nx\ty,z\n", "x.csv").separator == ","
    for name in ("x.tsv", "x.TXT", "x.tsv.gz"):
        assert find_dialect(b"a\tb,c\nx\ty,z\n", name).separator == "\t"


@pytest.mark.parametrize("text", [b"a\n1\n2\n", b"a\n1,5\n2\n-,5\n", b'a\n"1,2"\n"x"\n', b"'a'\n'x, y'\n'z;'\n", b"a"])
def test_one_column(text):
    dialect = find_dialect(text, "x.csv")
    assert {
        len(record) for record in csv.reader(text.decode().splitlines(), delimiter=dialect[0], quotechar=dialect[1])
    } == {1}


@pytest.mark.parametrize(("quote", "separator"), [("'", ";"), ('"', "|")])
def test_the_lines_looked_at_may_end_inside_a_field(quote, separator):
    """300 lines to a field, and fields up to the end of what is looked at and beyond."""
    field = quote + f"x{separator},\n" * 300 + quote
    text = f"a{separator}b\n" + f"{field}{separator}1\n" * 500
    assert find_dialect(text.encode(), "x.csv")[:2] == (separator, quote)


def test_what_excel_says_of_the_separator():
    dialect = find_dialect(b"sep=;\r\na,b;c\r\n1,2;3\r\n", "x.csv")
    assert dialect == (";", '"', b"\r\na,b;c\r\n1,2;3\r\n")
    assert find_dialect(b'"sep=|"\na|b\n', "x.csv").separator == "|"
    assert find_dialect(b"sep=,\na;b\n", "x.csv").separator == ","
    with pytest.raises(JaxnnError, match=r"^x.csv:1: got ':' as separator; needed a comma, semicolon, tab or bar\.$"):
        find_dialect(b"sep=:\na:b\n", "x.csv")


@given(st.text(st.sampled_from("ab1 \"',;|\t\n\ré=spe"), max_size=80), st.sampled_from(["x.csv", "x.tsv"]))
def test_any_text_has_a_dialect(text, name):
    found = find_dialect(b"\n" + text.encode(), name)  # after a blank line, `sep=` is a name
    assert found.separator in ",\t;|"
    assert found.quote in "\"'"


@st.composite
def tables(draw, letters):
    width, rows = draw(st.integers(2, 4)), draw(st.integers(1, 6))
    cell = st.text(st.sampled_from(letters), max_size=6)
    return draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=rows, max_size=rows))


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", list(",;\t|"))
@given(rows=tables("ab1 \"',;|\t\né"))
def test_fields_in_quotes_come_back(separator, line_end, rows):
    names = [f"c{index}" for index in range(len(rows[0]))]
    for quote in "\"'":
        written = io.StringIO()
        csv.writer(
            written, delimiter=separator, quotechar=quote, quoting=csv.QUOTE_ALL, lineterminator=line_end
        ).writerows([names, *rows])
        raw = parse(written.getvalue().encode(), "x.csv")
        assert [list(row) for row in raw.cells.rows()] == rows


@pytest.mark.parametrize("separator", list(",;\t|"))
@given(rows=tables('ab1 ",;|\t\né'))
def test_fields_in_quotes_where_needed_come_back(separator, rows):
    names = [f"c{index}" for index in range(len(rows[0]))]
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator="\n").writerows([names, *rows])
    raw = parse(written.getvalue().encode(), "x.csv")
    assert [list(row) for row in raw.cells.rows()] == rows


@pytest.mark.parametrize("separator", list(",;\t|"))
@given(rows=tables("ab1 ',;|\té"))
def test_apostrophes_in_text_stay(separator, rows):
    """Text with apostrophes in it or at one end, in double quotes where it needs any."""
    rows = [[f"x{cell}" for cell in row] for row in rows]
    names = [f"c{index}" for index in range(len(rows[0]))]
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator="\n").writerows([names, *rows])
    raw = parse(written.getvalue().encode(), "x.csv")
    assert [list(row) for row in raw.cells.rows()] == rows
