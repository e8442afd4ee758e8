"""The cells of a file before anyone has decided what they mean."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jaxnn.data.places import place

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, eq=False)
class RawTable:
    r"""The cells of a file, before anyone has decided what they mean.

    Args:
        source: the file as its user typed it.
        columns: names in the order of the file, unique, not empty, without spaces around them.
        cells: one column for each name. Of delimited text every column is String, an empty cell "". Of Parquet and NPZ
            a column is Boolean, a whole number or a float, Date, Datetime (without time zone) or String, a missing
            cell null; there is no NaN.
        lines: (rows,) int64, the physical line on which each row begins, 1 for the first; or the number of the row,
            from 1, where the file has no lines.
        sha256: of the bytes of the file, in hex.
        kind: "text", "parquet" or "npz".
        notes: sentences for the user about what was done while reading.
        decimal: "," where fields lie between semicolons: then 1,085 is about 1 and not about 1000; else ".".

    >>> from jaxnn.data.csvfile import parse
    >>> raw = parse(b"length,species\n1.5,setosa\n\n2.5,virginica\n", "tiny.csv")
    >>> len(raw), raw.place(1, "species")
    (2, 'tiny.csv:4:species')
    """

    source: str
    columns: tuple[str, ...]
    cells: "polars.DataFrame"
    lines: np.ndarray
    sha256: str
    kind: str = "text"
    notes: tuple[str, ...] = ()
    decimal: str = "."

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lines)

    def place(self, row: int, column: str) -> str:
        """Return `file:line:column` of a cell, or `file:row 3:column` in a file without lines; `row` counts from 0."""
        number = int(self.lines[row])
        return place(self.source, number if self.kind == "text" else f"row {number}", column)
