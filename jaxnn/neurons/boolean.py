"""Any Boolean function as a network of threshold units: gates, truth tables, sums of products, XOR.

A product of literals such as x1 x2' x4 is a row of numbers (1, -1, 0, 1): 1 the input, -1 its negation, 0 neither. One
unit tests it: of its literals so many hold as its weighted sum says.

    0/1 inputs: sum = sum_i l_i x_i            true literals = sum + negated ones
    -1/+1:      sum = sum_i l_i x_i            true literals = (sum + all literals) / 2
"""

import re
from typing import Any

import numpy as np

from jaxnn.activations import Sign, Step, identity, relu
from jaxnn.checks import fail, one_of, whole_number
from jaxnn.layers import Chain, Dense, Parallel
from jaxnn.neurons.construction import Construction, layered, weights

CODINGS = {"0/1": Step(), "-1/+1": Sign()}
"""How false and true are written, and the unit that answers so."""


def truth_rows(inputs: int, coding: str = "0/1") -> np.ndarray:
    """Return all combinations of Boolean inputs, in the order of the binary numbers that they are; x1 is the first bit.

    Args:
        inputs: how many, from 1 to 20.
        coding: "0/1" or "-1/+1".

    Returns:
        float32 `(2^inputs, inputs)`.

    >>> truth_rows(2).tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    whole_number("inputs", inputs, 1, 20)
    one_of("coding", coding, CODINGS)
    rows = np.arange(2**inputs)[:, None] >> np.arange(inputs)[::-1] & 1
    return (rows if coding == "0/1" else 2 * rows - 1).astype(np.float32)


def truth_table(inputs: Any, outputs: Any) -> np.ndarray:
    """Return the outputs of a truth table in the order of `truth_rows`, having checked that every row is there once.

    Args:
        inputs: `(2^n, n)` in any order of rows, of 0 and 1 or of -1 and +1.
        outputs: `(2^n,)`, of 0 and 1 or of -1 and +1.

    Returns:
        Boolean `(2^n,)`.

    Raises:
        JaxnnError: if a row is missing or repeated, or a label is another, with the row (counted from 0).

    >>> truth_table([[1, 1], [0, 1], [0, 0], [1, 0]], [0, 1, 0, 1]).tolist()
    [False, True, True, False]
    """
    rows, labels = _bits("inputs", inputs), _bits("outputs", outputs)
    if rows.ndim != 2 or labels.shape != rows.shape[:1] or not 1 <= rows.shape[1] <= 20:
        fail("truth table", f"inputs {rows.shape} and outputs {labels.shape}", "(2^n, n) and (2^n,), n from 1 to 20")
    numbers = rows @ 2 ** np.arange(rows.shape[1])[::-1]
    seen: dict[int, int] = {}
    for row, number in enumerate(numbers.tolist()):
        if number in seen:
            given = f"the inputs {_word(rows[row])} of row {seen[number]} again"
            fail(f"truth table, row {row}", given, "every combination of inputs once")
        seen[number] = row
    missing = sorted(set(range(2 ** rows.shape[1])) - set(seen))
    if missing:
        first = _word(missing[0] >> np.arange(rows.shape[1])[::-1] & 1)
        given = f"{len(rows)} rows, without the inputs {first}"
        fail("truth table", given, f"all {2 ** rows.shape[1]} combinations of {rows.shape[1]} inputs")
    return labels[np.argsort(numbers)]


def _word(bits: Any) -> str:
    return "".join("1" if bit else "0" for bit in bits)


def _bits(where: str, values: Any) -> np.ndarray:
    """Labels of either coding as Booleans."""
    given = np.asarray(values)
    for coding in ((0, 1), (-1, 1)):
        if np.isin(given, coding).all():
            return given == 1
    wrong = np.argwhere(~np.isin(given, (0, 1) if np.isin(given, 0).any() else (-1, 1)))[0]
    row = f", row {wrong[0]}" if len(wrong) else ""
    fail(f"{where}{row}", f"{given[tuple(wrong)]}", "0 or 1 in all rows, or -1 or +1 in all rows")


def table_inputs(table: Any) -> tuple[np.ndarray, int]:
    """Return the outputs of a truth table as Booleans, and how many inputs it has.

    Args:
        table: 2^n outputs in the order of `truth_rows`, of 0 and 1 or of -1 and +1.

    Returns:
        Boolean `(2^n,)`, and n.

    Raises:
        JaxnnError: if rows are missing or too many, or a label is another.

    >>> table_inputs([0, 1, 1, 0])[1]
    2
    """
    outputs = _bits("table", table)
    inputs = max(outputs.size - 1, 1).bit_length()
    if outputs.ndim != 1 or outputs.size != 2**inputs:
        given = f"{outputs.size} rows" if outputs.ndim == 1 else f"the shape {outputs.shape}"
        do = "truth_table(inputs, outputs) says which row is missing"
        fail("table", given, f"one output for each of the 2^n rows: {2**inputs} for {inputs} inputs", do)
    return outputs, inputs


def minterms(table: Any) -> np.ndarray:
    """Return the rows of a truth table that are true, each as the product of all inputs, negated where it has a 0.

    Args:
        table: 2^n outputs in the order of `truth_rows`, of 0 and 1 or of -1 and +1.

    Returns:
        `(true rows, n)` of 1 and -1.

    Raises:
        JaxnnError: as `table_inputs`.

    >>> minterms([0, 1, 1, 0]).tolist()
    [[-1, 1], [1, -1]]
    """
    outputs, inputs = table_inputs(table)
    return truth_rows(inputs, "-1/+1")[outputs].astype(int)


def parse_terms(text: str) -> np.ndarray:
    """Read a sum of products as people write it: X1'X2X3 + X1X3', where ' negates.

    Args:
        text: products joined by +, of X1, X2 ... in any case.

    Returns:
        `(terms, inputs)` of 1, -1 and 0 for an input that a product does not have.

    Raises:
        JaxnnError: naming the product that is none, or has an input twice.

    >>> parse_terms("X1'X3 + X2").tolist()
    [[-1, 0, 1], [0, 1, 0]]
    """
    found: list[dict[int, int]] = []
    for k, word in enumerate(text.split("+")):
        if not re.fullmatch(r"\s*([Xx][1-9]\d*'?\s*)+", word):
            fail(f"term {k}", f"{word.strip()!r}", "a product such as X1'X2")
        pairs = [(int(x), -1 if mark else 1) for x, mark in re.findall(r"(\d+)('?)", word)]
        if len(dict(pairs)) < len(pairs):
            fail(f"term {k}", f"{word.strip()!r}", "every input at most once")
        found.append(dict(pairs))
    terms = np.zeros((len(found), max(max(term) for term in found)), int)
    for k, term in enumerate(found):
        terms[k, [x - 1 for x in term]] = list(term.values())
    return terms


def terms_table(terms: Any) -> np.ndarray:
    """Return the truth table of a sum of products.

    Args:
        terms: `(terms, inputs)` of 1, -1 and 0.

    Returns:
        Boolean `(2^inputs,)` in the order of `truth_rows`.

    >>> terms_table([[1, -1], [-1, 1]]).tolist()
    [False, True, True, False]
    """
    literals = _literals("terms", terms)
    rows = truth_rows(literals.shape[1], "-1/+1")
    agree = rows @ literals.T.astype(rows.dtype)  # (rows, terms): true literals less false ones
    return (agree == np.abs(literals).sum(axis=1)).any(axis=1)


def _literals(where: str, literals: Any) -> np.ndarray:
    given = np.asarray(literals)
    if given.ndim != 2 or given.shape[1] < 1 or not np.isin(given, (-1, 0, 1)).all():
        fail(where, f"{given.tolist()}"[:60], "1, -1 or 0 for each input: itself, negated, absent")
    return given.astype(int)


def _unit(literals: np.ndarray, needed: np.ndarray | int, coding: str) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias of units that fire if so many of their literals are true, with room of 1/2 on both sides."""
    if coding == "0/1":
        bias = (literals < 0).sum(axis=1) - needed + 0.5
    else:
        bias = np.abs(literals).sum(axis=1) - 2 * needed + 1
    return literals.T, bias  # (units, in) -> (in, units)


