import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

import forging
from jaxnn import tensorfile
from jaxnn.checks import JaxnnError
from jaxnn.tensorfile import DTYPES, opened, pack, parse

ARRAYS = {"a.kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(2.5), "c": np.zeros((0, 3), np.int32)}
GOOD = pack({"about": "two lines"}, ARRAYS)
TERABYTE = 2**40


def read(path, data):
    path.unlink(missing_ok=True)  # ten times faster than writing over it, which some file systems flush to the disk
    path.write_bytes(data)
    with opened(path, "a test file") as file:
        return file.document, file.arrays()


def refuse(path, data, words=""):
    with pytest.raises(JaxnnError) as caught:
        read(path, data)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < 1000
    assert words in message
    return message


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 1)])
def test_every_dtype_and_shape_comes_back(path, dtype, shape):
    array = (np.arange(np.prod(shape, dtype=int)) % 2).reshape(shape).astype(dtype)
    _, back = read(path, pack({}, {"x": array}))
    assert (back["x"].dtype, back["x"].shape, back["x"].tobytes()) == (dtype, shape, array.tobytes())
    assert not back["x"].flags.writeable


def test_layout_in_memory_makes_no_difference(path):
    array = np.arange(6.0).reshape(2, 3)
    versions = [array, np.asfortranarray(array), array.astype(">f8"), np.repeat(array, 2, axis=1)[:, ::2]]
    assert len({pack({}, {"x": version}) for version in versions}) == 1


def test_values_that_are_no_numbers_keep_their_bits(path):
    bits = np.array([0x7FC00001, 0xFFC00000, 0x7F800000, 0x80000000, 1], np.uint32)
    _, back = read(path, pack({}, {"x": bits.view(np.float32)}))
    assert back["x"].view(np.uint32).tolist() == bits.tolist()


def test_the_document_comes_back(path):
    document = {
        "text": 'ü\ud800\n"',
        "numbers": [0.1, -0.0, 5e-324, 2**60],
        "nothing": None,
        "nested": {"b": {}, "a": [[]]},
    }
    assert read(path, pack(document, {}))[0] == document


def test_the_order_of_names_makes_no_difference():
    turned = dict(reversed(ARRAYS.items()))
    assert pack({"a": 1, "b": {"c": 2, "d": 3}}, ARRAYS) == pack({"b": {"d": 3, "c": 2}, "a": 1}, turned)


def test_any_reader_of_safetensors_reads_it(path):
    path.write_bytes(GOOD)
    read_by_library = safetensors.numpy.load_file(path)
    assert {name: array.tolist() for name, array in read_by_library.items()} == {
        n: a.tolist() for n, a in ARRAYS.items()
    }
    with safetensors.safe_open(path, "np") as file:
        metadata = file.metadata()
    assert list(metadata) == ["jaxnn"]
    digest, text = metadata["jaxnn"].split("\n")
    assert tensorfile.sha256_hex(text.encode()) == digest
    assert json.loads(text)["format"] == 2


def test_what_cannot_be_stored_is_refused():
    for array in (np.array(["text"]), np.zeros(1, complex), jax.random.key(0)):
        with pytest.raises(JaxnnError, match=r"array x: got dtype .*; needed one of bool, int8"):
            pack({}, {"x": array})
    with pytest.raises(JaxnnError, match="finite"):
        pack({"x": float("nan")}, {})


def test_a_header_too_long_to_load_is_not_written(monkeypatch):
    monkeypatch.setattr(tensorfile, "_HEADER_LIMIT", 500)
    with pytest.raises(JaxnnError, match="at most 500"):
        pack({"columns": ["x" * 500]}, {})


def test_truncation_at_every_byte(path):
    for length in range(len(GOOD)):
        refuse(path, GOOD[:length])


def test_appended_bytes(path):
    for more in (b"\0", b" ", b"x" * 100, GOOD):
        refuse(path, GOOD + more, "bytes of arrays")


