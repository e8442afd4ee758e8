"""Texts to learn from: a file of any name, and one that needs no download."""

import codecs
import difflib
import functools
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from jaxnn.checks import JaxnnError, fail
from jaxnn.data.compressed import decompress
from jaxnn.data.fileformats import GZIP
from jaxnn.data.limits import LARGEST_BOOK
from jaxnn.data.places import place, shown
from jaxnn.files import reading

NEEDED = "a text file (UTF-8; .gz too)"


@dataclass(frozen=True, eq=False)
class Text:
    r"""A text and where it comes from.

    Args:
        text: its characters; lines end in "\n".
        source: what the user typed: a built-in name or a path.
        sha256: of the bytes read, in hex.
        description: one sentence.

    >>> Text("To be, or not to be")
    Text(19 characters)
    """

    text: str
    source: str = ""
    sha256: str = ""
    description: str = ""

    def __len__(self) -> int:
        """Return the number of characters."""
        return len(self.text)

    def __repr__(self) -> str:
        return f"Text({len(self):,} characters{f' of {self.source}' if self.source else ''})"


@functools.cache
def pydoc() -> Text:
    r"""Return the topics of Python's own documentation, as `help("topics")` lists them.

    They stand in the order of their names. Topics quote each other: two fifths of the text stand in it twice or more,
    and what is held out would be known by heart; so every paragraph is taken once, where it stands first.

    Returns:
        The text; it is another one in another version of Python.

    Raises:
        JaxnnError: if this Python comes without its documentation.

    >>> pydoc().text[:24]
    'The "assert" statement\n*'
    """
    try:
        from pydoc_data import topics
    except ImportError:
        fail("pydoc", "a Python without pydoc_data", "Python's documentation topics", "Train on a text file")
    paragraphs = (part for name in sorted(topics.topics) for part in topics.topics[name].strip("\n").split("\n\n"))
    text = "\n\n".join(dict.fromkeys(paragraphs)) + "\n"
    return Text(text, "pydoc", hashlib.sha256(text.encode()).hexdigest(), DESCRIPTIONS["pydoc"])


TEXTS: dict[str, Callable[[], Text]] = {"pydoc": pydoc}
"""The built-in texts by name."""

DESCRIPTIONS = {"pydoc": "the topics of Python's documentation, to learn to write"}


def read_text(source: str | os.PathLike[str]) -> Text:
    r"""Read a built-in text or a file.

    A byte order mark is left out, and every end of a line is "\n".

    Args:
        source: a built-in name, or the path of a file of UTF-8 text, compressed by gzip or not; of any name.

    Returns:
        The text.

    Raises:
        JaxnnError: if there is no such file, it is empty or larger than 64 MiB, or no UTF-8: then with line, column
            (in characters, from 1) and the byte.

    >>> read_text("book.txt")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: book.txt: got no such file; needed a text file (UTF-8; .gz too). Check the path.
    """
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else source
    if not isinstance(name, str):
        fail("data", shown(source), "the name of a built-in text or a path")
    if name in TEXTS:
        return TEXTS[name]()
    if not os.path.lexists(name) and (near := difflib.get_close_matches(name[:60], list(TEXTS), n=1)):
        raise JaxnnError(f"data: got {shown(name)}; needed {NEEDED} or a built-in text. Did you mean {near[0]}?")
    with reading(name, NEEDED) as file:
        data = file.read(LARGEST_BOOK + 1)
    text = decoded(data, name)
    if not text:
        fail(place(name), "an empty file", NEEDED)
    return Text(text, name, hashlib.sha256(data).hexdigest())


def decoded(data: bytes, source: str) -> str:
    r"""Return the text of a file's bytes.

    Args:
        data: UTF-8, compressed by gzip or not.
        source: the name of the file, for messages.

    Returns:
        The text without a byte order mark, its lines ending in "\n".

    Raises:
        JaxnnError: if it is too large or no UTF-8 text.

    >>> decoded(b"caf\xc3\xa9\r\nna\xefve\n", "words.txt")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: words.txt:2:3: got byte 0xef at offset 9, which is not UTF-8; needed UTF-8 text...
    """
    if data.startswith(GZIP) and len(data) <= LARGEST_BOOK:
        data = decompress(data, source)
    if len(data) > LARGEST_BOOK:
        fail(place(source), f"more than {LARGEST_BOOK // 2**20} MiB", "a smaller text", "Cut a part out of it")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        fail(place(source, 1), "text in UTF-16", "UTF-8 text", "Save the file again as UTF-8")
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    data = data[mark:]
    nul = data.find(b"\0")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if nul < 0 or error.start < nul:
            given = f"byte 0x{data[error.start]:02x} at offset {mark + error.start}, which is not UTF-8"
            fail(_place_of(data, error.start, source), given, "UTF-8 text", "Save the file again as UTF-8")
        text = ""
    if nul >= 0:
        do = "This may be UTF-16 or no text at all: save it again as UTF-8 text"
        fail(_place_of(data, nul, source), f"a NUL byte at offset {mark + nul}", "UTF-8 text", do)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _place_of(data: bytes, offset: int, source: str) -> str:
    """`file:line:column` of a byte before which all is UTF-8; the column counts characters."""
    start = data.rfind(b"\n", 0, offset) + 1
    return place(source, data.count(b"\n", 0, offset) + 1, len(data[start:offset].decode()) + 1)
