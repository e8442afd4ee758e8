"""A trace as a table for people: first forward, layer 1 to L, then backward, layer L to 1."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.core import Tracer

from jaxnn.layers import Activation

if TYPE_CHECKING:
    from jaxnn.backprop.trace import LayerTrace, Trace

MOST = 8
"""Rows and columns of an array that is written out; of a larger one its shape and range."""

LEGEND = "Rows of w and dE/dw: inputs, their columns: units. Rows of all else: examples."

PASSES = {
    "forward": (
        "from the inputs to the error",
        "what the network answers, and how wrong that is",
        "z = x w + b, a = f(z), E = mean of L(a, t)",
        "the values of the units",
    ),
    "backward": (
        "from the error to the inputs",
        "how much each number has to do with the error",
        "delta = dE/da da/dz, dE/dw = x^T delta, dE/dx = delta w^T",
        "the gradients of the weights",
    ),
}
"""Direction, purpose, mathematics and focus of both."""

Row = tuple[str, str, Any]
"""Symbol, words, numbers; a heading has no numbers."""


def table(trace: "Trace") -> str:
    """Return a trace as text.

    Args:
        trace: with arrays of any size.

    Returns:
        Lines of symbols, words and numbers, grouped by pass and layer.
    """
    forward, backward = list(_forward(trace)), list(_backward(trace))
    symbols, words = (max(len(row[i]) for row in forward + backward if row[2] is not None) for i in (0, 1))
    lines = [f"One pass of {trace.net!r}", "", LEGEND]
    for name, rows in (("forward", forward), ("backward", backward)):
        lines += ["", *_heading(name, trace.layers)]
        for symbol, said, numbers in rows:
            if numbers is None:
                lines += ["", f"{symbol:>2}  {said}"]
                continue
            start = f"      {symbol:{symbols}}  {said:{words}}  "
            lines += [(start if i == 0 else " " * len(start)) + row for i, row in enumerate(written(numbers))]
    return "\n".join(line.rstrip() for line in lines)


def _heading(name: str, layers: tuple["LayerTrace", ...]) -> Iterator[str]:
    numbers = sorted({one.number for one in layers}, reverse=name == "backward")
    order = ", ".join(map(str, numbers)) if len(numbers) < 5 else f"{numbers[0]}, {numbers[1]} ... {numbers[-1]}"
    direction, purpose, mathematics, focus = PASSES[name]
    yield f"{name.upper()} PASS, layer{'s' * (len(numbers) > 1)} {order}: {direction}"
    yield f"    purpose      {purpose}"
    yield f"    mathematics  {mathematics}"
    yield f"    focus        {focus}"


def _forward(trace: "Trace") -> Iterator[Row]:
    before = 0
    for one in trace.layers:
        yield _name(one, before)
        yield from one.forward()
        before = one.number
    yield "", _called(trace.loss), None
    yield "t", "target", trace.targets
    yield "L", "loss of each example", trace.losses
    yield "E", "error: their mean", trace.value


def _backward(trace: "Trace") -> Iterator[Row]:
    yield "", _called(trace.loss), None
    yield "dE/dy", "by the network's output", trace.doutputs
    before = 0
    for one in reversed(trace.layers):
        yield _name(one, before)
        yield from one.backward()
        before = one.number


def _name(one: "LayerTrace", before: int) -> Row:
    """The heading of a layer; its number stands where it is another than before."""
    number = str(one.number) if one.number != before else ""
    what = "" if isinstance(one.layer, Activation) and one.path == repr(one.layer) else f": {one.layer!r}"
    return number, f"{one.path}{what}", None


def _called(loss: Any) -> str:
    return f"error: {getattr(loss, '__name__', None) or repr(loss)}"


def written(numbers: Any) -> list[str]:
    """Return an array as aligned lines; of a large one, and of one that is still traced, what it is.

    Args:
        numbers: an array.

    Returns:
        A line for each row; the last axis lies across.

    >>> written(np.array([[0.5, -1.0], [10.0, 0.25]]))
    ['  0.500000000   -1.000000000', ' 10.000000000    0.250000000']
    >>> written(np.zeros((9, 3), np.float32))
    ['(9, 3): from 0.000000 to 0.000000, root mean square 0.000000']
    """
    if isinstance(numbers, Tracer):
        return [str(numbers.aval)]
    array = np.asarray(numbers)
    if array.dtype.kind not in "fiub":  # bfloat16 and its kin
        array = array.astype(np.float32)
    rows = array.reshape(-1, array.shape[-1] if array.ndim else 1)
    digits = 9 if array.dtype == np.float64 else 6
    if not array.size or max(rows.shape) > MOST:
        return [_range(array, digits)]
    cells = [list(_cells(row, array, digits)) for row in rows]
    width = max(len(cell) for row in cells for cell in row)
    return ["  ".join(cell.rjust(width) for cell in row) for row in cells]


def _range(array: np.ndarray, digits: int) -> str:
    if not array.size:
        return f"{array.shape}: empty"
    wide = array.astype(np.float64)
    low, high, size = _cells([wide.min(), wide.max(), np.sqrt(np.mean(wide * wide))], wide, digits)
    return f"{array.shape}: from {low.strip()} to {high.strip()}, root mean square {size.strip()}"


def _cells(row: Iterable[Any], array: np.ndarray, digits: int) -> Iterator[str]:
    """Numbers with the same decimals; with a power of ten where the largest of the array would lose digits."""
    if array.dtype.kind in "iub":
        return (str(value) for value in row)
    finite = np.abs(array[np.isfinite(array)])
    largest = finite.max() if finite.size else 0.0
    form = f" .{digits}f" if largest == 0 or 10.0 ** (4 - digits) <= largest < 1e6 else f" .{digits - 1}e"
    return (f"{value + 0.0:{form}}" for value in row)  # -0.0 + 0.0 is 0.0
