"""One pass forward and back through a small network, written out step by step as on a board."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxnn.backprop.trace import Trace

WIDTH = 78
"""Columns: it fits a terminal of 80."""

FORMULAS = {
    "identity": ("{z}", "1"),
    "sigmoid": ("1 / (1 + e^-{z})", "{a} (1 - {a})"),
    "tanh": ("tanh {z}", "1 - {a}^2"),
    "relu": ("max(0, {z})", "1 if {z} > 0 else 0"),
    "square": ("{z}^2", "2 {z}"),
    "softplus": ("log(1 + e^{z})", "1 / (1 + e^-{z})"),
}
"""Activations and their derivatives; of any other only the name is written."""


class Side(NamedTuple):
    """A layer of the network as the board calls it."""

    units: list[str]
    """h1, h2 ..."""
    sources: list[str]
    """What feeds it: i1, i2 ... or a_h1, a_h2 ..."""
    given: list[str]
    """The numbers of the sources, as they are written in a product."""
    first: int
    """The number of its first weight; those into its first unit come first."""
    bias: str
    function: str
    kernel: np.ndarray
    b: np.ndarray
    z: np.ndarray
    a: np.ndarray
    da: np.ndarray
    slope: np.ndarray
    delta: np.ndarray
    grads: dict[str, np.ndarray]
    after: dict[str, np.ndarray]

    def weight(self, i: int, j: int) -> str:
        """Return the name of the weight from source i to unit j."""
        return f"w{self.first + j * len(self.sources) + i}"


def sides(trace: Trace, function: str) -> tuple[Side, Side]:
    """Return the hidden and the output layer of a traced network of two dense layers and their activations.

    Args:
        trace: of one example, in float64, with a learning rate.
        function: the name of the hidden activation.

    Returns:
        The hidden and the output layer.
    """
    first, second = trace.layers[0], trace.layers[2]
    inputs, hidden, outputs = first.x.shape[-1], first.y.shape[-1], second.y.shape[-1]
    names = [f"{letter}{k + 1}" for letter, count in (("h", hidden), ("o", outputs)) for k in range(count)]
    h, o = names[:hidden], names[hidden:]
    told = [f"i{k + 1}" for k in range(inputs)], [f"a_{name}" for name in h]
    x = [_given(value) for value in np.asarray(first.x)[0]], [_written(value) for value in np.asarray(second.x)[0]]
    return (
        Side(h, told[0], x[0], 1, "b1", function, *_arrays(trace, 0)),
        Side(o, told[1], x[1], inputs * hidden + 1, "b2", "sigmoid", *_arrays(trace, 2)),
    )


def _arrays(trace: Trace, at: int) -> Iterator[Any]:
    dense, activation = trace.layers[at], trace.layers[at + 1]
    yield from (np.asarray(dense.params[name]) for name in ("kernel", "bias"))
    yield from (np.asarray(one)[0] for one in (dense.y, activation.y, activation.dy, activation.slope, dense.dy))
    for tree in (dense.grads, dense.new_params or {}):
        yield {name: np.asarray(leaf) for name, leaf in tree.items()}


def lesson(trace: Trace, function: str, learning_rate: float, train_biases: bool) -> str:
    """Return one pass forward and back, and the update, in words and numbers.

    Args:
        trace: as for `sides`.
        function: the name of the hidden activation.
        learning_rate: eta.
        train_biases: whether the biases move too.

    Returns:
        Lines of at most 78 columns where the network is small.
    """
    hidden, output = sides(trace, function)
    targets = np.asarray(trace.targets)[0]
    parts = [
        _title(hidden, output), _setting(hidden, output, targets, learning_rate),
        _heading("1  Forward pass: from the inputs to the outputs"), *_forward(hidden), *_forward(output),
        _heading("2  The error"), *_error(output, targets, float(trace.value)),
        _heading("3  Backward pass, output layer"), *_output_layer(output, targets),
        _heading("4  Backward pass, hidden layer"), *_hidden_layer(hidden, output),
        _heading("5  The update"), *_update(hidden, output, learning_rate, train_biases),
    ]  # fmt: skip
    return "\n".join(parts)


def _title(hidden: Side, output: Side) -> str:
    kind = "logistic units" if hidden.function == "sigmoid" else f"{hidden.function} and logistic units"
    sizes = f"{len(hidden.sources)}-{len(hidden.units)}-{len(output.units)}"
    return f"Backpropagation by hand: a {sizes} network of {kind}\n"


def _setting(hidden: Side, output: Side, targets: np.ndarray, learning_rate: float) -> str:
    inputs = zip(hidden.sources, hidden.given, strict=True)
    rows = [
        ("inputs", ", ".join(f"{name} = {value.strip('()')}" for name, value in inputs)),
        ("targets", ", ".join(f"t{k} = {value:.9g}" for k, value in enumerate(targets, 1))),
        *[(f"into {unit}", _wires(side, j)) for side in (hidden, output) for j, unit in enumerate(side.units)],
        ("learning rate", f"eta = {learning_rate:.9g}"),
    ]
    return "\n".join(line for label, said in rows for line in _wrap(f"  {label:14} ", said, ", "))


def _wires(side: Side, j: int) -> str:
    """Which weight leads from where to a unit, and its bias."""
    plain = [name.removeprefix("a_") for name in side.sources]
    weights = (f"{side.weight(i, j)} = {side.kernel[i, j]:.9g} from {name}" for i, name in enumerate(plain))
    return ", ".join([*weights, f"{side.bias} = {side.b[j]:.9g}"])


def _forward(side: Side) -> Iterator[str]:
    for j, unit in enumerate(side.units):
        names = [f"{side.weight(i, j)} {source}" for i, source in enumerate(side.sources)]
        products = [f"{_given(side.kernel[i, j])} * {given}" for i, given in enumerate(side.given)]
        symbols, numbers = " + ".join([*names, side.bias]), " + ".join([*products, _given(side.b[j])])
        yield equation(f"z_{unit}", symbols, numbers, _written(side.z[j], bare=True))
        yield equation(f"a_{unit}", *_formulas(side, j)[0], _written(side.a[j], bare=True))


def _error(output: Side, targets: np.ndarray, total: float) -> Iterator[str]:
    yield _prose("The error of an output is half the square of its distance from the target.")
    for k, (unit, target) in enumerate(zip(output.units, targets, strict=True)):
        numbers = f"1/2 ({target:.9g} - {_written(output.a[k])})^2"
        value = 0.5 * (target - output.a[k]) ** 2
        yield equation(f"E_{unit}", f"1/2 (t{k + 1} - a_{unit})^2", numbers, _written(value, bare=True))
    yield equation("E", " + ".join(f"E_{unit}" for unit in output.units), _written(total, bare=True))


def _output_layer(side: Side, targets: np.ndarray) -> Iterator[str]:
    unit, w, source = side.units[0], side.weight(0, 0), side.sources[0]
    yield _prose(f"How much does {w} matter? It reaches the error by one path,")
    yield f"      {w} -> z_{unit} -> a_{unit} -> E,\n"
    yield _prose(f"so by the chain rule dE/d{w} is a product of three partial derivatives.")
    names = f"dE/da_{unit}", f"da_{unit}/dz_{unit}", f"dz_{unit}/d{w}"
    yield equation(f"dE/d{w}", " * ".join(names))
    numbers = f"{_written(side.a[0])} - {_given(targets[0])}"
    yield equation(names[0], f"a_{unit} - t1", numbers, _written(side.da[0], bare=True))
    yield equation(names[1], *_formulas(side, 0)[1], _written(side.slope[0], bare=True))
    yield equation(names[2], source, side.given[0])
    three = " * ".join([_written(side.da[0]), _written(side.slope[0]), side.given[0]])
    yield equation(f"dE/d{w}", three, _written(side.grads["kernel"][0, 0], bare=True))
    yield "\n" + _prose(f"The first two are the same for every weight into {unit}: their product is its delta.")
    for k, one in enumerate(side.units):
        product = f"{_written(side.da[k])} * {_written(side.slope[k])}"
        yield equation(f"delta_{one}", f"dE/da_{one} * da_{one}/dz_{one}", product, _written(side.delta[k], bare=True))
    yield "\n" + _prose("So dE/dw is the delta of the unit that w leads to, times the value that it starts from.")
    yield from _gradients(side)


def _hidden_layer(side: Side, after: Side) -> Iterator[str]:
    count = len(after.units)
    paths = f"{count} paths, one through each output" if count > 1 else "one path"
    added = ", and what comes back by each path is added up" if count > 1 else ""
    yield _prose(
        f"A hidden unit reaches the error by {paths}. Delta comes back over the same weights, the old ones{added}."
    )
    for j, unit in enumerate(side.units):
        weights = [after.weight(j, k) for k in range(count)]
        names = [f"delta_{one} {w}" for one, w in zip(after.units, weights, strict=True)]
        numbers = [f"{_written(after.delta[k])} * {_given(after.kernel[j, k])}" for k in range(count)]
        parts = [_written(after.delta[k] * after.kernel[j, k]) for k in range(count)]
        sums = [" + ".join(parts)] if count > 1 else []
        rights = [" + ".join(names), " + ".join(numbers), *sums, _written(side.da[j], bare=True)]
        yield equation(f"dE/da_{unit}", *rights)
        yield equation(f"da_{unit}/dz_{unit}", *_formulas(side, j)[1], _written(side.slope[j], bare=True))
        product = f"{_written(side.da[j])} * {_written(side.slope[j])}"
        yield equation(f"delta_{unit}", product, _written(side.delta[j], bare=True)) + "\n"
    yield from _gradients(side)


def _gradients(side: Side) -> Iterator[str]:
    for j, unit in enumerate(side.units):
        for i, source in enumerate(side.sources):
            numbers = f"{_written(side.delta[j])} * {side.given[i]}"
            value = _written(side.grads["kernel"][i, j], bare=True)
            yield equation(f"dE/d{side.weight(i, j)}", f"delta_{unit} {source}", numbers, value)


def _update(hidden: Side, output: Side, learning_rate: float, train_biases: bool) -> Iterator[str]:
    yield _prose(
        "Every weight takes a step down its slope, w - eta dE/dw, all at the same time: "
        "no gradient above was taken with a new weight."
    )
    rows = [("", "before", "dE/dw", "-eta dE/dw", "after")]
    for side in (hidden, output):
        rows += list(_rows(side, learning_rate, train_biases))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  " + "  ".join([row[0].ljust(widths[0]), *cells])
    if train_biases:
        yield "\n  A bias is the weight of an input that is always 1: its dE/db is delta itself."
    else:
        yield "\n  The biases stay as they are; --train-biases moves them too."


def _rows(side: Side, learning_rate: float, train_biases: bool) -> Iterator[tuple[str, str, str, str, str]]:
    for j, unit in enumerate(side.units):
        places: list[tuple[str, str, Any]] = [(side.weight(i, j), "kernel", (i, j)) for i in range(len(side.sources))]
        if train_biases:
            places.append((f"b of {unit}", "bias", j))
        for name, leaf, at in places:
            before, gradient = (side.kernel if leaf == "kernel" else side.b)[at], side.grads[leaf][at]
            numbers = (before, gradient, -learning_rate * gradient, side.after[leaf][at])
            first, second, third, fourth = (_written(float(value), bare=True) for value in numbers)
            yield name, first, second, third, fourth


def course(errors: np.ndarray, outputs: np.ndarray) -> str:
    """Return what became of the error.

    Args:
        errors: `(steps + 1,)`, before the first step and after each.
        outputs: `(steps + 1, outputs)`.

    Returns:
        Lines: those of the powers of ten, and the last.
    """
    shown = shown_steps(len(errors) - 1)
    rows = [("steps", "E", *(f"a_o{k + 1}" for k in range(outputs.shape[1])))]
    rows += [(f"{n:,}", f"{errors[n]:.10g}", *(_written(value, bare=True) for value in outputs[n])) for n in shown]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join([_heading("6  And again: forward, backward, update"), *(f"  {line}" for line in lines)])


def shown_steps(steps: int) -> list[int]:
    """Return the steps that are told of: none, the powers of ten, and the last.

    >>> shown_steps(250)
    [0, 1, 10, 100, 250]
    """
    return sorted({0, steps, *(10**power for power in range(7) if 10**power <= steps)})


def equation(left: str, *rights: str) -> str:
    """Return `left = right = right ...`, as many to a line as fit, the others below each other.

    >>> print(equation("a" * 10, "b" * 50, "c" * 30))
      aaaaaaaaaa = bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
                 = cccccccccccccccccccccccccccccc
    """
    lines = [f"  {left}"]
    start = " " * (len(left) + 2)
    for i, right in enumerate(rights):
        if i == 0 or len(lines[-1]) + 3 + len(right) <= WIDTH:
            lines[-1] += f" = {right}"
        else:
            lines.append(f"{start} = {right}")
    return "\n".join(part for line in lines for part in _wrap(line[: len(start) + 3], line[len(start) + 3 :], " + "))


def _wrap(start: str, text: str, between: str) -> list[str]:
    """Lines that break after `between`, those below the first under its text."""
    lines = [start]
    for i, part in enumerate(pieces := text.split(between)):
        part += between.rstrip() if i + 1 < len(pieces) else ""
        if i and len(lines[-1]) + 1 + len(part) > WIDTH:
            lines.append(" " * len(start) + part)
        else:
            lines[-1] += (" " if i else "") + part
    return lines


def _prose(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ") + "\n"


def _heading(words: str) -> str:
    return f"\n{words}\n{'-' * len(words)}\n"


def _formulas(side: Side, j: int) -> list[list[str]]:
    """The activation of a unit and its derivative, each in symbols and in numbers."""
    formulas = FORMULAS.get(side.function, (f"{side.function}({{z}})", f"{side.function}'({{z}})"))
    symbols = {"z": f"z_{side.units[j]}", "a": f"a_{side.units[j]}"}
    numbers = {"z": _written(side.z[j]), "a": _written(side.a[j])}
    return [
        [formula.format(**words) for words in ((symbols,) if "if" in formula else (symbols, numbers))]
        for formula in formulas
    ]


def _given(value: float) -> str:
    """A number as its user gave it."""
    return f"({value:.9g})" if value < 0 else f"{value:.9g}"


def _written(value: float, *, bare: bool = False) -> str:
    """A computed number with nine decimals, or nine digits; a negative one in brackets inside a formula."""
    size = abs(value)
    text = f"{value:.9f}" if size == 0 or 1e-4 <= size < 1e7 else f"{value:.8e}"
    return text if bare or value >= 0 else f"({text})"


def named(side: Side, targets: Sequence[float] | None = None) -> dict[str, Any]:
    """Return the numbers of a layer by the names of the board, for JSON.

    Args:
        side: the layer.
        targets: of the output layer.

    Returns:
        A dict with `units` and `weights`.
    """
    columns = {"z": side.z, "a": side.a, "dE/da": side.da, "da/dz": side.slope, "delta": side.delta}
    units = {unit: {name: float(values[j]) for name, values in columns.items()} for j, unit in enumerate(side.units)}
    for unit, target in zip(side.units, targets or [], strict=False):
        units[unit]["target"] = float(target)
    pairs = [(i, j) for j in range(len(side.units)) for i in range(len(side.sources))]
    weights = {
        side.weight(*at): {
            "before": float(side.kernel[at]), "dE/dw": float(side.grads["kernel"][at]),
            "after": float(side.after["kernel"][at]),
        }
        for at in pairs
    }  # fmt: skip
    biases = {
        f"{side.bias} of {unit}": {
            "before": float(side.b[j]), "dE/dw": float(side.grads["bias"][j]), "after": float(side.after["bias"][j])
        }
        for j, unit in enumerate(side.units)
    }  # fmt: skip
    return {"units": units, "weights": weights | biases}
