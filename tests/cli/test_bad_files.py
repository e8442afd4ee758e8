"""Files that are not what their names say, or are damaged: one line on stderr, exit code 2, and nothing written."""

import gzip
import io

import numpy as np
import polars
import pytest

from cli.test_bad_input import refused

CSV = b"a,b,kind\n" + b"".join(b"%d,%d,%s\n" % (row, row % 3, b"xy"[row % 2 :][:1]) for row in range(30))


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def parquet(**columns):
    file = io.BytesIO()
    polars.DataFrame(columns).write_parquet(file)
    return file.getvalue()


GOOD = parquet(a=range(30), kind=["x", "y"] * 15)

# what the file holds, what must be said after its name
BAD_FILES = {
    "workbook.csv": (
        b"PK\x03\x04\x14\0\x06\0xl/workbook.xml",
        ": got an Excel workbook; needed delimited text. Save the",
    ),
    "page.csv": (b"<!DOCTYPE html><title>Not found</title>", ": got a web page"),
    "utf16.csv": ("a,b\n1,2\n".encode("utf-16"), ":1: got text in UTF-16; needed UTF-8 text. Save the file again"),
    "renamed.csv": (
        GOOD,
        ": got a Parquet file; needed delimited text. Rename the file so that its name ends in .parq",
    ),
    "colon.csv": (b"sep=:\na:kind\n1:x\n", ":1: got ':' as separator"),
    "ragged.txt": (b"a;kind\n1,5;x\n2,5;x;\n", ":3:3: got 3 fields; needed 2"),
    "headless.csv": (b"5.1,3.5\n4.9,3.0\n4.7,3.2\n", ":1: got cells of a row, '5.1', '3.5', as the first line"),
    "cut.csv.gz": (gzip.compress(CSV)[:-20], ": got gzip data that is damaged or cut off"),
    "plain.tsv.gz": (CSV, ": got a file that is not compressed; needed gzip"),
    "bomb.csv.gz": (gzip.compress(bytes(2**26)) * 3, ": got "),
    "cut.parquet": (GOOD[:-9], ": got a damaged Parquet file; needed one that polars can read"),
    "noise.parquet": (b"PAR1" + bytes(range(256)) + b"\x80\0\0\0PAR1", ": got a damaged Parquet file"),
    "lists.parquet": (parquet(a=[[1], [2]], kind=["x", "y"]), ":a: got a column of lists"),
    "objects.npz": (npz(kind=np.array([{}, "x"], object)), ":kind: got an array of Python objects"),
    "lengths.npz": (npz(a=np.ones(3), kind=np.ones(4)), ":kind: got 4 rows, where a has 3"),
    "images.npz": (npz(a=np.ones((3, 2, 2)), kind=np.ones(3)), ": got one class, 1; needed at least two"),
    "deep.npz": (npz(a=np.ones((3, 2, 2, 2, 2)), kind=np.arange(3)), ":a: got an array of 5 dimensions"),
    "cut.npz": (npz(a=np.ones(3))[:-10], ": got a damaged NPZ file"),
    "csv.npz": (CSV, ": got something else; needed an NPZ file"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused(shell, place, name):
    data, said = BAD_FILES[name]
    (place / name).write_bytes(data)
    assert refused(shell, place, "train", name, "--target", "kind").startswith(name + said)


def test_a_bad_file_is_refused_for_prediction_too(shell, place, iris_run):
    (place / "cut.parquet").write_bytes(GOOD[:-9])
    assert refused(shell, place, "predict", iris_run, "cut.parquet").startswith("cut.parquet: got a damaged Parquet")


def test_a_table_of_any_kind_where_the_run_should_be_is_told(shell, place):
    for name in ("t.parquet", "t.npz", "t.csv.gz"):
        (place / name).write_bytes(b"{}")
        assert "The run comes before the data" in refused(shell, place, "predict", name, "iris")
