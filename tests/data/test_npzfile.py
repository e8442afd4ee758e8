import io
import struct
import zipfile

import numpy as np
import polars
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data.npzfile import parse


def npz(compressed=False, **arrays):
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()


def zipped(*files, **options):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return file.getvalue()


def array(values):
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_columns(compressed, order):
    x = np.array([[1.5, 2.0], [np.nan, 4.0], [np.inf, 6.0]], order=order)
    raw = parse(npz(compressed, x=x, y=np.array([3, 1, 2], np.uint8), kind=np.array(["a", "", "é"])), "t.npz")
    assert raw.columns == ("x_0", "x_1", "y", "kind")
    assert raw.cells.rows() == [(1.5, 2.0, 3, "a"), (None, 4.0, 1, ""), (np.inf, 6.0, 2, "é")]
    assert raw.lines.tolist() == [1, 2, 3]
    assert (raw.kind, raw.place(2, "y")) == ("npz", "t.npz:row 3:y")


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (np.array([1, 2], ">i4"), polars.Int32, [1, 2]),
        (np.array([1.5, 2], ">f8"), polars.Float64, [1.5, 2]),
        (np.array([1.5, np.nan], "f2"), polars.Float64, [1.5, None]),
        (np.array([1.5, np.nan], "f4"), polars.Float64, [1.5, None]),
        (np.array([1.5, 2], np.longdouble), polars.Float64, [1.5, 2]),
        (np.array([True, False]), polars.Boolean, [True, False]),
        (np.array([2**64 - 1, 0], "u8"), polars.UInt64, [2**64 - 1, 0]),
        (np.array([b"a", "é".encode()]), polars.String, ["a", "é"]),
        (np.array(["a", "ü"], ">U3"), polars.String, ["a", "ü"]),
    ],
)
def test_types(values, dtype, expected):
    column = parse(npz(v=values), "t.npz").cells["v"]
    assert column.dtype == dtype
    assert column.to_list() == expected


@pytest.mark.parametrize(
    ("unit", "said", "dtype"),
    [("D", "2020-02-03", polars.Date), ("M", "2020-02-01", polars.Date), ("s", "2020-02-03 00:00:00.000000", None)],
)
def test_dates(unit, said, dtype):
    column = parse(npz(v=np.array(["2020-02-03", "NaT"], f"M8[{unit}]")), "t.npz").cells["v"]
    assert column.dtype == (dtype or polars.Datetime("us"))
    assert column.cast(polars.String).to_list() == [said, None]


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "25s"])
def test_dates_of_a_calendar_pass(unit):
    values = np.array(["0001-01-01", "1969-12-31", "9999-12-31"], f"M8[{unit}]")
    found = parse(npz(v=values), "t.npz").cells["v"].to_numpy().astype("M8[us]")
    assert found.tolist() == values.astype("M8[us]").tolist()


