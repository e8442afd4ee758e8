"""What a file is by its first bytes, whatever its name says."""

from jaxnn.checks import fail
from jaxnn.data.places import place

PARQUET, GZIP, ZIP = b"PAR1", b"\x1f\x8b", b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"

_MARKS = (
    (b"PARE", "an encrypted Parquet file"),
    (b"\x93NUMPY", "a single NumPy array (.npy)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Word file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"ARROW1", "an Arrow or Feather file"),
    (b"ORC", "an ORC file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x80\x04\x95", "a Python pickle"),
    (b"\x80\x05\x95", "a Python pickle"),
)
_TEXT_MARKS = (
    (b"%pdf", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML document"),
    (b'{"', "JSON"),
    (b"[{", "JSON"),
)
_NEEDED = {"text": "delimited text", "parquet": "a Parquet file", "npz": "an NPZ file of NumPy arrays"}
_SUFFIX = {"text": ".csv", "parquet": ".parquet", "npz": ".npz"}


def check_format(data: bytes, kind: str, source: str) -> None:
    r"""Raise if the bytes of a file are known to be of another format than its name says.

    Args:
        data: the bytes; the first thousand are looked at, and of a zip file the names in it.
        kind: what the name says: "text", "parquet" or "npz".
        source: the name of the file, for messages.

    Raises:
        JaxnnError: saying what the file seems to be, and what to do.

    >>> check_format(b"<html><body>404", "text", "iris.csv")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: iris.csv: got a web page; needed delimited text. Save the table itself as UTF-8 text.
    """
    seems, own = _recognised(data)
    if own == kind or (kind == "text" and not seems):
        return
    if own:
        do = f"Rename the file so that its name ends in {_SUFFIX[own]}"
    else:
        do = "Save the table itself as UTF-8 text" if kind == "text" else "Check how the file was made and copied"
    other = "something else" if data else "an empty file"
    fail(place(source), seems or other, _NEEDED[kind], do)


def _recognised(data: bytes) -> tuple[str, str]:
    """What the file seems to be, "" for nothing known; and which kind of ours that is, "" for none."""
    if b"\0" in data or not data.isascii():  # names of columns may begin with PAR1 or ORC
        if data.startswith(PARQUET):
            return "a Parquet file", "parquet"
        if data.startswith(GZIP):
            return "a gzip file", ""
        if data.startswith((ZIP, _EMPTY_ZIP)):
            return _zip(data)
        for mark, name in _MARKS:
            if data.startswith(mark):
                return name, ""
    head = data[:1000].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for mark, name in _TEXT_MARKS:
        if head.startswith(mark):
            return name, ""
    return "", ""


def _zip(data: bytes) -> tuple[str, str]:
    """A zip file by the names in it, which stand plain in the file."""
    if b"xl/workbook" in data:
        return "an Excel workbook", ""
    if b"opendocument.spreadsheet" in data[:200]:
        return "an OpenDocument spreadsheet", ""
    return ("an NPZ file", "npz") if b".npy" in data or data.startswith(_EMPTY_ZIP) else ("a zip archive", "")