def test_every_bit_of_the_file(path):
    # not drawn but all of them: the file is small
    for bit in range(8 * len(GOOD)):
        flipped = bytearray(GOOD)
        flipped[bit // 8] ^= 1 << bit % 8
        refuse(path, flipped)


def test_other_files_under_our_extension(path):
    import pickle

    class Bomb:
        def __reduce__(self):
            return os.system, (f"touch {path.parent}/owned",)

    plain = safetensors.numpy.save(ARRAYS)
    foreign = safetensors.numpy.save(ARRAYS, metadata={"format": "pt"})
    for data in (b"", b"\0" * 8, b"{}", pickle.dumps(Bomb()), b"PK\3\4" + bytes(100), bytes(1000), b"\xff" * 1000):
        refuse(path, data)
    for data in (plain, foreign):
        refuse(path, data, "without the key 'jaxnn'; needed a test file that jaxnn wrote")
    assert os.listdir(path.parent) == [path.name]


def edited(**edits):
    """A forged file with other entries for array `a.kernel` in the header and (under about_) in the document."""

    def edit(header, document):
        for name, value in edits.items():
            if name.startswith("about_"):
                document["arrays"]["a.kernel"][name[6:]] = value
            else:
                header["a.kernel"][name] = value

    return forging.forged(GOOD, edit)


def test_the_forge_itself_makes_files_that_are_read(path):
    assert read(path, forging.forged(GOOD, lambda header, document: None))[0] == {"about": "two lines"}


BAD_SHAPES = {
    "terabyte": [TERABYTE // 4],
    "negative": [-2, -3],
    "overflowing to the right size": [2**63 + 3, 2],
    "beyond any machine": [10**18, 10**18, 10**18],
    "no whole number": [2.0, 3],
    "a Boolean": [True, 6],
    "text": "6",
    "a thousand axes": [1] * 1000 + [6],
    "nothing": None,
}


@pytest.mark.parametrize("name", BAD_SHAPES)
def test_declared_shapes(path, name):
    shape = BAD_SHAPES[name]
    refuse(path, edited(shape=shape), "a.kernel")
    refuse(path, edited(about_shape=shape), "a.kernel")
    refuse(path, edited(shape=shape, about_shape=shape), "a.kernel")
    refuse(path, edited(shape=shape, about_shape=shape, data_offsets=[0, 4 * TERABYTE]))


def test_declared_offsets(path):
    start, stop = forging.parts(GOOD)[0]["a.kernel"]["data_offsets"]
    for offsets in (
        [start, stop + 4], [start - 4, stop], [stop, start], [start, stop, stop], [-24, 0], [2**64, 2**64 + 24],
        [0.0, 24], [True, 25], "0,24", None, [10**4000, 10**4000 + 24],
    ):  # fmt: skip
        refuse(path, edited(data_offsets=offsets), "array ")
    both = {"b": {"dtype": "F64", "shape": [], "data_offsets": [start, start + 8]}}  # inside the other
    refuse(path, forging.forged(GOOD, lambda header, document: header.update(both)))


def test_declared_dtypes(path):
    for dtype in ("I32", "F64", "float32", "O", "os.system", None, 1, ["F32"]):
        refuse(path, edited(dtype=dtype), "a.kernel")
        refuse(path, edited(about_dtype=dtype), "a.kernel")
    # of the same size everywhere: the bits are right, so it is another file, and a good one
    assert read(path, edited(dtype="I32", about_dtype="I32"))[1]["a.kernel"].dtype == np.int32


def test_hashes_name_the_array(path):
    for digest in ("0" * 64, "", None, 5, TERABYTE):
        refuse(path, edited(about_sha256=digest), "a.kernel")


def test_headers_and_documents_that_disagree(path):
    edits = [
        lambda header, document: header.pop("b") and None,
        lambda header, document: document["arrays"].pop("b") and None,
        lambda header, document: header["b"].update(more=1),
        lambda header, document: document["arrays"]["b"].update(more=1),
        lambda header, document: header.update(b=[1]),
        lambda header, document: document["arrays"].update(b=[1]),
        lambda header, document: header.update({"../../etc/passwd": header.pop("b")}),
        lambda header, document: document.update(arrays=[]),
        lambda header, document: document.pop("arrays") and None,
        lambda header, document: "[]",
        lambda header, document: "3",
        lambda header, document: " ",
        lambda header, document: '{"format": NaN}',
        lambda header, document: '{"format": 1e999}',
        lambda header, document: '{"format": 1' + "0" * 5000 + "}",
    ]
    for edit in edits:
        refuse(path, forging.forged(GOOD, edit))


def test_other_versions_of_the_format(path):
    assert refuse(path, forging.forged(GOOD, lambda header, document: document.update(format=3))).endswith(
        "document: got format version 3; needed version 2. Read it with the jaxnn that wrote it, or train again."
    )
    for version in (0, True, 1.0, "1", None, [1]):
        refuse(
            path, forging.forged(GOOD, lambda header, document, v=version: document.update(format=v)), "format version"
        )
    refuse(path, forging.forged(GOOD, lambda header, document: document.pop("format") and None), "no format version")


def test_one_key_of_metadata(path):
    header, document, body = forging.parts(GOOD)
    text = json.dumps(document)
    value = f"{tensorfile.sha256_hex(text.encode())}\n{text}"
    assert read(path, forging.assemble(header, document, body, {"jaxnn": value}))
    for metadata in ({"jaxnn": value, "more": ""}, {"more": value}, {}, [], {"jaxnn": 1}, {"jaxnn": value.upper()}):
        refuse(path, forging.assemble(header, document, body, metadata), "metadata")


def test_a_key_that_is_there_twice(path):
    header, document, body = forging.parts(GOOD)
    twice = json.dumps(document)[:-1] + ', "about": "three lines"}'
    refuse(path, forging.assemble(header, twice, body), "document: got the key 'about' twice")
    good = forging.assemble(header, document, body)[8:].removesuffix(body).decode()
    for text in (
        good[:-1] + ', "b": {"dtype": "F64", "shape": [], "data_offsets": [0, 8]}}',
        good.replace('"dtype": "F64"', '"dtype": "F64", "dtype": "F64"', 1),
        good[:-1] + ', "__metadata__": {"jaxnn": ""}}',
    ):
        refuse(path, forging.assemble(text, document, body), "twice; needed each key once")


def test_many_keys_twice_take_no_long_time():
    # a search through all keys for each would take hours
    text = "{" + ",".join(f'"{i}":0' for i in [*range(200_000), 199_999]) + "}"
    with pytest.raises(JaxnnError, match="the key '199999' twice"):
        parse("it", text)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "[-1e999]", '{"a": NaN}'])
