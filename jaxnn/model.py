"""A trained network, asked about new examples in the columns, classes and unit of its user."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import JaxnnError, fail, one_of
from jaxnn.layers.base import Layer, output_of
from jaxnn.losses import values_of
from jaxnn.pytypes import Params, State
from jaxnn.train.run import Run, outputs

TASKS = ("classification", "binary", "multilabel", "regression", "text")
"""What the outputs can answer: one class of K, yes or no, K times yes or no, values, the next token of a text."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with all that is needed to use it: `jaxnn.load` returns one.

    Args:
        net: the network.
        params, state: its weights.
        example: shape and dtype of one example, as the network takes it.
        loss: what it was trained with; its `on` tells what outputs are: logits, probabilities, values ...
        preprocessing: how columns become inputs, and outputs classes or values: a `Preprocessing`; of text
            its tokens: `Characters` or `Bytes`; None if the network takes examples as they are.
        task: one of `TASKS`; None (a loss of your own): `predict` returns the outputs themselves.

    Raises:
        JaxnnError: if weights, example, preprocessing or task do not fit the network.

    >>> import jaxnn as nn
    >>> net = nn.Chain(nn.Dense(1))
    >>> params = {"dense_0": {"kernel": np.array([[2.0]], np.float32), "bias": np.array([1.0], np.float32)}}
    >>> example = jax.ShapeDtypeStruct((1,), np.dtype("float32"))
    >>> Model(net, params, {}, example, nn.losses.squared_error, task="regression").predict([[3.0]]).tolist()
    [7.0]
    """

    net: Layer
    params: Params = field(repr=False)
    state: State = field(repr=False)
    example: jax.ShapeDtypeStruct
    loss: Any
    preprocessing: Any = None
    task: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.loss):
            fail("loss", repr(self.loss)[:60], "a loss, or a function of (outputs, targets)")
        weights, output = shapes_for(self.net, self.example)
        compare_arrays(named_arrays(self.params, self.state), named_arrays(*weights))
        if self.task is not None:
            one_of("task", self.task, TASKS)
        width = output.shape[-1] if output.shape else None
        if self.task is not None and (width is None or (self.task == "binary" and width != 1)):
            needed_width = "one output" if self.task == "binary" else "outputs on a last axis"
            fail("task", f"{self.task!r} and outputs of shape {output.shape}", needed_width)
        if self.preprocessing is not None:
            self.preprocessing.check(tuple(self.example.shape), self.task, width)

    @classmethod
    def of(cls, run: Run, preprocessing: Any = None, task: str | None = None) -> "Model":
        """Return the model that a run trained.

        Args:
            run: the finished run.
            preprocessing: how its examples were made from columns; None if they were not.
            task: one of `TASKS`; None for that of the preprocessing or else of the loss.

        Returns:
            The model.

        Raises:
            JaxnnError: if preprocessing or task do not fit the network.

        >>> import jaxnn as nn
        >>> x = np.array([[0.0], [1.0]], np.float32)
        >>> run = nn.fit(nn.Chain(nn.Dense(2)), (x, np.array([0, 1])), nn.losses.softmax_cross_entropy, epochs=1)
        >>> Model.of(run)
        Model(net=Chain(Dense(2)), example=ShapeDtypeStruct(shape=(1,), dtype=float32), loss=SoftmaxCrossEntropy(), \
preprocessing=None, task='classification')
        """
        if run.example is None:
            fail("run.example", "None", "shape and dtype of one example")
        if task is None:
            task = _task_of(run.loss, preprocessing, shapes_for(run.net, run.example)[1])
        return cls(run.net, run.params, run.state, run.example, run.loss, preprocessing, task)

    def logits(self, x: Any) -> np.ndarray:
        """Return the network's outputs with `train=False` for examples as the network takes them.

        Args:
            x: `(examples, ...)`, without preprocessing.

        Returns:
            `(examples, ..., outputs)`; a row's bits do not depend on the rows beside it.

        Raises:
            JaxnnError: if the examples have another shape or kind of number than those of the training.
        """
        return outputs(self.net, self.params, self.state, _network_input(self.example, x))

    def predict(self, x: Any) -> np.ndarray:
        """Return the answers for examples as the user has them.

        Args:
            x: with preprocessing the features as the user has them: a table with the columns of
                `preprocessing.columns` (of polars or pandas, or a dict of columns), or, if all are numeric, numbers
                `(rows, columns)` in that order; without it `(examples, ...)` as the network takes them.

        Returns:
            classification and binary: `(rows,)` of the user's classes, or without preprocessing their indices; the
            class with the largest output (the first of equals), or class 1 where one output is above 0 (above 0.5
            unless it is a logit). multilabel: `(rows, labels)` of 0 and 1. regression: `(rows,)`, or `(rows, outputs)`
            where there are several, in the user's unit: of log-rates their exp, of mean and log variance the mean. No
            task: the outputs themselves.

        Raises:
            JaxnnError: if the examples do not fit, or an output is NaN.
        """
        self._check_answers()
        return self.answers(self._outputs(x))

    def answers(self, outputs: Any) -> np.ndarray:
        """Return what outputs of the network mean; see `predict`.

        Args:
            outputs: `(examples, ..., outputs)`, from `logits`.

        Returns:
            The answers of `predict`.

        Raises:
            JaxnnError: if an output is NaN.
        """
        self._check_answers()
        y = _checked_outputs(outputs)
        if self.task is None:
            return y
        if self.task == "regression":
            values = values_of(self.loss, y)
            values = values[..., 0] if values.shape[-1] == 1 else values  # (rows, 1) -> (rows,)
            known = self.preprocessing is not None and self.preprocessing.target_mean is not None
            return self.preprocessing.decode_values(values) if self.preprocessing and known else values
        above = (y > (0 if self._on == "logits" else 0.5)).astype(np.int32)
        if self.task == "multilabel":
            return above
        classes = above[..., 0] if self.task == "binary" else np.argmax(y, axis=-1).astype(np.int32)
        return self.preprocessing.decode_classes(classes) if self.preprocessing else classes

    def probabilities(self, x: Any) -> np.ndarray:
        """Return the probability of each class for examples as the user has them.

        `softmax(logits)` for classification, `sigmoid(logit)` for yes or no; outputs that are probabilities already
        are returned as they are.

        Args:
            x: as for `predict`.

        Returns:
            float64 `(rows, classes)` in the order of the classes, each row summing to 1: two columns for binary.
            multilabel: `(rows, labels)`, each label's own.

        Raises:
            JaxnnError: if the model does not tell classes apart, the examples do not fit, or an output is NaN.
        """
        return self.shares(self._outputs(x))

    def shares(self, outputs: Any) -> np.ndarray:
        """Return the probabilities that outputs of the network mean; see `probabilities`.

        Args:
            outputs: `(examples, ..., outputs)`, from `logits`.

        Returns:
            The probabilities of `probabilities`.

        Raises:
            JaxnnError: if the model does not tell classes apart, or an output is NaN.
        """
        if self.task not in ("classification", "binary", "multilabel") or self._on not in ("logits", "probabilities"):
            given = f"a model whose task is {self.task or 'its own'} and whose outputs are {self._on}"
            do = "Use jaxnn.generate" if self.task == "text" else "Use predict"
            fail("probabilities", given, "one that was trained to tell classes apart", do)
        y = _checked_outputs(outputs).astype(np.float64)
        if self.task == "classification":
            if self._on == "probabilities":
                return y
            grown = np.exp(y - y.max(axis=-1, keepdims=True))
            return grown / grown.sum(axis=-1, keepdims=True)
        yes, no = (y, 1 - y) if self._on == "probabilities" else (_sigmoid(y), _sigmoid(-y))
        return yes if self.task == "multilabel" else np.concatenate([no, yes], axis=-1)  # (rows, 1) twice -> (rows, 2)

    def _check_answers(self) -> None:
        if self.task == "text":
            fail("predict", "a model of text", "one that predicts rows", "Use jaxnn.generate(model, prompt, length)")

    @property
    def _on(self) -> str:
        return getattr(self.loss, "on", "logits")

    def _outputs(self, x: Any) -> np.ndarray:
        return self.logits(x if self.preprocessing is None else self.preprocessing.transform(x))


def shapes_for(net: Layer, example: jax.ShapeDtypeStruct) -> tuple[Any, jax.ShapeDtypeStruct]:
    """Return shapes and dtypes of a network's weights and output, without computing or allocating anything.

    Args:
        net: the network; it may come from a file.
        example: shape and dtype of one example.

    Returns:
        `(params, state)` and the output of one example, as `jax.ShapeDtypeStruct`s.

    Raises:
        JaxnnError: if the network cannot take such an example, or its dtype needs 64 bits that are switched off.

    >>> from jaxnn.layers import Dense
    >>> weights, output = shapes_for(Dense(2), jax.ShapeDtypeStruct((3,), np.dtype("float32")))
    >>> weights[0]["kernel"].shape, output.shape
    ((3, 2), (2,))
    """
    dtype = np.dtype(example.dtype)
    if jax.dtypes.canonicalize_dtype(dtype) != dtype:
        do = 'Switch it on: jax.config.update("jax_enable_x64", True)'
        fail("example", f"dtype {dtype} while JAX has 64 bits switched off", "64 bits switched on", do)
    try:
        return _traced(net, tuple(example.shape), dtype, str(jax.dtypes.canonicalize_dtype(np.float64)))
    except JaxnnError:
        raise
    except Exception as error:  # whatever a hostile architecture makes JAX or NumPy say: widths beyond 64 bits, ...
        said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        fail("architecture", f"{said} when finding its shapes", f"a network for examples of shape {example.shape}")


@lru_cache(64)
def _traced(net: Layer, shape: tuple[int, ...], dtype: np.dtype, widest: str) -> tuple[Any, jax.ShapeDtypeStruct]:
    """Tracing takes most of the time of a load; `widest` is an argument because it decides dtypes."""
    example = jax.ShapeDtypeStruct(shape, dtype)
    params, state = jax.eval_shape(lambda: net.init(jax.random.key(0), example))
    return (params, state), output_of(net, params, state, example)


def named_arrays(params: Params, state: State) -> dict[str, Any]:
    """Return every array by the name that it has in a file: its path, joined by dots.

    Args:
        params, state: weights, or their shapes.

    Returns:
        The leaves by name, in the order of `jax.tree.leaves((params, state))`.

    Raises:
        JaxnnError: if two have one name.

    >>> list(named_arrays({"dense_0": {"kernel": 1.0}}, {"dropout_0": {"rate": 0.5}}))
    ['params.dense_0.kernel', 'state.dropout_0.rate']
    """
    leaves = jax.tree_util.tree_leaves_with_path({"params": params, "state": state})
    named = {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}
    if len(named) < len(leaves):
        fail("params", "two arrays that have one name when joined by dots", "names without dots")
    return named


def compare_arrays(given: Mapping[str, Any], needed: Mapping[str, Any]) -> None:
    """Check names, shapes and dtypes of arrays against those that an architecture has.

    Args:
        given: arrays or their shapes by name.
        needed: the shapes of the architecture by name.

    Raises:
        JaxnnError: naming the first that differs, is missing or too many.

    >>> compare_arrays({"params.bias": np.zeros(3)}, {"params.bias": np.zeros(2)})
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: array params.bias: got float64 of shape (3,); needed float64 of shape (2,), \
as the architecture has it.
    """
    for name in sorted({*given, *needed}):
        said = [_described(arrays.get(name)) for arrays in (given, needed)]
        if said[0] != said[1]:
            where = f"array {name if len(name) < 100 else repr(name[:100])}"
            fail(where, said[0], f"{said[1]}, as the architecture has it")


def _described(array: Any) -> str:
    return "nothing" if array is None else f"{array.dtype} of shape {tuple(array.shape)}"


def _task_of(loss: Any, preprocessing: Any, output: jax.ShapeDtypeStruct) -> str | None:
    single = output.shape[-1:] == (1,)
    if preprocessing is not None:
        return "binary" if single and preprocessing.task == "classification" else preprocessing.task
    kind = getattr(loss, "kind", None)
    if kind == "binary":
        return "binary" if single else "multilabel"
    return kind if kind in TASKS else None


def _network_input(example: jax.ShapeDtypeStruct, x: Any) -> np.ndarray:
    """Examples in the dtype that the network was trained on."""
    try:
        x = np.asarray(x)
    except ValueError:
        fail("x", "rows of different lengths", f"examples of shape {tuple(example.shape)}")
    if x.ndim == 0 or x.shape[1:] != tuple(example.shape):
        fail("x", f"shape {x.shape}", f"examples of shape {tuple(example.shape)}: (examples, ...)")
    whole = not jnp.issubdtype(example.dtype, np.inexact)
    allowed = (np.bool_, np.integer) if whole else (np.bool_, np.integer, np.floating)
    if not any(jnp.issubdtype(x.dtype, kind) for kind in allowed):
        fail("x", f"dtype {x.dtype}", "whole numbers" if whole else "real numbers")
    with np.errstate(over="ignore"):  # what is too large becomes infinite; predict refuses the NaN that follows
        return x.astype(example.dtype)


def _checked_outputs(outputs: Any) -> np.ndarray:
    y = np.asarray(outputs)
    wrong = np.argwhere(np.isnan(y))
    if len(wrong):
        fail(f"row {wrong[0][0]}", "an output of NaN", "numbers", "The weights diverged, or x is not finite")
    return y


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(z / 2))