def test_a_long_double_that_is_no_number_is_no_warning():
    x = np.frombuffer(bytes(7) + b"O\xff?" + bytes(6), np.longdouble) if np.longdouble(0).itemsize == 16 else np.ones(1)
    assert len(parse(npz(x=x), "t.npz")) == 1


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"x": np.ones((2, 3, 4))},
            r"t.npz:x: got an array of 3 dimensions, shape \(2, 3, 4\); .* x.reshape\(len\(x\), -1\)",
        ),
        ({"x": np.ones(3), "n": np.array(5)}, r"t.npz:n: got an array of 0 dimensions, shape \(\); needed one"),
        ({"x": np.ones(3), "y": np.ones(4)}, "t.npz:y: got 4 rows, where x has 3; needed arrays of the same length"),
        ({"x": np.array([{}, []], object)}, "t.npz:x: got an array of Python objects, which only pickle reads"),
        ({"x": np.ones(3, complex)}, "t.npz:x: got an array of complex numbers; needed an array of numbers or text"),
        ({"x": np.ones(3, "m8[s]")}, "t.npz:x: got an array of durations"),
        ({"x": np.ones(3, [("a", "i4")])}, "t.npz:x: got an array of records"),
        ({"x": np.zeros(3, "V4")}, "t.npz:x: got an array of records"),
        ({"x": np.array(["NaT", 2**62], "M8[Y]")}, "t.npz:x: got a date outside the years 1 to 9999 in row 2"),
        ({"x": np.array([2**60], "M8[W]")}, "t.npz:x: got a date outside the years 1 to 9999 in row 1"),
        ({"x": np.array([2**62], "M8[s]")}, "t.npz:x: got a date outside the years 1 to 9999 in row 1"),
        ({"x": np.array([-(2**62)], "M8[25us]")}, "t.npz:x: got a date outside the years 1 to 9999 in row 1"),
        ({"x": np.array(["NaT"], "M8")}, "t.npz:x: got dates without a unit"),
        ({"x": np.array(["a" * 100_001])}, "t.npz:x: got texts of 100001 characters; needed at most 100000"),
        ({"x": np.array([b"\xff"])}, "t.npz:x: got text that is not Unicode"),
        ({"x": np.array([0xD800], "u4").view("U1")}, "t.npz:x: got text that is not Unicode"),
        ({"x": np.array([0x110000], "u4").view("U1")}, "t.npz:x: got text that is not Unicode"),
        ({"x": np.ones((2, 2)), "x_0": np.ones(2)}, "t.npz: got 'x_0' more than once"),
        ({"x": np.ones(0)}, "t.npz: got no rows"),
        ({"x": np.ones((3, 0))}, "t.npz: got no columns"),
        ({"x": np.ones((1, 50_001), bool)}, "t.npz: got 50001 columns; needed at most 50000"),
        ({}, "t.npz: got no columns"),
    ],
)
def test_what_is_no_table_is_refused(arrays, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        parse(npz(**arrays), "t.npz")


def declared(shape, dtype="<f8"):
    """An array file that has a header and 8 bytes."""
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(8)


@pytest.mark.parametrize("shape", [(10**15,), (10**6, 10**6), (2**63, 2**63), (0, 2**70), (2,), (-1,), (-1, -1)])
def test_a_header_that_declares_other_bytes_is_refused(shape):
    with pytest.raises(JaxnnError, match=r"^t.npz:x: got 8 bytes for an array of shape "):
        parse(zipped(("x.npy", declared(shape))), "t.npz")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (declared((1,)).replace(b"descr", b"desrc"), "t.npz:x: got an array whose header is damaged"),
        (declared((1,)).replace(b"(1,)", b"f(1)"), "t.npz:x: got an array whose header is damaged"),
        (declared((1,))[:50], "t.npz:x: got an array whose header is damaged"),
        (declared((1,)).replace(b"\x01\x00v", b"\x09\x00v"), "t.npz:x: got an array whose header is damaged"),
        (declared((1,)).replace(b"\x01\x00v\x00", b"\x02\x00\xff\xff\xff\x7f"), "t.npz:x: got an array whose header"),
        (declared((1,)).replace(b"\x01\x00v", b"\x03\x00v"), "t.npz:x: got an array of records"),
        (declared((1,), "|O"), "t.npz:x: got an array of Python objects"),
        (declared((1,)).replace(b"(1,)", b"(" * 60), "t.npz:x: got an array whose header is damaged"),
        (b"", "t.npz:x: got an array whose header is damaged"),
        (b"hello", "t.npz:x: got an array whose header is damaged"),
    ],
)
def test_damaged_arrays_are_refused(file, message):
    with pytest.raises(JaxnnError, match=f"^({message})"):
        parse(zipped(("x.npy", file)), "t.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_damaged_archives_are_refused():
    good = npz(x=np.ones(3))
    for data in (good[:40], good[:-30], b"PK\x05\x06", good.replace(b"\0\0\0\0\0\0\xf0?", b"\0\0\0\0\0\0\xf0@")):
        with pytest.raises(JaxnnError, match=r"^t.npz: got a damaged NPZ file"):
            parse(data, "t.npz")
    with pytest.raises(JaxnnError, match=r"^t.npz:notes.txt: got a file that is no array"):
        parse(zipped(("notes.txt", b"x")), "t.npz")
    with pytest.raises(JaxnnError, match=r"^t.npz: got two arrays of the same name"):
        parse(zipped(("x.npy", array(np.ones(2))), ("x.npy", array(np.ones(2)))), "t.npz")
    many = zipped(*((f"{index}", b"") for index in range(50_001)))
    with pytest.raises(JaxnnError, match=r"^t.npz: got a zip directory of too many files"):
        parse(many, "t.npz")


def test_an_array_shorter_than_its_directory_says_is_refused():
    file = declared((2,))
    data = zipped(("x.npy", file), compression=zipfile.ZIP_DEFLATED)
    longer = data.replace(struct.pack("<I", len(file)), struct.pack("<I", len(file) + 8))
    with pytest.raises(JaxnnError, match=r"^t.npz:x: got an array that is cut off"):
        parse(longer, "t.npz")


def test_a_bomb_is_refused_by_what_its_directory_declares():
    bomb = npz(compressed=True, x=np.zeros(20_000_000))
    with pytest.raises(JaxnnError, match=r"^t.npz: got \d+ bytes that unpack to over 160000\d+; needed at most 250"):
        parse(bomb, "t.npz")
