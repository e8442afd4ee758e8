"""Model files that nobody saved: taken apart, changed, and put together again with hashes that agree."""

import copy
import hashlib
import json

import jax
import numpy as np
import pytest

import jaxnn as nn
from columns import EVERY_KIND, UNUSED, numerics
from jaxnn import losses
from jaxnn.checks import JaxnnError
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.model import Model, shapes_for
from jaxnn.modelfile import load, save


def parts(data):
    """The header without metadata, the document, and the bytes of the arrays of a good file."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    text = header.pop("__metadata__")["jaxnn"].partition("\n")[2]
    return header, json.loads(text), data[8 + length :]


def assemble(header, document, body, metadata=None):
    """A file of these parts, with the SHA-256 of its document; header and document may be texts."""
    text = document if isinstance(document, str) else json.dumps(document, sort_keys=True)
    value = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() + "\n" + text
    if not isinstance(header, str):
        header = json.dumps({"__metadata__": {"jaxnn": value} if metadata is None else metadata} | header)
    raw = header.encode()
    return len(raw).to_bytes(8, "little") + raw + body


def forged(data, edit):
    """The file after `edit(header, document)` changed them in place, or returned a document to take instead."""
    header, document, body = parts(data)
    header, document = copy.deepcopy(header), copy.deepcopy(document)
    document = edit(header, document) or document
    return assemble(header, document, body)


def made_model(net, shape=(3,), loss=losses.squared_error, dtype=np.float32, **fields):
    """A model with random weights, without compiling anything."""
    example = jax.ShapeDtypeStruct(shape, np.dtype(dtype))
    rng = np.random.default_rng(7)
    (params, state), _ = shapes_for(net, example)
    params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(leaf.dtype), params)
    state = jax.tree.map(lambda leaf: np.full(leaf.shape, 0.25, leaf.dtype), state)
    return Model(net, params, state, example, loss, **fields)


def iris_like():
    """What is learnt from three columns and three classes; numbers that no short decimal equals."""
    means, scales = (0.1, 1 / 3, -2e-300), (1e-5, 7.0, 1.1)
    columns = numerics(("sepal width", "Länge", "c"), means, scales)
    return Preprocessing(columns, classes=("setosa", "virginica", "x"), target_name="species")


IRIS = made_model(
    nn.models.mlp((4,), 3, dropout=0.1), task="classification", loss=losses.softmax_cross_entropy,
    preprocessing=iris_like(),
)  # fmt: skip
"""A small model of three numbers."""

PEOPLE = made_model(
    nn.models.mlp((4,), 1), (12,), task="regression",
    preprocessing=Preprocessing(EVERY_KIND, UNUSED, None, "Preis (€)", 0.1, 1 / 3, True),
)  # fmt: skip
"""One with a column of every kind, and some that are not used."""


def saved(model, path, custom=None):
    """The bytes of the file of a model."""
    save(path, model, custom)
    return path.read_bytes()


def refuse(path, data, words="", custom=None):
    """The message of the error with which a file of these bytes is refused."""
    path.unlink(missing_ok=True)  # quicker than writing over it
    path.write_bytes(data)
    with pytest.raises(JaxnnError) as caught:
        load(path, custom)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < 1000
    assert words in message
    return message
