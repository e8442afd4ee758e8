import gzip
import hashlib

import pytest

from jaxnn import JaxnnError
from jaxnn.data import load, read, read_text, textfile
from jaxnn.data.textfile import Text

GOOD = "Größe\n\tone line\nand \N{GREEK SMALL LETTER ALPHA}\n"


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(), b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(), gzip.compress(GOOD.encode(), mtime=0),
    ],
)  # fmt: skip
def test_every_way_to_write_a_text_is_the_same_text(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poem").write_bytes(data)
    found = read_text("poem")
    assert found.text == GOOD
    assert found.source == "poem"
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert len(found) == len(GOOD)
    assert repr(found) == f"Text({len(GOOD)} characters of poem)"
    assert read_text(tmp_path / "poem").text == GOOD


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"caf\xc3\xa9 na\xefve\n", "x:1:8: got byte 0xef at offset 8, which is not UTF-8"),
        (b"a\nb\nc\xc3", "x:3:2: got byte 0xc3 at offset 5, which is not UTF-8"),
        (b"\xef\xbb\xbf\nab\xff", "x:2:3: got byte 0xff at offset 6, which is not UTF-8"),
        (b"a\nb\0c", "x:2:2: got a NUL byte at offset 3"),
        ("text".encode("utf-16"), "x:1: got text in UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0", "x:1:1: got byte 0x89 at offset 0"),
        (b"", "x: got an empty file"),
        (b"\xef\xbb\xbf", "x: got an empty file"),
        (gzip.compress(b"text" * 99, mtime=0)[:-9], "x: got gzip data that is damaged or cut off"),
        (gzip.compress(b"\xff", mtime=0), "x:1:1: got byte 0xff at offset 0"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(data, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(JaxnnError) as error:
        read_text("x")
    assert str(error.value).startswith(said)


def test_large_texts_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(textfile, "LARGEST_BOOK", 2**20)
    (tmp_path / "fits").write_bytes(b"a" * 2**20)
    assert len(read_text("fits")) == 2**20
    (tmp_path / "x").write_bytes(b"a" * (2**20 + 1))
    (tmp_path / "z.gz").write_bytes(gzip.compress(b"a" * (2**20 + 1)))
    for name in ("x", "z.gz"):
        with pytest.raises(JaxnnError, match=f"^{name}: got more than 1 MiB; needed a smaller text"):
            read_text(name)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("none.txt", "none.txt: got no such file; needed a text file"),
        ("pydocs", "data: got 'pydocs'; needed .* Did you mean pydoc?"),
        (3, "data: got 3; needed the name"),
        (".", r"\.: got a folder"),
    ],
)
def test_what_is_not_there_is_refused(source, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(JaxnnError, match=f"^{said}"):
        read_text(source)


def test_pydoc_is_pythons_documentation_each_paragraph_once():
    from pydoc_data.topics import topics

    found = read_text("pydoc")
    assert isinstance(found, Text)
    assert found.sha256 == hashlib.sha256(found.text.encode()).hexdigest()
    assert len(found) > 200_000
    assert 'The "with" statement\n' in found.text
    paragraphs = found.text.strip("\n").split("\n\n")
    assert len(set(paragraphs)) == len(paragraphs)
    assert {part for topic in topics.values() for part in topic.strip("\n").split("\n\n")} == set(paragraphs)
    assert read_text("pydoc") is found


def test_a_text_is_no_table():
    for reader in (read, load):
        with pytest.raises(JaxnnError, match=r"^data: got 'pydoc', a text; needed a table"):
            reader("pydoc")
