import bz2
import io
import lzma
import sqlite3
import zipfile

import numpy as np
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data.fileformats import check_format


def zipped(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return file.getvalue()


def database():
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (x)")
    return connection.serialize()


def array():
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "seems"),
    [
        (zipped(xl__workbook_xml="x"), "an Excel workbook"),
        (zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "an OpenDocument spreadsheet"),
        (zipped(notes="x"), "a zip archive"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
        (b"\xef\xbb\xbf\r\n <!DOCTYPE html>\n<title>404</title>", "a web page"),
        (b"<?xml version='1.0'?>", "an XML document"),
        (b'[{"a": 1}]', "JSON"),
        (b"{\\rtf1 x}", "an RTF document"),
        (database(), "an SQLite database"),
        (bz2.compress(b"a,b\n1,2\n" * 100), "a bzip2 archive"),
        (lzma.compress(b"a,b\n1,2\n"), "an xz archive"),
        (array(), r"a single NumPy array \(.npy\)"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0", "an old Excel or Word file"),
    ],
)
@pytest.mark.parametrize("kind", ["text", "parquet", "npz"])
def test_other_formats_are_said(data, seems, kind):
    with pytest.raises(JaxnnError, match=f"^x: got {seems}; needed "):
        check_format(data, kind, "x")


@pytest.mark.parametrize(
    "data", [b"PAR1,PAR2\n1,2\n", b"ORCID,x\n", b"BZh,x\n", b"7z,x\n", b"a,b\n", b"", b"{a},[b]\n"]
)
def test_text_that_begins_like_another_format_is_text(data):
    check_format(data, "text", "x")
