"""Tables put on a device once, whoever uses them, and the rows of several members side by side."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxnn.train.measure import Rows
from jaxnn.train.program import Data
from jaxnn.train.tables import Table, Tables


def example(tables: Tables) -> jax.ShapeDtypeStruct:
    """Return shape and dtype of one example."""
    return jax.ShapeDtypeStruct(tables.train.x.shape[1:], tables.train.x.dtype)


def on_device(
    members: Sequence[Tables],
    put: dict[tuple[int, int], Any] | None = None,
    device: Any = None,
    lengths: tuple[int, int] = (0, 0),
    widths: tuple[int | None, int | None] = (None, None),
) -> Data:
    """Put the tables of some members on a device; parts of one table are put there once.

    Args:
        members: their tables: the same arrays, rows of their own.
        put: what is there already, by the identity of the array and its length; it is added to.
        device: which; None for JAX's default.
        lengths: rows that each table has at least, where other slices have longer ones.
        widths: rows that each part has room for, where members have different numbers of them; None where all have as
            many.

    Returns:
        The data, `rows` with a leading axis of members.
    """
    there = {} if put is None else put

    def once(array: np.ndarray | None, length: int) -> Any:
        # device_put compiles nothing, jnp.asarray a small program for each shape; a copy of our own, because
        # the user may write to the array while the run goes on, and JAX may read the very memory it is given
        if array is None:
            return None
        length = max(length, len(array))
        if (id(array), length) not in there:
            padding = [(0, length - len(array))] + [(0, 0)] * (array.ndim - 1)
            there[id(array), length] = jax.device_put(np.pad(array, padding), device)
        return there[id(array), length]

    def put_rows(rows: np.ndarray | None) -> Any:
        return None if rows is None else jax.device_put(rows, device)

    return _data(members, once, put_rows, lengths, widths)


def shapes(
    members: Sequence[Tables], lengths: tuple[int, int], widths: tuple[int | None, int | None] = (None, None)
) -> Data:
    """Return shapes and dtypes of what `on_device` returns.

    Args:
        members, lengths, widths: as for `on_device`.

    Returns:
        The same, of `jax.ShapeDtypeStruct`.
    """

    def shape(array: np.ndarray | None, length: int = 0) -> Any:
        if array is None:
            return None
        return jax.ShapeDtypeStruct((max(length, len(array)), *array.shape[1:]), array.dtype)

    return _data(members, shape, shape, lengths, widths)


def _data(members: Sequence[Tables], table: Any, put: Any, lengths: Any, widths: Any) -> Data:
    def part(tables: Sequence[Table | None], length: int, width: int | None) -> Rows | None:
        first = tables[0]
        if first is None:
            return None
        x, y, weight, mask = (table(array, length) for array in (first.x, first.y, first.weight, first.mask))
        rows, real = _stacked([one.rows for one in tables if one is not None], width)
        return Rows(x, y, weight, rows=put(rows), mask=mask, real=put(real))

    train, validation = (
        part(tables, length, width)
        for tables, length, width in zip(zip(*members, strict=True), lengths, widths, strict=True)
    )
    assert train is not None
    return Data(train, validation)


def _stacked(rows: list[np.ndarray], width: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """(members, n) row numbers, the short ones filled up with their own, and how many are real."""
    if width is None:
        return np.stack(rows), None
    return np.stack([np.resize(one, width) for one in rows]), np.array([len(one) for one in rows], np.int32)
