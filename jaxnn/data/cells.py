"""What the cells of a target column mean: classes or values, or an error that names the cell."""

from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from jaxnn.checks import fail
from jaxnn.data import numerals
from jaxnn.data.places import listed, shown
from jaxnn.data.rawtable import RawTable

if TYPE_CHECKING:
    import polars

_UNKNOWN = ("", "na", "n/a", "#n/a", "<na>", "null", "nan", "?")
"""Cells of a text target that are no class; `none` and `-` may well be one."""

LONGEST_CLASS = 200
"""Characters allowed in the name of a class: an array of text is as wide as its longest entry."""


class Target(NamedTuple):
    """The rows of a table whose target is known."""

    values: np.ndarray
    """(known rows,) of bool, float64 or text."""
    rows: np.ndarray
    """int64 (known rows,): their numbers in the table, from 0."""


def target_values(raw: RawTable, column: str, task: str = "auto") -> Target:
    r"""Return the target column: Booleans, numbers, or text.

    Args:
        raw: the table.
        column: name of the target.
        task: "regression" accepts numbers only; "classification" takes a column of numbers and text as text.

    Returns:
        bool (all cells are true or false), float64 (all are numbers) or text, and the rows that have a value.

    Raises:
        JaxnnError: naming `file:line:column` of a number that is not finite, of a cell that is no number where most
            are, or of a class name of more than 200 characters; or if no row has a value.

    >>> from jaxnn.data.csvfile import parse
    >>> target_values(parse(b"a,ill\n1,True\n2,false\n3,\n", "tiny.csv"), "ill")
    Target(values=array([ True, False]), rows=array([0, 1]))
    """
    texts = numerals.stripped(raw.cells[column])
    small = texts.str.to_lowercase()
    unknown = small.is_in(list(_UNKNOWN)).to_numpy()
    if unknown.all():
        fail(raw.place(0, column), "a target without a value in any row", "a value in most rows")
    words = small.filter(~_series(unknown))
    if words.is_in(["true", "false"]).all() and task != "regression":
        return Target((words == "true").to_numpy(), np.flatnonzero(~unknown))
    found = _numbers(raw, column)
    others = found.odd & ~unknown
    good = ~np.isnan(found.values)
    mostly = np.count_nonzero(good) > np.count_nonzero(others)
    if task == "regression" or not others.any() or (mostly and task == "auto"):
        return _finite(raw, column, found)
    lengths = texts.str.len_chars().to_numpy()
    if lengths.max() > LONGEST_CLASS:
        row = int(lengths.argmax())
        fail(raw.place(row, column), f"a class of {lengths[row]} characters", f"at most {LONGEST_CLASS}")
    known = np.flatnonzero(~unknown)
    return Target(np.array(texts.to_list(), dtype=np.str_)[known], known)


def class_values(raw: RawTable, column: str, classes: tuple[str | int | bool, ...]) -> Target:
    r"""Return the classes that a column names, each one of those that a model knows.

    Args:
        raw: the table.
        column: name of the target.
        classes: all text, all int (1, 1.0 and +1 are one class) or all bool (true and false in any case).

    Returns:
        Values of the type of the classes, and the rows that have one.

    Raises:
        JaxnnError: naming `file:line:column` of the first cell that is none of the classes.

    >>> from jaxnn.data.csvfile import parse
    >>> class_values(parse(b"a,kind\n5,1.0\n6,0\n", "new.csv"), "kind", (0, 1)).values.tolist()
    [1, 0]
    """
    series = numerals.stripped(raw.cells[column])
    texts = series.to_list()
    known = {str(value): value for value in classes}
    missing = _UNKNOWN
    if isinstance(classes[0], bool):
        known = {str(value).lower(): value for value in classes}
        texts = [text.lower() for text in texts]
    elif isinstance(classes[0], int):
        values, missing = _numbers(raw, column).values, numerals.MISSING  # as in the training
        with np.errstate(invalid="ignore"):
            whole = (np.abs(values) < 2.0**53) & (values == np.floor(values))
        texts = [str(int(values[row])) if whole[row] else text for row, text in enumerate(texts)]
    rows = []
    for row, text in enumerate(texts):
        if text in known:
            rows.append(row)
        elif text.lower() not in missing:
            fail(raw.place(row, column), shown(series[row]), f"one of the classes {listed(classes)}")
    if not rows:
        fail(raw.place(0, column), "a target without a value in any row", f"one of the classes {listed(classes)}")
    return Target(np.array([known[texts[row]] for row in rows]), np.array(rows, np.int64))


def number_values(raw: RawTable, column: str) -> Target:
    r"""Return the values of a column of numbers.

    Args:
        raw: the table.
        column: name of the target.

    Returns:
        float64, and the rows that have a value.

    Raises:
        JaxnnError: naming `file:line:column` of the first cell that is no finite number, if it is not empty.

    >>> from jaxnn.data.csvfile import parse
    >>> number_values(parse(b"a;price\n5;1,5\n6;2,5\n", "new.csv"), "price").values.tolist()
    [1.5, 2.5]
    """
    return _finite(raw, column, _numbers(raw, column))


def _numbers(raw: RawTable, column: str) -> numerals.Parsed:
    series = raw.cells[column]
    texts = numerals.stripped(series)
    style, _ = numerals.style_of(texts.filter(~_series(numerals.is_missing(texts))), raw.decimal)
    return numerals.parse(series, style)


def _finite(raw: RawTable, column: str, found: numerals.Parsed) -> Target:
    bad = found.odd | found.infinite
    if bad.any():
        _refuse(raw, int(bad.argmax()), column, bool(found.infinite[bad.argmax()]))
    known = np.flatnonzero(~np.isnan(found.values))
    if not len(known):
        fail(raw.place(0, column), "a target without a value in any row", "a number in most rows")
    return Target(found.values[known], known)


def _refuse(raw: RawTable, row: int, column: str, infinite: bool) -> NoReturn:
    """Say what is wrong with a cell that should hold a number, and what to do about it."""
    text = raw.cells[column][row]
    if infinite:
        fail(raw.place(row, column), shown(text), "a finite number, at most 1.79e308 in size")
    do = "Write it in plain digits, such as 1000 or -1.5e3, or leave the cell empty"
    fail(raw.place(row, column), shown(text), "a number", do)


def _series(mask: np.ndarray) -> "polars.Series":
    import polars

    return polars.Series(mask)
