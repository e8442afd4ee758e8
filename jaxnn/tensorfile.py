r"""Named arrays and a JSON document about them in one `.safetensors` file, in which every flipped bit is noticed.

The file's one metadata key, `jaxnn`, holds the SHA-256 of the document, a newline and the document, which lists name,
dtype, shape and SHA-256 of every array. Several keys would be written in random order, and equal content is to be equal
bytes. Safetensors itself has no checksum: without these, a flipped bit loads as another number (measured 60 of 60
times). Reading believes nothing: it takes no memory for a size that the file itself does not have.
"""

import contextlib
import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from jaxnn.checks import JaxnnError, fail
from jaxnn.files import reading, sha256_hex, shown_path

VERSION = 2
"""The version of the format, 2 since columns have kinds; a file of another one is refused."""

_KEY = "jaxnn"
_HEADER_LIMIT = 2**25
"""Bytes of a header. A hostile one of JSON brackets takes 20 times its size in memory; 100,000 columns take 10 MB."""
_MESSAGE_LIMIT = 600
"""Characters: what a hostile file says must not become a message of a megabyte."""

DTYPES: dict[str, np.dtype] = {
    "BOOL": np.dtype(np.bool_),
    "I8": np.dtype(np.int8),
    "I16": np.dtype(np.int16),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
    "U8": np.dtype(np.uint8),
    "U16": np.dtype(np.uint16),
    "U32": np.dtype(np.uint32),
    "U64": np.dtype(np.uint64),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(jnp.bfloat16),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
    "C64": np.dtype(np.complex64),
}
"""The dtypes that a file may hold, by their names in safetensors."""

_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_DAMAGED = "The file is damaged: restore it from a copy"


class Described(NamedTuple):
    """What a file says of one array."""

    dtype: np.dtype
    shape: tuple[int, ...]
    sha256: str


class Opened:
    """A file whose header and document are intact and agree; its arrays have not been read yet."""

    def __init__(self, file: BinaryIO, head: bytes, document: dict[str, Any], described: dict[str, Described]) -> None:
        self._file = file
        self._head = head
        self.document = document
        """What was given to `pack`."""
        self.described = described
        """Dtype, shape and SHA-256 of every array by its name."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Read the arrays and compare each with its SHA-256.

        Returns:
            The arrays by name, read-only.

        Raises:
            JaxnnError: naming the array whose bits changed.
        """
        data = self._head + self._file.read()
        try:
            read = dict(safetensors.deserialize(data))
        except safetensors.SafetensorError as error:  # not to be reached: what it checks was checked before
            fail("its arrays", f"{error}", "a safetensors file", _DAMAGED)
        out = {}
        for name, about in self.described.items():
            content = read[name]["data"]
            if sha256_hex(content) != about.sha256:
                fail(f"array {name}", "other bits than were saved", "those of its SHA-256", _DAMAGED)
            if about.dtype == np.bool_ and content and max(content) > 1:
                fail(f"array {name}", f"the byte {max(content)} as a Boolean", "0 or 1", _DAMAGED)
            out[name] = np.frombuffer(content, about.dtype).reshape(about.shape)
            out[name].flags.writeable = False
        return out


