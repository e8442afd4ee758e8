"""The model file: a trained network saved as one `.safetensors` file, and loaded without trusting it."""

import os
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxnn.checks import fail
from jaxnn.data.pixels import Pixels
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.data.tokenisers import Bytes, Characters
from jaxnn.encoding import by_class_name, decode, encode, shortened
from jaxnn.files import write_atomically
from jaxnn.layers.base import Layer
from jaxnn.model import Model, compare_arrays, named_arrays, shapes_for
from jaxnn.tensorfile import DTYPES, opened, pack
from jaxnn.train.run import Run
from jaxnn.version import __version__

PREPROCESSINGS: dict[str, Any] = by_class_name([Preprocessing, Characters, Bytes, Pixels])
"""Every class of what a model learnt about its data that a file may name."""

_FIELDS = {"architecture", "example", "jax", "jaxnn", "loss", "preprocessing", "task"}
_EXAMPLE_DTYPES = {str(dtype): dtype for dtype in DTYPES.values()}


def save(path: str | os.PathLike[str], run: Run | Model, custom: Mapping[str, Any] | None = None) -> None:
    """Save a run or a model as one `.safetensors` file that holds all that is needed to use it.

    The file is written whole or not at all; equal models are equal bytes.

    Args:
        path: the file, such as "digits.safetensors"; its folder exists.
        run: a finished run, or a model.
        custom: names for layers and functions of your own; what is not in it is saved under its `__name__`, or its
            type's, and `load` must be given it under that name.

    Raises:
        JaxnnError: if the file cannot be written, something cannot be saved, or two objects of your own have one name.

    >>> import tempfile
    >>> import jaxnn as nn
    >>> x = np.array([[0.0], [1.0]], np.float32)
    >>> run = nn.fit(nn.Chain(nn.Dense(1)), (x, x), nn.losses.squared_error, epochs=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/line.safetensors", run)
    ...     model = load(f"{folder}/line.safetensors")
    >>> model.net == run.net, bool((model.logits(x) == run.logits(x)).all())
    (True, True)
    """
    write_atomically(path, to_bytes(run, custom))


def to_bytes(run: Run | Model, custom: Mapping[str, Any] | None = None) -> bytes:
    """Return what `save` writes.

    Args:
        run, custom: as for `save`.

    Returns:
        The content of the model file.

    Raises:
        JaxnnError: if something cannot be saved, or two objects of your own have one name.
    """
    model = run if isinstance(run, Model) else Model.of(run)
    learnt = model.preprocessing
    fields = None if learnt is None else {"type": type(learnt).__name__, "fields": learnt.to_json()}
    document = encode({"architecture": model.net, "loss": model.loss}, custom) | {
        "example": {"shape": list(model.example.shape), "dtype": str(np.dtype(model.example.dtype))},
        "jax": jax.__version__, "jaxnn": __version__, "preprocessing": fields, "task": model.task,
    }  # fmt: skip
    arrays = named_arrays(model.params, model.state)
    return pack(document, {name: jax.device_get(array) for name, array in arrays.items()})


def load(path: str | os.PathLike[str], custom: Mapping[str, Any] | None = None) -> Model:
    """Load a model that `save` wrote, checking every bit of it before use; the file may come from anyone.

    Nothing that the file names is imported or run, and no memory is taken for a size that the file does not have.

    Args:
        path: the file.
        custom: the layers and functions of your own that the model was trained with, by their names.

    Returns:
        The model; its network is equal to the one saved, its weights have the same bits.

    Raises:
        JaxnnError: naming file and place, if it is no model file, of a later format, damaged, names a layer that this
            jaxnn does not have, or has arrays that do not match its architecture.

    >>> load("no/such.safetensors")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: no/such.safetensors: got no such file; needed a model file. Check the path.
    """
    with opened(path, "a model file") as file:
        known = _decoded(file.document, custom)
        params, state = shapes_for(known["net"], known["example"])[0]
        shapes = named_arrays(params, state)
        given = {name: jax.ShapeDtypeStruct(about.shape, about.dtype) for name, about in file.described.items()}
        compare_arrays(given, shapes)
        arrays = file.arrays()
        # device_put compiles nothing; jnp.asarray would compile a program for each shape
        leaves = jax.device_put([arrays[name] for name in shapes])
        params, state = jax.tree.unflatten(jax.tree.structure((params, state)), leaves)
        return Model(params=params, state=state, **known)


def _decoded(document: dict[str, Any], custom: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields of a model, but for its weights, from the document of a file."""
    if set(document) != _FIELDS:
        fail("document", shortened(sorted(document)), f"the fields {', '.join(sorted(_FIELDS))}")
    for name in ("jax", "jaxnn"):
        if not isinstance(document[name], str):
            fail(name, shortened(document[name]), "a version")
    made = decode({name: document[name] for name in ("architecture", "loss")}, custom)
    if not isinstance(made["architecture"], Layer):
        fail("architecture", shortened(made["architecture"]), "a layer")
    preprocessing = document["preprocessing"]
    if preprocessing is not None:
        kinds = ", ".join(PREPROCESSINGS)
        if not isinstance(preprocessing, dict) or set(preprocessing) != {"type", "fields"}:
            fail("preprocessing", shortened(preprocessing), f"a type ({kinds}) and its fields")
        kind = preprocessing["type"]
        if not isinstance(kind, str) or kind not in PREPROCESSINGS:
            fail("preprocessing.type", shortened(kind), f"one of {kinds}", "Load it with the jaxnn that saved it")
        preprocessing = PREPROCESSINGS[kind].from_json(preprocessing["fields"])
    return {
        "net": made["architecture"], "loss": made["loss"], "example": _decoded_example(document["example"]),
        "task": document["task"], "preprocessing": preprocessing,
    }  # fmt: skip


def _decoded_example(example: Any) -> jax.ShapeDtypeStruct:
    if not isinstance(example, dict) or set(example) != {"dtype", "shape"}:
        fail("example", shortened(example), "its dtype and shape")
    shape, dtype = example["shape"], example["dtype"]
    if not isinstance(dtype, str) or dtype not in _EXAMPLE_DTYPES:
        fail("example.dtype", shortened(dtype), f"one of {', '.join(_EXAMPLE_DTYPES)}")
    small = isinstance(shape, list) and len(shape) <= 32
    if not small or not all(type(length) is int and 0 <= length < 2**63 for length in shape):
        fail("example.shape", shortened(shape), "the lengths of its axes")
    return jax.ShapeDtypeStruct(tuple(shape), _EXAMPLE_DTYPES[dtype])
