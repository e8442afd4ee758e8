"""Rows of data on the device, minibatches of them, and what losses and metrics say of them."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnn import losses
from jaxnn.config import with_numbers
from jaxnn.layers.base import Layer, listening
from jaxnn.pytypes import Array, Params, State

MOST_ROWS, FEWEST_ROWS, VALUES = 1024, 32, 2**20
"""Rows evaluated at a time, and values that the largest output of a layer may have for so many of them (4 MiB in
float32): that bounds the memory of a large validation set of long sequences or large images too."""


class Rows(NamedTuple):
    """A table on the device, and which of its rows take part."""

    x: Array
    y: Array
    weight: Array | None
    """(rows of the table,) or None, where every row weighs 1."""
    rows: Array
    """(members, n) indices into the table: a fold or a bootstrap sample costs no copy."""
    mask: Array | None = None
    """(rows of the table, time), True at real positions; None where all are."""
    real: Array | None = None
    """(members,) how many of the `rows` each member has, those after it only filling up; None where it has all."""

    @property
    def examples(self) -> Any:
        """How many rows one member has: a number, or an int32 scalar."""
        return self.rows.shape[-1] if self.real is None else self.real


def rows_at_a_time(net: Layer, params: Params, state: State, example: jax.ShapeDtypeStruct, most: int) -> int:
    """Return how many examples are computed together where nothing is learnt.

    Args:
        net: the network.
        params, state: its weights, or their shapes.
        example: shape and dtype of one example.
        most: for small networks.

    Returns:
        `VALUES` over the size of the largest output of a layer, from `FEWEST_ROWS` to `most`.

    >>> import jaxnn as nn
    >>> rows_at_a_time(nn.Chain(nn.Flatten(3)), {}, {}, jax.ShapeDtypeStruct((64, 64, 3), jnp.float32), 1024)
    85
    """
    sizes = [math.prod(example.shape), 1]
    with listening(lambda path, layer, params, state, x, y: sizes.append(math.prod(y.shape))):
        jax.eval_shape(lambda p, s, x: net.apply(p, s, x)[0], params, state, example)
    return min(most, max(FEWEST_ROWS, VALUES // max(sizes)))


def evaluate(
    net: Layer, loss: Any, metrics: tuple[Any, ...], params: Params, state: State, data: Rows
) -> dict[str, Array]:
    """Measure the loss and the metrics of one member's weights, with `train=False`.

    Args:
        net, loss, metrics: of the run.
        params, state: the weights.
        data: the rows to measure on.

    Returns:
        A dict from "loss" and the metrics' names to scalars: weighted means over the rows.
    """
    measures = {"loss": loss} | {metric.name: metric for metric in metrics}
    example = jax.ShapeDtypeStruct(data.x.shape[1:], data.x.dtype)
    size = min(rows_at_a_time(net, params, state, example, MOST_ROWS), data.rows.shape[0])
    count = -(-data.rows.shape[0] // size)
    rows = jnp.pad(data.rows, (0, count * size - data.rows.shape[0]))  # (n,) -> (count * size,)

    def sums_of(i: Array) -> dict[str, tuple[Array, Array]]:
        padded = data.real is not None or count * size != data.rows.shape[0]
        x, y, weight, mask = minibatch_of(data, rows, i, size, padded)
        outputs, _ = net.apply(params, state, x, train=False, mask=mask)
        said = losses.values_of(loss, outputs)  # metrics compare values with the targets, not log-rates
        of = {name: outputs if m is loss else said for name, m in measures.items()}
        return {name: summed(statistics(m, of[name], y, mask), weight, mask) for name, m in measures.items()}

    sums = sums_of(jnp.zeros((), jnp.int32)) if count == 1 else _added(sums_of, count)
    means = {name: added / total for name, (added, total) in sums.items()}
    return {name: m.value(means[name]) if hasattr(m, "statistics") else means[name][0] for name, m in measures.items()}


def evaluation(net: Layer, loss: Any, metrics: tuple[Any, ...]) -> Any:
    """Return `evaluate` as a function of (numbers, params, state, data).

    The numbers of the loss are an argument: losses that differ in nothing else are equal, and share what is compiled.

    Args:
        net, loss, metrics: of the run.

    Returns:
        The function.
    """
    return lambda numbers, *given: evaluate(net, with_numbers(loss, numbers), metrics, *given)


def _added(sums_of: Any, count: int) -> Any:
    """Add up the sums of all batches of an evaluation."""
    none = jax.tree.map(lambda sum: jnp.zeros(sum.shape, sum.dtype), jax.eval_shape(sums_of, jnp.zeros((), jnp.int32)))
    return jax.lax.fori_loop(0, count, lambda i, sums: jax.tree.map(jnp.add, sums, sums_of(i)), none)


def minibatch_of(
    data: Rows, order: Array, i: Array, size: int, padded: bool
) -> tuple[Array, Array, Array | None, Array | None]:
    """Take the i-th `size` rows of an order.

    Args:
        data: the table.
        order: `(n,)` row numbers.
        i: which of the minibatches, int32 scalar.
        size: how many rows each has.
        padded: whether the last one holds rows that only fill it up.

    Returns:
        x, y, weights or None, and the mask of what is real, `(size,)` or `(size, time)`; None where all is.
    """
    rows = jax.lax.dynamic_slice_in_dim(order, i * size, size)
    weight = None if data.weight is None else data.weight[rows]
    mask = None if data.mask is None else data.mask[rows]
    if padded:
        real = i * size + jnp.arange(size, dtype=jnp.int32) < data.examples
        mask = real if mask is None else real[:, None] & mask
    return data.x[rows], data.y[rows], weight, mask


def statistics(measure: Any, outputs: Array, y: Array, mask: Array | None) -> Array:
    """Return what a loss or a metric says of every example, or of every position where the mask has positions.

    Args:
        measure: a loss, or a metric with `statistics`.
        outputs, y: of a minibatch.
        mask: what is real of it.

    Returns:
        `(batch, k)`, the mean over an example's positions; `(batch, time, k)` beside a mask of positions.
    """
    said = measure.statistics(outputs, y) if hasattr(measure, "statistics") else measure(outputs, y)[..., None]
    wide = jnp.issubdtype(said.dtype, jnp.floating) and said.dtype.itemsize >= 4
    said = said if wide else said.astype(jnp.float32)  # sums of float16 overflow at 65504
    kept = 1 if mask is None else min(mask.ndim, said.ndim - 1)
    return said.mean(axis=tuple(range(kept, said.ndim - 1)))  # (batch, ..., k) -> (batch, k) or (batch, time, k)


def summed(said: Array, weight: Array | None, mask: Array | None) -> tuple[Array, Array]:
    """Return the weighted sum over what is real, and the sum of the weights.

    What the mask hides, and rows of weight 0, count for nothing even where their loss is NaN (their gradient may
    still be).

    Args:
        said: `(batch, k)` or `(batch, time, k)`.
        weight: `(batch,)`, or None for 1.
        mask: what is real, or None for all.

    Returns:
        `(k,)` and a scalar.
    """
    if weight is None and mask is None:
        return said.sum(axis=0), jnp.asarray(len(said), said.dtype)
    if mask is not None and mask.ndim >= said.ndim:  # positions that the network has made one answer of
        mask = mask.any(axis=tuple(range(said.ndim - 1, mask.ndim)))
    axes = tuple(range(said.ndim - 1))
    if weight is None:
        assert mask is not None
        return jnp.where(mask[..., None], said, 0).sum(axis=axes), mask.sum().astype(said.dtype)
    weight = weight.astype(said.dtype).reshape(-1, *[1] * (len(axes) - 1))
    weight = weight if mask is None else jnp.where(mask, weight, 0)
    return jnp.where(weight[..., None] == 0, 0, said * weight[..., None]).sum(axis=axes), weight.sum()