def pack(document: Mapping[str, Any], arrays: Mapping[str, Any]) -> bytes:
    """Return the bytes of a file; equal documents and arrays give equal bytes.

    Args:
        document: what JSON can hold, without the keys "format" and "arrays".
        arrays: NumPy arrays by name.

    Returns:
        The file, readable by anything that reads safetensors.

    Raises:
        JaxnnError: if an array is of a dtype that cannot be stored, or the document holds a number that is not finite.

    >>> import safetensors.numpy
    >>> data = pack({"about": "a line"}, {"slope": np.array([2.0, 0.5])})
    >>> safetensors.numpy.load(data)["slope"].tolist()
    [2.0, 0.5]
    """
    dense = {name: _storable(name, array) for name, array in arrays.items()}
    listed = {
        name: {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "sha256": sha256_hex(array.tobytes())}
        for name, array in dense.items()
    }
    everything = dict(document) | {"format": VERSION, "arrays": listed}
    try:
        text = json.dumps(everything, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        fail("the document", f"{error}", "finite numbers")
    data = safetensors.numpy.save(dense, metadata={_KEY: f"{sha256_hex(text.encode('ascii'))}\n{text}"})
    length = int.from_bytes(data[:8], "little")
    if length > _HEADER_LIMIT:
        fail("the document", f"{length} bytes", f"at most {_HEADER_LIMIT}", "Use shorter or fewer names")
    return data


@contextlib.contextmanager
def opened(path: str | os.PathLike[str], what: str) -> Iterator[Opened]:
    """Open a file and check header and document; every error inside the `with` block names the file.

    Args:
        path: the file.
        what: what it should be, with its article, such as "a model file".

    Yields:
        The document and what it says of the arrays; `arrays()` reads them.

    Raises:
        JaxnnError: if the file cannot be read, is not whole, not intact, of a later version, or not one of `pack`.

    >>> import tempfile
    >>> from jaxnn.files import write_atomically
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/line.safetensors"
    ...     write_atomically(path, pack({"about": "a line"}, {"slope": np.array([2.0, 0.5])}))
    ...     with opened(path, "a line") as line:
    ...         line.document["about"], line.described["slope"].shape, line.arrays()["slope"].tolist()
    ('a line', (2,), [2.0, 0.5])
    """
    with reading(path, what) as file:
        try:
            yield _open(file, what)
        except JaxnnError as error:
            said = " ".join([str(error), *getattr(error, "__notes__", ())])
            short = said if len(said) <= _MESSAGE_LIMIT else said[:_MESSAGE_LIMIT] + "..."
            # one line, and nothing in it that a terminal would obey
            line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in short)
            raise JaxnnError(f"{shown_path(path)}: {line}") from error


def parse(where: str, text: str) -> Any:
    """Return the value of a JSON text, refusing what two readers could understand differently.

    Args:
        where: what it is, for messages.
        text: the JSON text.

    Returns:
        Its value; all numbers finite.

    Raises:
        JaxnnError: if it is no JSON, has a key twice, NaN or a number beyond float64, or is nested too deeply.

    >>> parse("header", '{"a": 1, "a": 2}')
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: header: got the key 'a' twice; needed each key once. \
The file is damaged: restore it from a copy.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            fail(where, f"the key {twice[:60]!r} twice", "each key once", _DAMAGED)
        return dict(pairs)

    def finite(number: str) -> float:
        value = float(number)
        return value if math.isfinite(value) else fail(where, number[:60], "finite numbers", _DAMAGED)

    try:
        return json.loads(text, object_pairs_hook=once, parse_float=finite, parse_constant=finite)
    except RecursionError:
        fail(where, "JSON nested too deeply", "a few levels", _DAMAGED)
    except JaxnnError:
        raise
    except ValueError as error:
        fail(where, f"no JSON ({error})", "JSON", _DAMAGED)


def _storable(name: str, array: Any) -> np.ndarray:
    if isinstance(array.dtype, np.dtype):
        # not np.ascontiguousarray, which gives a scalar an axis
        array = np.array(array, np.dtype(array.dtype).newbyteorder("="), order="C")
    if array.dtype not in _NAMES:
        do = "Keep the raw words of a random key: jax.random.key_data(key)" if "key" in str(array.dtype) else ""
        fail(f"array {name}", f"dtype {array.dtype}", f"one of {', '.join(str(dtype) for dtype in _NAMES)}", do)
    return array


def _open(file: BinaryIO, what: str) -> Opened:
    size = os.fstat(file.fileno()).st_size
    first = file.read(8)
    length = int.from_bytes(first, "little")
    if len(first) < 8:
        fail("the file", f"{size} bytes", what, _DAMAGED)
    if length > min(size - 8, _HEADER_LIMIT):
        given = f"a header of {length} bytes in a file of {size}"
        fail("the file", given, what, "It is damaged or of another kind: restore it from a copy")
    header = file.read(length)
    try:
        entries = parse("header", header.decode("utf-8"))
    except UnicodeDecodeError:
        fail("header", "bytes that are not UTF-8", "JSON", _DAMAGED)
    if not isinstance(entries, dict):
        fail("header", type(entries).__name__, "an object", _DAMAGED)
    metadata = entries.pop("__metadata__", None)
    document, described = _documented(metadata, what)
    _compare(entries, described, size - 8 - length)
    return Opened(file, first + header, document, described)


def _documented(metadata: Any, what: str) -> tuple[dict[str, Any], dict[str, Described]]:
    """The document and its list of arrays, after comparing the document's SHA-256."""
    if not isinstance(metadata, dict) or not isinstance(metadata.get(_KEY), str):
        fail("metadata", "a safetensors file without the key 'jaxnn'", f"{what} that jaxnn wrote")
    if len(metadata) > 1:
        fail("metadata", f"{len(metadata)} keys", "'jaxnn' alone", _DAMAGED)
    digest, _, text = metadata[_KEY].partition("\n")
    if sha256_hex(text.encode("utf-8", "surrogatepass")) != digest:
        fail("metadata", "a document that is not the one saved", "that of its SHA-256", _DAMAGED)
    document = parse("document", text)
    if not isinstance(document, dict):
        fail("document", type(document).__name__, "an object", _DAMAGED)
    version = document.pop("format", None)
    if type(version) is not int or version != VERSION:
        given = f"format version {str(version)[:40]}" if isinstance(version, int | float | str) else "no format version"
        fail("document", given, f"version {VERSION}", "Read it with the jaxnn that wrote it, or train again")
    listed = document.pop("arrays", None)
    if not isinstance(listed, dict):
        fail("document.arrays", type(listed).__name__, "an object", _DAMAGED)
    return document, {name: _described(name, about) for name, about in listed.items()}


