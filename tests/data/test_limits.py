"""Hostile files are refused, or read, in bounded resident memory: each in a process of its own, which says its peak."""

import gzip
import io
import re
import subprocess
import sys

import numpy as np
import polars
import pytest

READ = """
import resource, sys
import polars
from jaxnn.checks import JaxnnError
from jaxnn.data.tablefile import read_table
unit = 1024 if sys.platform == "darwin" else 1  # bytes there, kilobytes elsewhere
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        print(read_table(path).cells.shape)
    except JaxnnError as error:
        print(error)
own, of_children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print((max(own, of_children) - before) // 1024 // unit)
"""

MEGABYTE, LINE = 1_000_000, 200_000_000


def header(columns):
    return b",".join(b"c%d" % index for index in range(columns)) + b"\n"


def ones(columns, rows):
    return (b"1," * (columns - 1) + b"1\n") * rows


def gzip_of_zeros(size):
    """A member of 64 MiB, which takes 64 KB, as often as needed."""
    return gzip.compress(b"0" * 2**26) * (size // 2**26)


def npz_of_zeros(size):
    file = io.BytesIO()
    np.savez_compressed(file, x=np.zeros(size // 8))
    return file.getvalue()


def parquet_of_one_number(rows):
    file = io.BytesIO()
    polars.select(x=polars.repeat(7, rows, dtype=polars.Int8)).write_parquet(file)
    return file.getvalue()


SMALL = {
    "100,000 columns.csv": (lambda: header(100_000) + ones(100_000, 20), "1: got 100000 columns; needed at most 50000"),
    "100,000 quoted names.csv": (lambda: b'"a",' * 100_000 + b"b\n1\n", "1: got 100001 columns"),
    "field.csv": (lambda: b"a,b\n1," + b"x" * 10 * MEGABYTE, "2:2: got a field of 10000000 bytes; needed at most 1000"),
    "name.csv": (lambda: b"a" * 10 * MEGABYTE + b",b\n1,2\n", "1:1: got a field of 1000000"),
    "quoted field.csv": (lambda: b'a,b\n1,"' + b"9" * 10 * MEGABYTE + b'"', "2:2: got a field of 10000002 bytes"),
    "quotes.csv": (lambda: b"a,b\n1," + b'"' * 10 * MEGABYTE, "2:2: got a field of 10000000 bytes"),
    "single quotes.csv": (lambda: b"'a','b'\n'1','" + b"'" * (10 * MEGABYTE + 1), "2:2: got a field of 10000002 bytes"),
    "never closed.csv": (lambda: b'a,b\n1,"' + b"x\n" * 5 * MEGABYTE, "2:2: got a quoted field that is not closed"),
    "million digits.csv": (lambda: b"a,b\n1," + b"9" * MEGABYTE + b"\n", "2:2: got a field of 1000000 bytes"),
    "small bomb.csv.gz": (lambda: gzip_of_zeros(2**27), r" got \d+ bytes that unpack to over \d+; needed at most 250"),
    "bomb.csv.gz": (lambda: gzip_of_zeros(10 * 2**30), r" got \d+ bytes that unpack to over \d+; needed at most 250"),
    "bomb.npz": (lambda: npz_of_zeros(2**28), r" got \d+ bytes that unpack to over \d+; needed at most 250 times"),
    "bomb.parquet": (lambda: parquet_of_one_number(2**27 + 1), " got 134217729 rows of 1 columns; needed at most 1342"),
}
LARGE = {
    "separators.csv": (lambda: b"," * LINE, " got more than 134217728 cells"),
    "wide letters.csv": (lambda: "😀".encode() * (LINE // 4), "1:1: got a field of 200000000 bytes"),
    "numbers.csv": (lambda: b"1," * (LINE // 2), "1: got 100000001 columns"),
}
READ_WELL = {
    "wide.csv": (lambda: header(50_000) + ones(50_000, 20), (20, 50_000)),
    "long.csv.gz": (lambda: gzip.compress(b"a,b\n" + b"0,1\n" * 5 * MEGABYTE), (5 * MEGABYTE, 2)),
    "long.parquet": (lambda: parquet_of_one_number(2**24), (2**24, 1)),
}


# MiB: twice what was measured (258, 574, 333), and more
@pytest.mark.parametrize(("files", "most"), [(SMALL, 600), (LARGE, 1200), (READ_WELL, 1000)])
def test_memory_is_bounded(files, most, tmp_path):
    for name, (make, _) in files.items():
        (tmp_path / name).write_bytes(make())
    # by way of a shell: Linux counts the memory of the process that starts another as used by that one
    start = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", READ, *files]
    done = subprocess.run(start, check=True, capture_output=True, text=True, cwd=tmp_path)
    *said, took = done.stdout.splitlines()
    for line, (name, (_, expected)) in zip(said, files.items(), strict=True):
        assert re.match(f"{name}:{expected}" if isinstance(expected, str) else re.escape(f"{expected}"), line), line
        assert len(line) < 300
    assert int(took) < most, f"{took} MiB"
