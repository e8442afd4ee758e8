"""IDX files, in which MNIST and its kin come: big-endian arrays behind a short header."""

import hashlib
import math
import os
import re
import struct

import numpy as np

from jaxnn.checks import fail
from jaxnn.data.compressed import decompress
from jaxnn.data.fileformats import GZIP
from jaxnn.data.imagearrays import image_table
from jaxnn.data.limits import LARGEST_TEXT
from jaxnn.data.places import place
from jaxnn.data.table import Table
from jaxnn.files import reading

NAME = re.compile(r".*([.\-_]idx\d?)(-u?byte|-short|-int|-float|-double)?(\.gz)?", re.IGNORECASE)
"""Names of IDX files: digits.idx, train-images-idx3-ubyte, train-images.idx3-ubyte.gz."""

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NEEDED = "an IDX file, such as train-images-idx3-ubyte or .gz"
_MOST_DIMENSIONS = 8


def is_idx(source: str) -> bool:
    """Return whether a name is that of an IDX file.

    >>> [is_idx(name) for name in ("train-images-idx3-ubyte.gz", "a/t10k-labels.idx1-ubyte", "x.idx", "idx.csv")]
    [True, True, True, False]
    """
    return NAME.fullmatch(os.path.basename(source)) is not None


def parse(data: bytes, source: str) -> np.ndarray:
    """Read the bytes of an IDX file, decompressed, as an array.

    The header is 0, 0, a byte for the type, a byte for the number of dimensions, and a big-endian uint32 for the length
    of each; the numbers follow, big-endian too, the last dimension fastest.

    Args:
        data: the bytes.
        source: the name of the file; messages begin with it and the byte, from 0, that is wrong.

    Returns:
        The array, in the order of bytes of the file; it is a view of `data`.

    Raises:
        JaxnnError: naming file and byte: no IDX file, a type or shape that none has, more or fewer bytes than declared.

    Reference: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", "The IDX file format".

    >>> parse(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "x.idx").tolist()
    [7, 8, 9]
    >>> parse(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7]), "x.idx")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: x.idx, byte 9: got the end of the file; needed 11 bytes in all, 8 of header and 3 of ...
    """
    do = "Copy or download the file again"
    if data[:2] != b"\0\0" or len(data) < 4:
        given = f"the magic number {data[:4].hex(' ') or 'of an empty file'}"
        fail(f"{place(source)}, byte 0", given, "00 00, a type and a number of dimensions", do)
    if data[2] not in _TYPES:
        fail(
            f"{place(source)}, byte 2", f"the type {data[2]:#04x}", f"one of {', '.join(map('{:#04x}'.format, _TYPES))}"
        )
    if not 1 <= data[3] <= _MOST_DIMENSIONS:
        fail(f"{place(source)}, byte 3", f"{data[3]} dimensions", f"1 to {_MOST_DIMENSIONS}")
    start = 4 + 4 * data[3]
    if len(data) < start:
        given = "the end of the file"
        fail(
            f"{place(source)}, byte {len(data)}", given, f"the lengths of {data[3]} dimensions, up to byte {start}", do
        )
    shape, dtype = struct.unpack(f">{data[3]}I", data[4:start]), np.dtype(_TYPES[data[2]])
    size = math.prod(shape) * dtype.itemsize
    if not size:
        empty = 4 + 4 * shape.index(0)
        fail(f"{place(source)}, byte {empty}", f"an array of shape {shape}", "lengths of at least 1")
    if len(data) != start + size:
        at, given = min(len(data), start + size), "the end of the file" if len(data) < start + size else "more bytes"
        needed = f"{start + size} bytes in all, {start} of header and {size} of numbers, as shape {shape} declares"
        fail(f"{place(source)}, byte {at}", given, needed, do)
    return np.frombuffer(data, dtype, offset=start).reshape(shape)


def read_images(source: str, *, labelled: bool = True) -> Table:
    """Read a file of images and the file of their labels beside it.

    Labels lie where MNIST has them: train-labels-idx1-ubyte beside train-images-idx3-ubyte, with or without .gz.

    Args:
        source: the file of images.
        labelled: False where images without labels will do.

    Returns:
        The images; their target `label` is int64, or None where there are no labels.

    Raises:
        JaxnnError: naming the file, and the byte where one is wrong.
    """
    packed, images = _read(source)
    if images.ndim == 1:
        do = (
            f"Give the file of images, such as {_renamed(source, 'labels', 'images', '3') or 'train-images-idx3-ubyte'}"
        )
        fail(f"{place(source)}, byte 3", "one dimension, as labels have", "images, which have 3 dimensions", do)
    beside = _labels_beside(source)
    labels, digest = None, hashlib.sha256(packed)
    if beside is not None:
        packed, labels = _read(beside)
        digest.update(packed)
        if len(labels) != len(images):
            given = f"{len(labels)} labels for the {len(images)} images of {place(os.path.basename(source))}"
            fail(f"{place(beside)}, byte 4", given, "one label for each image")
    elif labelled:
        wanted = _renamed(source, "images", "labels", "1")
        do = "" if wanted else "Name the files as MNIST does: NAME-images-idx3-ubyte and NAME-labels-idx1-ubyte"
        given = f"no file of labels beside it ({os.path.basename(wanted)})" if wanted else "no name with images in it"
        fail(place(source), given, "the file of its labels", do)
    about = f"{len(images)} images from {source}"
    return image_table(
        images, labels, place(source), target_name="label", description=about, source=source, sha256=digest.hexdigest()
    )


def _labels_beside(source: str) -> str | None:
    wanted = _renamed(source, "images", "labels", "1")
    stem = wanted[:-3] if wanted and wanted.lower().endswith(".gz") else wanted
    return next((path for path in (wanted, stem, f"{stem}.gz") if path and os.path.exists(path)), None)


def _renamed(source: str, old: str, new: str, dimensions: str) -> str | None:
    """`train-images-idx3-ubyte` for images of train-labels-idx1-ubyte, and the other way round; None without `old`."""
    folder, name = os.path.split(source)
    at = name.lower().rfind(old)
    if at < 0:
        return None
    name = name[:at] + new + name[at + len(old) :]
    return os.path.join(folder, re.sub(r"(?i)(?<=idx)\d", dimensions, name))


def _read(source: str) -> tuple[bytes, np.ndarray]:
    """The bytes of the file, and the array in it."""
    with reading(source, _NEEDED) as file:
        data = file.read(LARGEST_TEXT + 1)
    if len(data) > LARGEST_TEXT:
        fail(place(source), f"a file of more than {LARGEST_TEXT // 2**20} MiB", "a smaller one", "Leave out images")
    if data.startswith(GZIP):
        return data, parse(decompress(data, source), source)
    if source.lower().endswith(".gz"):
        fail(place(source), "a file that is not compressed", "gzip, as its name says", "Leave .gz out of its name")
    return data, parse(data, source)
