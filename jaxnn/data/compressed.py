"""Reading gzip without letting a small file fill the memory."""

import gzip
import io
import zlib

from jaxnn.checks import fail
from jaxnn.data.limits import FREE_SIZE, LARGEST_TEXT, STEEPEST
from jaxnn.data.places import place

_PIECE = 2**20


def decompress(data: bytes, source: str) -> bytes:
    """Return the content of gzip bytes, of one member or several.

    Args:
        data: the bytes of the file.
        source: the name of the file, for messages.

    Returns:
        The content.

    Raises:
        JaxnnError: if it is damaged or cut off, or as soon as what was unpacked is more than 1 GiB, or more than 64 MiB
            and 250 times what it was packed in.

    >>> import gzip
    >>> decompress(gzip.compress(b"a,b"), "tiny.csv.gz")
    b'a,b'
    """
    packed, content = io.BytesIO(data), io.BytesIO()
    try:
        with gzip.GzipFile(fileobj=packed) as file:
            while piece := file.read(_PIECE):
                content.write(piece)
                check_growth(packed.tell(), content.tell(), source)
    except (EOFError, OSError, zlib.error):  # gzip.BadGzipFile is an OSError
        given, do = "gzip data that is damaged or cut off", "Copy or download the file again"
        fail(place(source), given, "a whole gzip file", do)
    return content.getvalue()


def check_growth(packed: int, unpacked: int, source: str) -> None:
    """Raise if a content is larger than a table of that compressed size would be.

    Args:
        packed: bytes of the file.
        unpacked: bytes of its content, as far as they are known.
        source: the name of the file, for messages.

    Raises:
        JaxnnError: if they are more than 1 GiB, or more than 64 MiB and more than 250 times those of the file.

    >>> check_growth(1000, 100_000_000, "bomb.gz")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: bomb.gz: got 1000 bytes that unpack to over 100000000; needed at most 250 times the size...
    """
    if unpacked > LARGEST_TEXT:
        fail(place(source), f"a content of over {LARGEST_TEXT // 2**20} MiB", "a smaller table")
    if unpacked > FREE_SIZE and unpacked > STEEPEST * packed:
        given = f"{packed} bytes that unpack to over {unpacked}"
        fail(place(source), given, f"at most {STEEPEST} times the size", "Unpack the file if it is right")