def _gate(where: str, literals: Any, coding: str, all_of_them: bool) -> Construction:
    one_of("coding", coding, CODINGS)
    row = _literals(where, [literals])
    kernel, bias = _unit(row, np.abs(row).sum(axis=1) if all_of_them else 1, coding)
    # the textbook's unit reaches its threshold exactly: theta = N for AND, 1 for OR
    return layered([(kernel, bias - 0.5 if coding == "0/1" else bias)], CODINGS[coding])


def and_gate(literals: Any, coding: str = "0/1") -> Construction:
    """Return one unit that fires if all its literals are true.

    0/1: sum of the literals >= N, so bias = -N + (negated ones). -1/+1: bias = -(N - 1).

    Args:
        literals: for each input 1 (itself), -1 (negated) or 0 (left out).
        coding: of inputs and output, "0/1" or "-1/+1".

    Returns:
        The network, `Chain(Dense(1), Step())` or with `Sign()`.

    Raises:
        JaxnnError: if a literal or the coding is another.

    >>> and_gate([1, -1])([[1, 0], [1, 1]]).tolist()
    [[1.0], [0.0]]
    """
    return _gate("and_gate", literals, coding, all_of_them=True)


def or_gate(literals: Any, coding: str = "0/1") -> Construction:
    """Return one unit that fires if one of its literals or more are true.

    0/1: sum of the literals >= 1, so bias = -1 + (negated ones). -1/+1: bias = N - 1.

    Args:
        literals: for each input 1 (itself), -1 (negated) or 0 (left out).
        coding: of inputs and output, "0/1" or "-1/+1".

    Returns:
        The network, `Chain(Dense(1), Step())` or with `Sign()`.

    Raises:
        JaxnnError: if a literal or the coding is another.

    >>> or_gate([1, -1])([[1, 0], [0, 1]]).tolist()
    [[1.0], [0.0]]
    """
    return _gate("or_gate", literals, coding, all_of_them=False)


