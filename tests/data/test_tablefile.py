"""Files of every kind by path, and what no bytes may do."""

import gzip
import hashlib
import io
import os
import zipfile

import numpy as np
import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxnn.checks import JaxnnError
from jaxnn.data.tablefile import SUFFIXES, decode, read_table

CSV = b'length;"wi""dth";kind\r\n1,5;2;small\n3;-4e1;"big; very"\n\n5;6;small\n'
FRAME = polars.DataFrame({"x": [1.5, None, 3.0], "kind": ["a", "b", None], "yes": [True, False, None]})


def bytes_of(write, *arguments, **options):
    file = io.BytesIO()
    write(file, *arguments, **options)
    return file.getvalue()


NPZ = bytes_of(np.savez_compressed, x=np.arange(6.0).reshape(3, 2), kind=np.array(["a", "b", "é"]))
PARQUET = bytes_of(lambda file: FRAME.write_parquet(file))
GOOD = {"x.csv": CSV, "x.csv.gz": gzip.compress(CSV, mtime=0), "x.npz": NPZ, "x.parquet": PARQUET}


@pytest.mark.parametrize("name", GOOD)
def test_every_kind_is_read_from_its_path(name, tmp_path):
    path = tmp_path / name.upper()
    path.write_bytes(GOOD[name])
    for given_path in (path, str(path)):
        raw = read_table(given_path)
        assert len(raw) == 3
        assert raw.cells.shape == (3, len(raw.columns))
        assert tuple(raw.cells.columns) == raw.columns
        assert raw.sha256 == hashlib.sha256(GOOD[name]).hexdigest()
        assert raw.source == str(path)
        assert raw.lines.dtype == np.int64
    assert raw.place(1, "kind") == f"{path}:{'row 2' if raw.kind != 'text' else '3'}:kind"


def test_every_suffix_is_read():
    texts = {suffix: gzip.compress(CSV) if suffix.endswith(".gz") else CSV for suffix in SUFFIXES}
    for suffix, data in (texts | {".npz": NPZ, ".parquet": PARQUET}).items():
        assert len(decode(data, f"x{suffix}")) == 3


def test_gzip_is_known_by_its_bytes_too():
    raw = decode(gzip.compress(CSV), "x.csv")
    assert raw.cells["length"].to_list() == ["1,5", "3", "5"]


def test_paths_that_cannot_be_read_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(JaxnnError, match=r"^missing.csv: got a path where there is no file; needed a .csv, .tsv"):
        read_table("missing.csv")
    os.mkdir("folder.csv")
    with pytest.raises(JaxnnError, match=r"^folder.csv: got a folder; needed a .csv, .tsv or .txt file"):
        read_table("folder.csv")
    os.mkfifo("pipe.csv")
    with pytest.raises(JaxnnError, match=r"^pipe.csv: got something that is not a regular file"):
        read_table("pipe.csv")
    with pytest.raises(JaxnnError, match=r"^'nul\\x00.csv': got a file that cannot be read"):
        read_table("nul\0.csv")
    with pytest.raises(JaxnnError, match=r"got a file that cannot be read \(File name too long\)"):
        read_table("x" * 5000 + ".csv")
    with open("huge.csv", "wb") as file:
        file.truncate(2**31)  # takes no room on the disk
    with pytest.raises(JaxnnError, match=r"^huge.csv: got a file of 2048 MiB; needed at most 1024 MiB"):
        read_table("huge.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_is_refused(tmp_path):
    path = tmp_path / "closed.csv"
    path.write_bytes(CSV)
    path.chmod(0)
    with pytest.raises(JaxnnError, match="cannot be read"):
        read_table(path)


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (
            CSV,
            "x.csv.gz",
            "got a file that is not compressed; needed gzip, as its name says. Leave .gz out of its name",
        ),
        (gzip.compress(gzip.compress(CSV, mtime=0), mtime=0), "x.csv.gz", "got a gzip file; needed delimited text"),
        (
            gzip.compress(PARQUET, mtime=0),
            "x.csv.gz",
            "got a Parquet file; needed delimited text. Rename .* ends in .parquet",
        ),
        (gzip.compress(CSV, mtime=0)[:-4], "x.csv.gz", "got gzip data that is damaged or cut off"),
        (gzip.compress(b"a,b\n1\n", mtime=0), "x.csv.gz", "2:2: got 1 field; needed 2"),
        (PARQUET, "x.csv", "got a Parquet file; needed delimited text. Rename the file so that its name ends in .parq"),
        (NPZ, "x.csv", "got an NPZ file; needed delimited text. Rename the file so that its name ends in .npz"),
        (NPZ, "x.parquet", "got an NPZ file; needed a Parquet file"),
        (CSV, "x.parquet", "got something else; needed a Parquet file"),
        (CSV, "x.npz", "got something else; needed an NPZ file"),
        (b"", "x.npz", "got an empty file; needed an NPZ file"),
    ],
)
def test_files_under_a_wrong_name_are_refused(data, name, message):
    with pytest.raises(JaxnnError, match=f"^{name}:( )?{message}"):
        decode(data, name)


def outcome(data, name):
    """Whether bytes give a sound table or one line of our own error; any other exception is a failure of the test."""
    try:
        raw = decode(data, name)
    except JaxnnError as error:
        return str(error).startswith(name) and str(error).isprintable() and len(str(error)) < 1000
    return (
        raw.cells.shape == (len(raw), len(raw.columns)) and len(raw) > 0 and len(set(raw.columns)) == len(raw.columns)
    )


def mutated(data, changes):
    for start, length, replacement in changes:
        at = int(start * len(data))
        data = data[:at] + replacement + data[at + length :]
    return data


CHANGE = st.tuples(st.floats(0, 1), st.integers(0, 4), st.binary(max_size=4))
CHANGES = st.lists(CHANGE, min_size=1, max_size=4)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.tsv", "x.csv.gz", "x.npz"]))
def test_random_bytes(data, name):
    assert outcome(data, name)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["x.csv", "x.csv.gz", "x.npz"]), CHANGES)
def test_mutated_files(name, changes):
    assert outcome(mutated(GOOD[name], changes), name)


@settings(deadline=None, max_examples=150)
@given(CHANGES)
def test_mutated_text_in_sound_gzip(changes):
    assert outcome(gzip.compress(mutated(CSV, changes), 1), "x.csv.gz")


ARRAYS = [bytes_of(np.save, array) for array in (np.arange(3.0), np.array(["a", "b", "é"]), np.array([1, 2], "M8[D]"))]


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(ARRAYS), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.binary(max_size=4)), max_size=3)
)
def test_mutated_arrays_in_a_sound_npz(array, changes):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", mutated(array, changes))
    assert outcome(file.getvalue(), "x.npz")


@settings(deadline=None, max_examples=15)  # each starts a process
@given(CHANGES)
def test_mutated_parquet(changes):
    assert outcome(mutated(PARQUET, changes), "x.parquet")


@settings(deadline=None, max_examples=10)
@given(st.binary(max_size=300))
def test_random_bytes_as_parquet(data):
    assert outcome(b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1", "x.parquet")
