"""Sequences cut into windows: what a network sees, and what comes next."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxnn.checks import fail, number_in, whole_number


def next_tokens(tokens: Any, length: int, stride: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Cut tokens into windows, each with the tokens that follow its own: the data of a language model.

    `x[i, t] = tokens[i * stride + t]`, `y[i, t] = tokens[i * stride + t + 1]`.

    Args:
        tokens: whole numbers (time,).
        length: T, of a window, at least 1.
        stride: from the start of a window to that of the next; None for T: no token is in two windows.

    Returns:
        x and y, int32 (n, T) each, `n = (time - 1 - T) // stride + 1`; what is left at the end is in no window.

    Raises:
        JaxnnError: if there are fewer than T + 1 tokens.

    >>> x, y = next_tokens([0, 1, 2, 3, 4, 5, 6], 3)
    >>> x.tolist(), y.tolist()
    ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    """
    found = np.asarray(tokens)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        fail("tokens", f"{found.dtype} of shape {found.shape}", "whole numbers of shape (time,)")
    length = whole_number("length", length, 1)
    stride = length if stride is None else whole_number("stride", stride, 1)
    if len(found) < length + 1:
        fail("tokens", f"{len(found)} tokens", f"at least {length + 1}, a window and the token after it")
    both = np.lib.stride_tricks.sliding_window_view(found.astype(np.int32), length + 1)[::stride]  # (n, T + 1)
    return both[:, :-1].copy(), both[:, 1:].copy()


def sliding_windows(series: Any, length: int, horizon: int = 1, stride: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Cut a time series into windows, each with the values that follow it.

    `x[i, t] = series[i * stride + t]`, `y[i, h] = series[i * stride + length + h]`.

    Args:
        series: (time,) or (time, ...) values.
        length: of a window, at least 1.
        horizon: how many values after it are to be foretold, at least 1.
        stride: from the start of a window to that of the next, at least 1.

    Returns:
        x (n, length, ...) and y (n, horizon, ...), `n = (time - length - horizon) // stride + 1`.

    Raises:
        JaxnnError: if the series is shorter than a window and its horizon.

    >>> x, y = sliding_windows([0.0, 1.0, 2.0, 3.0, 4.0], 3)
    >>> x.tolist(), y.tolist()
    ([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]], [[3.0], [4.0]])
    """
    try:
        found = np.asarray(series)
    except ValueError:  # NumPy's "inhomogeneous shape"
        fail("series", "rows of different lengths", "values of shape (time, ...)")
    length, horizon = whole_number("length", length, 1), whole_number("horizon", horizon, 1)
    stride = whole_number("stride", stride, 1)
    if found.ndim == 0 or found.dtype.kind not in "biuf":
        fail("series", f"{found.dtype} of shape {found.shape}", "numbers of shape (time, ...)")
    if len(found) < length + horizon:
        given = f"{len(found)} values"
        fail("series", given, f"at least {length + horizon}, a window of {length} and the {horizon} after it")
    both = np.lib.stride_tricks.sliding_window_view(found, length + horizon, axis=0)[::stride]
    both = np.moveaxis(both, -1, 1)  # (n, ..., length + horizon) -> (n, length + horizon, ...)
    return both[:, :length].copy(), both[:, length:].copy()


def consecutive(count: int, shares: Sequence[float]) -> tuple[slice, ...]:
    """Divide a sequence into parts that follow each other: what comes later is held out as one piece.

    Windows are cut inside the parts, so that none has values of two; rows drawn at random would put neighbours, which
    share most of their values, into different parts.

    Args:
        count: how many values or tokens there are.
        shares: of each part, in their order; at least 0, with sum 1.

    Returns:
        A slice for each part.

    Raises:
        JaxnnError: if a share is negative or their sum is not 1.

    >>> consecutive(10, (0.7, 0.1, 0.2))
    (slice(0, 7, None), slice(7, 8, None), slice(8, 10, None))
    """
    count = whole_number("count", count, 0)
    parts = np.array([number_in("shares", share, 0, 1) for share in shares])
    if not len(parts) or abs(parts.sum() - 1) > 1e-9:
        fail("shares", f"{tuple(shares)}", "numbers of at least 0 whose sum is 1")
    ends = [0, *np.rint(np.cumsum(parts) * count).astype(int).tolist()]
    return tuple(slice(start, end) for start, end in itertools.pairwise(ends))
