import datetime
import decimal
import io
import shutil
import struct
import zoneinfo

import polars
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data import parquetfile, parquetprocess
from jaxnn.data.parquetfile import parse


def parquet(frame, **options):
    file = io.BytesIO()
    (frame if isinstance(frame, polars.DataFrame) else polars.DataFrame(frame)).write_parquet(file, **options)
    return file.getvalue()


def test_columns_keep_their_types():
    noon = datetime.datetime(2020, 7, 1, 12)
    frame = polars.DataFrame(
        {
            "small": polars.Series([1, None], dtype=polars.Int8),
            "large": polars.Series([2**64 - 1, 0], dtype=polars.UInt64),
            "huge": polars.Series([2**70, None], dtype=polars.Int128),
            "float": polars.Series([1.5, float("nan")], dtype=polars.Float32),
            "infinite": [float("inf"), None],
            "decimal": [decimal.Decimal("1.25"), None],
            "yes": [True, None],
            "text": ["x", ""],
            "category": polars.Series(["a", None], dtype=polars.Categorical),
            "enum": polars.Series(["a", "b"], dtype=polars.Enum(["b", "a"])),
            "day": [noon.date(), None],
            "moment": polars.Series([noon, None], dtype=polars.Datetime("ns")),
            "zoned": polars.Series([noon.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), None]),
            "nothing": [None, None],
            "took": [datetime.timedelta(days=1, milliseconds=1500), None],
            "time": [datetime.time(1, 2, 3), None],
        }
    )
    raw = parse(parquet(frame), "t.parquet")
    types = {name: str(dtype) for name, dtype in raw.cells.schema.items()}
    moment = "Datetime(time_unit='us', time_zone=None)"
    assert types == {
        "small": "Int8",
        "large": "UInt64",
        **dict.fromkeys(["huge", "float", "infinite", "decimal"], "Float64"),
        "yes": "Boolean",
        **dict.fromkeys(["text", "category", "enum"], "String"),
        "day": "Date",
        "moment": moment,
        "zoned": moment,
        "nothing": "String",
        **dict.fromkeys(["took", "time"], "Float64"),
    }
    first, second = raw.cells.rows()
    assert first == (
        *(1, 2**64 - 1, 2.0**70, 1.5, float("inf"), 1.25, True, "x", "a", "a", noon.date()),
        *(noon, noon, None, 86401.5, 3723.0),  # the hour of the clock in Berlin
    )
    assert second == (None, 0, None, None, None, None, None, "", None, "b", *[None] * 6)
    assert raw.notes == ("t.parquet:took: read durations as seconds", "t.parquet:time: read times of day as seconds")
    assert (raw.kind, raw.lines.tolist(), raw.place(1, "day")) == ("parquet", [1, 2], "t.parquet:row 2:day")


