"""Model files that are damaged, or made to do harm: all refused, with our own error, in little memory."""

import contextlib
import json
import os
import pickle
import subprocess
import sys

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies as st

import forging
import jaxnn as nn
from configurations import HOSTILE
from forging import IRIS, PEOPLE, forged, made_model, refuse, saved
from jaxnn import losses
from jaxnn.checks import JaxnnError
from jaxnn.modelfile import load, save

TERABYTE = 2**40


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """The bytes of a small model."""
    return saved(IRIS, tmp_path_factory.mktemp("iris") / "iris.safetensors")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_single_bit_flips(path, iris):
    """1,000 flips, uniform over all bits; none may load, whatever the weights would then be."""
    for bit in np.random.default_rng(0).choice(8 * len(iris), 1000, replace=False):
        flipped = bytearray(iris)
        flipped[bit // 8] ^= 1 << bit % 8
        refuse(path, flipped)


def test_a_flipped_bit_names_its_array(path, iris):
    header, _, body = forging.parts(iris)
    start = len(iris) - len(body)
    rng = np.random.default_rng(1)
    for name, entry in header.items():
        first, last = (8 * (start + offset) for offset in entry["data_offsets"])
        for bit in {first, last - 1, *rng.integers(first, last, 8).tolist()}:
            flipped = bytearray(iris)
            flipped[bit // 8] ^= 1 << bit % 8
            words = "got other bits than were saved; needed those of its SHA-256. The file is damaged: restore it"
            refuse(path, flipped, f"array {name}: {words}")


def test_truncation(path, iris):
    for i in range(64):
        refuse(path, iris[: len(iris) * i // 64], "restore it from a copy")


def test_appended_bytes(path, iris):
    for more in (b"\0", b" ", iris):
        refuse(path, iris + more, "The file is damaged")


def put(**fields):
    def edit(header, document):
        document.update(fields)

    return edit


WRONG = {
    "example no object": put(example=[3]),
    "example shape negative": put(example={"shape": [-3], "dtype": "float32"}),
    "example shape huge": put(example={"shape": [10**18], "dtype": "float32"}),
    "example shape beyond 64 bits": put(example={"shape": [10**30], "dtype": "float32"}),
    "example shape of text": put(example={"shape": ["3"], "dtype": "float32"}),
    "example of many axes": put(example={"shape": [1] * 100, "dtype": "float32"}),
    "example of no axis": put(example={"shape": [], "dtype": "float32"}),
    "example dtype": put(example={"shape": [3], "dtype": "object"}),
    "example dtype no text": put(example={"shape": [3], "dtype": ["float32"]}),
    "example dtype complex": put(example={"shape": [3], "dtype": "complex64"}),
    "task": put(task="os.system"),
    "task no text": put(task=["classification"]),
    "task that does not fit": put(task="regression"),
    "versions": put(jax=3),
    "versions of jaxnn": put(jaxnn=None),
    "a field too many": put(callback="os.system"),
    "a field missing": lambda header, document: document.pop("loss") and None,
    "preprocessing a list": put(preprocessing=[]),
    "preprocessing of another type": put(preprocessing={"type": "os", "fields": {}}),
    "preprocessing without fields": put(preprocessing={"type": "Preprocessing", "more": 1}),
    "preprocessing empty": put(preprocessing={"type": "Preprocessing", "fields": {}}),
    "fewer columns": lambda header, document: document["preprocessing"]["fields"]["columns"].pop() and None,
    "a scale of 0": lambda header, document: document["preprocessing"]["fields"]["columns"][0].update(scale=0.0),
    "fewer classes": lambda header, document: document["preprocessing"]["fields"].update(classes=["a", "b"]),
    "architecture nothing": put(architecture=None),
    "architecture a function": put(architecture={"function": "relu"}),
    "architecture a loss": put(architecture={"type": "Huber", "fields": {"delta": 1.0}}),
    "architecture another": put(architecture={"type": "Flatten", "fields": {"rank": 1}}),
    "architecture empty": put(architecture={"type": "Chain", "fields": {"layers": []}}),
    "loss nothing": put(loss=None),
    "loss a number": put(loss=1),
    "loss a layer": put(loss={"type": "Flatten", "fields": {"rank": 1}}),
    "a float that is no float": put(jaxnn=0.1),
}


@pytest.mark.parametrize("name", WRONG)
def test_documents_that_make_no_model(path, iris, name):
    refuse(path, forged(iris, WRONG[name]))


PRICE, SIZE, SCRIPT, DAY, ID = range(5)

# the column of PEOPLE, what it says instead, and the refusal
COLUMNS = {
    "unknown kind": (PRICE, {"kind": "os.system"}, "got the kind 'os.system'; needed one of Numeric, Levels"),
    "kind of another column": (PRICE, {"kind": "Levels"}, "needed the fields of Levels: name, levels, center"),
    "kind no text": (PRICE, {"kind": ["Numeric"]}, "got the kind ['Numeric']"),
    "a field too many": (ID, {"path": "/etc"}, "needed the fields of Dropped: name, label, why"),
    "name no text": (PRICE, {"name": 3}, "column 3: name: got 3; needed text"),
    "name a list": (PRICE, {"name": ["a"]}, "name: got"),
    "name half a letter": (PRICE, {"name": "\ud800"}, "name: got '\\ud800'; needed text that UTF-8 can encode"),
    "a name twice": (SIZE, {"name": "price"}, "got a name more than once"),
    "a name twice, once unused": (ID, {"name": "price"}, "got a name more than once"),
    "center NaN": (PRICE, {"center": float("nan")}, "got NaN; needed finite numbers"),
    "center text": (PRICE, {"center": "1"}, "got '1'; needed a finite number"),
    "center nothing": (PRICE, {"center": None}, "got None"),
    "center true": (PRICE, {"center": True}, "got True"),
    "center a list": (PRICE, {"center": [1.0]}, "got (1.0,)"),
    "center beyond float64": (PRICE, {"center": 10**400}, "got 1000"),
    "scale negative": (PRICE, {"scale": -1.0}, "got -1.0; needed a positive number"),
    "scale 0": (SIZE, {"scale": 0}, "got 0.0; needed a positive number"),
    "scale infinite": (PRICE, {"scale": float("inf")}, "got Infinity"),
    "share above 1": (SCRIPT, {"other": 1.5}, "got 1.5; needed a share from 0 to 1"),
    "share below 0": (PRICE, {"missing": -0.5}, "got -0.5; needed a share"),
    "one input fewer": (PRICE, {"missing": 0.0}, "got 11 inputs for examples of shape (12,)"),
    "unknown style": (PRICE, {"style": "roman"}, "got 'roman'; needed a known way to write numbers"),
    "style a list": (PRICE, {"style": ["plain"]}, "style: got"),
    "no levels": (SIZE, {"levels": []}, "got no names"),
    "levels twice": (SIZE, {"levels": ["s", "s"]}, "more than once"),
    "levels a word": (SIZE, {"levels": "sml"}, "needed a tuple"),
    "levels of numbers": (SIZE, {"levels": [1, 2, 3]}, "got 1; needed text"),
    "levels of lists": (SIZE, {"levels": [["s"], ["m"]]}, "needed text"),
    "category half a letter": (SCRIPT, {"categories": ["a", "\udfff", "b"]}, "got '\\udfff'"),
    "category a Boolean": (SCRIPT, {"categories": ["a", True, "b"]}, "got True; needed text"),
    "a million categories": (SCRIPT, {"categories": [str(i) for i in range(10**6)]}, "got 1000009 inputs"),
    "unknown date format": (DAY, {"form": "%Y%"}, "got a date of unknown format or parts"),
    "unknown part": (DAY, {"parts": ["year", "century"]}, "got a date of unknown format or parts"),
    "no part": (DAY, {"parts": [], "centers": [], "scales": []}, "unknown format or parts"),
    "a part twice": (DAY, {"parts": ["year", "year"]}, "got a date of unknown format or parts"),
    "fewer centers": (DAY, {"centers": [1.0]}, "got a date of unknown format or parts"),
    "fewer scales": (DAY, {"scales": [1.0]}, "got a date of unknown format or parts"),
    "a scale among several": (DAY, {"scales": [1.0, 0.0]}, "got 0.0; needed a positive number"),
    "a center among several": (DAY, {"centers": [1.0, None]}, "got None"),
    "robust no Boolean": (PRICE, {"robust": 1}, "got 1; needed true or false"),
    "a label": (PRICE, {"label": 7}, "got 7; needed text"),
}  # fmt: skip


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """The bytes of a small model with columns of every kind."""
    return saved(PEOPLE, tmp_path_factory.mktemp("people") / "people.safetensors")


@pytest.mark.parametrize("name", COLUMNS)
def test_hostile_columns(path, people, name):
    position, fields, words = COLUMNS[name]

    def edit(header, document):
        document["preprocessing"]["fields"]["columns"][position].update(fields)

    refuse(path, forged(people, edit), words)


@pytest.mark.parametrize("given", [None, 3, "Numeric", [], {}, {"kind": "Numeric"}, [["Numeric"]]])
def test_columns_that_are_none(path, people, given):
    def edit(header, document):
        document["preprocessing"]["fields"]["columns"][0] = given

    refuse(path, forged(people, edit), "preprocessing.columns: got")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_architectures_and_losses(path, iris, name):
    refuse(path, forged(iris, put(architecture=HOSTILE[name])))
    refuse(path, forged(iris, put(loss=HOSTILE[name])))


def test_the_messages_say_what_and_where(path, iris):
    unknown = {"type": "Conv9", "fields": {}}
    assert refuse(path, forged(iris, put(architecture=unknown))) == (
        f"{path}: architecture.type: got 'Conv9'; needed the name of a class that this jaxnn has. "
        "Load it with the jaxnn that saved it, or a newer one."
    )
    for other in (None, 3, {"function": "relu"}, {"type": "Huber", "fields": {"delta": 1.0}}):
        assert refuse(path, forged(iris, put(architecture=other))).endswith("; needed a layer.")
    assert refuse(path, forged(iris, put(format=3))).startswith(
        f"{path}: document: got format version 3; needed version 2"
    )
    path.unlink()
    with pytest.raises(JaxnnError, match="got no such file; needed a model file"):
        load(path)


def with_features(features):
    """The first layer made that wide, in the architecture alone or in the arrays too."""

    def architecture(header, document):
        document["architecture"]["fields"]["layers"][0][1]["fields"]["features"] = features

    def both(header, document):
        architecture(header, document)
        size = 12 * features
        document["arrays"]["params.dense_0.kernel"]["shape"] = [3, features]
        first = header["params.dense_0.kernel"]["data_offsets"][0]
        header["params.dense_0.kernel"].update(shape=[3, features], data_offsets=[first, first + size])

    return architecture, both


@pytest.mark.parametrize("features", [TERABYTE // 12, 10**18, 2**62, 2**63 - 1, 2**64, 10**30, 10**400])
def test_declared_sizes(path, iris, features):
    for edit in with_features(features):
        refuse(path, forged(iris, edit))


def test_deep_networks_and_documents(path, iris):
    header, document, body = forging.parts(iris)
    deep = "[" * 100_000 + "]" * 100_000
    refuse(path, forging.assemble(header, json.dumps(document)[:-1] + f', "z": {deep}}}', body), "nested too deeply")
    nested = document["architecture"]
    for _ in range(15):
        nested = {"type": "Chain", "fields": {"layers": [["a", nested]]}}
    refuse(path, forged(iris, put(architecture=nested)), "array params.")
    for _ in range(60):
        nested = {"type": "Chain", "fields": {"layers": [["a", nested]]}}
    refuse(path, forged(iris, put(architecture=nested)), "levels of nesting")


def test_a_pickle_is_not_opened(path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(path.parent / "owned"),)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        refuse(path, pickle.dumps(Bomb(), protocol))
    assert os.listdir(path.parent) == [path.name]


def test_memory_stays_small_whatever_is_declared(path, iris):
    """Hostile files one after another in a process that may have 4 GB and must not use 100 MB for them."""
    files = []
    for features in (TERABYTE // 12, 10**18, 2**63 - 1):
        files += [forged(iris, edit) for edit in with_features(features)]
    files.append((TERABYTE).to_bytes(8, "little") + iris[8:])
    for i, data in enumerate(files):
        (path.parent / f"{i}.safetensors").write_bytes(data)
    # and one that has the size that it declares: a terabyte of nothing, and an architecture to match
    model = made_model(nn.Dense(1, use_bias=False), (1,), losses.squared_error)
    size = 2**38

    def widen(header, document):
        document["architecture"]["fields"]["features"] = size
        document["arrays"]["params.kernel"]["shape"] = [1, size]
        header["params.kernel"].update(shape=[1, size], data_offsets=[0, 4 * size])

    sparse = path.parent / f"{len(files)}.safetensors"
    sparse.write_bytes(forged(saved(model, path), widen))
    os.truncate(sparse, sparse.stat().st_size - 4 + 4 * size)
    path.write_bytes(iris)
    code = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
from jaxnn.checks import JaxnnError
from jaxnn.modelfile import load
load({str(path)!r}).predict([[0.1, 0.2, 0.3]])
before, modules = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, set(sys.modules)
for i in range({len(files) + 1}):
    try:
        load(f"{path.parent}/{{i}}.safetensors")
    except JaxnnError as error:
        print("refused" if "fit into memory" not in str(error) else "too large")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, set(sys.modules) - modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[:-1] == ["refused"] * len(files) + ["too large", "True set()"], done.stderr


def test_nothing_is_compiled_by_loading(path, caplog):
    save(path, made_model(nn.models.mlp((41, 43), 47, dropout=0.1), loss=losses.softmax_cross_entropy))  # new shapes
    with jax.log_compiles(True):
        load(path)
        assert [record for record in caplog.records if "ompil" in record.getMessage()] == []
        jax.numpy.ones((41, 43)) + 1
    assert [record for record in caplog.records if "ompil" in record.getMessage()] != []


MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "insert", "repeat", "number"]), st.floats(0, 1), st.integers(0, 255)),
    min_size=1, max_size=4,
)  # fmt: skip


def mutated(data, mutations):
    for kind, share, byte in mutations:
        at = int(share * max(len(data) - 1, 0))
        if kind == "flip":
            data = data[:at] + bytes([data[at] ^ (byte or 1)]) + data[at + 1 :] if data else data
        elif kind == "cut":
            data = data[:at] + data[at + byte :]
        elif kind == "insert":
            data = data[:at] + bytes([byte]) + data[at:]
        elif kind == "repeat":
            data = data[:at] + data[at : at + byte] * 2 + data[at + byte :]
        else:
            data = data[:at] + b"9" * (byte + 1) + data[at:]
    return data


@hypothesis.given(mutations=MUTATIONS, inside=st.booleans())
@hypothesis.settings(max_examples=300, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_mutated_files_raise_our_error_or_are_the_file(path, iris, mutations, inside):
    header, document, body = forging.parts(iris)
    if inside:  # mutate the document, and let its SHA-256 agree
        text = mutated(json.dumps(document).encode(), mutations).decode("utf-8", "replace")
        data = forging.assemble(header, text, body)
    else:
        data = mutated(iris, mutations)
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    with contextlib.suppress(JaxnnError):
        model = load(path)
        # only what nothing depends on may differ, such as the number of a version or of a mean
        assert inside or data == iris
        assert model.params["dense_0"]["kernel"].tobytes() == IRIS.params["dense_0"]["kernel"].tobytes()
