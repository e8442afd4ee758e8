"""NPZ files, a zip of NumPy arrays, as columns; nothing in them is unpickled."""

import contextlib
import hashlib
import io
import math
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxnn.checks import JaxnnError, fail
from jaxnn.data.columnnames import checked_names
from jaxnn.data.compressed import check_growth
from jaxnn.data.limits import LONGEST_FIELD, MOST_CELLS, MOST_COLUMNS
from jaxnn.data.places import place
from jaxnn.data.rawtable import RawTable

if TYPE_CHECKING:
    import polars

_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, RuntimeError, LookupError, EOFError)
"""What zipfile raises on damaged files; NotImplementedError (an unknown compression) is a RuntimeError."""

_PIECE = 2**20
"""Cells of text converted at once: a string of Python takes 50 bytes and more."""


_LONGEST_HEADER = 20_000
"""Bytes; NumPy refuses more than half of that."""


_SECONDS = {"Y": 31_556_952, "M": 2_629_746, "W": 604_800, "D": 86_400, "h": 3600, "m": 60, "s": 1} | {
    unit: 10.0 ** (-3 * step) for step, unit in enumerate(("ms", "us", "ns", "ps", "fs", "as"), 1)
}
"""Of a unit of dates; a year and a month on average."""

_YEAR_1, _YEAR_9999 = -62_200_000_000, 253_402_300_799
"""Seconds from 1970."""


