import csv
import hashlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.checks import JaxnnError
from jaxnn.data.csvfile import parse, read_table
from jaxnn.data.tables import to_table

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
    assert to_table(raw, "kind").features.tolist() == [[1.5, 2.0], [3.0, -40.0], [5.0, 6.0], [0.5, 1.0]]


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


def test_the_suffix_decides_the_separator():
    for name in ("x.tsv", "x.TSV", "x.txt"):
        assert columns(parse(b"a\tb,c\n1\t2,5\n", name)) == {"a": ["1"], "b,c": ["2,5"]}
    assert columns(parse(b"a,b\n1,2\n", "x.txt")) == {"a": ["1"], "b": ["2"]}
    assert columns(parse(b"a\n1\n\n2\n", "x.csv")) == {"a": ["1", "", "2"]}  # an empty cell, not a blank line


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
        ("x.csv", b",a\n0,1\n", "x.csv:1:1: got an empty column name; .*pandas .* index=False"),
        ("x.csv", b'a," "\n0,1\n', "x.csv:1:2: got an empty column name"),
        ("x.csv", b"a;b\n1,5;2,5\n", "x.csv:1: got a header that seems to be separated by ';'; needed ','"),
        ("x.csv", b"\n\na\tb\n1\t2\n", "x.csv:3: got a header that seems to be separated by .*t'; needed ','"),
        ("x.tsv", b"a,b\n1,2\n", r"x.tsv:1: got a header that seems to be separated by ','; needed '\\t'"),
        ("x.csv", "a,b\n1,2\n".encode("utf-16"), "x.csv:1: got text in UTF-16"),
        ("x.csv", b"a,b\n1,\0\n", "x.csv:2: got a NUL byte"),
        ("x.csv", b"PK\x03\x04\x14\x00\x06\x00", "x.csv:1: got a NUL byte"),
        ("a\nb.csv", b"a,b\n1\n", r"'a\\nb.csv':2:2: got 1 field"),
    ],
)
def test_bad_files_are_refused(name, data, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        parse(data, name)


def test_paths_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(JaxnnError, match=r"missing.csv: got a path where there is no file"):
        read_table(tmp_path / "missing.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(JaxnnError, match=r"folder.csv: got a folder; needed a .csv or .tsv file"):
        read_table(tmp_path / "folder.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(JaxnnError, match="not a regular file"):
        read_table(tmp_path / "pipe.csv")
    with pytest.raises(JaxnnError, match="cannot be read"):
        read_table("nul\0.csv")
    with pytest.raises(JaxnnError, match="cannot be read"):
        read_table("x" * 5000 + ".csv")
    good = tmp_path / "good.csv"
    good.write_bytes(GOOD)
    assert len(read_table(good)) == len(read_table(str(good))) == 4


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "closed.csv"
    path.write_bytes(GOOD)
    path.chmod(0)
    with pytest.raises(JaxnnError, match="cannot be read"):
        read_table(path)


def outcome(data):
    """Nothing for a table, or the message of our own error; any other exception is a failure of the test."""
    try:
        raw = parse(data, "x.csv")
        table = to_table(raw, raw.columns[-1])
        return "" if np.isfinite(table.features).all() and len(table) == len(raw) else None
    except JaxnnError as error:
        return str(error)


def is_sound(message):
    return message is not None and message.isprintable() and len(message) < 2000


@given(st.binary(max_size=200))
def test_random_bytes_give_a_table_or_our_own_error(data):
    assert is_sound(outcome(data))


@given(st.text(st.sampled_from('01,"\n\r\x00é;. \t-e'), max_size=60))
def test_random_symbols_of_csv_give_a_table_or_our_own_error(text):
    assert is_sound(outcome(b"a,b\n" + text.encode()))


@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 3), st.binary(min_size=1, max_size=3)), max_size=4))
def test_mutated_files_give_a_table_or_our_own_error(changes):
    data = GOOD
    for start, length, replacement in changes:
        data = data[:start] + replacement + data[start + length :]
    assert is_sound(outcome(data))


def test_a_huge_field_is_refused_in_little_memory():
    code = """
import resource, sys
from jaxnn.checks import JaxnnError
from jaxnn.data.csvfile import parse
import polars
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
huge = 10_000_000
cases = [b"a,b\\n1," + b"x" * huge, b"a,b\\n1," + b"9" * huge, b'a,b\\n1,"' + b"x" * huge, b"a" * huge + b",b\\n1,2",
         b"a,b\\n1," + b'"' * huge, b'a,b\\n1,"' + b"9" * huge + b'"']
for data in cases:
    try:
        parse(data, "x.csv")
    except JaxnnError as error:
        assert len(str(error)) < 300, error
    else:
        raise AssertionError(data[:20])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 500, f"{done.stdout} MiB for fields of 10 MB"
