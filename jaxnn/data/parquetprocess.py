"""The process that decodes a Parquet file: a script, which imports polars and nothing of jaxnn.

It reads the file from stdin and writes to stdout one line of JSON, and the columns as an Arrow stream. Whatever goes
wrong in polars ends it with an exit code, and its memory is limited by what the file declares.
"""

import io
import json
import resource
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars

_ADDRESSES = 2**31
"""Bytes of addresses before the file is known: polars takes 1 GiB, of which it touches 60 MiB."""

_BYTES_A_CELL = 96
"""Bytes of addresses for each cell declared: 16 of a text, decoded, copied and written."""


def _allow(size: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    except (OSError, ValueError):  # macOS has no such limit
        return


class _RefusedError(Exception):
    """Carries (index of the column or None, what was given, what was needed)."""


def _check_size(rows: int, columns: int, limits: dict[str, int]) -> None:
    if columns > limits["columns"]:
        raise _RefusedError(None, f"{columns} columns", f"at most {limits['columns']}")
    if rows * columns > limits["cells"]:
        raise _RefusedError(None, f"{rows} rows of {columns} columns", f"at most {limits['cells']} cells")


def _converted(name: str, dtype: Any, at: int) -> "polars.Expr":
    """The column as one of the types that a raw table has."""
    import polars

    column = polars.col(name)
    if dtype.is_float():
        return column.cast(polars.Float64).fill_nan(None)
    if dtype.is_decimal() or dtype in (polars.Int128, polars.UInt128):
        return column.cast(polars.Float64)
    if isinstance(dtype, polars.Duration):
        return column.dt.total_microseconds().cast(polars.Float64) / 1e6
    if isinstance(dtype, polars.Time):
        return column.cast(polars.Int64).cast(polars.Float64) / 1e9
    if isinstance(dtype, polars.Datetime):
        # the hour of the clock, as of text with a zone: the rows to predict may come as one
        clock = column if dtype.time_zone is None else column.dt.replace_time_zone(None)
        return clock.dt.cast_time_unit("us")
    if dtype.is_integer() or dtype in (polars.Boolean, polars.Date):
        return column
    if dtype in (polars.String, polars.Categorical, polars.Enum, polars.Null):
        return column.cast(polars.String)
    kind = {polars.List: "lists", polars.Array: "lists", polars.Struct: "records", polars.Binary: "bytes"}
    given = kind.get(dtype.base_type(), "values of an unknown type")
    raise _RefusedError(at, f"a column of {given}", "one value in each cell")


def _check_text(frame: "polars.DataFrame", limits: dict[str, int]) -> None:
    """A text is stored once and may stand in a million cells: without this the table could be as long as it likes."""
    import polars

    sizes = frame.select(polars.col(polars.String).str.len_bytes().cast(polars.Int64).fill_null(0))
    if not sizes.width or not sizes.height:
        return
    longest, total = sizes.max().row(0), sum(sizes.sum().row(0))
    if max(longest) > limits["field"]:
        name = sizes.columns[longest.index(max(longest))]
        row = (sizes[name] > limits["field"]).arg_max() or 0
        where = frame.columns.index(name)
        raise _RefusedError(where, f"a text of {max(longest)} bytes in row {row + 1}", f"at most {limits['field']}")
    if total > limits["text"]:
        raise _RefusedError(None, f"{total // 2**20} MiB of text", f"at most {limits['text'] // 2**20} MiB")


def _check_dates(frame: "polars.DataFrame") -> None:
    """Dates that no calendar has end many functions."""
    for at, (name, dtype) in enumerate(frame.schema.items()):
        if dtype.is_temporal():
            wrong = frame[name].dt.year().is_between(1, 9999).not_().fill_null(value=False)
            if wrong.any():
                given = f"a date outside the years 1 to 9999 in row {(wrong.arg_max() or 0) + 1}"
                raise _RefusedError(at, given, "dates of a calendar")


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _allow(_ADDRESSES)
    limits = json.loads(sys.argv[1])
    data = sys.stdin.buffer.read()
    _allow(_ADDRESSES + 4 * len(data))
    import polars

    columns: list[str] = []
    answer: dict[str, Any] = {"columns": columns, "seconds": []}
    out = io.BytesIO()
    try:
        schema = polars.read_parquet_schema(io.BytesIO(data))
        columns.extend(schema)
        lazy = polars.scan_parquet(io.BytesIO(data), use_statistics=False, glob=False)
        rows = lazy.select(polars.len()).collect().item()
        _check_size(rows, len(columns), limits)
        _allow(_ADDRESSES + 8 * len(data) + rows * len(columns) * _BYTES_A_CELL)
        wanted = [_converted(name, dtype, at) for at, (name, dtype) in enumerate(schema.items())]
        frame = lazy.select(wanted).collect()
        _check_text(frame, limits)
        _check_dates(frame)
        kinds = {polars.Duration: "durations", polars.Time: "times of day"}
        bases = [dtype.base_type() for dtype in schema.values()]
        answer["seconds"] = [(at, kinds[base]) for at, base in enumerate(bases) if base in kinds]
        frame.write_ipc_stream(out)
    except _RefusedError as refusal:
        answer["refused"] = refusal.args
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.write(out.getbuffer())


if __name__ == "__main__":
    _main()