class _Header(NamedTuple):
    """What an array says of itself, and where its numbers begin."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype
    start: int


def parse(data: bytes, source: str) -> RawTable:
    """Read the bytes of an NPZ file as columns.

    An array of one dimension is the column of its name; an array `x` of shape (rows, k) is x_0 to x_{k-1}.

    Args:
        data: the bytes.
        source: the name of the file; messages begin with it.

    Returns:
        The raw table; its lines are numbers of rows. NaN and NaT are missing values.

    Raises:
        JaxnnError: naming the file and the array: damaged, too large, arrays of other dimensions, of different lengths,
            of objects, records or complex numbers, or two columns of the same name.

    >>> import io
    >>> file = io.BytesIO()
    >>> np.savez(file, x=np.ones((2, 3)), y=np.array(["a", "b"]))
    >>> raw = parse(file.getvalue(), "tiny.npz")
    >>> raw.columns, raw.place(0, "y")
    (('x_0', 'x_1', 'x_2', 'y'), 'tiny.npz:row 1:y')
    """
    import polars

    with _archive(data, source) as archive:
        columns = _columns(archive, len(data), source)
    names = checked_names([name for name, _ in columns], source)
    series = [column.alias(name) for name, (_, column) in zip(names, columns, strict=True)]
    rows = len(series[0])
    if not rows:
        fail(place(source), "no rows", "a table with rows")
    digest = hashlib.sha256(data).hexdigest()
    return RawTable(source, tuple(names), polars.DataFrame(series), np.arange(1, rows + 1), digest, "npz")


def headers(data: bytes, source: str) -> dict[str, _Header]:
    """Return what the arrays of an NPZ file say of themselves, without reading them.

    Args:
        data: the bytes of the file.
        source: the name of the file; messages begin with it.

    Returns:
        Shape, dtype and the rest of each array, by name.

    Raises:
        JaxnnError: naming the file and the array: damaged, too large, of objects or records.
    """
    with _archive(data, source) as archive:
        return {_name(filename): header for filename, header in _headers(archive, len(data), source).items()}


def array(data: bytes, name: str, source: str) -> np.ndarray:
    """Return one array of an NPZ file.

    Args:
        data: the bytes of the file, whose `headers` are good.
        name: of the array.
        source: the name of the file; messages begin with it.

    Returns:
        The array.

    Raises:
        JaxnnError: naming the file and the array, if it is damaged.
    """
    with _archive(data, source) as archive:
        entry = archive.getinfo(f"{name}.npy")
        return _values(archive.read(entry), _header(archive, entry, source), place(source, None, name))


@contextlib.contextmanager
def _archive(data: bytes, source: str) -> Iterator[zipfile.ZipFile]:
    """The zip file; what its damage makes zipfile raise becomes one error."""
    if data.count(b"PK\x01\x02") > MOST_COLUMNS:  # the directory of a zip is read whole
        fail(place(source), "a zip directory of too many files", f"at most {MOST_COLUMNS} arrays")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield archive
    except JaxnnError:
        raise
    except _BROKEN:
        fail(place(source), "a damaged NPZ file", "one that NumPy can read", "Copy or write the file again")


def _headers(archive: zipfile.ZipFile, packed: int, source: str) -> dict[str, _Header]:
    entries = archive.infolist()
    check_growth(packed, sum(entry.file_size for entry in entries), source)
    found = {entry.filename: _header(archive, entry, source) for entry in entries}
    if len(found) < len(entries):
        fail(place(source), "two arrays of the same name", "a different name for each array")
    return found


def _columns(archive: zipfile.ZipFile, packed: int, source: str) -> list[tuple[str, "polars.Series"]]:
    """All columns; what the headers say is checked for all arrays before any array is read."""
    entries = archive.infolist()
    headers = _headers(archive, packed, source)
    _check_shapes(headers, source)
    found: list[tuple[str, polars.Series]] = []
    for entry in entries:
        name, header = _name(entry.filename), headers[entry.filename]
        values = _values(archive.read(entry), header, place(source, None, name))
        if values.ndim == 1:
            found.append((name, _series(values, place(source, None, name))))
        else:
            where = place(source, None, name)
            found.extend((f"{name}_{index}", _series(column, where)) for index, column in enumerate(values.T))
    return found


def _name(filename: str) -> str:
    return filename.removesuffix(".npy")


def _header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, source: str) -> _Header:
    """The header of one array, which must declare as many bytes as the zip file does."""
    where = place(source, None, _name(entry.filename))
    if not entry.filename.endswith(".npy"):
        fail(where, "a file that is no array", "an NPZ file with arrays and nothing else")
    with archive.open(entry) as packed:
        file = io.BytesIO(packed.read(_LONGEST_HEADER))
    try:
        version = np.lib.format.read_magic(file)
        if version == (3, 0):  # made for names of fields in other alphabets
            fail(where, "an array of records", "an array of numbers or text")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers from Python 2
            shape, fortran, dtype = _READERS[version](file)
    except JaxnnError:
        raise
    except Exception:  # a header is a literal of Python, which can be wrong in many ways
        fail(where, "an array whose header is damaged", "an array as NumPy writes it")
    start = file.tell()
    _check_type(dtype, where)
    if math.prod(shape) * dtype.itemsize != entry.file_size - start or min(shape, default=0) < 0:
        given = f"{entry.file_size - start} bytes for an array of shape {_shape(shape)} and type {dtype}"
        fail(where, given, "as many as the header declares")
    return _Header(shape, fortran, dtype, start)


_READERS: dict[tuple[int, int], Callable[..., tuple[tuple[int, ...], bool, np.dtype]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _shape(shape: tuple[int, ...]) -> str:
    text = str(shape)
    return text if len(text) <= 60 else text[:60] + "..."


def _check_type(dtype: np.dtype, where: str) -> None:
    if dtype.kind == "O":
        do = "Write text as an array of strings, without allow_pickle"
        fail(where, "an array of Python objects, which only pickle reads", "an array of numbers or text", do)
    kinds = {"c": "complex numbers", "m": "durations", "V": "records"}
    if dtype.kind not in "biufUSM":
        fail(where, f"an array of {kinds.get(dtype.kind, 'values of an unknown type')}", "an array of numbers or text")
    if dtype.kind == "M" and np.datetime_data(dtype)[0] == "generic":
        fail(where, "dates without a unit", "dates, such as datetime64[D]")
    longest = dtype.itemsize // (4 if dtype.kind == "U" else 1)
    if dtype.kind in "US" and longest > LONGEST_FIELD:
        fail(where, f"texts of {longest} characters", f"at most {LONGEST_FIELD}")
    if dtype.kind in "US" and not longest:
        fail(where, "texts of no characters", "an array of numbers or text")


def _check_shapes(headers: dict[str, _Header], source: str) -> None:
    columns, first, rows = 0, "", -1
    for filename, header in headers.items():
        name = _name(filename)
        where, dimensions = place(source, None, name), len(header.shape)
        if dimensions not in (1, 2):
            do = f"Save {name}.reshape(len({name}), -1) in its place" if dimensions > 2 else ""
            do = do if name.isidentifier() else ""
            given = f"an array of {dimensions} dimensions, shape {_shape(header.shape)}"
            fail(where, given, "one dimension, or two: rows and columns", do)
        if rows < 0:
            first, rows = name, header.shape[0]
        if header.shape[0] != rows:
            given = f"{header.shape[0]} rows, where {place(first)} has {rows}"
            fail(where, given, "arrays of the same length", "Save the arrays of one table in one file")
        columns += math.prod(header.shape[1:])
    if columns > MOST_COLUMNS:
        fail(place(source), f"{columns} columns", f"at most {MOST_COLUMNS}")
    if rows * columns > MOST_CELLS:
        fail(place(source), f"{rows} rows of {columns} columns", f"at most {MOST_CELLS} cells")


def _values(data: bytes, header: _Header, where: str) -> np.ndarray:
    if len(data) - header.start != math.prod(header.shape) * header.dtype.itemsize:
        fail(where, "an array that is cut off", "as many bytes as the header declares")
    flat = np.frombuffer(data, header.dtype, offset=header.start)
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


def _series(values: np.ndarray, where: str) -> "polars.Series":
    """One column as one of the types that a raw table has."""
    import polars

    if values.dtype.kind in "US":
        return _text(values, where)
    if values.dtype.kind == "M":
        return polars.Series(_dates(values, where))
    if values.dtype.kind == "f":
        with np.errstate(all="ignore"):  # a long double may be anything
            return polars.Series(np.ascontiguousarray(values, np.float64)).fill_nan(None)
    return polars.Series(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))))


def _dates(values: np.ndarray, where: str) -> np.ndarray:
    """Days or microseconds; NumPy lets what does not fit overflow in silence."""
    unit, count = np.datetime_data(values.dtype)
    seconds = values.astype(np.int64).astype(np.float64) * count * _SECONDS[unit]
    wrong = ~np.isnat(values) & ((seconds < _YEAR_1) | (seconds > _YEAR_9999))
    if wrong.any():
        fail(where, f"a date outside the years 1 to 9999 in row {int(wrong.argmax()) + 1}", "dates of a calendar")
    return values.astype("datetime64[D]" if unit in ("Y", "M", "W", "D") else "datetime64[us]")


def _text(values: np.ndarray, where: str) -> "polars.Series":
    import polars

    pieces = []
    for start in range(0, len(values), _PIECE):
        piece = values[start : start + _PIECE]
        try:
            texts = piece.tolist() if piece.dtype.kind == "U" else [text.decode() for text in piece.tolist()]
            pieces.append(polars.Series(texts, dtype=polars.String))
        except (ValueError, SystemError):  # no UTF-8 and surrogates; letters beyond the last of Unicode
            fail(where, "text that is not Unicode", "Unicode text, or bytes in UTF-8")
    return polars.concat(pieces) if pieces else polars.Series([], dtype=polars.String)