def test_row_groups_keep_their_order():
    frame = polars.DataFrame({"x": range(10_000)})
    assert parse(parquet(frame, row_group_size=1000), "t.parquet").cells.equals(frame)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ({"a": [1], "b": [[1, 2]]}, "t.parquet:b: got a column of lists; needed one value in each cell"),
        ({"a": [1], "b": [{"x": 1}]}, "t.parquet:b: got a column of records"),
        ({"a": [1], "b": [b"x"]}, "t.parquet:b: got a column of bytes"),
        ({"a": [1], " a": [2]}, "t.parquet: got 'a' more than once"),
        ({"a": [1], "": [2]}, "t.parquet:column 2: got an empty column name"),
        ({"a": []}, "t.parquet: got no rows"),
        ({}, "t.parquet: got no columns"),
        ({"a": ["x"] * 3 + ["y" * 100_001]}, "t.parquet:a: got a text of 100001 bytes in row 4; needed at most 100000"),
        (
            {"a": [0, 10**7], "b": polars.Series([None, 4_000_000], dtype=polars.Date)},
            "t.parquet:b: got a date outside",
        ),
        ({"a": polars.Series([2**62], dtype=polars.Datetime("us"))}, "t.parquet:a: got a date outside .* in row 1"),
        ({"a\n": [[1]]}, r"t.parquet:'a\\n': got a column of lists"),
    ],
)
def test_what_is_no_table_is_refused(frame, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        parse(parquet(frame), "t.parquet")


def test_text_that_is_stored_once_and_meant_often_counts_as_often(monkeypatch):
    data = parquet({"a": ["y" * 90_000] * 100})
    assert len(data) < 10_000
    assert len(parse(data, "t.parquet")) == 100
    monkeypatch.setattr(parquetfile, "LARGEST_TEXT", 2**22)
    with pytest.raises(JaxnnError, match=r"^t.parquet: got 8 MiB of text; needed at most 4 MiB"):
        parse(data, "t.parquet")


def test_a_table_over_the_limit_is_refused_by_what_the_file_declares():
    rows = 2**25
    data = parquet(polars.select(**{name: polars.repeat(7, rows, dtype=polars.Int8) for name in "abcde"}))
    assert len(data) < 400_000
    with pytest.raises(
        JaxnnError, match=rf"^t.parquet: got {rows} rows of 5 columns; needed at most 134217728 cells\."
    ):
        parse(data, "t.parquet")


def rows_declared(data, rows, said):
    """The same file, whose footer says another number of rows wherever it says `rows`."""

    def varint(number):
        number, found = 2 * number, b""
        while number >= 128:
            found, number = found + bytes([number % 128 + 128]), number // 128
        return found + bytes([number])

    size = struct.unpack("<I", data[-8:-4])[0]
    footer = data[-8 - size : -8].replace(varint(rows), varint(said))
    return data[: -8 - size] + footer + struct.pack("<I", len(footer)) + b"PAR1"


def test_a_footer_that_declares_a_million_million_rows_is_refused():
    data = parquet({"x": range(12_345)}, statistics=False)
    assert len(parse(rows_declared(data, 12_345, 12_345), "t.parquet")) == 12_345
    with pytest.raises(JaxnnError, match=r"^t.parquet: got (1000000000000 rows of 1 columns|a damaged Parquet file)"):
        parse(rows_declared(data, 12_345, 10**12), "t.parquet")
    with pytest.raises(JaxnnError, match=r"^t.parquet: got a damaged Parquet file"):
        parse(rows_declared(data, 12_345, 100_000_000), "t.parquet")


def test_damaged_files_are_refused():
    data = parquet({"x": range(1000), "kind": ["a", "b"] * 500})
    middle = len(data) // 2
    for bad in (data[:-1], data[:middle], data[4:], b"PAR1", b"PAR1" * 3, b"", data[:20] + bytes(200) + data[220:]):
        with pytest.raises(
            JaxnnError, match=r"^t.parquet: got a damaged Parquet file; needed one that polars can read"
        ):
            parse(bad, "t.parquet")


def test_a_file_that_takes_forever_is_refused(monkeypatch):
    monkeypatch.setattr(parquetfile, "_SECONDS", 0.001)
    with pytest.raises(JaxnnError, match=r"^t.parquet: got a Parquet file that takes over 0.001 s to read"):
        parse(parquet({"x": [1]}), "t.parquet")


def test_the_process_imports_nothing_from_around_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(parquetprocess.__file__, "process.py")
    monkeypatch.setattr(parquetprocess, "__file__", "process.py")
    for name in ("polars.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit(9)")
    assert len(parse(parquet({"x": [1]}), "t.parquet")) == 1


@pytest.mark.parametrize("end", ["raise SystemExit(1)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_what_a_process_says_before_it_dies_does_not_count(end, tmp_path, monkeypatch):
    said = '{"columns": ["x"], "seconds": []}'
    (tmp_path / "process.py").write_text(f"print({said!r}, flush=True)\n{end}\n")
    monkeypatch.setattr(parquetprocess, "__file__", str(tmp_path / "process.py"))
    with pytest.raises(JaxnnError, match=r"^t.parquet: got a damaged Parquet file"):
        parse(parquet({"x": [1]}), "t.parquet")
