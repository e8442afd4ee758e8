"""Reading a CSV or TSV file into columns of text, every cell with a line number."""

import hashlib
import io
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jaxnn.checks import fail
from jaxnn.data.delimited import Layout, check_bytes, layout
from jaxnn.data.places import listed, place, shown

if TYPE_CHECKING:
    import polars

_MARK = b"\xef\xbb\xbf"

SUFFIXES = (".csv", ".tsv", ".txt")
"""Names that `read_table` reads: comma, tab, and whichever of the two the header of a .txt has."""


@dataclass(frozen=True, eq=False)
class RawTable:
    r"""The cells of a file as text, before anyone has decided what they mean.

    Args:
        source: the file as its user typed it.
        columns: names in the order of the file, unique, without spaces around them.
        cells: one String column for each name; an empty cell is "".
        lines: (rows,) int64, the physical line on which each row begins, 1 for the first.
        sha256: of the bytes of the file, in hex.

    >>> raw = parse(b"length,species\n1.5,setosa\n\n2.5,virginica\n", "tiny.csv")
    >>> len(raw), raw.place(1, "species")
    (2, 'tiny.csv:4:species')
    """

    source: str
    columns: tuple[str, ...]
    cells: "polars.DataFrame"
    lines: np.ndarray
    sha256: str

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lines)

    def place(self, row: int, column: str) -> str:
        """Return `file:line:column` of a cell; `row` counts from 0."""
        return place(self.source, int(self.lines[row]), column)


def read_table(path: str | os.PathLike[str]) -> RawTable:
    r"""Read a .csv, .tsv or .txt file as columns of text.

    Args:
        path: the file; its first line that is not blank has the column names.

    Returns:
        The raw table. Blank lines are left out (with one column only, a blank line between rows is an empty cell).

    Raises:
        JaxnnError: naming `file:line:column` where there is one: missing, unreadable, empty or header-only file, not
            UTF-8, NUL byte, unclosed quote, ragged row, empty or repeated column name.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "tiny.csv")
    ...     with open(path, "wb") as file:
    ...         written = file.write(b"length,species\n1.5,setosa\n")
    ...     read_table(path).columns
    ('length', 'species')
    """
    source = os.fspath(path)
    return parse(_read_bytes(source), source)


def parse(data: bytes, source: str) -> RawTable:
    r"""Read the bytes of a .csv, .tsv or .txt file as columns of text; see `read_table`.

    Args:
        data: the bytes; a UTF-8 byte order mark and CR LF line ends are fine.
        source: the name of the file: its suffix decides the separator, messages begin with it.

    Returns:
        The raw table.

    Raises:
        JaxnnError: as `read_table`.

    >>> raw = parse(b"length,species\n1.5,setosa\n\n2.5,virginica\n", "tiny.csv")
    >>> raw.columns, raw.lines.tolist(), raw.cells["species"].to_list()
    (('length', 'species'), [2, 4], ['setosa', 'virginica'])
    """
    digest = hashlib.sha256(data).hexdigest()
    text = data.removeprefix(_MARK)
    check_bytes(text, source)
    separator = _separator(text, source)
    found = layout(text, separator, source)
    cells = _cells(text, found, separator, source)
    header = [(cell or "").strip() for cell in cells.row(0)]
    _check_header(header, int(found.lines[0]), source)
    kept, lines = found.kept[1:], found.lines[1:]
    if not kept.any():
        fail(place(source), "a header and no rows", "one line for each row after the header")
    body = cells.slice(1)
    body = body if kept.all() else body.filter(kept)
    body.columns = header
    return RawTable(source, tuple(header), body.fill_null(""), lines[kept], digest)


def _read_bytes(source: str) -> bytes:
    try:
        mode = os.stat(source).st_mode
        if stat.S_ISDIR(mode):
            fail(place(source), "a folder", "a .csv or .tsv file")
        if not stat.S_ISREG(mode):  # a pipe or device could block or never end
            fail(place(source), "something that is not a regular file", "a .csv or .tsv file")
        with open(source, "rb") as file:
            return file.read()
    except FileNotFoundError:
        fail(place(source), "a path where there is no file", "a .csv or .tsv file", "Check the spelling and the folder")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        fail(place(source), f"a file that cannot be read ({reason})", "a readable .csv or .tsv file")


def _separator(text: bytes, source: str) -> str:
    suffix = os.path.splitext(source)[1].lower()
    body = text.lstrip(b"\r\n")
    head = body.split(b"\n", 1)[0]
    tabs = suffix == ".tsv" or (suffix == ".txt" and b"\t" in head)
    separator = b"\t" if tabs else b","
    other = next((mark for mark in (b";", b"\t", b"|", b",") if mark in head), None)
    if separator not in head and other and b'"' not in head:
        line = text.count(b"\n", 0, len(text) - len(body)) + 1
        given = f"a header that seems to be separated by {shown(other.decode())}"
        needed = f"{shown(separator.decode())} between the columns"
        fail(place(source, line), given, needed, "Save the table again as .csv with commas or as .tsv with tabs")
    return separator.decode()


def _cells(text: bytes, found: Layout, separator: str, source: str) -> "polars.DataFrame":
    """All records, the header among them, by polars; `layout` has refused what it would let through in silence."""
    import polars

    try:
        cells = polars.read_csv(
            io.BytesIO(text[found.start : found.stop]), has_header=False, infer_schema=False, separator=separator
        )
    except polars.exceptions.PolarsError as error:
        fail(place(source), f"text that polars cannot read ({shown(str(error).splitlines()[0])})", "delimited text")
    if cells.shape != (len(found.lines), found.width):
        fail(
            place(source),
            f"{cells.shape} records and fields by polars",
            f"{(len(found.lines), found.width)}, as counted",
        )
    return cells


def _check_header(header: list[str], line: int, source: str) -> None:
    if "" in header:
        do = "Name the column or remove it (pandas writes such a column unless it is told index=False)"
        fail(place(source, line, header.index("") + 1), "an empty column name", "a name for each column", do)
    if len(set(header)) < len(header):
        seen: set[str] = set()
        twice = [name for name in header if name in seen or seen.add(name)]
        fail(place(source, line, twice[0]), f"{listed(twice)} more than once", "a different name for each column")
