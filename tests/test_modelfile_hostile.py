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
from forging import IRIS, forged, made_model, refuse, saved
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
    "fewer columns": lambda header, document: document["preprocessing"]["fields"].update(columns=["a"]),
    "a scale of 0": lambda header, document: document["preprocessing"]["fields"].update(scales=[0.0, 1.0, 1.0]),
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
    assert refuse(path, forged(iris, put(format=2))).startswith(
        f"{path}: document: got format version 2; needed version 1"
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