def test_numbers_are_finite(text):
    with pytest.raises(JaxnnError, match="needed finite numbers"):
        parse("it", text)


@pytest.mark.parametrize("open_close", ["[]", ['{"a":', "}"]])
def test_deep_nesting(path, open_close):
    header, _, body = forging.parts(GOOD)
    deep = open_close[0] * 100_000 + "1" + open_close[1] * 100_000
    refuse(path, forging.assemble(header, deep, body), "document: got JSON nested too deeply")
    refuse(path, forging.assemble(deep, "{}", body), "header: got JSON nested too deeply")


def test_headers_longer_than_the_file_or_the_limit(path, monkeypatch):
    for length in (len(GOOD) - 7, 2**32, TERABYTE, 2**63, 2**64 - 1):
        refuse(path, length.to_bytes(8, "little") + GOOD[8:], f"a header of {length} bytes in a file of {len(GOOD)}")
    monkeypatch.setattr(tensorfile, "_HEADER_LIMIT", 100)
    refuse(path, GOOD, "a header of")


def test_a_boolean_is_0_or_1(path):
    good = pack({}, {"x": np.array([True, False])})
    header, document, _ = forging.parts(good)
    document["arrays"]["x"]["sha256"] = tensorfile.sha256_hex(b"\1\2")
    refuse(path, forging.assemble(header, document, b"\1\2"), "array x: got the byte 2 as a Boolean")


def test_what_a_file_says_cannot_write_to_the_terminal(path):
    message = refuse(path, forging.forged(GOOD, lambda header, document: header.update({"\x1b]0;owned\x07\n": {}})))
    assert r"\x1b]0;owned\x07\n" in message
    assert message.isprintable()


def noted():
    error = JaxnnError("no layer.")
    error.add_note("in dense_0")
    raise error


def test_errors_of_the_caller_name_the_file(path):
    path.write_bytes(GOOD)
    with pytest.raises(JaxnnError, match=rf"^{path}: no layer. in dense_0$"), opened(path, "a test file"):
        noted()
    with pytest.raises(ZeroDivisionError), opened(path, "a test file"):
        raise ZeroDivisionError


def test_a_sparse_terabyte_is_refused_without_reading_it(path):
    # the file has the size that it declares, so that only what is looked at first keeps memory small
    def edit(header, document):
        header["d"] = {"dtype": "U8", "shape": [TERABYTE], "data_offsets": [32, 32 + TERABYTE]}
        document["arrays"]["d"] = {"dtype": "U8", "shape": [TERABYTE], "sha256": "0" * 64}

    path.write_bytes(forging.forged(GOOD, edit))
    head = len(path.read_bytes()) - len(forging.parts(GOOD)[2])
    os.truncate(path, head + 32 + TERABYTE)
    code = f"""
import resource, numpy
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
from jaxnn.checks import JaxnnError
from jaxnn.tensorfile import opened
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with opened({str(path)!r}, "a test file") as file:
    print(file.described["d"].shape)  # before any array is read
    try:
        file.arrays()
    except MemoryError:
        print("no memory")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[:3] == [f"({TERABYTE},)", "no memory", "True"], done.stderr


def test_random_keys_are_stored_as_their_words(path):
    words = np.asarray(jax.random.key_data(jax.random.key(3)))
    _, back = read(path, pack({}, {"key": words}))
    assert jnp.array_equal(jax.random.key_data(jax.random.wrap_key_data(back["key"])), words)
