"""What a network answers, in blocks of a few sizes so that few programs are compiled."""

import os
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from jaxnn.checks import fail
from jaxnn.layers.base import Layer
from jaxnn.train import compiled, measure

MOST_ROWS = 1024
"""Rows of a small network computed at a time: 100,000 rows of digits took as long by 256 as by 4,096, and nearly twice
as long by 16,384."""


def outputs(net: Layer, answer: Any, params: Any, state: Any, x: Any, shaped: Any) -> np.ndarray:
    """Return what a network answers for many rows.

    Blocks have 1, 2, 4 ... rows up to `MOST_ROWS`; the last is filled up with zeros. Rounding of a row may differ in
    the last bit between blocks of different sizes, as it does in every matrix product.

    Args:
        net: the network.
        answer: a function of its outputs.
        params, state: its weights, in NumPy.
        x: `(rows, features)`, or a sparse matrix, which becomes dense block by block.
        shaped: from rows `(n, features)` to what the network takes.

    Returns:
        `(rows, ...)` in NumPy.
    """
    check_process()
    dtype = jax.tree.leaves(params)[0].dtype
    with precision(dtype):
        function, most = _compiled(net, answer, tuple(compiled.OPTIONS.items())), measure.FEWEST_ROWS
        if x.shape[0] > most:  # a few rows need no look at the size of the network
            most = _rows_at_a_time(net, shaped(np.empty((1, x.shape[1]), dtype)).shape[1:], str(dtype))
        blocks = [shaped(_block(x, start, most, dtype)) for start in range(0, max(x.shape[0], 1), most)]
        # all are on their way before the first is waited for
        answers = [function(params, state, block) for block in blocks]
        whole = [np.asarray(each) for each in answers]
    return (whole[0] if len(whole) == 1 else np.concatenate(whole))[: x.shape[0]]


_PROCESS: list[int] = []
"""Where JAX was first used by an estimator."""


def check_process() -> None:
    """Refuse to go on in a fork of a process that has used JAX: its threads are not there, and waiting has no end.

    Raises:
        JaxnnError: in a fork.
    """
    if not _PROCESS:
        _PROCESS.append(os.getpid())
    elif _PROCESS[0] != os.getpid():
        do = "Start processes with 'spawn' or 'forkserver', or with joblib's own backend, loky"
        fail("this process", "a fork of one in which JAX was running", "a process of its own", do)


def finite_row(outputs: np.ndarray) -> np.ndarray:
    """Return outputs in which nothing is NaN.

    Raises:
        JaxnnError: naming the first row that is.

    >>> finite_row(np.array([[0.0], [np.nan]]))
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: row 1: got an output of NaN; needed numbers. The weights or the row are too large; scale \
the inputs.
    """
    if np.isnan(outputs).any():
        row = int(np.isnan(outputs).any(axis=1).argmax())
        fail(f"row {row}", "an output of NaN", "numbers", "The weights or the row are too large; scale the inputs")
    return outputs


def precision(dtype: Any) -> Any:
    """Return the context in which JAX computes in a dtype: 64 bits are switched on for float64 alone.

    >>> with precision(np.float64):
    ...     jax.numpy.zeros(1).dtype.name
    'float64'
    """
    return jax.enable_x64(np.dtype(dtype) == np.float64)


def _block(x: Any, start: int, most: int, dtype: Any) -> np.ndarray:
    part = x[start : start + most]
    part = np.asarray(part.toarray() if hasattr(part, "toarray") else part, dtype)
    rows = min(most, 1 << max(len(part) - 1, 0).bit_length())
    if len(part) == rows:
        return part
    block = np.zeros((rows, *part.shape[1:]), dtype)
    block[: len(part)] = part
    return block


@lru_cache(256)
def _compiled(net: Layer, answer: Any, options: tuple[tuple[str, Any], ...]) -> Any:
    return jax.jit(lambda params, state, x: answer(net.apply(params, state, x)[0]), compiler_options=dict(options))


@lru_cache(256)
def _rows_at_a_time(net: Layer, shape: tuple[int, ...], dtype: str) -> int:
    """A power of two, fewer for large images, so that memory stays bounded."""
    example = jax.ShapeDtypeStruct(shape, dtype)
    params, state = jax.eval_shape(lambda: net.init(jax.random.key(0), example))
    return 1 << (measure.rows_at_a_time(net, params, state, example, MOST_ROWS).bit_length() - 1)
