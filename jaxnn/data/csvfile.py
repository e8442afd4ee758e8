"""Delimited text as columns of text, every cell with a line number."""

import hashlib
import io
import re
from typing import TYPE_CHECKING

import numpy as np

from jaxnn.checks import fail
from jaxnn.data.delimited import Layout, check_bytes, layout
from jaxnn.data.dialect import Dialect, find_dialect
from jaxnn.data.places import listed, place, shown
from jaxnn.data.rawtable import RawTable

if TYPE_CHECKING:
    import polars

_MARK = b"\xef\xbb\xbf"

_NUMBER = re.compile(r"[-+]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][-+]?[0-9]+)?")


def parse(data: bytes, source: str) -> RawTable:
    r"""Read the bytes of delimited text as columns of text.

    Fields lie between commas, tabs, semicolons or bars, in double or single quotes or none; `find_dialect` tells.
    Columns without a name are left out where they are empty and last (a separator ends every line), and where the
    first one differs in every row (pandas and R write the names of rows so), which a note says.

    Args:
        data: the bytes; a UTF-8 byte order mark, CR LF line ends and Excel's first line `sep=;` are fine. The first
            line that is not blank has the column names.
        source: the name of the file; messages begin with it.

    Returns:
        The raw table. Blank lines are left out (with one column only, a blank line between rows is an empty cell).

    Raises:
        JaxnnError: naming `file:line:column` where there is one: empty or header-only file, no header, not UTF-8, NUL
            byte, unclosed quote, ragged row, empty or repeated column name, or more than the limits allow.

    >>> raw = parse(b"length;species\n1,5;setosa\n\n2,5;virginica\n", "tiny.csv")
    >>> raw.columns, raw.lines.tolist(), raw.cells["length"].to_list()
    (('length', 'species'), [2, 4], ['1,5', '2,5'])
    """
    digest = hashlib.sha256(data).hexdigest()
    text = data.removeprefix(_MARK)
    check_bytes(text, source)
    dialect = find_dialect(text, source)
    found = layout(dialect.text, dialect.separator, source, dialect.quote)
    cells = _cells(dialect, found, source)
    header = [name.strip() for name in cells.row(0)]
    kept, lines = found.kept[1:], found.lines[1:]
    body = cells.slice(1)
    body = body if kept.all() else body.filter(kept)
    line = int(found.lines[0])
    header, body, notes = _without_unnamed(header, body, source, line)
    _check_header(header, body, line, source)
    if not kept.any():
        fail(place(source), "a header and no rows", "one line for each row after the header")
    body.columns = header
    decimal = "," if dialect.separator == ";" else "."
    return RawTable(source, tuple(header), body, lines[kept], digest, "text", notes, decimal)


def _cells(dialect: Dialect, found: Layout, source: str) -> "polars.DataFrame":
    """All records, the header among them, by polars; `layout` has refused what it would let through in silence."""
    import polars

    text = dialect.text
    if len(found.literal):  # polars takes any quote for one: apostrophes become NUL, which no text has, and back
        symbols = np.frombuffer(text, np.uint8).copy()
        symbols[found.literal] = 0
        text = symbols.tobytes()
    try:
        cells = polars.read_csv(
            io.BytesIO(text[found.start : found.stop]),
            has_header=False,
            infer_schema=False,
            separator=dialect.separator,
            quote_char=dialect.quote,
        )
    except polars.exceptions.PolarsError as error:
        fail(place(source), f"text that polars cannot read ({shown(str(error).splitlines()[0])})", "delimited text")
    if cells.shape != (len(found.lines), found.width):
        given = f"{cells.shape} records and fields by polars"
        fail(place(source), given, f"{(len(found.lines), found.width)}, as counted")
    empty = [name for name, count in zip(cells.columns, cells.null_count().row(0), strict=True) if count]
    if empty:  # an expression for each of 50,000 columns would take two seconds
        cells = cells.with_columns(polars.col(empty).fill_null(""))
    if len(found.literal):
        return cells.with_columns(polars.all().str.replace_all("\0", "'", literal=True))
    return cells


def _without_unnamed(
    header: list[str], body: "polars.DataFrame", source: str, line: int
) -> tuple[list[str], "polars.DataFrame", tuple[str, ...]]:
    """Leave out unnamed columns that hold nothing: empty ones at the end, and the names of rows of pandas and R."""
    width = len(header)
    while width > 1 and not header[width - 1] and (body.to_series(width - 1) == "").all():
        width -= 1
    first, notes = 0, ()
    if width > 1 and not header[0] and body.to_series(0).n_unique() == body.height > 0:
        first = 1
        notes = (f"{place(source, line, 1)}: left out the first column, which has no name and names the rows",)
    return (header[first:width], body[:, first:width], notes) if width - first < len(header) else (header, body, ())


def _check_header(header: list[str], body: "polars.DataFrame", line: int, source: str) -> None:
    if "" in header:
        do = "Name the column or remove it"
        fail(place(source, line, header.index("") + 1), "an empty column name", "a name for each column", do)
    repeated = len(set(header)) < len(header)
    if _is_row(header, body, repeated):
        do = "Add a line with a name for each column at the top"
        fail(place(source, line), f"cells of a row, {listed(header, 4)}, as the first line", "column names there", do)
    if repeated:
        seen: set[str] = set()
        twice = [name for name in header if name in seen or seen.add(name)]
        fail(place(source, line, twice[0]), f"{listed(twice)} more than once", "a different name for each column")


def _is_row(header: list[str], body: "polars.DataFrame", repeated: bool) -> bool:
    """Whether the first line is no header: numbers that are no names, or numbers and text of their own columns.

    Whole numbers that differ may be names: pixels from 0, years.
    """
    numbers = [_NUMBER.fullmatch(name) is not None for name in header]
    if all(numbers):
        return repeated or any(re.search(r"[.,]", name) for name in header)
    others = [position for position, number in enumerate(numbers) if not number]
    return any(numbers) and all((body.to_series(position) == header[position]).any() for position in others)
