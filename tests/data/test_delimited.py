import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.checks import JaxnnError
from jaxnn.data import delimited
from jaxnn.data.delimited import check_bytes, layout

CELL = st.text(st.sampled_from('ab1 ",\n;é'), max_size=5)


@given(st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1)))
def test_lines_are_those_that_the_csv_module_counts(rows):
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    text = written.getvalue()
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    starts, before = [], 0
    for _ in reader:
        starts.append(before + 1)
        before = reader.line_num
    found = layout(text.encode(), ",", "x.csv")
    assert found.width == len(rows[0])
    assert found.lines.tolist() == starts
    assert found.kept.all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.csv: got an empty file"),
        (b"\n\r\n\n", "x.csv: got an empty file"),
        (b"a,b\n1,2\n3\n", "x.csv:3:2: got 1 field; needed 2, one for each column of the header. Leave no field out"),
        (
            b"\n\na,b\n1,2\n\n3,4,5\n",
            "x.csv:6:3: got 3 fields; needed 2, .* Put a field that holds the separator in quotes",
        ),
        (b"a,b\n   \n", "x.csv:2:2: got 1 field"),
        (b'a,b\n"1\n1",2\n3\n', "x.csv:4:2: got 1 field"),
        (b'a,b\n1,"2\n3,4\n', "x.csv:2:2: got a quoted field that is not closed"),
        (b'a,b\n1,"2\n3,"4"\n', "x.csv:2:2: got a quoted field that is not closed"),
        (b'a,b\n"1\n",2\n3,"4"x\n', "x.csv:4:2: got a quoted field that is not closed"),
        (b'a,b\n1,2"\n', "x.csv:2:2: got a quote inside a field; .* write each quote in it twice"),
        (b'a,b\n"x,y",a""b\n', "x.csv:2:2: got a quote inside a field"),
        (b'a,b\n""",2\n', "x.csv:2:1: got a quoted field that is not closed"),
        (b"a,b\n1,2\n3," + b"9" * 100_001, "x.csv:3:2: got a field of 100001 bytes; needed at most 100000"),
        (b"\n" + b"9" * 100_001 + b",b\n1,2\n", "x.csv:2:1: got a field of 100001 bytes"),
        (b"a,b\n1,2\n" + b"9" * 100_001 + b",3\n", "x.csv:3:1: got a field of 100001 bytes"),
        (b"," * 50_000, "x.csv:1: got 50001 columns; needed at most 50000"),
    ],
)
def test_bad_structure_is_refused_with_its_place(data, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        layout(data, ",", "x.csv")


@pytest.mark.parametrize("data", [b'a,b\n1,""\n"",""""\n', b'"a","b"\r\n"1","2"\r\n', b'"a\n,b",c', b'a,b\n1,"2"'])
def test_sound_quotes_pass(data):
    assert layout(data, ",", "x.csv").width == 2


def test_blank_lines_are_no_records_unless_there_is_one_column():
    wide = layout(b"\n\na,b\n\n1,2\r\n\r\n3,4\n\n", ",", "x.csv")
    assert (wide.lines[wide.kept].tolist(), wide.start, wide.stop) == ([3, 5, 7], 2, 17)
    narrow = layout(b"a\n\n1\n\n", ",", "x.csv")
    assert (narrow.lines.tolist(), narrow.kept.all()) == ([1, 2, 3], True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\n" * 2**19 + b"\xc3\xa9" + b"\xe9\n", f"x.csv:{2**19 + 1}: got byte 0xe9 at offset {2**20 + 2}"),
        (b"a\n" * 2**19 + b"\xc3", f"x.csv:{2**19 + 1}: got byte 0xc3 at offset {2**20}"),
        ("a,b\n".encode("utf-16"), "x.csv:1: got text in UTF-16; needed UTF-8 text. .* CSV UTF-8"),
        ("a,b\n".encode("utf-16-be"), "x.csv:1: got a NUL byte at offset 0"),
        (b"a\n1\n\0\n", "x.csv:3: got a NUL byte at offset 4"),
        (b"a\ncaf\xe9\n", "x.csv:2: got byte 0xe9 at offset 5, which is not UTF-8"),
        (b"a\n\xc3", "x.csv:2: got byte 0xc3 at offset 2"),
        (b"a\n\xff\0", "x.csv:2: got byte 0xff"),
        (b"a\n\0\xff", "x.csv:2: got a NUL byte"),
        (b"a\r1\r2", "x.csv:1: got a carriage return alone at offset 1"),
        (b"a\r\n1\r\n\r", "x.csv:3: got a carriage return alone"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_place(data, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        check_bytes(data, "x.csv")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"'a','b'\n'1','2\n'3','4'\n", "x.csv:2:2: got a quoted field that is not closed"),
        (b"'a','b'\n'1',2'\n", "x.csv:2:2: got a quote inside a field"),
        (b"'a','b'\n'O'Brien',2,3\n", "x.csv:2:3: got 3 fields"),
        (b"'a','b'\n'1','O''Brien\n", "x.csv:2:2: got a quoted field that is not closed"),
    ],
)
def test_bad_single_quotes_are_refused_with_their_place(data, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        layout(data, ",", "x.csv", "'")


def test_single_quotes_inside_a_word_are_apostrophes():
    found = layout(b"'a','b'\n'O'Brien, jr',D'Arcy\n'it''s','x\ny'\n", ",", "x.csv", "'")
    assert (found.width, found.lines.tolist(), found.literal.tolist()) == (2, [1, 2, 3], [10, 23])


def test_too_many_cells_are_refused(monkeypatch):
    layout(b"a,b\n1,2\n", ",", "x.csv")
    monkeypatch.setattr(delimited, "MOST_CELLS", 3)
    with pytest.raises(JaxnnError, match=r"^x.csv: got more than 3 cells"):
        layout(b"a,b\n1,2\n", ",", "x.csv")


def test_good_bytes_pass():
    for padding in range(4):  # a letter lies across the pieces that are looked at
        check_bytes(b"a" * (2**20 - padding) + "é😀é".encode(), "x.csv")
    check_bytes("a,é\r\n1,2\n\u2028\x0b".encode(), "x.csv")
    assert np.array_equal(layout("é,b\n\u2028,2".encode(), ",", "x.csv").lines, [1, 2])
