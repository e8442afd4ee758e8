"""Reading a table from a file of any kind that jaxnn knows."""

import dataclasses
import hashlib
import os
import stat

from jaxnn.checks import fail
from jaxnn.data import csvfile, npzfile, parquetfile
from jaxnn.data.compressed import decompress
from jaxnn.data.fileformats import GZIP, check_format
from jaxnn.data.limits import LARGEST_TEXT
from jaxnn.data.places import place
from jaxnn.data.rawtable import RawTable

_TEXT = (".csv", ".tsv", ".txt")

SUFFIXES = (*_TEXT, *(f"{suffix}.gz" for suffix in _TEXT), ".parquet", ".npz")
"""Ends of the names that `read_table` reads."""

KINDS = "a .csv, .tsv or .txt file (or one of these with .gz), a .parquet or an .npz file"
"""The same in words, for messages."""


def read_table(path: str | os.PathLike[str]) -> RawTable:
    r"""Read a table from a file: .csv, .tsv, .txt, the same with .gz, .parquet or .npz.

    Args:
        path: the file. Text may be separated and quoted in any way that `csvfile.parse` knows, and compressed by gzip.

    Returns:
        The raw table.

    Raises:
        JaxnnError: naming the file, and line and column where there are some: a file that is missing, unreadable, bad,
            too large, or of another format than its name says.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "tiny.csv")
    ...     with open(path, "wb") as file:
    ...         written = file.write(b"length,species\n1.5,setosa\n")
    ...     read_table(path).columns
    ('length', 'species')
    """
    source = os.fspath(path)
    return decode(_read_bytes(source), source)


def decode(data: bytes, source: str) -> RawTable:
    r"""Read the bytes of a file as a table; the end of its name says of which kind it is.

    Args:
        data: the bytes of the file.
        source: the name of the file, which ends in one of `SUFFIXES`.

    Returns:
        The raw table.

    Raises:
        JaxnnError: as `read_table`.

    >>> import gzip
    >>> decode(gzip.compress(b"a;b\n1;2\n"), "tiny.csv.gz").columns
    ('a', 'b')
    """
    suffix = os.path.splitext(source)[1].lower()
    if suffix == ".parquet":
        check_format(data, "parquet", source)
        return parquetfile.parse(data, source)
    if suffix == ".npz":
        check_format(data, "npz", source)
        return npzfile.parse(data, source)
    text = data
    if data.startswith(GZIP):
        text = decompress(data, source)
    elif suffix == ".gz":
        fail(place(source), "a file that is not compressed", "gzip, as its name says", "Leave .gz out of its name")
    check_format(text, "text", source)
    raw = csvfile.parse(text, source)
    return raw if text is data else dataclasses.replace(raw, sha256=hashlib.sha256(data).hexdigest())


def _read_bytes(source: str) -> bytes:
    try:
        found = os.stat(source)
        if stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST_TEXT:
            with open(source, "rb") as file:
                return file.read(LARGEST_TEXT)  # no more, should it grow
    except FileNotFoundError:
        fail(place(source), "a path where there is no file", KINDS, "Check the spelling and the folder")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        fail(place(source), f"a file that cannot be read ({reason})", "a readable file")
    if stat.S_ISDIR(found.st_mode):
        fail(place(source), "a folder", KINDS)
    if not stat.S_ISREG(found.st_mode):  # a pipe or device could block or never end
        fail(place(source), "something that is not a regular file", KINDS)
    given, needed = f"a file of {found.st_size // 2**20} MiB", f"at most {LARGEST_TEXT // 2**20} MiB"
    fail(place(source), given, needed, "Leave out rows or columns")