def _described(name: str, about: Any) -> Described:
    where = f"array {name[:60]}"
    if not isinstance(about, dict) or set(about) != {"dtype", "shape", "sha256"}:
        fail(where, "another description", "dtype, shape and sha256", _DAMAGED)
    if not isinstance(about["sha256"], str):
        fail(where, type(about["sha256"]).__name__, "its SHA-256", _DAMAGED)
    return Described(_known_dtype(where, about["dtype"]), _known_shape(where, about["shape"]), about["sha256"])


def _known_dtype(where: str, dtype: Any) -> np.dtype:
    if not isinstance(dtype, str) or dtype not in DTYPES:
        fail(where, f"dtype {str(dtype)[:40]!r}", f"one of {', '.join(DTYPES)}")
    return DTYPES[dtype]


def _known_shape(where: str, shape: Any) -> tuple[int, ...]:
    # 32: as many axes as every version of NumPy can have
    small = isinstance(shape, list) and len(shape) <= 32
    if small and all(type(length) is int and 0 <= length < 2**63 for length in shape):
        return tuple(shape)
    needed = "up to 32 lengths of axes, none negative or beyond 64 bits"
    fail(where, f"shape {str(shape)[:60]}", needed, _DAMAGED)


def _compare(entries: dict[str, Any], described: dict[str, Described], available: int) -> None:
    """Check that header and document say the same, and that the arrays fill the file without gap or overlap."""
    different = sorted(set(entries) ^ set(described))
    if different:
        where = "header" if different[0] in described else "document"
        fail(f"array {different[0][:60]}", f"nothing about it in the {where}", "header and document to agree", _DAMAGED)
    spans = []
    for name, entry in entries.items():
        where, about = f"array {name[:60]}", described[name]
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            fail(where, "another description in the header", "dtype, shape and data_offsets", _DAMAGED)
        said = (_known_dtype(where, entry["dtype"]), _known_shape(where, entry["shape"]))
        if said != about[:2]:
            given = f"{said[0]} of shape {said[1]} in the header"
            fail(where, given, f"{about.dtype} of shape {about.shape}, as in the document", _DAMAGED)
        offsets = entry["data_offsets"]
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(offset) is int for offset in offsets):
            fail(where, f"offsets {str(offsets)[:60]}", "where its bytes begin and end", _DAMAGED)
        spans.append((*offsets, math.prod(about.shape) * about.dtype.itemsize, name))
    end = 0
    for start, stop, needed, name in sorted(spans):
        if start != end or stop - start != needed:
            given = f"bytes {str(start)[:40]} to {str(stop)[:40]}"
            fail(f"array {name[:60]}", given, f"{needed} bytes from {end} on", _DAMAGED)
        end = stop
    if end != available:
        fail("the file", f"{available} bytes of arrays", f"{end}", _DAMAGED)
