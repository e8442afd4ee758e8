"""What the text in a cell means: a number, a Boolean, a class, or an error that names the cell."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from jaxnn.checks import fail
from jaxnn.data.csvfile import RawTable
from jaxnn.data.places import listed, shown

if TYPE_CHECKING:
    import polars

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""A decimal number in any locale: no 1_000, no 0x10, no nan, no thousands separators."""

_MISSING = ("", "na", "n/a", "#n/a", "null", "none", "nan", "-nan", "?", "-", ".")
_INFINITE = ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")

LONGEST_CLASS = 200
"""Characters allowed in the name of a class: an array of text is as wide as its longest entry."""


def numbers(raw: RawTable, columns: Sequence[str], role: str = "feature") -> np.ndarray:
    r"""Return columns of a raw table as numbers.

    Args:
        raw: the table.
        columns: names of columns in it.
        role: "feature" or "target", for the advice in messages.

    Returns:
        float64 (rows, columns), finite.

    Raises:
        JaxnnError: naming `file:line:column` of the first cell that is no finite decimal number.

    >>> from jaxnn.data.csvfile import parse
    >>> numbers(parse(b"a,b\n 1 ,2e3\n-.5,4.\n", "tiny.csv"), ["a", "b"]).tolist()
    [[1.0, 2000.0], [-0.5, 4.0]]
    """
    import polars

    # The whole frame at once: column by column, 10,000 columns take ten times as long.
    texts = polars.DataFrame([raw.cells[name] for name in columns]).select(polars.all().str.strip_chars(" \t"))
    values = texts.cast(polars.Float64, strict=False).to_numpy(order="c", writable=True)
    written = np.array(texts.select(polars.all().str.contains(_NUMBER).all()).row(0))
    doubtful = np.flatnonzero(~(written & np.isfinite(values).all(axis=0)))
    if len(doubtful):
        bad = {name: _bad_row(raw, name) for name in (columns[position] for position in doubtful.tolist())}
        name = min(bad, key=lambda name: bad[name])  # the first of the file; of a row, the leftmost
        _refuse(raw, bad[name], name, role)
    return values


def _bad_row(raw: RawTable, column: str) -> int:
    values, good = _decimal(_stripped(raw, column))
    return int((~(good & np.isfinite(values))).argmax())


def target_values(raw: RawTable, column: str, task: str = "auto") -> np.ndarray:
    r"""Return the target column: Booleans, numbers, or text.

    Args:
        raw: the table.
        column: name of the target.
        task: "regression" accepts numbers only; "classification" takes a column of numbers and text as text.

    Returns:
        (rows,) of bool (all cells are true or false), float64 (all are numbers) or text.

    Raises:
        JaxnnError: naming `file:line:column` of an empty cell, of a missing value among numbers, of a number that is
            not finite, of a cell that is no number where most are, or of a class name of more than 200 characters.

    >>> from jaxnn.data.csvfile import parse
    >>> target_values(parse(b"a,ill\n1,True\n2,false\n", "tiny.csv"), "ill").tolist()
    [True, False]
    """
    series = _stripped(raw, column)
    small = series.str.to_lowercase()
    if small.is_in(["true", "false"]).all() and task != "regression":
        return (small == "true").to_numpy()
    values, good = _decimal(series)
    empty = (series == "").to_numpy()
    if empty.any():
        _refuse(raw, int(empty.argmax()), column, "target")
    words = small.is_in([*_MISSING, *_INFINITE]).to_numpy()
    others = ~good & ~words
    mostly = np.count_nonzero(good) > np.count_nonzero(others)
    if task == "regression" or not others.any() or (mostly and task == "auto"):
        return _finite_target(raw, column, values, good)
    lengths = series.str.len_chars().to_numpy()
    if lengths.max() > LONGEST_CLASS:
        row = int(lengths.argmax())
        fail(raw.place(row, column), f"a class of {lengths[row]} characters", f"at most {LONGEST_CLASS}")
    return np.array(series.to_list(), dtype=np.str_)


def class_values(raw: RawTable, column: str, classes: tuple[str | int | bool, ...]) -> np.ndarray:
    r"""Return the classes that a column names, each one of those that a model knows.

    Args:
        raw: the table.
        column: name of the target.
        classes: all text, all int (1, 1.0 and +1 are one class) or all bool (true and false in any case).

    Returns:
        (rows,) of the type of the classes.

    Raises:
        JaxnnError: naming `file:line:column` of the first cell that is none of the classes.

    >>> from jaxnn.data.csvfile import parse
    >>> class_values(parse(b"a,kind\n5,1.0\n6,0\n", "new.csv"), "kind", (0, 1)).tolist()
    [1, 0]
    """
    series = _stripped(raw, column)
    texts = series.to_list()
    known = {str(value): value for value in classes}
    if isinstance(classes[0], bool):
        known = {str(value).lower(): value for value in classes}
        texts = [text.lower() for text in texts]
    elif isinstance(classes[0], int):
        values, good = _decimal(series)
        whole = good & (np.abs(values) < 2.0**53) & (values == np.floor(values))
        texts = [str(int(values[row])) if whole[row] else text for row, text in enumerate(texts)]
    for row, text in enumerate(texts):
        if text not in known:
            given = shown(series[row]) if text else "an empty cell"
            fail(raw.place(row, column), given, f"one of the classes {listed(classes)}")
    return np.array([known[text] for text in texts])


def _finite_target(raw: RawTable, column: str, values: np.ndarray, good: np.ndarray) -> np.ndarray:
    bad = ~(good & np.isfinite(values))
    if bad.any():
        _refuse(raw, int(bad.argmax()), column, "target")
    return values


def _stripped(raw: RawTable, column: str) -> "polars.Series":
    return raw.cells[column].str.strip_chars(" \t")


def _decimal(series: "polars.Series") -> tuple[np.ndarray, np.ndarray]:
    """The numbers (0 where there is none) and where the text is a decimal number."""
    import polars

    good = series.str.contains(_NUMBER).to_numpy()
    return series.cast(polars.Float64, strict=False).fill_null(0.0).to_numpy(), good


def _refuse(raw: RawTable, row: int, column: str, role: str) -> NoReturn:
    """Say what is wrong with a cell that should hold a number, and what to do about it."""
    series = _stripped(raw, column)
    text = series[row]
    small = text.lower()
    where = raw.place(row, column)
    if small in _MISSING:
        count = int(series.str.to_lowercase().is_in(list(_MISSING)).sum())
        given = "an empty cell" if text == "" else f"{shown(text)}, a missing value"
        cells = "1 cell" if count == 1 else f"{count} cells"
        do = f"Fill in the missing values or remove their rows ({cells} of {shown(column)})"
        fail(where, given, "a value" if role == "target" else "a number", do)
    good = _decimal(series)[1]
    if small in _INFINITE or good[row]:
        fail(where, shown(text), "a finite number, at most 1.79e308 in size")
    if role == "feature" and 2 * np.count_nonzero(good) < len(series):
        do = f"Only numeric features are supported for now: drop the column {shown(column)}"
    else:
        do = "Write it in plain digits, such as 1000 or -1.5e3, or remove the row"
    fail(where, shown(text), "a number", do)