def terms_network(terms: Any, coding: str = "0/1") -> Construction:
    """Return a sum of products as a network: one hidden AND unit for each product, and an OR of them.

    Args:
        terms: `(terms, inputs)` of 1, -1 and 0; no terms are the constant false, one output unit that never fires.
        coding: of inputs and output, "0/1" or "-1/+1".

    Returns:
        The network, with as many hidden units as terms.

    Raises:
        JaxnnError: if the terms or the coding are none.

    >>> terms_network(parse_terms("X1'X2 + X1X2'"))(truth_rows(2))[:, 0].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    one_of("coding", coding, CODINGS)
    literals = _literals("terms", terms)
    if not len(literals):
        never = _unit(np.zeros((1, literals.shape[1]), int), 1, coding)  # one literal true of none
        return layered([never], CODINGS[coding])
    hidden = _unit(literals, np.abs(literals).sum(axis=1), coding)
    return layered([hidden, _unit(np.ones((1, len(literals)), int), 1, coding)], CODINGS[coding])


def dnf_network(table: Any, coding: str = "0/1") -> Construction:
    """Return any Boolean function as a network: one hidden AND unit for each true row of its truth table, and an OR.

    One hidden layer can do every Boolean function, but it may take 2^n units.
    `terms_network(minimal_terms(table))` takes as few as a sum of products can.

    Args:
        table: 2^n outputs in the order of `truth_rows`, of 0 and 1 or of -1 and +1; see `truth_table`.
        coding: of the network's inputs and output, "0/1" or "-1/+1".

    Returns:
        The network.

    Raises:
        JaxnnError: if rows are missing, a label is another, or the coding is.

    >>> dnf_network([0, 0, 0, 1]).params["dense_0"]["bias"].tolist()
    [-1.5]
    """
    return terms_network(minterms(table), coding)


def xor_network(form: str = "gates", coding: str = "0/1") -> Construction:
    """Return the XOR of two inputs, which no single unit can do, in one of three forms.

    gates: OR(AND(x1', x2), AND(x1, x2')), 9 parameters. skip: one hidden AND unit h and connections past it,
    x1 + x2 - 2 h >= 1/2, 7 parameters. relu: relu(x1 + x2) - 2 relu(x1 + x2 - 1), 8 parameters.

    Args:
        form: "gates", "skip" or "relu".
        coding: "0/1", or "-1/+1" for the gates.

    Returns:
        The network.

    Raises:
        JaxnnError: if form or coding are another.

    >>> xor_network("relu")(truth_rows(2))[:, 0].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    one_of("form", form, ["gates", "skip", "relu"])
    one_of("coding", coding, CODINGS)
    if form == "gates":
        return dnf_network([0, 1, 1, 0], coding)
    if coding != "0/1":
        fail("coding", f"{coding!r} with form {form!r}", "0/1", 'Only form "gates" has the other coding')
    if form == "relu":
        net = Chain(Dense(2), relu, Dense(1, use_bias=False))
        return Construction(net, {"dense_0": weights([[1, 1], [1, 1]], [0, -1]), "dense_1": weights([[1], [-2]])}, {})
    net = Chain(Parallel(("hidden", Chain(Dense(1), Step())), ("inputs", identity)), Dense(1), Step())
    hidden = {"hidden": {"dense_0": weights([[1], [1]], [-1.5])}}
    return Construction(net, {"parallel_0": hidden, "dense_0": weights([[-2], [1], [1]], [-0.5])}, {})
